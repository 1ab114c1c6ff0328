/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reference_clock - the clock once more, plain and slow, for one source
 *
 * Written from the rules alone, sentence by sentence, sharing nothing with the real one but the
 * policy's table: it keeps every connection for ever and looks at all of them again at every
 * moment at which anything could change. Only good for holding the real one against it.
 */
#ifndef BUILDGATE_TEST_REFERENCE_CLOCK_H
#define BUILDGATE_TEST_REFERENCE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/escalation/policy.h"

#define REFERENCE_NAMES       16
#define REFERENCE_CONNECTIONS 256

/* One connection. Names are numbers below REFERENCE_NAMES. */
struct reference_connection {
	int64_t at;
	unsigned int helo, server; /* server: the identity's name */
	bool build;                /* it showed one ... */
	bool strong;               /* ... received or reported */
	bool acts;                 /* ... that acts */
	/* filled by reference_run() */
	bool taken;    /* it counts: not the same mail again */
	bool decisive; /* its build may start and stop a clock ... */
	bool was;      /* ... or could when it was seen */
};

/* What holds from a moment on. */
struct reference_state {
	int64_t at;
	unsigned int stage[REFERENCE_NAMES]; /* by name */
	unsigned int throttle_min, block_min;
};

typedef void (*reference_fn)(void *arg, const struct reference_state *state);

/* reference_run - connections in order of time, no two at the same second; fn gets each state that
 * differs from the one before */
void reference_run(const struct policy *policy, struct reference_connection *list,
		   unsigned int count, int64_t until, reference_fn fn, void *arg);

#endif
