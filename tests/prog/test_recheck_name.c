// SPDX-License-Identifier: BSD-2-Clause
/*
 * A blocked source shows a name at EHLO that it had not before: when that makes its next recheck
 * due at once, and when it does not.
 */
#include "tests/prog/answered.h"

#define DUE          (NOON + 600 * SECOND)
#define RECHECK_SYNS 4 /* of bpf/verdict.h */
#define EACH(ipv6)   for (int ipv6 = 0; ipv6 < 2; ipv6++)

static const struct verdict BLOCKED = {
	.block_s = 3600, .drop_style = STYLE_ANSWER, .reply = TEXTS, .recheck_at_ns = DUE
};

/* again - another connection of the same source */
static struct caller again(const struct caller *of)
{
	struct caller c = caller(of->t.gate, of->t.ipv6, NULL);

	c.t.client_host = of->t.client_host;
	c.t.client_net = of->t.client_net;
	return c;
}

/* greeted_again - the same, answered and greeted */
static struct caller greeted_again(const struct caller *of)
{
	struct caller c = again(of);

	call(&c);
	begins(say(&c, ""), "220 ");
	return c;
}

/* hello - what it says there; the rechecks that are made due by it */
static uint64_t hello(struct caller *c, const char *line)
{
	struct look before = look(c->t.gate);

	begins(say(c, line), "250 ");
	return noted(c->t.gate, &before, REASON_RECHECK_NAME);
}

/* meets - the source comes, says this line, and is refused: for good, or to come again where that
 * makes a recheck due */
static uint64_t meets(const struct caller *of, const char *line)
{
	struct caller c = greeted_again(of);
	uint64_t granted = hello(&c, line);

	begins(say(&c, "MAIL FROM:<a@example.org>\r\n"), granted ? "450 4.7.230" : "550 5.7.230");
	return granted;
}

static void refused(const struct caller *of)
{
	struct caller c = again(of);

	call(&c);
}

/* opened - the source's next connection passes, and uses up its recheck */
static struct caller opened(const struct caller *of)
{
	struct caller c = again(of);
	uint64_t used = verdict_of(&c.t).hits_recheck;

	c.t.client_seq = c.seq;
	syn(&c.t, HOOK_XDP);
	tell(&c, c.seq, 0, SYN, "", 0, REASON_RECHECK);
	c.t.client_seq++;
	frame(&c.t, false, c.t.server_seq++, c.t.client_seq, SYN | ACK, "", 0);
	acknowledge(&c.t, true);
	server(&c.t, "220 mx.example.net ESMTP\r\n");
	acknowledge(&c.t, true);
	assert_int_equal(verdict_of(&c.t).hits_recheck, used + 1);
	return c;
}

static void passes(const struct caller *of)
{
	struct caller c = opened(of);

	goodbye(&c.t);
}

/* regime - a source that has used its first recheck, and is refused again */
static struct caller regime(struct instance *gate, bool ipv6)
{
	struct caller c = caller(gate, ipv6, &BLOCKED);

	instance_clock(gate, DUE);
	passes(&c);
	refused(&c);
	return c;
}

static unsigned int remembered(struct instance *gate)
{
	return entries(instance_fds(gate)->recheck_names, 16);
}

static void a_new_name_gets_the_next_one(void **state)
{
	EACH(ipv6)
	{
		struct caller c, other;

		clean_answers(state);
		c = regime(*state, ipv6);
		other = regime(*state, ipv6);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0); /* the very first */
		refused(&c);
		assert_int_equal(meets(&other, "EHLO one.example.org\r\n"), 0);
		assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 1);
		refused(&other);
		passes(&c);
		refused(&c);
		assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 0);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
		refused(&c);
		assert_int_equal(remembered(*state), 2);
	}
}

static void not_before_the_first_is_due(void **state)
{
	EACH(ipv6)
	{
		struct caller c;

		clean_answers(state);
		c = caller(*state, ipv6, &BLOCKED);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
		assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 0);
		refused(&c);
		instance_clock(*state, DUE);
		passes(&c);
		assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 0); /* it was met */
		assert_int_equal(meets(&c, "EHLO three.example.org\r\n"), 1);
	}
}

