// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/report_scene.h"
#include "user/base/times.h"

static int set_up(void **state)
{
	*state = scene_open();
	scene_put(*state, "fine.example.org");
	return 0;
}

/* text - a string of an object; "" for null, a failure for an absent key */
static const char *text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		fail_msg("key \"%s\" is absent", key);
	return json_is_null(value) ? "" : json_string_value(value);
}

/* number - an integer of an object */
static json_int_t number(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("key \"%s\" is no number", key);
	return json_integer_value(json_object_get(object, key));
}

/* keys_are - exactly these, all present whatever is known */
static void keys_are(const json_t *object, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_non_null(json_object_get(object, keys[i]));
	assert_int_equal(json_object_size(object), count);
}

#define KEYS_ARE(object, keys) keys_are(object, keys, sizeof(keys) / sizeof((keys)[0]))

static const struct addr start;

/* rows_of - the rows of a part as values */
static json_t *rows_of(struct jsontext *text)
{
	json_t *rows;
	char *whole;

	assert_false(jsontext_failed(text));
	assert_true(asprintf(&whole, "[%.*s]", (int)text->used, text->used ? text->text : "") > 0);
	rows = json_loads(whole, 0, NULL);
	assert_non_null(rows);
	free(whole);
	jsontext_free(text);
	return rows;
}

/* list_of - a part that is the whole list */
static json_t *list_of(json_t *part, struct jsontext *text)
{
	assert_true(json_is_null(json_object_get(part, "next")));
	json_decref(part);
	return rows_of(text);
}

/* list_sources - all that fit a filter */
static json_t *list_sources(struct scene *s, const struct store_filter *filter)
{
	struct jsontext text;
	json_t *part = report_sources(&s->report, filter, &start, &text, &s->w.e);

	return list_of(part, &text);
}

/* test_shape - the fixed objects, in order of address */
static void test_shape(void **state)
{
	static const char *const source_keys[] = {
		"source",      "identities",    "verdict",      "style",     "stage",
		"stage_since", "next_stage_at", "throttle_min", "block_min", "paused_until",
		"exempt",      "shared",        "emergency",    "hits",      "reason_read",
	};
	static const char *const identity_keys[] = {
		"name",           "build",     "product", "standing",
		"first_outdated", "last_seen", "stage",   "origin",
	};
	struct scene *s = *state;
	json_t *array = list_sources(s, NULL), *object, *identity;
	char at[TIMES_TEXT];

	assert_int_equal(json_array_size(array), 3);
	object = json_array_get(array, 0);
	identity = json_array_get(json_object_get(object, "identities"), 0);
	KEYS_ARE(object, source_keys);
	KEYS_ARE(identity, identity_keys);
	assert_string_equal(text(object, "source"), "192.0.2.7");
	assert_string_equal(text(object, "verdict"), "drop");
	assert_string_equal(text(object, "style"), "silent");
	assert_int_equal(number(object, "stage"), 5);
	assert_int_equal(number(object, "block_min"), 60);
	assert_string_equal(text(object, "stage_since"),
			    times_format(s->report.now - 2 * HOUR, at));
	assert_string_equal(text(object, "next_stage_at"), "");
	assert_string_equal(text(identity, "name"), "ex01.example.org");
	assert_string_equal(text(identity, "build"), "15.1.2507.17");
	assert_string_equal(text(identity, "product"), "Exchange Server 2016");
	assert_string_equal(text(identity, "standing"), "unsupported");

	object = json_array_get(array, 2);
	KEYS_ARE(object, source_keys);
	assert_string_equal(text(object, "verdict"), "pass");
	assert_string_equal(text(object, "style"), "");
	assert_string_equal(text(object, "stage_since"), "");
	json_decref(array);
}

