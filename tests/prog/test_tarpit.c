// SPDX-License-Identifier: BSD-2-Clause
/*
 * tarpit/slow: what arms a delay, how long it lasts, and what the server's segments look like
 * meanwhile. (Test runs have no offloaded checksums; the e2e tests send such segments.)
 */
#include "tests/prog/rows.h"

#define DELAY  (10 * SECOND)
#define WINDOW 64000 /* of every segment that build_frame() makes */

#define SLOW                                                                                       \
	{                                                                                          \
		.throttle_s = 3600, .tarpit_style = STYLE_SLOW, .drop_style = STYLE_SILENT         \
	}

static const struct verdict slow = SLOW;

/* greeted - a connection of a slowed source, up to its greeting at noon */
static struct talk greeted(struct instance *gate, bool ipv6)
{
	struct talk t = talk(gate, ipv6);

	free_slots(gate); /* test_slots.c says how many there are */
	judge(&t, &slow);
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	return t;
}

static uint64_t deadline(const struct talk *t)
{
	struct flow f = { 0 };

	flow_of(t, &f);
	return f.deadline_ns;
}

/* lasts - the deadline is `ns` from `from`, the time a test run may take aside */
static bool lasts(const struct talk *t, uint64_t from, uint64_t ns)
{
	uint64_t at = deadline(t);

	return at >= from + ns && at < from + ns + SECOND / 2;
}

static uint16_t window_of(const uint8_t *tcp)
{
	return tcp[14] << 8 | tcp[15];
}

/* checksum_right - of the segment in a frame, addresses included */
static bool checksum_right(const struct talk *t, const uint8_t *f, size_t tcp_at, size_t bytes)
{
	size_t address = t->ipv6 ? 16 : 4;
	const uint8_t *addresses = f + link_bytes(t) + (t->ipv6 ? 8 : 12);

	return fold16(sum16(f + tcp_at, bytes, sum16(addresses, 2 * address, 6 + bytes))) == 0xffff;
}

/* sent - feed a server's segment; as it left, only window and checksum may differ */
static void sent(struct talk *t, const char *text, unsigned int flags, uint16_t window)
{
	uint8_t in[4096], out[4096];
	size_t n =
		build_frame(t, false, t->server_seq, t->client_seq, flags, text, strlen(text), in);
	size_t tcp = n - t->padding - strlen(text) - 20 - t->tcp_options;

	t->out = out;
	feed(t, false, in, n);
	t->out = NULL;
	assert_int_equal(t->out_bytes, n);
	assert_int_equal(window_of(out + tcp), window);
	assert_true(checksum_right(t, out, tcp, n - tcp - t->padding));
	memcpy(in + tcp + 14, out + tcp + 14, 4);
	assert_memory_equal(in, out, n);
	t->server_seq += strlen(text);
}

static void window_is_0_until_the_deadline(void **state)
{
	static const struct {
		bool ipv6;
		unsigned int tags, ip_options, tcp_options, padding;
		const char *text;
	} segments[] = {
		{ false, 0, 0, 0, 0, "250 mx.example.net\r\n" },
		{ true, 0, 0, 0, 0, "250 mx.example.net\r\n" },
		{ false, 0, 0, 0, 0, "250 odd\r\n" },
		{ false, 0, 0, 0, 6, "" },
		{ false, 2, 40, 40, 0, "250 ok\r\n" },
		{ true, 1, 0, 12, 0, "250 ok\r\n" },
		{ false, 0, 0, 12, 0, "" },
	};

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		struct look before;
		struct talk t;

		clean(*state);
		t = greeted(*state, segments[i].ipv6);
		assert_true(lasts(&t, NOON, DELAY));
		t.tags = segments[i].tags;
		t.ip_options = segments[i].ip_options;
		t.tcp_options = segments[i].tcp_options;
		t.padding = segments[i].padding;
		before = look(*state);
		sent(&t, segments[i].text, ACK | PSH, 0);
		exits_as(&t, &before, "at once", HOOK_EGRESS, REASON_SLOWED);
		instance_clock(*state, deadline(&t) - SECOND);
		before = look(*state);
		sent(&t, segments[i].text, ACK | PSH, 0);
		exits_as(&t, &before, "second before", HOOK_EGRESS, REASON_SLOWED);
		instance_clock(*state, deadline(&t));
		before = look(*state);
		sent(&t, segments[i].text, ACK | PSH, WINDOW);
		exits_as(&t, &before, "at the deadline", HOOK_EGRESS, REASON_READ);
	}
}

