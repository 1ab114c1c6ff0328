// SPDX-License-Identifier: BSD-2-Clause
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tally.h"
#include "user/base/times.h"

#define HOUR_S    3600
#define PART_ROWS 1000 /* sources */
#define PARTS_MAX 20   /* per tick: some 10 ms */

struct history {
	struct store *store;
	/* counters: what they said when they were read last */
	bool counted_known;
	uint64_t counted[HISTORY_MET_MAX];
	/* the walk over all records that is under way */
	struct addr at;
	int64_t since;
	struct tally_builds builds;
	/* what stands in the store for the day */
	int64_t day;
	unsigned int points_count;
	struct history_point points[HISTORY_BUILDS_MAX];
};

/* history_new - nothing is read yet */
int history_new(struct store *store, struct history **ret_history, struct error *e)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return error_set(e, -ENOMEM, "out of memory");
	history->store = store;
	*ret_history = history;
	return 0;
}

void history_free(struct history *history)
{
	free(history);
}

/* read_met - connection attempts by what became of them. What passes XDP is counted again at TC
 * ingress, what ends there is not */
static void read_met(const struct counters *counters, uint64_t ret[HISTORY_MET_MAX])
{
	const uint64_t *xdp = (const uint64_t *)counters[HOOK_XDP].count;
	const uint64_t *tc = (const uint64_t *)counters[HOOK_INGRESS].count;

	ret[HISTORY_SLOWED] = tc[REASON_TARPITTED];
	ret[HISTORY_NOTED] = tc[REASON_REPORT_ONLY];
	ret[HISTORY_REFUSED] = xdp[REASON_SILENT] + tc[REASON_SILENT] + tc[REASON_ANSWERED_SYN] +
			       xdp[REASON_ANSWER_RATE] + tc[REASON_ANSWER_RATE];
}

/* take_counted - one of the numbers of the last look */
static int take_counted(void *arg, const struct history_point *point)
{
	struct history *history = arg;

	if (point->key < HISTORY_MET_MAX)
		history->counted[point->key] = point->count;
	history->counted_known = true;
	return 0;
}

/* keep_met - the differences to this hour and day, and what they are counted from next time */
static int keep_met(struct history *history, const uint64_t met[HISTORY_MET_MAX], int64_t now,
		    struct error *e)
{
	struct history_point all[HISTORY_MET_MAX - 1];
	int r = 0;

	for (unsigned int i = 1; r >= 0 && i < HISTORY_MET_MAX; i++) {
		uint64_t was = history->counted[i];
		/* less than before: the gate was loaded anew */
		struct history_point point = { now - now % HOUR_S, i,
					       met[i] < was ? met[i] : met[i] - was };

		all[i - 1] = (struct history_point) { 0, i, met[i] };
		if (!history->counted_known || !point.count)
			continue;
		r = store_history_add(history->store, HISTORY_HOURS, &point, e);
		point.at = times_day(now) * DAY_S;
		if (r >= 0)
			r = store_history_add(history->store, HISTORY_DAYS, &point, e);
	}
	if (r >= 0)
		r = store_history_replace(history->store, HISTORY_COUNTED, 0, all,
					  HISTORY_MET_MAX - 1, e);
	return r;
}

/* count_met - all of a look or nothing: what is not kept now is in the next difference */
static int count_met(struct history *history, const struct counters *counters, int64_t now,
		     struct error *e)
{
	uint64_t met[HISTORY_MET_MAX] = { 0 };
	int r;

	if (!history->counted_known) {
		r = store_history_each(history->store, HISTORY_COUNTED, 0, take_counted, history,
				       e);
		if (r < 0)
			return r;
	}
	read_met(counters, met);
	if (history->counted_known && !memcmp(met, history->counted, sizeof(met)))
		return 0;
	r = store_begin(history->store, e);
	if (r < 0)
		return r;
	r = store_finish(history->store, keep_met(history, met, now, e), e);
	if (r < 0)
		return r;
	memcpy(history->counted, met, sizeof(met));
	history->counted_known = true;
	return 0;
}

/* add_build - one record's */
static void add_build(void *arg, uint64_t build)
{
	tally_add(arg, build, 1);
}

/* keep_builds - the walk is over: the day's count is this, unless it was */
static int keep_builds(struct history *history, int64_t now, int64_t retention_days,
		       struct error *e)
{
	struct history_point points[HISTORY_BUILDS_MAX];
	unsigned int count = tally_top(&history->builds, points, HISTORY_BUILDS_MAX);
	int64_t day = times_day(now) * DAY_S, oldest = day - retention_days * DAY_S;
	int r = 0;

	if (day == history->day && count == history->points_count &&
	    !memcmp(points, history->points, count * sizeof(points[0])))
		return 0;
	r = store_begin(history->store, e);
	if (r < 0)
		return r;
	r = store_history_replace(history->store, HISTORY_BUILDS, day, points, count, e);
	if (r >= 0 && day != history->day)
		r = store_history_prune(history->store, HISTORY_BUILDS, oldest, e);
	if (r >= 0 && day != history->day)
		r = store_history_prune(history->store, HISTORY_DAYS, oldest, e);
	if (r >= 0 && day != history->day)
		r = store_history_prune(history->store, HISTORY_HOURS,
					day - HISTORY_HOURS_DAYS * DAY_S, e);
	r = store_finish(history->store, r, e);
	if (r < 0)
		return r;
	history->day = day;
	history->points_count = count;
	memcpy(history->points, points, sizeof(points));
	return 0;
}

/* count_builds - go on with the walk, or begin one */
static int count_builds(struct history *history, int64_t now, int64_t retention_days,
			struct error *e)
{
	int r = 1;

	if (!history->since)
		history->since = now - HISTORY_MET_DAYS * DAY_S;
	for (int i = 0; r > 0 && i < PARTS_MAX; i++) {
		r = store_builds_each(history->store, &history->at, PART_ROWS, history->since,
				      add_build, &history->builds, e);
		if (r < 0)
			return r;
	}
	if (r > 0)
		return 0;
	r = keep_builds(history, now, retention_days, e);
	history->since = 0;
	memset(&history->at, 0, sizeof(history->at));
	memset(&history->builds, 0, sizeof(history->builds));
	return r;
}

/* history_tick - a failure of one half does not stop the other */
int history_tick(struct history *history, const struct counters *counters, int64_t now,
		 int64_t retention_days, struct error *e)
{
	int met = counters ? count_met(history, counters, now, e) : 0;
	int builds = count_builds(history, now, retention_days, e);

	return met < 0 ? met : builds;
}
