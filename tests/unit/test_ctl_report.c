// SPDX-License-Identifier: BSD-2-Clause
/* gatectl report: a table for people, CSV for spreadsheets, JSON for programs. */
#include "ctl_world.h"

#define ROW(name, builds, next)                                                                    \
	"{\"server\":\"" name "\",\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\","             \
	"\"product\":\"Exchange Server 2016\",\"first_detected\":\"2026-10-01T10:11:12Z\","        \
	"\"recommended_builds\":[" builds "],\"throttle_date\":\"2026-10-31T10:11:12Z\","          \
	"\"block_date\":null,\"stage\":2,\"next_stage_throttle_min\":" next                        \
	",\"next_stage_block_min\":" next ",\"next_stage_date\":null,"                             \
	"\"reason_read\":false}"
#define ANSWER(rows) "{\"ok\":true,\"result\":{\"rows\":[" rows "],\"next\":null}}"
#define TWO          "\"15.1.2507.75\",\"15.2.2562.53\""
#define HEAD                                                                                       \
	"server,source,build,product,first_detected,recommended_builds,throttle_date,block_date,"  \
	"stage,next_stage_throttle_min,next_stage_block_min,next_stage_date,reason_read\r\n"
#define REST                                                                                       \
	",192.0.2.7,15.1.2507.6,Exchange Server 2016,2026-10-01T10:11:12Z,"                        \
	"15.1.2507.75 15.2.2562.53,2026-10-31T10:11:12Z,,2,10,10,,false\r\n"

static void test_table(void **state)
{
	(void)state;
	start_daemon(ANSWER(ROW("ex01.example.org", TWO, "10") "," ROW("ex\\u001b", "", "null")));
	assert_int_equal(run("report"), 0);
	assert_string_equal(mock.request, "{\"command\":\"report\"}\n");
	assert_non_null(strstr(said, "SERVER "));
	assert_non_null(strstr(said, "2026-10-01  "));
	assert_null(strstr(said, "10:11"));
	assert_non_null(strstr(said, "15.1.2507.75  2026-10-31"));
	assert_null(strstr(said, "15.2.2562.53"));
	assert_non_null(strstr(said, "ex\\x1b"));
	assert_int_equal(run("report --format table"), 0);
}

static void test_csv(void **state)
{
	static const struct {
		const char *answer, *first;
	} rows[] = {
		{ ANSWER(ROW("ex01.example.org", TWO, "10")), "ex01.example.org" },
		{ ANSWER(ROW("a,\\\"b\\\"", TWO, "10")), "\"a,\"\"b\"\"\"" },
		{ ANSWER(ROW("=cmd|x", TWO, "10")), "\"'=cmd|x\"" },
		{ ANSWER(ROW("-ex01", TWO, "10")), "\"'-ex01\"" },
	};
	char expect[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_daemon(rows[i].answer);
		assert_int_equal(run("report --format csv"), 0);
		snprintf(expect, sizeof(expect), HEAD "%s" REST, rows[i].first);
		assert_string_equal(said, expect);
		stop_daemon();
	}
	start_daemon(ANSWER(""));
	assert_int_equal(run("report --format csv"), 0);
	assert_string_equal(said, HEAD);
}

static void test_json(void **state)
{
	static const char *const lines[] = { "report --format json", "report -j",
					     "report --format csv -j" };
	json_t *value;

	(void)state;
	start_daemon(ANSWER(ROW("ex01.example.org", TWO, "10")));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run(lines[i]), 0);
		value = said_json();
		assert_int_equal(json_array_size(value), 1);
		json_decref(value);
	}
}

/* the page is written from what the daemon says, by its own writer */
static void test_html(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"head\":{\"mode\":\"report\"},\"sources\":["
		     "{\"source\":\"192.0.2.7\"},{\"source\":\"</script>\"}],\"place\":null}}");
	assert_int_equal(run("report --format html"), 0);
	assert_string_equal(mock.request, "{\"command\":\"page\"}\n");
	assert_memory_equal(said, "<!doctype html>", 15);
	assert_non_null(strstr(said, ">{\"mode\":\"report\"}</script>"));
	assert_non_null(strstr(said, ">[\n{\"source\":\"192.0.2.7\"},\n"
				     "{\"source\":\"\\u003c/script\\u003e\"}]</script>"));
	assert_non_null(strstr(said, ">{\"complete\":true,\"error\":null}</script>"));
	stop_daemon();
	start_daemon("{\"error\":\"no page\"}");
	assert_int_not_equal(run("report --format html"), 0);
	assert_string_equal(said, "");
}

static void test_fails(void **state)
{
	(void)state;
	assert_int_equal(run("report"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_table), TEST(test_csv),   TEST(test_json),
		TEST(test_html),  TEST(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
