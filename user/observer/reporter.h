/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reporter - who tells the gate of builds from outside, and how much they may
 *
 * One record per caller of the control command "observe" (the milter, a person, another
 * gate), named by the kernel (SO_PEERCRED). Each may tell a number of observations per minute;
 * what is beyond is lost and counted. The table is bounded: when it is full, whoever was
 * silent longest is forgotten; the totals stay.
 *
 * Pure but for its struct: time is handed in.
 */
#ifndef BUILDGATE_REPORTER_H
#define BUILDGATE_REPORTER_H

#include <jansson.h>
#include <stdint.h>

#include "maps/abi.h"

#define REPORTERS_MAX 32
#define REPORTER_NAME 64

/* What became of something told. */
enum told {
	TOLD_TAKEN = 0,    /* counted */
	TOLD_REPEATED = 1, /* the same name within 60 s: known already */
	TOLD_REFUSED = 2,  /* makes no sense, or about somebody nothing is kept about */
	TOLD_LOST = 3,     /* over the limit, or the store could not be written */
	TOLD_MAX
};

/* By origin of what was taken; 0: connections without a build. */
#define REPORTER_ORIGINS (ORIGIN_REPORTED + 1)

struct tally {
	uint64_t told[TOLD_MAX];
	uint64_t origin[REPORTER_ORIGINS];
};

struct reporter {
	char who[REPORTER_NAME];
	int64_t minute; /* the one that `used` is of */
	int64_t used;
	int64_t last_at; /* wall */
	struct tally tally;
};

struct reporters {
	struct reporter list[REPORTERS_MAX];
	unsigned int count;
	struct tally tally; /* of all there ever were */
};

/* reporters_find - the record of a caller, made at its first word; now is wall */
struct reporter *reporters_find(struct reporters *reporters, const char *who, int64_t now);

/* reporter_allow - how many of `wanted` it may tell in this minute (seconds / 60 of a clock
 * that only goes forward); they count as used */
int64_t reporter_allow(struct reporter *reporter, int64_t wanted, int64_t per_minute,
		       int64_t seconds);

/* reporters_add - what became of one request */
void reporters_add(struct reporters *reporters, struct reporter *reporter,
		   const struct tally *tally);

/* reporters_json - [{"who","taken","repeated","refused","lost","by_origin","last_at"}] */
json_t *reporters_json(const struct reporters *reporters);

const char *told_name(enum told told); /* "taken", "repeated", "refused", "lost" */

#endif
