// SPDX-License-Identifier: BSD-2-Clause
/*
 * What somebody sends in another's name, or past the server: each way of it gives no observation
 * for the source that it claims to be.
 */
#include "tests/prog/rows.h"

#define OLD_LINE                                                                                   \
	"Received: from a.example.org (192.0.2.1) by EX01.example.org (192.0.2.2)\r\n"             \
	" with Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n"
#define PLAIN  "Subject: x\r\n\r\nhello\r\n.\r\n"
#define LABEL  "EHLO b15-1-2507-39.ex01.example.org\r\n"
#define BANNER "220 mx.example.org Microsoft Exchange 15.1.2507.39\r\n"

static void up_to_message(struct talk *t)
{
	handshake(t);
	server(t, "220 mx.example.net ESMTP\r\n");
	client(t, "EHLO ex01.example.org\r\n");
	server(t, "250 mx.example.net\r\n");
	client(t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	server(t, "250 ok\r\n250 ok\r\n354 go\r\n");
}

/* forge - a segment that does not move the real sides' numbers on */
static void forge(struct talk *t, bool by_client, uint32_t off, unsigned int flags,
		  const char *text)
{
	uint32_t mine = by_client ? t->client_seq : t->server_seq;
	uint32_t other = by_client ? t->server_seq : t->client_seq;

	frame(t, by_client, mine + off, other, flags, text, strlen(text));
}

/* goes_on - the real message comes, is acknowledged, and nothing was ever told */
static void goes_on(struct talk *t)
{
	client(t, PLAIN);
	server(t, "250 ok\r\n");
	goodbye(t);
	assert_int_equal(seen(t->gate).tokens, 0);
}

static void with_a_wrong_seq(void **state)
{
	static const uint32_t offs[] = { 70000, 0x60000000, -70000U, 0x90000000 };

	for (size_t i = 0; i < 4; i++) {
		struct talk t = talk(*state, i & 1);

		up_to_message(&t);
		forge(&t, true, offs[i], ACK | PSH, OLD_LINE);
		acknowledge(&t, false);
		goes_on(&t);
	}
}

static void before_the_handshake(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		forge(&t, true, 0, ACK | PSH, LABEL OLD_LINE);
		assert_false(followed(&t));
		up_to_message(&t);
		goes_on(&t);
		/* after the SYN, before anybody answered it */
		t = talk(*state, ipv6);
		frame(&t, true, t.client_seq, 0, SYN, "", 0);
		forge(&t, true, 1, ACK | PSH, LABEL OLD_LINE);
		assert_false(followed(&t));
		assert_int_equal(seen(*state).tokens, 0);
	}
}

static void with_a_bad_checksum(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		up_to_message(&t);
		t.bad_checksum = true;
		forge(&t, true, 0, ACK | PSH, OLD_LINE);
		t.bad_checksum = false;
		goes_on(&t);
	}
}

/* A segment with so few hops left that the gate sees it and the server does not: what the
 * server gets are other bytes in its place. */
static void with_a_ttl_that_dies(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		up_to_message(&t);
		t.ttl = 1;
		forge(&t, true, 0, ACK | PSH, OLD_LINE);
		t.ttl = 0;
		goes_on(&t);
	}
}

static void in_an_overlapping_segment(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (uint32_t back = 0; back < 12; back++) {
			struct talk t = talk(*state, ipv6);

			up_to_message(&t);
			client(&t, "Subject: x\r\n"); /* what was there first stays */
			forge(&t, true, -12U + back, ACK | PSH, OLD_LINE);
			client(&t, "\r\nhello\r\n.\r\n");
			server(&t, "250 ok\r\n");
			goodbye(&t);
			assert_int_equal(seen(*state).tokens, 0);
		}
}

static void in_a_rst_or_syn(void **state)
{
	static const unsigned int flags[] = { RST, RST | ACK, SYN, SYN | ACK, SYN | RST };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		for (uint32_t off = 0; off < 2; off++) {
			struct talk t = talk(*state, off);

			up_to_message(&t);
			forge(&t, true, off, flags[i], OLD_LINE);
			acknowledge(&t, false);
			assert_int_equal(seen(*state).tokens, 0);
		}
}

static void never_acknowledged(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		up_to_message(&t);
		forge(&t, true, 0, ACK | PSH, OLD_LINE);
		acknowledge(&t, false);
		frame(&t, true, t.client_seq, t.server_seq, RST | ACK, "", 0);
		goodbye(&t);
		assert_int_equal(seen(*state).tokens, 0);
	}
}

/* Somebody outside who pretends to be a mail server: to a client of ours that never called, and
 * in a connection of ours with numbers that are not the server's. */
static void from_port_25(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		t.outbound = true;
		forge(&t, false, 0, ACK | PSH, BANNER);
		forge(&t, false, 0, SYN | ACK, BANNER);
		assert_false(followed(&t));
		assert_int_equal(seen(*state).tokens, 0);
		t = talk(*state, ipv6);
		t.outbound = true;
		handshake(&t);
		forge(&t, false, 70000, ACK | PSH, BANNER);
		server(&t, "220 mx.example.net ESMTP\r\n");
		client(&t, "EHLO ours.example.net\r\n");
		server(&t, "250 mx.example.net\r\n");
		goodbye(&t);
		assert_int_equal(seen(*state).tokens, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(with_a_wrong_seq, clean_gate),
		cmocka_unit_test_setup(before_the_handshake, clean_gate),
		cmocka_unit_test_setup(with_a_bad_checksum, clean_gate),
		cmocka_unit_test_setup(with_a_ttl_that_dies, clean_gate),
		cmocka_unit_test_setup(in_an_overlapping_segment, clean_gate),
		cmocka_unit_test_setup(in_a_rst_or_syn, clean_gate),
		cmocka_unit_test_setup(never_acknowledged, clean_gate),
		cmocka_unit_test_setup(from_port_25, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
