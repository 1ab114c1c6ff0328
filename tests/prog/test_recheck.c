// SPDX-License-Identifier: BSD-2-Clause
/*
 * A blocked source shows whether it was upgraded: which attempts are let through, when that
 * chance is used up, and what becomes of an old and of a newer build on such a connection.
 */
#include "tests/prog/cutting.h"

#define OLD BUILD(15, 1, 2507, 39)
#define DUE (NOON + 600 * SECOND)

#define RECEIVED(build)                                                                            \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server id " build "; Sat, 21 Nov 2026\r\n"            \
	" 10:00:00 +0000\r\n\r\nhello\r\n"

/* blocked - a source that is refused, but for a recheck due at DUE */
static struct talk blocked(struct instance *gate, bool ipv6)
{
	static const struct verdict v = {
		.block_s = 3600, .drop_style = STYLE_SILENT, .recheck_at_ns = DUE, .build = OLD
	};
	struct talk t = talk(gate, ipv6);

	judge(&t, &v);
	return t;
}

/* attempt_exits - its SYN, where XDP and then ingress see it */
static void attempt_exits(struct talk *t, const char *what, enum reason reason)
{
	struct look before = look(t->gate);

	syn(t, HOOK_XDP);
	exits_as(t, &before, what, HOOK_XDP, reason);
	if (reason == REASON_SILENT)
		return;
	before = look(t->gate);
	syn(t, HOOK_INGRESS);
	exits_as(t, &before, what, HOOK_INGRESS, reason);
}

/* answered - the rest of the handshake of a connection that was let through, and a greeting */
static void answered(struct talk *t)
{
	t->client_seq++;
	frame(t, false, t->server_seq++, t->client_seq, SYN | ACK, "", 0);
	acknowledge(t, true);
	server(t, "220 mx.example.net ESMTP\r\n");
}

/* let_through - a recheck connection up to its greeting */
static struct talk let_through(struct instance *gate, bool ipv6)
{
	struct talk t = blocked(gate, ipv6);

	instance_clock(gate, DUE);
	attempt_exits(&t, "due", REASON_RECHECK);
	answered(&t);
	return t;
}

static void dropped_before_it_is_due_and_passed_after(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t;

		clean(*state);
		t = blocked(*state, ipv6);
		attempt_exits(&t, "long before", REASON_SILENT);
		instance_clock(*state, DUE - SECOND);
		attempt_exits(&t, "second before", REASON_SILENT);
		assert_int_equal(verdict_of(&t).hits_dropped, 2);
		instance_clock(*state, DUE);
		syn(&t, HOOK_XDP); /* XDP only looks: ingress writes it down */
		assert_int_equal(entries(instance_fds(*state)->rechecks, 36), 0);
		attempt_exits(&t, "due", REASON_RECHECK);
		assert_int_equal(entries(instance_fds(*state)->rechecks, 36), 1);
		assert_int_equal(verdict_of(&t).hits_dropped, 2);
		assert_int_equal(verdict_of(&t).recheck_at_ns, DUE);
	}
}

static void never_due_where_there_is_none(void **state)
{
	struct talk t = blocked(*state, false);
	struct verdict v = verdict_of(&t);

	v.recheck_at_ns = 0;
	judge(&t, &v);
	instance_clock(*state, DUE + 24 * HOUR);
	attempt_exits(&t, "no recheck", REASON_SILENT);
}

static void four_attempts_in_ten_seconds(void **state)
{
	struct talk t[5];

	instance_clock(*state, DUE);
	for (int i = 0; i < 5; i++) {
		t[i] = blocked(*state, false);
		if (!i)
			continue;
		t[i].client_host = t[0].client_host;
	}
	for (int i = 0; i < 4; i++)
		attempt_exits(&t[i], "attempt", REASON_RECHECK);
	attempt_exits(&t[4], "fifth attempt", REASON_SILENT);
	for (int i = 0; i < 4; i++)
		attempt_exits(&t[i], "SYN sent again", REASON_RECHECK);
	t[0].client_seq += 12345;
	attempt_exits(&t[0], "same ports, another connection", REASON_SILENT);
	t[0].client_seq -= 12345;
	instance_clock(*state, DUE + 9 * SECOND);
	attempt_exits(&t[4], "nine seconds later", REASON_SILENT);
	attempt_exits(&t[0], "SYN sent again, nine seconds later", REASON_RECHECK);
	instance_clock(*state, DUE + 11 * SECOND);
	attempt_exits(&t[4], "eleven seconds later", REASON_RECHECK);
}

