// SPDX-License-Identifier: BSD-2-Clause
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/kernel/pinned.h"
#include "user/version.h"

struct metric {
	const char *name, *type;
	const char *labels; /* all that its samples have, in their order; "": none */
	const char *help;
	void (*source)(FILE *out, const char *name, const struct metrics *m);
};

/* whole - a sample without labels */
static void whole(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* one - a sample with one label whose value comes from a list of ours */
static void one(FILE *out, const char *name, const char *label, const char *value, uint64_t number)
{
	fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, number);
}

/* escaped - a label value that is not from a list of ours */
static void escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void build_info(FILE *out, const char *name, const struct metrics *m)
{
	(void)m;
	fprintf(out, "%s{version=\"%s\",abi=\"%d\"} 1\n", name, BUILDGATE_VERSION, ABI_VERSION);
}

static void mode(FILE *out, const char *name, const struct metrics *m)
{
	one(out, name, "mode", "off", m->mode == MODE_OFF);
	one(out, name, "mode", "report", m->mode == MODE_REPORT);
	one(out, name, "mode", "enforce", m->mode == MODE_ENFORCE);
}

static void lease(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %.0f\n", name, m->lease_s);
}

static void clock_offset(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %.0f\n", name, m->clock_offset_s);
}

static void catalogue_age(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %" PRId64 "\n", name, m->now - m->catalogue_as_of);
}

static void catalogue_stale(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->now - m->catalogue_as_of > m->catalogue_max_age);
}

static void catalogue_builds(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->catalogue_builds);
}

static void catalogue_serial_of(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %" PRId64 "\n", name, m->catalogue_serial);
}

static void catalogue_refused(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %" PRId64 "\n", name,
		m->catalogue_refused_at ? m->now - m->catalogue_refused_at + 1 : 0);
}

static void catalogue_updates(FILE *out, const char *name, const struct metrics *m)
{
	one(out, name, "result", "taken", m->catalogue_taken);
	one(out, name, "result", "refused", m->catalogue_refusals);
}

static void emergencies(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->emergencies);
}

static void store_healthy(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->store_ok);
}

static void sources(FILE *out, const char *name, const struct metrics *m)
{
	if (!m->counts)
		return;
	one(out, name, "sight", "seen", m->counts->sources);
	one(out, name, "sight", "exchange", m->counts->exchange);
	one(out, name, "sight", "identified", m->counts->identified);
	one(out, name, "sight", "tls_only", m->counts->tls);
	one(out, name, "sight", "read_in_tls", m->counts->read_in_tls);
}

/* identified - a source that showed builds in several places counts at each of them */
static void identified(FILE *out, const char *name, const struct metrics *m)
{
	for (uint8_t i = ORIGIN_BANNER; m->counts && i <= ORIGIN_REPORTED; i++)
		one(out, name, "origin", origin_name(i), m->counts->origin[i]);
}

static void by_stage(FILE *out, const char *name, const struct metrics *m)
{
	char stage[12];

	for (unsigned int i = 0; m->counts && i <= POLICY_STAGES_MAX; i++) {
		/* the stages a policy has are few; the first ones are always there */
		if (i > 4 && !m->counts->stage[i])
			continue;
		snprintf(stage, sizeof(stage), "%u", i);
		one(out, name, "stage", stage, m->counts->stage[i]);
	}
}

static void by_standing(FILE *out, const char *name, const struct metrics *m)
{
	for (unsigned int i = STANDING_UNKNOWN; m->counts && i < STANDING_MAX; i++)
		one(out, name, "standing", standing_name(i), m->counts->standing[i]);
}

static void observations(FILE *out, const char *name, const struct metrics *m)
{
	if (m->observer)
		whole(out, name, m->observer->taken);
}

static void by_origin(FILE *out, const char *name, const struct metrics *m)
{
	for (uint8_t i = ORIGIN_BANNER; m->observer && i <= ORIGIN_REPORTED; i++)
		for (unsigned int tls = 0; tls < 2; tls++)
			fprintf(out, "%s{origin=\"%s\",tls=\"%s\"} %" PRIu64 "\n", name,
				origin_name(i), tls ? "yes" : "no", m->observer->origin[i][tls]);
}

