// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many sessions are slowed: two of a source, slow_max in all, and what becomes of a
 * connection beyond; who gives a slot back and when. Time goes by the gate's clock.
 */
#include "tests/prog/answered.h"

#define DELAY (10 * SECOND)

static const struct verdict SLOWED = {
	.throttle_s = 3600, .tarpit_style = STYLE_SLOW, .drop_style = STYLE_ANSWER, .reply = TEXTS
};

/* client_of - another connection of the source HOST, which has the verdict */
static struct talk client_of(struct instance *gate, bool ipv6, uint32_t host)
{
	struct talk t = talk(gate, ipv6);

	t.client_host = t.client_net = host;
	judge(&t, &SLOWED);
	return t;
}

/* attempt - its SYN at ingress leaves the gate for this reason */
static void attempt(struct talk *t, const char *what, enum reason reason)
{
	struct look before = look(t->gate);

	syn(t, HOOK_INGRESS);
	exits_as(t, &before, what, HOOK_INGRESS, reason);
}

/* greet - the server answers the attempt; is its greeting held back? */
static bool greet(struct talk *t)
{
	struct look before = look(t->gate);

	t->client_seq++;
	frame(t, false, t->server_seq++, t->client_seq, SYN | ACK, "", 0);
	acknowledge(t, true);
	server(t, "220 mx.example.net ESMTP\r\n");
	return noted(t->gate, &before, REASON_SLOWED);
}

/* takes - after noon and its wait the session goes on: the window is shown, the client says
 * something and the server takes it. Is the reply held back? */
static bool takes(struct talk *t, uint64_t after_s)
{
	struct look before;

	instance_clock(t->gate, NOON + after_s * SECOND);
	acknowledge(t, false);
	before = look(t->gate);
	client(t, "NOOP\r\n");
	server(t, "250 mx.example.net\r\n");
	return noted(t->gate, &before, REASON_SLOWED);
}

/* slowed - a session of the source that is slowed */
static struct talk slowed(struct instance *gate, bool ipv6, uint32_t host)
{
	struct talk t = client_of(gate, ipv6, host);

	attempt(&t, "room for it", REASON_TARPITTED);
	assert_true(greet(&t));
	return t;
}

/* beyond - another connection of the source finds no slot */
static void beyond(struct instance *gate, bool ipv6, uint32_t host, const char *what)
{
	struct talk t = client_of(gate, ipv6, host);

	attempt(&t, what, REASON_ANSWERED_SYN);
}

/* held - slots that are somebody's now */
static int held(struct instance *gate, uint64_t now)
{
	struct slow_slot slot;
	int n = 0;

	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		assert_int_equal(bpf_map_lookup_elem(instance_fds(gate)->slow_slots, &i, &slot), 0);
		n += slot.until_ns > now;
	}
	return n;
}

/* The third one is told to come again, by the gate; the server never sees it. */
static void two_of_a_source(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct look before;
		struct talk one, two;
		struct caller c;

		clean_answers(state);
		one = slowed(*state, ipv6, 7);
		two = slowed(*state, ipv6, 7);
		before = look(*state);
		c = caller(*state, ipv6, NULL);
		c.t.client_host = c.t.client_net = 7;
		syn(&c.t, HOOK_XDP);
		exits_as(&c.t, &before, "XDP leaves it", HOOK_XDP, REASON_LATER);
		assert_int_equal(noted(*state, &before, REASON_SLOW_DEFERRED), 0);
		call(&c);
		assert_int_equal(noted(*state, &before, REASON_SLOW_DEFERRED), 1);
		say(&c, "");
		say(&c, "EHLO a.example.org\r\n");
		begins(say(&c, "MAIL FROM:<a@example.org>\r\n"), "450 4.7.230 ");
		slowed(*state, ipv6, 8); /* others have room */
		client(&one, "EHLO a.example.org\r\n");
		client(&two, "EHLO a.example.org\r\n");
		beyond(*state, ipv6, 7, "both still there");
		goodbye(&one);
		slowed(*state, ipv6, 7);
		beyond(*state, ipv6, 7, "two again");
	}
}

