// SPDX-License-Identifier: BSD-2-Clause
/* The milter's callbacks, called as libmilter would; reports are caught where they are put. */
#include "user/milter/milter.h"
#include "user/observer/telling.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define STAMP                                                                                      \
	" from a.example.org (192.0.2.10) by\n ex01.example.org (192.0.2.10) with Microsoft\n"     \
	" SMTP Server (TLS) id 14.3.498.0; Sat"
#define RELAY " from a by relay.example.org (Postfix) with ESMTP id 4F1; Sat"

/* ---- what libmilter and the courier would do ---- */

static void *private;
static const char *tls;
static json_t *reports; /* array */

int smfi_setpriv(SMFICTX *ctx, void *data)
{
	(void)ctx;
	private = data;
	return MI_SUCCESS;
}

void *smfi_getpriv(SMFICTX *ctx)
{
	(void)ctx;
	return private;
}

char *smfi_getsymval(SMFICTX *ctx, char *name)
{
	(void)ctx;
	return strcmp(name, "{tls_version}") ? NULL : (char *)tls;
}

void courier_put(struct courier *courier, const struct observation *o)
{
	(void)courier;
	json_array_append_new(reports, telling_object(o));
}

/* ---- a mail server ---- */

static const struct smfiDesc *d = &milter_description;
static unsigned long steps; /* that were agreed upon */
static bool accepted;       /* nothing more of this message is wanted */

/* greet - negotiate and connect; from NULL: handed in on the host itself */
static void greet(unsigned long offered, const char *from)
{
	struct sockaddr_storage peer = { .ss_family = AF_INET };
	struct sockaddr_in *in4 = (void *)&peer;
	struct sockaddr_in6 *in6 = (void *)&peer;
	unsigned long actions, more, most;
	sfsistat expected;

	assert_int_equal(
		d->xxfi_negotiate(NULL, 0x1ff, offered, 0, 0, &actions, &steps, &more, &most),
		SMFIS_CONTINUE);
	assert_int_equal(actions, 0);
	assert_int_equal(steps & ~offered, 0);
	if (from && inet_pton(AF_INET, from, &in4->sin_addr) != 1) {
		peer.ss_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, from, &in6->sin6_addr), 1);
	}
	expected = steps & SMFIP_NR_CONN ? SMFIS_NOREPLY : SMFIS_CONTINUE;
	assert_int_equal(d->xxfi_connect(NULL, "x", from ? (void *)&peer : NULL), expected);
}

static void helo(const char *name)
{
	sfsistat expected = steps & SMFIP_NR_HELO ? SMFIS_NOREPLY : SMFIS_CONTINUE;

	assert_int_equal(d->xxfi_helo(NULL, (char *)name), expected);
}

/* header - the value as this mail server hands it on: with its blank, or without */
static void header(const char *name, const char *value)
{
	sfsistat answer;

	if (accepted)
		return;
	value += !(steps & SMFIP_HDR_LEADSPC);
	answer = d->xxfi_header(NULL, (char *)name, (char *)value);
	assert_true(answer == SMFIS_ACCEPT || answer == SMFIS_CONTINUE);
	accepted = answer == SMFIS_ACCEPT;
}

static void message(const char *received)
{
	accepted = false;
	header("X-First", " x");
	if (received) {
		header("Received", received);
		assert_true(accepted); /* the rest is spared */
	}
	header("Subject", " x");
	if (!accepted)
		assert_int_equal(d->xxfi_eoh(NULL), SMFIS_ACCEPT);
}

static void goodbye(void)
{
	assert_int_equal(d->xxfi_close(NULL), SMFIS_CONTINUE);
	assert_null(private);
}

/* is - the only report so far has these; a value NULL: not there. Forgets it */
static void is(const char *source, const char *build, const char *origin, const char *family)
{
	json_t *report = json_array_get(reports, 0);
	const char *const wanted[][2] = {
		{ "source", source },
		{ "build", build },
		{ "origin", origin },
		{ "family", family },
	};

	assert_int_equal(json_array_size(reports), 1);
	for (size_t i = 0; i < 4; i++) {
		const char *value = json_string_value(json_object_get(report, wanted[i][0]));

		assert_int_equal(value != NULL, wanted[i][1] != NULL);
		if (value)
			assert_string_equal(value, wanted[i][1]);
	}
	assert_int_equal(json_is_true(json_object_get(report, "tls")), tls != NULL);
	json_array_clear(reports);
}

/* ---- tests ---- */

