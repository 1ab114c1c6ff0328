// SPDX-License-Identifier: BSD-2-Clause
/*
 * The answerer, segment by segment: what it says to everything that a client sends, and what it
 * leaves to the server. Every test runs over IPv4 and IPv6.
 */
#include "tests/prog/answered.h"

#define EACH(ipv6) for (int ipv6 = 0; ipv6 < 2; ipv6++)

static void dialogue(void **state)
{
	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);

		begins(say(&c, "EHLO ex01.example.org\r\n"), "250 mx.example.net");
		confirm(&c);
		begins(say(&c, "MAIL FROM:<a@example.org>\r\n"), "550 5.7.230 mx.example.net");
		assert_non_null(strstr(c.last.text, "15.1.2507.39"));
		assert_non_null(strstr(c.last.text, "60 minutes of every hour"));
		assert_non_null(strstr(c.last.text, "postmaster@example.net"));
		assert_int_equal(c.last.flags, ACK | PSH);
		confirm(&c);
		begins(say(&c, "QUIT\r\n"), "221 2.0.0 mx.example.net");
		assert_int_equal(c.last.flags, ACK | PSH | FIN);
		confirm(&c);
		tell(&c, c.seq++, c.ack, FIN | ACK, "", 0, REASON_ANSWERED);
		assert_int_equal(c.last.flags, ACK);
		assert_int_equal(c.last.seq, c.ack);
		assert_int_equal(c.last.ack, c.seq);
		assert_int_equal(verdict_of(&c.t).hits_dropped, 1);
		assert_false(followed(&c.t));
	}
}

/* Every verb, at the place where a client sends it; `at` 1: instead of EHLO, 2: after it. */
static const struct {
	int at;
	const char *line, *reply;
	unsigned int flags;
} verbs[] = {
	{ 1, "EHLO a.example.org\r\n", "250 ", 0 },
	{ 1, "ehlo a.example.org\r\n", "250 ", 0 },
	{ 1, "HELO a\r\n", "250 ", 0 },
	{ 1, "EHLO\n", "250 ", 0 },
	{ 1, "MAIL FROM:<>\r\n", "550 ", 0 },
	{ 1, "QUIT\r\n", "221 ", FIN },
	{ 1, "NOOP\r\n", "250 ", 0 },
	{ 2, "EHLO again\r\n", "250 ", 0 },
	{ 2, "RSET\r\n", "250 ", 0 },
	{ 2, "NOOP x\r\n", "250 ", 0 },
	{ 2, "MAIL FROM:<a@b> SIZE=5\r\n", "550 ", 0 },
	{ 2, "mail from:<a@b>\r\n", "550 ", 0 },
	{ 2, "RCPT TO:<a@b>\r\n", "550 ", 0 },
	{ 2, "DATA\r\n", "550 ", 0 },
	{ 2, "BDAT 5 LAST\r\n", "550 ", 0 },
	{ 2, "STARTTLS\r\n", "550 ", 0 },
	{ 2, "AUTH LOGIN\r\n", "550 ", 0 },
	{ 2, "X-ANONYMOUSTLS\r\n", "550 ", 0 },
	{ 2, "VRFY a\r\n", "550 ", 0 },
	{ 2, "\r\n", "550 ", 0 },
	{ 2, "\n", "550 ", 0 },
	{ 2, "\x16\x03\x01\x02\n", "550 ", 0 },
	{ 2, "quit\r\n", "221 ", FIN },
	{ 2, "QUIT\n", "221 ", FIN },
};

static void every_verb(void **state)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct caller c = greeted(*state, i & 1, &REFUSED);
		struct caller d = greeted(*state, i & 1, &DEFERRED);

		if (verbs[i].at == 2) {
			say(&c, "EHLO ex01.example.org\r\n");
			say(&d, "EHLO ex01.example.org\r\n");
		}
		begins(say(&c, verbs[i].line), verbs[i].reply);
		assert_int_equal(c.last.flags, ACK | PSH | verbs[i].flags);
		begins(say(&d, verbs[i].line),
		       verbs[i].reply[0] == '5' ? "450 4.7.230" : verbs[i].reply);
	}
}

