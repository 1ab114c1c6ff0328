// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verdicts and ranges against a connection attempt: every row at XDP and at ingress, which must
 * agree, then what is never refused.
 */
#include "tests/prog/rows.h"

/* Verdicts as `set` and the clock make them. */
#define PASSED                                                                                     \
	{                                                                                          \
		.drop_style = STYLE_SILENT, .tarpit_style = STYLE_SLOW                             \
	}
#define DROPPED                                                                                    \
	{                                                                                          \
		.block_s = 3600, .drop_style = STYLE_SILENT, .tarpit_style = STYLE_SLOW            \
	}
#define SLOW                                                                                       \
	{                                                                                          \
		.throttle_s = 3600, .drop_style = STYLE_SILENT, .tarpit_style = STYLE_SLOW         \
	}

struct row {
	const char *what;
	enum reason reason;
	struct verdict verdict;
	bool none;                  /* no verdict at all */
	bool report;                /* mode report */
	bool submission;            /* to port 587 */
	uint32_t at_s;              /* seconds after noon; 0: noon */
	int64_t enforce_s, lease_s; /* settings' ends, seconds after noon */
};

#define WINDOWS(b, t, p)                                                                           \
	{                                                                                          \
		.block_s = (b), .throttle_s = (t), .phase_s = (p), .drop_style = STYLE_SILENT,     \
		.tarpit_style = STYLE_SLOW                                                         \
	}

#define UNTIL(second)                                                                              \
	{                                                                                          \
		.block_s = 3600, .drop_style = STYLE_SILENT,                                       \
		.valid_until_ns = NOON + (second)*SECOND                                           \
	}

#define CLOCK                                                                                      \
	{                                                                                          \
		.block_s = 3600, .drop_style = STYLE_SILENT, .flags = VERDICT_CLOCK                \
	}

static const struct row rows[] = {
	{ "no verdict", REASON_SYN, .none = true },
	{ "pass", REASON_VERDICT_PASS, .verdict = PASSED },
	{ "drop", REASON_SILENT, .verdict = DROPPED },
	{ "tarpit", REASON_TARPITTED, .verdict = SLOW },
	{ "drop, report mode", REASON_REPORT_ONLY, .verdict = DROPPED, .report = true },
	{ "tarpit, report mode", REASON_REPORT_ONLY, .verdict = SLOW, .report = true },
	{ "pass, report mode", REASON_VERDICT_PASS, .verdict = PASSED, .report = true },
	{ "drop, submission port", REASON_NOT_MX, .verdict = DROPPED, .submission = true },
	{ "tarpit, submission port", REASON_NOT_MX, .verdict = SLOW, .submission = true },
	/* enforce until confirmed */
	{ "unconfirmed, second before its end", REASON_SILENT, .verdict = DROPPED, .at_s = 59,
	  .enforce_s = 60 },
	{ "unconfirmed, at its end", REASON_REPORT_ONLY, .verdict = DROPPED, .at_s = 60,
	  .enforce_s = 60 },
	{ "unconfirmed, after its end", REASON_REPORT_ONLY, .verdict = DROPPED, .at_s = 61,
	  .enforce_s = 60 },
	/* valid_until */
	{ "set for a minute, second before", REASON_SILENT, .verdict = UNTIL(60), .at_s = 59 },
	{ "set for a minute, at its end", REASON_EXPIRED, .verdict = UNTIL(60), .at_s = 60 },
	{ "set for a minute, after it", REASON_EXPIRED, .verdict = UNTIL(60), .at_s = 7200 },
	{ "expired, report mode", REASON_REPORT_ONLY, .verdict = UNTIL(60), .at_s = 60,
	  .report = true },
	/* lease: of the clock's verdicts only */
	{ "clock's, second before the lease ends", REASON_SILENT, .verdict = CLOCK, .at_s = 59,
	  .lease_s = 60 },
	{ "clock's, lease over", REASON_LEASE_OVER, .verdict = CLOCK, .at_s = 60, .lease_s = 60 },
	{ "set by hand, lease over", REASON_SILENT, .verdict = DROPPED, .at_s = 60, .lease_s = 60 },
	{ "set by hand, long after the lease", REASON_SILENT, .verdict = DROPPED, .at_s = 90000,
	  .lease_s = 60 },
	/* the hour: five minutes blocked, then ten slowed */
	{ "block begins", REASON_SILENT, .verdict = WINDOWS(300, 600, 0) },
	{ "block's last second", REASON_SILENT, .verdict = WINDOWS(300, 600, 0), .at_s = 299 },
	{ "throttle begins", REASON_TARPITTED, .verdict = WINDOWS(300, 600, 0), .at_s = 300 },
	{ "throttle's last second", REASON_TARPITTED, .verdict = WINDOWS(300, 600, 0),
	  .at_s = 899 },
	{ "rest begins", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 600, 0), .at_s = 900 },
	{ "rest's last second", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 600, 0), .at_s = 3599 },
	{ "block begins again", REASON_SILENT, .verdict = WINDOWS(300, 600, 0), .at_s = 3600 },
	{ "block a day later", REASON_SILENT, .verdict = WINDOWS(300, 600, 0),
	  .at_s = 86400 + 299 },
	{ "rest a day later", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 600, 0),
	  .at_s = 86400 + 900, .lease_s = 90000 },
	/* the same with the source's own hour, across the clock's */
	{ "phase, second before the block", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 3499 },
	{ "phase, block begins", REASON_SILENT, .verdict = WINDOWS(300, 600, 3500), .at_s = 3500 },
	{ "phase, block's last second", REASON_SILENT, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 3799 },
	{ "phase, block, hour before", REASON_SILENT, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 199 },
	{ "phase, throttle begins", REASON_TARPITTED, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 200 },
	{ "phase, throttle's last second", REASON_TARPITTED, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 799 },
	{ "phase, rest begins", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 600, 3500),
	  .at_s = 800 },
	{ "phase 1", REASON_WINDOW_OPEN, .verdict = WINDOWS(300, 0, 1) },
	{ "phase 1, begins", REASON_SILENT, .verdict = WINDOWS(300, 0, 1), .at_s = 1 },
	{ "phase 3599", REASON_SILENT, .verdict = WINDOWS(300, 0, 3599) },
	{ "one second", REASON_SILENT, .verdict = WINDOWS(1, 0, 0) },
	{ "one second, over", REASON_WINDOW_OPEN, .verdict = WINDOWS(1, 0, 0), .at_s = 1 },
	{ "all but one second", REASON_TARPITTED, .verdict = WINDOWS(0, 3599, 0), .at_s = 3598 },
	{ "all but one second, over", REASON_WINDOW_OPEN, .verdict = WINDOWS(0, 3599, 0),
	  .at_s = 3599 },
	{ "whole hour, last second", REASON_SILENT, .verdict = DROPPED, .at_s = 3599 },
};

