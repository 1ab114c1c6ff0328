// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a flow: what begins one, replaces it, ends it and what does not; which
 * acknowledgements count; and what is left when maps and the ring buffer are full.
 */
#include "tests/prog/rows.h"

#define FLOWS_MAX 65536 /* as maps.bpf.h has it */

#define OLD_LINE                                                                                   \
	"Received: from a.example.org (192.0.2.1) by EX01.example.org (192.0.2.2)\r\n"             \
	" with Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n"

static void greet(struct talk *t)
{
	handshake(t);
	server(t, "220 mx.example.net ESMTP\r\n");
	acknowledge(t, true);
}

/* up_to_message - the client's next byte is the first of a message */
static void up_to_message(struct talk *t)
{
	greet(t);
	client(t, "EHLO ex01.example.org\r\n");
	server(t, "250 mx.example.net\r\n");
	client(t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	server(t, "250 ok\r\n250 ok\r\n354 go\r\n");
}

/* learns - a new connection of these ports gives its build */
static void learns(struct talk *t)
{
	seen(t->gate);
	t->client_seq += 0x10000000;
	t->server_seq += 0x10000000;
	up_to_message(t);
	client(t, OLD_LINE);
	acknowledge(t, false);
	assert_int_equal(seen(t->gate).tokens, 1);
	goodbye(t);
	assert_false(followed(t));
}

/* Only what our server says first begins a flow of a stranger's connection. */
static void what_begins_a_flow(void **state)
{
	static const struct {
		const char *what;
		const char *text;
		unsigned int flags;
		bool by_client, outbound, begins;
	} births[] = {
		{ "220", "220 mx\r\n", ACK | PSH, false, false, true },
		{ "220-", "220-mx\r\n", ACK | PSH, false, false, true },
		{ "554", "554 no\r\n", ACK | PSH, false, false, true },
		{ "421", "421 busy\r\n", ACK | PSH, false, false, true },
		{ "a piece of it", "22", ACK, false, false, true },
		{ "a byte of it", "2", ACK, false, false, true },
		{ "with FIN", "554 no\r\n", FIN | ACK, false, false, true },
		{ "another reply", "250 ok\r\n", ACK | PSH, false, false, false },
		{ "no reply", "mx\r\n", ACK | PSH, false, false, false },
		{ "a piece of another", "25", ACK, false, false, false },
		{ "a byte of none", "3", ACK, false, false, false },
		{ "nothing", "", ACK, false, false, false },
		{ "without ACK", "220 mx\r\n", PSH, false, false, false },
		{ "in a RST", "220 mx\r\n", RST | ACK, false, false, false },
		{ "in a SYN", "220 mx\r\n", SYN | ACK, false, false, false },
		{ "client from inside", "220 mx\r\n", ACK | PSH, true, true, false },
		{ "client from outside", "220 mx\r\n", ACK | PSH, true, false, false },
		{ "server from outside", "220 mx\r\n", ACK | PSH, false, true, false },
		{ "server's SYN-ACK from outside", "", SYN | ACK, false, true, false },
	};

	for (size_t i = 0; i < sizeof(births) / sizeof(births[0]); i++) {
		struct talk t = talk(*state, i & 1);
		struct look before = look(*state);

		t.outbound = births[i].outbound;
		frame(&t, births[i].by_client, t.server_seq, t.client_seq, births[i].flags,
		      births[i].text, strlen(births[i].text));
		if (followed(&t) != births[i].begins ||
		    noted(*state, &before, REASON_FLOW_NEW) != births[i].begins)
			fail_msg("\"%s\" expected to %sbegin a flow", births[i].what,
				 births[i].begins ? "" : "not ");
	}
}

/* The SYN-ACK that answers our client's own SYN, and no other. */
static void our_connection_begins_with_its_answer(void **state)
{
	static const struct {
		const char *what;
		uint32_t ack_off;
		bool begins;
	} answers[] = {
		{ "one too few", -1U, false },
		{ "one too many", 1, false },
		{ "far", 0x80000000, false },
		{ "right", 0, true },
	};
	struct talk t = talk(*state, false);
	struct flow f;

	t.outbound = true;
	frame(&t, true, t.client_seq++, 0, SYN, "", 0);
	for (size_t i = 0; i < 4; i++) {
		frame(&t, false, t.server_seq, t.client_seq + answers[i].ack_off, SYN | ACK, "", 0);
		if (followed(&t) != answers[i].begins)
			fail_msg("SYN-ACK, ack %s", answers[i].what);
	}
	assert_true(flow_of(&t, &f));
	assert_int_equal(f.server.next, t.server_seq + 1);
	assert_int_equal(f.client.next, t.client_seq);
	/* forged afterwards: the SYN it would answer is not waited for any more */
	frame(&t, false, t.server_seq + 777, t.client_seq, SYN | ACK, "", 0);
	assert_true(flow_of(&t, &f));
	assert_int_equal(f.server.next, t.server_seq + 1);
}

/* Ports that are used again. */
static void another_isn_replaces(void **state)
{
	for (int outbound = 0; outbound < 2; outbound++) {
		struct talk t = talk(*state, outbound), again;
		struct look before;
		struct seen s;

		t.outbound = outbound;
		greet(&t);
		again = t;
		before = look(*state);
		again.server_seq -= 27; /* the SYN-ACK of this very connection, again */
		frame(&again, false, again.server_seq, again.client_seq, SYN | ACK, "", 0);
		assert_true(followed(&t));
		assert_int_equal(noted(*state, &before, REASON_FLOW_REPLACED), 0);
		again.server_seq += 0x12345678;
		again.client_seq += 0x12345;
		seen(*state);
		handshake(&again);
		assert_int_equal(noted(*state, &before, REASON_FLOW_REPLACED), 1);
		assert_int_equal(followed(&again), outbound);
		s = seen(*state);
		assert_int_equal(s.conns, 1);
		frame(&again, true, again.client_seq, again.server_seq, RST, "", 0);
		t = again;
		learns(&t);
	}
}

/* Not seen its handshake: a greeting before the first number of the old connection. */
static void a_greeting_from_before_replaces(void **state)
{
	struct talk t = talk(*state, false), other;
	struct look before;

	greet(&t);
	other = t;
	other.server_seq -= 0x01000000;
	other.client_seq += 0x01000000;
	before = look(*state);
	server(&other, "220 mx.example.net ESMTP\r\n");
	assert_int_equal(noted(*state, &before, REASON_FLOW_REPLACED), 1);
	assert_true(followed(&other));
}

static void fin_of_both_sides_ends(void **state)
{
	for (int client_first = 0; client_first < 2; client_first++) {
		struct talk t = talk(*state, client_first);
		struct look before;

		greet(&t);
		before = look(*state);
		for (int i = 0; i < 2; i++) { /* sent twice */
			frame(&t, client_first, client_first ? t.client_seq : t.server_seq,
			      client_first ? t.server_seq : t.client_seq, FIN | ACK, "", 0);
			assert_true(followed(&t));
		}
		frame(&t, !client_first, client_first ? t.server_seq : t.client_seq,
		      (client_first ? t.client_seq : t.server_seq) + 1, FIN | ACK, "", 0);
		assert_false(followed(&t));
		assert_int_equal(noted(*state, &before, REASON_FLOW_END), 1);
		assert_int_equal(seen(*state).conns, 1);
	}
}

/* Which RST, and which FIN with the server's before it, are believed while something is read
 * (RFC 5961, 3.2). Offsets from the next number of the side. */
static void forged_ends_are_not_believed(void **state)
{
	static const struct {
		const char *what;
		unsigned int flags;
		uint32_t off;
		bool from_outside, ends;
	} ends[] = {
		{ "RST, exact", RST, 0, true, true },
		{ "RST with ACK, exact", RST | ACK, 0, true, true },
		{ "RST, one above", RST, 1, true, false },
		{ "RST, one below", RST, -1U, true, false },
		{ "RST, in the window", RST, 1000, true, false },
		{ "RST, number 0", RST, 0x5a5a5a5a, true, false },
		{ "RST, opposite", RST, 0x80000000, true, false },
		{ "RST of ours", RST, 0, false, true },
		{ "RST of ours, another number", RST, 4711, false, true },
		{ "FIN, exact", FIN | ACK, 0, true, true },
		{ "FIN, in the window", FIN | ACK, 1000, true, false },
		{ "FIN, far", FIN | ACK, 0x70000000, true, false },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct talk t = talk(*state, i & 1);

		greet(&t);
		client(&t, "EHLO ex01.example.org\r\n");
		if (ends[i].flags & FIN)
			frame(&t, false, t.server_seq, t.client_seq, FIN | ACK, "", 0);
		frame(&t, ends[i].from_outside,
		      (ends[i].from_outside ? t.client_seq : t.server_seq) + ends[i].off,
		      ends[i].from_outside ? t.server_seq : t.client_seq, ends[i].flags, "", 0);
		if (followed(&t) == ends[i].ends)
			fail_msg("\"%s\" expected to %send it", ends[i].what,
				 ends[i].ends ? "" : "not ");
	}
}

/* Bytes that the client never sent, or not in this connection. */
static void forged_bytes_say_nothing(void **state)
{
	static const struct {
		const char *what;
		uint32_t off;
		unsigned int flags;
	} forged[] = {
		{ "far ahead", 100000, ACK | PSH }, { "beyond any window", 0x60000000, ACK | PSH },
		{ "behind", -5000U, ACK | PSH },    { "long behind", 0x90000000, ACK | PSH },
		{ "in a RST", 1, RST | ACK },       { "in a SYN", 0, SYN },
		{ "in a SYN-ACK", 0, SYN | ACK },
	};

	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		struct talk t = talk(*state, i & 1);

		up_to_message(&t);
		frame(&t, true, t.client_seq + forged[i].off, t.server_seq, forged[i].flags,
		      OLD_LINE, strlen(OLD_LINE));
		acknowledge(&t, false);
		frame(&t, false, t.server_seq, t.client_seq + forged[i].off + strlen(OLD_LINE), ACK,
		      "", 0);
		if (seen(*state).tokens)
			fail_msg("\"%s\" told a build", forged[i].what);
	}
}

