// SPDX-License-Identifier: BSD-2-Clause
/*
 * The maps compared with the store, a part per call: what the map holds is read, then each source
 * of the store is looked for in it, then the operator's, and what nobody met is looked at last.
 *
 * Between two calls verdicts are published as ever, so what was read may be old by then. Nothing
 * is done by it alone: where it differs, enforcer_publish() compares the present ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer_live.h"

#define PART_READS   4    /* batches of the map */
#define PART_SOURCES 8192 /* of the store */
#define PART_RESTS   1024 /* entries that nobody met: a look at the store for each */

/* One comparison, and where it stands. */
struct repair {
	int (*step)(struct enforcer *enforcer, struct repair *repair, int64_t now, struct error *e);
	struct live live;
	uint64_t written; /* what we had done to the map when it began */
	bool counted;     /* our count of entries is what the map held, not what we did to it */
	struct addr after;
	size_t rest;
	int full; /* something has no place: why, and the sentence */
	struct error why;
};

/* A part of the store's sources. */
struct part {
	struct enforcer *enforcer;
	struct repair *repair;
	int64_t now;
	struct error *e;
};

static uint64_t written(const struct enforcer *enforcer)
{
	return enforcer->stats.published + enforcer->stats.removed;
}

/* publish - one source; what others did to the map is in our count only where that is the map's */
static int publish(struct enforcer *enforcer, const struct repair *repair, const struct addr *addr,
		   int64_t now, struct error *e)
{
	volatile struct settings *settings = enforcer->options.settings;
	uint32_t tarpits = settings ? settings->tarpits : 0;
	uint64_t entries = enforcer->stats.entries;
	int r = enforcer_publish(enforcer, addr, now, e);

	if (repair->counted)
		return r;
	enforcer->stats.entries = entries;
	if (settings)
		settings->tarpits = tarpits;
	return r;
}

/* mend - one source, as it is now. What has no place in a full map is missing every time, and no
 * drift */
static int mend(struct enforcer *enforcer, struct repair *repair, const struct addr *addr,
		int64_t now, struct error *e)
{
	int r = publish(enforcer, repair, addr, now, e);

	if (r == -E2BIG || r == -ENOSPC) {
		repair->full = r;
		repair->why = *e;
		return 0;
	}
	enforcer->stats.drift += r > 0;
	return r < 0 ? r : 0;
}

/* step_rest - what the store does not know, unless it has come to know it */
static int step_rest(struct enforcer *enforcer, struct repair *repair, int64_t now, struct error *e)
{
	struct live *live = &repair->live;
	unsigned int looked = 0;
	int r = 0;

	for (; r >= 0 && repair->rest < live->count && looked < PART_RESTS; repair->rest++) {
		if (live->at[repair->rest].met)
			continue;
		r = mend(enforcer, repair, &live->at[repair->rest].addr, now, e);
		looked++;
	}
	if (r >= 0 && repair->rest == live->count)
		repair->step = NULL;
	return r;
}

/* step_sets - sources that the operator spoke of; their clock may not run */
static int step_sets(struct enforcer *enforcer, struct repair *repair, int64_t now, struct error *e)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];
		struct live_entry *entry;

		if (d->kind != DECISION_SET || !enforcer_exact(enforcer, d))
			continue;
		entry = live_find(&repair->live, &d->addr);
		if (entry)
			entry->met = true;
		r = mend(enforcer, repair, &d->addr, now, e);
	}
	repair->step = step_rest;
	return r;
}

/* compare - a source of the store, with what was read */
static int compare(void *arg, const struct source *source)
{
	struct part *part = arg;
	struct live_entry *entry;
	struct verdict verdict;

	if (!enforcer_want(part->enforcer, source, part->now, &verdict))
		return 0;
	entry = live_find(&part->repair->live, &source->addr);
	if (entry) {
		entry->met = true;
		enforcer_keep_live(&entry->verdict, &verdict);
		if (!memcmp(&entry->verdict, &verdict, sizeof(verdict)))
			return 0;
	}
	return mend(part->enforcer, part->repair, &source->addr, part->now, part->e);
}

/* step_sources - those whose clock runs */
static int step_sources(struct enforcer *enforcer, struct repair *repair, int64_t now,
			struct error *e)
{
	static const struct store_filter filter = { .clocked = true };
	struct part part = { enforcer, repair, now, e };
	int r = store_source_page(enforcer->options.store, &filter, &repair->after, PART_SOURCES,
				  compare, &part, e);

	if (!r)
		repair->step = step_sets;
	return r;
}

/* recount - our count of entries is the map's own, if we did not change it meanwhile */
static void recount(struct enforcer *enforcer, struct repair *repair)
{
	if (written(enforcer) != repair->written)
		return;
	repair->counted = true;
	enforcer->stats.entries = repair->live.count;
	if (enforcer->options.settings)
		enforcer->options.settings->tarpits = repair->live.slow;
}

/* step_read - the map, without which there is only the texts' use to be found */
static int step_read(struct enforcer *enforcer, struct repair *repair, int64_t now, struct error *e)
{
	bool was_whole = repair->live.whole;
	int r = enforcer->options.verdicts_fd >= 0;

	(void)now;
	for (int i = 0; r > 0 && i < PART_READS; i++)
		r = live_read(&repair->live, enforcer->options.verdicts_fd, e);
	if (!was_whole && repair->live.whole)
		recount(enforcer, repair);
	if (!r)
		repair->step = step_sources;
	return r;
}

/* step_ranges - small enough for one part */
static int step_ranges(struct enforcer *enforcer, struct repair *repair, int64_t now,
		       struct error *e)
{
	int r;

	replies_mark(enforcer->options.replies);
	enforcer->repairing = true;
	r = enforcer_write_ranges(enforcer, now, e);
	enforcer->repairing = false;
	if (r == -EXFULL) {
		repair->full = r;
		repair->why = *e;
		r = 0;
	}
	repair->written = written(enforcer);
	repair->step = step_read;
	return r;
}

/* enforcer_repair - see enforcer.h */
int enforcer_repair(struct enforcer *enforcer, int64_t now, struct error *e)
{
	struct repair *repair = enforcer->repair;
	int r;

	if (!repair) {
		repair = enforcer->repair = calloc(1, sizeof(*repair));
		if (!repair)
			return error_set(e, -ENOMEM, "enforcer: out of memory");
		repair->step = step_ranges;
	}
	r = repair->step(enforcer, repair, now, e);
	if (r >= 0 && repair->step)
		return 1;
	if (r >= 0) {
		replies_sweep(enforcer->options.replies);
		r = repair->full;
		if (r)
			*e = repair->why;
	}
	enforcer_repair_end(enforcer);
	return r;
}

/* enforcer_repair_end - see enforcer_private.h */
void enforcer_repair_end(struct enforcer *enforcer)
{
	if (!enforcer->repair)
		return;
	live_free(&enforcer->repair->live);
	free(enforcer->repair);
	enforcer->repair = NULL;
}
