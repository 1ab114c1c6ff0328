/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics - what Prometheus reads, from one table
 *
 * The table (metrics.c) has a row per metric: name, type, labels, help, source. To add one, add
 * its fact below, a source that writes its samples, and a row; "buildgated --metrics" writes
 * docs/metrics.md anew, which a test holds against the table. Kernel counters need no row of their
 * own: all of maps/reasons.h is there, per hook. Label values come from fixed lists, never
 * from a peer, except interface names, which are escaped, and the few addresses that the operator
 * asked for (metrics_top_sources).
 *
 * The daemon fills a struct metrics; metrics_text() only formats. A fact that could not be
 * read is marked so, and its metric is left out rather than shown as 0.
 */
#ifndef BUILDGATE_METRICS_H
#define BUILDGATE_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "maps/abi.h"
#include "maps/reasons.h"
#include "control.h"
#include "user/enforcer/enforcer.h"
#include "user/observer/observer.h"
#include "user/observer/reporter.h"
#include "user/report/outlook.h"
#include "user/store/store.h"

struct metrics {
	const struct counters *counters; /* HOOK_MAX of them; NULL: cannot be read */
	const json_t *hooks;             /* loader_hooks(); NULL: cannot be read */
	enum mode mode;
	double lease_s; /* until verdicts of the clock lapse; 0: they have */
	double clock_offset_s;
	int64_t catalogue_as_of; /* wall */
	int64_t catalogue_max_age;
	unsigned int catalogue_builds;
	int64_t catalogue_serial;
	int64_t catalogue_refused_at; /* wall; 0: the last update was not refused */
	uint64_t catalogue_taken, catalogue_refusals;
	unsigned int emergencies; /* definitions in force */
	int64_t now;              /* wall */
	bool store_ok;
	const struct store_counts *counts; /* NULL: cannot be read */
	const struct observer_stats *observer;
	const struct tally *told; /* by reporters; NULL: not known */
	const struct enforcer_stats *enforcer;
	const struct control_stats *control;
	uint64_t events_lost; /* by the daemon: a batch that could not be stored */
	int slowed;           /* sessions slowed now; negative: cannot be read */
	unsigned int hooks_expected;
	int64_t started, last_event; /* wall; 0: none yet */
	uint64_t verdicts_max,
		ranges; /* places and entries of maps that refuse what does not fit */
	uint64_t ranges_max;
	const struct outlook_counts *outlook; /* NULL: not known */
	const struct outlook_top *top;
	uint64_t mended; /* attachments that loader_check() had to restore */
};

/* metrics_text - the text format, version 0.0.4; from malloc, NULL: out of memory */
char *metrics_text(const struct metrics *metrics, size_t *ret_bytes);

/* metrics_reference - the table for people, as Markdown */
void metrics_reference(FILE *out);

#endif
