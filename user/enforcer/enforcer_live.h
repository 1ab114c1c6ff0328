/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enforcer_live - what the verdicts map held when it was read, found by address
 *
 * Zeroed, then live_read() until it returns 0: a part of the map per call, so that a caller may do
 * something else in between; then live_find(). Whoever wants an entry marks it as met, and what
 * nobody met belongs to nobody. keys and values are room for LIVE_BATCH entries on their way out
 * of the map, and free for the caller once all is read.
 */
#ifndef BUILDGATE_ENFORCER_LIVE_H
#define BUILDGATE_ENFORCER_LIVE_H

#include "enforcer_private.h"

#define LIVE_BATCH 4096 /* entries per system call; far above a bucket of the map */

/* An entry that the map held. */
struct live_entry {
	struct addr addr;
	struct verdict verdict;
	bool met; /* somebody wants it */
};

struct live {
	struct live_entry *at;
	size_t count, room;
	uint32_t slow; /* entries with minutes to be slowed in */
	struct addr *keys;
	struct verdict *values;
	uint32_t *slots; /* of an index: that of an entry + 1 */
	uint32_t mask, token;
	size_t indexed; /* entries that can be found */
	bool begun, whole;
};

/* live_read - 1: there is more; 0: all of it is read and found */
int live_read(struct live *live, int verdicts_fd, struct error *e);

/* live_find - NULL: the map did not hold it */
struct live_entry *live_find(const struct live *live, const struct addr *addr);

void live_free(struct live *live);

#endif
