// SPDX-License-Identifier: BSD-2-Clause
/* Values in words, verdicts in sentences, rows in columns. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/ctl/ctl_entry.h"
#include "user/ctl/ctl_flow.h"
#include "user/ctl/ctl_output.h"
#include "user/ctl/ctl_text.h"
#include "user/ctl/ctl_verdict.h"
#include "user/base/times.h"

#define NS     1000000000ULL
#define HOUR_S 3600ULL

static void test_span(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ -5, "0 s" },
		{ 0, "0 s" },
		{ 59, "59 s" },
		{ 60, "1 min" },
		{ 61, "1 min 1 s" },
		{ 3599, "59 min 59 s" },
		{ 3600, "1 h" },
		{ 3660, "1 h 1 min" },
		{ 3601, "1 h" },
		{ 86400, "1 d" },
		{ 3 * 86400 + 4 * 3600 + 5, "3 d 4 h" },
	};
	char buf[CTL_SPAN_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ctl_text_span(rows[i].seconds, buf, sizeof(buf)), rows[i].text);
}

static void test_line(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "ex01.example.org", "ex01.example.org" },
		{ "a\nb\tc", "a\\x0ab\\x09c" },
		{ "\x1b[31mred", "\\x1b[31mred" },
		{ "f\xc3\xbcr", "f\xc3\xbcr" },
		{ "\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b31m" },
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "", "" },
	};
	char buf[64], tight[12];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ctl_text_line(rows[i].in, buf, sizeof(buf)), rows[i].out);
	assert_true(strlen(ctl_text_line("aaaaaaaaaaaaaaaaaaaa", tight, sizeof(tight))) < 12);
	assert_true(strlen(ctl_text_line("\n\n\n\n\n\n\n\n\n\n", tight, sizeof(tight))) < 12);
}

/* cell - a JSON text as a cell */
static const char *cell(const char *json, char *buf, size_t size)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	ctl_text_json(value, buf, size);
	json_decref(value);
	return buf;
}

static void test_cells(void **state)
{
	char buf[64], tight[8];

	(void)state;
	assert_string_equal(ctl_text_json(NULL, buf, sizeof(buf)), "-");
	assert_string_equal(cell("null", buf, sizeof(buf)), "-");
	assert_string_equal(cell("true", buf, sizeof(buf)), "yes");
	assert_string_equal(cell("false", buf, sizeof(buf)), "no");
	assert_string_equal(cell("42", buf, sizeof(buf)), "42");
	assert_string_equal(cell("[1,\"a\"]", buf, sizeof(buf)), "[1,\"a\"]");
	assert_string_equal(cell("\"a\\nb\"", buf, sizeof(buf)), "a\\x0ab");
	assert_string_equal(cell("\"2026-11-21T22:51:00Z\"", buf, sizeof(buf)),
			    "2026-11-21 22:51:00Z");
	assert_string_equal(cell("\"2026-11-21T22:51:00Zx\"", buf, sizeof(buf)),
			    "2026-11-21T22:51:00Zx");
	assert_string_equal(cell("[1,2,3,4,5,6,7,8]", tight, sizeof(tight)), "[1,2,3,");
}

static void test_hour(void **state)
{
	static const struct {
		unsigned int throttle_s, block_s;
		const char *text;
	} rows[] = {
		{ 0, 0, "always passed" },
		{ 600, 0, "slowed 10 min of each hour" },
		{ 90, 0, "slowed 90 s of each hour" },
		{ 1800, 300, "refused 5 min and slowed 30 min of each hour" },
		{ 0, 600, "refused 10 min of each hour" },
		{ 3600, 0, "slowed all the time" },
		{ 0, 3600, "refused all the time" },
	};
	char buf[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
			ctl_text_hour(rows[i].throttle_s, rows[i].block_s, buf, sizeof(buf)),
			rows[i].text);
}

/* What a moment of an enforced gate looks like: 100 hours and some seconds of kernel time. */
static struct ctl_view view_at(unsigned int second)
{
	return (struct ctl_view) {
		.settings = { .abi = ABI_VERSION,
			      .mode = MODE_ENFORCE,
			      .lease_until_ns = 200 * HOUR_S * NS },
		.now_ns = (100 * HOUR_S + second) * NS,
	};
}

