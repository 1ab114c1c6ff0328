// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/enforcer_scene.h"

#define NS 1000000000ULL

/* decide - as reports ask */
static struct enforced decide(struct scene *s, const char *text, enum mode mode)
{
	struct addr a = world_addr(text);
	struct enforced enforced;
	struct source source;

	assert_true(store_source_load(s->w.store, &a, &source, &s->w.e) >= 0);
	enforcer_decide(s->enforcer, &source, mode, s->now, &enforced);
	source_clear(&source);
	return enforced;
}

/* test_words - names and back, and which style belongs where */
static void test_words(void **state)
{
	(void)state;
	for (uint8_t i = ACTION_PASS; i <= ACTION_DROP; i++)
		assert_int_equal(action_parse(action_name(i)), i);
	for (uint8_t i = STYLE_SLOW; i <= STYLE_SILENT; i++)
		assert_int_equal(style_parse(style_name(i)), i);
	assert_int_equal(action_parse("block"), 0);
	assert_int_equal(style_parse(""), 0);
	assert_null(action_name(0));
	assert_null(style_name(99));
	assert_string_equal(enforced_by_name(ENFORCED_CLOCK), "clock");
	assert_true(style_fits(ACTION_TARPIT, STYLE_DEFER));
	assert_false(style_fits(ACTION_TARPIT, STYLE_SILENT));
	assert_true(style_fits(ACTION_DROP, STYLE_ANSWER));
	assert_false(style_fits(ACTION_PASS, STYLE_SLOW));
}

/* test_stages - minutes of the default policy as seconds of the hour */
static void test_stages(void **state)
{
	static const struct {
		uint32_t stage;
		bool entry;
		unsigned int throttle_s, block_s;
	} rows[] = {
		{ 0, false, 0, 0 },  { 1, false, 0, 0 },   { 2, true, 300, 0 },
		{ 3, true, 600, 0 }, { 4, true, 1200, 0 }, { 5, true, 0, 3600 },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict v;

		world_put(&s->w, "192.0.2.7", "ex01.example.org", rows[i].stage, s->now);
		publish(s, "192.0.2.7");
		assert_int_equal(live("192.0.2.7", &v), rows[i].entry);
		if (!rows[i].entry)
			continue;
		assert_int_equal(v.throttle_s, rows[i].throttle_s);
		assert_int_equal(v.block_s, rows[i].block_s);
		assert_int_equal(v.flags, VERDICT_CLOCK);
		assert_int_equal(v.tarpit_style, STYLE_SLOW);
		assert_int_equal(v.drop_style, STYLE_SILENT);
		assert_true(v.build == OLD_BUILD);
		assert_true(v.phase_s < 3600);
		assert_int_equal(v.valid_until_ns, 0);
		assert_int_equal(v.recheck_at_ns != 0, rows[i].block_s != 0);
	}
}