static void set_up(struct instance *gate, const struct row *r)
{
	volatile struct settings *s = instance_settings(gate);

	clean(gate);
	if (r->report)
		s->mode = MODE_REPORT;
	if (r->enforce_s)
		s->enforce_until_ns = NOON + r->enforce_s * SECOND;
	if (r->lease_s)
		s->lease_until_ns = NOON + r->lease_s * SECOND;
	instance_clock(gate, NOON + r->at_s * SECOND);
}

static void attempt_exits(struct talk *t, const char *what, enum reason reason)
{
	for (enum hook hook = HOOK_XDP; hook <= HOOK_INGRESS; hook++) {
		struct look before = look(t->gate);

		syn(t, hook);
		exits_as(t, &before, what, hook, reason);
	}
}

static void every_row_at_xdp_and_ingress(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct talk t = talk(*state, ipv6);

			set_up(*state, &rows[i]);
			if (rows[i].submission)
				t.server_port = 587;
			if (!rows[i].none)
				judge(&t, &rows[i].verdict);
			attempt_exits(&t, rows[i].what, rows[i].reason);
			if (!rows[i].none)
				assert_int_equal(verdict_of(&t).hits_dropped,
						 rows[i].reason == REASON_SILENT ? 2 : 0);
		}
}

/* A verdict is a source's: an IPv4 address, or all of an IPv6 /64, and nobody else's. */
static void a_source_and_its_neighbours(void **state)
{
	static const struct verdict drop = DROPPED;
	static const struct {
		const char *what;
		bool ipv6;
		uint32_t host;
		uint16_t net;
		enum reason reason;
	} peers[] = {
		{ "the address", false, 7, 0, REASON_SILENT },
		{ "the address before", false, 6, 0, REASON_SYN },
		{ "the address after", false, 8, 0, REASON_SYN },
		{ "the /64", true, 7, 0x70, REASON_SILENT },
		{ "another host of the /64", true, 8, 0x70, REASON_SILENT },
		{ "the last host of the /64", true, 0xffffffff, 0x70, REASON_SILENT },
		{ "the /64 before", true, 7, 0x6f, REASON_SYN },
		{ "the /64 after", true, 7, 0x71, REASON_SYN },
	};

	clean(*state);
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		struct talk t = talk(*state, peers[i].ipv6);

		t.client_net = 0x70;
		if (peers[i].reason == REASON_SILENT)
			judge(&t, &drop);
		t.client_host = peers[i].host;
		t.client_net = peers[i].net;
		attempt_exits(&t, peers[i].what, peers[i].reason);
	}
}