static void test_windows(void **state)
{
	static const struct {
		unsigned int block_s, throttle_s, phase_s, second;
		uint8_t action;
		unsigned int until; /* seconds into the hour of second 0; 0: no end */
	} rows[] = {
		/* block, then slow, then pass; each edge belongs to what begins there */
		{ 300, 600, 0, 0, ACTION_DROP, 300 },
		{ 300, 600, 0, 299, ACTION_DROP, 300 },
		{ 300, 600, 0, 300, ACTION_TARPIT, 900 },
		{ 300, 600, 0, 899, ACTION_TARPIT, 900 },
		{ 300, 600, 0, 900, ACTION_PASS, 3600 },
		{ 300, 600, 0, 3599, ACTION_PASS, 3600 },
		/* a phase moves the hour of the source */
		{ 0, 600, 1000, 999, ACTION_PASS, 1000 },
		{ 0, 600, 1000, 1000, ACTION_TARPIT, 1600 },
		{ 0, 600, 3599, 0, ACTION_TARPIT, 599 },
		/* the whole hour has no end */
		{ 3600, 0, 7, 5, ACTION_DROP, 0 },
		{ 0, 3600, 7, 5, ACTION_TARPIT, 0 },
		{ 0, 0, 7, 5, ACTION_PASS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict verdict = { .block_s = (uint16_t)rows[i].block_s,
					   .throttle_s = (uint16_t)rows[i].throttle_s,
					   .phase_s = (uint16_t)rows[i].phase_s,
					   .flags = VERDICT_CLOCK };
		struct ctl_view view = view_at(rows[i].second);
		struct ctl_now now = ctl_verdict_now(&verdict, &view);
		uint64_t until = rows[i].until               ? (100 * HOUR_S + rows[i].until) * NS
				 : now.action == ACTION_PASS ? 0
							     : view.settings.lease_until_ns;

		assert_int_equal(now.action, rows[i].action);
		assert_true(now.until_ns == until);
		assert_null(now.why);
	}
}

static void test_not_enforced(void **state)
{
	struct verdict verdict = { .block_s = 3600, .flags = VERDICT_CLOCK };
	struct ctl_view view = view_at(0);

	(void)state;
	assert_int_equal(ctl_verdict_now(&verdict, &view).action, ACTION_DROP);
	view.settings.mode = MODE_REPORT;
	assert_string_equal(ctl_verdict_now(&verdict, &view).why, "report mode");
	view.settings.mode = 0;
	assert_string_equal(ctl_verdict_now(&verdict, &view).why, "the gate is off");
	view = view_at(0);
	view.settings.enforce_until_ns = view.now_ns;
	assert_string_equal(ctl_verdict_now(&verdict, &view).why, "enforce mode was not confirmed");
	view = view_at(0);
	view.settings.lease_until_ns = view.now_ns;
	assert_string_equal(ctl_verdict_now(&verdict, &view).why, "the lease is over");
	assert_int_equal(ctl_verdict_now(&verdict, &view).action, ACTION_PASS);
	verdict.flags = 0;
	assert_null(ctl_verdict_now(&verdict, &view).why);
	assert_true(ctl_verdict_now(&verdict, &view).until_ns == 0);
	verdict.valid_until_ns = view.now_ns + 60 * NS;
	assert_true(ctl_verdict_now(&verdict, &view).until_ns == verdict.valid_until_ns);
	verdict.valid_until_ns = view.now_ns;
	assert_string_equal(ctl_verdict_now(&verdict, &view).why, "its time is over");
}

static void test_sentence(void **state)
{
	struct verdict verdict = { .throttle_s = 600,
				   .flags = VERDICT_CLOCK,
				   .build = BUILD(15, 1, 2507, 39) };
	char buf[512], until[TIMES_TEXT], want[600];
	struct ctl_view view = view_at(900);

	(void)state;
	clock_init(0);
	times_format(clock_kernel_to_wall(101 * HOUR_S * NS), until);
	snprintf(want, sizeof(want),
		 "192.0.2.7 is slowed 10 min of each hour (now: passes until %s), by the clock for "
		 "build 15.1.2507.39",
		 until + 11);
	assert_string_equal(ctl_verdict_sentence("192.0.2.7", &verdict, &view, buf, sizeof(buf)),
			    want);

	verdict = (struct verdict) { .block_s = 3600, .hits_dropped = 3 };
	assert_string_equal(ctl_verdict_sentence("192.0.2.7", &verdict, &view, buf, sizeof(buf)),
			    "192.0.2.7 is refused all the time (now: refused), by the operator; so "
			    "far 0 delays and 3 refusals");
	view.settings.mode = MODE_REPORT;
	ctl_verdict_sentence("192.0.2.7", &verdict, &view, buf, sizeof(buf));
	assert_non_null(strstr(buf, "(now: passes, not enforced: report mode)"));
}

/* string_at - a string of an object that must be there */
static const char *string_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no string at %s", key);
	return text;
}