/* A build counts from the acknowledgement of its last byte on; what was not sent cannot be
 * acknowledged. */
static void which_acknowledgement_counts(void **state)
{
	const uint32_t n = strlen(OLD_LINE);
	const uint32_t end = strstr(OLD_LINE, "15.1.2507.39") + 12 - OLD_LINE;
	const struct {
		const char *what;
		uint32_t ack;
		unsigned int tokens, outside;
	} acks[] = {
		{ "old", -10U, 0, 0 },
		{ "none of it", 0, 0, 0 },
		{ "all but its last byte", end - 1, 0, 0 },
		{ "its last byte", end, 1, 0 },
		{ "the segment", n, 1, 0 },
		{ "the segment and a FIN", n + 1, 1, 0 },
		{ "a byte more", n + 2, 0, 1 },
		{ "bytes never sent", n + 5000, 0, 1 },
		{ "far", 0x7fffffff, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		struct talk t = talk(*state, i & 1);
		struct look before;
		uint32_t at;

		up_to_message(&t);
		at = t.client_seq;
		client(&t, OLD_LINE);
		before = look(*state);
		frame(&t, false, t.server_seq, at + acks[i].ack, ACK, "", 0);
		if (seen(*state).tokens != acks[i].tokens ||
		    noted(*state, &before, REASON_OUT_OF_WINDOW) != acks[i].outside)
			fail_msg("acknowledged %s", acks[i].what);
	}
}

/* Each side's segments cross one hook. At the other one somebody else sends them. */
static void a_side_comes_by_its_own_hook(void **state)
{
	for (int outbound = 0; outbound < 2; outbound++) {
		struct talk t = talk(*state, outbound), forged;
		struct look before;

		t.outbound = outbound;
		up_to_message(&t);
		client(&t, OLD_LINE);
		forged = t;
		forged.outbound = !outbound;
		before = look(*state);
		acknowledge(&forged, false);
		exits_as(&forged, &before, "forged acknowledgement",
			 outbound ? HOOK_EGRESS : HOOK_INGRESS, REASON_NO_FLOW);
		frame(&forged, false, t.server_seq, t.client_seq, RST | ACK, "", 0);
		assert_int_equal(seen(*state).tokens, 0);
		assert_true(followed(&t));
		acknowledge(&t, false);
		assert_int_equal(seen(*state).tokens, 1);
	}
}

static void a_hole_for_good_is_unknown(void **state)
{
	struct talk t = talk(*state, false);
	struct look before;
	struct seen s;

	up_to_message(&t);
	before = look(*state);
	t.client_seq += 100; /* went by another way */
	client(&t, OLD_LINE);
	client(&t, OLD_LINE);
	assert_int_equal(noted(*state, &before, REASON_HOLE), 1);
	assert_int_equal(noted(*state, &before, REASON_BLIND), 0);
	acknowledge(&t, false);
	assert_int_equal(noted(*state, &before, REASON_BLIND), 1);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.conn.family, FAMILY_UNKNOWN);
	before = look(*state);
	client(&t, OLD_LINE);
	exits_as(&t, &before, "after it", HOOK_INGRESS, REASON_READ_DONE);
}