/* test_outdated - one row per server whose clock runs, with Microsoft's columns */
static void test_outdated(void **state)
{
	static const char *const keys[] = {
		"server",
		"source",
		"build",
		"product",
		"first_detected",
		"recommended_builds",
		"throttle_date",
		"block_date",
		"stage",
		"next_stage_throttle_min",
		"next_stage_block_min",
		"next_stage_date",
		"reason_read",
	};
	struct scene *s = *state;
	int64_t began = s->report.now - 70 * DAY_S;
	struct jsontext rows;
	json_t *part = report_outdated(&s->report, &start, &rows, &s->w.e);
	json_t *array = list_of(part, &rows), *row;
	char at[TIMES_TEXT];

	assert_int_equal(json_array_size(array), 2);
	row = json_array_get(array, 1);
	KEYS_ARE(row, keys);
	assert_string_equal(text(row, "server"), "ex02.example.org");
	assert_string_equal(text(row, "source"), "192.0.2.8");
	assert_string_equal(text(row, "build"), "15.1.2507.17");
	assert_string_equal(text(row, "product"), "Exchange Server 2016");
	assert_string_equal(text(row, "first_detected"), times_format(began, at));
	assert_string_equal(text(row, "throttle_date"), times_format(began + 30 * DAY_S, at));
	assert_string_equal(text(row, "block_date"), times_format(began + 60 * DAY_S, at));
	assert_true(json_array_size(json_object_get(row, "recommended_builds")) > 0);
	assert_int_equal(number(row, "next_stage_throttle_min"), 20);
	assert_int_equal(number(row, "next_stage_block_min"), 0);
	assert_string_equal(text(row, "next_stage_date"), times_format(began + 50 * DAY_S, at));
	row = json_array_get(array, 0); /* the last stage: nothing comes next */
	KEYS_ARE(row, keys);
	assert_true(json_is_null(json_object_get(row, "next_stage_block_min")));
	assert_string_equal(text(row, "next_stage_date"), "");
	json_decref(array);
}

/* meet - the answerer met this source: it read the reason, or left before */
static void meet(const char *source, bool told)
{
	struct addr a = world_addr(source);
	struct verdict *verdict = (void *)fake_verdicts.values[fake_find(&fake_verdicts, &a)];

	assert_in_range(fake_find(&fake_verdicts, &a), 0, fake_verdicts.count - 1);
	verdict->told = told;
	verdict->unread = !told;
}

/* test_outdated_set - no clock runs, but the operator refuses it: a row as soon as it was met */
static void test_outdated_set(void **state)
{
	static const char *const sets[] = { "192.0.2.9", "198.51.100.3", "2001:db8::/64",
					    "192.0.2.7", "203.0.113.0/24" };
	struct scene *s = *state;
	struct jsontext rows;
	json_t *part, *array, *row;

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		world_decide(&s->w, DECISION_SET, sets[i], ACTION_DROP, STYLE_ANSWER, s->report.now,
			     0);
	assert_true(enforcer_reload(s->enforcer, s->report.now, &s->w.e) >= 0);
	part = report_outdated(&s->report, &start, &rows, &s->w.e);
	array = list_of(part, &rows);
	assert_int_equal(json_array_size(array), 2); /* those whose clock runs */
	json_decref(array);

	meet("192.0.2.7", true);
	meet("192.0.2.9", false);
	meet("198.51.100.3", false);
	meet("2001:db8::", true);
	part = report_outdated(&s->report, &start, &rows, &s->w.e);
	array = list_of(part, &rows);
	assert_int_equal(json_array_size(array), 5); /* 192.0.2.7 once */
	row = json_array_get(array, 2);
	assert_string_equal(text(row, "source"), "192.0.2.9");
	assert_string_equal(text(row, "server"), "fine.example.org");
	assert_int_equal(number(row, "stage"), 0);
	assert_string_equal(text(row, "next_stage_date"), "");
	assert_true(json_is_null(json_object_get(row, "next_stage_block_min")));
	assert_true(json_is_false(json_object_get(row, "reason_read")));
	row = json_array_get(array, 3); /* never seen with a name */
	assert_string_equal(text(row, "source"), "198.51.100.3");
	assert_string_equal(text(row, "server"), "");
	assert_string_equal(text(row, "block_date"), "");
	assert_true(json_is_true(json_object_get(json_array_get(array, 4), "reason_read")));
	json_decref(array);
}

