// SPDX-License-Identifier: BSD-2-Clause
/* What the programs learn from whole conversations, frame by frame. */
#include "tests/prog/conversation.h"

#define OLD_LINE                                                                                   \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server (version=TLS1_2,\r\n"                          \
	" cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.39; Sat, 21 Nov\r\n"          \
	" 2026 10:00:00 +0000\r\n"

/* opening - up to the point where the message follows */
static void opening(struct talk *t)
{
	handshake(t);
	server(t, "220 mx.example.net ESMTP\r\n");
	client(t, "EHLO ex01.example.org\r\n");
	server(t, "250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
	client(t, "MAIL FROM:<a@example.org>\r\n");
	server(t, "250 2.1.0 Ok\r\n");
	client(t, "RCPT TO:<b@example.net>\r\n");
	server(t, "250 2.1.5 Ok\r\n");
}

static void data_message(struct talk *t, const char *message)
{
	opening(t);
	client(t, "DATA\r\n");
	server(t, "354 End data with <CR><LF>.<CR><LF>\r\n");
	client(t, message);
	acknowledge(t, false);
	client(t, "\r\nhello\r\n.\r\n");
	server(t, "250 2.0.0 Ok: queued\r\n");
	client(t, "QUIT\r\n");
	server(t, "221 2.0.0 Bye\r\n");
	goodbye(t);
}

static void received_line_names_the_build(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int outbound = 0; outbound < 2; outbound++) {
			struct talk t = talk(*state, ipv6);
			struct seen s;

			t.outbound = outbound;
			data_message(&t, OLD_LINE);
			s = seen(*state);
			assert_int_equal(s.tokens, 1);
			assert_int_equal(s.conns, 1);
			assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
			assert_int_equal(s.token.origin, ORIGIN_RECEIVED);
			assert_int_equal(s.token.side, SIDE_CLIENT);
			assert_int_equal(s.token.direction,
					 outbound ? DIRECTION_OUTBOUND : DIRECTION_INBOUND);
			assert_string_equal(s.token.helo, "ex01.example.org");
			assert_string_equal(s.token.by, "EX01.example.org");
			assert_string_equal(s.token.token, "15.1.2507.39");
			assert_int_equal(s.conn.flags & EVENT_ACCEPTED, EVENT_ACCEPTED);
			assert_int_equal(entries(instance_fds(*state)->flows, 36), 0);
			assert_int_equal(entries(instance_fds(*state)->pending, 36), 0);
		}
}

static void bdat_chunks_are_read_as_one_header(void **state)
{
	struct talk t = talk(*state, false);
	size_t half = sizeof(OLD_LINE) / 2 + 60;
	char text[1024];
	struct seen s;

	opening(&t);
	snprintf(text, sizeof(text), "BDAT %zu\r\n%.*s", half, (int)half, OLD_LINE);
	client(&t, text);
	server(&t, "250 ok\r\n");
	snprintf(text, sizeof(text), "BDAT %zu LAST\r\n%s\r\nhello\r\n",
		 strlen(OLD_LINE) - half + 9, OLD_LINE + half);
	client(&t, text);
	server(&t, "250 2.0.0 Ok\r\n");
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
}

static void a_message_taken_back_leaves_no_name(void **state)
{
	static const char *const stamp =
		"Received: from a with Microsoft SMTP Server id 15.1.2507.39; x\r\n\r\n";
	struct talk t = talk(*state, false);
	char text[512];
	struct seen s;

	opening(&t);
	client(&t, "BDAT 38\r\nReceived: from a by other.example.org ");
	server(&t, "250 ok\r\n");
	client(&t, "RSET\r\n");
	server(&t, "250 ok\r\n");
	snprintf(text, sizeof(text), "BDAT %zu LAST\r\n%s", strlen(stamp), stamp);
	client(&t, text);
	server(&t, "250 ok\r\n");
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
	assert_string_equal(s.token.by, "");
}

static void starttls_ends_the_reading(void **state)
{
	struct talk t = talk(*state, false);
	struct seen s;

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250-mx.example.net\r\n250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 2.0.0 Ready to start TLS\r\n");
	s = seen(*state);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.conn.family, FAMILY_TLS);
	assert_string_equal(s.conn.helo, "ex01.example.org");
	assert_true(s.conn.flags & EVENT_ACCEPTED);
	uint64_t before = counted(*state, HOOK_INGRESS, REASON_READ_DONE);

	client(&t, "\x16\x03\x01Received: by x with mapi id 15.1.2507.39;\r\n");
	assert_int_equal(counted(*state, HOOK_INGRESS, REASON_READ_DONE), before + 1);
	goodbye(&t);
	s = seen(*state);
	assert_int_equal(s.tokens + s.conns, 0);
}

