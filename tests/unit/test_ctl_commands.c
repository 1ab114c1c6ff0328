// SPDX-License-Identifier: BSD-2-Clause
/* What commands ask of the daemon, and how they show what it answers. */
#include "ctl_world.h"

/* ---- changes ---- */

static void test_requests(void **state)
{
	static const struct {
		const char *line, *request;
	} rows[] = {
		{ "set 192.0.2.7 drop",
		  "{\"command\":\"set\",\"addr\":\"192.0.2.7\",\"action\":\"drop\"}" },
		{ "set 192.0.2.0/24 tarpit --style slow --for 2h --reason test",
		  "{\"command\":\"set\",\"addr\":\"192.0.2.0/"
		  "24\",\"style\":\"slow\",\"for\":\"2h\","
		  "\"reason\":\"test\",\"action\":\"tarpit\"}" },
		{ "unset 2001:db8::/32", "{\"command\":\"unset\",\"addr\":\"2001:db8::/32\"}" },
		{ "pause 192.0.2.7 --days 5",
		  "{\"command\":\"pause\",\"addr\":\"192.0.2.7\",\"days\":5}" },
		{ "unpause 192.0.2.7", "{\"command\":\"unpause\",\"addr\":\"192.0.2.7\"}" },
		{ "exempt 192.0.2.0/24", "{\"command\":\"exempt\",\"addr\":\"192.0.2.0/24\"}" },
		{ "unexempt 192.0.2.0/24", "{\"command\":\"unexempt\",\"addr\":\"192.0.2.0/24\"}" },
		{ "forget 192.0.2.7", "{\"command\":\"forget\",\"addr\":\"192.0.2.7\"}" },
		{ "forget ex01.example.org",
		  "{\"command\":\"forget\",\"name\":\"ex01.example.org\"}" },
		{ "mode enforce", "{\"command\":\"mode\",\"mode\":\"enforce\"}" },
		{ "clock advance 35d", "{\"command\":\"clock\",\"advance\":\"35d\"}" },
		{ "clock to 2027-01-01", "{\"command\":\"clock\",\"to\":\"2027-01-01\"}" },
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

static void test_change_fails(void **state)
{
	(void)state;
	assert_int_equal(run("unset 192.0.2.7"), -ENOENT);
	assert_non_null(strstr(why.text, "cannot reach buildgated at /tmp/"));
	start_daemon("{\"error\":\"nothing is set for 192.0.2.7\"}");
	assert_int_equal(run("unset 192.0.2.7"), -EREMOTEIO);
	assert_string_equal(why.text, "nothing is set for 192.0.2.7");
	assert_string_equal(said, "");
}

static void test_style_fits(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true}");
	assert_int_equal(run("set 192.0.2.7 drop --style slow"), CTL_USAGE);
	assert_non_null(strstr(why.text, "style slow does not go with drop"));
	assert_int_equal(run("set 192.0.2.7 tarpit --style silent"), CTL_USAGE);
	assert_int_equal(run("set 192.0.2.7 pass --style slow"), CTL_USAGE);
	assert_string_equal(mock.request, "");
	assert_int_equal(run("set 192.0.2.7 drop --style answer"), 0);
	assert_string_equal(said, "done\n");
}

/* ---- sources, show, events, maps ---- */

#define SOURCE                                                                                     \
	"{\"source\":\"192.0.2.7\",\"identities\":[{\"name\":\"ex01.example.org\",\"build\":"      \
	"\"15.1.2507.6\",\"product\":\"Exchange Server 2016\",\"standing\":\"unsupported\","       \
	"\"first_outdated\":\"2026-10-01T00:00:00Z\",\"last_seen\":\"2026-11-21T22:51:00Z\","      \
	"\"stage\":3},{\"name\":\"ex\\u001b02\"}],\"verdict\":\"tarpit\",\"style\":\"slow\","      \
	"\"stage\":3,\"stage_since\":\"2026-11-10T00:00:00Z\",\"next_stage_at\":"                  \
	"\"2026-11-20T00:00:00Z\",\"throttle_min\":10,\"block_min\":0,\"paused_until\":null,"      \
	"\"exempt\":false,\"shared\":true,\"emergency\":null,\"hits\":4,\"blocked_from\":\"2026-"  \
	"12-10T00:00:00Z\",\"upgrade_to\":\"15.1.2507.61\"}"

static void test_sources(void **state)
{
	json_t *array;

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"rows\":[" SOURCE "],\"next\":null}}");
	assert_int_equal(run("sources --stage 3 --standing unsupported"), 0);
	assert_string_equal(mock.request,
			    "{\"command\":\"sources\",\"stage\":3,\"standing\":\"unsupported\"}\n");
	assert_non_null(strstr(said, "SOURCE     NAME"));
	assert_non_null(strstr(said, "192.0.2.7  ex01.example.org +1  15.1.2507.6"));
	assert_non_null(strstr(said, "2026-11-21 22:51:00Z\n"));
	assert_int_equal(run("sources -j"), 0);
	array = said_json();
	assert_int_equal(json_array_size(array), 1);
	json_decref(array);
}