/* What was let through is remembered for five minutes. */
static void an_attempt_is_forgotten(void **state)
{
	struct talk first = blocked(*state, false), t[4];

	instance_clock(*state, DUE);
	attempt_exits(&first, "attempt", REASON_RECHECK);
	instance_clock(*state, DUE + 297 * SECOND);
	for (int i = 0; i < 4; i++) {
		t[i] = talk(*state, false);
		attempt_exits(&t[i], "attempt", REASON_RECHECK);
	}
	attempt_exits(&first, "SYN sent again, three seconds before the end", REASON_RECHECK);
	instance_clock(*state, DUE + 301 * SECOND);
	attempt_exits(&first, "SYN sent again, after five minutes", REASON_SILENT);
}

static void spent_when_the_greeting_is_acknowledged(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t, other;
		struct look before;
		uint64_t due;

		clean(*state);
		t = let_through(*state, ipv6);
		other = talk(*state, ipv6);
		assert_int_equal(verdict_of(&t).recheck_at_ns, DUE);
		attempt_exits(&other, "not spent yet", REASON_RECHECK);
		before = look(*state);
		frame(&t, true, t.client_seq, t.server_seq - 26, ACK, "", 0);
		assert_int_equal(noted(*state, &before, REASON_RECHECK_USED), 0);
		instance_clock(*state, DUE + 60 * SECOND);
		acknowledge(&t, true);
		acknowledge(&t, true);
		assert_int_equal(noted(*state, &before, REASON_RECHECK_USED), 1);
		due = verdict_of(&t).recheck_at_ns;
		assert_true(due >= DUE + 60 * SECOND + HOUR && due < DUE + 61 * SECOND + HOUR);
		assert_int_equal(verdict_of(&t).hits_recheck, 1);
		other.client_port += 100;
		attempt_exits(&other, "spent", REASON_SILENT);
		instance_clock(*state, due - SECOND);
		attempt_exits(&other, "second before the next", REASON_SILENT);
		instance_clock(*state, due);
		attempt_exits(&other, "the next", REASON_RECHECK);
	}
}

/* Of several that were let through together the first to acknowledge its greeting has the recheck.
 * The others are connections like any other of a blocked source, and their ends end nothing. */
static void the_first_of_several_has_it(void **state)
{
	static const unsigned int ends[] = { FIN | ACK, RST };

	for (int i = 0; i < 4; i++) {
		struct talk t, second, third;
		struct look before;
		struct verdict v;
		struct flow f;

		clean(*state);
		t = blocked(*state, i & 1);
		second = blocked(*state, i & 1);
		third = blocked(*state, i & 1);
		instance_clock(*state, DUE);
		attempt_exits(&t, "first", REASON_RECHECK);
		attempt_exits(&second, "second", REASON_RECHECK);
		attempt_exits(&third, "third", REASON_RECHECK);
		answered(&t);
		answered(&second);
		answered(&third);
		before = look(*state);
		acknowledge(&t, true);
		v = verdict_of(&t);
		assert_true(v.recheck_open_ns > DUE + 200 * SECOND);
		acknowledge(&second, true);
		assert_int_equal(noted(*state, &before, REASON_RECHECK_USED), 1);
		assert_int_equal(verdict_of(&t).hits_recheck, 1);
		assert_int_equal(verdict_of(&t).recheck_at_ns, v.recheck_at_ns);
		assert_true(flow_of(&second, &f));
		assert_int_equal(f.flags & FLOW_RECHECK, 0);
		frame(&second, true, second.client_seq, second.server_seq, ends[i / 2], "", 0);
		frame(&third, true, third.client_seq, third.server_seq - 10, ends[i / 2], "", 0);
		assert_int_equal(verdict_of(&t).recheck_open_ns, v.recheck_open_ns);
		client(&t, "EHLO ex01.example.org\r\n");
		assert_int_equal(t.last, returned(HOOK_INGRESS, false));
	}
}

