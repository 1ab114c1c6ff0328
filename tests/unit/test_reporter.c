// SPDX-License-Identifier: BSD-2-Clause
#include "user/observer/reporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void test_limit(void **state)
{
	struct reporters all = { 0 };
	struct reporter *r = reporters_find(&all, "root (uid 0)", 100);

	(void)state;
	assert_int_equal(reporter_allow(r, 60, 100, 600), 60);
	assert_int_equal(reporter_allow(r, 60, 100, 659), 40);
	assert_int_equal(reporter_allow(r, 60, 100, 659), 0);
	assert_int_equal(reporter_allow(r, 60, 100, 660), 60); /* the next minute */
	assert_int_equal(reporter_allow(r, 60, 50, 661), 0);   /* the limit was lowered */
	assert_int_equal(reporter_allow(r, 1, 0, 720), 0);     /* nobody may */
	/* another one has a minute of its own */
	r = reporters_find(&all, "postfix (uid 105)", 100);
	assert_int_equal(reporter_allow(r, 100, 100, 660), 100);
}

/* the table is bounded; the sums are not */
static void test_table(void **state)
{
	const struct tally one = { .told = { [TOLD_TAKEN] = 1, [TOLD_LOST] = 2 },
				   .origin = { [ORIGIN_RECEIVED] = 1 } };
	struct reporters all = { 0 };
	struct reporter *r;
	char who[32];

	(void)state;
	for (int i = 0; i < REPORTERS_MAX + 8; i++) {
		snprintf(who, sizeof(who), "uid %d", i);
		r = reporters_find(&all, who, 100 + i);
		reporters_add(&all, r, &one);
		assert_int_equal(reporters_find(&all, "uid 0", 100 + i) == r, i == 0);
	}
	assert_int_equal(all.count, REPORTERS_MAX);
	assert_int_equal(all.tally.told[TOLD_TAKEN], REPORTERS_MAX + 8);
	assert_int_equal(all.tally.told[TOLD_LOST], 2 * (REPORTERS_MAX + 8));
	assert_int_equal(all.tally.origin[ORIGIN_RECEIVED], REPORTERS_MAX + 8);
	/* who spoke all the time is still there, the longest silent is not */
	assert_int_equal(reporters_find(&all, "uid 0", 200)->tally.told[TOLD_TAKEN], 1);
	assert_int_equal(reporters_find(&all, "uid 1", 200)->tally.told[TOLD_TAKEN], 0);
}

static void test_json(void **state)
{
	const struct tally some = { .told = { 3, 4, 5, 6 }, .origin = { 2, 0, 0, 1, 0 } };
	struct reporters all = { 0 };
	json_t *array, *row, *origins;

	(void)state;
	array = reporters_json(&all);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
	reporters_add(&all, reporters_find(&all, "root (uid 0)", 1795000000), &some);
	array = reporters_json(&all);
	row = json_array_get(array, 0);
	assert_string_equal(json_string_value(json_object_get(row, "who")), "root (uid 0)");
	for (enum told i = 0; i < TOLD_MAX; i++)
		assert_int_equal(json_integer_value(json_object_get(row, told_name(i))), 3 + i);
	origins = json_object_get(row, "by_origin");
	assert_int_equal(json_integer_value(json_object_get(origins, "no_build")), 2);
	assert_int_equal(json_integer_value(json_object_get(origins, "received")), 1);
	assert_int_equal(json_integer_value(json_object_get(origins, "reported")), 0);
	assert_string_equal(json_string_value(json_object_get(row, "last_at")),
			    "2026-11-18T11:06:40Z");
	json_decref(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