#define PART(next) "{\"ok\":true,\"result\":{\"rows\":[" SOURCE "],\"next\":" next "}}"

/* the daemon hangs up between two parts, as on whoever reads slowly: the list goes on */
static void test_resumed_list(void **state)
{
	json_t *array;

	(void)state;
	start_daemon_then(PART("\"192.0.2.7\""), PART("null"));
	assert_int_equal(run("sources -j"), 0);
	array = said_json();
	assert_int_equal(json_array_size(array), 2);
	json_decref(array);
	assert_string_equal(mock.request, "{\"command\":\"sources\",\"after\":\"192.0.2.7\"}\n");
}

/* the daemon goes away within a list: what came is printed, as a whole array, and it is said */
static void test_cut_list(void **state)
{
	json_t *array;

	(void)state;
	start_daemon_then(PART("\"192.0.2.7\""), NULL);
	assert_true(run("sources -j") < 0);
	array = said_json();
	assert_int_equal(json_array_size(array), 1);
	json_decref(array);
	stop_daemon();
	start_daemon_then(PART("\"192.0.2.7\""), NULL);
	assert_true(run("sources") < 0);
	assert_non_null(strstr(said, "192.0.2.7  ex01.example.org +1  15.1.2507.6"));
}

/* a row that cannot be read is said, and none is passed over in silence */
static void test_bad_row(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"rows\":[" SOURCE ",nonsense],\"next\":null}}");
	assert_int_equal(run("sources"), -EPROTO);
	assert_non_null(strstr(said, "192.0.2.7"));
}

static void test_show(void **state)
{
	json_t *object;

	(void)state;
	start_daemon("{\"ok\":true,\"result\":" SOURCE "}");
	assert_int_equal(run("show 192.0.2.7"), 0);
	assert_non_null(strstr(said, "192.0.2.7 is slowed 10 min of each hour, stage 3 since "
				     "2026-11-10 00:00:00Z, next stage at 2026-11-20 00:00:00Z, "
				     "blocked from 2026-12-10 00:00:00Z unless upgraded to "
				     "15.1.2507.61\n"));
	assert_non_null(strstr(said, "shared with other senders"));
	assert_non_null(strstr(said, "ex\\x1b02"));
	assert_null(strchr(said, 0x1b));
	assert_null(strstr(said, "paused"));
	assert_int_equal(run("show 192.0.2.7 -j"), 0);
	object = said_json();
	assert_true(json_is_null(json_object_get(object, "kernel")));
	json_decref(object);
	mock.answer = "{\"ok\":true,\"result\":{\"source\":\"192.0.2.9\",\"identities\":[]}}";
	assert_int_equal(run("show 192.0.2.9"), 0);
	assert_string_equal(said, "192.0.2.9 has not been seen with a build\n");
}