/* test_phases - sources do not share their minute */
static void test_phases(void **state)
{
	struct scene *s = *state;
	unsigned int quarter[4] = { 0 };
	char source[32];
	struct verdict v;

	for (int i = 1; i <= 60; i++) {
		snprintf(source, sizeof(source), "192.0.2.%d", i);
		world_put(&s->w, source, "ex01.example.org", 2, s->now);
		publish(s, source);
		assert_true(live(source, &v));
		quarter[v.phase_s / 900]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(quarter[i], 5, 30);
}

/* test_live_fields - the kernel's counts survive, its recheck while the block goes on */
static void test_live_fields(void **state)
{
	struct addr a = world_addr("192.0.2.7");
	struct scene *s = *state;
	struct verdict v;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	assert_int_equal(publish(s, "192.0.2.7"), 1);
	assert_int_equal(publish(s, "192.0.2.7"), 0);
	assert_int_equal(fake_verdicts.writes, 1);
	live("192.0.2.7", &v);
	/* the block began two hours ago, so its first recheck was due an hour ago */
	assert_in_range(v.recheck_at_ns / NS, clock_wall_to_kernel(s->now - HOUR) / NS - 1,
			clock_wall_to_kernel(s->now - HOUR) / NS + 1);
	v.hits_dropped = 11;
	v.hits_recheck = 1;
	v.recheck_at_ns += 3600 * NS;
	v.pending = 2;
	v.pending_since_ns = 12;
	bpf_map_update_elem(FAKE_VERDICTS, &a, &v, 0);
	assert_int_equal(publish(s, "192.0.2.7"), 0);

	world_decide(&s->w, DECISION_SET, "192.0.2.7", ACTION_TARPIT, 0, s->now, 0);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), 1);
	live("192.0.2.7", &v);
	assert_int_equal(v.hits_dropped, 11);
	assert_int_equal(v.recheck_at_ns, 0);
	assert_int_equal(v.hits_recheck, 1);
	assert_int_equal(v.pending, 0);
	assert_int_equal(v.pending_since_ns, 0); /* whether this block had a recheck */
	assert_int_equal(v.throttle_s, 3600);
	assert_int_equal(v.flags, 0);
}

/* test_recheck - at once for a blocked source, nothing for others */
static void test_recheck(void **state)
{
	struct addr a = world_addr("192.0.2.7"), b = world_addr("192.0.2.8");
	struct scene *s = *state;
	struct verdict v;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 2, s->now);
	publish(s, "192.0.2.7");
	publish(s, "192.0.2.8");
	live("192.0.2.7", &v);
	v.recheck_at_ns = clock_kernel_ns() + 1800 * NS;
	bpf_map_update_elem(FAKE_VERDICTS, &a, &v, 0);
	assert_int_equal(enforcer_recheck(s->enforcer, &a, &s->w.e), 1);
	live("192.0.2.7", &v);
	assert_true(v.recheck_at_ns <= clock_kernel_ns());
	assert_int_equal(enforcer_recheck(s->enforcer, &b, &s->w.e), 0);
}

/* test_precedence - each step of the order, from the weakest up */
static void test_precedence(void **state)
{
	struct scene *s = *state;
	struct enforced d;

	assert_int_equal(decide(s, "192.0.2.7", MODE_ENFORCE).by, ENFORCED_NOBODY);
	world_put(&s->w, "192.0.2.7", "ex01.example.org", 4, s->now);
	d = decide(s, "192.0.2.7", MODE_ENFORCE);
	assert_int_equal(d.by, ENFORCED_CLOCK);
	assert_int_equal(d.action, ACTION_TARPIT);
	assert_int_equal(d.throttle_min, 20);

	/* a neighbour without a build under the same address */
	world_put(&s->w, "192.0.2.7", "mx.example.org", 0, s->now);
	{
		struct addr a = world_addr("192.0.2.7");
		struct source source;

		store_source_load(s->w.store, &a, &source, &s->w.e);
		source_find(&source, "mx.example.org")->build = 0;
		source_find(&source, "mx.example.org")->build_at = 0;
		source_find(&source, "mx.example.org")->last_carried = 0;
		source_find(&source, "mx.example.org")->last_acting = 0;
		source_find(&source, "mx.example.org")->dirty = true;
		store_source_save(s->w.store, &source, &s->w.e);
		source_clear(&source);
	}
	d = decide(s, "192.0.2.7", MODE_ENFORCE);
	assert_int_equal(d.by, ENFORCED_SHARED);
	assert_int_equal(d.action, ACTION_PASS);
	assert_false(d.entry);

	world_decide(&s->w, DECISION_PAUSE, "192.0.2.7", 0, 0, s->now, s->now + DAY_S);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	d = decide(s, "192.0.2.7", MODE_ENFORCE);
	assert_int_equal(d.by, ENFORCED_PAUSE);
	assert_int_equal(d.paused_until, s->now + DAY_S);

	world_decide(&s->w, DECISION_SET, "192.0.2.7", ACTION_DROP, STYLE_ANSWER, s->now, 0);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	d = decide(s, "192.0.2.7", MODE_ENFORCE);
	assert_int_equal(d.by, ENFORCED_SET);
	assert_int_equal(d.action, ACTION_DROP);
	assert_int_equal(d.drop_style, STYLE_ANSWER);
	assert_int_equal(d.block_min, 60);

	d = decide(s, "192.0.2.7", MODE_REPORT);
	assert_int_equal(d.by, ENFORCED_REPORT);
	assert_int_equal(d.action, ACTION_PASS);
	assert_int_equal(d.block_min, 60);

	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.0/24", 0, 0, s->now, 0);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	d = decide(s, "192.0.2.7", MODE_REPORT);
	assert_int_equal(d.by, ENFORCED_EXEMPT);
	assert_true(d.exempt);
	assert_false(d.entry);
	assert_int_equal(decide(s, "192.0.2.7", MODE_OFF).by, ENFORCED_OFF);
}

