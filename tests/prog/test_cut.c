// SPDX-License-Identifier: BSD-2-Clause
/*
 * A source becomes blocked while it has connections open: at which points of a conversation the
 * next command is refused, what the client and the server get, and where nothing may be cut. The
 * answer leaves a test run as a real packet on lo, in a network namespace of its own.
 */
#include "tests/prog/cutting.h"
#include "tests/prog/points.h"

/* converse - the lines of a point, up to where its source is blocked */
static void converse(struct caller *c, const struct point *p)
{
	struct talk *t = &c->t;

	handshake(t);
	for (size_t i = 0; p->lines[i]; i++) {
		const char *line = p->lines[i];

		if (*line == '!') { /* the server has it, the gate does not */
			t->client_seq += strlen(p->lines[++i]);
		} else if (*line == '.' && !line[1]) {
			acknowledge(t, false);
		} else if (*line >= '0' && *line <= '9') {
			server(t, line);
			acknowledge(t, true);
		} else {
			client(t, line);
		}
	}
	c->seq = t->client_seq;
	c->ack = t->server_seq;
}

/* utter - one segment of the client; what the program makes of it */
static void utter(struct caller *c, uint32_t seq, uint32_t ack, unsigned int flags,
		  const char *data, const char *what, enum reason reason)
{
	struct look before = look(c->t.gate);

	c->t.tcp_options = c->option_bytes;
	c->t.out = c->out;
	c->frame_bytes = build_frame(&c->t, true, seq, ack, flags, data, strlen(data), c->frame);
	memcpy(c->frame + c->frame_bytes - strlen(data) - c->option_bytes, c->options,
	       c->option_bytes);
	feed_hook(&c->t, HOOK_INGRESS, c->frame, c->frame_bytes);
	c->t.out = NULL;
	exits_as(&c->t, &before, what, HOOK_INGRESS, reason);
}

/* refused - the command is answered by this text and a FIN, and the server's process reset */
static void refused(struct caller *c, const char *data, const char *what, const char *text)
{
	utter(c, c->seq, c->ack, ACK | PSH, data, what, REASON_CUT_BEGUN);
	reset(c, c->seq);
	assert_true(sent_back(c));
	assert_int_equal(c->last.seq, c->ack);
	assert_int_equal(c->last.ack, c->seq + strlen(data));
	assert_int_equal(c->last.flags, ACK | PSH | FIN);
	begins(&c->last, text);
	assert_false(sent_back(c));
	c->seq += strlen(data);
}

static struct caller conversation(struct instance *gate, bool ipv6, const struct point *p)
{
	struct caller c = caller(gate, ipv6, NULL);

	clean(gate);
	converse(&c, p);
	assert_false(sent_back(&c));
	return c;
}

static void at_a_command_and_nowhere_else(void **state)
{
	for (size_t i = 0; i < POINTS; i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct caller c = conversation(*state, ipv6, &points[i]);
			struct look before = look(*state);

			judge(&c.t, &REFUSED);
			if (points[i].cut) {
				refused(&c, points[i].next, points[i].what, "550 5.7.230 ");
				assert_int_equal(verdict_of(&c.t).hits_dropped, 1);
				continue;
			}
			client(&c.t, points[i].next);
			if (noted(*state, &before, REASON_CUT_BEGUN))
				fail_msg("cut: %s", points[i].what);
			assert_false(sent_back(&c));
		}
}

/* What the client has not read yet may be lost on its way to it. */
static void not_before_the_reply_is_read(void **state)
{
	static const struct point p = { "", { HELLO, MESSAGE }, NULL, false };
	struct caller c = conversation(*state, false, &p);

	judge(&c.t, &REFUSED);
	utter(&c, c.seq, c.ack - 11, ACK | PSH, NEXT, "reply unread", REASON_READ_DONE);
	server(&c.t, "250 ok\r\n");
}

