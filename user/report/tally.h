/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tally - how many of each build, in a table that strangers cannot make grow
 *
 * A zeroed struct is empty. Beyond TALLY_MAX different builds the rest is counted together.
 */
#ifndef BUILDGATE_TALLY_H
#define BUILDGATE_TALLY_H

#include <stdint.h>

#include "user/store/store_history.h"

#define TALLY_SLOTS 2048 /* a power of two */
#define TALLY_MAX   1024

struct tally_builds {
	struct {
		uint64_t build, count;
	} slots[TALLY_SLOTS];
	unsigned int used;
	uint64_t others;
};

/* tally_add - build must not be 0 */
void tally_add(struct tally_builds *tally, uint64_t build, uint64_t count);

/* tally_top - at most max points without a moment: the greatest counts, greatest first, and under
 * key 0 all that have no place, if there are any; returns how many */
unsigned int tally_top(const struct tally_builds *tally, struct history_point *ret,
		       unsigned int max);

#endif
