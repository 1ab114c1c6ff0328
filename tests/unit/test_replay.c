// SPDX-License-Identifier: BSD-2-Clause
/* Frames and connections of a capture, without any program. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pcap/pcap.h>

#include "user/replay/replay_flows.h"
#include "user/replay/replay_frame.h"

static const struct gate_config config = {
	.ports_count = 1,
	.ports = { { .port = 0x1900, .kind = PORT_MX } }, /* 25 in network order, little endian */
};

/* frame4, frame6 - a client's segment from port 4000 to 25 with `payload` bytes of 'x' */
static size_t frame4(uint8_t *f, size_t payload)
{
	static const uint8_t head[] = { 0x45, 0, 0,   0, 0, 0, 0,   0,  64,  6,
					0,    0, 192, 0, 2, 7, 198, 51, 100, 25 };
	size_t total = 40 + payload;

	memset(f, 0, 54);
	f[12] = 8;
	memcpy(f + 14, head, 20);
	f[16] = total >> 8;
	f[17] = total;
	memcpy(f + 34, "\x0f\xa0\0\x19\0\0\0\x64\0\0\0\xc8\x50\x18", 14);
	memset(f + 54, 'x', payload);
	return 14 + total;
}

static size_t frame6(uint8_t *f, size_t payload)
{
	size_t length = 28 + payload;

	memset(f, 0, 82);
	memcpy(f + 12, "\x86\xdd\x60", 3);
	f[18] = length >> 8;
	f[19] = length;
	f[20] = 60; /* destination options, 8 bytes */
	memcpy(f + 22, "\x20\x01\x0d\xb8", 4);
	f[37] = 7;
	memcpy(f + 38, "\x20\x01\x0d\xb8", 4);
	f[53] = 25;
	memcpy(f + 54, "\6\0\1\4", 4);
	memcpy(f + 62, "\x0f\xa0\0\x19\0\0\0\x64\0\0\0\xc8\x50\x19", 14);
	memset(f + 82, 'x', payload);
	return 54 + length;
}

static void parses_what_is_mail(void **state)
{
	struct replay_segment s;
	uint8_t f[512];
	size_t n = frame4(f, 10);

	(void)state;
	assert_int_equal(replay_parse(&config, f, n + 6, n + 6, &s), REPLAY_MAIL);
	assert_true(s.from_client && s.ipv4 && s.whole && !s.no_length);
	assert_int_equal(s.key.client.w[2], htonl(0xffff));
	assert_int_equal(s.key.client.b[15], 7);
	assert_int_equal(s.key.server.b[15], 25);
	assert_int_equal(s.key.client_port, htons(4000));
	assert_int_equal(s.seq, 100);
	assert_int_equal(s.ack, 200);
	assert_int_equal(s.flags, REPLAY_PSH | REPLAY_ACK);
	assert_int_equal(s.payload_offset, 54);
	assert_int_equal(s.payload_bytes, 10); /* the 6 bytes are padding */

	n = frame6(f, 3);
	assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_MAIL);
	assert_true(s.from_client && !s.ipv4 && s.whole);
	assert_int_equal(s.key.client.b[15], 7);
	assert_int_equal(s.payload_offset, 82);
	assert_int_equal(s.payload_bytes, 3);

	memcpy(f + 62, "\0\x19\x0f\xa0", 4); /* the server's */
	assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_MAIL);
	assert_false(s.from_client);
	assert_int_equal(s.key.client.b[15], 25);
	assert_int_equal(s.key.client_port, htons(4000));
}

static void every_cut_is_unsure_or_not_whole(void **state)
{
	struct replay_segment s;
	uint8_t f[512];

	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		size_t n = ipv6 ? frame6(f, 20) : frame4(f, 20), headers = ipv6 ? 82 : 54;

		for (size_t cut = 0; cut < n; cut++) {
			/* in memory of its own, so that reading beyond is seen */
			uint8_t *copy = malloc(cut ?: 1);

			memcpy(copy, f, cut);
			assert_int_equal(replay_parse(&config, copy, cut, n, &s),
					 cut < headers ? REPLAY_UNSURE : REPLAY_MAIL);
			if (cut >= headers)
				assert_false(s.whole);
			free(copy);
		}
	}
}

