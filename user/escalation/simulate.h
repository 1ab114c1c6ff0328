/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simulate - the clock over a file of observations, in memory
 *
 * Reads observation and no_build objects, one JSON object per line, in any order (sorted by
 * time first), and what the operator did: {"type":"pause","at","source","days"} and
 * {"type":"unpause","at","source"}; others are passed over; judges, observes and moves clocks with
 * the very code that the daemon runs; prints one line per change of an identity's stage at the
 * moment it falls due, and one whenever the minutes enforced on its source change. Running time is
 * simulated time. Owns nothing afterwards.
 */
#ifndef BUILDGATE_SIMULATE_H
#define BUILDGATE_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/catalogue/catalogue.h"
#include "user/base/error.h"
#include "policy.h"

struct simulate_options {
	const struct policy *policy;
	const struct catalogue *catalogue;
	const struct catalogue *next; /* in force from next_at on; NULL: none comes */
	int64_t next_at;
	int64_t grace_days;
	unsigned int ipv6_bits; /* length of an IPv6 source; 0: 64 */
	int64_t now;            /* time of lines that have none; must be given */
	int64_t until;          /* stop here, ignore later input; 0: the last input */
	bool json;              /* JSON lines; else a table for people */
};

/* simulate - 0, or a negative errno with "line N: ..." in e; nothing is printed then */
int simulate(FILE *in, FILE *out, const struct simulate_options *options, struct error *e);

#endif