/* Everybody else's connections go on. */
static void who_is_cut(void **state)
{
	static const struct {
		const char *what;
		struct verdict verdict;
		bool report, submission, outbound, exempt, range, cut;
		int64_t at_s;
		const char *text;
	} rows[] = {
		{ "blocked", .cut = true, .text = "550 ",
		  .verdict = { .block_s = 3600, .drop_style = STYLE_ANSWER, .reply = TEXTS } },
		{ "blocked silently: a connection is not left hanging", .cut = true, .text = "450 ",
		  .verdict = { .block_s = 3600, .drop_style = STYLE_SILENT, .reply = TEXTS } },
		{ "while a recheck is open", .cut = true, .text = "450 ",
		  .verdict = { .block_s = 3600,
			       .drop_style = STYLE_ANSWER,
			       .reply = TEXTS,
			       .recheck_open_ns = NOON + 60 * SECOND } },
		{ "operator's range", .range = true, .cut = true, .text = "550 " },
		{ "report mode", .verdict = { .block_s = 3600 }, .report = true },
		{ "submission", .verdict = { .block_s = 3600 }, .submission = true },
		{ "outbound", .verdict = { .block_s = 3600 }, .outbound = true },
		{ "exempt", .exempt = true,
		  .verdict = { .block_s = 3600, .flags = VERDICT_RANGED } },
		{ "deferred", .verdict = { .throttle_s = 3600, .tarpit_style = STYLE_DEFER } },
		{ "passed", .verdict = { .drop_style = STYLE_ANSWER } },
		{ "in its block minutes", .at_s = 599, .cut = true, .text = "550 ",
		  .verdict = { .block_s = 600, .drop_style = STYLE_ANSWER, .reply = TEXTS } },
		{ "after its block minutes", .at_s = 600,
		  .verdict = { .block_s = 600, .drop_style = STYLE_ANSWER } },
		{ "verdict over", .at_s = 60,
		  .verdict = { .block_s = 3600, .valid_until_ns = NOON + 60 * SECOND } },
		{ "lease over", .at_s = 25 * 3600,
		  .verdict = { .block_s = 3600, .flags = VERDICT_CLOCK } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const struct point hello = { "", { HELLO }, NULL, false };
		struct range range = { .action = rows[i].exempt ? ACTION_PASS : ACTION_DROP,
				       .style = STYLE_ANSWER,
				       .reply = TEXTS };
		struct caller c = caller(*state, i & 1, NULL);
		struct range_key key = { .prefix_bits = 128, .addr = addr_of(&c.t, true) };
		struct look before;

		clean(*state);
		c.t.server_port = rows[i].submission ? 587 : 25;
		c.t.outbound = rows[i].outbound;
		converse(&c, &hello);
		instance_settings(*state)->mode = rows[i].report ? MODE_REPORT : MODE_ENFORCE;
		instance_clock(*state, NOON + rows[i].at_s * SECOND);
		if (rows[i].exempt || rows[i].range)
			assert_int_equal(instance_range(*state, &key, &range), 0);
		if (!rows[i].range)
			judge(&c.t, &rows[i].verdict);
		if (rows[i].cut) {
			refused(&c, NEXT, rows[i].what, rows[i].text);
			continue;
		}
		before = look(*state);
		client(&c.t, NEXT);
		if (noted(*state, &before, REASON_CUT_BEGUN))
			fail_msg("cut: %s", rows[i].what);
		assert_false(sent_back(&c));
	}
}

/* Of a message only what is pushed is looked at: its end always is. */
static void a_long_message(void **state)
{
	static const struct point data = {
		"", { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n" }, NULL, false
	};

	for (int pushed = 0; pushed < 2; pushed++) {
		struct caller c = conversation(*state, false, &data);

		for (int i = 0; i < 3; i++) {
			frame(&c.t, true, c.t.client_seq, c.t.server_seq, ACK, "line\r\n", 6);
			c.t.client_seq += 6;
		}
		frame(&c.t, true, c.t.client_seq, c.t.server_seq, ACK | (pushed ? PSH : 0),
		      "\r\nx\r\n.\r\n", 8);
		c.t.client_seq += 8;
		server(&c.t, "250 taken\r\n");
		c.seq = c.t.client_seq;
		c.ack = c.t.server_seq;
		judge(&c.t, &REFUSED);
		if (pushed)
			refused(&c, NEXT, "end seen", "550 ");
		else /* nothing is known until the next 354 */
			utter(&c, c.seq, c.ack, ACK | PSH, NEXT, "not seen", REASON_READ_DONE);
	}
}

/* A connection that is older than enforcement is known all the same. */
static void open_before_enforcement(void **state)
{
	static const struct point hello = { "", { HELLO }, NULL, false };
	struct caller c = caller(*state, false, NULL);

	instance_settings(*state)->mode = MODE_REPORT;
	converse(&c, &hello);
	judge(&c.t, &REFUSED);
	utter(&c, c.seq, c.ack, ACK | PSH, "NOOP\r\n", "report mode", REASON_READ);
	c.t.client_seq += 6;
	server(&c.t, "250 ok\r\n");
	c.seq = c.t.client_seq;
	c.ack = c.t.server_seq;
	instance_settings(*state)->mode = MODE_ENFORCE;
	refused(&c, NEXT, "enforced now", "550 ");
}

/* blocked_at - a connection that was cut at MAIL; 550 and FIN are under way */
static struct caller blocked_at(struct instance *gate, bool ipv6)
{
	static const struct point hello = { "", { HELLO }, NULL, false };
	struct caller c = conversation(gate, ipv6, &hello);

	judge(&c.t, &REFUSED);
	refused(&c, NEXT, "MAIL", "550 ");
	return c;
}

/* acked - the answer to a segment of a cut connection acknowledges everything, and no more */
static void acked(struct caller *c, uint32_t end, uint32_t seq)
{
	c->frame_bytes = c->t.out_bytes;
	take(c);
	assert_int_equal(c->last.ack, end);
	assert_int_equal(c->last.seq, seq);
	assert_int_equal(c->last.flags, ACK);
	assert_int_equal(c->last.bytes, 0);
}

/* The client reads, says more, closes: all is acknowledged, nothing reaches the server. */
static void to_the_end(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct caller c = blocked_at(*state, ipv6);
		uint32_t fin = c.ack + REPLY_BYTES + 1;
		struct look before;

		utter(&c, c.seq, fin, ACK, "", "read", REASON_CUT);
		utter(&c, c.seq, fin, ACK | PSH, "QUIT\r\n", "QUIT", REASON_CUT_ANSWERED);
		acked(&c, c.seq + 6, fin);
		utter(&c, c.seq, fin, ACK | PSH, "QUIT\r\n", "again", REASON_CUT_ANSWERED);
		acked(&c, c.seq + 6, fin);
		c.seq += 6;
		/* nothing of the server's side leaves, a RST least of all */
		before = look(*state);
		frame(&c.t, false, c.ack, c.seq, RST, "", 0);
		exits_as(&c.t, &before, "RST", HOOK_EGRESS, REASON_CUT);
		before = look(*state);
		frame(&c.t, false, c.ack, c.seq, ACK, "421 bye\r\n", 9);
		exits_as(&c.t, &before, "421", HOOK_EGRESS, REASON_CUT);
		assert_true(followed(&c.t));
		utter(&c, c.seq, fin, FIN | ACK, "", "FIN", REASON_CUT_ANSWERED);
		acked(&c, c.seq + 1, fin);
		assert_false(followed(&c.t));
		assert_false(sent_back(&c));
		assert_int_equal(seen(*state).conns, 1);
	}
}

/* A refusal that was lost is said again, and the RST too. */
static void a_lost_refusal(void **state)
{
	struct caller c = blocked_at(*state, false);
	uint32_t mail = c.seq - strlen(NEXT);

	for (int i = 0; i < 3; i++) {
		utter(&c, mail, c.ack, ACK | PSH, NEXT, "again", REASON_CUT_BEGUN);
		reset(&c, mail);
		assert_true(sent_back(&c));
		assert_int_equal(c.last.seq, c.ack);
		assert_int_equal(c.last.ack, c.seq);
		begins(&c.last, "550 ");
	}
	/* its FIN crossed our text */
	utter(&c, c.seq, c.ack, FIN | ACK, "", "FIN", REASON_CUT_BEGUN);
	assert_true(sent_back(&c));
	assert_int_equal(c.last.ack, c.seq + 1);
	assert_true(followed(&c.t));
	utter(&c, c.seq + 1, c.ack + REPLY_BYTES + 1, ACK, "", "read", REASON_CUT);
	assert_false(followed(&c.t));
}

/* A RST where the client stands ends it; a forged one elsewhere does not. */
static void a_client_that_resets(void **state)
{
	struct caller c = blocked_at(*state, true);

	utter(&c, c.seq - 5, 0, RST, "", "before", REASON_CUT);
	assert_true(followed(&c.t));
	utter(&c, c.seq, 0, RST, "", "in place", REASON_CUT);
	assert_false(followed(&c.t));
}

/* Another connection at the same ports is not taken for the one that was cut. */
static void ports_used_again(void **state)
{
	struct caller c = blocked_at(*state, false), next;

	next = c;
	next.seq += 0x10000000;
	next.option_bytes = 0;
	call(&next);
	say(&next, "");
	begins(&next.last, "220 ");
	assert_false(followed(&next.t));
	/* nor where the verdict is over and the server itself has it */
	c = blocked_at(*state, false);
	judge(&c.t, NULL);
	c.t.client_seq = c.seq + 0x10000000;
	c.t.server_seq = c.ack + 0x30000000;
	handshake(&c.t);
	assert_false(followed(&c.t));
	server(&c.t, GREETED);
	assert_true(followed(&c.t));
}

/* Timestamps go on where the server's were. */
static void timestamps(void **state)
{
	static const uint8_t options[12] = {
		1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0xa, 0xb, 0xc, 0xd
	};
	static const struct point hello = { "", { HELLO }, NULL, false };

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct caller c = conversation(*state, ipv6, &hello);

		memcpy(c.options, options, sizeof(options));
		c.option_bytes = sizeof(options);
		judge(&c.t, &REFUSED);
		refused(&c, NEXT, "MAIL", "550 ");
		assert_int_equal(c.last.option_bytes, 12);
		assert_int_equal(get32(c.last.options + 4), 0x0a0b0c0d);
		assert_int_equal(get32(c.last.options + 8), 0x11223344);
		utter(&c, c.seq, c.ack + REPLY_BYTES + 1, ACK, "QUIT\r\n", "QUIT",
		      REASON_CUT_ANSWERED);
		acked(&c, c.seq + 6, c.ack + REPLY_BYTES + 1);
		assert_int_equal(get32(c.last.options + 4), 0x0a0b0c0d);
	}
}

