/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trail - what the clock did to one source, as entries of the audit trail
 *
 * Every change of a stage is an entry, with the minutes that are enforced on the source from then
 * on; a change of those minutes alone is one too ("verdict"): evidence that grew old, a neighbour,
 * the end of a pause.
 *
 * Owns the changes noted so far. Call order, for each source: trail_begin() with the source as it
 * was loaded, the clock with trail_note() as its callback, trail_write() in the batch that saves
 * the source. trail_free() at the end.
 */
#ifndef BUILDGATE_TRAIL_H
#define BUILDGATE_TRAIL_H

#include "user/base/error.h"
#include "user/escalation/escalation.h"
#include "user/store/store.h"

struct trail_change {
	int64_t at;
	enum change_kind kind;
	uint32_t from, to;
	uint64_t build;
	char name[NAME_BYTES];
	char why[WHY_BYTES];
};

struct trail {
	uint32_t throttle_min, block_min; /* enforced before */
	struct trail_change *changes;
	unsigned int count, room;
	bool lost; /* no memory for one */
};

/* trail_begin - what was enforced until now; the source before is forgotten */
void trail_begin(struct trail *trail, const struct escalation *clock, const struct source *source);

/* trail_note - one change of a stage */
void trail_note(struct trail *trail, const struct change *change);

/* trail_write - 0, or why an entry could not be written */
int trail_write(struct trail *trail, const struct escalation *clock, const struct source *source,
		struct store *store, struct error *e);

void trail_free(struct trail *trail);

#endif
