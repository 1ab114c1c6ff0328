// SPDX-License-Identifier: BSD-2-Clause
/* The maps compared with the store, part by part, while the daemon goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/enforcer_scene.h"

/* repair - what is left of it; returns the drift it finds */
static uint64_t repair(struct scene *s)
{
	uint64_t drift = enforcer_stats(s->enforcer)->drift;
	int r;

	while ((r = enforcer_repair(s->enforcer, s->now, &s->w.e)) > 0)
		;
	assert_int_equal(r, 0);
	assert_int_equal(enforcer_stats(s->enforcer)->entries, fake_verdicts.count);
	return enforcer_stats(s->enforcer)->drift - drift;
}

/* damage - by somebody else: a verdict goes, another is changed, a third is nobody's, and a range
 * goes */
static void damage(void)
{
	struct addr gone = world_addr("192.0.2.7"), other = world_addr("192.0.2.8");
	struct addr stranger = world_addr("203.0.113.9");
	struct verdict v = { .throttle_s = 7 };
	struct range_key key;

	assert_int_equal(range_parse("198.51.100.0/24", &key.addr, &key.prefix_bits), 0);
	assert_int_equal(bpf_map_delete_elem(FAKE_VERDICTS, &gone), 0);
	assert_int_equal(bpf_map_update_elem(FAKE_VERDICTS, &other, &v, 0), 0);
	assert_int_equal(bpf_map_update_elem(FAKE_VERDICTS, &stranger, &v, 0), 0);
	assert_int_equal(bpf_map_delete_elem(FAKE_RANGES, &key), 0);
}

/* damaged - sources, a set and an exemption, published; then the damage */
static void damaged(struct scene *s)
{
	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 2, s->now);
	world_put(&s->w, "192.0.2.9", "ex03.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.10", "ex04.example.org", 3, s->now);
	world_decide(&s->w, DECISION_SET, "192.0.2.11", ACTION_DROP, 0, s->now, 0);
	world_decide(&s->w, DECISION_EXEMPT, "198.51.100.0/24", 0, 0, s->now, 0);
	start(s);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 5);
	assert_int_equal(repair(s), 0);
	damage();
}

/* test_repair - each difference is drift once, and what the operator decides is none */
static void test_repair(void **state)
{
	struct scene *s = *state;
	struct verdict v;

	damaged(s);
	assert_int_equal(repair(s), 4);
	assert_int_equal(repair(s), 0);
	assert_true(live("192.0.2.7", &v));
	assert_true(live("192.0.2.8", &v));
	assert_int_equal(v.throttle_s, 300);
	assert_false(live("203.0.113.9", &v));
	assert_int_equal(fake_verdicts.count, 5);
	assert_int_equal(s->settings.tarpits, 2);
	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.0/24", 0, 0, s->now, 0);
	assert_true(enforcer_reload(s->enforcer, s->now, &s->w.e) > 0);
	assert_int_equal(repair(s), 0);
}

/* meanwhile - what else a daemon does between two parts: a source comes, one goes, one is worse */
static void meanwhile(struct scene *s)
{
	struct addr gone = world_addr("192.0.2.9");

	world_put(&s->w, "192.0.2.12", "ex05.example.org", 2, s->now);
	assert_int_equal(publish(s, "192.0.2.12"), 1);
	assert_int_equal(store_forget(s->w.store, &gone, NULL, &s->w.e), 1);
	assert_int_equal(publish(s, "192.0.2.9"), 1);
	world_put(&s->w, "192.0.2.10", "ex04.example.org", 5, s->now);
	assert_int_equal(publish(s, "192.0.2.10"), 1);
}

/* test_repair_parts - whichever part it comes after, nothing of that is drift or undone */
static void test_repair_parts(void **state)
{
	struct scene *s = *state;
	struct verdict v;
	uint64_t drift;
	int more = 1;

	for (int parts = 0; more; parts++) {
		world_close(&s->w);
		world_open(&s->w);
		fake_reset();
		damaged(s);
		drift = enforcer_stats(s->enforcer)->drift;
		for (int i = 0; more && i < parts; i++)
			more = enforcer_repair(s->enforcer, s->now, &s->w.e);
		meanwhile(s);
		repair(s);
		assert_int_equal(enforcer_stats(s->enforcer)->drift - drift, 4);
		assert_true(live("192.0.2.12", &v));
		assert_false(live("192.0.2.9", &v));
		assert_true(live("192.0.2.10", &v));
		assert_int_equal(v.block_s, 3600);
		assert_int_equal(fake_verdicts.count, 5);
		assert_int_equal(s->settings.tarpits, 2);
		assert_in_range(parts, 0, 20);
	}
}

/* test_repair_ends - what changes all that is wanted is no drift: the comparison begins anew */
static void test_repair_ends(void **state)
{
	struct scene *s = *state;
	struct policy *policy;
	struct verdict v;

	damaged(s);
	assert_int_equal(enforcer_repair(s->enforcer, s->now, &s->w.e), 1);
	assert_int_equal(policy_load("exchange-online", "maps/policy", &policy, &s->w.e), 0);
	enforcer_use(s->enforcer, policy);
	assert_true(enforcer_publish_all(s->enforcer, s->now, &s->w.e) > 0);
	assert_int_equal(repair(s), 0);
	assert_false(live("203.0.113.9", &v));
	enforcer_use(s->enforcer, s->w.policy);
	policy_free(policy);
}

/* test_repair_full - what has no place is said, and no drift */
static void test_repair_full(void **state)
{
	struct scene *s = *state;
	uint64_t drift;
	int r;

	damaged(s);
	fake_verdicts.room = 4;
	fake_verdicts.count = 4; /* another one has gone */
	drift = enforcer_stats(s->enforcer)->drift;
	while ((r = enforcer_repair(s->enforcer, s->now, &s->w.e)) > 0)
		;
	assert_int_equal(r, -E2BIG);
	assert_non_null(strstr(s->w.e.text, "full"));
	assert_true(fake_verdicts.count <= 4);
	fake_verdicts.room = FAKE_ENTRIES;
	repair(s);
	assert_int_equal(fake_verdicts.count, 5);
	assert_true(enforcer_stats(s->enforcer)->drift - drift <= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_repair),
		TEST(test_repair_parts),
		TEST(test_repair_ends),
		TEST(test_repair_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
