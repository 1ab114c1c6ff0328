// SPDX-License-Identifier: BSD-2-Clause
/*
 * Commands against a daemon and maps that are not there: the daemon is a thread that gives one
 * answer, the settings map is a variable.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl_daemon.h"
#include "user/clock.h"
#include "user/ctl.h"
#include "user/ctl_parse.h"
#include "user/loader.h"
#include "user/pinned.h"

#define NS 1000000000ULL

/* ---- the kernel's side ---- */

static struct settings settings;
static bool loaded, unloaded;
static int pinned_error; /* instead of -ENOENT */

int pinned_open(struct pinned **ret_pinned, struct error *e)
{
	if (!loaded)
		return error_set(e, pinned_error ? pinned_error : -ENOENT,
				 "the gate is not loaded");
	*ret_pinned = (struct pinned *)&settings;
	return 0;
}

void pinned_close(struct pinned *pinned)
{
	(void)pinned;
}

volatile struct settings *pinned_settings(struct pinned *pinned)
{
	return (struct settings *)pinned;
}

int pinned_map(const char *name, struct error *e)
{
	return error_set(e, -ENOENT, "no map %s in this test", name);
}

int pinned_counters(struct pinned *pinned, struct counters ret_counters[HOOK_MAX])
{
	(void)pinned;
	memset(ret_counters, 0, HOOK_MAX * sizeof(ret_counters[0]));
	ret_counters[HOOK_INGRESS].count[REASON_SYN] = 17;
	return 0;
}

const char *reason_name(unsigned int reason)
{
	return reason == REASON_SYN ? "syn" : "other";
}

const char *reason_kind(unsigned int reason)
{
	return reason == REASON_SYN ? "pass" : "note";
}

const char *reason_text(unsigned int reason)
{
	return reason == REASON_SYN ? "connection attempt" : "";
}

const char *hook_name(unsigned int hook)
{
	static const char *const names[] = { "xdp", "ingress", "egress", "sockops" };

	return names[hook];
}

json_t *loader_hooks(struct error *e)
{
	(void)e;
	if (!loaded)
		return NULL;
	return json_pack("[{s:s,s:s,s:s,s:i,s:b},{s:s,s:s,s:s,s:i,s:b}]", "hook", "xdp",
			 "interface", "uplink", "mode", "native", "program_id", 12, "attached", 1,
			 "hook", "egress", "interface", "uplink", "mode", "tcx", "program_id", 13,
			 "attached", 0);
}

int loader_unload(struct error *e)
{
	(void)e;
	unloaded = true;
	return 0;
}

/* ---- running a command ---- */

static char *said;
static struct error why;

/* run - a line of words as gatectl would run it; what it prints is in said */
static int run(const char *line)
{
	char copy[256], *argv[16] = { "gatectl", "--socket", mock.path }, *word, *rest;
	struct ctl ctl = { 0 };
	int argc = 3, rc;
	size_t size;

	strcpy(copy, line);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	why.text[0] = '\0';
	if (ctl_parse(argc, argv, &ctl, &why))
		fail_msg("%s: %s", line, why.text);
	free(said);
	ctl.out = open_memstream(&said, &size);
	rc = ctl.command->run(&ctl, &why);
	fclose(ctl.out);
	return rc;
}

/* said_json - what was printed as one JSON value; the caller owns it */
static json_t *said_json(void)
{
	json_t *value = json_loads(said, JSON_DECODE_ANY, NULL);

	if (!value)
		fail_msg("no JSON: %s", said);
	return value;
}

static int set_up(void **state)
{
	(void)state;
	clock_init(0);
	memset(&settings, 0, sizeof(settings));
	settings.abi = ABI_VERSION;
	settings.mode = MODE_ENFORCE;
	settings.lease_until_ns = clock_kernel_ns() + 36005 * NS;
	loaded = true;
	unloaded = false;
	pinned_error = 0;
	strcpy(mock.dir, "/tmp/test_ctl.XXXXXX");
	if (!mkdtemp(mock.dir))
		return -1;
	snprintf(mock.path, sizeof(mock.path), "%s/control.sock", mock.dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop_daemon();
	rmdir(mock.dir);
	free(said);
	said = NULL;
	return 0;
}

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

/* ---- mode and unload ---- */

static void test_mode_off_alone(void **state)
{
	json_t *object;

	(void)state;
	assert_int_equal(run("mode off -j"), 0);
	assert_int_equal(settings.mode, MODE_OFF);
	object = said_json();
	assert_string_equal(json_string_value(json_object_get(object, "mode")), "off");
	assert_non_null(strstr(json_string_value(json_object_get(object, "daemon_error")),
			       "cannot reach buildgated"));
	json_decref(object);
	assert_int_equal(run("mode"), 0);
	assert_string_equal(said, "off\n");
}

static void test_mode_off_with_daemon(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"mode\":\"off\"}}");
	assert_int_equal(run("mode off"), 0);
	assert_int_equal(settings.mode, MODE_OFF);
	assert_non_null(strstr(mock.request, "\"mode\":\"off\""));
	assert_string_equal(said, "mode is off\n");
	loaded = false;
	pinned_error = -EPERM;
	assert_int_equal(run("mode off"), 0);
}