static void test_verdict_entry(void **state)
{
	const struct ctl_entry_map *map = ctl_entry_map("verdicts");
	struct verdict verdict = { .block_s = 300,
				   .throttle_s = 600,
				   .drop_style = STYLE_SILENT,
				   .valid_until_ns = 150 * HOUR_S * NS,
				   .flags = VERDICT_RANGED };
	struct ctl_view view = view_at(0);
	struct addr source;
	json_t *object;

	(void)state;
	clock_init(0);
	address_parse("2001:db8::", &source);
	object = map->json(&source, sizeof(source), &verdict, sizeof(verdict), &view);
	assert_string_equal(string_at(object, "source"), "2001:db8::");
	assert_string_equal(string_at(object, "verdict"), "drop");
	assert_string_equal(string_at(object, "now"), "drop");
	assert_string_equal(string_at(object, "by"), "operator");
	assert_string_equal(string_at(object, "drop_style"), "silent");
	assert_int_equal(strlen(string_at(object, "valid_until")), 20);
	assert_true(json_is_null(json_object_get(object, "tarpit_style")));
	assert_true(json_is_null(json_object_get(object, "build")));
	assert_true(json_is_null(json_object_get(object, "recheck_at")));
	assert_true(json_is_true(json_object_get(object, "ranged")));
	json_decref(object);
	assert_null(ctl_entry_map("settings"));
}

static void test_range_entry(void **state)
{
	const struct ctl_entry_map *map = ctl_entry_map("ranges");
	struct range range = { .action = ACTION_PASS, .hits = 7, .valid_until_ns = 1 };
	struct range_key key = { 0 };
	struct ctl_view view = view_at(0);
	json_t *object;

	(void)state;
	range_parse("192.0.2.0/24", &key.addr, &key.prefix_bits);
	object = map->json(&key, sizeof(key), &range, sizeof(range), &view);
	assert_string_equal(string_at(object, "range"), "192.0.2.0/24");
	assert_true(json_is_true(json_object_get(object, "exempt")));
	assert_true(json_is_true(json_object_get(object, "expired")));
	assert_int_equal(json_integer_value(json_object_get(object, "hits")), 7);
	json_decref(object);
}

