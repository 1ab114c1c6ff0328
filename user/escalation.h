/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escalation - the clock: from what an identity showed, and when, to a stage
 *
 * Pure functions over (policy, record, now): no I/O, no system time, no globals, so that the
 * daemon and `gatectl simulate` run the very same code. The rules are DESIGN section 7.
 *
 * A `struct identity` is what is kept of one (source, server name); the store saves and loads
 * it whole. escalation_observe() takes in one connection; escalation_due() moves the clock to
 * `now`; escalation_source() folds all identities of a source into what is enforced. Each
 * reports every change through a callback, at the moment it fell due.
 */
#ifndef BUILDGATE_ESCALATION_H
#define BUILDGATE_ESCALATION_H

#include <stdbool.h>
#include <stdint.h>

#include "../maps/abi.h"
#include "catalogue.h"
#include "observation.h"
#include "policy.h"

#define DAY_S 86400

/* What the clock remembers of an identity. All moments wall seconds, 0 = never. */
struct identity {
	struct addr source; /* masked: the key of a verdict */
	char name[NAME_BYTES];

	uint64_t build; /* the newest observation's */
	enum standing standing;
	uint8_t origin;
	bool inside;
	bool acts; /* that build acts under the policy */
	int64_t first_seen;
	int64_t last_seen;  /* any connection of this name */
	int64_t last_taken; /* the last one that counted (one per 60 s) */

	int64_t candidate_at;   /* first acting connection of the run that may start the clock */
	int64_t first_outdated; /* elapsed time counts from here; shown to people */
	int64_t running_since;  /* 0: the clock does not run */
	int64_t elapsed_before; /* seconds of earlier runs and before pauses */
	int64_t stopped_at;
	int64_t last_acting; /* newest evidence */
	int64_t last_fine;
	int64_t acting_day;   /* UTC day number of the last acting sighting */
	uint32_t acting_days; /* different days, counted to 3 */
	uint32_t stage;
	int64_t stage_since;
	int64_t last_upward; /* running time (clock_running) of the last upward move */
	int64_t paused_at;   /* source paused since; 0: not */
	int64_t due;         /* look again at this moment; 0: only when something comes */
	bool archived;
};

#endif
