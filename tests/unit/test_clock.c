// SPDX-License-Identifier: BSD-2-Clause
#include "user/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <time.h>

#define NS  1000000000LL
#define DAY 86400

/* assert_near - two readings of a clock a moment apart */
#define assert_near(a, b) assert_in_range((uint64_t)((int64_t)(a) - (int64_t)(b) + 2), 0, 4)

static void test_no_lab(void **state)
{
	(void)state;
	clock_init(0);
	assert_near(clock_wall(), time(NULL));
	assert_int_equal(clock_offset_ns(), 0);
	assert_in_range(clock_running(), 0, 1);
}

static void test_advance_moves_all(void **state)
{
	int64_t wall, running, kernel;

	(void)state;
	clock_init(0);
	wall = clock_wall();
	running = clock_running();
	kernel = (int64_t)(clock_kernel_ns() / NS);
	clock_advance(35 * DAY);
	assert_near(clock_wall() - wall, 35 * DAY);
	assert_near(clock_running() - running, 35 * DAY);
	assert_near((int64_t)(clock_kernel_ns() / NS) - kernel, 35 * DAY);
	assert_true(clock_offset_ns() == 35LL * DAY * NS);
}

static void test_adopted_offset(void **state)
{
	(void)state;
	clock_init(10LL * DAY * NS);
	assert_near(clock_wall(), time(NULL) + 10 * DAY);
	/* an earlier daemon's advances are in the store, not in this one's running time */
	assert_in_range(clock_running(), 0, 1);
	clock_advance(5 * DAY);
	assert_true(clock_offset_ns() == 15LL * DAY * NS);
	assert_near(clock_running(), 5 * DAY);
}

static void test_kernel_and_wall(void **state)
{
	static const int64_t offsets[] = { 0, 400 * DAY };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		int64_t at;

		clock_init(offsets[i] * NS);
		at = clock_wall() + 3600;
		assert_near(clock_kernel_to_wall(clock_kernel_ns()), clock_wall());
		assert_near(clock_kernel_to_wall(clock_wall_to_kernel(at)), at);
		/* before boot is long ago, not "never" */
		assert_int_equal(clock_wall_to_kernel(0), 1);
		assert_true(clock_wall_to_kernel(INT64_MAX) == INT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_lab),
		cmocka_unit_test(test_advance_moves_all),
		cmocka_unit_test(test_adopted_offset),
		cmocka_unit_test(test_kernel_and_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
