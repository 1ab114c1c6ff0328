// SPDX-License-Identifier: BSD-2-Clause
/*
 * When the answerer answers, and what it says when the verdict changes in mid conversation: whose
 * connection it is, frames of every kind, TCP options, and sources that come too often.
 */
#include "tests/prog/answered.h"

#include <time.h>

#define EACH(ipv6) for (int ipv6 = 0; ipv6 < 2; ipv6++)

/* --- whether ---------------------------------------------------------------------------------- */

/* attempt - what becomes of a SYN of a source with this verdict */
static void attempt(struct instance *gate, const struct verdict *v, enum reason reason)
{
	EACH(ipv6)
	{
		struct caller c = caller(gate, ipv6, v);

		tell(&c, c.seq, 0, SYN, "", 0, reason);
	}
}

static void nothing_is_enforced(void **state)
{
	volatile struct settings *s = instance_settings(*state);
	struct verdict v = REFUSED;
	struct caller c;

	attempt(*state, NULL, REASON_SYN);
	s->mode = MODE_REPORT;
	attempt(*state, &REFUSED, REASON_REPORT_ONLY);
	attempt(*state, &DEFERRED, REASON_REPORT_ONLY);
	s->mode = MODE_OFF;
	attempt(*state, &REFUSED, REASON_OFF);
	s->mode = MODE_ENFORCE;
	s->enforce_until_ns = NOON;
	attempt(*state, &REFUSED, REASON_REPORT_ONLY);
	s->enforce_until_ns = 0;
	v.flags = VERDICT_CLOCK;
	s->lease_until_ns = NOON;
	attempt(*state, &v, REASON_LEASE_OVER);
	v.flags = 0;
	v.valid_until_ns = NOON;
	attempt(*state, &v, REASON_EXPIRED);
	v = REFUSED;
	v.block_s = 60;
	v.phase_s = 600;
	attempt(*state, &v, REASON_WINDOW_OPEN);
	v = (struct verdict) { 0 };
	attempt(*state, &v, REASON_VERDICT_PASS);
	c = caller(*state, false, &REFUSED);
	c.t.server_port = 587;
	tell(&c, c.seq, 0, SYN, "", 0, REASON_NOT_MX);
	/* the other styles */
	v = REFUSED;
	v.drop_style = STYLE_SILENT;
	attempt(*state, &v, REASON_SILENT);
	v = DEFERRED;
	v.tarpit_style = STYLE_SLOW;
	attempt(*state, &v, REASON_TARPITTED);
}

/* around - a range that holds the caller's source */
static void around(struct caller *c, uint8_t action, uint8_t style, uint16_t reply)
{
	struct range_key key = { .prefix_bits = c->t.ipv6 ? 48 : 120, .addr = source(&c->t) };
	struct range r = { .action = action, .style = style, .reply = reply };

	assert_int_equal(instance_range(c->t.gate, &key, &r), 0);
}

/* mail - ask again and again, and believe no answer: the connection stays where it is */
static struct answer_seen *mail(struct caller *c)
{
	static const char line[] = "MAIL FROM:<a@example.org>\r\n";
	struct answer_seen *a =
		tell(c, c->seq, c->ack, ACK | PSH, line, strlen(line), REASON_ANSWERED);

	/* a verdict that is over ends the connection, the next one is the server's */
	assert_int_equal(!!(a->flags & FIN), a->text[1] == '2');
	return a;
}

static void ranges(void **state)
{
	struct verdict v = REFUSED;

	v.flags = VERDICT_RANGED;
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &v);

		around(&c, ACTION_PASS, 0, 0);
		tell(&c, c.seq, 0, SYN, "", 0, REASON_EXEMPT);
		judge(&c.t, NULL);
		around(&c, ACTION_DROP, STYLE_ANSWER, TEXTS);
		call(&c);
		begins(say(&c, ""), "220 ");
		begins(say(&c, "EHLO a\r\n"), "250 ");
		begins(mail(&c), "550 5.7.230");
		around(&c, ACTION_TARPIT, STYLE_DEFER, TEXTS);
		begins(mail(&c), "450 4.7.230");
		around(&c, ACTION_PASS, 0, 0); /* exempt now: try again */
		begins(mail(&c), "421 ");
		around(&c, ACTION_TARPIT, STYLE_SLOW, 0);
		c = caller(*state, ipv6, NULL);
		tell(&c, c.seq, 0, SYN, "", 0, REASON_TARPITTED);
	}
}