/* What one that came too late says next does not reach the server: it is told to come again. */
static void who_comes_too_late_is_deferred(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t;
		struct caller late = { 0 };
		struct look before;
		struct verdict v;

		while (recv(lo, late.out, sizeof(late.out), 0) >= 0)
			; /* of the tests before */
		clean_answers(state);
		t = blocked(*state, ipv6);
		late.t = blocked(*state, ipv6);
		v = verdict_of(&t);
		v.drop_style = STYLE_ANSWER;
		v.reply = TEXTS;
		judge(&t, &v);
		instance_clock(*state, DUE);
		attempt_exits(&t, "first", REASON_RECHECK);
		attempt_exits(&late.t, "second", REASON_RECHECK);
		answered(&t);
		answered(&late.t);
		acknowledge(&t, true);
		acknowledge(&late.t, true);
		put_ethernet(&late.t, late.frame);
		before = look(*state);
		client(&late.t, "EHLO ex02.example.org\r\n");
		exits_as(&late.t, &before, "too late", HOOK_INGRESS, REASON_CUT_BEGUN);
		assert_true(sent_back(&late));
		begins(&late.last, "450 4.7.230 ");
		client(&t, "EHLO ex01.example.org\r\n");
		assert_int_equal(t.last, returned(HOOK_INGRESS, false));
	}
}

/* A greeting that answers another SYN of the same ports makes no recheck of it. */
static void another_connection_is_no_recheck(void **state)
{
	struct talk t = blocked(*state, false);
	struct look before;
	struct flow f;

	instance_clock(*state, DUE);
	attempt_exits(&t, "due", REASON_RECHECK);
	t.client_seq += 1000;
	before = look(*state);
	answered(&t);
	client(&t, "EHLO ex01.example.org\r\n");
	assert_int_equal(noted(*state, &before, REASON_RECHECK_USED), 0);
	assert_true(flow_of(&t, &f));
	assert_int_equal(f.flags & FLOW_RECHECK, 0);
}

/* How a build is shown, up to the segment that shows it. */
static void up_to_message(struct talk *t, bool bdat)
{
	client(t, "EHLO ex01.example.org\r\n");
	server(t, "250 mx.example.net\r\n");
	client(t, "MAIL FROM:<a@example.org>\r\n");
	server(t, "250 ok\r\n");
	client(t, "RCPT TO:<b@example.net>\r\n");
	server(t, "250 ok\r\n");
	if (bdat)
		return;
	client(t, "DATA\r\n");
	server(t, "354 go\r\n");
}

enum change { NOTHING, UNSET, REPORTED, OPENED, EXEMPTED, BUILDLESS };

static const struct row {
	const char *what;
	const char *text;
	enum { IN_DATA, IN_BDAT, IN_EHLO } where;
	enum change change; /* before the segment */
	bool cut;
} rows[] = {
	{ "the same build", RECEIVED("15.1.2507.39"), IN_DATA, NOTHING, true },
	{ "the build below", RECEIVED("15.1.2507.38"), IN_DATA, NOTHING, true },
	{ "the build above", RECEIVED("15.1.2507.40"), IN_DATA, NOTHING, false },
	{ "an older product", RECEIVED("8.3.279.1"), IN_DATA, NOTHING, true },
	{ "a newer product", RECEIVED("15.2.1748.10"), IN_DATA, NOTHING, false },
	{ "the same build, BDAT", "BDAT 300 LAST\r\n" RECEIVED("15.1.2507.39"), IN_BDAT, NOTHING,
	  true },
	{ "a newer build, BDAT", "BDAT 300 LAST\r\n" RECEIVED("15.1.2507.61"), IN_BDAT, NOTHING,
	  false },
	{ "the same build, EHLO", "EHLO b15-1-2507-39.ex01.example.org\r\n", IN_EHLO, NOTHING,
	  true },
	{ "a newer build, EHLO", "EHLO b15-1-2507-61.ex01.example.org\r\n", IN_EHLO, NOTHING,
	  false },
	{ "verdict gone meanwhile", RECEIVED("15.1.2507.39"), IN_DATA, UNSET, false },
	{ "report mode meanwhile", RECEIVED("15.1.2507.39"), IN_DATA, REPORTED, false },
	{ "outside its block minutes", RECEIVED("15.1.2507.39"), IN_DATA, OPENED, false },
	{ "exempt meanwhile", RECEIVED("15.1.2507.39"), IN_DATA, EXEMPTED, false },
	{ "verdict without a build", RECEIVED("15.1.2507.39"), IN_DATA, BUILDLESS, false },
};