static void test_build(void **state)
{
	static const unsigned long offered[] = { 0x1fffff, 0x7f, 0 };
	struct milter_stats stats;

	(void)state;
	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		tls = NULL;
		greet(offered[i], "192.0.2.10");
		helo("a.example.org");
		tls = "TLSv1.3";
		helo("a.example.org");
		message(STAMP);
		is("192.0.2.10", "14.3.498.0", "received", NULL);
		goodbye();
		assert_int_equal(json_array_size(reports), 0);
	}
	milter_stats(&stats);
	assert_int_equal(stats.builds, 3);
	assert_int_equal(stats.in_tls, 3);
	tls = NULL;
	greet(0x1fffff, "2001:db8::7");
	helo("a.example.org");
	message(STAMP);
	is("2001:db8::7", "14.3.498.0", "received", NULL);
	goodbye();
}

/* over TCP every step has its answer, and DATA is one of them */
static void test_by_tcp(void **state)
{
	(void)state;
	milter_init(NULL, false);
	tls = "TLSv1.3";
	greet(0x1fffff, "192.0.2.10");
	assert_int_equal(steps & (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR | SMFIP_NODATA), 0);
	assert_int_equal(steps & SMFIP_NOBODY, SMFIP_NOBODY);
	helo("a.example.org");
	message(STAMP);
	is("192.0.2.10", "14.3.498.0", "received", NULL);
	goodbye();
	milter_init(NULL, true);
	greet(0x1fffff, "192.0.2.10");
	assert_int_not_equal(steps & SMFIP_NODATA, 0);
	goodbye();
}

/* only the first message of a connection counts */
static void test_messages(void **state)
{
	(void)state;
	tls = NULL;
	greet(0x1fffff, "192.0.2.10");
	helo("a.example.org");
	message(RELAY);
	message(STAMP);
	message(STAMP);
	goodbye();
	is("192.0.2.10", NULL, NULL, "other");
	greet(0x1fffff, "192.0.2.10");
	helo("a.example.org");
	message(STAMP);
	message(STAMP);
	is("192.0.2.10", "14.3.498.0", "received", NULL);
	goodbye();
	assert_int_equal(json_array_size(reports), 0);
}

/* a connection without a build is told of when it is over, if it said a name */
static void test_no_build(void **state)
{
	(void)state;
	tls = "TLSv1.2";
	greet(0x1fffff, "192.0.2.10");
	helo("a.example.org");
	goodbye();
	is("192.0.2.10", NULL, NULL, "unknown");
	greet(0x1fffff, "192.0.2.10");
	helo("a.example.org");
	message(NULL);
	goodbye();
	is("192.0.2.10", NULL, NULL, "other");
	greet(0x1fffff, "192.0.2.10");
	goodbye();
	greet(0x1fffff, NULL);
	helo("localhost");
	message(STAMP);
	goodbye();
	assert_int_equal(json_array_size(reports), 0);
}

/* a build in the name is told at once, and one in the header on top of it */
static void test_helo(void **state)
{
	json_t *report;

	(void)state;
	tls = NULL;
	greet(0x1fffff, "192.0.2.10");
	helo("b15-1-2507-39.ex01.example.org");
	helo("b15-1-2507-39.ex01.example.org");
	is("192.0.2.10", "15.1.2507.39", "ehlo", NULL);
	message(STAMP);
	is("192.0.2.10", "14.3.498.0", "received", NULL);
	goodbye();
	greet(0x1fffff, "192.0.2.10");
	helo("b\xf6se\x01.example.org");
	goodbye();
	report = json_array_get(reports, 0);
	assert_string_equal(json_string_value(json_object_get(report, "helo")),
			    "b\\xf6se\\x01.example.org");
	json_array_clear(reports);
}

/* 100 KB of header: 4 KB are looked at, the rest is passed over */
static void test_long(void **state)
{
	static char value[5000];

	(void)state;
	tls = NULL;
	memset(value, 'x', sizeof(value) - 1);
	value[0] = ' ';
	greet(0x1fffff, "192.0.2.10");
	helo("a.example.org");
	accepted = false;
	for (int i = 0; i < 20; i++)
		header("X-Long", value);
	assert_true(accepted);
	message(STAMP);
	goodbye();
	is("192.0.2.10", NULL, NULL, "unknown");
}

static int set_up(void **state)
{
	(void)state;
	reports = json_array();
	milter_init(NULL, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(reports);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),    cmocka_unit_test(test_by_tcp),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_no_build),
		cmocka_unit_test(test_helo),     cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