static void reports(FILE *out, const char *name, const struct metrics *m)
{
	for (enum told i = 0; m->told && i < TOLD_MAX; i++)
		one(out, name, "result", told_name(i), m->told->told[i]);
}

static void reports_taken(FILE *out, const char *name, const struct metrics *m)
{
	for (uint8_t i = 0; m->told && i < REPORTER_ORIGINS; i++)
		one(out, name, "origin", i ? origin_name(i) : "no_build", m->told->origin[i]);
}

static void connections(FILE *out, const char *name, const struct metrics *m)
{
	if (!m->observer)
		return;
	one(out, name, "result", "build", m->observer->taken);
	one(out, name, "result", "no_build", m->observer->no_build);
	one(out, name, "result", "repeated", m->observer->repeated);
	one(out, name, "result", "own", m->observer->own);
}

static void events_lost(FILE *out, const char *name, const struct metrics *m)
{
	uint64_t kernel = 0;

	for (unsigned int hook = 0; m->counters && hook < HOOK_MAX; hook++)
		kernel += m->counters[hook].count[REASON_EVENT_LOST];
	if (m->counters)
		one(out, name, "where", "kernel", kernel);
	one(out, name, "where", "daemon", m->events_lost);
}

static void stage_changes(FILE *out, const char *name, const struct metrics *m)
{
	if (m->observer)
		whole(out, name, m->observer->changes);
}

static void verdicts(FILE *out, const char *name, const struct metrics *m)
{
	if (m->enforcer)
		whole(out, name, m->enforcer->entries);
}

static void verdict_updates(FILE *out, const char *name, const struct metrics *m)
{
	if (!m->enforcer)
		return;
	one(out, name, "result", "published", m->enforcer->published);
	one(out, name, "result", "removed", m->enforcer->removed);
	one(out, name, "result", "failed", m->enforcer->failed);
}

static void verdict_drift(FILE *out, const char *name, const struct metrics *m)
{
	if (m->enforcer)
		whole(out, name, m->enforcer->drift);
}

static void start_time(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %" PRId64 "\n", name, m->started);
}

static void last_event(FILE *out, const char *name, const struct metrics *m)
{
	fprintf(out, "%s %" PRId64 "\n", name, m->last_event);
}

static void clocked(FILE *out, const char *name, const struct metrics *m)
{
	for (int i = 0; m->outlook && m->outlook->known && i < OUTLOOK_STATES; i++)
		one(out, name, "state", outlook_state_name(i), m->outlook->state[i]);
}

static void blocks_due(FILE *out, const char *name, const struct metrics *m)
{
	for (int i = 0; m->outlook && m->outlook->known && i < OUTLOOK_SPANS; i++)
		one(out, name, "within", outlook_span_name(i), m->outlook->block_due[i]);
}

/* top_sources - the operator bounds how many */
static void top_sources(FILE *out, const char *name, const struct metrics *m)
{
	char source[ADDRESS_TEXT];

	for (unsigned int i = 0; m->top && i < m->top->count; i++)
		one(out, name, "source", address_format(&m->top->list[i].source, source),
		    m->top->list[i].hits);
}

static void map_entries(FILE *out, const char *name, const struct metrics *m)
{
	if (m->enforcer)
		one(out, name, "map", "verdicts", m->enforcer->entries);
	one(out, name, "map", "ranges", m->ranges);
}

static void map_max(FILE *out, const char *name, const struct metrics *m)
{
	one(out, name, "map", "verdicts", m->verdicts_max);
	one(out, name, "map", "ranges", m->ranges_max);
}

static void expected(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->hooks_expected);
}

/* text_of - a string of a hooks row; the kernel side may not know it */
static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static void hooks(FILE *out, const char *name, const struct metrics *m)
{
	const json_t *row;
	size_t i;

	json_array_foreach (m->hooks, i, row) {
		fprintf(out, "%s{hook=\"", name);
		escaped(out, text_of(row, "hook"));
		fputs("\",interface=\"", out);
		escaped(out, text_of(row, "interface"));
		fputs("\",mode=\"", out);
		escaped(out, text_of(row, "mode"));
		fprintf(out, "\"} %d\n", json_is_true(json_object_get(row, "attached")));
	}
}

