// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/observer/observation.h"

#define T0 1790000000LL
#define B  BUILD(15, 1, 2507, 39)

/* test_names - which name counts, and the label of a build in it */
static void test_names(void **state)
{
	static const struct {
		uint8_t origin;
		uint64_t build;
		const char *helo, *by, *server;
	} rows[] = {
		{ ORIGIN_RECEIVED, B, "edge.example.org", "EX01.example.org", "ex01.example.org" },
		{ ORIGIN_RECEIVED, B, "Edge.Example.org", "", "edge.example.org" },
		{ ORIGIN_EHLO, B, "b15-1-2507-39.ex01.example.org", "", "ex01.example.org" },
		{ ORIGIN_EHLO, B, "ex01.b15-1-2507-39.example.org", "", "ex01.example.org" },
		{ ORIGIN_EHLO, B, "15.1.2507.39.ex01.example.org", "", "ex01.example.org" },
		{ ORIGIN_EHLO, B, "ex01.example.org", "other.example.org", "ex01.example.org" },
		{ ORIGIN_REPORTED, B, "", "ex01.example.org", "ex01.example.org" },
		{ ORIGIN_REPORTED, B, "a.example.org", "b.example.org", "b.example.org" },
		/* the same label on a connection without a build */
		{ 0, 0, "b15-1-2507-44.ex01.example.org", "", "ex01.example.org" },
		/* a build that is an IPv4 address too: a label only where it is the known one */
		{ ORIGIN_EHLO, BUILD(15, 1, 225, 42), "b15-1-225-42.ex.example.org", "",
		  "ex.example.org" },
		{ 0, 0, "ip-10-0-0-5.ec2.example.org", "", "ip-10-0-0-5.ec2.example.org" },
		{ 0, 0, "mail-15-1-2507.example.org", "", "mail-15-1-2507.example.org" },
		{ 0, 0, "b15-1-2507-39x.example.org", "", "b15-1-2507-39x.example.org" },
		{ 0, 0, "[192.0.2.7]", "", "[192.0.2.7]" },
		{ 0, 0, "exchange2016.example.org", "", "exchange2016.example.org" },
		{ 0, 0, "ex01.example.org.", "", "ex01.example.org" },
		{ ORIGIN_EHLO, B, "b15-1-2507-39", "", "" },
		{ 0, 0, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct observation o = { .origin = rows[i].origin, .build = rows[i].build };

		snprintf(o.helo, sizeof(o.helo), "%s", rows[i].helo);
		snprintf(o.by, sizeof(o.by), "%s", rows[i].by);
		observation_name(&o);
		assert_string_equal(o.server, rows[i].server);
	}
}

/* parse - text into *o; returns what observation_parse() does */
static int parse(const char *text, struct observation *o, struct error *e)
{
	json_t *object = json_loads(text, 0, NULL);
	int r;

	assert_non_null(object);
	r = observation_parse(object, T0, o, e);
	json_decref(object);
	return r;
}

/* same_json - an observation against JSON, key by key and in number */
static void same_json(const struct observation *o, const char *expected)
{
	json_t *object = observation_json(o), *wanted = json_loads(expected, 0, NULL);

	assert_non_null(wanted);
	if (!json_equal(object, wanted))
		fail_msg("got %s", json_dumps(object, 0));
	json_decref(object);
	json_decref(wanted);
}

/* test_minimum - the least that suffices, and what is null then */
static void test_minimum(void **state)
{
	struct observation o;
	struct error e;

	(void)state;
	assert_int_equal(parse("{\"source\":\"192.0.2.7\",\"build\":\"15.01.2507.039\","
			       "\"helo\":\"ex01.example.org\",\"whatever\":1}",
			       &o, &e),
			 0);
	assert_int_equal(o.at, T0);
	same_json(&o, "{\"type\":\"observation\",\"at\":\"2026-09-21T14:13:20Z\","
		      "\"source\":\"192.0.2.7\",\"port\":null,\"direction\":null,"
		      "\"origin\":\"reported\",\"tls\":false,\"helo\":\"ex01.example.org\","
		      "\"by\":null,\"server\":\"ex01.example.org\",\"build\":\"15.1.2507.39\","
		      "\"product\":null,\"release\":null,\"standing\":null}");
}

/* test_round_trip - what we print we read, and print the same again */
static void test_round_trip(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"observation\",\"at\":\"2026-09-21T14:13:20Z\","
		"\"source\":\"2001:db8::7\",\"port\":25,\"direction\":\"inbound\","
		"\"origin\":\"received\",\"tls\":true,\"helo\":\"edge.example.org\","
		"\"by\":\"ex01.example.org\",\"server\":\"ex01.example.org\","
		"\"build\":\"15.1.2507.39\",\"product\":null,\"release\":null,"
		"\"standing\":null}",
		"{\"type\":\"no_build\",\"at\":\"2026-09-21T14:13:20Z\","
		"\"source\":\"192.0.2.7\",\"helo\":null,\"family\":\"iis-smtp\"}",
		"{\"type\":\"no_build\",\"at\":\"2026-09-21T14:13:20Z\","
		"\"source\":\"192.0.2.7\",\"helo\":\"a\\\\x00b\",\"family\":\"tls\"}",
	};
	struct observation o;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(lines[i], &o, &e), 0);
		same_json(&o, lines[i]);
	}
}

