// SPDX-License-Identifier: BSD-2-Clause
#include "user/observer/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "user/base/build.h"

#define STAMP                                                                                      \
	" from mail.old.example.org (192.0.2.10) by\n"                                             \
	" mail.old.example.org (192.0.2.10) with Microsoft SMTP Server\n"                          \
	" (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.6;\n"        \
	" Sat, 21 Nov 2026 09:00:00 +0100"
#define RELAY                                                                                      \
	" from a.example.org (a.example.org [192.0.2.9]) by relay.example.org (Postfix)\n"         \
	"\twith ESMTP id 4F1; Sat, 21 Nov 2026 09:00:00 +0100"

/* One header, and what must come of it. */
struct row {
	const char *what, *name[3], *value[3];
	uint64_t build;
	uint8_t family;
};

static const struct row rows[] = {
	{ "stamped by Exchange", { "Received" }, { STAMP }, BUILD(15, 1, 2507, 6), 0 },
	{ "in any case", { "received" }, { STAMP }, BUILD(15, 1, 2507, 6), 0 },
	{ "a relay's line on top", { "Received", "Received" }, { RELAY, STAMP }, 0, FAMILY_OTHER },
	{ "behind other headers",
	  { "X-Other", "Received" },
	  { " one\n two", STAMP },
	  BUILD(15, 1, 2507, 6),
	  0 },
	{ "no Received", { "Subject", "From" }, { " x", " y" }, 0, FAMILY_OTHER },
	{ "8-bit", { "Subject", "Received" }, { " \xff\xfe", STAMP }, BUILD(15, 1, 2507, 6), 0 },
	{ "a line with a dot is no end",
	  { "X-A", "Received" },
	  { " a\n .\n b", STAMP },
	  BUILD(15, 1, 2507, 6),
	  0 },
	{ "Exchange without a number",
	  { "Received" },
	  { " from a.example.org (192.0.2.10) by b.example.org (192.0.2.10) with mapi; Sat" },
	  0,
	  FAMILY_EXCHANGE_NOBUILD },
	{ "an empty header", { NULL }, { NULL }, 0, FAMILY_OTHER },
};

/* feed - one row into a session */
static void feed(struct session *s, const struct row *row)
{
	assert_int_equal(stamp_helo(s, "mail.old.example.org"), 0);
	stamp_message(s);
	for (unsigned int i = 0; i < 3 && row->name[i]; i++)
		stamp_header(s, row->name[i], row->value[i]);
	stamp_end(s);
}

static void test_headers(void **state)
{
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t family = rows[i].build ? FAMILY_EXCHANGE : rows[i].family;

		feed(&s, &rows[i]);
		if (s.build != rows[i].build || s.family != family)
			fail_msg("%s: build %llx, family %u", rows[i].what,
				 (unsigned long long)s.build, s.family);
		assert_true(s.done);
	}
}

/* what a milter gets with CRLF, or what another gives in pieces, is the same */
static void test_names_and_cuts(void **state)
{
	static const char wire[] =
		"Received: from a.example.org (192.0.2.10) by\r\n ex01.example.org (192.0.2.10) "
		"with Microsoft SMTP\r\n Server (TLS) id 14.3.498.0; Sat\r\n";
	struct session s;

	(void)state;
	for (size_t cut = 0; cut < sizeof(wire); cut++) {
		stamp_helo(&s, "a.example.org");
		stamp_message(&s);
		stamp_bytes(&s, wire, cut);
		stamp_bytes(&s, wire + cut, sizeof(wire) - 1 - cut);
		stamp_end(&s);
		assert_int_equal(s.build, BUILD(14, 3, 498, 0));
		assert_int_equal(s.origin, ORIGIN_RECEIVED);
		assert_string_equal(s.text.by, "ex01.example.org");
	}
	stamp_helo(&s, "a.example.org");
	stamp_message(&s);
	stamp_header(&s, "X-Folded", " a\r\n b\r");
	stamp_header(&s, "Received", STAMP);
	assert_int_equal(s.build, BUILD(15, 1, 2507, 6));
}

/* 4 KB are read, then it is over */
static void test_long(void **state)
{
	char filler[5000];
	struct session s;

	(void)state;
	memset(filler, 'x', sizeof(filler));
	filler[0] = ' ';
	filler[sizeof(filler) - 1] = '\0';
	stamp_helo(&s, "a.example.org");
	stamp_message(&s);
	stamp_header(&s, "X-Long", filler);
	stamp_header(&s, "Received", STAMP);
	stamp_end(&s);
	assert_int_equal(s.build, 0);
	assert_int_equal(s.family, FAMILY_UNKNOWN);
}

static void test_helo(void **state)
{
	struct session s;

	(void)state;
	assert_int_equal(stamp_helo(&s, "b15-1-2507-39.ex01.example.org"), BUILD(15, 1, 2507, 39));
	assert_int_equal(s.origin, ORIGIN_EHLO);
	assert_int_equal(stamp_helo(&s, "ip-10-0-0-5.example.org"), 0);
	assert_int_equal(stamp_helo(&s, ""), 0);
	assert_int_equal(stamp_helo(&s, "[192.0.2.10]"), 0);
	/* a build in the header outweighs the label */
	stamp_helo(&s, "b15-1-2507-39.ex01.example.org");
	stamp_message(&s);
	stamp_header(&s, "Received", STAMP);
	assert_int_equal(s.build, BUILD(15, 1, 2507, 6));
	assert_int_equal(s.origin, ORIGIN_RECEIVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_names_and_cuts),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_helo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