static void slowed(FILE *out, const char *name, const struct metrics *m)
{
	if (m->slowed >= 0)
		whole(out, name, (uint64_t)m->slowed);
}

static void mended(FILE *out, const char *name, const struct metrics *m)
{
	whole(out, name, m->mended);
}

static void requests(FILE *out, const char *name, const struct metrics *m)
{
	if (!m->control)
		return;
	one(out, name, "result", "ok", m->control->requests - m->control->errors);
	one(out, name, "result", "error", m->control->errors);
}

static void followers_dropped(FILE *out, const char *name, const struct metrics *m)
{
	if (m->control)
		whole(out, name, m->control->dropped);
}

/* packets - the ways out of the programs; a packet is counted once */
static void packets(FILE *out, const char *name, const struct metrics *m)
{
	for (unsigned int hook = 0; m->counters && hook < HOOK_MAX; hook++)
		for (unsigned int r = 0; r < REASON_MAX; r++) {
			const char *kind = reason_kind(r);

			if (!strcmp(kind, "none") || !strcmp(kind, "note"))
				continue;
			fprintf(out, "%s{hook=\"%s\",verdict=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				name, hook_name(hook), kind, reason_name(r),
				(uint64_t)m->counters[hook].count[r]);
		}
}

/* kernel_events - what happened on the way */
static void kernel_events(FILE *out, const char *name, const struct metrics *m)
{
	for (unsigned int hook = 0; m->counters && hook < HOOK_MAX; hook++)
		for (unsigned int r = 0; r < REASON_MAX; r++)
			if (!strcmp(reason_kind(r), "note"))
				fprintf(out, "%s{hook=\"%s\",event=\"%s\"} %" PRIu64 "\n", name,
					hook_name(hook), reason_name(r),
					(uint64_t)m->counters[hook].count[r]);
}

