// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floods from outside: a million SYNs of as many sources, a million spoofed segments, some of
 * them for a connection that is really there. No flow comes of it, no observation, no refusal,
 * and the real connection is read to its end. BUILDGATE_TEST=quick sends a twentieth.
 */
#include "tests/prog/rows.h"

#define OLD_LINE                                                                                   \
	"Received: from a.example.org (192.0.2.1) by EX01.example.org (192.0.2.2)\r\n"             \
	" with Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n"

static unsigned int flood(void)
{
	const char *how = getenv("BUILDGATE_TEST");

	return how && !strcmp(how, "quick") ? 50000 : 1000000;
}

static struct talk up_to_message(struct instance *gate, bool ipv6)
{
	struct talk t = talk(gate, ipv6);

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250 mx.example.net\r\n");
	client(&t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	server(&t, "250 ok\r\n250 ok\r\n354 go\r\n");
	return t;
}

/* unharmed - only the real connection is there, and it gives its one answer */
static void unharmed(struct talk *t)
{
	struct seen s = seen(t->gate);

	assert_int_equal(s.tokens + s.conns, 0);
	assert_int_equal(entries(instance_fds(t->gate)->flows, 36), 1);
	client(t, OLD_LINE);
	acknowledge(t, false);
	s = seen(t->gate);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
	goodbye(t);
	assert_false(followed(t));
}

static void syns_of_a_million_sources(void **state)
{
	struct talk real = up_to_message(*state, false);
	struct talk t = talk(*state, false);
	struct look before = look(*state);
	unsigned int n = flood();
	uint8_t f[4096];

	for (unsigned int i = 0; i < n; i++) {
		t.ipv6 = i & 1;
		t.client_net = i >> 16;
		t.client_host = 256 + i;
		t.client_port = 1024 + random_next() % 60000;
		feed_hook(&t, i & 2 ? HOOK_XDP : HOOK_INGRESS, f,
			  build_frame(&t, true, random_next(), 0, SYN, "", 0, f));
	}
	assert_int_equal(noted(*state, &before, REASON_SYN), n);
	assert_int_equal(entries(instance_fds(*state)->rechecks, 36), 0);
	assert_int_equal(entries(instance_fds(*state)->handshakes, 36), 0);
	unharmed(&real);
}

static void a_million_spoofed_segments(void **state)
{
	static const char *const texts[] = { "", OLD_LINE, "220 mx Exchange 15.1.2507.39\r\n",
					     "EHLO b15-1-2507-39.ex01.example.org\r\n" };
	struct talk real = up_to_message(*state, true);
	struct look before = look(*state);
	unsigned int n = flood();
	uint8_t f[4096];

	for (unsigned int i = 0; i < n; i++) {
		struct talk t = real;
		const char *text = texts[random_next() % 4];
		bool from_client = random_next() & 1;

		if (i % 16) { /* else the real connection's own addresses and ports */
			t.ipv6 = random_next() & 1;
			t.client_net = random_next();
			t.client_host = random_next();
			t.client_port = 1024 + random_next() % 60000;
		}
		feed_hook(&t, HOOK_INGRESS, f,
			  build_frame(&t, from_client, random_next(), random_next(),
				      random_next() & 0x3f, text, strlen(text), f));
		assert_int_equal(t.last, returned(HOOK_INGRESS, false));
	}
	assert_int_equal(noted(*state, &before, REASON_FLOW_NEW), 0);
	assert_int_equal(noted(*state, &before, REASON_TOKEN_SEEN), 0);
	unharmed(&real);
}

/* held - packets that a flood's source is not asked for, on all CPUs that this may run on */
static unsigned int held(void)
{
	return 63 * sysconf(_SC_NPROCESSORS_CONF);
}

/* exits_soon - after at most as many packets as a flood is not asked for, SYNs exit so */
static void exits_soon(struct talk *t, const char *what, enum reason reason)
{
	struct look before;
	unsigned int i = 0;

	do {
		before = look(t->gate);
		syn(t, HOOK_XDP);
	} while (!noted(t->gate, &before, reason) && ++i <= held());
	if (i > held())
		fprintf(stderr, "row \"%s\"\n", what);
	assert_in_range(i, 0, held());
}

/* One source, faster than anybody asks for it: each SYN is dropped and counted, hits come
 * later; what the daemon decides is known at once. */
static void syns_of_a_blocked_source(void **state)
{
	static const struct verdict silent = { .block_s = 3600, .drop_style = STYLE_SILENT };
	unsigned int n = flood() / 10;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6), other = talk(*state, ipv6);
		struct look before = look(*state);

		other.client_host = 8;
		other.client_net = 8;
		judge(&t, &silent);
		for (unsigned int i = 0; i < n; i++)
			syn(&t, HOOK_XDP);
		assert_int_equal(noted(*state, &before, REASON_SILENT), n);
		assert_in_range(verdict_of(&t).hits_dropped, n - held(), n);
		exits_soon(&other, "somebody else", REASON_SYN);

		instance_settings(*state)->mode = MODE_REPORT;
		before = look(*state);
		syn(&t, HOOK_XDP);
		exits_as(&t, &before, "report mode, at once", HOOK_XDP, REASON_REPORT_ONLY);
		instance_settings(*state)->mode = MODE_ENFORCE;
		for (unsigned int i = 0; i < n; i++)
			syn(&t, HOOK_XDP);
		judge(&t, &(struct verdict) { .drop_style = STYLE_SILENT });
		instance_settings(*state)->decided++;
		before = look(*state);
		syn(&t, HOOK_XDP);
		exits_as(&t, &before, "verdict pass, at once", HOOK_XDP, REASON_VERDICT_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(syns_of_a_million_sources, clean_gate),
		cmocka_unit_test_setup(a_million_spoofed_segments, clean_gate),
		cmocka_unit_test_setup(syns_of_a_blocked_source, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
