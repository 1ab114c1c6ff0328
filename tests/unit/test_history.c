// SPDX-License-Identifier: BSD-2-Clause
/* Sums over time: differences of counters, servers by build, and their bounds. */
#include "store_world.h"
#include "user/base/times.h"
#include "user/report/history.h"
#include "user/report/tally.h"
#include "user/store/store_history.h"

#define B(a, b, c, d) ((uint64_t)(a) << 48 | (uint64_t)(b) << 32 | (uint64_t)(c) << 16 | (d))

/* points - of a series, as "at-since:key=count " */
static char text[65536];

static int add_point(void *arg, const struct history_point *point)
{
	size_t used = strlen(text);

	snprintf(text + used, sizeof(text) - used, "%lld:%llu=%llu ",
		 (long long)(point->at - *(const int64_t *)arg), (unsigned long long)point->key,
		 (unsigned long long)point->count);
	return 0;
}

static const char *points(struct world *w, enum history_series series, int64_t since)
{
	text[0] = '\0';
	assert_true(store_history_each(w->store, series, since, add_point, &since, &w->e) >= 0);
	return text;
}

static void test_points(void **state)
{
	struct history_point point = { T0, 2, 5 }, two[] = { { 0, 7, 1 }, { 0, 8, 3 } };
	struct world *w = *state;

	assert_int_equal(store_history_add(w->store, HISTORY_HOURS, &point, &w->e), 0);
	assert_int_equal(store_history_add(w->store, HISTORY_HOURS, &point, &w->e), 0);
	point.at += 3600;
	assert_int_equal(store_history_add(w->store, HISTORY_HOURS, &point, &w->e), 0);
	assert_string_equal(points(w, HISTORY_HOURS, T0), "0:2=10 3600:2=5 ");
	assert_string_equal(points(w, HISTORY_DAYS, T0), "");
	assert_int_equal(store_history_replace(w->store, HISTORY_BUILDS, T0, two, 2, &w->e), 0);
	assert_int_equal(store_history_replace(w->store, HISTORY_BUILDS, T0, two + 1, 1, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, T0), "0:8=3 ");
	assert_int_equal(store_history_prune(w->store, HISTORY_HOURS, T0 + 1, &w->e), 1);
	assert_int_equal(reopen(w), 0);
	assert_string_equal(points(w, HISTORY_HOURS, T0), "3600:2=5 ");
}

/* look - a tick with these counters */
static void look(struct world *w, struct history *history, uint64_t slowed, uint64_t silent,
		 uint64_t noted, int64_t at)
{
	struct counters counters[HOOK_MAX] = { 0 };

	counters[HOOK_INGRESS].count[REASON_TARPITTED] = slowed;
	counters[HOOK_XDP].count[REASON_TARPITTED] = slowed; /* passed on: counted again */
	counters[HOOK_XDP].count[REASON_SILENT] = silent;
	counters[HOOK_INGRESS].count[REASON_REPORT_ONLY] = noted;
	assert_true(history_tick(history, counters, at, 400, &w->e) >= 0);
}

/* what happened is in the hour and the day of the look, once, whatever is restarted */
static void test_met(void **state)
{
	const int64_t day = times_day(T0) * DAY_S;
	struct history *history;
	struct world *w = *state;

	assert_int_equal(history_new(w->store, &history, &w->e), 0);
	look(w, history, 100, 100, 100, day); /* a gate older than the history: not our time */
	assert_string_equal(points(w, HISTORY_HOURS, day), "");
	look(w, history, 103, 100, 101, day + 10);
	look(w, history, 104, 102, 101, day + 3599);
	look(w, history, 104, 102, 101, day + 3600);
	look(w, history, 105, 102, 101, day + 7300);
	assert_string_equal(points(w, HISTORY_HOURS, day), "0:1=4 0:2=2 0:3=1 7200:1=1 ");
	assert_string_equal(points(w, HISTORY_DAYS, day), "0:1=5 0:2=2 0:3=1 ");
	history_free(history);

	/* the daemon again: what the gate did meanwhile is not lost */
	assert_int_equal(history_new(w->store, &history, &w->e), 0);
	look(w, history, 108, 102, 101, day + 7400);
	assert_string_equal(points(w, HISTORY_DAYS, day), "0:1=8 0:2=2 0:3=1 ");
	/* the gate loaded anew counts from zero */
	look(w, history, 2, 0, 0, day + DAY_S);
	assert_string_equal(points(w, HISTORY_DAYS, day + DAY_S), "0:1=2 ");
	assert_true(history_tick(history, NULL, day + DAY_S + 60, 400, &w->e) >= 0);
	history_free(history);
}

/* server - a record with a build, met at some moment */
static void server(struct world *w, const char *source, const char *name, uint64_t build,
		   int64_t at)
{
	struct source s;
	struct identity *identity = world_identity(w, source, name, &s);

	identity->build = build;
	identity->last_seen = at;
	world_save(w, &s);
}