static void test_flow_entries(void **state)
{
	const struct ctl_entry_map *flows = ctl_entry_map("flows");
	const struct ctl_entry_map *waiting = ctl_entry_map("pending");
	struct flow flow = { .direction = DIRECTION_INBOUND,
			     .port_kind = PORT_MX,
			     .phase = PHASE_MESSAGE,
			     .flags = FLOW_RECHECK | FLOW_CUT,
			     .client = { .next = 0xffffffff, .family = FAMILY_EXCHANGE } };
	struct pending pending = { .token[0] = { .state = TOKEN_SEEN,
						 .origin = ORIGIN_RECEIVED,
						 .build = BUILD(15, 1, 2507, 39) } };
	struct handshake attempt = { .at_ns = NS, .isn = 0xfffffffe };
	struct flow_key key = { .client_port = htons(40112), .server_port = htons(25) };
	struct ctl_view view = view_at(0);
	json_t *object, *side;
	char text[CTL_FLOW_TEXT];

	(void)state;
	address_parse("192.0.2.7", &key.client);
	address_parse("2001:db8::25", &key.server);
	assert_string_equal(ctl_flow_text(&key, text), "192.0.2.7:40112-[2001:db8::25]:25");

	object = flows->json(&key, sizeof(key), &flow, sizeof(flow), &view);
	assert_string_equal(string_at(object, "flow"), text);
	assert_string_equal(string_at(object, "direction"), "inbound");
	assert_string_equal(string_at(object, "phase"), "message");
	assert_int_equal(json_array_size(json_object_get(object, "flags")), 2);
	side = json_object_get(json_object_get(object, "streams"), "client");
	assert_int_equal(json_integer_value(json_object_get(side, "next")), 0xffffffffLL);
	json_decref(object);

	/* names fill their field to the last byte, and try to steer the terminal */
	memset(pending.text[0].helo, 'a', sizeof(pending.text[0].helo));
	memcpy(pending.text[0].by, "\x1b[2Jex01", 8);
	object = waiting->json(&key, sizeof(key), &pending, sizeof(pending), &view);
	side = json_object_get(object, "client_showed");
	assert_string_equal(string_at(side, "build"), "15.1.2507.39");
	assert_string_equal(string_at(side, "state"), "seen");
	assert_null(strchr(string_at(side, "by"), 0x1b));
	assert_true(strlen(string_at(side, "helo")) <= NAME_BYTES);
	assert_true(json_is_null(json_object_get(object, "server_showed")));
	json_decref(object);

	object = ctl_entry_map("rechecks")
			 ->json(&key, sizeof(key), &attempt, sizeof(attempt), &view);
	assert_string_equal(string_at(object, "flow"), text);
	assert_int_equal(json_integer_value(json_object_get(object, "isn")), 0xfffffffeLL);
	json_decref(object);

	/* another layout is shown as it is */
	object = flows->json("\x01\x02", 2, "\xff", 1, &view);
	assert_string_equal(string_at(object, "flow"), "0102");
	assert_string_equal(string_at(object, "value"), "ff");
	json_decref(object);
}

static void test_recheck_names(void **state)
{
	struct names_met met = { .key = { 1, 2 }, .since_ns = 3600 * NS, .granted = 4, .met = 5 };
	struct ctl_view view = view_at(0);
	struct addr source;
	json_t *object;

	(void)state;
	address_parse("192.0.2.7", &source);
	object = ctl_entry_map("recheck_names")
			 ->json(&source, sizeof(source), &met, sizeof(met), &view);
	assert_string_equal(string_at(object, "source"), "192.0.2.7");
	assert_int_equal(json_integer_value(json_object_get(object, "names")), 5);
	assert_int_equal(json_integer_value(json_object_get(object, "granted")), 4);
	assert_non_null(string_at(object, "granted_since"));
	json_decref(object);
	met.since_ns = 0; /* never yet */
	object = ctl_entry_map("recheck_names")
			 ->json(&source, sizeof(source), &met, sizeof(met), &view);
	assert_true(json_is_null(json_object_get(object, "granted_since")));
	json_decref(object);
}

static void test_settings_and_counters(void **state)
{
	struct counters counters[HOOK_MAX] = { 0 };
	struct ctl_view view = view_at(0);
	json_t *object;

	(void)state;
	view.settings.enforce_until_ns = 0;
	view.settings.recheck_interval_ns = 3600 * NS;
	object = ctl_entry_settings(&view);
	assert_string_equal(string_at(object, "mode"), "enforce");
	assert_int_equal(json_integer_value(json_object_get(object, "recheck_interval_s")), 3600);
	assert_true(json_is_null(json_object_get(object, "enforce_until")));
	json_decref(object);

	counters[HOOK_XDP].count[REASON_SILENT] = 5;
	object = ctl_entry_counters(counters);
	assert_int_equal(json_array_size(object), HOOK_MAX);
	assert_string_equal(string_at(json_array_get(object, 0), "hook"), "xdp");
	assert_int_equal(json_object_size(json_array_get(object, 0)), REASON_MAX);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(object, 0), "silent")),
			 5);
	json_decref(object);
	object = ctl_entry_counter(counters, REASON_SILENT);
	assert_string_equal(string_at(object, "kind"), "drop");
	assert_int_equal(json_integer_value(json_object_get(object, "xdp")), 5);
	assert_int_equal(json_integer_value(json_object_get(object, "egress")), 0);
	json_decref(object);
}