/* The hosts of one /64 are one source. */
static void a_source_is_a_prefix(void **state)
{
	struct talk t[3];

	for (int i = 0; i < 3; i++) {
		t[i] = client_of(*state, true, 7);
		t[i].client_host = 1000 + i;
		attempt(&t[i], "of one /64", i < 2 ? REASON_TARPITTED : REASON_ANSWERED_SYN);
		if (i < 2)
			assert_true(greet(&t[i]));
	}
}

static void slow_max_in_all(void **state)
{
	static const uint32_t limits[] = { 1, 2, 10 };

	for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
		struct talk t[10];

		clean_answers(state);
		instance_settings(*state)->slow_max = limits[l];
		for (uint32_t i = 0; i < limits[l]; i++)
			t[i] = slowed(*state, i & 1, 20 + i);
		beyond(*state, false, 50, "all taken");
		beyond(*state, true, 51, "all taken");
		assert_int_equal(held(*state, NOON), limits[l]);
		goodbye(&t[0]);
		slowed(*state, true, 52);
		beyond(*state, false, 50, "taken again");
	}
	/* none at all: everything that would be slowed is deferred */
	clean_answers(state);
	instance_settings(*state)->slow_max = 0;
	beyond(*state, false, 50, "slow_max 0");
	/* more than there are: as many as there are */
	instance_settings(*state)->slow_max = 0xffffffff;
	slowed(*state, false, 50);
}

enum end { FINS, CLIENT_RST, SERVER_RST, PORTS_AGAIN, LIFTED, EXEMPTED, REPORTED, AGE };

static const char *const ends[] = { "FINs",   "client's RST", "server's RST", "ports used again",
				    "lifted", "exempt",       "report mode",  "age" };

/* end - whatever makes a session give its slot back */
static void end(struct talk *t, enum end how)
{
	struct verdict pass = { .tarpit_style = STYLE_SLOW }, ranged = SLOWED;
	struct range exempt = { .action = ACTION_PASS };
	struct range_key key = { .prefix_bits = 128, .addr = addr_of(t, true) };

	ranged.flags = VERDICT_RANGED;
	switch (how) {
	case FINS:
		goodbye(t);
		return;
	case CLIENT_RST:
		frame(t, true, t->client_seq, t->server_seq, RST, "", 0);
		return;
	case SERVER_RST:
		frame(t, false, t->server_seq, t->client_seq, RST, "", 0);
		return;
	case PORTS_AGAIN:
		frame(t, false, t->server_seq + 12345, t->client_seq, SYN | ACK, "", 0);
		return;
	case LIFTED:
		judge(t, &pass);
		break;
	case EXEMPTED:
		judge(t, &ranged);
		assert_int_equal(instance_range(t->gate, &key, &exempt), 0);
		break;
	case REPORTED:
		instance_settings(t->gate)->enforce_until_ns = NOON;
		break;
	case AGE:
		instance_clock(t->gate, NOON + 601 * SECOND);
		return;
	}
	takes(t, 60); /* seen with its next bytes */
	instance_settings(t->gate)->enforce_until_ns = 0;
}

static void who_gives_a_slot_back(void **state)
{
	for (enum end how = FINS; how <= AGE; how++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct talk t, other;

			clean_answers(state);
			instance_settings(*state)->slow_max = 1;
			t = slowed(*state, ipv6, 7);
			beyond(*state, ipv6, 8, "taken");
			end(&t, how);
			other = client_of(*state, ipv6, 8);
			attempt(&other, ends[how], REASON_TARPITTED);
			assert_true(greet(&other));
		}
}

