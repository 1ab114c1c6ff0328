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
	m.hooks = json_pack("[{s:s,s:s,s:s,s:b},{s:s,s:n,s:b}]", "hook", "xdp", "interface",
			    "a\"\\b", "mode", "native", "attached", 1, "hook", "sockops",
			    "interface", "attached", 0);
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
	has(text,
	    "buildgate_hook_attached{hook=\"xdp\",interface=\"a\\\"\\\\b\",mode=\"native\"} 1");
	has(text, "buildgate_hook_attached{hook=\"sockops\",interface=\"\",mode=\"\"} 0");
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

/* reference - the table as people read it; the caller frees it */
static void reference(char **ret_text)
{
	size_t bytes;
	FILE *out = open_memstream(ret_text, &bytes);

	metrics_reference(out);
	fclose(out);
}

/* labels_of - what the table says that a metric's samples have: "hook, verdict, reason" */
static void labels_of(const char *table, const char *name, char *ret)
{
	char start[100];
	const char *row;

	snprintf(start, sizeof(start), "| `%s` |", name);
	row = strstr(table, start);
	if (!row)
		fail_msg("%s is not in the table", name);
	ret[0] = '\0';
	sscanf(row + strlen(start), " %*[a-z] | %99[a-z_, ] |", ret);
	for (char *end = ret + strlen(ret); end > ret && end[-1] == ' ';)
		*--end = '\0';
}

/* names_in - the label names of a sample, in the same form */
static void names_in(const char *line, char *ret)
{
	const char *at = strchr(line, '{');
	bool quoted = false;

	ret[0] = '\0';
	for (; at && *at && (quoted || *at != '}'); at++) {
		if (*at == '"' && at[-1] != '\\')
			quoted = !quoted;
		if (!quoted && (*at == '{' || *at == ',')) {
			size_t n = strcspn(at + 1, "=");

			sprintf(ret + strlen(ret), "%s%.*s", *ret ? ", " : "", (int)n, at + 1);
		}
	}
}

/* every metric of the table is there when all is known, with exactly the labels it says; a label
 * is never a peer's but where the operator asked for it */
static void test_labels(void **state)
{
	char *table = NULL, *line, *save, *text, said[128], has_[128], name[80];
	struct outlook_counts outlook = { .known = true, .block_due = { 2, 3 } };
	struct outlook_top top = { .limit = 1, .count = 1, .list = { { .hits = 12 } } };
	struct tally told = { 0 };
	struct metrics m = full();
	unsigned int rows = 0, metrics = 0;
	size_t bytes;

	(void)state;
	reference(&table);
	top.list[0].source = (struct addr) { .b = { [10] = 255, 255, 192, 0, 2, 7 } };
	m.outlook = &outlook;
	m.top = &top;
	m.told = &told;
	m.hooks = json_pack("[{s:s,s:s,s:s,s:b}]", "hook", "xdp", "interface", "eth0", "mode",
			    "native", "attached", 1);
	text = metrics_text(&m, &bytes);
	has(text, "buildgate_blocks_due{within=\"3d\"} 2");
	has(text, "buildgate_blocks_due{within=\"7d\"} 3");
	has(text, "buildgate_clocked_sources{state=\"shared\"} 0");
	has(text, "buildgate_top_source_hits{source=\"192.0.2.7\"} 12");
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		metrics += !strncmp(line, "# TYPE", 6);
		if (*line == '#')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, " {"), line);
		labels_of(table, name, said);
		names_in(line, has_);
		if (strcmp(said, has_))
			fail_msg("%s: the table says '%s'", line, said);
	}
	for (line = table; (line = strstr(line, "\n| `")); line++)
		rows++;
	assert_int_equal(metrics, rows);
	free(table);
	free(text);
	json_decref((json_t *)m.hooks);
}

/* docs/metrics.md has the table as it is now */
static void test_documented(void **state)
{
	char *table = NULL, *text = NULL;
	FILE *f = fopen("docs/metrics.md", "r");
	size_t size = 0;

	(void)state;
	if (!f) {
		print_message("docs/metrics.md is not here; run from the top of the tree\n");
		skip();
	}
	reference(&table);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	if (!strstr(text, table))
		fail_msg("docs/metrics.md is old: its table is \"build/buildgated --metrics\"");
	fclose(f);
	free(table);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_form),         cmocka_unit_test(test_samples),
		cmocka_unit_test(test_labels),       cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
