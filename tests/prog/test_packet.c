// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet layer, row by row, at XDP, ingress and egress, with and without a link header.
 *
 * A row is a mail segment of a connection nobody follows, and what is done to its bytes. One
 * that is still a mail segment (reason CONTINUE) leaves XDP for the hooks after it and the TC
 * hooks without a flow; and a greeting with the same headers begins a flow whose numbers show
 * that the payload was found.
 */
#include "tests/prog/rows.h"

#define GREETING "220 mx.example.net ESMTP\r\n"

/* One byte of the frame; `at` counts from the network header, so the link header is below 0. */
struct patch {
	int at;
	uint8_t byte;
};

struct row {
	const char *what;
	struct talk set; /* only the fields about headers and ports are used */
	struct patch patch[6];
	enum reason reason; /* CONTINUE: a mail segment */
	bool link;          /* about the link header: no row without one */
};

#define V4 .set.ipv6 = false
#define V6 .set.ipv6 = true

static const struct row rows[] = {
	{ "plain", V4 },
	{ "plain", V6 },
	{ "to the submission port", V4, .set.server_port = 587 },
	/* ports */
	{ "port one below mx", V4, .set.server_port = 24, .reason = REASON_NOT_MAIL },
	{ "port one above mx", V4, .set.server_port = 26, .reason = REASON_NOT_MAIL },
	{ "port mx in the other byte order", V4, .set.server_port = 0x1900,
	  .reason = REASON_NOT_MAIL },
	{ "smtps is not configured", V6, .set.server_port = 465, .reason = REASON_NOT_MAIL },
	{ "mx on both sides", V4, .set.client_port = 25, .reason = REASON_BOTH_PORTS },
	{ "mx to submission", V6, .set.client_port = 25, .set.server_port = 587,
	  .reason = REASON_BOTH_PORTS },
	/* link header */
	{ "ARP", V4, .patch = { { -1, 6 } }, .reason = REASON_NOT_MAIL, .link = true },
	{ "802.3 length", V4, .patch = { { -2, 0 }, { -1, 46 } }, .reason = REASON_NOT_MAIL,
	  .link = true },
	{ "one tag", V4, .set.tags = 1, .link = true },
	{ "one tag", V6, .set.tags = 1, .link = true },
	{ "two tags", V4, .set.tags = 2, .link = true },
	{ "two tags", V6, .set.tags = 2, .link = true },
	{ "three tags", V4, .set.tags = 3, .reason = REASON_NOT_MAIL, .link = true },
	{ "tag, not IP behind it", V4, .set.tags = 1, .patch = { { -2, 8 }, { -1, 6 } },
	  .reason = REASON_NOT_MAIL, .link = true },
	/* IPv4 */
	{ "UDP", V4, .patch = { { 9, 17 } }, .reason = REASON_NOT_MAIL },
	{ "4 bytes of options", V4, .set.ip_options = 4 },
	{ "40 bytes of options", V4, .set.ip_options = 40 },
	{ "ihl 0", V4, .patch = { { 0, 0x40 } }, .reason = REASON_MALFORMED },
	{ "ihl 4", V4, .patch = { { 0, 0x44 } }, .reason = REASON_MALFORMED },
	{ "version 5", V4, .patch = { { 0, 0x55 } }, .reason = REASON_MALFORMED },
	{ "version 6 behind IPv4's type", V4, .patch = { { 0, 0x65 } },
	  .reason = REASON_MALFORMED },
	{ "do not fragment", V4, .patch = { { 6, 0x40 } } },
	{ "reserved bit", V4, .patch = { { 6, 0x80 } } },
	{ "first fragment", V4, .patch = { { 6, 0x20 } }, .reason = REASON_FRAGMENT },
	{ "middle fragment", V4, .patch = { { 6, 0x20 }, { 7, 5 } }, .reason = REASON_FRAGMENT },
	{ "last fragment", V4, .patch = { { 7, 1 } }, .reason = REASON_FRAGMENT },
	{ "last fragment, far", V4, .patch = { { 6, 0x10 } }, .reason = REASON_FRAGMENT },
	{ "fragment of UDP", V4, .patch = { { 6, 0x20 }, { 9, 17 } }, .reason = REASON_NOT_MAIL },
	{ "total length 0 (BIG TCP)", V4, .patch = { { 2, 0 }, { 3, 0 } } },
	{ "total length below the header", V4, .patch = { { 2, 0 }, { 3, 19 } },
	  .reason = REASON_MALFORMED },
	{ "total length that of the header", V4, .patch = { { 2, 0 }, { 3, 20 } },
	  .reason = REASON_MALFORMED },
	{ "total length cuts TCP's header", V4, .patch = { { 2, 0 }, { 3, 39 } },
	  .reason = REASON_MALFORMED },
	{ "total length beyond the frame", V4, .patch = { { 3, 20 + 20 + 26 + 1 } },
	  .reason = REASON_MALFORMED },
	{ "total length far beyond the frame", V4, .patch = { { 2, 0xff } },
	  .reason = REASON_MALFORMED },
	/* IPv6 */
	{ "ICMPv6", V6, .patch = { { 6, 58 } }, .reason = REASON_NOT_MAIL },
	{ "no next header", V6, .patch = { { 6, 59 } }, .reason = REASON_NOT_MAIL },
	{ "ESP", V6, .patch = { { 6, 50 } }, .reason = REASON_NOT_MAIL },
	{ "version 4 behind IPv6's type", V6, .patch = { { 0, 0x40 } },
	  .reason = REASON_MALFORMED },
	{ "one extension header", V6, .set.ip6_extensions = 1 },
	{ "two extension headers", V6, .set.ip6_extensions = 2 },
	{ "three extension headers", V6, .set.ip6_extensions = 3 },
	{ "four extension headers", V6, .set.ip6_extensions = 4 },
	{ "five extension headers", V6, .set.ip6_extensions = 5 },
	{ "six extension headers", V6, .set.ip6_extensions = 6 },
	{ "seven extension headers", V6, .set.ip6_extensions = 7, .reason = REASON_NOT_MAIL },
	{ "hop-by-hop header", V6, .set.ip6_extensions = 1, .patch = { { 6, 0 } } },
	{ "routing header", V6, .set.ip6_extensions = 1, .patch = { { 6, 43 } } },
	{ "AH of 8 bytes", V6, .set.ip6_extensions = 1, .patch = { { 6, 51 } } },
	{ "AH of 24 bytes", V6, .set.ip6_extensions = 3,
	  .patch = { { 6, 51 }, { 40, 6 }, { 41, 4 } } },
	{ "options of 24 bytes", V6, .set.ip6_extensions = 3, .patch = { { 40, 6 }, { 41, 2 } } },
	{ "options beyond what anybody sends", V6, .set.ip6_extensions = 1, .patch = { { 41, 16 } },
	  .reason = REASON_NOT_MAIL },
	{ "options beyond the frame", V6, .set.ip6_extensions = 1, .patch = { { 41, 9 } },
	  .reason = REASON_MALFORMED },
	{ "ICMPv6 behind options", V6, .set.ip6_extensions = 1, .patch = { { 40, 58 } },
	  .reason = REASON_NOT_MAIL },
	{ "first fragment", V6, .set.ip6_extensions = 1, .patch = { { 6, 44 }, { 43, 1 } },
	  .reason = REASON_FRAGMENT },
	{ "last fragment", V6, .set.ip6_extensions = 1, .patch = { { 6, 44 }, { 42, 8 } },
	  .reason = REASON_FRAGMENT },
	{ "fragment behind options", V6, .set.ip6_extensions = 2, .patch = { { 40, 44 } },
	  .reason = REASON_FRAGMENT },
	{ "payload length 0 (jumbogram)", V6, .patch = { { 4, 0 }, { 5, 0 } } },
	{ "payload length cuts TCP's header", V6, .patch = { { 4, 0 }, { 5, 19 } },
	  .reason = REASON_MALFORMED },
	{ "payload length ends in an option", V6, .set.ip6_extensions = 2,
	  .patch = { { 4, 0 }, { 5, 15 } }, .reason = REASON_MALFORMED },
	{ "payload length ends after the options", V6, .set.ip6_extensions = 2,
	  .patch = { { 4, 0 }, { 5, 16 } }, .reason = REASON_MALFORMED },
	{ "payload length beyond the frame", V6, .patch = { { 5, 20 + 26 + 1 } },
	  .reason = REASON_MALFORMED },
	/* TCP */
	{ "4 bytes of TCP options", V4, .set.tcp_options = 4 },
	{ "40 bytes of TCP options", V4, .set.tcp_options = 40 },
	{ "40 bytes of TCP options", V6, .set.tcp_options = 40 },
	{ "doff 0", V4, .patch = { { 32, 0x00 } }, .reason = REASON_MALFORMED },
	{ "doff 4", V4, .patch = { { 32, 0x40 } }, .reason = REASON_MALFORMED },
	{ "doff 4", V6, .patch = { { 52, 0x40 } }, .reason = REASON_MALFORMED },
	{ "doff beyond the segment", V4, .patch = { { 3, 40 }, { 32, 0xf0 } },
	  .reason = REASON_MALFORMED },
	/* all of it, and what follows it */
	{ "padded", V4, .set.padding = 6 },
	{ "padded", V6, .set.padding = 40 },
	{ "two tags, options, TCP options, padded", V4, .set.tags = 2, .set.ip_options = 40,
	  .set.tcp_options = 40, .set.padding = 9, .link = true },
	{ "two tags, six extension headers, TCP options", V6, .set.tags = 2,
	  .set.ip6_extensions = 6, .set.tcp_options = 40, .link = true },
};