/* --- in mid conversation ---------------------------------------------------------------------- */

static void verdict_changes(void **state)
{
	volatile struct settings *s = instance_settings(*state);

	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);

		begins(say(&c, "EHLO a\r\n"), "250 ");
		judge(&c.t, NULL); /* lifted */
		begins(mail(&c), "421 4.3.2 mx.example.net");
		judge(&c.t, &DEFERRED);
		begins(mail(&c), "450 4.7.230");
		judge(&c.t, &REFUSED);
		s->mode = MODE_REPORT;
		begins(mail(&c), "421 ");
		s->mode = MODE_ENFORCE;
		begins(mail(&c), "550 5.7.230");
		s->mode = MODE_OFF;
		tell(&c, c.seq, c.ack, ACK | PSH, "MAIL\r\n", 6, REASON_OFF);
		s->mode = MODE_ENFORCE;
	}
}

/* who insists on TLS leaves where he sees none, and has not read why; counted for its verdict */
static void leaves_unread(void **state)
{
	struct verdict v = REFUSED;

	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &v);

		begins(say(&c, "EHLO a\r\n"), "250 ");
		begins(say(&c, "QUIT\r\n"), "221 ");
		assert_int_equal(verdict_of(&c.t).unread, 1);
		assert_int_equal(verdict_of(&c.t).told, 0);
		c = greeted(*state, ipv6, &v);
		begins(say(&c, "EHLO a\r\n"), "250 ");
		begins(say(&c, "STARTTLS\r\n"), "550 ");
		begins(say(&c, "QUIT\r\n"), "221 ");
		assert_int_equal(verdict_of(&c.t).unread, 1);
		c = greeted(*state, ipv6, &v);
		begins(say(&c, "EHLO a\r\n"), "250 ");
		begins(say(&c, "MAIL FROM:<a@example.org>\r\n"), "550 ");
		begins(say(&c, "QUIT\r\n"), "221 ");
		assert_int_equal(verdict_of(&c.t).unread, 0);
		assert_int_equal(verdict_of(&c.t).told, 1);
	}
}

/* the source's window ends while it talks, and a block begins while it is deferred */
static void window_changes(void **state)
{
	struct verdict v = REFUSED;
	struct caller c;

	v.block_s = 300;
	v.throttle_s = 600;
	v.tarpit_style = STYLE_DEFER;
	c = greeted(*state, false, &v);
	begins(mail(&c), "550 ");
	instance_clock(*state, NOON + 299 * SECOND);
	begins(mail(&c), "550 ");
	instance_clock(*state, NOON + 300 * SECOND);
	begins(mail(&c), "450 ");
	instance_clock(*state, NOON + 900 * SECOND);
	begins(mail(&c), "421 ");
	instance_clock(*state, NOON + HOUR);
	begins(mail(&c), "550 ");
}

/* while one connection may show an upgrade the others are not bounced */
static void recheck_under_way(void **state)
{
	struct verdict v = REFUSED;
	struct caller c, other;

	v.recheck_at_ns = NOON;
	v.build = BUILD(15, 1, 2507, 39);
	c = greeted(*state, false, &REFUSED);
	judge(&c.t, &v);
	other = c;
	other.t.client_port++;
	tell(&other, other.seq, 0, SYN, "", 0, REASON_RECHECK);
	begins(mail(&c), "450 ");
	/* greeted by the server, and read: the slot is spent, the connection goes on */
	other.t.client_seq = other.seq + 1;
	frame(&other.t, false, other.t.server_seq++, other.t.client_seq, SYN | ACK, "", 0);
	acknowledge(&other.t, true);
	server(&other.t, "220 mx.example.net ESMTP\r\n");
	client(&other.t, "EHLO ex01.example.org\r\n");
	assert_int_equal(verdict_of(&c.t).hits_recheck, 1);
	instance_clock(*state, NOON + 60 * SECOND);
	begins(mail(&c), "450 ");
	frame(&other.t, true, other.t.client_seq, other.t.server_seq, FIN | ACK, "", 0);
	begins(mail(&c), "550 ");
}

/* --- whose ------------------------------------------------------------------------------------ */

static void open_connections_stay(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, NULL);
		struct look before;

		handshake(&c.t);
		server(&c.t, "220 mx.example.net ESMTP\r\n");
		client(&c.t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		server(&c.t, "250 ok\r\n250 ok\r\n354 go\r\n");
		judge(&c.t, &REFUSED);
		before = look(*state);
		client(&c.t, "Subject: x\r\n\r\nx\r\n");
		exits_as(&c.t, &before, "message of an open connection", HOOK_INGRESS, REASON_READ);
		client(&c.t, ".\r\n");
		server(&c.t, "250 taken\r\n");
		assert_int_equal(noted(*state, &before, REASON_ANSWERED), 0);
		goodbye(&c.t);
	}
}

