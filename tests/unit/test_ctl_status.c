// SPDX-License-Identifier: BSD-2-Clause
/* Status, mode and unload: with the daemon alive and dead, the gate loaded and not. */
#include "ctl_world.h"
#include "user/base/times.h"

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
	assert_int_equal(marks, 1); /* for the daemon that starts after a reboot */
}

/* a mark that cannot be kept is told, and off all the same */
static void test_mode_off_unmarked(void **state)
{
	(void)state;
	mark_error = -ENOSPC;
	assert_int_equal(run("mode off"), 0);
	assert_int_equal(settings.mode, MODE_OFF);
	assert_non_null(strstr(said, "until this host is started again"));
	assert_non_null(strstr(said, "the disk is full"));
}

static void test_mode_off_with_daemon(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"mode\":\"off\"}}");
	assert_int_equal(run("mode off"), 0);
	assert_int_equal(settings.mode, MODE_OFF);
	assert_non_null(strstr(mock.request, "\"mode\":\"off\""));
	assert_string_equal(said, "mode is off\n");
	assert_int_equal(marks, 0);
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
	assert_non_null(strstr(said, "buildgated does not end"));
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

/* test_mode_unconfirmed - enforce that waits to be confirmed, then nobody came: what the programs
 * do is told, not the word that still stands in the map */
static void test_mode_unconfirmed(void **state)
{
	char until[TIMES_TEXT], line[128];
	json_t *object;

	(void)state;
	settings.enforce_until_ns = clock_kernel_ns() + 300 * NS;
	times_format(clock_kernel_to_wall(settings.enforce_until_ns), until);
	assert_int_equal(run("status"), 0);
	snprintf(line, sizeof(line), "mode        enforce, to be confirmed before %s\n", until);
	assert_non_null(strstr(said, line));
	until[10] = ' ';
	snprintf(line, sizeof(line), "enforcement goes on until %s", until);
	assert_non_null(strstr(said, line));

	settings.enforce_until_ns = 1;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(i ? "status -j" : "mode -j"), 0);
		object = said_json();
		assert_string_equal(json_string_value(json_object_get(object, "mode")), "report");
		json_decref(object);
	}
	assert_int_equal(run("mode"), 0);
	assert_string_equal(said, "report: enforce was not confirmed in time\n");
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "mode        report since "));
	assert_non_null(strstr(said, "mode is report, so nothing is enforced"));

	settings.mode = MODE_OFF;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "mode        off\n"));
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
	assert_non_null(strstr(said, "daemon      running, BUT CANNOT USE ITS STORE"));
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

	/* unloaded under it */
	loaded = false;
	pinned_error = 0;
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "gate        not loaded: NOTHING IS SEEN OR ENFORCED"));
	loaded = true;

	mock.answer = "{\"ok\":true,\"result\":[]}";
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "the daemon does not answer"));
}

/* test_tls_line - TLS sight: off, blind in part, on and not working */
static void test_tls_line(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"tls_sight\":{\"on\":false}}}");
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "tls sight   off\n"));
	mock.answer = "{\"ok\":true,\"result\":{\"tls_sight\":{\"on\":true,\"why\":null,"
		      "\"covered\":[{}],\"not_covered\":[{}]}}}";
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "on, 1 mail server(s) covered, 1 NOT: see gatectl doctor"));
	mock.answer =
		"{\"ok\":true,\"result\":{\"tls_sight\":{\"on\":true,\"why\":\"of this kernel\"}}}";
	assert_int_equal(run("status"), 0);
	assert_non_null(strstr(said, "on, but NOT working"));
}

/* test_doctor - a daemon that is dead or alive, in words and as JSON; exit 1 without an error */
static void test_doctor(void **state)
{
	json_t *object;

	(void)state;
	assert_int_equal(run("doctor --config packaging/buildgate.yaml"), CTL_UNWELL);
	assert_string_equal(why.text, "");
	assert_non_null(strstr(said, "daemon     bad   the daemon does not answer"));
	assert_non_null(strstr(said, "-> systemctl start buildgated"));
	assert_non_null(strstr(said, "thing(s) need doing"));
	assert_null(strchr(said, '\033')); /* no terminal, no colour */

	start_daemon("{\"ok\":true,\"result\":{\"daemon\":{\"version\":\"0.1.0\","
		     "\"config\":\"/nowhere/b.yaml\"},"
		     "\"tls_sight\":{\"on\":true,\"why\":\"of this kernel\"}}}");
	assert_int_equal(run("doctor -j"), CTL_UNWELL);
	object = said_json();
	assert_true(json_is_false(json_object_get(object, "ok")));
	assert_string_equal(json_string_value(json_object_get(object, "level")), "bad");
	assert_true(json_is_object(json_object_get(object, "tls_sight")));
	for (size_t i = 0; i < json_array_size(json_object_get(object, "findings")); i++) {
		const json_t *row = json_array_get(json_object_get(object, "findings"), i);
		bool ok = json_is_true(json_object_get(row, "ok"));

		assert_true(json_is_string(json_object_get(row, "section")));
		assert_true(json_is_string(json_object_get(row, "finding")));
		assert_non_null(json_object_get(row, "next"));
		if (!ok && !json_is_string(json_object_get(row, "next")))
			fail_msg("no next step: %s", json_dumps(row, 0));
	}
	json_decref(object);
	assert_non_null(strstr(said, "there is no /nowhere/b.yaml"));
	assert_non_null(strstr(said, "TLS sight does NOT work: of this kernel"));
}

/* test_status_keys - what is not known is null, never absent: the gate gone, the daemon dead */
static void test_status_keys(void **state)
{
	static const char *const keys[] = {
		"loaded",         "abi",           "mode",        "at",
		"clock_offset_s", "now",           "lease_until", "lease_left_s",
		"tls_sight",      "enforce_until", "ranges",      "recheck_interval_s",
		"slow_delay_ms",  "tarpits",       "slow_max",    "slowed",
		"hooks",          "interfaces",    "daemon",      "on_stage_change",
		"catalogue",      "policy",        "sources",     "sight",
		"tls_sight",      "reporters",     "maps",
	};
	static const char *const of_daemon[] = {
		"version",   "pid",         "started",      "running_s",  "store_ok",
		"lab_clock", "events_lost", "hooks_mended", "followers",  "running",
		"error",     "meaning",     "config",       "last_event", "verdict_drift",
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *object, *daemon;

		loaded = i;
		assert_int_equal(run("status -j"), 0);
		object = said_json();
		daemon = json_object_get(object, "daemon");
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (!json_object_get(object, keys[k]))
				fail_msg("key \"%s\" is absent", keys[k]);
		for (size_t k = 0; k < sizeof(of_daemon) / sizeof(of_daemon[0]); k++)
			if (!json_object_get(daemon, of_daemon[k]))
				fail_msg("key \"daemon.%s\" is absent", of_daemon[k]);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mode_off_alone),
		TEST(test_mode_off_with_daemon),
		TEST(test_mode_off_unmarked),
		TEST(test_mode_off_nowhere),
		TEST(test_mode_needs_daemon),
		TEST(test_mode_unconfirmed),
		TEST(test_unload),
		TEST(test_status_daemon_dead),
		TEST(test_status_words),
		TEST(test_status_daemon_alive),
		TEST(test_tls_line),
		TEST(test_doctor),
		TEST(test_status_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