static void change(struct talk *t, enum change c)
{
	struct range_key all = { .prefix_bits = 128, .addr = addr_of(t, true) };
	struct range pass = { .action = ACTION_PASS };
	struct verdict v = verdict_of(t);

	switch (c) {
	case NOTHING:
		return;
	case UNSET:
		judge(t, NULL);
		return;
	case REPORTED:
		instance_settings(t->gate)->mode = MODE_REPORT;
		return;
	case OPENED: /* DUE is ten minutes into its hour */
		v.block_s = 600;
		break;
	case EXEMPTED:
		assert_int_equal(instance_range(t->gate, &all, &pass), 0);
		v.flags |= VERDICT_RANGED;
		break;
	case BUILDLESS:
		v.build = 0;
		break;
	}
	judge(t, &v);
}

/* shown - the row's connection, up to and with the segment that shows the build */
static struct talk shown(struct instance *gate, const struct row *r, bool ipv6)
{
	struct talk t;
	struct look before;
	struct verdict v;

	clean(gate);
	t = let_through(gate, ipv6);
	if (r->where == IN_EHLO)
		acknowledge(&t, true);
	else
		up_to_message(&t, r->where == IN_BDAT);
	assert_int_equal(seen(gate).tokens, 0);
	v = verdict_of(&t); /* refused in words: the style is no matter of rechecks */
	v.drop_style = STYLE_ANSWER;
	v.reply = TEXTS;
	judge(&t, &v);
	change(&t, r->change);
	before = look(gate);
	client(&t, r->text);
	exits_as(&t, &before, r->what, HOOK_INGRESS, r->cut ? REASON_CUT_BEGUN : REASON_READ);
	return t;
}

static void an_old_build_is_cut_a_newer_one_told(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct talk t = shown(*state, &rows[i], ipv6);
			struct seen s = seen(*state);

			assert_int_equal(s.tokens, rows[i].cut);
			if (!rows[i].cut) {
				acknowledge(&t, false);
				s = seen(*state);
				assert_int_equal(s.tokens, 1);
			}
			assert_true(s.token.flags & EVENT_RECHECK);
			assert_int_equal(s.token.side, SIDE_CLIENT);
			assert_int_equal(s.token.origin,
					 rows[i].where == IN_EHLO ? ORIGIN_EHLO : ORIGIN_RECEIVED);
		}
}

/* From the segment that shows it on no byte goes to the server: that one is reset, the client is
 * refused, and what it still sends is taken. */
static void the_client_is_told_and_the_server_reset(void **state)
{
	for (int r = 0; r < 9; r++) {
		struct caller c = { 0 };
		uint32_t bytes = strlen(rows[r].text), told;
		struct look before;

		if (!rows[r].cut)
			continue;
		while (recv(lo, c.out, sizeof(c.out), 0) >= 0)
			; /* of the tests before */
		c.t = shown(*state, &rows[r], r & 1);
		put_ethernet(&c.t, c.frame);
		assert_true(sent_back(&c));
		begins(&c.last, "550 5.7.230 ");
		assert_int_equal(c.last.flags, ACK | PSH | FIN);
		assert_int_equal(c.last.seq, c.t.server_seq);
		assert_int_equal(c.last.ack, c.t.client_seq);
		told = c.last.seq + REPLY_BYTES + 1;

		c.t.out = c.out;
		before = look(*state);
		frame(&c.t, true, c.t.client_seq - bytes, c.t.server_seq, ACK | PSH, rows[r].text,
		      bytes);
		exits_as(&c.t, &before, "all of it again", HOOK_INGRESS, REASON_CUT_BEGUN);
		reset(&c, c.t.client_seq - bytes);
		assert_true(sent_back(&c));
		before = look(*state);
		frame(&c.t, true, c.t.client_seq, told, ACK | PSH, "\r\n.\r\n", 5);
		exits_as(&c.t, &before, "its end", HOOK_INGRESS, REASON_CUT_ANSWERED);
		before = look(*state);
		frame(&c.t, false, c.t.server_seq, c.t.client_seq - bytes, ACK, "250 ok\r\n", 8);
		exits_as(&c.t, &before, "server", HOOK_EGRESS, REASON_CUT);
		c.t.client_seq += 5;
		frame(&c.t, true, c.t.client_seq, told, FIN | ACK, "", 0);
		assert_false(followed(&c.t));
		assert_int_equal(seen(*state).tokens, 1);
		assert_false(sent_back(&c));
	}
}