static void the_greeting_itself_waits(void **state)
{
	struct talk t = talk(*state, false);
	struct look before;

	judge(&t, &slow);
	handshake(&t);
	before = look(*state);
	sent(&t, "220 mx.example.net ESMTP\r\n", ACK | PSH, 0);
	exits_as(&t, &before, "greeting", HOOK_EGRESS, REASON_SLOWED);
	assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 1);
	assert_int_equal(verdict_of(&t).hits_slowed, 1);
}

/* SYN-ACK and RST say what they said; FIN waits as data does. */
static void which_segments_are_held(void **state)
{
	static const struct {
		unsigned int flags;
		bool held;
	} segments[] = {
		{ ACK, true },        { ACK | PSH, true }, { FIN | ACK, true },
		{ SYN | ACK, false }, { RST, false },      { RST | ACK, false },
	};

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		struct talk t = greeted(*state, i & 1);

		sent(&t, "", segments[i].flags, segments[i].held ? 0 : WINDOW);
	}
}

/* shown - the deadline is over, and a segment of the server shows the window again */
static void shown(struct talk *t)
{
	instance_clock(t->gate, deadline(t));
	sent(t, "", ACK, WINDOW);
	assert_int_equal(deadline(t), 0);
}

/* A segment of the client, `back` bytes before what it sends next. */
static const struct segment {
	const char *what;
	int32_t back;
	unsigned int flags;
	const char *text;
	bool taken; /* the server has more than before, and says so */
	bool arms;
} segments[] = {
	{ "new bytes", 0, ACK | PSH, "NOOP\r\n", true, true },
	{ "new byte", 0, ACK, "N", true, true },
	{ "retransmit", 6, ACK | PSH, "EHLO a", false, false },
	{ "retransmit of the last byte", 1, ACK, "\n", false, false },
	{ "old bytes and a new one", 1, ACK | PSH, "\nN", true, true },
	{ "acknowledgement", 0, ACK, "", false, false },
	{ "window probe", 1, ACK, "", false, false },
	{ "bytes that the server never takes", -50000, ACK, "NOOP\r\n", false, false },
	{ "FIN", 0, FIN | ACK, "", true, false },
	{ "wrong RST", 5, RST, "", false, false },
	{ "SYN", 0, SYN, "", false, false },
};

/* client_segment - feed it, see whether what the server says to it armed */
static void client_segment(struct talk *t, const struct segment *s)
{
	struct look before = look(t->gate);

	frame(t, true, t->client_seq - s->back, t->server_seq, s->flags, s->text, strlen(s->text));
	if (s->taken)
		t->client_seq += strlen(s->text) - s->back + (s->flags & FIN);
	sent(t, "", ACK, WINDOW); /* taking it is not yet an answer */
	sent(t, "250 ok\r\n", ACK | PSH, s->arms ? 0 : WINDOW);
	if (noted(t->gate, &before, REASON_DELAY_ARMED) != s->arms) {
		fprintf(stderr, "row \"%s\" expected to %s\n", s->what,
			s->arms ? "arm" : "not arm");
		fail();
	}
}

static void only_new_bytes_arm(void **state)
{
	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		struct talk t = greeted(*state, i & 1);

		client(&t, "EHLO a\r\n");
		server(&t, "250 mx\r\n");
		shown(&t);
		instance_clock(*state, NOON + 100 * SECOND);
		client_segment(&t, &segments[i]);
		if (segments[i].arms)
			assert_true(lasts(&t, NOON + 100 * SECOND, DELAY));
		else
			assert_int_equal(deadline(&t), 0);
		instance_clock(*state, NOON);
	}
}