static void refused_starttls_and_data_go_on_in_clear(void **state)
{
	struct talk t = talk(*state, false);
	struct seen s;

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250 mx.example.net\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "454 4.7.0 TLS not available\r\n");
	client(&t, "DATA\r\n");
	server(&t, "503 5.5.1 need RCPT\r\n");
	client(&t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT "
		   "TO:<c@example.net>\r\nDATA\r\n");
	server(&t, "250 Ok\r\n250 Ok\r\n550 5.1.1 unknown\r\n354 go\r\n");
	client(&t, OLD_LINE);
	acknowledge(&t, false);
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
}

static void banner_and_ehlo_labels(void **state)
{
	struct talk t = talk(*state, false);
	struct seen s;

	t.outbound = true;
	handshake(&t);
	server(&t, "220 mx.example.org Microsoft Exchange 15.1.2507.39\r\n");
	client(&t, "EHLO client.example.net\r\n");
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.origin, ORIGIN_BANNER);
	assert_int_equal(s.token.side, SIDE_SERVER);
	assert_string_equal(s.token.by, "mx.example.org");

	t = talk(*state, true);
	handshake(&t);
	server(&t, "220 mx.example.net\r\n");
	client(&t, "EHLO b15-1-2507-39.ex01.example.org\r\n");
	server(&t, "250 hello\r\n");
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.origin, ORIGIN_EHLO);
	assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
	assert_string_equal(s.token.helo, "b15-1-2507-39.ex01.example.org");
	assert_string_equal(s.token.token, "15-1-2507-39");
}

static void never_acknowledged_is_never_told(void **state)
{
	struct talk t = talk(*state, false);
	struct seen s;

	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	client(&t, OLD_LINE);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	frame(&t, false, t.server_seq, t.client_seq, RST | ACK, "", 0);
	s = seen(*state);
	assert_int_equal(s.tokens, 1); /* its RST acknowledged the bytes */

	t = talk(*state, false);
	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	uint32_t before = t.client_seq;

	client(&t, OLD_LINE);
	frame(&t, false, t.server_seq, before, RST | ACK, "", 0);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.conn.family, FAMILY_UNKNOWN);
}

static void other_bytes_for_the_token_void_it(void **state)
{
	struct talk t = talk(*state, false);
	char other[] = OLD_LINE;
	uint32_t at;
	struct seen s;

	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	at = t.client_seq;
	client(&t, OLD_LINE);
	memcpy(strstr(other, "15.1.2507.39"), "15.1.2507.99", 12);
	frame(&t, true, at, t.server_seq, ACK | PSH, other, strlen(other));
	acknowledge(&t, false);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.conn.family, FAMILY_UNKNOWN);

	/* the same bytes again change nothing */
	t = talk(*state, false);
	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	at = t.client_seq;
	client(&t, OLD_LINE);
	frame(&t, true, at, t.server_seq, ACK | PSH, OLD_LINE, strlen(OLD_LINE));
	acknowledge(&t, false);
	assert_int_equal(seen(*state).tokens, 1);
}

static void bad_checksum_leaves_no_trace(void **state)
{
	struct talk t = talk(*state, false);
	char other[] = OLD_LINE;

	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	memcpy(strstr(other, "15.1.2507.39"), "15.1.2507.99", 12);
	t.bad_checksum = true;
	frame(&t, true, t.client_seq, t.server_seq, ACK | PSH, other, strlen(other));
	t.bad_checksum = false;
	assert_int_equal(seen(*state).tokens, 0);
	t.partial_checksum = true;
	client(&t, OLD_LINE);
	acknowledge(&t, false);
	struct seen s = seen(*state);

	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
}

/* The same where the number, or what stands around it, began in a segment that was right: what
 * comes again for the bad one names the build. Bytes that name none are not summed; other ones
 * among those may hide the build, they never make another one of it. */
static void a_bad_rest_leaves_no_trace(void **state)
{
	static const char *const rests[] = { NULL, "9.1; 1.2.3.4; Sat, 21 Nov 2026\r\nX: y\r\n" };
	size_t n = strlen(OLD_LINE);

	for (size_t i = 0; i < 2; i++)
		for (size_t at = 1; at < n; at++) {
			struct talk t = talk(*state, at & 1);
			const char *bad = rests[i] ?: OLD_LINE + at;
			struct seen s;

			opening(&t);
			client(&t, "DATA\r\n");
			server(&t, "354 go\r\n");
			say_bytes(&t, true, OLD_LINE, at);
			t.bad_checksum = true;
			frame(&t, true, t.client_seq, t.server_seq, ACK | PSH, bad, strlen(bad));
			t.bad_checksum = false;
			say_bytes(&t, true, OLD_LINE + at, n - at);
			client(&t, "Subject: x\r\n");
			acknowledge(&t, false);
			s = seen(*state);
			if (s.tokens ? s.token.build == BUILD(15, 1, 2507, 39) : i)
				continue;
			fprintf(stderr, "rest %zu, cut at %zu: told \"%s\"\n", i, at,
				s.token.token);
			fail();
		}
}

