// SPDX-License-Identifier: BSD-2-Clause
/* hostnet and probe: what can be told without a kernel of one's own */
#include "user/kernel/hostnet.h"
#include "user/kernel/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"

#define CAP(n) (1ULL << (n))

static void test_gateway4(void **state)
{
	static const struct {
		const char *line, *gateway; /* NULL: none */
	} rows[] = {
		{ "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask", NULL },
		{ "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000", "192.0.2.1" },
		{ "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF", NULL },
		{ "eth0\t000200C0\t010200C0\t0001\t0\t0\t0\t00FFFFFF", NULL },
		{ "", NULL },
	};
	char text[ADDRESS_TEXT];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = hostnet_gateway4(rows[i].line, &addr);

		assert_int_equal(found, rows[i].gateway != NULL);
		if (found)
			assert_string_equal(address_format(&addr, text), rows[i].gateway);
	}
}

static void test_gateway6(void **state)
{
	static const char zero[] = "00000000000000000000000000000000";
	static const char gateway[] = "20010db8000000000000000000000001";
	char line[256], text[ADDRESS_TEXT];
	struct addr addr;

	(void)state;
	snprintf(line, sizeof(line), "%s 00 %s 00 %s 00000400 00000001 00000000 00000003 eth0",
		 zero, zero, gateway);
	assert_true(hostnet_gateway6(line, &addr));
	assert_string_equal(address_format(&addr, text), "2001:db8::1");
	snprintf(line, sizeof(line), "%s 00 %s 00 %s 00000400 00000001 00000000 00000001 eth0",
		 zero, zero, gateway);
	assert_false(hostnet_gateway6(line, &addr)); /* no RTF_GATEWAY */
	snprintf(line, sizeof(line), "%s 00 %s 00 %s 00000400 00000001 00000000 00000003 eth0",
		 zero, zero, zero);
	assert_false(hostnet_gateway6(line, &addr));
	assert_false(hostnet_gateway6("", &addr));
	assert_false(hostnet_gateway6("20010db8 00", &addr));
}

/* this host has loopback at least, and two readings are the same */
static void test_own(void **state)
{
	static struct hostnet a, b;

	(void)state;
	assert_int_equal(hostnet_read(&a), 0);
	assert_int_equal(hostnet_read(&b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	for (unsigned int i = 1; i < a.count; i++)
		assert_true(memcmp(&a.list[i - 1].addr, &a.list[i].addr, sizeof(struct addr)) < 0);
}

static void test_capabilities(void **state)
{
	static const struct {
		uint64_t set;
		const char *missing;
	} rows[] = {
		{ ~0ULL, "" },
		{ CAP(CAP_BPF) | CAP(CAP_PERFMON) | CAP(CAP_NET_ADMIN), "" },
		{ CAP(CAP_SYS_ADMIN) | CAP(CAP_NET_ADMIN), "" },
		{ CAP(CAP_SYS_ADMIN), "CAP_NET_ADMIN" },
		{ CAP(CAP_NET_ADMIN), "CAP_BPF, CAP_PERFMON" },
		{ 0, "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN" },
	};
	char missing[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(probe_missing(rows[i].set, missing, sizeof(missing)),
				 rows[i].missing[0] != '\0');
		assert_string_equal(missing, rows[i].missing);
	}
}

static void test_interface(void **state)
{
	struct error e = { "" };

	(void)state;
	assert_int_equal(probe_interface("lo", &e), 0);
	assert_int_equal(probe_interface("nosuchif0", &e), -ENODEV);
	assert_non_null(strstr(e.text, "no interface 'nosuchif0'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway4),  cmocka_unit_test(test_gateway6),
		cmocka_unit_test(test_own),       cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
