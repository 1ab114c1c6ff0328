/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - the only door to state on disk
 *
 * Owns the database (SQLite in WAL mode, one file) under the state directory: sources and their
 * identities, raw observations and their counts per day, what was confirmed from which source,
 * operator decisions (set, exempt, pause), the audit trail, key/value facts (mode, policy, running
 * time).
 *
 * Call order: store_open(), any reads and writes, store_close(). Single writes are durable
 * when they return. Many go into one batch: store_begin(), writes, store_commit(); they are
 * durable, all of them, when store_commit() returns 0. A write that fails inside a batch makes
 * its store_commit() fail and undo the whole batch. Batches nest; the outermost counts.
 *
 * All functions return 0 or more, or a negative errno with a sentence in e: -ENOSPC disk full,
 * -EROFS read-only, -EBADMSG damaged, -ENOTSUP written by a newer version, -EBUSY in use. An
 * existing file is never replaced by an empty store. Moments are wall seconds handed in by
 * the caller. Not thread-safe: one thread owns a store.
 *
 * Strings handed to callbacks live only as long as the call. A callback that returns other than 0
 * ends the walk, which then returns that value; it must not write to the store.
 */
#ifndef BUILDGATE_STORE_H
#define BUILDGATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/base/error.h"
#include "user/escalation/escalation.h"
#include "user/observer/observation.h"

#define STORE_RAW_DAYS       8   /* raw observations are kept this long (privacy) */
#define STORE_RETENTION_DAYS 400 /* default for archived records, counts and audit */

struct store;

/* store_open - path of the file; made when neither it nor its journal is there */
int store_open(const char *path, struct store **ret_store, struct error *e);
void store_close(struct store *store);

/* store_is_new - store_open() made it, because there was none */
bool store_is_new(const struct store *store);

/* store_whole - look at every page, however many; store_open() does so up to 64 MiB only */
int store_whole(struct store *store, struct error *e);

/* store_check - 0, or -ENOENT: the file was removed or replaced while it is in use */
int store_check(const struct store *store, struct error *e);

int store_begin(struct store *store, struct error *e);
int store_commit(struct store *store, struct error *e);
/* store_finish - end a batch by how it went: commit when r is 0 or more, else undo; returns r, or
 * why it could not be committed */
int store_finish(struct store *store, int r, struct error *e);
/* store_rollback - give the outermost batch up; for callers that stop on an error */
void store_rollback(struct store *store);

/* store_limit_pages - let the file grow to this many pages (4 KiB) and no further; a smaller
 * number than it has stops it where it is */
int store_limit_pages(struct store *store, int pages);

/* ---- sources and their identities ---- */

/* store_source_load - all records of a source and what the operator said of it. Returns the
 * number of records, 0 for a source not known; ret is zeroed first, source_clear() frees it */
int store_source_load(struct store *store, const struct addr *addr, struct source *ret,
		      struct error *e);

/* store_source_save - write the dirty records (and clear that mark), drop the evicted one; a
 * pause in force is ended when paused_since is 0. Returns how many records were written */
int store_source_save(struct store *store, struct source *source, struct error *e);

/* store_source_due - at most max sources with a record whose `due` is at or before now, the
 * earliest first; whoever takes one moves it on and saves. Returns the count */
int store_source_due(struct store *store, int64_t now, struct addr *ret, unsigned int max,
		     struct error *e);

/* store_next_due - 1: *ret is the earliest `due` of all; 0: none */
int store_next_due(struct store *store, int64_t *ret, struct error *e);

/* Which sources a walk visits; zero fields do not restrict. */
struct store_filter {
	bool stage_given; /* that have an identity at `stage` */
	uint32_t stage;
	bool clocked;           /* that have an identity at stage 1 or above */
	enum standing standing; /* that have an identity with this standing */
	const char *name;       /* that have an identity of this name */
	bool archived;          /* archived identities too */
};

typedef int (*store_source_fn)(void *arg, const struct source *source);

/* store_source_page - a part of store_source_each(): what lies behind *after (all zero: from the
 * first), which moves on to the last source looked at. Ends when fn was called for max of them, or
 * STORE_PAGE_ROWS were looked at. 1: there may be more; 0: these were the last. Between two parts
 * the store may be written: who is there all the time is met once */
#define STORE_PAGE_ROWS 20000
int store_source_page(struct store *store, const struct store_filter *filter, struct addr *after,
		      unsigned int max, store_source_fn fn, void *arg, struct error *e);