/* a flow under these ports goes before any position: here the server happens to use our numbers */
static void a_flow_goes_first(void **state)
{
	struct caller c = greeted(*state, false, &DEFERRED);
	struct look before;

	c.t.client_seq = c.seq;
	c.t.server_seq = c.ack - 24;
	server(&c.t, "220 mx.example.net ESMT\n");
	assert_true(followed(&c.t));
	before = look(*state);
	client(&c.t, "EHLO a\r\n");
	exits_as(&c.t, &before, "EHLO", HOOK_INGRESS, REASON_READ);
}

/* A client that began anew while the server has the old connection: answered by us it would be in
 * two at once, and hang in both. The server makes it end the old one. */
static void a_syn_under_the_ports_of_an_open_connection(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct caller c = caller(*state, ipv6, NULL);
		struct look before;

		handshake(&c.t);
		server(&c.t, "220 mx.example.net ESMTP\r\n");
		judge(&c.t, &REFUSED);
		before = look(*state);
		frame(&c.t, true, c.seq + 0x10000000, 0, SYN, "", 0);
		exits_as(&c.t, &before, "SYN", HOOK_INGRESS, REASON_READ);
		assert_true(followed(&c.t));
		frame(&c.t, false, c.t.server_seq, c.t.client_seq, ACK, "", 0);
		frame(&c.t, true, c.t.client_seq, 0, RST, "", 0);
		assert_false(followed(&c.t));
		c.seq += 0x10000000;
		call(&c);
		say(&c, "");
		begins(&c.last, "220 ");
	}
}

static void own_answers_leave(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
	struct caller c = greeted(*state, false, &REFUSED);
	struct {
		uint8_t bytes[192];
	} context = { 0 };
	uint32_t mark = 0x62673235;
	struct look before = look(*state);

	memcpy(context.bytes + 8, &mark, 4); /* __sk_buff.mark */
	say(&c, "EHLO a\r\n");
	before = look(*state);
	opts.data_in = c.out;
	opts.data_size_in = c.t.out_bytes;
	opts.ctx_in = opts.ctx_out = &context;
	opts.ctx_size_in = opts.ctx_size_out = sizeof(context);
	assert_int_equal(bpf_prog_test_run_opts(instance_fds(*state)->egress, &opts), 0);
	c.t.last = opts.retval;
	exits_as(&c.t, &before, "own answer", HOOK_EGRESS, REASON_ANSWER_LEFT);
	memcpy(&mark, context.bytes + 8, 4);
	assert_int_equal(mark, 0);
	assert_false(followed(&c.t));
}

static void a_thousand_dialogues(void **state)
{
	struct look before = look(*state);

	for (int i = 0; i < 1000; i++) {
		struct caller c = greeted(*state, i & 1, i & 2 ? &REFUSED : &DEFERRED);

		say(&c, "EHLO a\r\n");
		say(&c, "MAIL FROM:<a@b>\r\n");
		say(&c, "QUIT\r\n");
		tell(&c, c.seq, c.ack, FIN | ACK, "", 0, REASON_ANSWERED);
	}
	assert_int_equal(entries(instance_fds(*state)->flows, 36), 0);
	assert_int_equal(entries(instance_fds(*state)->pending, 36), 0);
	assert_int_equal(entries(instance_fds(*state)->handshakes, 36), 0);
	assert_int_equal(noted(*state, &before, REASON_FLOW_NEW), 0);
	assert_int_equal(noted(*state, &before, REASON_ANSWERED_SYN), 1000);
	assert_int_equal(seen(*state).conns, 0);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* a whole dialogue with frames of this kind; tell() checks every answer */
static void dialogue(struct caller *c)
{
	call(c);
	begins(say(c, ""), "220 ");
	begins(say(c, "EHLO a\r\n"), "250 ");
	begins(say(c, "MAIL FROM:<a@b>\r\n"), "550 ");
	begins(say(c, "QUIT\r\n"), "221 ");
}

static void frames(void **state)
{
	EACH(ipv6)
	{
		for (unsigned int tags = 0; tags <= 2; tags++) {
			struct caller c = caller(*state, ipv6, &REFUSED);

			c.t.tags = tags;
			dialogue(&c);
			c = caller(*state, ipv6, &REFUSED);
			c.t.tags = tags;
			c.t.padding = 6; /* Ethernet's, after a short segment */
			dialogue(&c);
		}
	}
}

static void no_link_header(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, NULL);

		c.t.no_link = true;
		judge(&c.t, &REFUSED);
		dialogue(&c);
	}
}

