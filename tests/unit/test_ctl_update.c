// SPDX-License-Identifier: BSD-2-Clause
/* The commands about catalogues: what they ask, what they verify themselves, what they show. */
#include "ctl_world.h"

#define SIGNED "tests/unit/catalogue-signed.json"
#define KEY    "RWQbd8svnDTBfCFDdRxpryzkG3M0rqSGwPXbaJI/ZNO41NimPLLIpSWy"
#define OTHER  "RWQUGlKRAPlAZqabZRgrvoAiyCx/UxrrqLK329dLtIuMFw+KuOjWfuvK"

static void test_requests(void **state)
{
	static const struct {
		const char *line, *request;
	} rows[] = {
		{ "catalogue update /etc/hostname",
		  "{\"command\":\"catalogue-update\",\"file\":\"/etc/hostname\"}" },
		{ "catalogue block M2", "{\"command\":\"catalogue-block\",\"id\":\"M2\"}" },
		{ "catalogue unblock M2 --reason mended",
		  "{\"command\":\"catalogue-unblock\",\"id\":\"M2\",\"reason\":\"mended\"}" },
	};

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"it is \\u001bso\"}}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run(rows[i].line), 0);
		mock.request[strcspn(mock.request, "\n")] = '\0';
		assert_string_equal(mock.request, rows[i].request);
		assert_string_equal(said, "it is \\x1bso\n");
	}
}

/* the daemon would look from somewhere else: a path goes whole, and one that is not there not */
static void test_path(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"taken\"}}");
	assert_int_equal(run("catalogue update " SIGNED), 0);
	assert_non_null(strstr(mock.request, "\"file\":\"/"));
	mock.request[0] = '\0';
	assert_int_equal(run("catalogue update /nonexistent/c.json"), -ENOENT);
	assert_string_equal(mock.request, "");
	mock.answer = "{\"error\":\"c.json: is not what key 1 signed\"}";
	assert_int_equal(run("catalogue update " SIGNED), -EREMOTEIO);
	assert_string_equal(why.text, "c.json: is not what key 1 signed");
}

static void test_verify(void **state)
{
	(void)state;
	assert_int_equal(run("catalogue verify " SIGNED " --key " KEY), 0);
	assert_string_equal(said, SIGNED " is good: serial 8 of 2020-07-01, 1 builds, signed with "
					 "key 7CC1349C2FCB771B: buildgate catalogue, serial 8\n");
	assert_int_equal(run("catalogue verify " SIGNED " --key " OTHER), -EKEYREJECTED);
	assert_non_null(strstr(why.text, "signed with key 7CC1349C2FCB771B, which is not trusted"));
	assert_int_equal(run("catalogue verify " SIGNED " --key RW"), -EINVAL);
	assert_non_null(strstr(why.text, "is not a public key of minisign"));
	assert_int_equal(run("catalogue verify " SIGNED " --key /nonexistent.pub"), -ENOENT);
	assert_int_equal(run("catalogue verify tests/unit/catalogue-small.json --key " KEY),
			 -ENOENT);
	assert_non_null(strstr(why.text, "there is no signature beside it"));
}

static void test_show(void **state)
{
	(void)state;
	start_daemon(
		"{\"ok\":true,\"result\":{\"serial\":8,\"as_of\":\"2020-07-01T00:00:00Z\","
		"\"age_days\":100,\"stale\":true,\"builds\":465,\"floors\":[],\"key\":\"7CC1\","
		"\"taken_at\":\"2020-07-02T00:00:00Z\",\"refused\":{\"at\":\"2020-08-01T00:00:"
		"00Z\","
		"\"why\":\"it was "
		"changed\"},\"blocked\":[\"E3\",\"E9\"],\"keys\":[{\"id\":\"7CC1\","
		"\"not_before\":null,\"not_after\":\"2020-07-31T23:59:59Z\",\"trusted\":false}],"
		"\"emergencies\":[{\"id\":\"E2\",\"action\":\"tarpit\",\"minutes\":20,\"until\":"
		"\"2020-08-31\",\"builds\":[{\"from\":\"90.2.0.0\",\"to\":\"90.2.5.0\"}],"
		"\"active\":"
		"true,\"blocked\":false,\"sources_count\":2,\"sources\":[\"192.0.2.7\","
		"\"192.0.2.9\"]},{\"id\":\"E3\",\"action\":\"drop\",\"minutes\":60,\"until\":null,"
		"\"builds\":[{\"from\":\"90.2.6.0\",\"to\":\"90.2.7.0\"}],\"active\":false,"
		"\"blocked\":true,\"sources_count\":0,\"sources\":[]}]}}");
	assert_int_equal(run("catalogue show"), 0);
	assert_string_equal(
		said, "serial 8 of 2020-07-01, 100 days old: TOO OLD, update it, 465 builds, 0 "
		      "floor(s)\n"
		      "signed with key 7CC1, taken at 2020-07-02 00:00:00Z\n"
		      "trusts key 7CC1 until 2020-07-31: NOT TODAY\n"
		      "REFUSED an update at 2020-08-01 00:00:00Z: it was changed\n"
		      "emergency E2: tarpit, 20 min of each hour, until 2020-08-31\n"
		      "  builds 90.2.0.0 to 90.2.5.0\n"
		      "  applies to 2 source(s): 192.0.2.7, 192.0.2.9\n"
		      "emergency E3: drop, 60 min of each hour; BLOCKED by the operator\n"
		      "  builds 90.2.6.0 to 90.2.7.0\n"
		      "  applies to 0 source(s)\n"
		      "blocked: E3, E9\n");
	mock.answer = "{\"error\":\"no\"}";
	assert_int_equal(run("catalogue show"), -EREMOTEIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_path),
		TEST(test_verify),
		TEST(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
