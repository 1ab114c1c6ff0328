// SPDX-License-Identifier: BSD-2-Clause
/* The history as JSON, for the charts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "report_private.h"
#include "tally.h"
#include "user/base/times.h"

/* The builds of all days shown, as rows with a number per day. */
struct table {
	struct tally_builds totals;
	int64_t first; /* day number of the first column */
	bool known[HISTORY_SHOWN_DAYS + 1];
	struct history_point rows[HISTORY_BUILDS_MAX]; /* key: build, 0: all others */
	unsigned int rows_count;
	uint64_t counts[HISTORY_BUILDS_MAX][HISTORY_SHOWN_DAYS + 1];
};

/* column_of - -1: a moment that is not shown */
static int column_of(const struct table *table, int64_t at)
{
	int64_t column = times_day(at) - table->first;

	return column < 0 || column > HISTORY_SHOWN_DAYS ? -1 : (int)column;
}

/* add_total - first look: which builds get a row */
static int add_total(void *arg, const struct history_point *point)
{
	struct table *table = arg;
	int column = column_of(table, point->at);

	if (column < 0)
		return 0;
	table->known[column] = true;
	if (point->key)
		tally_add(&table->totals, point->key, point->count);
	else
		table->totals.others += point->count;
	return 0;
}

/* row_of - of a build; those without one of their own share the last */
static unsigned int row_of(const struct table *table, uint64_t build)
{
	unsigned int row = 0;

	while (row < table->rows_count - 1 && table->rows[row].key != build)
		row++;
	return row;
}

/* add_count - second look: the numbers */
static int add_count(void *arg, const struct history_point *point)
{
	struct table *table = arg;
	int column = column_of(table, point->at);

	if (column >= 0 && table->rows_count)
		table->counts[row_of(table, point->key)][column] += point->count;
	return 0;
}

/* row_json - days that were not counted have no column */
static json_t *row_json(const struct report *report, const struct table *table, unsigned int row)
{
	uint64_t build = table->rows[row].key;
	json_t *counts = json_array();
	struct judgement judgement;

	report_judge(report, build, &judgement);
	for (unsigned int i = 0; counts && i <= HISTORY_SHOWN_DAYS; i++)
		if (table->known[i])
			json_array_append_new(counts,
					      json_integer((json_int_t)table->counts[row][i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "build", report_build(build), "product",
			 report_text(judgement.product), "release", report_text(judgement.release),
			 "standing",
			 build ? report_text(standing_name(judgement.standing)) : json_null(),
			 "counts", counts);
}

/* table_json - {"days":[],"rows":[]} */
static json_t *table_json(const struct report *report, const struct table *table)
{
	json_t *days = json_array(), *rows = json_array();
	char text[TIMES_TEXT];

	for (unsigned int i = 0; i <= HISTORY_SHOWN_DAYS; i++)
		if (table->known[i])
			json_array_append_new(days, json_string(times_format_date(
							    (table->first + i) * DAY_S, text)));
	for (unsigned int i = 0; i < table->rows_count; i++)
		json_array_append_new(rows, row_json(report, table, i));
	return json_pack("{s:o, s:o}", "days", days, "rows", rows);
}

/* builds_json - by build, the most frequent first */
static json_t *builds_json(const struct report *report, struct error *e)
{
	struct table *table = calloc(1, sizeof(*table));
	json_t *object = NULL;
	int64_t since;
	int r;

	if (!table) {
		error_set(e, -ENOMEM, "history: out of memory");
		return NULL;
	}
	table->first = times_day(report->now) - HISTORY_SHOWN_DAYS;
	since = table->first * DAY_S;
	r = store_history_each(report->store, HISTORY_BUILDS, since, add_total, table, e);
	table->rows_count = tally_top(&table->totals, table->rows, HISTORY_BUILDS_MAX);
	if (r >= 0)
		r = store_history_each(report->store, HISTORY_BUILDS, since, add_count, table, e);
	if (r >= 0)
		object = table_json(report, table);
	free(table);
	return object;
}

static const char *const met_names[] = {
	[HISTORY_SLOWED] = "slowed",
	[HISTORY_REFUSED] = "refused",
	[HISTORY_NOTED] = "noted",
};

/* add_met - points of one moment follow each other and share an object */
static int add_met(void *arg, const struct history_point *point)
{
	json_t *array = arg, *last = json_array_get(array, json_array_size(array) - 1);
	char at[TIMES_TEXT];

	if (point->key < HISTORY_SLOWED || point->key >= HISTORY_MET_MAX)
		return 0;
	times_format(point->at, at);
	if (!last || strcmp(json_string_value(json_object_get(last, "at")), at)) {
		last = json_pack("{s:s, s:i, s:i, s:i}", "at", at, "slowed", 0, "refused", 0,
				 "noted", 0);
		if (!last || json_array_append_new(array, last))
			return -ENOMEM;
	}
	json_object_set_new(last, met_names[point->key], json_integer((json_int_t)point->count));
	return 0;
}

/* met_json - hours or days; those without any are left out */
static json_t *met_json(const struct report *report, enum history_series series, int64_t since,
			struct error *e)
{
	json_t *array = json_array();

	if (store_history_each(report->store, series, since, add_met, array, e) >= 0)
		return array;
	json_decref(array);
	return NULL;
}

/* history_json - both, or neither */
json_t *history_json(const struct report *report, struct error *e)
{
	json_t *builds = builds_json(report, e), *hours = NULL, *days = NULL;

	if (builds)
		hours = met_json(report, HISTORY_HOURS,
				 report->now - HISTORY_SHOWN_HOURS * (int64_t)3600, e);
	if (hours)
		days = met_json(report, HISTORY_DAYS,
				report->now - HISTORY_SHOWN_DAYS * (int64_t)DAY_S, e);
	if (days)
		return json_pack("{s:o, s:{s:o, s:o}}", "builds", builds, "connections", "hours",
				 hours, "days", days);
	json_decref(builds);
	json_decref(hours);
	return NULL;
}