static void test_history(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":[{\"at\":\"2026-11-21T22:51:00Z\",\"who\":\"clock\","
		     "\"what\":\"stage\",\"why\":\"day 30\",\"before\":{\"stage\":1},"
		     "\"after\":{\"stage\":2}}]}");
	assert_int_equal(run("history 192.0.2.7"), 0);
	assert_non_null(strstr(said, "2026-11-21 22:51:00Z  clock  stage  {\"stage\":1}"));
	assert_null(strstr(said, "SUBJECT"));
	/* of the whole gate */
	mock.answer = "{\"ok\":true,\"result\":[{\"at\":\"2026-11-21T22:51:00Z\",\"who\":\"root\","
		      "\"what\":\"mode\",\"subject\":\"gate\"}]}";
	assert_int_equal(run("history --last 7"), 0);
	assert_non_null(strstr(said, "gate     2026-11-21 22:51:00Z  root"));
	assert_non_null(strstr(mock.request, "\"last\":7"));
}

static void test_events(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true}\n"
		     "{\"type\":\"observation\",\"at\":\"2026-11-21T22:51:00Z\",\"source\":"
		     "\"192.0.2.7\",\"server\":\"ex\\u001b\",\"build\":\"15.1.2507.6\","
		     "\"standing\":\"outdated\",\"origin\":\"received\"}\n"
		     "{\"type\":\"no_build\",\"at\":\"2026-11-21T22:52:00Z\",\"family\":\"tls\"}");
	assert_int_equal(run("events"), -ENODATA);
	assert_non_null(strstr(said, "2026-11-21 22:51:00Z  192.0.2.7        ex\\x1b"));
	assert_non_null(strstr(said, "received\n"));
	assert_non_null(strstr(said, "no_build  family=tls\n"));
	assert_string_equal(why.text, "buildgated closed the connection");
}

static void test_maps(void **state)
{
	json_t *array;

	(void)state;
	assert_int_equal(run("map dump settings"), 0);
	assert_non_null(strstr(said, "mode                  enforce\n"));
	assert_int_equal(run("map get settings mode"), 0);
	assert_string_equal(said, "enforce\n");
	assert_int_equal(run("map get settings moda"), CTL_USAGE);
	assert_int_equal(run("map dump counters"), 0);
	assert_non_null(
		strstr(said, "syn     pass    0       17       0        0    0  connection"));
	assert_int_equal(run("map dump counters -j"), 0);
	array = said_json();
	assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 1), "syn")), 17);
	json_decref(array);
	assert_int_equal(run("map get counters syn -j"), 0);
	assert_non_null(strstr(said, "\"ingress\":17"));
	assert_int_equal(run("map get counters sin"), CTL_USAGE);
	assert_int_equal(run("map get verdicts ex01"), CTL_USAGE);
	assert_int_equal(run("map get verdicts 192.0.2.7"), -ENOENT);
	assert_int_equal(run("map dump flows"), -ENOENT);
	assert_string_equal(said, "");
	loaded = false;
	assert_int_equal(run("map dump settings"), -ENOENT);
	assert_string_equal(why.text, "the gate is not loaded");
}

static void test_catalogue_check(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"build\":\"15.20.1.1\",\"product\":"
		     "\"Exchange Online\",\"release\":null,\"released\":null,\"standing\":"
		     "\"online\",\"reasons\":[\"It is passed.\"],\"upgrade_to\":null,"
		     "\"vulnerabilities\":[]}}");
	assert_int_equal(run("catalogue check 15.20.1.1 --at 2026-11-21"), 0);
	assert_string_equal(mock.request, "{\"command\":\"catalogue-check\",\"build\":"
					  "\"15.20.1.1\",\"at\":\"2026-11-21\"}\n");
	assert_string_equal(said, "15.20.1.1  Exchange Online: online\n  It is passed.\n");
	/* a file is judged here, whatever the daemon has */
	mock.request[0] = '\0';
	assert_true(run("catalogue check 15.20.1.1 --catalogue /dev/null") < 0);
	assert_string_equal(mock.request, "");
	/* what the daemon refuses is not asked elsewhere */
	mock.answer = "{\"error\":\"no\"}";
	assert_int_equal(run("catalogue check 15.20.1.1"), -EREMOTEIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests), TEST(test_change_fails), TEST(test_style_fits),
		TEST(test_sources),  TEST(test_resumed_list), TEST(test_cut_list),
		TEST(test_bad_row),  TEST(test_show),         TEST(test_history),
		TEST(test_events),   TEST(test_maps),         TEST(test_catalogue_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