/* The client's segments come in by another router. */
static void one_direction_is_counted(void **state)
{
	struct talk t = talk(*state, false);
	struct look before = look(*state);
	struct seen s;

	server(&t, "220 mx.example.net ESMTP\r\n");
	t.client_seq += 23;
	server(&t, "250 mx.example.net\r\n");
	frame(&t, false, t.server_seq, t.client_seq, RST | ACK, "", 0);
	assert_int_equal(noted(*state, &before, REASON_ONE_WAY), 1);
	assert_int_equal(noted(*state, &before, REASON_FAMILY_UNKNOWN), 1);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(s.conns, 1);
	assert_true(s.conn.flags & EVENT_ONE_WAY);
	assert_false(followed(&t));
}

/* More connections than there is room for: the oldest are forgotten, the newest are read. */
static void many_more_births_than_flows(void **state)
{
	const unsigned int births = FLOWS_MAX + FLOWS_MAX / 4;
	const struct instance_fds *fds = instance_fds(*state);
	struct talk t = talk(*state, false), first = t, squeezed;
	struct look before = look(*state);

	for (unsigned int i = 0; i < births; i++) {
		t.client_host = i >> 8;
		t.client_port = 1024 + (i & 0xff);
		if (i == births - 30000)
			squeezed = t;
		frame(&t, false, t.server_seq, t.client_seq, ACK | PSH, "220 mx\r\n", 8);
	}
	assert_int_equal(noted(*state, &before, REASON_FLOW_NEW), births);
	assert_int_equal(noted(*state, &before, REASON_FLOW_FULL), 0);
	assert_in_range(entries(fds->flows, 36), FLOWS_MAX / 2, FLOWS_MAX);
	first.client_host = 0;
	first.client_port = 1024;
	assert_false(followed(&first));
	/* names have less room: such a flow is given up, and says so */
	assert_true(followed(&squeezed));
	before = look(*state);
	squeezed.server_seq += 8;
	client(&squeezed, "EHLO ex01.example.org\r\n");
	assert_int_equal(noted(*state, &before, REASON_TOKEN_FULL), 1);
	assert_int_equal(noted(*state, &before, REASON_FAMILY_UNKNOWN), 1);
	t = talk(*state, false);
	learns(&t);
}

