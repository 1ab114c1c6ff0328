// SPDX-License-Identifier: BSD-2-Clause
/* What a catalogue is, in numbers, and what it wants done: the object of "catalogue show -j". */
#include "catalogue_data.h"

#include "user/base/build.h"
#include "user/base/times.h"

#define DAY_SECONDS 86400

/* day_or_null - the last day before a moment; without one: null */
static json_t *day_or_null(int64_t end)
{
	char text[TIMES_TEXT];

	return end == FOREVER ? json_null() : json_string(times_format_date(end - 1, text));
}

/* ranges_json - the builds that a definition covers */
static json_t *ranges_json(const struct catalogue_emergency *e)
{
	json_t *array = json_array();
	char from[BUILD_TEXT], to[BUILD_TEXT];

	for (unsigned int i = 0; i < e->ranges_count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s}", "from",
						       build_format(e->ranges[i].from, from), "to",
						       build_format(e->ranges[i].to, to)));
	return array;
}

/* emergency_json - active: it decides today */
static json_t *emergency_json(const struct catalogue_emergency *e, int64_t at)
{
	return json_pack("{s:s, s:s, s:i, s:o, s:o, s:b, s:b}", "id", e->id, "action", e->action,
			 "minutes", (int)e->minutes, "until", day_or_null(e->until), "builds",
			 ranges_json(e), "active", at < e->until && !e->blocked, "blocked",
			 e->blocked);
}

/* catalogue_summary - nothing in it is about this gate's sources */
json_t *catalogue_summary(const struct catalogue *catalogue, int64_t at)
{
	const struct catalogue *c = catalogue;
	json_t *emergencies = json_array(), *floors = json_object_get(c->document, "floors");
	char as_of[TIMES_TEXT];

	for (unsigned int i = 0; i < c->emergencies_count; i++)
		json_array_append_new(emergencies, emergency_json(&c->emergencies[i], at));
	return json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "serial",
			 (json_int_t)c->serial, "as_of", times_format(c->as_of, as_of), "age_days",
			 (json_int_t)((at - c->as_of) / DAY_SECONDS), "products",
			 (json_int_t)c->products_count, "builds", (json_int_t)c->builds_count,
			 "vulnerabilities", (json_int_t)c->vulnerabilities_count, "floors",
			 floors ? json_incref(floors) : json_array(), "emergencies", emergencies);
}