/* printed - what a table prints */
static char *printed(struct ctl_rows *rows)
{
	static char *text; /* static: or gcc takes it for one that dangles */
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(ctl_rows_print(rows, out), 0);
	fclose(out);
	return text;
}

static void test_rows(void **state)
{
	static const struct ctl_column columns[] = {
		{ .head = "NAME", .key = "name" },
		{ .head = "N", .key = "n", .right = true },
		{ .head = "WHY", .key = "why" },
		{ .head = NULL },
	};
	json_t *row = json_pack("{s:s,s:i,s:n}", "name", "ex\n", "n", 1234, "why");
	static const char *const cells[] = { "b", "5", "because" };
	struct ctl_rows rows;
	char *text;

	(void)state;
	ctl_rows_init(&rows, columns);
	text = printed(&rows);
	assert_string_equal(text, "NAME  N  WHY\n");
	free(text);
	ctl_rows_add_object(&rows, row);
	ctl_rows_add(&rows, cells);
	text = printed(&rows);
	assert_string_equal(text, "NAME       N  WHY\n"
				  "ex\\x0a  1234  -\n"
				  "b          5  because\n");
	free(text);
	for (int i = 0; i < 10000; i++)
		ctl_rows_add(&rows, cells);
	text = printed(&rows);
	assert_non_null(strstr(text + strlen(text) - 10, "because\n"));
	free(text);
	ctl_rows_free(&rows);
	json_decref(row);
}

static void test_array(void **state)
{
	json_t *item = json_pack("{s:i}", "n", 1), *all;
	struct ctl_array array;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	ctl_array_begin(&array, out);
	ctl_array_end(&array);
	fflush(out);
	assert_string_equal(text, "[]\n");
	rewind(out);
	ctl_array_begin(&array, out);
	ctl_array_add(&array, item);
	ctl_array_add(&array, item);
	ctl_array_end(&array);
	fclose(out);
	all = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(all), 2);
	json_decref(all);
	json_decref(item);
	free(text);
}

static void test_full_disk(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct error e;

	(void)state;
	if (!full)
		skip();
	fputs("text", full);
	assert_true(ctl_output_finish(full, &e) < 0);
	assert_string_equal(e.text, "cannot write the output: No space left on device");
	fclose(full);
}

/* test_rows_fit - the widest column gives first, nothing gets too narrow to read */
static void test_rows_fit(void **state)
{
	static const struct ctl_column columns[] = { { .head = "A", .key = "a" },
						     { .head = "B", .key = "b" },
						     { .head = "C", .key = "c" },
						     { .head = NULL } };
	const char *cells[] = { "0123456789abcdef", "0123456789abcdefghij\xc3\xa4\xc3\xa4", "x" };
	struct ctl_rows rows;
	char *text;

	(void)state;
	ctl_rows_init(&rows, columns);
	ctl_rows_add(&rows, cells);
	ctl_rows_fit(&rows, 100);
	text = printed(&rows);
	assert_non_null(strstr(text, "0123456789abcdefghij\xc3\xa4\xc3\xa4"));
	free(text);
	ctl_rows_fit(&rows, 16 + 2 + 23 + 2 + 1); /* one byte: a letter goes whole */
	text = printed(&rows);
	assert_non_null(strstr(text, "0123456789abcdef  0123456789abcdefghij.."));
	free(text);
	ctl_rows_fit(&rows, 40);
	text = printed(&rows);
	assert_true(strlen(strchr(text, '\n') + 1) <= 41);
	assert_non_null(strstr(text, ".."));
	free(text);
	ctl_rows_fit(&rows, 5);
	text = printed(&rows);
	assert_non_null(strstr(text, "01234567..  01234567..  x\n"));
	free(text);
	ctl_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_fit),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_hour),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_not_enforced),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_verdict_entry),
		cmocka_unit_test(test_range_entry),
		cmocka_unit_test(test_flow_entries),
		cmocka_unit_test(test_recheck_names),
		cmocka_unit_test(test_settings_and_counters),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