/* store_source_after - at most max sources behind an address, in order of address; all zero: from
 * the first. Returns the count: a walk in parts, between which the store may be written */
int store_source_after(struct store *store, const struct addr *after, struct addr *ret,
		       unsigned int max, struct error *e);

/* store_source_each - in order of address; filter NULL: all. fn may read the store */
int store_source_each(struct store *store, const struct store_filter *filter, store_source_fn fn,
		      void *arg, struct error *e);

/* A place among all sources ranked; zeroed: before the first. */
struct store_place {
	unsigned int group;
	struct addr addr; /* the last one of the group that was given out */
};

/* store_source_ranked - the next sources, at most max, the highest stage first, then those that
 * showed a build, the worst standing first, then all others; 0: there are no more. place moves on
 * and may be kept by the caller between calls, however much has changed: what has moved ahead of
 * it is missed */
int store_source_ranked(struct store *store, struct store_place *place, struct addr *ret,
			unsigned int max, struct error *e);

/* ---- observations ---- */

typedef int (*store_observation_fn)(void *arg, const struct observation *o);

/* store_observed - 1 if one that says the same of this source (masked), less than `apart` seconds
 * before or after, is among the raw ones */
int store_observed(struct store *store, const struct addr *source, const struct observation *o,
		   int64_t apart, struct error *e);

/* store_observation_add - keep one raw, and count it for its identity, build and day; source is
 * the masked one */
int store_observation_add(struct store *store, const struct addr *source,
			  const struct observation *o, struct error *e);

/* store_observation_each - raw ones at or after since, without a judgement: the oldest minute
 * first, those of one minute as they were taken in */
int store_observation_each(struct store *store, int64_t since, store_observation_fn fn, void *arg,
			   struct error *e);

/* One row of the counts per day. */
struct store_sight {
	char name[NAME_BYTES];
	uint64_t build; /* 0: connections without a build */
	int64_t day;    /* UTC day number */
	uint32_t count;
	int64_t first_at, last_at;
};
typedef int (*store_sight_fn)(void *arg, const struct store_sight *sight);

/* store_sight_each - days of one source, oldest first */
int store_sight_each(struct store *store, const struct addr *source, store_sight_fn fn, void *arg,
		     struct error *e);

/* store_confirm - this source showed this build; three sources per build are remembered */
int store_confirm(struct store *store, const struct addr *source, uint64_t build, struct error *e);

/* store_seen - builds in [build, below) were confirmed from 3 sources; a catalogue_seen_fn */
bool store_seen(void *store, uint64_t build, uint64_t below);

/* What is remembered of a source in one word: 1 << enum family, where its builds stood, and
 * whether anything was read inside TLS. */
#define STORE_ORIGIN(origin) (1U << (8 + (origin)))
#define STORE_READ_IN_TLS    (1U << 13)

/* store_account_add - these bits are true of the source too, as seen at a moment (DESIGN: account
 * of sight); a source without records is pruned by the last such moment, 0: never */
int store_account_add(struct store *store, const struct addr *source, unsigned int bits, int64_t at,
		      struct error *e);

/* store_family_add - remember that the source was seen as family */
int store_family_add(struct store *store, const struct addr *source, uint8_t family,
		     struct error *e);

/* store_families - the bits of a source; 0: never seen */
int store_families(struct store *store, const struct addr *source, unsigned int *ret,
		   struct error *e);

/* Running totals, kept by the store itself: reading them costs nothing. */
struct store_counts {
	uint64_t sources;    /* seen in a mail connection, and kept */
	uint64_t exchange;   /* spoke Exchange, with or without a build */
	uint64_t identified; /* showed a build */
	uint64_t tls;        /* left for TLS, and nobody ever read what it says in there */
	uint64_t read_in_tls;
	uint64_t origin[ORIGIN_REPORTED + 1]; /* identified, by each place where a build stood */
	uint64_t identities;                  /* not archived */
	uint64_t stage[POLICY_STAGES_MAX + 1];
	uint64_t standing[STANDING_MAX];
};
int store_count(struct store *store, struct store_counts *ret, struct error *e);

/* ---- operator decisions ---- */

enum decision_kind {
	DECISION_SET = 1, /* action and style for an address or range */
	DECISION_EXEMPT,  /* never enforced */
	DECISION_PAUSE,   /* a source's enforcement suspended until `until` */
	DECISION_SHARED,  /* enforce this source although it is shared */
};

