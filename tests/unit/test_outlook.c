// SPDX-License-Identifier: BSD-2-Clause
/* What the clocks are coming to: states, sources about to be blocked, and who is met most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/report_scene.h"
#include "user/report/outlook.h"

static int set_up(void **state)
{
	*state = scene_open();
	return 0;
}

/* clock_of - a source whose clock began so many days ago and stands at this stage */
static void clock_of(struct scene *s, const char *source, uint32_t stage, int days)
{
	struct addr addr = world_addr(source);
	struct source loaded;

	world_put(&s->w, source, "ex.example.org", stage, s->report.now);
	assert_int_equal(store_source_load(s->w.store, &addr, &loaded, &s->w.e), 1);
	loaded.identities[0].running_since = s->report.now - days * DAY_S;
	loaded.identities[0].dirty = true;
	assert_int_equal(store_source_save(s->w.store, &loaded, &s->w.e), 1);
	source_clear(&loaded);
}

/* walk - to its end; returns how many parts it took */
static int walk(struct scene *s, struct outlook *outlook)
{
	int parts = 1, rc;

	outlook_begin(outlook);
	while ((rc = outlook_step(outlook, &s->report, &s->w.e)) > 0)
		parts++;
	assert_int_equal(rc, 0);
	return parts;
}

/* test_states - the default policy blocks from day 60 on */
static void test_states(void **state)
{
	struct outlook outlook = { .walking = false };
	struct scene *s = *state;

	clock_of(s, "192.0.2.1", 5, 61); /* blocked */
	clock_of(s, "192.0.2.2", 4, 58); /* in 2 days */
	clock_of(s, "192.0.2.3", 4, 55); /* in 5 */
	clock_of(s, "192.0.2.4", 2, 35); /* in 25 */
	clock_of(s, "192.0.2.5", 1, 5);
	clock_of(s, "192.0.2.6", 4, 58); /* exempt */
	clock_of(s, "192.0.2.7", 4, 58); /* paused */
	world_put(&s->w, "192.0.2.8", "fine.example.org", 0, s->report.now);
	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.6/32", 0, 0, s->report.now, 0);
	world_decide(&s->w, DECISION_PAUSE, "192.0.2.7/32", 0, 0, s->report.now,
		     s->report.now + 9 * DAY_S);
	assert_true(enforcer_reload(s->enforcer, s->report.now, &s->w.e) >= 0);
	assert_false(outlook.counts.known);
	assert_int_equal(walk(s, &outlook), 1);
	assert_true(outlook.counts.known);
	assert_int_equal(outlook.counts.state[OUTLOOK_BLOCK], 1);
	assert_int_equal(outlook.counts.state[OUTLOOK_THROTTLE], 3);
	assert_int_equal(outlook.counts.state[OUTLOOK_REPORT], 1);
	assert_int_equal(outlook.counts.state[OUTLOOK_EXEMPT], 1);
	assert_int_equal(outlook.counts.state[OUTLOOK_PAUSED], 1);
	assert_int_equal(outlook.counts.state[OUTLOOK_SHARED], 0);
	assert_int_equal(outlook.counts.block_due[OUTLOOK_3_DAYS], 1);
	assert_int_equal(outlook.counts.block_due[OUTLOOK_7_DAYS], 2);

	s->report.mode = MODE_REPORT; /* what would be */
	walk(s, &outlook);
	assert_int_equal(outlook.counts.state[OUTLOOK_BLOCK], 1);
	assert_int_equal(outlook.counts.block_due[OUTLOOK_3_DAYS], 1);
}

/* test_parts - many sources are no pause of the daemon's; the last result stays meanwhile */
static void test_parts(void **state)
{
	struct outlook outlook = { .walking = false };
	struct scene *s = *state;
	char source[32];

	for (int i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "198.51.100.%d", i);
		clock_of(s, source, 4, 58);
	}
	assert_true(walk(s, &outlook) > 1);
	assert_int_equal(outlook.counts.block_due[OUTLOOK_3_DAYS], 200);
	outlook_begin(&outlook);
	assert_int_equal(outlook_step(&outlook, &s->report, &s->w.e), 1);
	assert_int_equal(outlook.counts.block_due[OUTLOOK_3_DAYS], 200);
}

/* test_top - the most of them, in order, no more than wanted, and none when none are */
static void test_top(void **state)
{
	static const uint64_t hits[] = { 5, 0, 9, 1, 7, 3 };
	struct outlook_top top = { .limit = 0 };
	struct addr source = world_addr("192.0.2.1");
	struct verdict verdict = { 0 };

	(void)state;
	outlook_top_begin(&top, 3);
	for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++) {
		source.b[15] = (uint8_t)(i + 1);
		verdict.hits_slowed = hits[i] / 2;
		verdict.hits_dropped = hits[i] - hits[i] / 2;
		bpf_map_update_elem(FAKE_VERDICTS, &source, &verdict, 0);
	}
	while (outlook_top_step(&top, FAKE_VERDICTS, 100))
		;
	assert_int_equal(top.count, 3);
	assert_int_equal(top.list[0].hits, 9);
	assert_int_equal(top.list[0].source.b[15], 3);
	assert_int_equal(top.list[1].hits, 7);
	assert_int_equal(top.list[2].hits, 5);

	outlook_top_begin(&top, 0);
	assert_int_equal(outlook_top_step(&top, FAKE_VERDICTS, 100), 0);
	assert_int_equal(top.count, 0);

	outlook_top_begin(&top, 2); /* a map that never ends */
	while (outlook_top_step(&top, FAKE_VERDICTS, 3))
		;
	assert_int_equal(top.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_parts),
		TEST(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