/* of_row - a new connection with the row's headers */
static struct talk of_row(struct instance *gate, const struct row *r, bool no_link)
{
	struct talk t = talk(gate, r->set.ipv6);

	if (r->set.server_port)
		t.server_port = r->set.server_port;
	if (r->set.client_port)
		t.client_port = r->set.client_port;
	t.tags = r->set.tags;
	t.ip_options = r->set.ip_options;
	t.ip6_extensions = r->set.ip6_extensions;
	t.tcp_options = r->set.tcp_options;
	t.padding = r->set.padding;
	t.no_link = no_link;
	return t;
}

/* build_row - a segment of the row, patched */
static size_t build_row(const struct talk *t, const struct row *r, bool client, const char *text,
			uint8_t *f)
{
	uint32_t seq = client ? t->client_seq : t->server_seq;
	uint32_t ack = client ? t->server_seq : t->client_seq;
	size_t n = build_frame(t, client, seq, ack, ACK | PSH, text, strlen(text), f);

	for (size_t i = 0; i < 6; i++)
		if (r->patch[i].at || r->patch[i].byte)
			f[link_bytes(t) + r->patch[i].at] = r->patch[i].byte;
	return n;
}

/* expected - the reason of the row at a hook */
static enum reason expected(const struct row *r, enum hook hook)
{
	if (r->reason)
		return r->reason;
	return hook == HOOK_XDP ? REASON_LATER : REASON_NO_FLOW;
}

