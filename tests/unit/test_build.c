// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "maps/abi.h"
#include "user/base/build.h"

/* parses - text is a build, padded or not, and sorts as BUILD() says */
static void parses(void **state)
{
	static const struct {
		const char *text;
		uint64_t build;
	} rows[] = {
		{ "15.1.2507.39", BUILD(15, 1, 2507, 39) },
		{ "15.01.2507.039", BUILD(15, 1, 2507, 39) },
		{ "8.3.327.1", BUILD(8, 3, 327, 1) },
		{ "08.03.0327.001", BUILD(8, 3, 327, 1) },
		{ "65535.65535.65535.65535", UINT64_MAX },
		{ "00015.00001.00000.00000", BUILD(15, 1, 0, 0) },
		{ "0.0.0.1", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(build_parse(rows[i].text), rows[i].build);
}

/* refuses - anything that is not exactly four numbers in range is no build */
static void refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"15",
		"15.1.2507",
		"15.1.2507.",
		"15.1.2507.39.1",
		"15.1.2507.39 ",
		" 15.1.2507.39",
		"15.1.2507.65536",
		"65536.1.2507.39",
		"15.1.000002507.39",
		"15..2507.39",
		".15.1.2507",
		"15.1.-2507.39",
		"15.1.+2507.39",
		"15.1.2507.39a",
		"15,1,2507,39",
		"0x15.1.2507.39",
		"99999999999999999999.1.1.1",
		"0.0.0.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(build_parse(rows[i]), 0);
	assert_int_equal(build_parse(NULL), 0);
}

/* formats - without padding; the longest build fits the buffer */
static void formats(void **state)
{
	char buf[BUILD_TEXT];

	(void)state;
	assert_string_equal(build_format(build_parse("15.01.2507.039"), buf), "15.1.2507.39");
	assert_string_equal(build_format(UINT64_MAX, buf), "65535.65535.65535.65535");
	assert_string_equal(build_format(0, buf), "0.0.0.0");
}

/* parts - each of the four, and nothing beyond */
static void parts(void **state)
{
	uint64_t build = BUILD(15, 2, 2562, 49);

	(void)state;
	assert_int_equal(build_part(build, 0), 15);
	assert_int_equal(build_part(build, 1), 2);
	assert_int_equal(build_part(build, 2), 2562);
	assert_int_equal(build_part(build, 3), 49);
	assert_int_equal(build_part(build, 4), 0);
}

/* sorts - numbers order as builds do, not as text does */
static void sorts(void **state)
{
	(void)state;
	assert_true(build_parse("15.1.2507.9") < build_parse("15.1.2507.39"));
	assert_true(build_parse("8.3.517.0") < build_parse("14.0.639.21"));
	assert_true(build_parse("15.2.1748.53") < build_parse("15.2.2562.17"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses), cmocka_unit_test(refuses), cmocka_unit_test(formats),
		cmocka_unit_test(parts),  cmocka_unit_test(sorts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