/* the client's segment need not have a full checksum yet; what is sent has one */
static void checksums(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED);

		c.t.partial_checksum = true;
		dialogue(&c);
	}
}

/* IP options and extension headers are taken off: the answer has none */
static void extra_headers(void **state)
{
	for (unsigned int bytes = 4; bytes <= 40; bytes += 12) {
		struct caller c = caller(*state, false, &REFUSED);

		c.t.ip_options = bytes;
		dialogue(&c);
	}
	for (unsigned int n = 1; n <= 3; n++) {
		struct caller c = caller(*state, true, &REFUSED);

		c.t.ip6_extensions = n;
		dialogue(&c);
	}
}

/* where that cannot be done, behind a tag in the frame (on a wire it is the second), the host gets
 * the packet as it was */
static void headers_that_stay(void **state)
{
	struct caller c = caller(*state, false, &REFUSED);

	c.t.ip_options = 8;
	c.t.tags = 1;
	tell(&c, ISN, 0, SYN, "", 0, REASON_ANSWER_DECLINED);
}

/* --- TCP options ------------------------------------------------------------------------------ */

#define MSS          2, 4, 0x05, 0xb4
#define SACK         4, 2
#define TIME         8, 10, 1, 2, 3, 4, 0, 0, 0, 0
#define SCALE        3, 3, 7
#define NOP          1
#define OPTIONS(...) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })

static const struct {
	uint8_t bytes[40];
	size_t count;
	bool mss, time;
} option_rows[] = {
	{ OPTIONS(MSS), true, false },
	{ OPTIONS(MSS, SACK, TIME, NOP, SCALE), true, true },      /* Linux */
	{ OPTIONS(MSS, NOP, SCALE, NOP, NOP, SACK), true, false }, /* Windows */
	{ OPTIONS(MSS, NOP, SCALE, SACK, TIME), true, true },
	{ OPTIONS(NOP, NOP, TIME), false, true },
	{ OPTIONS(NOP, NOP, NOP, NOP), false, false },
	{ OPTIONS(0, 0, 0, 0, MSS), false, false },                           /* behind the end */
	{ OPTIONS(34, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, MSS), true, false }, /* TFO cookie */
	{ OPTIONS(30, 12, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, MSS), true, false },  /* MPTCP */
	{ OPTIONS(2, 0, 0, 0), false, false },                                /* no length */
	{ OPTIONS(8, 10, 1, 2), false, false },      /* longer than the header */
	{ OPTIONS(2, 3, 1, 1), false, false },       /* wrong length */
	{ OPTIONS(NOP, NOP, NOP, 8), false, false }, /* no room for a length */
	{ OPTIONS(NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP,
		  NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP, TIME),
	  false, true },
};

static void options(void **state)
{
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++) {
		struct caller c = caller(*state, i & 1, &REFUSED);
		const uint8_t *o = c.last.options;
		size_t at = 0;

		memcpy(c.options, option_rows[i].bytes, 40);
		c.option_bytes = option_rows[i].count;
		tell(&c, c.seq, 0, SYN, "", 0, REASON_ANSWERED_SYN);
		assert_true(c.last.frame_bytes <= c.frame_bytes);
		if (option_rows[i].mss) {
			assert_int_equal(get32(o), 0x02040000 | 1220);
			at += 4;
		}
		if (option_rows[i].time) {
			assert_int_equal(get32(o + at), 0x0101080a);
			assert_int_not_equal(get32(o + at + 4), 0);
			assert_int_equal(get32(o + at + 8), 0x01020304);
			at += 12;
		}
		assert_int_equal(c.last.option_bytes, at); /* nothing else is granted */
	}
}

/* a SYN that carries data (RFC 7413) is not larger in the answer, and the data comes again */
static void data_in_syn(void **state)
{
	struct caller c = caller(*state, false, &REFUSED);

	tell(&c, c.seq, 0, SYN, "EHLO a\r\n", 8, REASON_ANSWERED_SYN);
	assert_int_equal(c.last.ack, c.seq + 1);
	assert_int_equal(c.last.bytes, 0);
}