/* The interface towards Prometheus: names and labels only grow. */
static const struct metric table[] = {
	{ "buildgate_build_info", "gauge", "version, abi",
	  "Version of the daemon and of the map layout.", build_info },
	{ "buildgate_start_time_seconds", "gauge", "",
	  "When this daemon was started, in seconds since 1970.", start_time },
	{ "buildgate_mode", "gauge", "mode", "1 for the mode the gate is in.", mode },
	{ "buildgate_lease_remaining_seconds", "gauge", "",
	  "Time until verdicts of the clock lapse if nobody renews the lease.", lease },
	{ "buildgate_clock_offset_seconds", "gauge", "",
	  "How far a lab clock is ahead; 0 without one.", clock_offset },
	{ "buildgate_catalogue_age_seconds", "gauge", "", "Time since the catalogue's list ends.",
	  catalogue_age },
	{ "buildgate_catalogue_stale", "gauge", "", "1 if the catalogue is older than allowed.",
	  catalogue_stale },
	{ "buildgate_catalogue_builds", "gauge", "", "Builds that the catalogue lists.",
	  catalogue_builds },
	{ "buildgate_catalogue_serial", "gauge", "", "Serial of the catalogue in force.",
	  catalogue_serial_of },
	{ "buildgate_catalogue_refused_seconds", "gauge", "",
	  "Time since an update was first refused; 0 if none was, or one was taken since.",
	  catalogue_refused },
	{ "buildgate_catalogue_updates_total", "counter", "result",
	  "Catalogues offered, by what came of it.", catalogue_updates },
	{ "buildgate_emergencies", "gauge", "", "Emergency definitions in force.", emergencies },
	{ "buildgate_store_healthy", "gauge", "", "1 if the last write to the store succeeded.",
	  store_healthy },
	{ "buildgate_sources", "gauge", "sight", "Sources by what was seen of them.", sources },
	{ "buildgate_sources_identified", "gauge", "origin",
	  "Sources that named a build, by where it stood; one may count at several.", identified },
	{ "buildgate_clocked_sources", "gauge", "state",
	  "Sources whose clock runs, by what is done with them (in report mode: would be).",
	  clocked },
	{ "buildgate_blocks_due", "gauge", "within",
	  "Sources that will be blocked within so many days unless they are upgraded.",
	  blocks_due },
	{ "buildgate_top_source_hits", "gauge", "source",
	  "Delays and refusals so far, of the sources with most of them (metrics_top_sources).",
	  top_sources },
	{ "buildgate_stage_identities", "gauge", "stage",
	  "Identities by stage of the clock; 0: no clock runs.", by_stage },
	{ "buildgate_standing_identities", "gauge", "standing",
	  "Identities by standing of their newest build.", by_standing },
	{ "buildgate_observations_total", "counter", "", "Builds taken in.", observations },
	{ "buildgate_observations_by_origin_total", "counter", "origin, tls",
	  "Builds taken in, by where they stood and whether inside TLS.", by_origin },
	{ "buildgate_reports_total", "counter", "result",
	  "What the milter and others told, by what became of it.", reports },
	{ "buildgate_reports_taken_total", "counter", "origin",
	  "What was taken of it, by where the build stood.", reports_taken },
	{ "buildgate_connections_total", "counter", "result",
	  "Ended mail connections by what came of them.", connections },
	{ "buildgate_events_lost_total", "counter", "where", "Events that never reached the store.",
	  events_lost },
	{ "buildgate_last_event_timestamp_seconds", "gauge", "",
	  "When the kernel last told of a mail connection, in seconds since 1970; 0: not since the "
	  "start.",
	  last_event },
	{ "buildgate_stage_changes_total", "counter", "", "Changes of an identity's stage.",
	  stage_changes },
	{ "buildgate_verdicts", "gauge", "", "Entries in the verdicts map.", verdicts },
	{ "buildgate_verdict_updates_total", "counter", "result", "Verdicts written to the kernel.",
	  verdict_updates },
	{ "buildgate_verdict_drift_total", "counter", "",
	  "Verdicts found in the kernel that the store said otherwise.", verdict_drift },
	{ "buildgate_map_entries", "gauge", "map",
	  "Entries in the maps that refuse what does not fit.", map_entries },
	{ "buildgate_map_max_entries", "gauge", "map", "How many entries these maps can hold.",
	  map_max },
	{ "buildgate_slowed_sessions", "gauge", "", "Connections that are slowed now (tarpit).",
	  slowed },
	{ "buildgate_hook_attached", "gauge", "hook, interface, mode",
	  "1 for each hook that is attached.", hooks },
	{ "buildgate_hooks_expected", "gauge", "",
	  "How many hooks are attached when all is as configured.", expected },
	{ "buildgate_hooks_mended_total", "counter", "", "Hooks that had to be attached again.",
	  mended },
	{ "buildgate_control_requests_total", "counter", "result",
	  "Requests on the control socket.", requests },
	{ "buildgate_followers_dropped_total", "counter", "",
	  "Readers of events that were too slow and dropped.", followers_dropped },
	{ "buildgate_packets_total", "counter", "hook, verdict, reason",
	  "Packets by hook and by why they passed or were dropped.", packets },
	{ "buildgate_kernel_events_total", "counter", "hook, event",
	  "What the kernel programs noted on the way, by hook.", kernel_events },
};

/* write_metric - samples first, so that a metric without any leaves no empty header */
static int write_metric(FILE *out, const struct metric *metric, const struct metrics *m)
{
	char *samples = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&samples, &bytes);

	if (!f)
		return -1;
	metric->source(f, metric->name, m);
	if (fclose(f)) {
		free(samples);
		return -1;
	}
	if (bytes)
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s", metric->name, metric->help,
			metric->name, metric->type, samples);
	free(samples);
	return 0;
}

/* metrics_text - every row of the table */
char *metrics_text(const struct metrics *metrics, size_t *ret_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_bytes);
	int rc = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; !rc && i < sizeof(table) / sizeof(table[0]); i++)
		rc = write_metric(out, &table[i], metrics);
	if (fclose(out) || rc) {
		free(text);
		return NULL;
	}
	return text;
}

/* metrics_reference - one row each, in the order of the page */
void metrics_reference(FILE *out)
{
	fputs("| metric | type | labels | what it says |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", table[i].name, table[i].type,
			table[i].labels, table[i].help);
}
