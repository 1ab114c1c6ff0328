// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection attempt of a source that is dropped in silence, with anything done to its headers:
 * XDP decides the same for one of a flood, where it only looks at a few bytes, as for one alone,
 * and TC ingress drops the same and finds the same malformed. BUILDGATE_TEST=quick takes a
 * sixteenth.
 */
#include "tests/prog/rows.h"

#include <sched.h>

#define FLOOD_HELD 63 /* of bpf/flood.h */

static const struct verdict silent = { .block_s = 3600, .drop_style = STYLE_SILENT };
static struct instance *flooded; /* a second gate, where the source never stops */
static unsigned int unasked;     /* frames there since its verdict was asked for */

struct outcome {
	int returned;
	enum reason reason;
};

/* outcome - what a hook makes of a frame */
static struct outcome outcome(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	struct look before = look(t->gate), now;
	struct outcome o = { .returned = feed_hook(t, hook, f, bytes) };
	unsigned int n = 0;

	now = look(t->gate);
	for (int r = 0; r < REASON_MAX; r++)
		if (reasons[r].kind != KIND_NOTE &&
		    now.at[hook].count[r] != before.at[hook].count[r]) {
			o.reason = r;
			n++;
		}
	assert_int_equal(n, 1);
	return o;
}

/* alone - what XDP makes of it where its source has sent nothing in this tick */
static struct outcome alone(struct talk *t, const uint8_t *f, size_t bytes)
{
	instance_settings(t->gate)->decided++;
	return outcome(t, HOOK_XDP, f, bytes);
}

/* held - one more of the flood: it is dropped without being asked for */
static bool held(struct talk *t)
{
	uint64_t hits = verdict_of(t).hits_dropped;

	syn(t, HOOK_XDP);
	unasked = verdict_of(t).hits_dropped == hits ? unasked + 1 : 0;
	return unasked;
}

/* of_flood - and what between two of a flood that are not asked for, and it would not be either */
static struct outcome of_flood(const struct talk *of, const uint8_t *f, size_t bytes)
{
	struct talk t = *of;
	struct outcome o;

	t.gate = flooded;
	for (int i = 0; i < 100000; i++) {
		if (!held(&t) || unasked > FLOOD_HELD - 2)
			continue;
		o = outcome(&t, HOOK_XDP, f, bytes);
		unasked++;
		if (held(&t))
			return o;
	}
	fail_msg("no flood within a tick");
	return o;
}

static void differ(struct talk *t, const uint8_t *f, size_t bytes, const char *what,
		   struct outcome a, struct outcome b)
{
	fprintf(stderr, "%s: %s, not %s:", what, reasons[b.reason].name, reasons[a.reason].name);
	for (size_t i = 12; i < bytes; i++)
		fprintf(stderr, " %02x", f[i]);
	fail_msg("%s", t->ipv6 ? "\nIPv6" : "\nIPv4");
}

/* same - the same decision on a frame, everywhere; TC's test runs refuse some that are cut */
static void same(struct talk *t, const uint8_t *f, size_t bytes, bool tc)
{
	struct outcome a = alone(t, f, bytes), b = of_flood(t, f, bytes);

	if (a.returned != b.returned || a.reason != b.reason)
		differ(t, f, bytes, "of a flood", a, b);
	if (!tc)
		return;
	b = outcome(t, HOOK_INGRESS, f, bytes);
	if ((a.returned == returned(HOOK_XDP, true)) !=
		    (b.returned == returned(HOOK_INGRESS, true)) ||
	    (a.reason == REASON_MALFORMED) != (b.reason == REASON_MALFORMED))
		differ(t, f, bytes, "at TC ingress", a, b);
}

static unsigned int part(void)
{
	const char *how = getenv("BUILDGATE_TEST");

	return how && !strcmp(how, "quick") ? 16 : 1;
}

/* attempt - a SYN of a source that is dropped, at both gates */
static size_t attempt(struct talk *t, struct instance *gate, bool ipv6, unsigned int options,
		      uint8_t *f)
{
	*t = talk(gate, ipv6);
	t->tcp_options = options;
	judge(t, &silent);
	t->gate = flooded;
	judge(t, &silent);
	t->gate = gate;
	return build_frame(t, true, t->client_seq, 0, SYN, "", 0, f);
}

static void every_value_of_each_byte(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t;
		uint8_t f[4096], was;
		size_t n = attempt(&t, *state, ipv6, 0, f);

		assert_int_equal(of_flood(&t, f, n).reason, REASON_SILENT);
		for (size_t at = 12; at < n; at++, f[at - 1] = was) {
			was = f[at];
			for (unsigned int byte = at % part(); byte < 256; byte += part()) {
				f[at] = byte;
				same(&t, f, n, true);
			}
		}
	}
}

/* Lengths with each other, and whatever else comes together. */
static void bytes_together(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t;
		uint8_t f[4096], kept[4096];
		size_t n = attempt(&t, *state, ipv6, 0, f), at = ipv6 ? 18 : 16, doff = n - 8;

		memcpy(kept, f, n);
		for (unsigned int length = 0; length < 128; length += part())
			for (unsigned int words = 0; words < 16; words++) {
				put16(f + at, length);
				f[doff] = words << 4;
				same(&t, f, n + 8, true); /* padded */
				memcpy(f, kept, n);
			}
		for (unsigned int i = 0; i < 8192 / part(); i++) {
			for (unsigned int j = 0; j < 2 + i % 3; j++)
				f[12 + random_next() % (n - 12)] = random_next();
			same(&t, f, n, true);
			memcpy(f, kept, n);
		}
	}
}

static void every_length_of_a_cut_frame(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t;
		uint8_t f[4096];
		size_t n = attempt(&t, *state, ipv6, 20, f);

		for (size_t cut = INSTANCE_FRAME_MIN; cut < n; cut++) {
			same(&t, f, cut, false);
			assert_int_equal(alone(&t, f, cut).reason, REASON_MALFORMED);
		}
	}
}

/* one_cpu - floods are known to a CPU each */
static int one_cpu(void **state)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	assert_int_equal(sched_setaffinity(0, sizeof(cpu), &cpu), 0);
	flooded = open_sized(0);
	return flooded ? open_gate(state) : -1;
}

static int close_both(void **state)
{
	instance_close(flooded);
	return close_gate(state);
}

/* clean_both - cmocka setup */
static int clean_both(void **state)
{
	clean(flooded);
	return clean_gate(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_value_of_each_byte, clean_both),
		cmocka_unit_test_setup(bytes_together, clean_both),
		cmocka_unit_test_setup(every_length_of_a_cut_frame, clean_both),
	};

	return cmocka_run_group_tests(tests, one_cpu, close_both);
}