static void tells_others_apart(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum replay_kind expected;
	} rows[] = {
		{ 12, 0, REPLAY_OTHER },     { 12, 0x81, REPLAY_OTHER }, /* ARP's neighbours, a tag
									  */
		{ 23, 17, REPLAY_OTHER },                                /* UDP */
		{ 20, 0x20, REPLAY_OTHER },  { 21, 1, REPLAY_OTHER },    /* fragments */
		{ 20, 0x40, REPLAY_MAIL },                               /* do not fragment */
		{ 37, 80, REPLAY_OTHER },                                /* no mail port */
		{ 14, 0x44, REPLAY_UNSURE }, { 14, 0x65, REPLAY_UNSURE }, { 17, 20, REPLAY_UNSURE },
		{ 17, 39, REPLAY_UNSURE },   { 46, 0x40, REPLAY_UNSURE },
	};
	struct replay_segment s;
	uint8_t f[512];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = frame4(f, 4);
		f[rows[i].at] = rows[i].value;
		if (replay_parse(&config, f, n, n, &s) != rows[i].expected)
			fail_msg("row %zu", i);
	}
	n = frame4(f, 4);
	memcpy(f + 34, "\0\x19", 2); /* both are mail ports */
	assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_OTHER);
	n = frame6(f, 4);
	f[20] = 44;
	assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_OTHER);
	n = frame4(f, 4);
	memset(f + 16, 0, 2); /* no length */
	assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_MAIL);
	assert_true(s.whole && s.no_length);
	assert_int_equal(s.payload_bytes, 4);
	assert_int_equal(replay_parse(&config, f, n - 1, n, &s), REPLAY_MAIL);
	assert_false(s.whole);
}

static void random_bytes_do_no_harm(void **state)
{
	struct replay_segment s;
	unsigned int mail = 0;
	uint8_t f[160];

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		size_t n = i & 1 ? frame4(f, 40) : frame6(f, 40);
		uint8_t *copy;

		for (int change = random() % 4; change >= 0; change--)
			f[12 + random() % (n - 12)] = (uint8_t)random();
		n -= (size_t)random() % 8;
		copy = malloc(n);
		memcpy(copy, f, n);
		if (replay_parse(&config, copy, n, n, &s) == REPLAY_MAIL) {
			mail++;
			assert_true(s.payload_offset + s.payload_bytes <= n || !s.payload_bytes);
			if (s.whole)
				replay_checksum(copy, &s);
		}
		free(copy);
	}
	assert_in_range(mail, 1000, 190000);
}

static void links_get_an_ethernet_header(void **state)
{
	static const struct {
		int datalink;
		const char *packet;
		int skip;
		uint16_t type;
	} rows[] = {
		{ DLT_RAW, "\x45", 0, 0x0800 },
		{ DLT_RAW, "\x60", 0, 0x86dd },
		{ DLT_IPV6, "\x60", 0, 0x86dd },
		{ DLT_NULL, "\2\0\0\0", 4, 0x0800 },
		{ DLT_NULL, "\0\0\0\x1c", 4, 0x86dd },
		{ DLT_LOOP, "\0\0\0\2", 4, 0x0800 },
		{ DLT_LOOP, "\0\0\0\7", 4, 0xffff },
		{ DLT_LINUX_SLL, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x86\xdd", 16, 0x86dd },
		{ DLT_LINUX_SLL2, "\x08\0\0\0\0\0\0\2\0\1\0\6\0\0\0\0\0\0\0\0", 20, 0x0800 },
	};
	uint8_t header[REPLAY_ETHERNET_BYTES];
	size_t made;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *packet = (const uint8_t *)rows[i].packet;
		size_t bytes = rows[i].skip ? (size_t)rows[i].skip : 1;

		assert_true(replay_link_known(rows[i].datalink));
		assert_int_equal(replay_link(rows[i].datalink, packet, bytes, header, &made),
				 rows[i].skip);
		assert_int_equal(made, REPLAY_ETHERNET_BYTES);
		assert_int_equal(header[12] << 8 | header[13], rows[i].type);
		if (rows[i].skip)
			assert_int_equal(
				replay_link(rows[i].datalink, packet, bytes - 1, header, &made),
				-1);
	}
	assert_int_equal(replay_link(DLT_EN10MB, header, 14, header, &made), 0);
	assert_int_equal(made, 0);
	assert_false(replay_link_known(DLT_IEEE802_11));
}