/* Nobody takes the events: they are counted, and the verdicts go on. */
static void a_full_ring_counts_what_is_lost(void **state)
{
	const unsigned int connections = (4 << 20) / sizeof(struct event) + 500;
	struct talk t = talk(*state, true);
	struct look before;
	uint64_t lost;
	struct seen s;

	seen(*state);
	before = look(*state);
	for (unsigned int i = 0; i < connections; i++) {
		t.client_host = i;
		frame(&t, false, t.server_seq, t.client_seq, ACK | PSH, "220 mx\r\n", 8);
		frame(&t, false, t.server_seq, t.client_seq, RST, "", 0);
		assert_int_equal(t.last, -1);
	}
	lost = noted(*state, &before, REASON_EVENT_LOST);
	s = seen(*state);
	assert_true(lost >= 500);
	assert_int_equal(s.conns + lost, connections);
	assert_int_equal(entries(instance_fds(*state)->flows, 36), 0);
	learns(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_begins_a_flow, clean_gate),
		cmocka_unit_test_setup(our_connection_begins_with_its_answer, clean_gate),
		cmocka_unit_test_setup(another_isn_replaces, clean_gate),
		cmocka_unit_test_setup(a_greeting_from_before_replaces, clean_gate),
		cmocka_unit_test_setup(fin_of_both_sides_ends, clean_gate),
		cmocka_unit_test_setup(forged_ends_are_not_believed, clean_gate),
		cmocka_unit_test_setup(forged_bytes_say_nothing, clean_gate),
		cmocka_unit_test_setup(which_acknowledgement_counts, clean_gate),
		cmocka_unit_test_setup(a_side_comes_by_its_own_hook, clean_gate),
		cmocka_unit_test_setup(a_hole_for_good_is_unknown, clean_gate),
		cmocka_unit_test_setup(one_direction_is_counted, clean_gate),
		cmocka_unit_test_setup(many_more_births_than_flows, clean_gate),
		cmocka_unit_test_setup(a_full_ring_counts_what_is_lost, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