/* test_refusals - each names the key and what was expected; *ret stays as it was */
static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *says;
	} rows[] = {
		{ "[]", -EINVAL, "object" },
		{ "{}", -EINVAL, "\"source\" is missing" },
		{ "{\"type\":\"summary\"}", -ENOMSG, "summary" },
		{ "{\"type\":5}", -EINVAL, "\"type\": expected a string" },
		{ "{\"source\":\"mx.example.org\"}", -EINVAL, "mx.example.org" },
		{ "{\"source\":\"192.0.2.0/24\"}", -EINVAL, "no IPv4 or IPv6" },
		{ "{\"source\":\"192.0.2.7\"}", -EINVAL, "\"build\" is missing" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1\"}", -EINVAL, "15.1" },
		{ "{\"source\":\"192.0.2.7\",\"build\":15}", -EINVAL, "expected a string" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\"}", -EINVAL, "\"by\"" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\",\"helo\":\"a\","
		  "\"at\":\"yesterday\"}",
		  -EINVAL, "RFC 3339" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\",\"helo\":\"a\","
		  "\"origin\":\"guess\"}",
		  -EINVAL, "banner, ehlo, received, reported" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\",\"helo\":\"a\","
		  "\"direction\":\"up\"}",
		  -EINVAL, "inbound, outbound" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\",\"helo\":\"a\","
		  "\"port\":65536}",
		  -EINVAL, "65535" },
		{ "{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.39\",\"helo\":\"a\","
		  "\"tls\":\"yes\"}",
		  -EINVAL, "true or false" },
		{ "{\"type\":\"no_build\",\"source\":\"192.0.2.7\",\"family\":\"postfix\"}",
		  -EINVAL, "iis-smtp" },
	};
	struct observation o = { .at = 5 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text, &o, &e), rows[i].rc);
		assert_non_null(strstr(e.text, rows[i].says));
		assert_int_equal(o.at, 5);
	}
}

/* event - a token or connection between an outside and an inside address */
static struct event event(uint8_t type, uint8_t direction, uint8_t side)
{
	struct event event = {
		.at_ns = clock_kernel_ns(),
		.build = B,
		.type = type,
		.direction = direction,
		.side = side,
		.origin = side == SIDE_SERVER ? ORIGIN_BANNER : ORIGIN_EHLO,
		.family = FAMILY_EXCHANGE_NOBUILD,
		.key.server_port = htons(25),
	};

	address_parse("192.0.2.7", &event.key.client);
	address_parse("198.51.100.1", &event.key.server);
	return event;
}

/* test_sides - whose build it is, and on which side of the gate that one stands */
static void test_sides(void **state)
{
	static const struct {
		uint8_t direction, side;
		const char *source;
		bool inside;
	} rows[] = {
		{ DIRECTION_INBOUND, SIDE_CLIENT, "192.0.2.7", false },
		{ DIRECTION_INBOUND, SIDE_SERVER, "198.51.100.1", true },
		{ DIRECTION_OUTBOUND, SIDE_CLIENT, "192.0.2.7", true },
		{ DIRECTION_OUTBOUND, SIDE_SERVER, "198.51.100.1", false },
	};
	char text[ADDRESS_TEXT];
	struct observation o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event e = event(EVENT_TOKEN, rows[i].direction, rows[i].side);

		strcpy(e.helo, "client.example.org");
		strcpy(e.by, "MX.example.org");
		observation_from_event(&e, &o);
		assert_string_equal(address_format(&o.source, text), rows[i].source);
		assert_int_equal(o.inside, rows[i].inside);
		assert_string_equal(o.server, rows[i].side == SIDE_SERVER ? "mx.example.org"
									  : "client.example.org");
		assert_int_equal(o.port, 25);
		assert_true(o.build == B);
		assert_in_range(o.at, clock_wall() - 2, clock_wall());
	}
}

/* test_event_bytes - what a peer sends is made printable; a connection has no build */
static void test_event_bytes(void **state)
{
	struct event e = event(EVENT_CONN, DIRECTION_INBOUND, SIDE_CLIENT);
	struct observation o;
	json_t *object;

	(void)state;
	memcpy(e.helo, "EX\xff\x1b[31m \"01\"\xc3", 14);
	e.flags = EVENT_TLS | EVENT_RECHECK;
	observation_from_event(&e, &o);
	assert_string_equal(o.helo, "EX\\xff\\x1b[31m\\x20\"01\"\\xc3");
	assert_true(o.tls && o.recheck);
	assert_true(!o.build);
	object = observation_json(&o);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "type")), "no_build");
	assert_string_equal(json_string_value(json_object_get(object, "family")),
			    "exchange-nobuild");
	json_decref(object);

	/* nothing but bytes to escape, no NUL at the end: cut, never half an escape */
	memset(e.helo, 0x80, sizeof(e.helo));
	observation_from_event(&e, &o);
	assert_int_equal(strlen(o.helo), 124);
	assert_string_equal(o.helo + 120, "\\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      cmocka_unit_test(test_minimum),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_sides),      cmocka_unit_test(test_event_bytes),
	};

	clock_init(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
