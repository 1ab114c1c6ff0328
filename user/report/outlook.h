/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outlook - what the clocks that run are coming to, and who meets the gate most
 *
 * Numbers for Prometheus that no counter keeps: they depend on today's date and on the operator's
 * decisions, so somebody has to look at every source now and then. A walk does so in
 * parts, between which the daemon does its work; the last finished one is what is shown. Call
 * outlook_begin(), then outlook_step() until it returns 0; outlook_top_begin() and
 * outlook_top_step() likewise.
 */
#ifndef BUILDGATE_OUTLOOK_H
#define BUILDGATE_OUTLOOK_H

#include "report.h"

#define OUTLOOK_TOP_MAX 100

/* What is done, or in report mode would be, with a source whose clock runs. */
enum outlook_state {
	OUTLOOK_REPORT, /* nothing yet */
	OUTLOOK_THROTTLE,
	OUTLOOK_BLOCK,
	OUTLOOK_SHARED,
	OUTLOOK_PAUSED,
	OUTLOOK_EXEMPT,
	OUTLOOK_STATES
};

enum outlook_span { OUTLOOK_3_DAYS, OUTLOOK_7_DAYS, OUTLOOK_SPANS };

struct outlook_counts {
	bool known; /* a walk has come to its end */
	uint64_t state[OUTLOOK_STATES];
	uint64_t block_due[OUTLOOK_SPANS]; /* not blocked yet, but within so many days */
};

struct outlook {
	struct addr at;
	bool walking;
	struct outlook_counts counts, coming;
};

void outlook_begin(struct outlook *outlook);

/* outlook_step - some sources more; 1: go on, 0: done, or a negative errno */
int outlook_step(struct outlook *outlook, const struct report *report, struct error *e);

const char *outlook_state_name(enum outlook_state state);
const char *outlook_span_name(enum outlook_span span); /* "3d" */

/* The sources that were slowed and refused most often. */
struct outlook_top {
	unsigned int limit; /* how many are wanted, 0: none */
	unsigned int count, coming_count;
	struct outlook_hits {
		struct addr source;
		uint64_t hits;
	} list[OUTLOOK_TOP_MAX], coming[OUTLOOK_TOP_MAX]; /* most first */
	struct addr at;
	bool walking;
	uint64_t seen; /* a map that changes could be walked for ever */
};

void outlook_top_begin(struct outlook_top *top, unsigned int limit);

/* outlook_top_add - one source's hits, for outlook_top_step() and tests */
void outlook_top_add(struct outlook_top *top, const struct addr *source, uint64_t hits);

/* outlook_top_step - some entries of the verdicts map more, of at most max; 1: go on, 0: done */
int outlook_top_step(struct outlook_top *top, int verdicts_fd, uint64_t max);

#endif