/* The same where nothing is read any more, in TLS; and what was never taken arms no less after */
static void only_new_bytes_arm_in_tls(void **state)
{
	static const struct segment fresh = { "new record",       0,    ACK | PSH,
					      "\x16\x03\x01 one", true, true };

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		struct talk t = greeted(*state, i & 1);

		client(&t, "EHLO a\r\n");
		server(&t, "250-mx\r\n250 STARTTLS\r\n");
		client(&t, "STARTTLS\r\n");
		server(&t, "220 go\r\n");
		shown(&t);
		client_segment(&t, &fresh);
		shown(&t);
		client_segment(&t, &segments[i]);
		if (segments[i].arms)
			shown(&t);
		if (segments[i].flags & (FIN | RST | SYN))
			continue;
		client_segment(&t, &fresh);
	}
}

/* A FIN out of place is ignored by the server, whoever sent it: the session stays slow. */
static void a_wrong_fin_ends_no_delays(void **state)
{
	static const int32_t places[] = { -100, -1, 1, 1000, 0x70000000 };
	static const struct segment fresh = { "new bytes", 0, ACK | PSH, "NOOP\r\n", true, true };

	for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
		struct talk t = greeted(*state, i & 1);

		client(&t, "EHLO a.example.org\r\n");
		server(&t, "250-mx\r\n250 STARTTLS\r\n");
		if (i & 1) {
			client(&t, "STARTTLS\r\n");
			server(&t, "220 go\r\n");
		}
		frame(&t, true, t.client_seq + places[i / 2], t.server_seq, FIN | ACK, "", 0);
		shown(&t);
		client_segment(&t, &fresh);
		shown(&t);
		client_segment(&t, &fresh);
	}
}

/* Many stacks probe a closed window with a byte of what they have to send: that waits no longer
 * than others do. */
static void probes_with_a_byte_wait_once(void **state)
{
	struct talk t = greeted(*state, false);
	struct look before = look(*state);

	for (int i = 0; i < 3; i++) { /* before the deadline: a byte each time */
		client(&t, "E");
		sent(&t, "", ACK, 0);
	}
	instance_clock(*state, deadline(&t));
	client(&t, "H");
	sent(&t, "", ACK, WINDOW);
	assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 0);
	client(&t, "LO a\r\n");
	sent(&t, "250 mx\r\n", ACK | PSH, 0);
	assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 1);
}

/* A round trip, not a window: a mail of any length waits before it and after it, so its last reply
 * comes while its sender still waits for that. */
static void a_long_mail_waits_once(void **state)
{
	static char body[1400] = "Subject: x\r\n\r\n";

	memset(body + 16, 'x', sizeof(body) - 16);
	for (int tls = 0; tls < 2; tls++) {
		struct talk t = greeted(*state, false);
		struct look before;

		client(&t, "EHLO a\r\n");
		server(&t, "250-mx\r\n250 STARTTLS\r\n");
		client(&t, tls ? "STARTTLS\r\n" : "DATA\r\n");
		sent(&t, tls ? "220 go\r\n" : "354 go\r\n", ACK | PSH, 0);
		shown(&t);
		before = look(*state);
		for (int i = 0; i < 3000; i++) {
			say_bytes(&t, true, body, sizeof(body));
			if (i % 2)
				sent(&t, "", ACK, WINDOW);
		}
		assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 0);
		client(&t, "\r\n.\r\n");
		sent(&t, "250 taken\r\n", ACK | PSH, 0);
		assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 1);
	}
}

/* What the server says in several segments is one answer; a slow one delays no less. */
static void one_answer_arms_once(void **state)
{
	struct talk t = greeted(*state, false);
	struct look before;

	shown(&t);
	instance_clock(*state, NOON + 20 * SECOND);
	client(&t, "EHLO a\r\n");
	sent(&t, "", ACK, WINDOW);
	instance_clock(*state, NOON + 50 * SECOND);
	before = look(*state);
	sent(&t, "250-mx\r\n", ACK | PSH, 0);
	assert_true(lasts(&t, NOON + 50 * SECOND, DELAY));
	instance_clock(*state, NOON + 55 * SECOND);
	sent(&t, "250-SIZE\r\n", ACK | PSH, 0);
	instance_clock(*state, NOON + 61 * SECOND);
	sent(&t, "250 8BITMIME\r\n", ACK | PSH, WINDOW);
	assert_int_equal(noted(*state, &before, REASON_DELAY_ARMED), 1);
}

