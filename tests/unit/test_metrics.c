// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/kernel/pinned.h"

static struct counters counters[HOOK_MAX];
static struct store_counts counts;
static struct observer_stats observer;
static struct enforcer_stats enforcer;
static struct control_stats control;

/* full - facts with everything in them; the caller owns hooks */
static struct metrics full(void)
{
	struct metrics m = {
		.counters = counters,
		.mode = MODE_ENFORCE,
		.lease_s = 86399.6,
		.now = 100 * 86400,
		.catalogue_as_of = 5 * 86400,
		.catalogue_max_age = 90 * 86400,
		.catalogue_builds = 465,
		.store_ok = true,
		.counts = &counts,
		.observer = &observer,
		.enforcer = &enforcer,
		.control = &control,
		.events_lost = 3,
		.slowed = 4,
		.mended = 1,
	};

	return m;
}

/* has - the text has exactly this line */
static void has(const char *text, const char *line)
{
	const char *p = text;
	size_t n = strlen(line);

	while ((p = strstr(p, line))) {
		if ((p == text || p[-1] == '\n') && p[n] == '\n')
			return;
		p += n;
	}
	fail_msg("missing: %s", line);
}

static void test_samples(void **state)
{
	struct metrics m = full();
	size_t bytes;
	char *text;

	(void)state;
	counters[HOOK_XDP].count[REASON_SILENT] = 12;
	counters[HOOK_EGRESS].count[REASON_SLOWED] = 7;
	counters[HOOK_EGRESS].count[REASON_TOKEN_OK] = 4;
	counters[HOOK_INGRESS].count[REASON_EVENT_LOST] = 1;
	counters[HOOK_EGRESS].count[REASON_EVENT_LOST] = 2;
	counts.sources = 9;
	counts.stage[3] = 2;
	counts.stage[20] = 1;
	counts.standing[STANDING_UNSUPPORTED] = 5;
	observer.taken = 6;
	enforcer.entries = 8;
	control.requests = 5;
	control.errors = 2;
	m.hooks = json_pack("[{s:s,s:s,s:b},{s:s,s:n,s:b}]", "hook", "xdp", "interface", "a\"\\b",
			    "attached", 1, "hook", "sockops", "interface", "attached", 0);
	text = metrics_text(&m, &bytes);
	assert_int_equal(strlen(text), bytes);
	has(text, "buildgate_mode{mode=\"enforce\"} 1");
	has(text, "buildgate_mode{mode=\"off\"} 0");
	has(text, "buildgate_lease_remaining_seconds 86400");
	has(text, "buildgate_catalogue_age_seconds 8208000");
	has(text, "buildgate_catalogue_stale 1");
	has(text, "buildgate_store_healthy 1");
	has(text, "buildgate_sources{sight=\"seen\"} 9");
	has(text, "buildgate_stage_identities{stage=\"0\"} 0");
	has(text, "buildgate_stage_identities{stage=\"3\"} 2");
	has(text, "buildgate_stage_identities{stage=\"20\"} 1");
	assert_null(strstr(text, "stage=\"19\""));
	has(text, "buildgate_standing_identities{standing=\"unsupported\"} 5");
	has(text, "buildgate_observations_total 6");
	has(text, "buildgate_events_lost_total{where=\"kernel\"} 3");
	has(text, "buildgate_events_lost_total{where=\"daemon\"} 3");
	has(text, "buildgate_verdicts 8");
	has(text, "buildgate_slowed_sessions 4");
	has(text, "buildgate_hook_attached{hook=\"xdp\",interface=\"a\\\"\\\\b\"} 1");
	has(text, "buildgate_hook_attached{hook=\"sockops\",interface=\"\"} 0");
	has(text, "buildgate_control_requests_total{result=\"ok\"} 3");
	has(text, "buildgate_packets_total{hook=\"xdp\",verdict=\"drop\",reason=\"silent\"} 12");
	has(text, "buildgate_packets_total{hook=\"egress\",verdict=\"pass\",reason=\"slowed\"} 7");
	has(text, "buildgate_kernel_events_total{hook=\"egress\",event=\"token_ok\"} 4");
	free(text);
	json_decref((json_t *)m.hooks);
}

/* every counter of the list has its sample at every hook, whatever is added to the list */
static void test_every_reason(void **state)
{
	struct metrics m = full();
	char needle[160];
	size_t bytes;
	char *text = metrics_text(&m, &bytes);

	(void)state;
	for (unsigned int hook = 0; hook < HOOK_MAX; hook++)
		for (unsigned int r = 1; r < REASON_MAX; r++) {
			bool note = !strcmp(reason_kind(r), "note");

			if (!strcmp(reason_kind(r), "none")) /* never counted */
				continue;
			snprintf(needle, sizeof(needle), "hook=\"%s\",%s%s%s=\"%s\"}",
				 hook_name(hook), note ? "" : "verdict=\"",
				 note ? "" : reason_kind(r), note ? "event" : "\",reason",
				 reason_name(r));
			if (!strstr(text, needle))
				fail_msg("no sample for %s", needle);
		}
	free(text);
}

static void test_unreadable(void **state)
{
	struct metrics m = { .mode = MODE_REPORT };
	size_t bytes;
	char *text = metrics_text(&m, &bytes);

	(void)state;
	assert_null(strstr(text, "buildgate_packets_total"));
	assert_null(strstr(text, "buildgate_sources"));
	assert_null(strstr(text, "where=\"kernel\""));
	has(text, "buildgate_mode{mode=\"report\"} 1");
	has(text, "buildgate_store_healthy 0");
	free(text);
}

/* what promtool would complain of: order, HELP and TYPE once, _total only on counters */
static void test_form(void **state)
{
	struct metrics m = full();
	char name[80], type[16], current[80] = "", *line, *save;
	size_t bytes;
	char *text = metrics_text(&m, &bytes);

	(void)state;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# HELP %79s", name) == 1) {
			assert_int_equal(line[strlen(line) - 1], '.');
			strcpy(current, name);
		} else if (sscanf(line, "# TYPE %79s %15s", name, type) == 2) {
			size_t n = strlen(name);
			bool total = n > 6 && !strcmp(name + n - 6, "_total");

			assert_string_equal(name, current);
			assert_int_equal(total, !strcmp(type, "counter"));
		} else {
			assert_memory_equal(line, current, strlen(current));
			assert_non_null(strchr(" {", line[strlen(current)]));
		}
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