/* set_checksum - a right, partial or wrong one */
static void set_checksum(uint8_t *f, struct replay_segment *s, enum replay_checksum wanted)
{
	uint8_t *field = f + s->tcp_offset + 16;

	/* there are only 65536 */
	for (unsigned int v = 0; v < 65536; v++) {
		field[0] = v >> 8;
		field[1] = v;
		if (replay_checksum(f, s) == wanted)
			return;
	}
	fail_msg("no such checksum");
}

static void pieces_add_up(void **state)
{
	static uint8_t f[70000], whole[70000], piece[3500];
	struct replay_segment s, p;

	(void)state;
	for (int way = 0; way < 6; way++) {
		enum replay_checksum checksum = way / 2 + 1;
		size_t n = way & 1 ? frame6(f, 60001) : frame4(f, 60001), done = 0, m, got = 0;

		assert_int_equal(replay_parse(&config, f, n, n, &s), REPLAY_MAIL);
		for (size_t i = 0; i < s.payload_bytes; i++)
			f[s.payload_offset + i] = (uint8_t)(i * 7919 >> 3);
		set_checksum(f, &s, checksum);
		while ((m = replay_split(f, &s, checksum, &done, piece, sizeof(piece)))) {
			assert_int_equal(replay_parse(&config, piece, m, m, &p), REPLAY_MAIL);
			assert_true(p.whole);
			assert_int_equal(p.seq, 100 + got);
			assert_int_equal(replay_checksum(piece, &p),
					 checksum == REPLAY_CHECKSUM_WRONG ? REPLAY_CHECKSUM_WRONG
									   : REPLAY_CHECKSUM_VALID);
			memcpy(whole + got, piece + p.payload_offset, p.payload_bytes);
			got += p.payload_bytes;
			assert_int_equal(p.flags & (REPLAY_PSH | REPLAY_FIN),
					 got == 60001 ? s.flags & (REPLAY_PSH | REPLAY_FIN) : 0);
		}
		assert_int_equal(got, 60001);
		assert_memory_equal(whole, f + s.payload_offset, got);
	}
}

/* segment - of client port `port` */
static struct replay_segment segment(uint16_t port, bool client, uint8_t flags, uint32_t seq)
{
	struct replay_segment s = { .from_client = client, .flags = flags, .seq = seq };

	s.key.client_port = htons(port);
	s.key.server_port = htons(25);
	return s;
}

struct over {
	unsigned int count;
	uint16_t port[8];
};

static void note_over(void *arg, struct replay_flow *f)
{
	struct over *o = arg;

	if (o->count < 8)
		o->port[o->count] = ntohs(f->key.client_port);
	o->count++;
}

static struct replay_flow *see(struct replay_flows *flows, uint16_t port, bool client,
			       uint8_t flags, uint32_t seq)
{
	struct replay_segment s = segment(port, client, flags, seq);
	struct replay_flow *f = replay_flows_seen(flows, &s, 5);

	assert_non_null(f);
	return f;
}

