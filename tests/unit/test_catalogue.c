// SPDX-License-Identifier: BSD-2-Clause
/* The shipped catalogue, judged: DESIGN section 7 "Standing", and the words of check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/build.h"
#include "user/catalogue/catalogue.h"
#include "user/base/times.h"

#define SHIPPED "maps/catalogue/exchange.json"
#define GRACE   30

static struct catalogue *shipped;

/* moment - a time that is known to be right */
static int64_t moment(const char *text)
{
	int64_t at;

	assert_int_equal(times_parse(text, &at), 0);
	return at;
}

/* same - two texts are equal, or both are not there */
static void same(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_true(!a && !b);
}

struct row {
	const char *build, *at;
	enum standing standing;
	const char *product, *release;
	bool ahead;
	const char *upgrade;
};

#define SE          "15.2.2562.53"
#define E2007       "Exchange Server 2007"
#define E2010       "Exchange Server 2010"
#define E2013       "Exchange Server 2013"
#define E2016       "Exchange Server 2016"
#define E2019       "Exchange Server 2019"
#define ESE         "Exchange Server SE"
#define UNKNOWN     STANDING_UNKNOWN
#define ONLINE      STANDING_ONLINE
#define UNSUPPORTED STANDING_UNSUPPORTED
#define OUTDATED    STANDING_OUTDATED
#define CURRENT     STANDING_CURRENT