static void run_row(struct talk *t, const struct row *r, enum hook hook)
{
	uint8_t f[4096];
	size_t n = build_row(t, r, true, "EHLO client.example.org \r\n", f);
	struct look before = look(t->gate);

	feed_hook(t, hook, f, n);
	exits_as(t, &before, r->what, hook, expected(r, hook));
}

/* payload_found - a greeting with these headers begins a flow after the greeting's bytes */
static void payload_found(struct talk *t, const struct row *r)
{
	uint8_t f[4096];
	size_t n = build_row(t, r, false, GREETING, f);
	struct look before = look(t->gate);
	uint32_t padding = r->patch[0].at == 2 || r->patch[0].at == 4 ? t->padding : 0;
	struct flow flow;

	feed_hook(t, HOOK_EGRESS, f, n);
	exits_as(t, &before, r->what, HOOK_EGRESS, r->reason ? r->reason : REASON_READ);
	assert_int_equal(noted(t->gate, &before, REASON_FLOW_NEW), !r->reason);
	assert_int_equal(flow_of(t, &flow), !r->reason);
	if (!r->reason)
		assert_int_equal(flow.server.next, t->server_seq + strlen(GREETING) + padding);
}

static void every_row_at_every_hook(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int no_link = 0; no_link < 1 + !rows[i].link; no_link++) {
			struct talk t = of_row(*state, &rows[i], no_link);

			if (!no_link)
				run_row(&t, &rows[i], HOOK_XDP);
			run_row(&t, &rows[i], HOOK_INGRESS);
			run_row(&t, &rows[i], HOOK_EGRESS);
			payload_found(&t, &rows[i]);
		}
}

/* taken - later kernels' test runs refuse a frame that says IP and ends in its header; behind
 * a tag they do not see it, so the tagged kinds have those lengths everywhere */