static void test_mode_off_nowhere(void **state)
{
	(void)state;
	loaded = false;
	assert_int_equal(run("mode off"), -ENOENT);
	assert_string_equal(why.text, "the gate is not loaded");
}

static void test_mode_needs_daemon(void **state)
{
	(void)state;
	settings.mode = MODE_REPORT;
	assert_int_equal(run("mode enforce"), -ENOENT);
	assert_int_equal(settings.mode, MODE_REPORT);
	start_daemon("{\"error\":\"contact is not set\"}");
	assert_int_equal(run("mode enforce"), -EREMOTEIO);
	assert_string_equal(why.text, "contact is not set");
	assert_int_equal(run("mode"), 0);
	assert_string_equal(said, "report\n");
}

static void test_unload(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true}");
	assert_int_equal(run("unload"), 0);
	assert_true(unloaded);
	assert_non_null(strstr(said, "buildgated still runs"));
	stop_daemon();
	assert_int_equal(run("unload -j"), 0);
	assert_string_equal(said, "{\"unloaded\":true,\"daemon\":{\"running\":false}}\n");
	loaded = false;
	assert_int_equal(run("unload"), -ENOENT);
	assert_non_null(strstr(why.text, "nothing to unload"));
}

/* ---- status ---- */

static void test_status_daemon_dead(void **state)
{
	json_t *object, *daemon;
	int64_t left;

	(void)state;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "the daemon does not answer; enforcement goes on until 20"));
	assert_non_null(strstr(said, "lease       10 h left"));
	assert_non_null(strstr(said, "xdp      on uplink"));
	assert_non_null(strstr(said, "program 13, NOT ATTACHED"));

	assert_int_equal(run("status -j"), 0);
	object = said_json();
	daemon = json_object_get(object, "daemon");
	assert_true(json_is_false(json_object_get(daemon, "running")));
	assert_true(json_is_true(json_object_get(object, "loaded")));
	assert_true(json_is_null(json_object_get(object, "catalogue")));
	assert_true(json_is_null(json_object_get(object, "sources")));
	assert_int_equal(json_array_size(json_object_get(object, "hooks")), 2);
	assert_int_equal(json_array_size(json_object_get(object, "interfaces")), 1);
	left = json_integer_value(json_object_get(object, "lease_left_s"));
	assert_in_range(left, 35900, 36005);
	json_decref(object);
}

static void test_status_words(void **state)
{
	(void)state;
	settings.lease_until_ns = 1;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "the lease is over"));
	settings.mode = MODE_REPORT;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "mode is report, so nothing is enforced"));
	loaded = false;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "the gate is not loaded"));
	pinned_error = -EPERM;
	assert_int_equal(run("status"), -EPERM);
}

static void test_status_daemon_alive(void **state)
{
	json_t *object;

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"mode\":\"report\",\"catalogue\":{\"as_of\":"
		     "\"2026-10-02T00:00:00Z\",\"age_days\":50,\"stale\":true},\"policy\":"
		     "\"30-10-60\",\"sources\":{\"sources\":12,\"by_stage\":{\"1\":2,\"3\":1},"
		     "\"by_standing\":{\"outdated\":0}},\"sight\":{\"exchange\":5,\"identified\":3,"
		     "\"tls_only\":2,\"share\":0.6},\"daemon\":{\"store_ok\":false},"
		     "\"new_key\":1}}");
	assert_int_equal(run("status -j"), 0);
	object = said_json();
	/* the kernel knows better than the daemon */
	assert_string_equal(json_string_value(json_object_get(object, "mode")), "enforce");
	assert_int_equal(json_integer_value(json_object_get(object, "new_key")), 1);
	assert_true(json_is_true(json_object_get(json_object_get(object, "daemon"), "running")));
	json_decref(object);
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "daemon      running, BUT CANNOT WRITE ITS STORE"));
	assert_non_null(strstr(said, "catalogue   of 2026-10-02, 50 days old: TOO OLD"));
	assert_non_null(strstr(said, "policy      30-10-60\n"));
	assert_non_null(strstr(said,
			       "sources     12 seen, 5 spoke Exchange, 3 of these named their "
			       "build (60 %); 2 only in TLS\n"));
	assert_non_null(strstr(said, "clocks      stage 1: 2, stage 3: 1\n"));
	assert_non_null(strstr(said, "builds      none\n"));

	loaded = false;
	pinned_error = -EPERM;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "mode        report (by the daemon: no permission"));
	assert_int_equal(run("status -j"), 0);
	assert_non_null(strstr(said, "\"loaded\":null"));
	loaded = true;

	mock.answer = "{\"ok\":true,\"result\":[]}";
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "the daemon does not answer"));
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
	start_daemon("{\"ok\":true,\"result\":[" SOURCE "]}");
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
	assert_non_null(strstr(said, "syn     pass    0       17       0        0  connection"));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_change_fails),
		TEST(test_style_fits),
		TEST(test_mode_off_alone),
		TEST(test_mode_off_with_daemon),
		TEST(test_mode_off_nowhere),
		TEST(test_mode_needs_daemon),
		TEST(test_unload),
		TEST(test_status_daemon_dead),
		TEST(test_status_words),
		TEST(test_status_daemon_alive),
		TEST(test_sources),
		TEST(test_show),
		TEST(test_history),
		TEST(test_events),
		TEST(test_maps),
		TEST(test_catalogue_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