static const struct row rows[] = {
	/* the cloud is passed whatever the rest says */
	{ "15.20.9031.25", "2026-11-21", ONLINE, "Exchange Online", NULL, false, NULL },
	{ "15.21.48.16", "2026-11-21", ONLINE, "Exchange Online", NULL, false, NULL },
	{ "14.16.190.8", "2014-01-01", ONLINE, "Exchange Online", NULL, false, NULL },
	/* no known line */
	{ "15.3.1.1", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	{ "15.22.1.1", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	{ "6.1.1.1", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	{ "8.4.0.0", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	{ "0.0.0.1", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	{ "65535.65535.65535.65535", "2026-11-21", UNKNOWN, NULL, NULL, false, NULL },
	/* only SE is supported in November 2026 */
	{ "5.5.2653.0", "2026-11-21", UNSUPPORTED, "Exchange Server 5.5", "SP4", false, SE },
	{ "6.0.6249.0", "2026-11-21", UNSUPPORTED, "Exchange 2000 Server", "SP3", false, SE },
	{ "6.5.7638.0", "2026-11-21", UNSUPPORTED, "Exchange Server 2003", "SP2", false, SE },
	{ "8.3.327.1", "2026-11-21", UNSUPPORTED, E2007, "SP3 UR11", false, SE },
	{ "14.3.513.0", "2026-11-21", UNSUPPORTED, E2010, "SP3 UR32", false, SE },
	{ "15.0.1497.48", "2026-11-21", UNSUPPORTED, E2013, "CU23 Mar23SU", false, SE },
	{ "15.1.2507.75", "2026-11-21", UNSUPPORTED, E2016, "CU23 Sep26SUv2", false, SE },
	{ "15.2.1748.53", "2026-11-21", UNSUPPORTED, E2019, "CU15 Sep26SUv2", false, SE },
	{ "15.2.2562.53", "2026-11-21", CURRENT, ESE, "RTM Sep26SUv2", false, NULL },
	/* the last day of support is a supported one; paid-extended where the build has it */
	{ "15.1.2507.61", "2026-10-31T23:59:59Z", CURRENT, E2016, "CU23 Oct25SU", false, SE },
	{ "15.1.2507.61", "2026-11-01", UNSUPPORTED, E2016, "CU23 Oct25SU", false, SE },
	{ "15.0.1497.48", "2023-04-11T23:59:59Z", CURRENT, E2013, "CU23 Mar23SU", false, NULL },
	{ "15.0.1497.48", "2023-04-12", UNSUPPORTED, E2013, "CU23 Mar23SU", false, "15.2.1118.26" },
	{ "15.2.1544.36", "2026-10-31", CURRENT, E2019, "CU14 Oct25SU", false, SE },
	/* a CU ends 90 days after the next one, 2022-04-20 + 90 d = 2022-07-19 */
	{ "15.1.2375.28", "2022-07-19", CURRENT, E2016, "CU22 May22SU", false, NULL },
	{ "15.1.2375.28", "2022-07-20", UNSUPPORTED, E2016, "CU22 May22SU", false, "15.1.2507.9" },
	/* the grace: Aug26SU (seen on the wire) came on 2026-08-11; at 30 days it is not "more" */
	{ "15.2.2562.43", "2026-09-10", CURRENT, ESE, "RTM Jun26SU", false, "15.2.2562.49" },
	{ "15.2.2562.43", "2026-09-10T23:59:59Z", CURRENT, ESE, "RTM Jun26SU", false,
	  "15.2.2562.49" },
	{ "15.2.2562.43", "2026-09-11", OUTDATED, ESE, "RTM Jun26SU", false, "15.2.2562.49" },
	{ "15.2.2562.43", "2026-11-21", OUTDATED, ESE, "RTM Jun26SU", false, SE },
	/* Sep26SU is out since 74 days, but nobody saw its number */
	{ "15.2.2562.46", "2026-11-21", CURRENT, ESE, "RTM Aug26SU", false, SE },
	/* between two of a CU: the newer one's */
	{ "15.2.2562.44", "2026-11-21", OUTDATED, ESE, "RTM Jul26SU", false, SE },
	{ "15.2.2562.45", "2026-11-21", OUTDATED, ESE, "RTM Jul26SU", false, SE },
	{ "15.0.1497.32", "2022-04-01", CURRENT, E2013, "CU23 Mar22SU", false, NULL },
	{ "14.3.439.0", "2019-03-01", CURRENT, E2010, "SP3 UR26", false, NULL },
	{ "8.1.358.0", "2009-03-20", CURRENT, E2007, "SP1 UR7", false, NULL },
	/* above a CU's last: that CU, ahead, whether or not a newer one follows */
	{ "15.1.2400.1", "2022-05-01", CURRENT, E2016, NULL, true, NULL },
	{ "15.1.2507.3", "2022-05-01", CURRENT, E2016, NULL, true, NULL },
	{ "15.1.2400.1", "2023-05-01", UNSUPPORTED, E2016, NULL, true, "15.1.2507.23" },
	{ "15.2.2100.5", "2026-11-21", UNSUPPORTED, E2019, NULL, true, SE },
	{ "15.2.2562.60", "2026-11-21", CURRENT, ESE, NULL, true, NULL },
	{ "15.2.3001.7", "2026-11-21", CURRENT, ESE, NULL, true, NULL },
	{ "15.1.2600.1", "2026-10-01", CURRENT, E2016, NULL, true, "15.2.2562.49" },
	{ "15.1.2600.1", "2026-11-21", UNSUPPORTED, E2016, NULL, true, SE },
	/* 2019 and SE share 15.2; below the first known build of a product it counts as that */
	{ "15.2.2561.65535", "2026-11-21", UNSUPPORTED, E2019, NULL, true, SE },
	{ "15.2.2562.0", "2026-11-21", OUTDATED, ESE, "RTM", false, SE },
	{ "15.1.1.1", "2026-11-21", UNSUPPORTED, E2016, "Preview", false, SE },
	/* month precision: 14.1.323.1 is of June 2011, so out since the 30th */
	{ "14.1.289.7", "2011-08-25", CURRENT, E2010, "SP1 UR3", false, "14.1.339.1" },
};

/* judges - every row above */
static void judges(void **state)
{
	struct judgement j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		catalogue_judge(shipped, build_parse(r->build), moment(r->at), GRACE, NULL, NULL,
				&j);
		if (j.standing != r->standing || j.ahead_of_catalogue != r->ahead ||
		    j.upgrade_to != (r->upgrade ? build_parse(r->upgrade) : 0))
			print_error("%s at %s: %s, upgrade %llx\n", r->build, r->at,
				    standing_name(j.standing), (unsigned long long)j.upgrade_to);
		assert_int_equal(j.standing, r->standing);
		assert_int_equal(j.ahead_of_catalogue, r->ahead);
		same(j.product, r->product);
		same(j.release, r->release);
		assert_int_equal(j.upgrade_to, r->upgrade ? build_parse(r->upgrade) : 0);
		assert_null(j.emergency);
	}
}

/* A gate that confirmed builds of its own. */
struct confirmed {
	uint64_t build;
	unsigned int asked;
};

static bool confirms(void *arg, uint64_t build, uint64_t below)
{
	struct confirmed *c = arg;

	c->asked++;
	return c->build >= build && c->build < below;
}

/* counts_confirmed - a number that this gate saw counts, and a higher one of the same CU does */
static void counts_confirmed(void **state)
{
	static const struct {
		const char *build, *confirmed, *at;
		enum standing standing;
	} cases[] = {
		{ "15.2.2562.46", "15.2.2562.49", "2026-11-21", OUTDATED },
		{ "15.2.2562.46", "15.2.2562.55", "2026-11-21", OUTDATED },
		{ "15.2.2562.49", "15.2.2562.53", "2026-11-21", OUTDATED },
		{ "15.2.2562.53", "15.2.2562.99", "2026-11-21", CURRENT },
		{ "15.2.2562.46", "15.2.2562.46", "2026-11-21", CURRENT },
		/* too young, whoever saw it */
		{ "15.2.2562.46", "15.2.2562.49", "2026-10-08", CURRENT },
		/* the paid updates of 2016, seen here; but what a newer CU or product shows is no
		 * proof for this one */
		{ "15.1.2507.61", "15.1.2507.63", "2026-02-01", OUTDATED },
		{ "15.1.2507.61", "15.2.1748.53", "2026-02-01", CURRENT },
		{ "15.2.1544.36", "15.2.1748.42", "2026-02-01", CURRENT },
		{ "15.2.1748.39", "15.2.2562.37", "2026-02-01", CURRENT },
	};
	struct judgement j;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct confirmed c = { .build = build_parse(cases[i].confirmed) };

		catalogue_judge(shipped, build_parse(cases[i].build), moment(cases[i].at), GRACE,
				confirms, &c, &j);
		if (j.standing != cases[i].standing)
			print_error("case %zu: %s\n", i, standing_name(j.standing));
		assert_int_equal(j.standing, cases[i].standing);
	}
}

/* graces - the grace is the caller's */
static void graces(void **state)
{
	uint64_t build = build_parse("15.2.2562.43");
	int64_t at = moment("2026-08-12");
	struct judgement j;

	(void)state;
	catalogue_judge(shipped, build, at, 0, NULL, NULL, &j);
	assert_int_equal(j.standing, OUTDATED);
	catalogue_judge(shipped, build, at, 1, NULL, NULL, &j);
	assert_int_equal(j.standing, CURRENT);
	catalogue_judge(shipped, build, moment("2026-11-21"), 365, NULL, NULL, &j);
	assert_int_equal(j.standing, CURRENT);
}

/* lists_upgrades - the nearest first, each supported, never one out of the future */
static void lists_upgrades(void **state)
{
	static const struct {
		const char *build, *at, *expected[4];
	} cases[] = {
		{ "15.2.1544.4", "2025-09-20", { "15.2.1544.34", "15.2.1748.37", "15.2.2562.27" } },
		{ "15.1.2507.31",
		  "2025-09-20",
		  { "15.1.2507.59", "15.2.2562.27", "15.2.1748.37" } },
		{ "15.0.1497.2", "2024-01-01", { "15.2.1258.28", "15.1.2507.35", NULL } },
		/* on paid support, without it or with it */
		{ "15.1.2507.58", "2026-07-01", { "15.1.2507.61", "15.2.2562.43", NULL } },
		{ "15.1.2507.63", "2026-07-01", { "15.1.2507.69", "15.2.2562.43", NULL } },
		{ "15.1.2375.7", "2026-07-01", { "15.2.2562.43", NULL } },
		/* nobody is sent to a preview: 2019 was one until 2018-10-22 */
		{ "8.3.517.0", "2018-10-21", { "15.1.1591.10", "15.0.1395.8", "14.3.419.0" } },
		{ "15.2.2562.53", "2026-11-21", { NULL } },
		{ "15.20.1.1", "2026-11-21", { NULL } },
		{ "15.3.1.1", "2026-11-21", { NULL } },
	};
	uint64_t found[8];
	char text[BUILD_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int n;

		n = catalogue_upgrades(shipped, build_parse(cases[i].build), moment(cases[i].at),
				       found, 8);
		for (unsigned int k = 0; k < n; k++)
			same(build_format(found[k], text), cases[i].expected[k]);
		assert_null(cases[i].expected[n]);
	}
	assert_int_equal(catalogue_upgrades(shipped, build_parse("15.1.2507.6"),
					    moment("2026-11-21"), found, 0),
			 0);
}

/* head - what the catalogue says of itself */
static void head(void **state)
{
	(void)state;
	assert_int_equal(catalogue_count(shipped), 465);
	assert_int_equal(catalogue_as_of(shipped), moment("2026-10-02"));
	assert_true(catalogue_serial(shipped) >= 1);
}

/* words - standings are words both ways */
static void words(void **state)
{
	(void)state;
	for (int i = 1; i < STANDING_MAX; i++)
		assert_int_equal(standing_parse(standing_name(i)), i);
	assert_int_equal(standing_parse("old"), 0);
	assert_int_equal(standing_parse(""), 0);
	assert_string_equal(standing_name(0), "unknown");
	assert_string_equal(standing_name(STANDING_MAX), "unknown");
}

static int setup(void **state)
{
	struct error e = {};

	(void)state;
	if (catalogue_load(SHIPPED, &shipped, &e) < 0) {
		print_error("%s\n", e.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	catalogue_free(shipped);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges), cmocka_unit_test(counts_confirmed),
		cmocka_unit_test(graces), cmocka_unit_test(lists_upgrades),
		cmocka_unit_test(head),   cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