static void pipelined(void **state)
{
	const char group[] = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
	const char *left = group;

	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);

		say(&c, "EHLO ex01.example.org\r\n");
		for (left = group; *left;) {
			uint32_t before = c.seq;

			begins(say(&c, left), "550 ");
			left += c.seq - before; /* it sends the rest again */
			assert_int_equal(left[-1], '\n');
		}
		begins(say(&c, "QUIT\r\n"), "221 ");
	}
}

static void in_pieces(void **state)
{
	static const char *const pieces[] = { "E", "HLO a.exam", "ple.org", "\r" };

	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);
		char lines[600];

		for (size_t i = 0; i < 4; i++) {
			uint32_t before = c.seq;

			say(&c, pieces[i]); /* taken without a word */
			assert_int_equal(c.last.bytes, 0);
			assert_int_equal(c.last.flags, ACK);
			assert_int_equal(c.seq - before, strlen(pieces[i]));
		}
		begins(say(&c, "\n"), "250 ");
		say(&c, "MAIL FR");
		begins(say(&c, "OM:<a@b>\r\n"), "550 ");
		/* longer than what is looked at: taken piece by piece, answered once */
		memset(lines, 'x', sizeof(lines));
		memcpy(lines, "MAIL FROM:<", 11);
		memcpy(lines + sizeof(lines) - 4, ">\r\n", 4);
		say(&c, lines);
		assert_int_equal(c.last.bytes, 0);
		say(&c, lines + 256);
		assert_int_equal(c.last.bytes, 0);
		begins(say(&c, lines + 512), "550 ");
	}
}

/* after so many replies there is nothing left to say */
static void talkative(void **state)
{
	struct caller c = greeted(*state, false, &REFUSED);
	unsigned int replies = 1;

	while (!(c.last.flags & FIN)) {
		say(&c, "NOOP\r\n");
		replies++;
	}
	assert_int_equal(replies, 10);
	/* it goes on talking: taken, so that it need not be said again */
	tell(&c, c.seq, c.ack, ACK | PSH, "MAIL\r\n", 6, REASON_ANSWERED);
	assert_int_equal(c.last.bytes, 0);
	assert_int_equal(c.last.ack, c.seq + 6);
}

static void early_talker(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED);
		uint32_t before;

		call(&c);
		before = c.seq;
		begins(say(&c, "EHLO early\r\n"), "220 "); /* with the handshake's last segment */
		assert_int_equal(c.seq, before);           /* to be sent again */
		begins(say(&c, "EHLO early\r\n"), "250 ");
		assert_int_equal(c.seq, before + 12);
	}
}

/* the same segment again has the same answer, but for our timestamp */
static void again(struct caller *c, uint32_t seq, uint32_t ack, unsigned int flags,
		  const char *data, enum reason reason)
{
	struct answer_seen first = *tell(c, seq, ack, flags, data, strlen(data), reason);

	for (int i = 0; i < 3; i++)
		assert_memory_equal(tell(c, seq, ack, flags, data, strlen(data), reason), &first,
				    sizeof(first));
}

static void retransmits(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED);

		again(&c, c.seq, 0, SYN, "", REASON_ANSWERED_SYN);
		call(&c);
		again(&c, c.seq, c.ack, ACK, "", REASON_ANSWERED);
		say(&c, "");
		again(&c, c.seq, c.ack, ACK, "", REASON_ANSWER_TAKEN);
		again(&c, c.seq, c.ack, ACK | PSH, "EHLO a\r\n", REASON_ANSWERED);
		say(&c, "EHLO a\r\n");
		again(&c, c.seq, c.ack, ACK | PSH, "MAIL FROM:<a@b>\r\n", REASON_ANSWERED);
		say(&c, "MAIL FROM:<a@b>\r\n");
		again(&c, c.seq, c.ack, ACK | PSH, "QUIT\r\n", REASON_ANSWERED);
		say(&c, "QUIT\r\n");
		again(&c, c.seq, c.ack, ACK | FIN, "", REASON_ANSWERED);
	}
}