/* a block that begins anew, as the daemon publishes it: counts stay, the recheck does not */
static void not_before_the_first_of_this_block(void **state)
{
	struct caller c = regime(*state, false);
	struct verdict v = BLOCKED;

	assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
	v.hits_recheck = verdict_of(&c.t).hits_recheck;
	v.recheck_at_ns = DUE + HOUR;
	judge(&c.t, &v);
	assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 0);
	v.recheck_at_ns = 0; /* an operator's, which has no rechecks */
	v.pending_since_ns = DUE;
	judge(&c.t, &v);
	assert_int_equal(meets(&c, "EHLO three.example.org\r\n"), 0);
	refused(&c);
}

/* attempts of before, let through and never used, take nothing from it */
static void attempts_of_before(void **state)
{
	struct caller c = regime(*state, false);
	struct verdict v;

	assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
	v = verdict_of(&c.t);
	v.pending = RECHECK_SYNS;
	judge(&c.t, &v);
	assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 1);
	passes(&c);
}

/* What is another name, and what is none. */
static void names(void **state)
{
	static const struct {
		const char *line;
		unsigned int granted;
	} rows[] = {
		{ "EHLO ex01.example.org\r\n", 0 }, /* met before */
		{ "ehlo EX01.Example.ORG\r\n", 0 },
		{ "HELO ex01.example.org\r\n", 0 },
		{ "EHLO ex01.example.org \r\n", 0 },
		{ "EHLO ex01.example.org x\r\n", 0 },
		{ "EHLO ex01.example.org\n", 0 },
		{ "EHLO\r\n", 0 },
		{ "EHLO \r\n", 0 },
		{ "EHLOX other.example.org\r\n", 0 },
		{ "RSET other.example.org\r\n", 0 },
		{ "NOOP other.example.org\r\n", 0 },
		{ "EHLO ex02.example.org\r\n", 1 },
		{ "HELO ex01.example.or\r\n", 1 },
		{ "EHLO ex01.example.org.a\r\n", 1 },
		{ "EHLO [192.0.2.7]\r\n", 1 },
		{ "EHLO a\r\n", 1 },
		/* around the ends of the hash's words: a blank is no byte of the name */
		{ "EHLO ex01.example.orgexa\r\n", 1 },
		{ "EHLO ex01.example.orgexam\r\n", 1 },
		{ "EHLO ex01.exa\r\n", 1 },
		{ "EHLO ex01.ex\r\n", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EACH(ipv6)
		{
			struct caller c;
			uint64_t granted;

			clean_answers(state);
			c = regime(*state, ipv6);
			assert_int_equal(meets(&c, "EHLO ex01.example.org\r\n"), 0);
			granted = meets(&c, rows[i].line);
			if (granted != rows[i].granted)
				fail_msg("%s: %u", rows[i].line, (unsigned int)granted);
			if (granted)
				passes(&c);
			assert_int_equal(meets(&c, rows[i].line), 0);
			refused(&c);
		}
}

/* eight are kept, whatever their length */
static void the_last_names_are_kept(void **state)
{
	struct caller c = caller(*state, false, &BLOCKED);
	char line[256];

	for (int i = 0; i < NAMES_KEPT; i++) { /* 1 to 246 bytes */
		snprintf(line, sizeof(line), "EHLO %0*d\r\n", 1 + i * 35, i);
		assert_int_equal(meets(&c, line), 0);
	}
	instance_clock(*state, DUE);
	passes(&c);
	for (int i = 0; i < NAMES_KEPT; i++) {
		snprintf(line, sizeof(line), "EHLO %0*d\r\n", 1 + i * 35, i);
		assert_int_equal(meets(&c, line), 0);
	}
	assert_int_equal(meets(&c, "EHLO ninth.example.org\r\n"), 1);
	passes(&c);
	assert_int_equal(meets(&c, line), 0);
	assert_int_equal(meets(&c, "EHLO 0\r\n"), 1); /* had to go for the ninth */
}

/* one who makes names up */
static void four_in_an_interval(void **state)
{
	struct caller c = regime(*state, false), other = regime(*state, false);
	unsigned int granted = 0;
	char line[64];

	assert_int_equal(meets(&other, "EHLO one.example.org\r\n"), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(line, sizeof(line), "EHLO made-up-%d.example.org\r\n", i);
		if (!meets(&c, line))
			continue;
		granted++;
		assert_true(i < 5);
		passes(&c);
	}
	assert_int_equal(granted, 4);
	refused(&c);
	assert_int_equal(meets(&other, "EHLO two.example.org\r\n"), 1); /* has its own */
	instance_clock(*state, DUE + HOUR - SECOND);
	assert_int_equal(meets(&c, line), 0);
	refused(&c);
	instance_clock(*state, DUE + HOUR + 10 * SECOND);
	passes(&c);
	for (int i = 0; i < 4; i++) { /* these came too late, and are not known */
		snprintf(line, sizeof(line), "EHLO made-up-%d.example.org\r\n", 10 + i);
		assert_int_equal(meets(&c, line), 1);
		passes(&c);
	}
	assert_int_equal(meets(&c, "EHLO made-up-20.example.org\r\n"), 0);
	refused(&c);
}

/* cut - a line in two segments, the first of `at` bytes */
static uint64_t cut(const struct caller *of, const char *line, size_t at)
{
	struct caller c = greeted_again(of);
	struct look before = look(c.t.gate);

	tell(&c, c.seq, c.ack, ACK | PSH, line, at, REASON_ANSWERED);
	assert_int_equal(c.last.ack, c.seq + at);
	c.seq += at;
	begins(say(&c, line + at), "250 ");
	return noted(c.t.gate, &before, REASON_RECHECK_NAME);
}

/* half a name is none */
static void cut_in_two(void **state)
{
	static const char line[] = "EHLO ehlo.example.org\r\n";

	EACH(ipv6)
	{
		struct caller c;

		clean_answers(state);
		c = regime(*state, ipv6);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
		for (size_t at = 1; at < sizeof(line) - 1; at++)
			assert_int_equal(cut(&c, line, at), 0);
		refused(&c);
		assert_int_equal(meets(&c, "EHLO ehlo\r\n"), 1);
		passes(&c);
		assert_int_equal(meets(&c, line), 1);
	}
}

/* what comes behind the line in its segment comes again, and says nothing yet */
static void more_than_a_line(void **state)
{
	struct caller c = regime(*state, false), other;

	assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
	other = greeted_again(&c);
	assert_int_equal(hello(&other, "EHLO one.example.org\r\nEHLO two.example.org\r\n"), 0);
	assert_int_equal(hello(&other, "EHLO two.example.org\r\n"), 1);
}

static void sent_again(void **state)
{
	static const char line[] = "EHLO two.example.org\r\n";

	EACH(ipv6)
	{
		struct caller c, other;
		struct look before;

		clean_answers(state);
		c = regime(*state, ipv6);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
		other = greeted_again(&c);
		before = look(*state);
		for (int i = 0; i < 3; i++) {
			tell(&other, other.seq, other.ack, ACK | PSH, line, strlen(line),
			     REASON_ANSWERED);
			begins(&other.last, "250 ");
		}
		assert_int_equal(noted(*state, &before, REASON_RECHECK_NAME), 1);
		passes(&c);
		before = look(*state);
		tell(&other, other.seq, other.ack, ACK | PSH, line, strlen(line), REASON_ANSWERED);
		assert_int_equal(noted(*state, &before, REASON_RECHECK_NAME), 0);
		refused(&c);
	}
}

/* a second name while the first one's recheck is due or under way: told to come again, and new then
 */
static void one_at_a_time(void **state)
{
	EACH(ipv6)
	{
		struct caller c, early, other;

		clean_answers(state);
		c = regime(*state, ipv6);
		assert_int_equal(meets(&c, "EHLO one.example.org\r\n"), 0);
		early = greeted_again(&c);
		assert_int_equal(meets(&c, "EHLO two.example.org\r\n"), 1);
		assert_int_equal(hello(&early, "EHLO three.example.org\r\n"), 0);
		begins(say(&early, "MAIL FROM:<a@b>\r\n"), "450 ");
		other = opened(&c);
		early = greeted_again(&c);
		assert_int_equal(hello(&early, "EHLO three.example.org\r\n"), 0);
		begins(say(&early, "MAIL FROM:<a@b>\r\n"), "450 ");
		goodbye(&other.t);
		refused(&c);
		assert_int_equal(meets(&c, "EHLO three.example.org\r\n"), 1);
		passes(&c);
		/* the next interval's own comes due between a greeting and its EHLO */
		early = greeted_again(&c);
		instance_clock(*state, DUE + 2 * HOUR);
		assert_int_equal(hello(&early, "EHLO four.example.org\r\n"), 0);
		begins(say(&early, "MAIL FROM:<a@b>\r\n"), "450 ");
		passes(&c);
		assert_int_equal(meets(&c, "EHLO four.example.org\r\n"), 1);
	}
}

/* Only a block has rechecks: elsewhere no name is even remembered. */
static void no_block_no_name(void **state)
{
	static const struct verdict begun = { .block_s = 3600,
					      .drop_style = STYLE_ANSWER,
					      .tarpit_style = STYLE_DEFER,
					      .reply = TEXTS,
					      .recheck_at_ns = DUE + HOUR,
					      .pending_since_ns = NOON };
	struct caller c = caller(*state, false, NULL), early;
	struct range_key around = { .prefix_bits = 128, .addr = source(&c.t) };
	struct range drop = { .action = ACTION_DROP, .style = STYLE_ANSWER, .reply = TEXTS };
	struct verdict v = begun;

	v.block_s = 0; /* deferred */
	v.throttle_s = 3600;
	judge(&c.t, &v);
	for (int i = 0; i < 3; i++) {
		static const char *const lines[] = { "EHLO one\r\n", "EHLO two\r\n",
						     "EHLO three\r\n" };

		early = greeted_again(&c);
		assert_int_equal(hello(&early, lines[i]), 0);
		begins(say(&early, "MAIL FROM:<a@b>\r\n"), "450 ");
	}
	v.block_s = 300; /* a block that ended while it was greeted */
	v.throttle_s = 600;
	judge(&c.t, &v);
	early = greeted_again(&c);
	instance_clock(*state, NOON + 301 * SECOND);
	assert_int_equal(hello(&early, "EHLO four\r\n"), 0);
	instance_clock(*state, NOON);
	v = begun; /* report mode since it was greeted */
	judge(&c.t, &v);
	early = greeted_again(&c);
	instance_settings(*state)->mode = MODE_REPORT;
	assert_int_equal(hello(&early, "EHLO five\r\n"), 0);
	instance_settings(*state)->mode = MODE_ENFORCE;
	judge(&c.t, NULL); /* an operator's range, which has no rechecks */
	assert_int_equal(instance_range(*state, &around, &drop), 0);
	early = greeted_again(&c);
	assert_int_equal(hello(&early, "EHLO six\r\n"), 0);
	begins(say(&early, "MAIL FROM:<a@b>\r\n"), "550 ");
	assert_int_equal(remembered(*state), 0);
}

/* refused in the first line, before any EHLO */
static void at_greeting(void **state)
{
	static const char line[] = "EHLO two.example.org\r\n";
	struct verdict v = BLOCKED;
	struct caller c;

	v.reply = GREETING_TEXTS;
	v.pending_since_ns = NOON;
	c = caller(*state, false, &v);
	call(&c);
	say(&c, "");
	assert_true(c.last.flags & FIN);
	tell(&c, c.seq, c.ack, ACK | PSH, line, strlen(line), REASON_ANSWERED);
	assert_int_equal(c.last.bytes, 0);
	assert_int_equal(remembered(*state), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clean_answers)
	const struct CMUnitTest tests[] = {
		TEST(a_new_name_gets_the_next_one),
		TEST(not_before_the_first_is_due),
		TEST(not_before_the_first_of_this_block),
		TEST(attempts_of_before),
		TEST(names),
		TEST(the_last_names_are_kept),
		TEST(four_in_an_interval),
		TEST(cut_in_two),
		TEST(more_than_a_line),
		TEST(sent_again),
		TEST(one_at_a_time),
		TEST(no_block_no_name),
		TEST(at_greeting),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
