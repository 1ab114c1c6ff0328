// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/address.h"

/* addr - an address that must parse */
static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

/* test_parse_and_format - exactly the usual spellings, and back */
static void test_parse_and_format(void **state)
{
	static const char *const same[] = {
		"192.0.2.7", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1", "2001:db8:0:1::",
	};
	static const char *const wrong[] = {
		"",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.07",
		" 192.0.2.7",
		"192.0.2.7 ",
		"::g",
		"mx.example.org",
		"1:2:3:4",
		"192.0.2.7/32",
		"2001:db8::1%eth0",
		"0x7f.1.1.1",
	};
	char buf[ADDRESS_TEXT];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		a = addr(same[i]);
		assert_string_equal(address_format(&a, buf), same[i]);
	}
	memset(&a, 0x55, sizeof(a));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(address_parse(wrong[i], &a), -EINVAL);
	assert_int_equal(a.b[0], 0x55);

	/* one address, two spellings */
	a = addr("::ffff:192.0.2.7");
	assert_string_equal(address_format(&a, buf), "192.0.2.7");
	a = addr("2001:DB8:0:0:0:0:0:1");
	assert_string_equal(address_format(&a, buf), "2001:db8::1");
}

/* test_ranges - lengths as written, counted over 128; host bits are an error of their own */
static void test_ranges(void **state)
{
	static const struct {
		const char *text;
		int rc;
		unsigned int bits;
		const char *out;
	} rows[] = {
		{ "192.0.2.0/24", 0, 120, "192.0.2.0/24" },
		{ "192.0.2.7", 0, 128, "192.0.2.7" },
		{ "192.0.2.7/32", 0, 128, "192.0.2.7" },
		{ "0.0.0.0/0", 0, 96, "0.0.0.0/0" },
		{ "2001:db8::/32", 0, 32, "2001:db8::/32" },
		{ "2000::/3", 0, 3, "2000::/3" },
		{ "::ffff:0:0/96", 0, 96, "0.0.0.0/0" },
		{ "::/0", -EDOM, 0, NULL }, /* IPv4 is in there */
		{ "::ffff:0:0/95", -ERANGE, 0, NULL },
		{ "::fffe:0:0/95", -EDOM, 0, NULL },
		{ "::/64", -EDOM, 0, NULL },
		{ "2001:db8::1/128", 0, 128, "2001:db8::1" },
		{ "192.0.2.1/24", -ERANGE, 0, NULL },
		{ "2001:db8::1/64", -ERANGE, 0, NULL },
		{ "192.0.2.0/33", -EINVAL, 0, NULL },
		{ "192.0.2.0/", -EINVAL, 0, NULL },
		{ "192.0.2.0/+8", -EINVAL, 0, NULL },
		{ "192.0.2.0/024", -EINVAL, 0, NULL },
		{ "192.0.2.0/24/8", -EINVAL, 0, NULL },
		{ "2001:db8::/129", -EINVAL, 0, NULL },
		{ "/24", -EINVAL, 0, NULL },
		{ "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000/32", -EINVAL, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[ADDRESS_TEXT];
		unsigned int bits;
		struct addr a;

		assert_int_equal(range_parse(rows[i].text, &a, &bits), rows[i].rc);
		if (rows[i].rc)
			continue;
		assert_int_equal(bits, rows[i].bits);
		assert_string_equal(range_format(&a, bits, buf), rows[i].out);
	}
}

/* test_mask_and_source - lengths that cut a byte, none and all; IPv4 stays whole */
static void test_mask_and_source(void **state)
{
	struct addr a = addr("2001:db8:1:2:3:4:5:6"), v4 = addr("192.0.2.7"), out;
	char buf[ADDRESS_TEXT];

	(void)state;
	out = address_source(&a, 64);
	assert_string_equal(address_format(&out, buf), "2001:db8:1:2::");
	out = address_source(&a, 62);
	assert_string_equal(address_format(&out, buf), "2001:db8:1::");
	out = address_source(&v4, 64);
	assert_string_equal(address_format(&out, buf), "192.0.2.7");
	out = a;
	address_mask(&out, 0);
	assert_string_equal(address_format(&out, buf), "::");
	out = a;
	address_mask(&out, 128);
	assert_memory_equal(&out, &a, sizeof(a));
	assert_true(address_is_ipv4(&v4));
	assert_false(address_is_ipv4(&a));
}

/* test_containment - prefixes nest or are disjoint */
static void test_containment(void **state)
{
	struct addr net = addr("192.0.2.0"), in = addr("192.0.2.255"), out = addr("192.0.3.0");
	struct addr any = addr("::"), six = addr("2001:db8::1");

	(void)state;
	assert_true(range_contains(&net, 120, &in));
	assert_false(range_contains(&net, 120, &out));
	assert_true(range_contains(&any, 0, &in));
	assert_true(range_overlaps(&net, 120, &in, 128));
	assert_true(range_overlaps(&in, 128, &net, 120));
	assert_true(range_overlaps(&net, 119, &out, 120));
	assert_false(range_overlaps(&net, 120, &out, 120));
	assert_false(range_overlaps(&net, 96, &six, 128));
}

/* neighbours, in IPv4 and IPv6, spread over a table as chance would do it */
static void test_hash(void **state)
{
	static unsigned char met[2][1 << 16];
	unsigned int taken[2] = { 0, 0 };
	struct addr four = addr("10.0.0.0"), six = addr("2001:db8::");

	(void)state;
	for (unsigned int i = 0; i < 1 << 16; i++) {
		four.b[14] = six.b[6] = (uint8_t)(i >> 8);
		four.b[15] = six.b[7] = (uint8_t)i;
		met[0][address_hash(&four) & 0xffff] = 1;
		met[1][address_hash(&six) & 0xffff] = 1;
	}
	for (unsigned int i = 0; i < 1 << 16; i++) {
		taken[0] += met[0][i];
		taken[1] += met[1][i];
	}
	/* chance: 1 - 1/e of the places */
	assert_in_range(taken[0], 0.60 * (1 << 16), 1 << 16);
	assert_in_range(taken[1], 0.60 * (1 << 16), 1 << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_mask_and_source),
		cmocka_unit_test(test_containment),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