static bool taken(const struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	const struct instance_fds *fds = instance_fds(t->gate);

	if (hook == HOOK_XDP || t->tags || bytes >= 14 + 40)
		return true;
	return instance_run(t->no_link ? fds->ingress_l3 : fds->ingress, f, bytes, NULL, NULL) !=
	       -1000 - EINVAL;
}

static void cut_at(struct talk *t, const struct row *r, const uint8_t *f, size_t cut)
{
	for (enum hook h = t->no_link ? HOOK_INGRESS : HOOK_XDP; h <= HOOK_EGRESS; h++) {
		struct look before;

		if (!taken(t, h, f, cut))
			continue;
		before = look(t->gate);
		feed_hook(t, h, f, cut);
		exits_as(t, &before, r->what, h, REASON_MALFORMED);
	}
}

/* A frame cut anywhere: up to TCP's header nothing is known of it, after that its own length
 * gives it away. */
static void every_length_of_a_cut_frame(void **state)
{
	const struct row kinds[] = {
		{ "cut", V4 },
		{ "cut, options", V4, .set.ip_options = 12, .set.tcp_options = 12 },
		{ "cut", V6, .set.ip6_extensions = 2 },
		{ "cut, tag", V4, .set.tags = 1, .link = true },
		{ "cut, two tags", V6, .set.tags = 2, .link = true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (int no_link = 0; no_link < 1 + !kinds[i].link; no_link++) {
			struct talk t = of_row(*state, &kinds[i], no_link);
			uint8_t f[4096];
			size_t n = build_row(&t, &kinds[i], true, "EHLO a\r\n", f);

			for (size_t cut = INSTANCE_FRAME_MIN; cut < n; cut++)
				cut_at(&t, &kinds[i], f, cut);
		}
}

/* The largest frame of a test run: every byte of it is in the flow. */
static void largest_frame(void **state)
{
	char text[INSTANCE_FRAME_MAX + 1] = GREETING;
	const struct row plain[] = { { "largest", V4 }, { "largest", V6 } };

	for (int i = 0; i < 2; i++) {
		struct talk t = of_row(*state, &plain[i], false);
		size_t bytes = INSTANCE_FRAME_MAX - 14 - (i ? 40 : 20) - 20;
		struct look before;
		struct flow flow;
		uint8_t f[4096];

		memset(text + strlen(GREETING), 'x', sizeof(text) - strlen(GREETING));
		text[bytes] = 0;
		assert_int_equal(build_row(&t, &plain[i], false, text, f), INSTANCE_FRAME_MAX);
		for (enum hook h = HOOK_XDP; h <= HOOK_EGRESS; h++) {
			before = look(*state);
			feed_hook(&t, h, f, INSTANCE_FRAME_MAX);
			exits_as(&t, &before, "largest", h,
				 h == HOOK_XDP       ? REASON_LATER
				 : h == HOOK_INGRESS ? REASON_NO_FLOW
						     : REASON_READ);
		}
		assert_true(flow_of(&t, &flow));
		assert_int_equal(flow.server.next, t.server_seq + bytes);
	}
}

/* Every value of each byte of the headers: nothing but pass, one reason each, no flow. */
static void any_byte_of_the_headers(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const struct row plain = { "any byte", .set.ipv6 = ipv6 };
		struct talk t = of_row(*state, &plain, false);
		unsigned int flows = entries(instance_fds(*state)->flows, 36);
		uint8_t f[4096], was;
		size_t n = build_row(&t, &plain, true, "EHLO a\r\n", f);

		for (size_t at = 12; at < n - 8; at++, f[at - 1] = was) {
			was = f[at];
			for (int byte = 0; byte < 256; byte += 5) {
				struct look before = look(*state);

				f[at] = byte;
				for (enum hook h = HOOK_XDP; h <= HOOK_EGRESS; h++)
					assert_int_equal(feed_hook(&t, h, f, n),
							 returned(h, false));
				assert_int_equal(exits(*state, &before, NULL), 3);
			}
		}
		assert_int_equal(entries(instance_fds(*state)->flows, 36), flows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_row_at_every_hook, clean_gate),
		cmocka_unit_test_setup(every_length_of_a_cut_frame, clean_gate),
		cmocka_unit_test_setup(largest_frame, clean_gate),
		cmocka_unit_test_setup(any_byte_of_the_headers, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