static void numbers_tell_connections_apart(void **state)
{
	struct over over = { 0 };
	struct replay_flows *flows = replay_flows_new(100, note_over, &over);
	struct replay_flow *f = see(flows, 1, true, REPLAY_SYN, 10), *g;

	(void)state;
	assert_ptr_equal(see(flows, 1, true, REPLAY_SYN, 10), f);
	assert_ptr_equal(see(flows, 1, false, REPLAY_SYN | REPLAY_ACK, 20), f);
	assert_ptr_equal(see(flows, 1, false, REPLAY_SYN | REPLAY_ACK, 21), f); /* forged */
	assert_ptr_equal(see(flows, 1, true, REPLAY_ACK, 4711), f);
	assert_true(f->client_seen && f->server_seen);
	assert_int_equal(replay_flows_count(flows), 1);
	g = see(flows, 1, true, REPLAY_SYN, 11);
	assert_ptr_not_equal(f, g);
	assert_ptr_equal(g->before, f); /* until it is told */
	assert_int_equal(over.count, 0);
	replay_flows_settle(flows, g);
	assert_int_equal(over.count, 1);
	assert_null(g->before);

	/* the server's side alone: its own number decides */
	f = see(flows, 2, false, REPLAY_SYN | REPLAY_ACK, 20);
	assert_ptr_equal(see(flows, 2, false, REPLAY_SYN | REPLAY_ACK, 20), f);
	assert_ptr_not_equal(see(flows, 2, false, REPLAY_SYN | REPLAY_ACK, 21), f);
	/* what began in the middle ends with a SYN */
	see(flows, 3, true, REPLAY_ACK, 1)->told = true;
	g = see(flows, 3, true, REPLAY_SYN, 9);
	assert_null(g->before);
	assert_int_equal(replay_flows_count(flows), 6);
	replay_flows_free(flows, false);
	assert_int_equal(over.count, 5); /* all but the one that was told */
}

static void the_table_is_bounded(void **state)
{
	struct over over = { 0 };
	struct replay_flows *flows = replay_flows_new(3, note_over, &over);
	struct replay_segment s = segment(2, true, 0, 0);

	(void)state;
	for (uint16_t port = 1; port <= 3; port++)
		see(flows, port, true, REPLAY_SYN, port);
	see(flows, 1, true, REPLAY_ACK, 2); /* used, so not the oldest */
	see(flows, 4, true, REPLAY_SYN, 4);
	assert_int_equal(over.count, 1);
	assert_int_equal(over.port[0], 2);
	assert_null(replay_flows_find(flows, &s.key));
	for (unsigned int port = 5; port < 1000; port++)
		see(flows, port, true, REPLAY_SYN, port);
	for (unsigned int isn = 0; isn < 1000; isn++) /* the same ports, never settled */
		see(flows, 7, true, REPLAY_SYN, isn);
	assert_int_equal(replay_flows_count(flows), 1999);
	replay_flows_free(flows, true);
	assert_true(over.count < 1999);
}

static void family_is_the_side_that_says_more(void **state)
{
	static const struct {
		uint8_t client, server, family, side;
	} rows[] = {
		{ FAMILY_OTHER, FAMILY_OTHER, FAMILY_OTHER, SIDE_CLIENT },
		{ FAMILY_UNKNOWN, FAMILY_OTHER, FAMILY_OTHER, SIDE_SERVER },
		{ FAMILY_OTHER, FAMILY_IIS_SMTP, FAMILY_IIS_SMTP, SIDE_SERVER },
		{ FAMILY_EXCHANGE_NOBUILD, FAMILY_IIS_SMTP, FAMILY_EXCHANGE_NOBUILD, SIDE_CLIENT },
		{ FAMILY_TLS, FAMILY_TLS, FAMILY_TLS, SIDE_CLIENT },
		{ 0, 0, FAMILY_UNKNOWN, SIDE_CLIENT },
		{ 0, FAMILY_UNKNOWN, FAMILY_UNKNOWN, SIDE_CLIENT },
	};
	struct replay_flow f = { .client_seen = true, .server_seen = true };
	uint8_t side;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.family[0] = rows[i].client;
		f.family[1] = rows[i].server;
		assert_int_equal(replay_flow_family(&f, &side), rows[i].family);
		assert_int_equal(side, rows[i].side);
	}
	f.family[0] = FAMILY_OTHER;
	f.server_seen = false;
	assert_int_equal(replay_flow_family(&f, &side), FAMILY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_is_mail),
		cmocka_unit_test(every_cut_is_unsure_or_not_whole),
		cmocka_unit_test(tells_others_apart),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(links_get_an_ethernet_header),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(numbers_tell_connections_apart),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(family_is_the_side_that_says_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
