/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows - what the tables of the prog tests share: counters compared, the clock, a clean gate
 *
 * A frame leaves a program with exactly one PASS or DROP reason counted at one hook. So a row
 * is: look(), feed, exits_as(). noted() says how often a NOTE was made since look(). A row that
 * fails is named on stderr with what was counted instead.
 */
#ifndef BUILDGATE_TESTS_ROWS_H
#define BUILDGATE_TESTS_ROWS_H

#include "tests/prog/conversation.h"

#define SECOND 1000000000ULL
#define HOUR   (3600 * SECOND)
#define NOON   (100000 * HOUR) /* the tests' hour begins here */

enum kind { KIND_NONE, KIND_PASS, KIND_DROP, KIND_ANSWER, KIND_NOTE };

static const struct {
	const char *name;
	enum kind kind;
} reasons[REASON_MAX] = {
#define X(number, name, kind, text) [number] = { #name, KIND_##kind },
	REASON_LIST(X)
#undef X
};

/* random_next - numbers that are the same in every run (xorshift, Marsaglia 2003) */
static inline uint32_t random_next(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* What a hook's program returns for a packet that passes, and for one that does not. */
static inline int returned(enum hook hook, bool drop)
{
	if (hook == HOOK_XDP)
		return drop ? 1 : 2; /* XDP_DROP, XDP_PASS */
	return drop ? 2 : -1;        /* TC_ACT_SHOT, TC_ACT_UNSPEC */
}

struct look {
	struct counters at[HOOK_MAX];
};

static inline struct look look(struct instance *gate)
{
	struct look l;

	assert_int_equal(instance_counters(gate, l.at), 0);
	return l;
}

/* noted - how often this was counted at any hook since */
static inline uint64_t noted(struct instance *gate, const struct look *since, enum reason reason)
{
	struct look now = look(gate);
	uint64_t n = 0;

	for (int hook = 0; hook < HOOK_MAX; hook++)
		n += now.at[hook].count[reason] - since->at[hook].count[reason];
	return n;
}

/* exits - what left the gate since, in words; returns how many packets */
static inline uint64_t exits(struct instance *gate, const struct look *since, FILE *to)
{
	static const char *const hooks[] = { "xdp", "ingress", "egress", "sockops", "tls" };
	struct look now = look(gate);
	uint64_t n = 0;

	for (int hook = 0; hook < HOOK_MAX; hook++)
		for (int r = 0; r < REASON_MAX; r++) {
			uint64_t d = now.at[hook].count[r] - since->at[hook].count[r];

			if (!d)
				continue;
			if (reasons[r].kind != KIND_NONE && reasons[r].kind != KIND_NOTE)
				n += d;
			if (to)
				fprintf(to, " %s %s +%llu,", hooks[hook], reasons[r].name,
					(unsigned long long)d);
		}
	return n;
}

/* exits_as - one packet went through `hook` since, for this reason, and returned as it says */
static inline void exits_as(struct talk *t, const struct look *since, const char *row,
			    enum hook hook, enum reason reason)
{
	struct look now = look(t->gate);
	bool one = now.at[hook].count[reason] - since->at[hook].count[reason] == 1 &&
		   exits(t->gate, since, NULL) == 1;

	if (one && t->last == (reasons[reason].kind == KIND_ANSWER
				       ? 7 /* TC_ACT_REDIRECT */
				       : returned(hook, reasons[reason].kind == KIND_DROP)))
		return;
	fprintf(stderr, "row \"%s\", %s, expected %s; returned %d, counted", row,
		t->ipv6 ? "IPv6" : "IPv4", reasons[reason].name, t->last);
	exits(t->gate, since, stderr);
	fputc('\n', stderr);
	fail();
}

/* empty - take everything out of a map */
static inline void empty(int fd)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

/* free_slots - no session holds one */
static inline void free_slots(struct instance *gate)
{
	static const struct slow_slot nobody;

	for (uint32_t i = 0; i < SLOTS_MAX; i++)
		assert_int_equal(
			bpf_map_update_elem(instance_fds(gate)->slow_slots, &i, &nobody, BPF_ANY),
			0);
}

/* clean - no verdicts, ranges or connections, settings as a daemon in enforce mode has them,
 * and kernel time at noon */
static inline void clean(struct instance *gate)
{
	const struct instance_fds *fds = instance_fds(gate);
	volatile struct settings *s = instance_settings(gate);

	empty(fds->verdicts);
	empty(fds->ranges);
	empty(fds->flows);
	empty(fds->pending);
	empty(fds->handshakes);
	empty(fds->rechecks);
	empty(fds->recheck_names);
	empty(fds->ipsec_peers);
	seen(gate);
	s->mode = MODE_ENFORCE;
	s->enforce_until_ns = 0;
	s->lease_until_ns = NOON + 24 * HOUR;
	s->recheck_interval_ns = HOUR;
	s->slow_delay_ms = 10000;
	s->ranges = 0;
	s->tarpits = 0;
	s->answer_rate = 0;
	s->ipsec = 0;
	s->answer_via = ANSWER_REFLECT;
	s->slow_max = SLOTS_MAX;
	free_slots(gate);
	instance_clock(gate, NOON);
}

/* clean_gate - cmocka setup */
static inline int clean_gate(void **state)
{
	clean(*state);
	return 0;
}

/* judge - the talk's source gets this verdict */
static inline void judge(const struct talk *t, const struct verdict *v)
{
	struct addr a = source(t);

	assert_int_equal(instance_verdict(t->gate, &a, v), 0);
}

/* verdict_of - as it is now, with the counts the programs keep */
static inline struct verdict verdict_of(const struct talk *t)
{
	struct addr a = source(t);
	struct verdict v;

	assert_int_equal(bpf_map_lookup_elem(instance_fds(t->gate)->verdicts, &a, &v), 0);
	return v;
}

/* syn - a connection attempt at a hook, not yet answered */
static inline void syn(struct talk *t, enum hook hook)
{
	uint8_t f[4096];

	feed_hook(t, hook, f, build_frame(t, true, t->client_seq, 0, SYN, "", 0, f));
}

#endif