static void test_builds(void **state)
{
	const int64_t day = times_day(T0) * DAY_S, now = day + 5000;
	struct history *history;
	struct world *w = *state;

	server(w, "192.0.2.1", "a", 7, now);
	server(w, "192.0.2.1", "b", 9, now);
	server(w, "192.0.2.1", "c", 0, now);
	server(w, "192.0.2.2", "a", 9, now - 29 * DAY_S);
	server(w, "192.0.2.3", "a", 9, now - 31 * DAY_S);
	assert_int_equal(history_new(w->store, &history, &w->e), 0);
	assert_int_equal(history_tick(history, NULL, now, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, day), "0:7=1 0:9=2 ");
	server(w, "192.0.2.4", "a", 7, now);
	assert_int_equal(history_tick(history, NULL, now + 60, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, day), "0:7=2 0:9=2 ");
	assert_int_equal(history_tick(history, NULL, now + DAY_S, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, day + DAY_S), "0:7=2 0:9=2 ");
	/* what is past its time goes: 400 days, and 8 for hours */
	look(w, history, 1, 1, 1, now + DAY_S);
	look(w, history, 2, 1, 1, now + DAY_S);
	look(w, history, 2, 1, 1, now + 12 * DAY_S);
	assert_string_equal(points(w, HISTORY_HOURS, day), "");
	assert_string_not_equal(points(w, HISTORY_DAYS, day), "");
	assert_int_equal(history_tick(history, NULL, now + 500 * DAY_S, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_DAYS, day), "");
	history_free(history);
}

/* put_build - the i-th source, met at T0 */
static void put_build(struct world *w, unsigned int i, uint64_t build)
{
	struct source source = { .addr = world_addr("2001:db8::") };
	struct identity *identity;

	memcpy(source.addr.b + 8, &i, sizeof(i));
	identity = source_add(&source, "ex01.example.org");
	identity->build = build;
	identity->last_seen = T0;
	identity->dirty = true;
	assert_int_equal(store_source_save(w->store, &source, &w->e), 1);
	source_clear(&source);
}

/* more records than a tick looks at: the count comes with a later one, and is whole */
static void test_builds_in_parts(void **state)
{
	const int64_t day = times_day(T0) * DAY_S;
	struct history *history;
	struct world *w = *state;

	assert_int_equal(store_begin(w->store, &w->e), 0);
	for (unsigned int i = 0; i < 45000; i++)
		put_build(w, i, 5);
	assert_int_equal(store_commit(w->store, &w->e), 0);
	assert_int_equal(history_new(w->store, &history, &w->e), 0);
	assert_int_equal(history_tick(history, NULL, T0, 400, &w->e), 0);
	assert_int_equal(history_tick(history, NULL, T0, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, day), "");
	assert_int_equal(history_tick(history, NULL, T0, 400, &w->e), 0);
	assert_string_equal(points(w, HISTORY_BUILDS, day), "0:5=45000 ");
	history_free(history);
}

/* strangers choose builds: the table does not grow, and nothing is lost from the sum */
static void test_tally(void **state)
{
	static struct tally_builds tally;
	struct history_point top[HISTORY_BUILDS_MAX];
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(tally_top(&tally, top, HISTORY_BUILDS_MAX), 0);
	for (uint64_t i = 1; i <= 5000; i++)
		tally_add(&tally, B(15, 1, i % 2500 + 1, i % 7), i < 4 ? 1000 : 1);
	assert_int_equal(tally.used, TALLY_MAX);
	assert_int_equal(tally_top(&tally, top, HISTORY_BUILDS_MAX), HISTORY_BUILDS_MAX);
	assert_int_equal(top[HISTORY_BUILDS_MAX - 1].key, 0);
	assert_int_equal(top[0].count, 1000);
	for (unsigned int i = 0; i < HISTORY_BUILDS_MAX; i++)
		sum += top[i].count;
	assert_int_equal(sum, 4997 + 3000);
	tally = (struct tally_builds) { .others = 3 };
	assert_int_equal(tally_top(&tally, top, HISTORY_BUILDS_MAX), 1);
	assert_int_equal(top[0].count, 3);
}

static void test_json(void **state)
{
	const int64_t day = times_day(T0) * DAY_S;
	struct history_point p[] = { { 0, B(15, 1, 2507, 6), 4 }, { 0, 0, 2 } };
	struct history_point met = { day + 3600, HISTORY_REFUSED, 9 };
	struct world *w = *state;
	struct report report = { .store = w->store, .now = day + 40000 };
	json_t *json;
	char *dump;

	store_history_replace(w->store, HISTORY_BUILDS, day - 2 * DAY_S, p, 1, &w->e);
	store_history_replace(w->store, HISTORY_BUILDS, day, p, 2, &w->e);
	store_history_add(w->store, HISTORY_HOURS, &met, &w->e);
	met.key = HISTORY_SLOWED;
	store_history_add(w->store, HISTORY_HOURS, &met, &w->e);
	json = history_json(&report, &w->e);
	assert_non_null(json);
	dump = json_dumps(json, JSON_COMPACT);
	assert_non_null(strstr(dump, "\"days\":[\"2026-09-19\",\"2026-09-21\"]"));
	assert_non_null(strstr(dump, "{\"build\":\"15.1.2507.6\",\"product\":null,\"release\":null,"
				     "\"standing\":\"unknown\",\"counts\":[4,4]}"));
	assert_non_null(strstr(dump, "{\"build\":null,\"product\":null,\"release\":null,"
				     "\"standing\":null,\"counts\":[0,2]}"));
	assert_non_null(strstr(dump, "\"hours\":[{\"at\":\"2026-09-21T01:00:00Z\",\"slowed\":9,"
				     "\"refused\":9,\"noted\":0}]"));
	free(dump);
	json_decref(json);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_points),          T(test_met),   T(test_builds),
		T(test_builds_in_parts), T(test_tally), T(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