/* test_filters - by stage, by standing, and nobody */
static void test_filters(void **state)
{
	struct store_filter stage = { .stage_given = true, .stage = 3 };
	struct store_filter standing = { .standing = STANDING_EMERGENCY };
	struct scene *s = *state;
	json_t *array = list_sources(s, &stage);

	assert_int_equal(json_array_size(array), 1);
	assert_string_equal(text(json_array_get(array, 0), "source"), "192.0.2.8");
	assert_string_equal(text(json_array_get(array, 0), "verdict"), "tarpit");
	json_decref(array);
	array = list_sources(s, &standing);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

/* test_parts - a long list: each source once, also while some come and change */
static void test_parts(void **state)
{
	struct scene *s = *state;
	struct addr after = start;
	unsigned int met = 0, parts = 0;
	const char *next;
	char source[32];
	struct jsontext text;
	json_t *part, *rows;

	for (unsigned int i = 0; i < 2 * REPORT_PART; i++) {
		snprintf(source, sizeof(source), "10.0.%u.%u", i >> 8, i & 255);
		world_put(&s->w, source, "ex01.example.org", i % 2, s->report.now);
	}
	do {
		part = report_sources(&s->report, NULL, &after, &text, &s->w.e);
		rows = rows_of(&text);
		met += json_array_size(rows);
		assert_in_range(json_array_size(rows), 0, REPORT_PART);
		json_decref(rows);
		next = json_string_value(json_object_get(part, "next"));
		after = world_addr(next ? next : "::");
		json_decref(part);
		world_put(&s->w, "10.0.0.0", "ex01.example.org", 1, s->report.now);
		world_put(&s->w, "9.255.255.1", "ex01.example.org", 1, s->report.now);
		parts++;
	} while (next);
	assert_int_equal(met, 2 * REPORT_PART + 3); /* three were there before */
	assert_int_equal(parts, 3);
	part = report_outdated(&s->report, &start, &text, &s->w.e);
	rows = rows_of(&text);
	assert_in_range(json_array_size(rows), 1, REPORT_PART);
	json_decref(rows);
	assert_true(json_is_string(json_object_get(part, "next")));
	json_decref(part);
}

/* test_modes - in report mode nothing is done, and what would be is readable */
static void test_modes(void **state)
{
	struct addr a = world_addr("192.0.2.7");
	struct scene *s = *state;
	json_t *object;

	s->report.mode = MODE_REPORT;
	object = report_source(&s->report, &a, 64, &s->w.e);
	assert_string_equal(text(object, "verdict"), "pass");
	assert_string_equal(text(object, "by"), "report");
	assert_int_equal(number(object, "block_min"), 60);
	assert_string_equal(text(object, "now"), "passed");
	json_decref(object);
}

/* test_source - where it stands in the hour, what it rests on, what comes next */
static void test_source(void **state)
{
	struct addr a = world_addr("192.0.2.8");
	struct scene *s = *state;
	json_t *object, *identity;
	struct verdict live = { .hits_slowed = 3, .hits_dropped = 4, .unread = 2 };

	bpf_map_update_elem(FAKE_VERDICTS, &a, &live, 0);
	world_decide(&s->w, DECISION_PAUSE, "192.0.2.99", 0, 0, s->report.now, s->report.now + 1);
	object = report_source(&s->report, &a, 64, &s->w.e);
	assert_string_equal(text(object, "by"), "clock");
	assert_int_equal(number(object, "throttle_min"), 10);
	assert_int_equal(number(object, "hits"), 7);
	assert_true(json_is_false(json_object_get(object, "reason_read")));
	assert_int_equal(number(object, "evidence_age_s"), HOUR);
	assert_false(json_is_true(json_object_get(object, "evidence_stale")));
	assert_non_null(strstr(text(object, "why"), "15.1.2507.17"));
	assert_int_equal(strlen(text(object, "next_stage_at")), 20);
	assert_int_equal(strlen(text(object, "blocked_from")), 20);
	assert_non_null(strstr(text(object, "now"), "min"));
	assert_true(json_array_size(json_object_get(object, "recommended")) > 0);
	assert_true(strlen(text(object, "upgrade_to")) > 0);
	assert_int_equal(json_array_size(json_object_get(object, "decisions")), 0);
	identity = json_array_get(json_object_get(object, "identities"), 0);
	assert_string_equal(text(identity, "origin"), "received");
	assert_int_equal(number(identity, "elapsed_s"), 70 * DAY_S);
	json_decref(object);
}

/* test_window - the words follow the source's own hour */
static void test_window(void **state)
{
	struct addr a = world_addr("192.0.2.8");
	struct scene *s = *state;
	unsigned int slowed = 0;
	int64_t now = s->report.now;

	for (int minute = 0; minute < 60; minute++) {
		json_t *object;

		s->report.now = now + minute * 60;
		object = report_source(&s->report, &a, 64, &s->w.e);
		if (!strcmp(text(object, "window"), "tarpit")) {
			assert_non_null(strstr(text(object, "now"), "slowed for"));
			slowed++;
		}
		assert_int_equal(strlen(text(object, "window_until")), 20);
		json_decref(object);
	}
	assert_int_equal(slowed, 10);
	a = world_addr("192.0.2.7");
	s->report.now = now;
	{
		json_t *object = report_source(&s->report, &a, 64, &s->w.e);

		assert_string_equal(text(object, "now"), "refused all the hour");
		assert_string_equal(text(object, "window_until"), "");
		json_decref(object);
	}
}

/* test_no_clock - seen, but no clock runs: there is no evidence, so no date of it either */
static void test_no_clock(void **state)
{
	struct addr a = world_addr("192.0.2.9");
	struct scene *s = *state;
	json_t *object = report_source(&s->report, &a, 64, &s->w.e);

	assert_string_equal(text(object, "by"), "nobody");
	assert_string_equal(text(object, "evidence_at"), "");
	assert_non_null(strstr(text(object, "why"), "no clock runs"));
	assert_null(strstr(text(object, "why"), "1970"));
	json_decref(object);
}

/* test_unknown - an address nobody has seen is an answer too */
static void test_unknown(void **state)
{
	struct addr a = world_addr("2001:db8:0:1::9");
	struct scene *s = *state;
	json_t *object = report_source(&s->report, &a, 64, &s->w.e);

	assert_string_equal(text(object, "source"), "2001:db8:0:1::");
	assert_int_equal(json_array_size(json_object_get(object, "identities")), 0);
	assert_string_equal(text(object, "verdict"), "pass");
	assert_string_equal(text(object, "build"), "");
	assert_int_equal(json_array_size(json_object_get(object, "families")), 0);
	json_decref(object);
}

/* test_lists - decisions that touch it, the days it was seen, what its connections were */
static void test_lists(void **state)
{
	struct observation o = { .at = 0, .build = OLD_BUILD, .server = "ex01.example.org" };
	struct addr a = world_addr("192.0.2.7");
	struct scene *s = *state;
	json_t *object, *entry;

	o.at = s->report.now;
	store_observation_add(s->w.store, &a, &o, &s->w.e);
	store_observation_add(s->w.store, &a, &o, &s->w.e);
	store_family_add(s->w.store, &a, FAMILY_TLS, &s->w.e);
	world_decide(&s->w, DECISION_SET, "192.0.2.0/24", ACTION_TARPIT, STYLE_DEFER, o.at, 0);
	object = report_source(&s->report, &a, 64, &s->w.e);
	entry = json_array_get(json_object_get(object, "decisions"), 0);
	assert_string_equal(text(entry, "kind"), "set");
	assert_string_equal(text(entry, "range"), "192.0.2.0/24");
	assert_string_equal(text(entry, "style"), "defer");
	assert_string_equal(text(entry, "who"), "root (uid 0)");
	assert_string_equal(text(entry, "until"), "");
	entry = json_array_get(json_object_get(object, "days"), 0);
	assert_int_equal(number(entry, "count"), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(object, "families"), 0)), "tls");
	json_decref(object);
}

