/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escalation_clock - the parts of one record's clock, for the files of escalation only
 *
 * escalation.c moves one record; escalation_observe.c decides what a connection means for it;
 * escalation_source.c keeps and folds the records of a source; escalation_why.c words it.
 */
#ifndef BUILDGATE_ESCALATION_CLOCK_H
#define BUILDGATE_ESCALATION_CLOCK_H

#include "escalation.h"

/* clock_advance_to - bring one record up to e->now: archive, start, stages, next due */
void clock_advance_to(const struct escalation *e, struct source *source, struct identity *id);

/* source_advance - all records of the source */
void source_advance(const struct escalation *e, struct source *source);

/* clock_judge - what a judgement of its build means for the record; `at`: the day judged by */
void clock_judge(const struct escalation *e, struct identity *id, const struct judgement *j,
		 bool decisive, int64_t at);

/* clock_stop - fine build, or none that acts: stage 0, elapsed time kept */
void clock_stop(const struct escalation *e, struct identity *id, const char *rule);

/* clock_inherit - a new name takes the oldest clock of its source over */
void clock_inherit(const struct escalation *e, struct identity *id, const struct identity *from);

/* clock_catch_up - a start whose moment lies before `at` and was missed */
void clock_catch_up(const struct escalation *e, struct identity *id, int64_t at);

/* run_add - a sighting that may become a start, before last_acting moves to it; run_cut -
 * forget those up to a fine build; run_clear - all of them */
void run_clear(struct identity *id);
void run_add(struct identity *id, int64_t at, int64_t now);
void run_cut(struct identity *id, int64_t fine);

/* day_add - count the UTC day of an acting sighting */
void day_add(struct identity *id, int64_t at);

/* why_change - fill change->why */
void why_change(const struct escalation *e, struct change *change, const char *rule);

/* source_make - the record of a name, made if need be and possible; NULL with *ret_full: the
 * source has too many names already, else out of memory */
struct identity *source_make(struct source *source, const char *name, int64_t now, bool *ret_full);

#endif