static void timed(struct caller *c, uint32_t echo)
{
	static const uint8_t time[] = { NOP, NOP, TIME };

	memcpy(c->options, time, sizeof(time));
	put32(c->options + 8, echo);
	c->option_bytes = sizeof(time);
}

static void timestamps(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED);

		timed(&c, 0);
		dialogue(&c);
		assert_int_equal(c.last.option_bytes, 12);
		assert_int_equal(get32(c.last.options + 8), 0x01020304);
	}
}

static uint32_t our_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* an acknowledgement that echoes what we sent long ago is a probe, one number back */
static void keep_alive(void **state)
{
	EACH(ipv6)
	{
		struct caller c = greeted(*state, ipv6, &REFUSED);

		say(&c, "EHLO a\r\n");
		timed(&c, our_clock() - 40000);
		tell(&c, c.seq - 1, c.ack, ACK, "", 0, REASON_ANSWERED);
		assert_int_equal(c.last.flags, ACK);
		assert_int_equal(c.last.bytes, 0);
		assert_int_equal(c.last.ack, c.seq);
		/* the same from stacks that send a byte with it */
		tell(&c, c.seq - 1, c.ack, ACK, "x", 1, REASON_ANSWERED);
		assert_int_equal(c.last.ack, c.seq);
		timed(&c, our_clock() - 1000); /* the shortest that can be asked for */
		tell(&c, c.seq - 1, c.ack, ACK, "", 0, REASON_ANSWERED);
		timed(&c, our_clock() - 500);
		confirm(&c);
		timed(&c, our_clock() + 5000); /* never sent by us */
		confirm(&c);
		c.option_bytes = 0;
		confirm(&c);
	}
}

/* a peer under an IPsec policy gets nothing of ours, and is not kept from the server */
static void under_ipsec(void **state)
{
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED), other;
		struct range_key key = { .prefix_bits = 128, .addr = addr_of(&c.t, true) };
		__u32 one = 1;

		assert_int_equal(
			bpf_map_update_elem(instance_fds(*state)->ipsec_peers, &key, &one, BPF_ANY),
			0);
		instance_settings(*state)->ipsec = 1;
		tell(&c, c.seq, 0, SYN, "", 0, REASON_ANSWER_IPSEC);
		other = caller(*state, ipv6, &REFUSED);
		call(&other);
		instance_settings(*state)->ipsec = 0; /* none is left, says the daemon */
		call(&c);
	}
}

/* --- answer_rate ------------------------------------------------------------------------------ */

static void too_often(void **state)
{
	volatile struct settings *s = instance_settings(*state);

	s->answer_rate = 3;
	EACH(ipv6)
	{
		struct caller c = caller(*state, ipv6, &REFUSED);
		struct caller other = caller(*state, ipv6, &DEFERRED);

		for (int i = 0; i < 10; i++) {
			struct look before = look(*state);

			instance_clock(*state, NOON + (ipv6 * 10 + i / 5) * SECOND);
			syn(&c.t, HOOK_XDP);
			exits_as(&c.t, &before, "attempt", HOOK_XDP,
				 i % 5 < 3 ? REASON_LATER : REASON_ANSWER_RATE);
			c.t.client_port++;
		}
		struct look before = look(*state);

		syn(&other.t, HOOK_XDP); /* others have a rate of their own */
		exits_as(&other.t, &before, "other", HOOK_XDP, REASON_LATER);
	}
	s->answer_rate = 0; /* no limit */
	for (int i = 0; i < 100; i++) {
		struct caller c = caller(*state, false, &REFUSED);
		struct look before = look(*state);

		c.t.client_host = 7;
		judge(&c.t, &REFUSED);
		syn(&c.t, HOOK_XDP);
		exits_as(&c.t, &before, "no limit", HOOK_XDP, REASON_LATER);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clean_answers)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_enforced),
		TEST(ranges),
		TEST(verdict_changes),
		TEST(window_changes),
		TEST(leaves_unread),
		TEST(recheck_under_way),
		TEST(open_connections_stay),
		TEST(a_flow_goes_first),
		TEST(a_syn_under_the_ports_of_an_open_connection),
		TEST(own_answers_leave),
		TEST(a_thousand_dialogues),
		TEST(frames),
		TEST(no_link_header),
		TEST(checksums),
		TEST(extra_headers),
		TEST(options),
		TEST(data_in_syn),
		TEST(timestamps),
		TEST(keep_alive),
		TEST(too_often),
		TEST(headers_that_stay),
		TEST(under_ipsec),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