struct decision {
	enum decision_kind kind;
	struct addr addr;
	unsigned int bits; /* PAUSE, SHARED: those of a source */
	uint8_t action;    /* enum action; SET only */
	uint8_t style;     /* enum style; 0: the default of the action */
	int64_t at;
	int64_t until; /* 0: no end */
	int64_t ended; /* 0: in force */
	char who[64];
	char reason[256];
};

typedef int (*store_decision_fn)(void *arg, const struct decision *decision);

/* store_decision_put - in force from now on; one of the same kind and range ends at its `at` */
int store_decision_put(struct store *store, const struct decision *decision, struct error *e);

/* store_decision_end - 1: ended at `at`; 0: there was none in force */
int store_decision_end(struct store *store, enum decision_kind kind, const struct addr *addr,
		       unsigned int bits, int64_t at, struct error *e);

/* store_decision_each - those in force (whatever their `until`), or with history all, oldest
 * first; kind 0: every kind */
int store_decision_each(struct store *store, enum decision_kind kind, bool history,
			store_decision_fn fn, void *arg, struct error *e);

/* ---- audit trail ---- */

struct audit {
	int64_t id; /* rises; filled by store_audit_after() */
	int64_t at;
	const char *who;     /* "clock", "operator root", ... */
	const char *what;    /* "stage", "set", "unset", "mode", "policy", ... */
	const char *subject; /* canonical address or range, or what was changed */
	const char *why;     /* in words; NULL: nothing to say */
	const char *before;  /* JSON text; NULL: null */
	const char *after;
};

typedef int (*store_audit_fn)(void *arg, const struct audit *audit);

int store_audit_add(struct store *store, const struct audit *audit, struct error *e);

/* store_audit_new - add the entry unless the same one (who, what, subject, after) stands there at
 * or after since, or `max` of that who, what and subject do; 1: added */
int store_audit_new(struct store *store, const struct audit *audit, int64_t since, int max,
		    struct error *e);

/* store_audit_each - entries of a subject (NULL: all) at or after since, oldest first */
int store_audit_each(struct store *store, const char *subject, int64_t since, store_audit_fn fn,
		     void *arg, struct error *e);

/* store_audit_after - at most max entries behind an id, in order of id; store_audit_newest - the
 * last id, 0: there is none */
int store_audit_after(struct store *store, int64_t id, int64_t max, store_audit_fn fn, void *arg,
		      struct error *e);
int store_audit_newest(struct store *store, int64_t *ret_id, struct error *e);

/* ---- notices to other people ---- */

struct store_notice {
	const char *domain;
	int kind; /* enum notice_kind */
	const struct addr *source;
	const char *name;
	int64_t at;
};

/* store_notice_add - 1: from now on the domain had this kind, *ret_id names the entry; 0: it had it
 * before */
int store_notice_add(struct store *store, const struct store_notice *notice, int64_t *ret_id,
		     struct error *e);
int store_notice_known(struct store *store, const char *domain, int kind, struct error *e);
int store_notice_drop(struct store *store, int64_t id, struct error *e);

/* store_source_clocked - of the next max sources behind *after, which moves on, those with a
 * running clock; returns how many were looked at, fewer than max: there are no more */
int store_source_clocked(struct store *store, struct addr *after, struct addr *ret,
			 unsigned int max, unsigned int *ret_count, struct error *e);

/* ---- facts ---- */

/* store_fact_get - 1: found, in buf (cut to size); 0: not set, buf untouched */
int store_fact_get(struct store *store, const char *key, char *buf, size_t size, struct error *e);
int store_fact_set(struct store *store, const char *key, const char *value, struct error *e);

/* store_number_get - 1: found; 0: not set, *ret untouched */
int store_number_get(struct store *store, const char *key, int64_t *ret, struct error *e);
int store_number_set(struct store *store, const char *key, int64_t value, struct error *e);

/* ---- privacy ---- */

/* store_prune - remove what is past its time, a bounded part per call; returns how much, 0 when
 * nothing is left to do */
int store_prune(struct store *store, int64_t now, int64_t retention_days, struct error *e);

/* store_forget - remove everything about a source, or (name) about one of its identities;
 * returns how many identities went */
int store_forget(struct store *store, const struct addr *source, const char *name, struct error *e);

#endif
