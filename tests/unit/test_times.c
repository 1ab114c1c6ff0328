// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "user/base/times.h"

/* parses - every allowed way to write a moment */
static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-21T22:51:00Z", 1795301460 },
		{ "2026-11-21t22:51:00z", 1795301460 },
		{ "2026-11-21 22:51:00Z", 1795301460 },
		{ "2026-11-21T22:51:00.987654Z", 1795301460 },
		{ "2026-11-21T23:51:00+01:00", 1795301460 },
		{ "2026-11-21T17:21:00-05:30", 1795301460 },
		{ "2026-11-21", 1795219200 },
		{ "2024-02-29", 1709164800 },
		{ "2000-02-29", 951782400 },
		{ "1969-12-31", -86400 },
		{ "2016-12-31T23:59:60Z", 1483228800 },
	};
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(times_parse(rows[i].text, &at), 0);
		assert_int_equal(at, rows[i].at);
	}
}

/* refuses - not RFC 3339, or no such day; the result is left alone */
static void refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"now",
		"2026",
		"2026-11",
		"2026-13-01",
		"2026-00-01",
		"2026-02-29",
		"1900-02-29",
		"2026-04-31",
		"2026-11-00",
		"2026-11-2",
		"2026-11-21T",
		"2026-11-21T22:51Z",
		"2026-11-21T22:51:00",
		"2026-11-21T24:00:00Z",
		"2026-11-21T22:60:00Z",
		"2026-11-21T22:51:61Z",
		"2026-11-21T22:51:00.Z",
		"2026-11-21T22:51:00+0100",
		"2026-11-21T22:51:00+24:00",
		"2026-11-21T22:51:00+01:60",
		"2026-11-21T22:51:00Z ",
		"2026-11-21x22:51:00Z",
		"21.11.2026",
		"-026-11-21",
	};
	int64_t at = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(times_parse(rows[i], &at), -EINVAL);
	assert_int_equal(times_parse(NULL, &at), -EINVAL);
	assert_int_equal(at, 42);
}

/* spans - one number, one unit, more than nothing, and not beyond nanoseconds */
static void spans(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} rows[] = {
		{ "90s", 90 },
		{ "45m", 2700 },
		{ "2h", 7200 },
		{ "30d", 2592000 },
		{ "1w", 604800 },
		{ "007d", 604800 },
		{ "9223372036s", 9223372036 },
		{ "9223372037s", 0 },
		{ "106752d", 0 },
		{ "99999999999999999999d", 0 },
		{ "", 0 },
		{ "30", 0 },
		{ "d", 0 },
		{ "0d", 0 },
		{ "-1d", 0 },
		{ "1.5h", 0 },
		{ "1h30m", 0 },
		{ "30 d", 0 },
		{ "30D", 0 },
		{ "1y", 0 },
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		seconds = 0;
		assert_int_equal(times_parse_span(rows[i].text, &seconds),
				 rows[i].seconds ? 0 : -EINVAL);
		assert_int_equal(seconds, rows[i].seconds);
	}
	assert_int_equal(times_parse_span(NULL, &seconds), -EINVAL);
}

/* like_libc - every day of 0000 to 9999, another second of each, as gmtime() has it */
static void like_libc(void **state)
{
	char expected[64], buf[TIMES_TEXT];

	(void)state;
	for (int64_t day = 0; day < 3652425; day++) {
		time_t at = -62167219200 + day * 86400 + day * 7919 % 86400;
		struct tm tm;
		int n;

		gmtime_r(&at, &tm);
		n = snprintf(expected, sizeof(expected), "%04d", tm.tm_year + 1900);
		strftime(expected + n, sizeof(expected) - (size_t)n, "-%m-%dT%H:%M:%SZ", &tm);
		if (strcmp(times_format(at, buf), expected))
			fail_msg("%lld is %s, not %s", (long long)at, expected, buf);
	}
}

/* formats - UTC, four digits of year, and never more than the buffer */
static void formats(void **state)
{
	char buf[TIMES_TEXT];

	(void)state;
	assert_string_equal(times_format(1795301460, buf), "2026-11-21T22:51:00Z");
	assert_string_equal(times_format_date(1795301460, buf), "2026-11-21");
	assert_string_equal(times_format(-1, buf), "1969-12-31T23:59:59Z");
	assert_string_equal(times_format_date(-62135596800, buf), "0001-01-01");
	assert_string_equal(times_format(INT64_MAX, buf), "9999-12-31T23:59:59Z");
	assert_string_equal(times_format(INT64_MIN, buf), "0000-01-01T00:00:00Z");
}

/* round_trip - what is printed is read back, through leap years and centuries */
static void round_trip(void **state)
{
	char buf[TIMES_TEXT];
	int64_t back;

	(void)state;
	for (int64_t at = -5000000000; at < 20000000000; at += 8640007) {
		assert_int_equal(times_parse(times_format(at, buf), &back), 0);
		assert_int_equal(back, at);
		assert_int_equal(times_parse(times_format_date(at, buf), &back), 0);
		assert_int_equal(back, times_day(at) * 86400);
	}
}

/* days - floor on both sides of 1970 */
static void days(void **state)
{
	(void)state;
	assert_int_equal(times_day(0), 0);
	assert_int_equal(times_day(86399), 0);
	assert_int_equal(times_day(86400), 1);
	assert_int_equal(times_day(-1), -1);
	assert_int_equal(times_day(-86400), -1);
	assert_int_equal(times_day(-86401), -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),  cmocka_unit_test(refuses),
		cmocka_unit_test(spans),   cmocka_unit_test(like_libc),
		cmocka_unit_test(formats), cmocka_unit_test(round_trip),
		cmocka_unit_test(days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