/* test_set - each action, its end in the kernel, and its end in the store */
static void test_set(void **state)
{
	struct scene *s = *state;
	struct verdict v;
	uint64_t decided;

	world_decide(&s->w, DECISION_SET, "192.0.2.7", ACTION_PASS, 0, s->now, 0);
	world_decide(&s->w, DECISION_SET, "2001:db8::/64", ACTION_TARPIT, 0, s->now, s->now + HOUR);
	world_decide(&s->w, DECISION_SET, "192.0.2.9", ACTION_DROP, STYLE_ANSWER, s->now, 0);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), 3);
	assert_true(live("192.0.2.7", &v));
	assert_int_equal(v.throttle_s + v.block_s, 0);
	assert_true(live("2001:db8::", &v));
	assert_int_equal(v.throttle_s, 3600);
	assert_true(v.valid_until_ns > clock_kernel_ns());
	assert_true(live("192.0.2.9", &v));
	assert_int_equal(v.drop_style, STYLE_ANSWER);
	assert_int_equal(v.recheck_at_ns, 0);
	assert_int_equal(enforcer_stats(s->enforcer)->entries, 3);
	assert_int_equal(s->settings.tarpits, 1);

	assert_int_equal(enforcer_next_end(s->enforcer, s->now), s->now + HOUR);
	assert_int_equal(enforcer_tick(s->enforcer, s->now + HOUR - 1, &s->w.e), 0);
	assert_int_equal(enforcer_tick(s->enforcer, s->now + HOUR, &s->w.e), 1);
	assert_int_equal(enforcer_next_end(s->enforcer, s->now), 0);
	assert_false(live("2001:db8::", &v));
	assert_int_equal(s->settings.tarpits, 0);
	decided = s->settings.decided;
	world_undecide(&s->w, DECISION_SET, "192.0.2.9", s->now);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), 1);
	assert_false(live("192.0.2.9", &v));
	assert_true(s->settings.decided > decided);
	assert_int_equal(enforcer_stats(s->enforcer)->entries, 1);
}

/* range - the map's value for a range; false: none */
static bool range(const char *text, struct range *ret)
{
	struct range_key key;

	assert_int_equal(range_parse(text, &key.addr, &key.prefix_bits), 0);
	return bpf_map_lookup_elem(FAKE_RANGES, &key, ret) == 0;
}

