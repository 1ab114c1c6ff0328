/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_history - sums over time, for charts; part of the store (store.h)
 *
 * A point is (series, moment, key) and a number. Nobody is named in them: keys are builds and
 * reasons. Whoever writes a series bounds it: points per moment, and how long it is kept.
 */
#ifndef BUILDGATE_STORE_HISTORY_H
#define BUILDGATE_STORE_HISTORY_H

#include "store.h"

/* Also in the store. */
enum history_series {
	HISTORY_BUILDS = 1, /* servers by build, at the end of a day; key: build, 0: all others */
	HISTORY_HOURS,      /* connections in an hour; key: enum history_met */
	HISTORY_DAYS,       /* the same in a day */
	HISTORY_COUNTED,    /* moment 0: what the kernel's counters said when they were read last */
};

struct history_point {
	int64_t at;
	uint64_t key;
	uint64_t count;
};

/* store_history_add - count more at a point */
int store_history_add(struct store *store, enum history_series series,
		      const struct history_point *point, struct error *e);

/* store_history_replace - all points of a moment are these, from now on */
int store_history_replace(struct store *store, enum history_series series, int64_t at,
			  const struct history_point *points, unsigned int count, struct error *e);

/* store_history_each - points at or after since, by moment, then key */
typedef int (*store_history_fn)(void *arg, const struct history_point *point);
int store_history_each(struct store *store, enum history_series series, int64_t since,
		       store_history_fn fn, void *arg, struct error *e);

/* store_history_prune - points before `before` go */
int store_history_prune(struct store *store, enum history_series series, int64_t before,
			struct error *e);

/* store_builds_each - the build of each record of the next max sources behind *after (all zero:
 * from the first) that has one and was met at or after since; 1: there may be more, 0: these were
 * all */
typedef void (*store_build_fn)(void *arg, uint64_t build);
int store_builds_each(struct store *store, struct addr *after, unsigned int max, int64_t since,
		      store_build_fn fn, void *arg, struct error *e);

#endif