/* A range of the rows below: bits of the client's network, action; all around 192.0.2.7 */
struct block {
	uint8_t bits; /* 0: none */
	uint8_t action;
	uint8_t style;
	int64_t until_s;
};

#define MARKED .verdict = { .block_s = 3600, .drop_style = STYLE_SILENT, .flags = VERDICT_RANGED }
#define EXEMPT(b)                                                                                  \
	{                                                                                          \
		.bits = (b), .action = ACTION_PASS                                                 \
	}
#define REFUSED(b)                                                                                 \
	{                                                                                          \
		.bits = (b), .action = ACTION_DROP, .style = STYLE_SILENT                          \
	}

static const struct {
	const char *what;
	enum reason reason;
	struct verdict verdict;
	struct block block[2];
	bool none, report, submission;
} ranged[] = {
	{ "dropped, in an exempt range", REASON_EXEMPT, MARKED, .block = { EXEMPT(24) } },
	{ "exempt address", REASON_EXEMPT, MARKED, .block = { EXEMPT(32) } },
	{ "verdict not marked: ranges are not asked", REASON_SILENT, .verdict = DROPPED,
	  .block = { EXEMPT(24) } },
	{ "marked, but no range any more", REASON_SILENT, MARKED },
	{ "exempt, also in report mode", REASON_EXEMPT, MARKED, .block = { EXEMPT(24) },
	  .report = true },
	{ "exemption for a minute", REASON_EXEMPT, MARKED,
	  .block = { { .bits = 24, .action = ACTION_PASS, .until_s = 60 } } },
	{ "exemption over", REASON_SILENT, MARKED,
	  .block = { { .bits = 24, .action = ACTION_PASS, .until_s = -1 } } },
	{ "exempt, submission port", REASON_NOT_MX, MARKED, .block = { EXEMPT(24) },
	  .submission = true },
	{ "range refused", REASON_SILENT, .none = true, .block = { REFUSED(24) } },
	{ "range refused, report mode", REASON_REPORT_ONLY, .none = true, .report = true,
	  .block = { REFUSED(24) } },
	{ "range refused, submission port", REASON_NOT_MX, .none = true, .submission = true,
	  .block = { REFUSED(24) } },
	{ "range refused for a minute", REASON_SILENT, .none = true,
	  .block = { { .bits = 24,
		       .action = ACTION_DROP,
		       .style = STYLE_SILENT,
		       .until_s = 60 } } },
	{ "range refused until a second ago", REASON_SYN, .none = true,
	  .block = { { .bits = 24,
		       .action = ACTION_DROP,
		       .style = STYLE_SILENT,
		       .until_s = -1 } } },
	{ "range slowed", REASON_TARPITTED, .none = true,
	  .block = { { .bits = 24, .action = ACTION_TARPIT, .style = STYLE_SLOW } } },
	{ "exempt block in a refused one", REASON_EXEMPT, .none = true,
	  .block = { REFUSED(16), EXEMPT(29) } },
	{ "refused block in an exempt one", REASON_SILENT, .none = true,
	  .block = { EXEMPT(16), REFUSED(29) } },
	{ "verdict pass in a refused range", REASON_VERDICT_PASS,
	  .verdict = { .drop_style = STYLE_SILENT, .flags = VERDICT_RANGED },
	  .block = { REFUSED(24) } },
};

/* lay - put a range around the talk's client */
static void lay(const struct talk *t, const struct block *b)
{
	struct range_key key = { .addr = addr_of(t, true) };
	struct range r = { .action = b->action, .style = b->style };

	/* the same networks in IPv6: two bytes of it for each of IPv4's */
	key.prefix_bits = t->ipv6 ? (b->bits == 32 ? 128 : b->bits * 2) : 96 + b->bits;
	if (b->until_s)
		r.valid_until_ns = NOON + b->until_s * SECOND;
	if (b->bits)
		assert_int_equal(instance_range(t->gate, &key, &r), 0);
}

