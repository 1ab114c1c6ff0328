// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every build of the shipped catalogue, at dates from before the first to after the last: what must
 * hold of a standing, of its reasons and of the next step, whatever the facts are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/build.h"
#include "user/base/times.h"
#include "user/catalogue/catalogue.h"

#define SHIPPED "maps/catalogue/exchange.json"
#define GRACE   30

static const char *const dates[] = {
	"1999-01-01", "2006-01-10", "2006-01-11", "2010-06-15", "2014-04-09", "2017-04-12",
	"2019-06-01", "2020-10-14", "2021-03-20", "2022-07-19", "2022-07-20", "2023-04-12",
	"2024-06-15", "2025-01-24", "2025-10-14", "2025-10-15", "2026-03-01", "2026-07-01",
	"2026-10-31", "2026-11-01", "2026-11-21", "2036-01-01",
};

#define DATES (sizeof(dates) / sizeof(dates[0]))

static struct catalogue *shipped;
static json_t *listed; /* the file's own list of builds, in order */

/* text - a string of an object */
static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* judge - the standing of a text on a date */
static struct judgement judge(const char *build, const char *date)
{
	struct judgement j;
	int64_t at;

	assert_int_equal(times_parse(date, &at), 0);
	catalogue_judge(shipped, build_parse(build), at, GRACE, NULL, NULL, &j);
	return j;
}

/* badness - how bad a standing is */
static int badness(enum standing standing)
{
	return standing == STANDING_UNSUPPORTED ? 2 : standing == STANDING_OUTDATED;
}

/* ages - time alone never makes a build better, and each is listed as what it is */
static void ages(void **state)
{
	json_t *b;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(listed), 465);
	json_array_foreach (listed, i, b) {
		int was = 0;

		for (size_t d = 0; d < DATES; d++) {
			struct judgement j = judge(text(b, "build"), dates[d]);

			assert_true(badness(j.standing) >= was);
			was = badness(j.standing);
			assert_string_equal(j.product, text(b, "product"));
			assert_memory_equal(j.release, text(b, "cu"), strlen(text(b, "cu")));
			assert_false(j.ahead_of_catalogue);
		}
	}
}

/* orders - of two builds of one CU the higher is never the worse one */
static void orders(void **state)
{
	const char *cu = "", *product = "";
	json_t *b;
	size_t i;

	(void)state;
	for (size_t d = 0; d < DATES; d++) {
		int below = 2;

		json_array_foreach (listed, i, b) {
			int is = badness(judge(text(b, "build"), dates[d]).standing);

			if (!strcmp(text(b, "cu"), cu) && !strcmp(text(b, "product"), product))
				assert_true(is <= below);
			below = is;
			cu = text(b, "cu");
			product = text(b, "product");
		}
	}
}

/* leads_out - the next step goes up, to something that was to be had then and is fine; whoever is
 * out of date and has one to go to is told, and so is nobody who needs none */
static void leads_out(void **state)
{
	json_t *b;
	size_t i;

	(void)state;
	json_array_foreach (listed, i, b) {
		for (size_t d = 0; d < DATES; d++) {
			struct judgement j = judge(text(b, "build"), dates[d]), to;
			char next[BUILD_TEXT];
			int64_t at;

			times_parse(dates[d], &at);
			if (!j.upgrade_to) {
				assert_int_equal(badness(j.standing), 0);
				continue;
			}
			assert_true(j.upgrade_to > build_parse(text(b, "build")));
			to = judge(build_format(j.upgrade_to, next), dates[d]);
			assert_int_equal(to.standing, STANDING_CURRENT);
			assert_true(to.released <= at);
		}
	}
}

/* has_words - some reason has these words in it */
static bool has_words(const json_t *check, const char *words)
{
	json_t *reason;
	size_t i;

	json_array_foreach (json_object_get(check, "reasons"), i, reason)
		if (strstr(json_string_value(reason), words))
			return true;
	return false;
}

/* explains - whole sentences; one says which update is missing since when, or which support ended
 */
static void explains(void **state)
{
	json_t *b, *reason;
	size_t i, k;

	(void)state;
	json_array_foreach (listed, i, b) {
		for (size_t d = 0; d < DATES; d++) {
			json_t *check;
			int64_t at;

			times_parse(dates[d], &at);
			check = catalogue_check(shipped, build_parse(text(b, "build")), at, GRACE,
						NULL, NULL);
			assert_true(json_array_size(json_object_get(check, "reasons")) >= 1);
			json_array_foreach (json_object_get(check, "reasons"), k, reason)
				assert_string_equal(strrchr(json_string_value(reason), '.'), ".");
			if (!strcmp(text(check, "standing"), "outdated"))
				assert_true(has_words(check, "is missing since 2") ||
					    has_words(check, "is missing since 1"));
			if (!strcmp(text(check, "standing"), "unsupported"))
				assert_true(has_words(check, " ended on "));
			json_decref(check);
		}
	}
}

static int setup(void **state)
{
	struct error e = {};

	listed = json_incref(json_object_get(*state = json_load_file(SHIPPED, 0, NULL), "builds"));
	if (catalogue_load(SHIPPED, &shipped, &e) < 0) {
		print_error("%s\n", e.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	json_decref(listed);
	json_decref(*state);
	catalogue_free(shipped);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages),
		cmocka_unit_test(orders),
		cmocka_unit_test(leads_out),
		cmocka_unit_test(explains),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