/* With the window its slots end, whether or not the session speaks again. */
static void a_window_ends(void **state)
{
	struct verdict v = SLOWED;
	struct talk t;

	v.throttle_s = 300;
	t = talk(*state, false);
	t.client_host = 7;
	judge(&t, &v);
	instance_clock(*state, NOON + 200 * SECOND);
	attempt(&t, "in its window", REASON_TARPITTED);
	assert_true(greet(&t));
	assert_int_equal(held(*state, NOON + 299 * SECOND), 1);
	assert_int_equal(held(*state, NOON + 300 * SECOND), 0);
}

/* New bytes keep a slot, for as long as the session lasts. */
static void bytes_keep_a_slot(void **state)
{
	struct talk t;

	instance_settings(*state)->slow_max = 1;
	t = slowed(*state, false, 7);
	for (uint64_t s = 1; s < 6; s++) {
		assert_true(takes(&t, s * 599));
		beyond(*state, false, 8, "kept");
	}
}

/* A session whose slot was given to another because it was silent too long is slowed no more, and
 * does not give that one back at its end. */
static void a_slot_that_was_lost(void **state)
{
	struct talk t, other;
	struct look before;

	instance_settings(*state)->slow_max = 1;
	t = slowed(*state, false, 7);
	instance_clock(*state, NOON + 700 * SECOND);
	other = slowed(*state, false, 8);
	before = look(*state);
	assert_false(takes(&t, 700));
	assert_int_equal(noted(*state, &before, REASON_SLOW_MISSED), 1);
	goodbye(&t);
	beyond(*state, false, 7, "the other one still has it");
	goodbye(&other);
	slowed(*state, false, 7);
}

/* Attempts alone take nothing, whoever forges them. */
static void attempts_take_no_slot(void **state)
{
	for (int i = 0; i < 1000; i++) {
		struct talk t = client_of(*state, i & 1, i % 40);

		attempt(&t, "attempt", REASON_TARPITTED);
	}
	assert_int_equal(held(*state, NOON), 0);
}

/* Those that were let through at once and found no slot at their greeting pass unslowed, until
 * there is one: what the server has greeted stays the server's. */
static void attempts_at_once(void **state)
{
	struct look before;
	struct talk t[5];

	for (int i = 0; i < 5; i++) {
		t[i] = client_of(*state, false, 7);
		attempt(&t[i], "before any greeting", REASON_TARPITTED);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(greet(&t[i]), i < 2);
	assert_int_equal(held(*state, NOON), 2);
	goodbye(&t[0]);
	before = look(*state);
	client(&t[4], "EHLO a.example.org\r\n");
	server(&t[4], "250 mx.example.net\r\n");
	assert_int_equal(noted(*state, &before, REASON_SLOWED), 1);
	assert_int_equal(held(*state, NOON), 2);
}

/* The same for sources that an operator's range slows. */
static void in_a_range(void **state)
{
	struct range r = { .action = ACTION_TARPIT, .style = STYLE_SLOW, .reply = TEXTS };
	struct talk t[3];

	for (int i = 0; i < 3; i++) {
		struct range_key key = { .prefix_bits = 120 };

		t[i] = talk(*state, false);
		t[i].client_host = 7;
		key.addr = addr_of(&t[i], true);
		key.addr.b[15] = 0;
		assert_int_equal(instance_range(*state, &key, &r), 0);
		attempt(&t[i], "in a range", i < 2 ? REASON_TARPITTED : REASON_ANSWERED_SYN);
		if (i < 2)
			assert_true(greet(&t[i]));
	}
}

#define TEST(f) cmocka_unit_test_setup(f, clean_answers)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_of_a_source),      TEST(a_source_is_a_prefix),
		TEST(slow_max_in_all),      TEST(who_gives_a_slot_back),
		TEST(a_window_ends),        TEST(bytes_keep_a_slot),
		TEST(a_slot_that_was_lost), TEST(attempts_take_no_slot),
		TEST(attempts_at_once),     TEST(in_a_range),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