static void every_row_of_ranges(void **state)
{
	for (size_t i = 0; i < sizeof(ranged) / sizeof(ranged[0]); i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct talk t = talk(*state, ipv6);

			clean(*state);
			if (ranged[i].report)
				instance_settings(*state)->mode = MODE_REPORT;
			if (ranged[i].submission)
				t.server_port = 587;
			if (!ranged[i].none)
				judge(&t, &ranged[i].verdict);
			lay(&t, &ranged[i].block[0]);
			lay(&t, &ranged[i].block[1]);
			attempt_exits(&t, ranged[i].what, ranged[i].reason);
		}
}

static void a_range_ends_at_its_last_address(void **state)
{
	static const struct block drop = REFUSED(29);
	struct talk t = talk(*state, false);
	struct range r;
	struct range_key key = { .prefix_bits = 125, .addr = addr_of(&t, true) };

	lay(&t, &drop); /* 192.0.2.0 to .7 */
	t.client_host = 0;
	attempt_exits(&t, "first", REASON_SILENT);
	t.client_host = 8;
	attempt_exits(&t, "after the last", REASON_SYN);
	assert_int_equal(bpf_map_lookup_elem(instance_fds(*state)->ranges, &key, &r), 0);
	assert_int_equal(r.hits, 2);
	instance_settings(*state)->ranges = 0; /* the daemon says there are none */
	t.client_host = 7;
	attempt_exits(&t, "not looked for", REASON_SYN);
}

/* What XDP lets by comes to ingress too, and is one attempt. */
static void an_attempt_is_one_hit_of_its_range(void **state)
{
	static const struct block exempt = EXEMPT(24);
	struct talk t = talk(*state, false);
	struct range r;
	struct range_key key = { .prefix_bits = 120 };

	t.client_host = 0;
	key.addr = addr_of(&t, true);
	lay(&t, &exempt);
	attempt_exits(&t, "exempt", REASON_EXEMPT);
	assert_int_equal(bpf_map_lookup_elem(instance_fds(*state)->ranges, &key, &r), 0);
	assert_int_equal(r.hits, 1);
}

/* Refusal is of attempts: what belongs to a connection, followed or not, always passes. */
static void segments_of_connections_are_never_refused(void **state)
{
	static const struct {
		const char *what;
		unsigned int flags;
		const char *text;
		bool attempt;
	} segments[] = {
		{ "data", ACK | PSH, "EHLO a\r\n", false },
		{ "acknowledgement", ACK, "", false },
		{ "FIN", FIN | ACK, "", false },
		{ "RST", RST, "", false },
		{ "SYN-ACK of a client", SYN | ACK, "", false },
		{ "no flag", 0, "", false },
		{ "SYN", SYN, "", true },
		{ "SYN with data", SYN, "EHLO a\r\n", true },
	};
	static const struct verdict drop = DROPPED;

	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
			struct talk t = talk(*state, ipv6);
			uint8_t f[4096];
			size_t n = build_frame(&t, true, 1, 1, segments[i].flags, segments[i].text,
					       strlen(segments[i].text), f);
			struct look before;

			judge(&t, &drop);
			for (enum hook hook = HOOK_XDP; hook <= HOOK_INGRESS; hook++) {
				before = look(*state);
				feed_hook(&t, hook, f, n);
				exits_as(&t, &before, segments[i].what, hook,
					 segments[i].attempt ? REASON_SILENT
					 : hook              ? REASON_NO_FLOW
							     : REASON_LATER);
			}
			before = look(*state);
			feed_hook(&t, HOOK_INGRESS, f, n - strlen(segments[i].text) - 1);
			exits_as(&t, &before, "cut short", HOOK_INGRESS, REASON_MALFORMED);
		}
}

/* A verdict that comes in mid-connection drops none of its segments; test_cut.c says what becomes
 * of the connection at the next command. */
static void an_open_connection_goes_on(void **state)
{
	static const struct verdict drop = DROPPED;
	struct talk t = talk(*state, false);
	struct look before;

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	server(&t, "250 ok\r\n250 ok\r\n354 go\r\n");
	judge(&t, &drop);
	before = look(*state);
	client(&t, "Subject: x\r\n.\r\n");
	exits_as(&t, &before, "message", HOOK_INGRESS, REASON_READ);
	before = look(*state);
	server(&t, "250 taken\r\n");
	exits_as(&t, &before, "reply", HOOK_EGRESS, REASON_READ_DONE);
	assert_int_equal(verdict_of(&t).hits_dropped, 0);
}