/* test_named - every source that calls itself so */
static void test_named(void **state)
{
	struct scene *s = *state;
	json_t *array;

	world_put(&s->w, "192.0.2.9", "ex01.example.org", 1, s->report.now);
	array = report_named(&s->report, "ex01.example.org", 64, &s->w.e);
	assert_int_equal(json_array_size(array), 2);
	assert_string_equal(text(json_array_get(array, 1), "source"), "192.0.2.9");
	json_decref(array);
	array = report_named(&s->report, "nobody.example.org", 64, &s->w.e);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

/* test_counts - every stage of the policy and every standing, also those of nobody */
static void test_counts(void **state)
{
	struct scene *s = *state;
	json_t *object = report_counts(&s->report, &s->w.e), *stages, *standings;

	stages = json_object_get(object, "by_stage");
	standings = json_object_get(object, "by_standing");
	assert_int_equal(number(object, "identities"), 3);
	assert_int_equal(json_object_size(stages), s->w.policy->stages_count + 1);
	assert_int_equal(number(stages, "0"), 1);
	assert_int_equal(number(stages, "5"), 1);
	assert_int_equal(number(stages, "1"), 0);
	assert_int_equal(number(standings, "unsupported"), 3);
	assert_int_equal(number(standings, "online"), 0);
	json_decref(object);
}

/* test_history - JSON in the trail is JSON in the answer */
static void test_history(void **state)
{
	struct scene *s = *state;
	struct audit audit = {
		.at = s->report.now,
		.who = "clock",
		.what = "stage",
		.subject = "192.0.2.7",
		.why = "day 30",
		.before = "{\"stage\":1}",
		.after = "not json",
	};
	json_t *array, *entry;

	store_audit_add(s->w.store, &audit, &s->w.e);
	array = report_history(&s->report, "192.0.2.7", 0, &s->w.e);
	assert_int_equal(json_array_size(array), 1);
	entry = json_array_get(array, 0);
	assert_int_equal(number(json_object_get(entry, "before"), "stage"), 1);
	assert_string_equal(text(entry, "after"), "not json");
	assert_string_equal(text(entry, "why"), "day 30");
	json_decref(array);
	array = report_history(&s->report, "192.0.2.8", 0, &s->w.e);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
	array = report_history(&s->report, NULL, s->report.now + 1, &s->w.e);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shape),   TEST(test_outdated), TEST(test_outdated_set),
		TEST(test_filters), TEST(test_parts),    TEST(test_modes),
		TEST(test_source),  TEST(test_window),   TEST(test_no_clock),
		TEST(test_unknown), TEST(test_lists),    TEST(test_named),
		TEST(test_counts),  TEST(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
