// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "user/escalation/pause.h"
#include "user/base/times.h"

/* moment - a time that is known to be right */
static int64_t moment(const char *text)
{
	int64_t at;

	assert_int_equal(times_parse(text, &at), 0);
	return at;
}

struct row {
	const char *what;
	const char *past_from, *past_until; /* NULL: none before */
	const char *now;
	unsigned int days;
	int rc;
	const char *until;
};

static const struct row rows[] = {
	{ "today is the first day", NULL, NULL, "2026-03-01T15:00:00Z", 1, 0, "2026-03-02" },
	{ "all of a year's days", NULL, NULL, "2026-03-01", 90, 0, "2026-05-30" },
	{ "one more", NULL, NULL, "2026-03-01", 91, -EDQUOT, NULL },
	{ "none is no pause", NULL, NULL, "2026-03-01", 0, -EINVAL, NULL },
	{ "across a year's end each pays its own", NULL, NULL, "2026-10-10", 173, 0, "2027-04-01" },
	{ "but not more than that", NULL, NULL, "2026-10-10", 174, -EDQUOT, NULL },
	{ "what is used is used", "2026-01-01", "2026-03-02", "2026-06-01", 31, -EDQUOT, NULL },
	{ "the rest is there", "2026-01-01", "2026-03-02", "2026-06-01", 30, 0, "2026-07-01" },
	{ "the last year's days are another account", "2025-10-01", "2025-12-30", "2026-01-01", 90,
	  0, "2026-04-01" },
	{ "let go at noon: that day is used, the others come back", "2026-01-01",
	  "2026-01-10T12:00:00Z", "2026-06-01", 80, 0, "2026-08-20" },
	{ "let go at midnight: the new day had not begun", "2026-01-01", "2026-01-11", "2026-06-01",
	  81, -EDQUOT, NULL },
	{ "a day that two pauses touch counts once", "2026-01-01", "2026-03-31T12:00:00Z",
	  "2026-03-31T18:00:00Z", 1, 0, "2026-04-01" },
};

static void test_grant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct pause past = { 0 };
		struct error e = { "" };
		int64_t until = 0;
		int rc;

		if (row->past_from)
			past = (struct pause) { moment(row->past_from), moment(row->past_until) };
		rc = pause_grant(&past, row->past_from != NULL, moment(row->now), row->days, &until,
				 &e);
		if (rc != row->rc || (rc == 0 && until != moment(row->until)))
			fail_msg("%s: %d, until %lld: %s", row->what, rc, (long long)until, e.text);
		if (rc == -EDQUOT)
			assert_non_null(strstr(e.text, "left"));
	}
}

static void test_days(void **state)
{
	const struct pause pauses[] = {
		{ moment("2025-12-30T23:00:00Z"), moment("2026-01-02T01:00:00Z") },
		{ moment("2026-01-02T05:00:00Z"), moment("2026-01-03") },
		{ moment("2026-02-01"), moment("2026-02-01") },
	};

	(void)state;
	assert_int_equal(pause_days(pauses, 3, 2025), 2);
	assert_int_equal(pause_days(pauses, 3, 2026), 2);
	assert_int_equal(pause_days(pauses, 3, 2027), 0);
	assert_int_equal(pause_days(NULL, 0, 2026), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grant),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