/* Why a slowed source's bytes arm no delay. */
static void when_nothing_is_slowed(void **state)
{
	static const struct row {
		const char *what;
		struct verdict verdict;
		bool report, submission, outbound, exempt, none_said, arms;
		int64_t at_s, enforce_s, lease_s;
	} rows[] = {
		{ "slowed", .verdict = SLOW, .arms = true },
		{ "report mode", .verdict = SLOW, .report = true },
		{ "unconfirmed enforce, before its end", .verdict = SLOW, .at_s = 59,
		  .enforce_s = 60, .arms = true },
		{ "unconfirmed enforce, over", .verdict = SLOW, .at_s = 60, .enforce_s = 60 },
		{ "submission port", .verdict = SLOW, .submission = true },
		{ "outbound", .verdict = SLOW, .outbound = true },
		{ "exempt", .exempt = true,
		  .verdict = { .throttle_s = 3600,
			       .tarpit_style = STYLE_SLOW,
			       .flags = VERDICT_RANGED } },
		{ "exempt, verdict not marked", .verdict = SLOW, .exempt = true, .arms = true },
		{ "pass", .verdict = { .tarpit_style = STYLE_SLOW } },
		{ "drop", .verdict = { .block_s = 3600, .drop_style = STYLE_SILENT } },
		{ "defer", .verdict = { .throttle_s = 3600, .tarpit_style = STYLE_DEFER } },
		{ "daemon says none is slowed", .verdict = SLOW, .none_said = true },
		{ "in the window", .verdict = { .throttle_s = 300, .tarpit_style = STYLE_SLOW },
		  .at_s = 299, .arms = true },
		{ "after the window", .verdict = { .throttle_s = 300, .tarpit_style = STYLE_SLOW },
		  .at_s = 300 },
		{ "set for a minute", .arms = true, .at_s = 59,
		  .verdict = { .throttle_s = 3600,
			       .tarpit_style = STYLE_SLOW,
			       .valid_until_ns = NOON + 60 * SECOND } },
		{ "set for a minute, over", .at_s = 60,
		  .verdict = { .throttle_s = 3600,
			       .tarpit_style = STYLE_SLOW,
			       .valid_until_ns = NOON + 60 * SECOND } },
		{ "clock's, lease over", .at_s = 60, .lease_s = 60,
		  .verdict = { .throttle_s = 3600,
			       .tarpit_style = STYLE_SLOW,
			       .flags = VERDICT_CLOCK } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		volatile struct settings *s = instance_settings(*state);
		const struct row *r = &rows[i];
		struct talk t = talk(*state, i & 1);
		struct range exempt = { .action = ACTION_PASS };
		struct range_key key = { .prefix_bits = 128, .addr = addr_of(&t, true) };
		struct look before;

		clean(*state);
		instance_clock(*state, NOON + r->at_s * SECOND);
		judge(&t, &r->verdict);
		if (r->exempt)
			assert_int_equal(instance_range(*state, &key, &exempt), 0);
		s->mode = r->report ? MODE_REPORT : MODE_ENFORCE;
		s->enforce_until_ns = r->enforce_s ? NOON + r->enforce_s * SECOND : 0;
		s->lease_until_ns = NOON + (r->lease_s ?: 7200) * SECOND;
		s->tarpits = !r->none_said;
		t.outbound = r->outbound;
		t.server_port = r->submission ? 587 : 25;
		before = look(*state);
		handshake(&t);
		server(&t, "220 mx.example.net\r\n");
		client(&t, "EHLO a\r\n");
		server(&t, "250 mx.example.net\r\n");
		if (noted(*state, &before, REASON_DELAY_ARMED) != 2 * r->arms ||
		    noted(*state, &before, REASON_SLOWED) != 2 * r->arms) {
			fprintf(stderr, "row \"%s\":", r->what);
			exits(*state, &before, stderr);
			fputc('\n', stderr);
			fail();
		}
		assert_int_equal(verdict_of(&t).hits_slowed, 2 * r->arms);
	}
}

/* A delay under way ends with enforcement, at once. */
static void a_delay_ends_with_enforcement(void **state)
{
	volatile struct settings *s = instance_settings(*state);
	struct talk t = greeted(*state, false);

	sent(&t, "250 a\r\n", ACK | PSH, 0);
	s->mode = MODE_REPORT;
	sent(&t, "250 a\r\n", ACK | PSH, WINDOW);
	s->mode = MODE_OFF;
	sent(&t, "250 a\r\n", ACK | PSH, WINDOW);
	s->mode = MODE_ENFORCE;
	sent(&t, "250 a\r\n", ACK | PSH, 0);
	s->enforce_until_ns = NOON - SECOND;
	sent(&t, "250 a\r\n", ACK | PSH, WINDOW);
}

/* Who is let go in the middle of a delay does not wait for its end: the verdict says something
 * else, is gone, or a range around it passes; nor is that delay taken up again. */
static void a_delay_ends_with_the_verdict(void **state)
{
	for (int way = 0; way < 3; way++) {
		struct talk t = greeted(*state, way & 1);
		struct range_key key = { .prefix_bits = 128, .addr = addr_of(&t, true) };
		struct range exempt = { .action = ACTION_PASS };
		struct verdict v = verdict_of(&t), pass = v;

		sent(&t, "250 a\r\n", ACK | PSH, 0);
		pass.throttle_s = 0;
		if (way == 2) {
			pass = v;
			pass.flags |= VERDICT_RANGED;
			assert_int_equal(instance_range(*state, &key, &exempt), 0);
		}
		judge(&t, way == 1 ? NULL : &pass);
		sent(&t, "250 a\r\n", ACK | PSH, WINDOW);
		assert_int_equal(deadline(&t), 0);
		judge(&t, &v);
		sent(&t, "250 a\r\n", ACK | PSH, WINDOW);
		if (way == 2)
			assert_int_equal(instance_range(*state, &key, NULL), 0);
	}
}

/* an operator's range slows sources that have no verdict of their own */
static void a_range_slows(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);
		struct range_key key = { .prefix_bits = 120, .addr = addr_of(&t, true) };
		struct range r = { .action = ACTION_TARPIT, .style = STYLE_SLOW };

		key.addr.b[15] = 0;
		assert_int_equal(instance_range(t.gate, &key, &r), 0);
		instance_settings(t.gate)->mode = MODE_ENFORCE;
		instance_settings(t.gate)->slow_delay_ms = DELAY / 1000000;
		instance_clock(t.gate, NOON);
		handshake(&t);
		server(&t, "220 mx.example.net ESMTP\r\n");
		assert_true(lasts(&t, NOON, DELAY));
		shown(&t);
		instance_clock(t.gate, NOON + 20 * SECOND);
		client(&t, "EHLO a.example.org\r\n");
		server(&t, "250 mx\r\n");
		assert_true(lasts(&t, NOON + 20 * SECOND, DELAY));
		shown(&t);
		/* taken away: the connection that began in it is free too */
		assert_int_equal(instance_range(t.gate, &key, NULL), 0);
		instance_clock(t.gate, NOON + 60 * SECOND);
		client(&t, "NOOP\r\n");
		server(&t, "250 mx\r\n");
		assert_int_equal(deadline(&t), 0);
		goodbye(&t);
	}
}