/* test_ranges - what the kernel must find by range; exemptions win over longer prefixes */
static void test_ranges(void **state)
{
	struct scene *s = *state;
	struct verdict v;
	struct range r;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "198.51.100.7", "ex02.example.org", 2, s->now);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 2);
	assert_int_equal(s->settings.tarpits, 1);
	assert_int_equal(s->settings.ranges, 0);

	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.0/24", 0, 0, s->now, 0);
	world_decide(&s->w, DECISION_SET, "192.0.2.0/25", ACTION_DROP, 0, s->now, 0);
	world_decide(&s->w, DECISION_SET, "198.51.100.0/24", ACTION_DROP, 0, s->now, 0);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_int_equal(s->settings.ranges, 2);
	assert_true(range("192.0.2.0/24", &r));
	assert_int_equal(r.action, ACTION_PASS);
	assert_false(range("192.0.2.0/25", &r));
	assert_true(range("198.51.100.0/24", &r));
	assert_int_equal(r.action, ACTION_DROP);
	assert_int_equal(r.style, STYLE_SILENT);
	assert_false(live("192.0.2.7", &v));
	assert_true(live("198.51.100.7", &v));
	assert_int_equal(v.block_s, 3600);

	/* hits stay when something else changes */
	{
		struct range_key key;

		range_parse("198.51.100.0/24", &key.addr, &key.prefix_bits);
		r.hits = 9;
		bpf_map_update_elem(FAKE_RANGES, &key, &r, 0);
	}
	world_undecide(&s->w, DECISION_EXEMPT, "192.0.2.0/24", s->now);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_false(range("192.0.2.0/24", &r));
	assert_true(range("192.0.2.0/25", &r));
	assert_true(range("198.51.100.0/24", &r));
	assert_int_equal(r.hits, 9);
	assert_true(live("192.0.2.7", &v));
}

/* test_ranged - a range smaller than an IPv6 source is left to the kernel */
static void test_ranged(void **state)
{
	struct scene *s = *state;
	struct verdict v;
	struct range r;

	world_put(&s->w, "2001:db8::", "ex01.example.org", 5, s->now);
	world_decide(&s->w, DECISION_EXEMPT, "2001:db8::25", 0, 0, s->now, 0);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_true(range("2001:db8::25", &r));
	assert_true(live("2001:db8::", &v));
	assert_int_equal(v.flags, VERDICT_CLOCK | VERDICT_RANGED);
	assert_int_equal(v.block_s, 3600);
}

/* test_own - our own addresses: exempt whatever was said, in the map only where it matters */
static void test_own(void **state)
{
	struct addr v4 = world_addr("192.0.2.7"), v6 = world_addr("2001:db8::1");
	struct scene *s = *state;
	struct verdict v;
	struct range r;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "2001:db8::", "ex02.example.org", 5, s->now);
	enforcer_own(s->enforcer, &v4, 128);
	enforcer_own(s->enforcer, &v6, 128);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), 1);
	assert_false(live("192.0.2.7", &v));
	assert_true(live("2001:db8::", &v));
	assert_true(v.flags & VERDICT_RANGED);
	assert_true(range("2001:db8::1", &r));
	assert_false(range("192.0.2.7", &r));
	world_decide(&s->w, DECISION_SET, "192.0.2.0/24", ACTION_DROP, 0, s->now, 0);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_true(range("192.0.2.7", &r));
	assert_int_equal(r.action, ACTION_PASS);

	enforcer_own_clear(s->enforcer);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_true(live("192.0.2.7", &v));
}

/* test_restart - what the store does not know goes, what is right is left alone */
static void test_restart(void **state)
{
	struct addr stranger = world_addr("203.0.113.9"), a = world_addr("192.0.2.7");
	struct verdict v = { .block_s = 3600 };
	struct scene *s = *state;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 2, s->now);
	world_put(&s->w, "192.0.2.9", "ex03.example.org", 1, s->now);
	world_decide(&s->w, DECISION_SET, "192.0.2.10", ACTION_PASS, 0, s->now, 0);
	start(s);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 3);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 0);
	assert_int_equal(enforcer_stats(s->enforcer)->drift, 0);
	assert_int_equal(enforcer_stats(s->enforcer)->entries, 3);

	/* another daemon, the same pinned maps, and somebody was at them meanwhile */
	bpf_map_update_elem(FAKE_VERDICTS, &stranger, &v, 0);
	live("192.0.2.7", &v);
	v.hits_dropped = 5;
	bpf_map_update_elem(FAKE_VERDICTS, &a, &v, 0);
	start(s);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 1);
	assert_int_equal(enforcer_stats(s->enforcer)->drift, 1);
	assert_false(live("203.0.113.9", &v));
	assert_true(live("192.0.2.7", &v));
	assert_int_equal(v.hits_dropped, 5);
}