/* Our own mail to a source that is refused goes out, and its answers come in. */
static void our_own_connection_to_a_dropped_source(void **state)
{
	static const struct verdict drop = DROPPED;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);
		struct addr peer = addr_of(&t, false);
		struct look before = look(*state);
		uint8_t f[4096];

		if (ipv6)
			memset(peer.b + 8, 0, 8);
		assert_int_equal(instance_verdict(*state, &peer, &drop), 0);
		t.outbound = true;
		frame(&t, true, t.client_seq++, 0, SYN, "", 0);
		exits_as(&t, &before, "our SYN", HOOK_EGRESS, REASON_SYN);
		before = look(*state);
		feed_hook(&t, HOOK_XDP, f,
			  build_frame(&t, false, t.server_seq, t.client_seq, SYN | ACK, "", 0, f));
		exits_as(&t, &before, "their SYN-ACK", HOOK_XDP, REASON_LATER);
		before = look(*state);
		frame(&t, false, t.server_seq++, t.client_seq, SYN | ACK, "", 0);
		exits_as(&t, &before, "their SYN-ACK", HOOK_INGRESS, REASON_READ);
		before = look(*state);
		server(&t, "220 mx.example.org\r\n");
		exits_as(&t, &before, "their greeting", HOOK_INGRESS, REASON_READ);
		before = look(*state);
		client(&t, "EHLO mx.example.net\r\n");
		exits_as(&t, &before, "our EHLO", HOOK_EGRESS, REASON_READ);
	}
}

static void off_passes_everything(void **state)
{
	static const struct verdict drop = DROPPED;
	static const uint32_t modes[] = { 0, MODE_OFF };
	struct talk t = talk(*state, false);
	uint8_t f[4096];
	size_t n = build_frame(&t, false, 1, 1, ACK, "220 mx\r\n", 8, f);

	judge(&t, &drop);
	for (int i = 0; i < 2; i++) {
		struct look before;

		instance_settings(*state)->mode = modes[i];
		attempt_exits(&t, "off", REASON_OFF);
		before = look(*state);
		feed_hook(&t, HOOK_EGRESS, f, n);
		exits_as(&t, &before, "off, greeting", HOOK_EGRESS, REASON_OFF);
		before = look(*state);
		feed_hook(&t, HOOK_INGRESS, f, n - 4); /* not even parsed */
		exits_as(&t, &before, "off, cut short", HOOK_INGRESS, REASON_OFF);
		assert_false(followed(&t));
	}
}

/* A full map refuses further verdicts and keeps those it has. */
static void a_full_map_keeps_what_it_has(void **state)
{
	static const struct verdict drop = DROPPED;
	struct talk t = talk(*state, false);
	struct addr a = { 0 };
	uint32_t n = 0;
	int rc = 0;

	judge(&t, &drop);
	for (a.b[0] = 0x20; !rc && n < 1 << 20; n++) {
		memcpy(a.b + 4, &n, sizeof(n));
		rc = instance_verdict(*state, &a, &drop);
	}
	assert_int_equal(rc, -E2BIG);
	attempt_exits(&t, "first of many", REASON_SILENT);
	t.client_host++;
	attempt_exits(&t, "no verdict", REASON_SYN);
	clean(*state);
}

/* from port 25 to port 25: the first SYN is the client's, and judged */
static void a_mail_port_hides_nobody(void **state)
{
	static const struct verdict refused = { .block_s = 3600, .drop_style = STYLE_SILENT };

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct talk t = talk(*state, ipv6);

		t.client_port = 25;
		judge(&t, &refused);
		instance_settings(t.gate)->mode = MODE_ENFORCE;
		attempt_exits(&t, "both mail ports", REASON_SILENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_row_at_xdp_and_ingress, clean_gate),
		cmocka_unit_test_setup(a_source_and_its_neighbours, clean_gate),
		cmocka_unit_test_setup(every_row_of_ranges, clean_gate),
		cmocka_unit_test_setup(a_range_ends_at_its_last_address, clean_gate),
		cmocka_unit_test_setup(an_attempt_is_one_hit_of_its_range, clean_gate),
		cmocka_unit_test_setup(segments_of_connections_are_never_refused, clean_gate),
		cmocka_unit_test_setup(an_open_connection_goes_on, clean_gate),
		cmocka_unit_test_setup(our_own_connection_to_a_dropped_source, clean_gate),
		cmocka_unit_test_setup(a_mail_port_hides_nobody, clean_gate),
		cmocka_unit_test_setup(off_passes_everything, clean_gate),
		cmocka_unit_test_setup(a_full_map_keeps_what_it_has, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