/* Without texts there is no answer, but the server is not left with a dead client. */
static void without_texts(void **state)
{
	static const struct point hello = { "", { HELLO }, NULL, false };
	static const struct reply none;
	struct caller c = conversation(*state, false, &hello);

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			bpf_map_update_elem(instance_fds(*state)->replies, &i, &none, BPF_ANY), 0);
	judge(&c.t, &REFUSED);
	utter(&c, c.seq, c.ack, ACK | PSH, NEXT, "no texts", REASON_CUT_BEGUN);
	reset(&c, c.seq);
	assert_false(sent_back(&c));
}

/* What came under an IPsec policy is not answered in clear: the connection goes on. */
static void under_ipsec(void **state)
{
	static const struct point hello = { "", { HELLO }, NULL, false };
	struct caller c = conversation(*state, true, &hello);
	struct range_key key = { .prefix_bits = 64, .addr = source(&c.t) };
	__u32 one = 1;

	assert_int_equal(
		bpf_map_update_elem(instance_fds(*state)->ipsec_peers, &key, &one, BPF_ANY), 0);
	instance_settings(*state)->ipsec = 1;
	judge(&c.t, &REFUSED);
	utter(&c, c.seq, c.ack, ACK | PSH, NEXT, "under IPsec", REASON_READ);
	assert_false(sent_back(&c));
}

/* A slowed session that is cut gives its slot back. */
static void a_slot_is_given_back(void **state)
{
	static const struct verdict slow = { .throttle_s = 3600, .tarpit_style = STYLE_SLOW };
	static const struct point hello = { "", { HELLO }, NULL, false };
	struct caller c = caller(*state, false, &slow);
	struct flow f;

	converse(&c, &hello);
	assert_true(flow_of(&c.t, &f) && f.slot);
	judge(&c.t, &REFUSED);
	refused(&c, NEXT, "MAIL", "550 ");
	assert_true(flow_of(&c.t, &f) && !f.slot);
}

#define TEST(f) cmocka_unit_test_setup(f, clean_answers)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(at_a_command_and_nowhere_else),
		TEST(not_before_the_reply_is_read),
		TEST(who_is_cut),
		TEST(open_before_enforcement),
		TEST(a_long_message),
		TEST(to_the_end),
		TEST(a_lost_refusal),
		TEST(a_client_that_resets),
		TEST(ports_used_again),
		TEST(timestamps),
		TEST(without_texts),
		TEST(under_ipsec),
		TEST(a_slot_is_given_back),
	};

	return cmocka_run_group_tests(tests, open_loop, close_gate);
}