/* Nor where the segment ends in the number: the right one that comes for it counts. */
static void a_bad_beginning_leaves_no_trace(void **state)
{
	size_t n = strlen(OLD_LINE), number = strstr(OLD_LINE, "15.1.2507.39") - OLD_LINE;

	for (size_t at = number + 1; at < number + 12; at++) {
		struct talk t = talk(*state, at & 1);
		char bad[] = OLD_LINE;

		opening(&t);
		client(&t, "DATA\r\n");
		server(&t, "354 go\r\n");
		memset(bad + at - 1, '9', 1);
		t.bad_checksum = true;
		frame(&t, true, t.client_seq, t.server_seq, ACK | PSH, bad, at);
		t.bad_checksum = false;
		say_bytes(&t, true, OLD_LINE, at);
		say_bytes(&t, true, OLD_LINE + at, n - at);
		acknowledge(&t, false);
		assert_int_equal(seen(*state).token.build, BUILD(15, 1, 2507, 39));
	}
}

/* message_in_pieces - the header in segments of `size`, sent in the order that `order` gives */
static struct seen message_in_pieces(struct instance *gate, bool ipv6, size_t size,
				     size_t (*order)(size_t i, size_t n))
{
	size_t n = (strlen(OLD_LINE) + size - 1) / size;
	struct talk t = talk(gate, ipv6);
	uint32_t at;

	opening(&t);
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	at = t.client_seq;
	for (size_t i = 0; i < n; i++) {
		size_t from = order(i, n) * size;
		size_t bytes = strlen(OLD_LINE) - from < size ? strlen(OLD_LINE) - from : size;

		frame(&t, true, at + from, t.server_seq, ACK, OLD_LINE + from, bytes);
	}
	t.client_seq = at + strlen(OLD_LINE);
	acknowledge(&t, false);
	return seen(gate);
}

/* pairs swapped: 1 0 3 2 ... */
static size_t swapped(size_t i, size_t n)
{
	return i % 2 ? i - 1 : i + 1 < n ? i + 1 : i;
}

/* the first is lost on its way to us and sent again at the end */
static size_t first_lost(size_t i, size_t n)
{
	return (i + 1) % n;
}

static void order_does_not_matter(void **state)
{
	size_t (*orders[])(size_t, size_t) = { swapped, first_lost };

	for (size_t o = 0; o < 2; o++)
		for (size_t size = 20; size < 120; size += 7) {
			struct seen s = message_in_pieces(*state, size & 1, size, orders[o]);

			assert_int_equal(s.tokens, 1);
			assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
			assert_string_equal(s.token.by, "EX01.example.org");
		}
	assert_true(counted(*state, HOOK_INGRESS, REASON_AHEAD_USED) > 0);
}

static void strangers_make_no_flow(void **state)
{
	unsigned int before = entries(instance_fds(*state)->flows, 36);

	for (int i = 0; i < 5000; i++) {
		struct talk t = talk(*state, i & 1);

		t.client_host = i & 0xff;
		frame(&t, true, i * 7919, 0, SYN, "", 0);
		frame(&t, true, i * 7919, i, ACK | PSH, OLD_LINE, strlen(OLD_LINE));
		t.outbound = true; /* as if from port 25 of outside */
		frame(&t, false, i * 7919, i, SYN | ACK, "", 0);
		frame(&t, false, i * 7919, i, ACK, "220 mx Microsoft Exchange 15.1.2507.39\r\n",
		      40);
	}
	assert_int_equal(entries(instance_fds(*state)->flows, 36), before);
	assert_int_equal(seen(*state).tokens, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received_line_names_the_build),
		cmocka_unit_test(bdat_chunks_are_read_as_one_header),
		cmocka_unit_test(a_message_taken_back_leaves_no_name),
		cmocka_unit_test(starttls_ends_the_reading),
		cmocka_unit_test(refused_starttls_and_data_go_on_in_clear),
		cmocka_unit_test(banner_and_ehlo_labels),
		cmocka_unit_test(never_acknowledged_is_never_told),
		cmocka_unit_test(other_bytes_for_the_token_void_it),
		cmocka_unit_test(bad_checksum_leaves_no_trace),
		cmocka_unit_test(a_bad_rest_leaves_no_trace),
		cmocka_unit_test(a_bad_beginning_leaves_no_trace),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(strangers_make_no_flow),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