static void client_ends(void **state)
{
	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);

		/* alone: FIN for FIN, and for its retransmission; both where QUIT has them */
		again(&c, c.seq, c.ack, FIN | ACK, "", REASON_ANSWERED);
		begins(&c.last, "221 ");
		assert_int_equal(c.last.flags, FIN | ACK | PSH);
		assert_int_equal(c.last.ack, c.seq + 1);
		assert_int_equal(c.last.seq, c.ack);
		tell(&c, c.seq + 1, c.ack + REPLY_BYTES + 1, ACK, "", 0, REASON_ANSWER_TAKEN);
		/* behind QUIT, whose reply it has not read */
		c = greeted(*state, ipv6, &REFUSED);
		begins(tell(&c, c.seq, c.ack, ACK | PSH, "QUIT\r\n", 6, REASON_ANSWERED), "221 ");
		begins(tell(&c, c.seq + 6, c.ack, FIN | ACK, "", 0, REASON_ANSWERED), "221 ");
		assert_int_equal(c.last.flags, FIN | ACK | PSH);
		assert_int_equal(c.last.seq, c.ack);
		assert_int_equal(c.last.ack, c.seq + 7);
		/* right after the handshake */
		c = caller(*state, ipv6, &REFUSED);
		call(&c);
		begins(tell(&c, c.seq, c.ack, FIN | ACK, "", 0, REASON_ANSWERED), "220 ");
		assert_int_equal(c.last.flags, FIN | ACK | PSH);
		/* with its last line */
		c = greeted(*state, ipv6, &REFUSED);
		begins(tell(&c, c.seq, c.ack, FIN | ACK, "EHLO a\r\n", 8, REASON_ANSWERED), "250 ");
		assert_int_equal(c.last.flags, FIN | ACK | PSH);
		assert_int_equal(c.last.ack, c.seq + 9);
		/* with QUIT, which ends both sides */
		begins(tell(&c, c.seq, c.ack, FIN | ACK, "QUIT\r\n", 6, REASON_ANSWERED), "221 ");
		assert_int_equal(c.last.flags, FIN | ACK | PSH);
		assert_int_equal(c.last.ack, c.seq + 7);
		/* with two lines: only the first is taken, FIN comes again */
		begins(tell(&c, c.seq, c.ack, FIN | ACK, "RSET\r\nQUIT\r\n", 12, REASON_ANSWERED),
		       "250 ");
		assert_int_equal(c.last.flags, ACK | PSH);
		assert_int_equal(c.last.ack, c.seq + 6);
		/* with half a line */
		tell(&c, c.seq, c.ack, FIN | ACK, "QUI", 3, REASON_ANSWERED);
		assert_int_equal(c.last.flags, ACK);
		assert_int_equal(c.last.ack, c.seq + 3);
		/* RST */
		tell(&c, c.seq, c.ack, RST | ACK, "", 0, REASON_ANSWER_TAKEN);
	}
}

static void not_ours(void **state)
{
	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);
		static const int32_t off[] = { -1,
					       1,
					       2,
					       REPLY_BYTES - 1,
					       REPLY_BYTES + 2,
					       -REPLY_BYTES + 1,
					       -REPLY_BYTES - 1,
					       10 * REPLY_BYTES,
					       0x40000000,
					       -0x7fffffff };

		for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
			if (off[i] == 1) /* our FIN: a position of its own */
				continue;
			tell(&c, c.seq, c.ack + off[i], ACK | PSH, "EHLO a\r\n", 8, REASON_NO_FLOW);
			tell(&c, c.seq, c.ack + off[i], ACK, "", 0, REASON_NO_FLOW);
			tell(&c, c.seq, c.ack + off[i], RST | ACK, "", 0, REASON_NO_FLOW);
		}
		/* without an acknowledgement number at all */
		tell(&c, c.seq, c.ack, PSH, "EHLO a\r\n", 8, REASON_NO_FLOW);
		tell(&c, c.seq, c.ack, RST, "", 0, REASON_NO_FLOW);
		/* the same numbers from another port, to another port of ours */
		c.t.client_port++;
		tell(&c, c.seq, c.ack, ACK | PSH, "EHLO a\r\n", 8, REASON_NO_FLOW);
		c.t.client_port--;
		c.t.server_port = 587;
		tell(&c, c.seq, c.ack, ACK | PSH, "EHLO a\r\n", 8, REASON_NO_FLOW);
	}
}