/* test_full_map - what does not fit is counted and said, the rest is in */
static void test_full_map(void **state)
{
	struct scene *s = *state;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.9", "ex03.example.org", 5, s->now);
	fake_verdicts.room = 2;
	assert_true(enforcer_publish_all(s->enforcer, s->now, &s->w.e) < 0);
	assert_non_null(strstr(s->w.e.text, "full"));
	assert_int_equal(fake_verdicts.count, 2);
	assert_int_equal(enforcer_stats(s->enforcer)->failed, 1);
	assert_int_equal(enforcer_stats(s->enforcer)->entries, 2);
}

/* test_full_ranges - exemptions get their place first, and the verdicts come in any case */
static void test_full_ranges(void **state)
{
	static const char *const set[] = { "203.0.113.0/26", "203.0.113.64/26",
					   "203.0.113.128/26" };
	struct range_key key;
	struct scene *s = *state;
	struct range value;
	struct verdict v;

	fake_ranges.room = 2;
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		world_decide(&s->w, DECISION_SET, set[i], ACTION_DROP, 0, s->now, 0);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), -EXFULL);
	assert_non_null(strstr(s->w.e.text, "ranges_max"));
	assert_int_equal(enforcer_stats(s->enforcer)->unfit, 1);
	assert_int_equal(fake_ranges.count, 2);

	/* one range makes room for the exemption, and a single address is set as ever */
	world_undecide(&s->w, DECISION_SET, set[0], s->now);
	world_decide(&s->w, DECISION_EXEMPT, "198.51.100.0/24", 0, 0, s->now, 0);
	world_decide(&s->w, DECISION_SET, "192.0.2.7", ACTION_DROP, 0, s->now, 0);
	assert_int_equal(enforcer_reload(s->enforcer, s->now, &s->w.e), -EXFULL);
	assert_int_equal(range_parse("198.51.100.0/24", &key.addr, &key.prefix_bits), 0);
	assert_int_equal(bpf_map_lookup_elem(FAKE_RANGES, &key, &value), 0);
	assert_true(live("192.0.2.7", &v));
	assert_int_equal(enforcer_stats(s->enforcer)->unfit, 1);

	fake_ranges.room = 3;
	assert_true(enforcer_publish_all(s->enforcer, s->now, &s->w.e) >= 0);
	assert_int_equal(enforcer_stats(s->enforcer)->unfit, 0);
}

/* test_pause_without_clock - a pause of a source nobody knows is ended by the tick */
static void test_pause_without_clock(void **state)
{
	struct scene *s = *state;
	struct source source;
	struct addr a = world_addr("192.0.2.7");

	world_decide(&s->w, DECISION_PAUSE, "192.0.2.7", 0, 0, s->now, s->now + HOUR);
	enforcer_reload(s->enforcer, s->now, &s->w.e);
	assert_int_equal(enforcer_tick(s->enforcer, s->now + HOUR, &s->w.e), 0);
	store_source_load(s->w.store, &a, &source, &s->w.e);
	assert_false(source.paused_since);
	source_clear(&source);
}

/* test_exempts - a `set` on it is recorded, and no more: also when it is ours, or a part of it */
static void test_exempts(void **state)
{
	static const struct {
		const char *range;
		bool exempt;
	} rows[] = {
		{ "192.0.2.7", true },        { "192.0.2.0/25", true },  { "192.0.2.0/24", true },
		{ "192.0.0.0/16", false },    { "198.51.100.25", true }, { "198.51.100.26", false },
		{ "198.51.100.0/24", false },
	};
	struct addr own = world_addr("198.51.100.25"), a;
	struct scene *s = *state;
	unsigned int bits;

	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.0/24", 0, 0, s->now, s->now + HOUR);
	assert_int_equal(enforcer_own(s->enforcer, &own, 128), 0);
	assert_true(enforcer_reload(s->enforcer, s->now, &s->w.e) >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(range_parse(rows[i].range, &a, &bits), 0);
		assert_int_equal(enforcer_exempts(s->enforcer, &a, bits, s->now), rows[i].exempt);
	}
	a = world_addr("192.0.2.7");
	assert_false(enforcer_exempts(s->enforcer, &a, 128, s->now + HOUR));
}