/* Whatever D is, the window's end is the last moment. */
static void never_beyond_the_window(void **state)
{
	static const struct {
		uint32_t delay_ms;
		uint64_t at_ns; /* after noon; the window ends at 600 s */
		uint64_t lasts_ns;
	} rows[] = {
		{ 10000, 0, 10 * SECOND },
		{ 10000, 590 * SECOND, 10 * SECOND },
		{ 10000, 591 * SECOND, 9 * SECOND },
		{ 10000, 599 * SECOND, SECOND },
		{ 10000, 599 * SECOND + SECOND / 4, SECOND * 3 / 4 },
		{ 100000, 500 * SECOND, 100 * SECOND },
		{ 100000, 501 * SECOND, 99 * SECOND },
		{ 1000000, 0, 100 * SECOND }, /* whatever somebody wrote there */
		{ 0xffffffff, 300 * SECOND, 100 * SECOND },
		{ 1, 0, SECOND / 1000 },
		{ 0, 0, 0 },
	};
	struct verdict v = slow;

	v.throttle_s = 600;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk t = talk(*state, i & 1);

		free_slots(*state);
		judge(&t, &v);
		instance_settings(*state)->slow_delay_ms = rows[i].delay_ms;
		instance_clock(*state, NOON + rows[i].at_ns);
		handshake(&t);
		server(&t, "220 mx.example.net\r\n");
		if (!rows[i].delay_ms)
			assert_true(t.last == -1 && deadline(&t) < NOON + SECOND);
		else
			assert_true(lasts(&t, NOON + rows[i].at_ns, rows[i].lasts_ns));
		if (rows[i].at_ns + rows[i].lasts_ns == 600 * SECOND)
			assert_true(deadline(&t) <= NOON + 600 * SECOND);
	}
}

