// SPDX-License-Identifier: BSD-2-Clause
#include "reporter.h"

#include <stdio.h>
#include <string.h>

#include "observation.h"
#include "user/base/times.h"

static const char *const told_names[] = {
	[TOLD_TAKEN] = "taken",
	[TOLD_REPEATED] = "repeated",
	[TOLD_REFUSED] = "refused",
	[TOLD_LOST] = "lost",
};

/* told_name - also a metric label */
const char *told_name(enum told told)
{
	return told_names[told];
}

/* place - a free record, else that of the longest silence */
static struct reporter *place(struct reporters *reporters)
{
	struct reporter *oldest = reporters->list;

	if (reporters->count < REPORTERS_MAX)
		return &reporters->list[reporters->count++];
	for (unsigned int i = 1; i < REPORTERS_MAX; i++)
		if (reporters->list[i].last_at < oldest->last_at)
			oldest = &reporters->list[i];
	return oldest;
}

/* reporters_find - by name */
struct reporter *reporters_find(struct reporters *reporters, const char *who, int64_t now)
{
	struct reporter *reporter = NULL;

	for (unsigned int i = 0; i < reporters->count && !reporter; i++)
		if (!strcmp(reporters->list[i].who, who))
			reporter = &reporters->list[i];
	if (!reporter) {
		reporter = place(reporters);
		memset(reporter, 0, sizeof(*reporter));
		snprintf(reporter->who, sizeof(reporter->who), "%s", who);
	}
	reporter->last_at = now;
	return reporter;
}

/* reporter_allow - by the minute on the clock */
int64_t reporter_allow(struct reporter *reporter, int64_t wanted, int64_t per_minute,
		       int64_t seconds)
{
	int64_t minute = seconds / 60, left;

	if (minute != reporter->minute) {
		reporter->minute = minute;
		reporter->used = 0;
	}
	left = per_minute > reporter->used ? per_minute - reporter->used : 0;
	if (wanted > left)
		wanted = left;
	reporter->used += wanted;
	return wanted;
}

/* add - one sum onto another */
static void add(struct tally *to, const struct tally *tally)
{
	for (unsigned int i = 0; i < TOLD_MAX; i++)
		to->told[i] += tally->told[i];
	for (unsigned int i = 0; i < REPORTER_ORIGINS; i++)
		to->origin[i] += tally->origin[i];
}

/* reporters_add - its own, and the sum of all */
void reporters_add(struct reporters *reporters, struct reporter *reporter,
		   const struct tally *tally)
{
	add(&reporter->tally, tally);
	add(&reporters->tally, tally);
}

/* by_origin - every word, also those at 0 */
static json_t *by_origin(const struct reporter *reporter)
{
	json_t *object = json_object();

	for (uint8_t i = ORIGIN_BANNER; i < REPORTER_ORIGINS; i++)
		json_object_set_new(object, origin_name(i),
				    json_integer((json_int_t)reporter->tally.origin[i]));
	json_object_set_new(object, "no_build",
			    json_integer((json_int_t)reporter->tally.origin[0]));
	return object;
}

/* reporter_json - one row */
static json_t *reporter_json(const struct reporter *reporter)
{
	json_t *object = json_pack("{s:s}", "who", reporter->who);
	char at[TIMES_TEXT];

	for (enum told i = 0; i < TOLD_MAX; i++)
		json_object_set_new(object, told_name(i),
				    json_integer((json_int_t)reporter->tally.told[i]));
	json_object_set_new(object, "by_origin", by_origin(reporter));
	json_object_set_new(object, "last_at", json_string(times_format(reporter->last_at, at)));
	return object;
}

/* reporters_json - in the order in which they first spoke */
json_t *reporters_json(const struct reporters *reporters)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < reporters->count; i++)
		json_array_append_new(array, reporter_json(&reporters->list[i]));
	return array;
}