static void keys(void **state)
{
	EACH(ipv6)
	{
		struct caller c, d;

		put_keys(*state, 11, 0);
		c = greeted(*state, ipv6, &REFUSED);
		put_keys(*state, 12, 11); /* another hour: the connection goes on */
		begins(say(&c, "EHLO a\r\n"), "250 ");
		d = c;
		d.t.client_port += 1000;
		d.seq = ISN;
		call(&d);
		begins(say(&d, ""), "220 ");
		put_keys(*state, 13, 12); /* and another: the first is not known any more */
		tell(&c, c.seq, c.ack, ACK | PSH, "MAIL\r\n", 6, REASON_NO_FLOW);
		begins(say(&d, "EHLO a\r\n"), "250 ");
		put_keys(*state, 0, 0); /* off */
		tell(&d, d.seq, d.ack, ACK | PSH, "MAIL\r\n", 6, REASON_NO_FLOW);
		tell(&d, ISN, 0, SYN, "", 0, REASON_ANSWER_DECLINED);
	}
}

static void other_numbers(void **state)
{
	struct caller c = caller(*state, false, &REFUSED), d = c;

	call(&c);
	d.t.client_port++;
	call(&d);
	assert_int_not_equal(c.ack, d.ack);
	put_keys(*state, 14, 0);
	d = c;
	d.seq = ISN;
	call(&d);
	assert_int_not_equal(c.ack, d.ack);
}

static void no_texts(void **state)
{
	uint32_t zero = 0;
	struct reply none = { 0 };
	struct verdict v = REFUSED;
	struct caller c;

	/* without its own texts the general ones serve */
	v.reply = 77;
	c = greeted(*state, false, &v);
	begins(tell(&c, c.seq, c.ack, ACK | PSH, "MAIL\r\n", 6, REASON_ANSWERED), "421 ");
	bpf_map_update_elem(instance_fds(*state)->replies, &zero, &none, BPF_ANY);
	tell(&c, c.seq, c.ack, ACK | PSH, "MAIL\r\n", 6, REASON_ANSWER_DECLINED);
	tell(&c, c.seq, 0, SYN, "", 0, REASON_ANSWER_DECLINED);
}

static void at_greeting(void **state)
{
	struct verdict v = REFUSED;

	EACH(ipv6)
	{
		struct caller c;

		v.block_s = 3600;
		v.throttle_s = 0;
		v.tarpit_style = STYLE_DEFER;
		v.reply = GREETING_TEXTS;
		c = caller(*state, ipv6, &v);
		call(&c);
		begins(say(&c, ""), "554 5.7.230 mx.example.net");
		assert_int_equal(c.last.flags, ACK | PSH | FIN);
		confirm(&c);
		/* a polite client says goodbye all the same */
		tell(&c, c.seq, c.ack, ACK | PSH, "QUIT\r\n", 6, REASON_ANSWERED);
		assert_int_equal(c.last.bytes, 0);
		c.seq = c.last.ack;
		tell(&c, c.seq, c.ack, FIN | ACK, "", 0, REASON_ANSWERED);
		assert_int_equal(c.last.flags, ACK);
		v.block_s = 0;
		v.throttle_s = 3600;
		c = caller(*state, ipv6, &v);
		call(&c);
		begins(say(&c, ""), "421 4.7.230");
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clean_answers)
	const struct CMUnitTest tests[] = {
		TEST(dialogue),    TEST(every_verb),   TEST(pipelined),     TEST(in_pieces),
		TEST(talkative),   TEST(early_talker), TEST(retransmits),   TEST(client_ends),
		TEST(not_ours),    TEST(keys),         TEST(other_numbers), TEST(no_texts),
		TEST(at_greeting),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