/* A verdict that ends within its window ends its delays with it. */
static void never_beyond_the_verdict(void **state)
{
	volatile struct settings *s = instance_settings(*state);
	struct range r = { .action = ACTION_TARPIT,
			   .style = STYLE_SLOW,
			   .valid_until_ns = NOON + 5 * SECOND };
	struct verdict v = slow;
	struct range_key key;
	struct talk t;

	v.valid_until_ns = NOON + 3 * SECOND;
	t = talk(*state, false);
	judge(&t, &v);
	handshake(&t);
	server(&t, "220 mx.example.net\r\n");
	assert_true(deadline(&t) <= NOON + 3 * SECOND && deadline(&t) > NOON + 2 * SECOND);

	v = slow;
	v.flags = VERDICT_CLOCK;
	s->lease_until_ns = NOON + 4 * SECOND;
	judge(&t, &v);
	shown(&t);
	instance_clock(*state, NOON);
	client(&t, "EHLO a\r\n");
	server(&t, "250 mx\r\n");
	assert_true(deadline(&t) <= NOON + 4 * SECOND && deadline(&t) > NOON + 3 * SECOND);

	judge(&t, NULL);
	t = talk(*state, true);
	key = (struct range_key) { .prefix_bits = 128, .addr = addr_of(&t, true) };
	assert_int_equal(instance_range(*state, &key, &r), 0);
	handshake(&t);
	server(&t, "220 mx.example.net\r\n");
	assert_true(deadline(&t) <= NOON + 5 * SECOND && deadline(&t) > NOON + 4 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(window_is_0_until_the_deadline, clean_gate),
		cmocka_unit_test_setup(the_greeting_itself_waits, clean_gate),
		cmocka_unit_test_setup(which_segments_are_held, clean_gate),
		cmocka_unit_test_setup(only_new_bytes_arm, clean_gate),
		cmocka_unit_test_setup(only_new_bytes_arm_in_tls, clean_gate),
		cmocka_unit_test_setup(a_wrong_fin_ends_no_delays, clean_gate),
		cmocka_unit_test_setup(probes_with_a_byte_wait_once, clean_gate),
		cmocka_unit_test_setup(a_long_mail_waits_once, clean_gate),
		cmocka_unit_test_setup(one_answer_arms_once, clean_gate),
		cmocka_unit_test_setup(when_nothing_is_slowed, clean_gate),
		cmocka_unit_test_setup(a_delay_ends_with_enforcement, clean_gate),
		cmocka_unit_test_setup(a_delay_ends_with_the_verdict, clean_gate),
		cmocka_unit_test_setup(a_range_slows, clean_gate),
		cmocka_unit_test_setup(never_beyond_the_window, clean_gate),
		cmocka_unit_test_setup(never_beyond_the_verdict, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