/* text_of - the refusal that a verdict points at */
static const char *text_of(uint16_t reply)
{
	static char text[REPLY_BYTES + 1];

	assert_true(fake_replies[reply].used);
	memcpy(text, fake_replies[reply].text[REPLY_REFUSAL], REPLY_BYTES);
	return text;
}

/* test_texts - every verdict points at texts of its own cause, which are there before it */
static void test_texts(void **state)
{
	struct scene *s = *state;
	struct reply_site site = { .hostname = "mx.example.net", .contact = "a@example.net" };
	struct addr range = world_addr("198.51.100.0");
	struct range_key key = { .prefix_bits = 120, .addr = range };
	struct verdict slow, block, set;
	struct range r;

	assert_int_equal(replies_open(FAKE_REPLIES, FAKE_KEYS, &s->replies, &s->w.e), 0);
	assert_int_equal(replies_use(s->replies, &site, s->now, &s->w.e), 0);
	world_put(&s->w, "192.0.2.7", "ex01.example.org", 3, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 5, s->now);
	world_decide(&s->w, DECISION_SET, "192.0.2.9", ACTION_DROP, 0, s->now, 0);
	start(s);
	enforcer_styles(s->enforcer, STYLE_DEFER, STYLE_ANSWER);
	assert_true(enforcer_publish_all(s->enforcer, s->now, &s->w.e) > 0);
	assert_true(live("192.0.2.7", &slow) && live("192.0.2.8", &block) &&
		    live("192.0.2.9", &set));
	assert_int_equal(slow.tarpit_style, STYLE_DEFER);
	assert_int_equal(block.drop_style, STYLE_ANSWER);
	assert_non_null(strstr(text_of(slow.reply), "delayed 10 minutes of every hour"));
	assert_non_null(strstr(text_of(block.reply), "refused 60 minutes of every hour"));
	assert_int_equal(fake_replies[block.reply].build, block.build);
	assert_non_null(strstr(text_of(set.reply), "by decision of its operator"));
	/* the same again changes nothing */
	assert_int_equal(enforcer_publish_all(s->enforcer, s->now, &s->w.e), 0);
	/* a range has the operator's texts too */
	world_decide(&s->w, DECISION_SET, "198.51.100.0/24", ACTION_DROP, 0, s->now, 0);
	assert_true(enforcer_reload(s->enforcer, s->now, &s->w.e) >= 0);
	assert_int_equal(bpf_map_lookup_elem(FAKE_RANGES, &key, &r), 0);
	assert_int_equal(r.style, STYLE_ANSWER);
	assert_int_equal(r.reply, set.reply);
	/* a pass needs none */
	world_decide(&s->w, DECISION_SET, "192.0.2.9", ACTION_PASS, 0, s->now, 0);
	assert_true(enforcer_reload(s->enforcer, s->now, &s->w.e) >= 0);
	assert_true(live("192.0.2.9", &set));
	assert_int_equal(set.reply, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words),       TEST(test_stages),
		TEST(test_phases),      TEST(test_live_fields),
		TEST(test_recheck),     TEST(test_precedence),
		TEST(test_set),         TEST(test_ranges),
		TEST(test_ranged),      TEST(test_own),
		TEST(test_restart),     TEST(test_full_map),
		TEST(test_full_ranges), TEST(test_pause_without_clock),
		TEST(test_exempts),     TEST(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
