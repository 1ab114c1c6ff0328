// SPDX-License-Identifier: BSD-2-Clause
/* gatectl policy: what it asks, and how it shows the answers. */
#include "ctl_world.h"

#define POLICY                                                                                     \
	"{\"ok\":true,\"result\":{\"name\":\"mild\",\"act_on\":[\"outdated\",\"unsupported\"],"    \
	"\"products\":[],\"floors\":[{\"product\":\"Exchange Server 2016\",\"cu\":\"CU23\","       \
	"\"min_build\":\"15.1.2507.61\",\"from\":\"2026-09-14T00:00:00Z\"}],\"stages\":[{"         \
	"\"stage\":1,\"day\":0,\"throttle_min\":0,\"block_min\":0,\"assumed\":false},{\"stage\":"  \
	"2,\"day\":30,\"throttle_min\":5,\"block_min\":0,\"assumed\":true}],\"from\":\"policy "    \
	"use\",\"file\":\"mild\",\"configured\":\"30-10-60\",\"judging\":true}}"

static void test_show(void **state)
{
	json_t *value;

	(void)state;
	start_daemon(POLICY);
	assert_int_equal(run("policy show"), 0);
	assert_string_equal(mock.request, "{\"command\":\"policy-show\"}\n");
	assert_non_null(strstr(said, "mild, chosen by policy use (mild)\n"));
	assert_non_null(strstr(said, "acts on builds that are outdated, unsupported\n"));
	assert_non_null(strstr(said, "    2        30       5        0  yes"));
	assert_non_null(strstr(said, "Exchange Server 2016  CU23  15.1.2507.61"));
	assert_null(strstr(said, "ONLY PRODUCT"));
	assert_non_null(strstr(said, "being judged anew"));
	assert_int_equal(run("policy show -j"), 0);
	value = said_json();
	assert_int_equal(json_array_size(json_object_get(value, "stages")), 2);
	json_decref(value);
}

static void test_preview(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"policy\":\"mild\",\"sources\":7,\"moved\":1,"
		     "\"begin\":0,\"end\":2,\"moves\":[{\"from\":5,\"to\":1,\"sources\":1}],"
		     "\"named\":[{\"source\":\"192.0.2.7\",\"server\":\"ex\\u001b01\",\"build\":"
		     "\"15.1.2507.6\",\"from\":5,\"to\":1,\"throttle_min\":0,\"block_min\":0,"
		     "\"heads_to\":1}],\"cut\":true}}");
	assert_int_equal(run("policy preview mild"), 0);
	assert_string_equal(mock.request, "{\"command\":\"policy-preview\",\"policy\":\"mild\"}\n");
	assert_non_null(strstr(said, "With mild, 1 of 7 sources would move at once."));
	assert_non_null(strstr(said, "0 server names would begin"));
	assert_non_null(strstr(said, "ex\\x1b01"));
	assert_non_null(strstr(said, "only the first 1 are named"));
}

static void test_use(void **state)
{
	char line[64], path[] = "test_ctl_policy.XXXXXX";
	int fd;

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"policy is mild now\"}}");
	assert_int_equal(run("policy use mild --reason spring"), 0);
	assert_string_equal(mock.request, "{\"command\":\"policy-use\",\"policy\":\"mild\","
					  "\"reason\":\"spring\"}\n");
	assert_string_equal(said, "policy is mild now\n");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(line, sizeof(line), "policy use ./%s", path);
	assert_int_equal(run(line), 0);
	unlink(path);
	assert_non_null(strstr(mock.request, "\"policy\":\"/"));
}

static void test_fails(void **state)
{
	(void)state;
	assert_int_equal(run("policy use ./no-such-file.yaml"), -ENOENT);
	assert_non_null(strstr(why.text, "no-such-file.yaml"));
	assert_int_equal(run("policy show"), -ENOENT);
	start_daemon("{\"error\":\"policy 'x': cannot read\"}");
	assert_int_equal(run("policy preview x"), -EREMOTEIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_show),
		TEST(test_preview),
		TEST(test_use),
		TEST(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
