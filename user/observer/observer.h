/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observer - from an event to what is known of its source
 *
 * Turns kernel events (and reports from outside) into observations, judges their builds with
 * the catalogue, leaves out what must not count, and takes the rest into the store and the
 * clock. Owns the list of own ranges (host, gateways, loopback), about which nothing is kept.
 *
 * Call order: observer_new(), observer_own() for each own range; then for each batch of
 * events store_begin(), observer_event() each, store_commit(), and only then publish the
 * sources that changed. observer_tick() moves the clocks that are due, in batches of its own.
 *
 * Every change of an identity goes into the audit trail, and to the change function if one
 * was given. Moments: now is wall time, running the daemon's own running time including
 * earlier runs (clock.h).
 */
#ifndef BUILDGATE_OBSERVER_H
#define BUILDGATE_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/catalogue/catalogue.h"
#include "user/base/error.h"
#include "user/escalation/escalation.h"
#include "observation.h"
#include "user/escalation/policy.h"
#include "user/store/store.h"

struct observer;

/* A source whose verdict must be published again. */
typedef void (*observer_changed_fn)(void *arg, const struct addr *source);

struct observer_options {
	struct store *store;
	const struct catalogue *catalogue;
	const struct policy *policy;
	int64_t grace_days;
	unsigned int ipv6_bits; /* length of an IPv6 source */
	/* told of every change, after it was written and before it is durable; may be NULL */
	void (*change)(void *arg, const struct change *change);
	void *change_arg;
};

/* What became of an event. */
enum observer_result {
	OBSERVER_DROPPED = 0, /* own address, repeated within 60 s, or nothing to learn from it */
	OBSERVER_TAKEN = 1,   /* counted */
	OBSERVER_CHANGED = 2, /* counted, and the source's verdict must be published again */
	OBSERVER_RECHECK = 3, /* the same, and enforcer_recheck() is due: a label says "upgraded" */
};

struct observer_stats {
	uint64_t events;
	uint64_t own;                            /* dropped: own ranges */
	uint64_t repeated;                       /* dropped: one connection per identity and 60 s */
	uint64_t taken;                          /* with a build */
	uint64_t origin[ORIGIN_REPORTED + 1][2]; /* of these, by origin; [1]: inside TLS */
	uint64_t no_build;                       /* connections without one */
	uint64_t changes;                        /* stage changes */
};

int observer_new(const struct observer_options *options, struct observer **ret_observer,
		 struct error *e);
void observer_free(struct observer *observer);

/* observer_use - another catalogue or policy from now on; NULL keeps the present one */
void observer_use(struct observer *observer, const struct catalogue *catalogue,
		  const struct policy *policy);

/* observer_own - never anything about this range; observer_own_clear - forget them all */
int observer_own(struct observer *observer, const struct addr *addr, unsigned int bits);
void observer_own_clear(struct observer *observer);
bool observer_is_own(const struct observer *observer, const struct addr *addr);

/* observer_event - one kernel event. Returns enum observer_result or a negative errno; *ret is
 * the judged observation in any case (build 0: a connection without one) */
int observer_event(struct observer *observer, const struct event *event, int64_t running,
		   struct observation *ret, struct error *e);

/* observer_take - the same for an observation from elsewhere (`gatectl observe`), which may be
 * older than now; fills its judgement */
int observer_take(struct observer *observer, struct observation *o, int64_t now, int64_t running,
		  struct error *e);

/* observer_tick - move the clocks that are due at now, the earliest first; returns how many sources
 * it moved. The changes are durable when fn is called. So that nobody waits for a million of them
 * it ends at OBSERVER_TICK_MAX or some more: call again then */
#define OBSERVER_TICK_MAX 12288
int observer_tick(struct observer *observer, int64_t now, int64_t running, observer_changed_fn fn,
		  void *arg, struct error *e);

/* What a walk over all records is for. */
enum observer_walk {
	OBSERVER_WALK_NONE = 0,
	OBSERVER_WALK_DUE,   /* wall time went back: every record looks at the time again */
	OBSERVER_WALK_JUDGE, /* catalogue or policy changed: every build is judged anew, too */
};

/* observer_walk_start - from the first source (again, if a walk was under way). Until the walk has
 * passed a source, whatever moves that source's clock judges it anew first, so that nobody is
 * enforced by the old judgement and the new table */
void observer_walk_start(struct observer *observer, enum observer_walk kind);
enum observer_walk observer_walking(const struct observer *observer);

/* observer_walk_step - one bounded part, a batch of its own. fn gets the sources that have or had a
 * clock, when their changes are durable. Returns the sources seen, 0: the walk is over; after an
 * error the same part comes again */
int observer_walk_step(struct observer *observer, int64_t now, int64_t running,
		       observer_changed_fn fn, void *arg, struct error *e);

const struct observer_stats *observer_stats(const struct observer *observer);

#endif