/* A connection that was open before the block is no recheck: nothing of it is cut. */
static void an_older_connection_is_not_cut(void **state)
{
	struct talk t = talk(*state, false);
	struct verdict v = { .block_s = 3600, .drop_style = STYLE_SILENT, .build = OLD };
	struct look before;
	struct seen s;

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	up_to_message(&t, false);
	judge(&t, &v);
	before = look(*state);
	client(&t, RECEIVED("15.1.2507.39"));
	exits_as(&t, &before, "old build", HOOK_INGRESS, REASON_READ);
	acknowledge(&t, false);
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.flags & EVENT_RECHECK, 0);
}

/* A segment that the server will not take says nothing, also not on a recheck. */
static void a_wrong_checksum_cuts_nothing(void **state)
{
	struct talk t = let_through(*state, false);
	struct look before;

	up_to_message(&t, false);
	before = look(*state);
	t.bad_checksum = true;
	frame(&t, true, t.client_seq, t.server_seq, ACK, RECEIVED("15.1.2507.39"),
	      strlen(RECEIVED("15.1.2507.39")));
	t.bad_checksum = false;
	exits_as(&t, &before, "wrong checksum", HOOK_INGRESS, REASON_READ);
	assert_int_equal(noted(*state, &before, REASON_BAD_CHECKSUM), 1);
	before = look(*state);
	client(&t, RECEIVED("15.1.2507.39"));
	exits_as(&t, &before, "right one", HOOK_INGRESS, REASON_CUT_BEGUN);
	assert_int_equal(seen(*state).tokens, 1);
}

/* into_tls - a recheck that leaves for TLS */
static struct talk into_tls(struct instance *gate)
{
	struct talk t = let_through(gate, false);

	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250-mx.example.net\r\n250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	return t;
}

/* records - `count` segments of 1,024 bytes of TLS; how many of them do not go through */
static unsigned int records(struct talk *t, unsigned int count)
{
	static char record[1024] = { 23, 3, 3, 3 };
	unsigned int cut = 0;

	while (count--) {
		struct look before = look(t->gate);

		frame(t, true, t->client_seq, t->server_seq, ACK | PSH, record, sizeof(record));
		t->client_seq += sizeof(record);
		cut += t->last == returned(HOOK_INGRESS, true);
		assert_int_equal(noted(t->gate, &before, REASON_CUT), cut > 0);
	}
	return cut;
}

#define CAP 1024 /* records: 1 MB */

/* Inside TLS nobody sees a build pass by: so much goes through, and then nothing. */
static void inside_tls_bytes_are_counted(void **state)
{
	struct talk t = into_tls(*state);
	struct look before;

	assert_true(verdict_of(&t).recheck_open_ns > 0);
	assert_int_equal(records(&t, CAP), 0);
	assert_int_equal(records(&t, 10), 10);
	assert_int_equal(verdict_of(&t).recheck_open_ns, 0);
	t.client_seq -= CAP * 1024;
	assert_int_equal(records(&t, 1), 1); /* not sent again either */
	before = look(*state);
	frame(&t, true, t.client_seq, t.server_seq, ACK, "", 0);
	exits_as(&t, &before, "acknowledgement", HOOK_INGRESS, REASON_READ_DONE);
	frame(&t, true, t.client_seq + (CAP + 9) * 1024, 0, RST, "", 0);
	assert_true(followed(&t));
}

/* Sight or the milter has seen an upgrade, or somebody let the source go. */
static void inside_tls_the_verdict_may_go(void **state)
{
	for (enum change c = UNSET; c <= EXEMPTED; c++) {
		struct talk t;

		clean(*state);
		t = into_tls(*state);
		assert_int_equal(records(&t, CAP - 1), 0);
		change(&t, c);
		assert_int_equal(records(&t, 100), 0);
	}
}

/* Nothing of what was shut out is lost: its sender goes on with it. */
static void what_was_shut_goes_on(void **state)
{
	for (enum change c = UNSET; c <= EXEMPTED; c++) {
		struct talk t;

		clean(*state);
		t = into_tls(*state);
		assert_int_equal(records(&t, CAP), 0);
		assert_int_equal(records(&t, 3), 3);
		change(&t, c);
		t.client_seq -= 3 * 1024;
		assert_int_equal(records(&t, 10), 0);
	}
}

/* What sight shuts is shut, also where a hole hid the STARTTLS from us. */
static void sight_shuts_what_was_not_read(void **state)
{
	struct talk t = let_through(*state, false);
	struct flow_key key = key_of(&t);
	struct flow f;

	client(&t, "EHLO ex01.example.org\r\n");
	t.server_seq += 100; /* a reply that passed by unseen, and was read */
	acknowledge(&t, true);
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	assert_int_equal(records(&t, 3), 0);
	assert_true(flow_of(&t, &f));
	assert_int_not_equal(f.server.family, FAMILY_TLS);
	f.flags |= FLOW_SHUT;
	assert_int_equal(bpf_map_update_elem(instance_fds(*state)->flows, &key, &f, BPF_ANY), 0);
	assert_int_equal(records(&t, 3), 3);
}

/* Others of the source are deferred until it is over, and only its own client ends it. */
static void a_forged_end_is_none(void **state)
{
	static const unsigned int ends[] = { FIN | ACK, RST };

	for (int i = 0; i < 2; i++) {
		struct talk t;

		clean(*state);
		t = into_tls(*state);
		records(&t, 3);
		frame(&t, true, t.client_seq + 5000, t.server_seq, ends[i], "", 0);
		frame(&t, true, t.client_seq - 5000, t.server_seq, ends[i], "", 0);
		assert_true(verdict_of(&t).recheck_open_ns > 0);
		frame(&t, true, t.client_seq, t.server_seq, ends[i], "", 0);
		assert_int_equal(verdict_of(&t).recheck_open_ns, 0);
	}
}

static void no_recheck_is_not_counted(void **state)
{
	struct talk t = talk(*state, false);
	struct verdict v = { .block_s = 3600, .drop_style = STYLE_SILENT, .build = OLD };

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250-mx.example.net\r\n250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	judge(&t, &v);
	assert_int_equal(records(&t, CAP + 10), 0);
}

/* blind - rechecks that ended inside TLS where nobody looked, since `before` */
static unsigned int blind(struct instance *gate, const struct look *before)
{
	return noted(gate, before, REASON_RECHECK_BLIND);
}

static void who_was_not_looked_into_is_counted(void **state)
{
	struct look before = look(*state);
	struct talk t = into_tls(*state);
	struct flow_key key;
	struct flow f;

	records(&t, 3);
	assert_int_equal(blind(*state, &before), 0);
	goodbye(&t);
	assert_int_equal(blind(*state, &before), 1);
	/* sight says that it reads this one */
	clean(*state);
	before = look(*state);
	t = into_tls(*state);
	assert_true(flow_of(&t, &f));
	f.flags |= FLOW_LOOKED;
	key = key_of(&t);
	assert_int_equal(bpf_map_update_elem(instance_fds(*state)->flows, &key, &f, BPF_ANY), 0);
	goodbye(&t);
	assert_int_equal(blind(*state, &before), 0);
	/* plaintext, whatever it showed, and connections that are no recheck */
	clean(*state);
	before = look(*state);
	t = let_through(*state, false);
	up_to_message(&t, false);
	goodbye(&t);
	t = talk(*state, false);
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	goodbye(&t);
	assert_int_equal(blind(*state, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(dropped_before_it_is_due_and_passed_after, clean_gate),
		cmocka_unit_test_setup(never_due_where_there_is_none, clean_gate),
		cmocka_unit_test_setup(four_attempts_in_ten_seconds, clean_gate),
		cmocka_unit_test_setup(an_attempt_is_forgotten, clean_gate),
		cmocka_unit_test_setup(spent_when_the_greeting_is_acknowledged, clean_gate),
		cmocka_unit_test_setup(the_first_of_several_has_it, clean_gate),
		cmocka_unit_test_setup(who_comes_too_late_is_deferred, clean_answers),
		cmocka_unit_test_setup(another_connection_is_no_recheck, clean_gate),
		cmocka_unit_test_setup(an_old_build_is_cut_a_newer_one_told, clean_gate),
		cmocka_unit_test_setup(the_client_is_told_and_the_server_reset, clean_answers),
		cmocka_unit_test_setup(an_older_connection_is_not_cut, clean_gate),
		cmocka_unit_test_setup(a_wrong_checksum_cuts_nothing, clean_gate),
		cmocka_unit_test_setup(inside_tls_bytes_are_counted, clean_gate),
		cmocka_unit_test_setup(inside_tls_the_verdict_may_go, clean_gate),
		cmocka_unit_test_setup(what_was_shut_goes_on, clean_gate),
		cmocka_unit_test_setup(sight_shuts_what_was_not_read, clean_gate),
		cmocka_unit_test_setup(a_forged_end_is_none, clean_gate),
		cmocka_unit_test_setup(no_recheck_is_not_counted, clean_gate),
		cmocka_unit_test_setup(who_was_not_looked_into_is_counted, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_loop, close_gate);
}
