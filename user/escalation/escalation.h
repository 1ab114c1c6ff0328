/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escalation - the clock: from what an identity showed, and when, to a stage
 *
 * Pure functions over (policy, records of one source, now): no I/O, no system time, no globals,
 * so that the daemon and `gatectl simulate` run the very same code. The rules are DESIGN
 * section 7, "Clock".
 *
 * The unit of work is a `struct source`: every record kept of one peer address. A record is a
 * `struct identity`, one per server name, and one per EHLO name that is no server name (such
 * a name only matters for "shared"). The caller loads the records of the source, calls one of
 *
 *   escalation_observe()   one connection, with or without a build
 *   escalation_due()       time has passed: some identity's `due` is reached
 *   escalation_pause(), escalation_unpause(), escalation_rejudge()
 *
 * saves the records marked `dirty`, deletes the one named in `evicted`, and asks
 * escalation_source() what is to be enforced from now on. Changes of stage come through a
 * callback while the call runs. `due` of each record says when to look again, so nobody has to
 * look at all of them; only when wall time went back must escalation_due() see every record.
 *
 * No rows of past observations are needed: what the window rules ask is kept exactly in the
 * record. Only an observation that arrives later than a newer one of the same name is judged
 * by what is known by then, in the sender's favour.
 *
 * "Decisive" is a build whose origin may start or stop the clock: received and reported
 * ("strong"), or ehlo and banner where the source has never shown a strong one. "Fine" is a
 * decisive build that does not act under the policy.
 */
#ifndef BUILDGATE_ESCALATION_H
#define BUILDGATE_ESCALATION_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/catalogue/catalogue.h"
#include "user/observer/observation.h"
#include "policy.h"

#define DAY_S                   86400
#define ESCALATION_WINDOW_S     (7 * DAY_S)   /* builds that count, and evidence */
#define ESCALATION_APART_S      3600          /* between the two connections of a start */
#define ESCALATION_DAYS         3             /* UTC days with a sighting before stage 2 */
#define ESCALATION_KEPT_S       (90 * DAY_S)  /* elapsed time outlives a stop */
#define ESCALATION_SHARED_S     (30 * DAY_S)  /* names that share a source */
#define ESCALATION_ARCHIVE_S    (180 * DAY_S) /* without any contact */
#define ESCALATION_GUARD_S      DAY_S         /* running time between upward moves */
#define ESCALATION_DEDUPE_S     60
#define ESCALATION_SHARED_NAMES 8  /* more are `shared` */
#define ESCALATION_NAMES_MAX    32 /* records of one source; beyond it the oldest goes */
#define ESCALATION_BURST        59 /* sightings less than an hour after the first, 60 s apart */
#define WHY_BYTES               256
#define EMERGENCY_ID            65

/* What is kept of one name. All moments wall seconds, 0 = never. Persist every field but
 * dirty; (source, name) is the key. */
struct identity {
	struct addr source; /* masked: the key of a verdict */
	char name[NAME_BYTES];

	uint64_t build;         /* newest decisive observation's; 0: a name without a build */
	enum standing standing; /* of that build, when it was seen or last judged */
	uint8_t origin;
	bool inside;
	bool acts;                       /* that build acts under the policy */
	bool emergency;                  /* an emergency definition matches it ... */
	char emergency_id[EMERGENCY_ID]; /* ... this one; it wants the source ... */
	bool emergency_tarpit;           /* ... slowed, else refused ... */
	uint32_t emergency_min;          /* ... for so many minutes per hour; 0: all ... */
	int64_t emergency_until;         /* ... until this moment; 0: no end */
	enum standing apart;             /* standing without it ... */
	bool apart_acts;                 /* ... and whether that acts */
	bool strong;                     /* has shown a received or reported build */
	bool archived;
	int64_t build_at; /* moment of that observation; 0: build is not decisive, only shown */

	int64_t first_seen;
	int64_t last_seen;    /* any connection of this name */
	int64_t last_taken;   /* the last one that counted (one per 60 s) ... */
	uint8_t taken_rank;   /* ... and what it carried: 0 no build, 1 weak, 2 strong */
	int64_t last_helo;    /* connection on which it was the EHLO name ... */
	int64_t last_carried; /* ... and an acting build was read, decisive or not ... */
	int64_t last_front;   /* ... and stood in the stamp of another name */
	int64_t last_acting;  /* decisive acting build: the evidence */
	int64_t last_fine;    /* decisive build that does not act */

	/* The run of acting sightings that may start the clock: its first one inside the
	 * window, and those less than an hour after it as seconds from it, ascending. */
	int64_t candidate_at;
	uint8_t burst_count;
	uint16_t burst[ESCALATION_BURST]; /* store as text or blob; empty for nearly all */

	int64_t first_outdated; /* first sighting of the clock's first run; shown to people */
	int64_t running_since;  /* elapsed counts from here; 0: the clock does not run */
	int64_t elapsed_before; /* seconds of earlier runs and before pauses */
	int64_t stopped_at;
	int64_t acting_day;   /* UTC day number of the last acting sighting counted */
	uint32_t acting_days; /* different days of this run, counted to 3 */
	uint32_t kept_days;   /* the same of earlier runs whose elapsed time is kept */
	int64_t kept_day;     /* last day among kept_days */
	uint32_t stage;
	int64_t stage_since;
	int64_t last_upward; /* running time of the last upward move under the guard; 0: none */
	int64_t paused_at;   /* elapsed time stands still since; 0: not */
	int64_t due;         /* look again at this moment; 0: only when something comes */

	bool dirty; /* changed since the caller last cleared it; not persisted */
};

/* All records of one source, and what the operator said of it. The identities are owned. */
struct source {
	struct addr addr;
	int64_t paused_since; /* 0: not paused; set by escalation_pause() */
	int64_t paused_until;
	bool enforce_shared; /* operator: enforce although shared */
	struct identity *identities;
	unsigned int count;
	unsigned int room;
	char evicted[NAME_BYTES]; /* record given up by the last call; empty: none */
};

/* source_add - append a zeroed record (loading from the store too); NULL: out of memory.
 * Pointers to records are void after it. */
struct identity *source_add(struct source *source, const char *name);
struct identity *source_find(const struct source *source, const char *name);
void source_clear(struct source *source); /* free the records, zero the rest */

enum change_kind {
	CHANGE_START = 1, /* the clock began: stage 1 */
	CHANGE_STAGE,     /* one stage up, fallen due */
	CHANGE_RESUME,    /* a relapse goes on where it stopped */
	CHANGE_INHERIT,   /* a new name took over the source's oldest clock */
	CHANGE_EMERGENCY, /* no waiting days */
	CHANGE_STOP,      /* a fine build, or one that no longer acts */
	CHANGE_LOWER,     /* withdrawn emergency, milder policy, system clock went back */
	CHANGE_ARCHIVE,
};

/* change_name - "start", "stage", ...: a word for the audit trail */
const char *change_name(enum change_kind kind);

struct change {
	int64_t at; /* wall */
	enum change_kind kind;
	const struct identity *identity; /* as it is after the change */
	uint32_t from, to;               /* stages; from == to never happens */
	char why[WHY_BYTES];             /* build, date and rule in words */
};

/* What every call needs. */
struct escalation {
	const struct policy *policy;
	int64_t now;     /* wall */
	int64_t running; /* the daemon's running time, all runs on this store; simulate: now */
	void (*changed)(void *arg, const struct change *change); /* NULL: nobody listens */
	void *arg;
};

enum observe_result {
	OBSERVE_TAKEN = 1 << 0,   /* it counted; save the source, fold it again */
	OBSERVE_RECHECK = 1 << 1, /* a fine EHLO label that may not stop the clock: let the next
				     connection of the source through at once */
};

/* escalation_observe - take in one connection; build 0: it showed none. o->judgement must be
 * filled when there is a build. Makes records for new names. Returns observe_result bits, 0 when it
 * does not count (same name within 60 s, no name at all), or -ENOMEM. */
int escalation_observe(const struct escalation *e, struct source *source,
		       const struct observation *o);

/* escalation_due - bring all records of the source up to e->now */
void escalation_due(const struct escalation *e, struct source *source);

/* escalation_next - earliest `due` of the source; 0: none */
int64_t escalation_next(const struct source *source);

/* escalation_pause - elapsed time of every record stands still until `until` */
void escalation_pause(const struct escalation *e, struct source *source, int64_t until);
void escalation_unpause(const struct escalation *e, struct source *source);

/* escalation_rejudge - catalogue or policy changed: judge the newest build of each record anew.
 * What no longer acts stops; what newly acts waits for its sightings. */
typedef void (*escalation_judge_fn)(void *arg, uint64_t build, struct judgement *ret);
void escalation_rejudge(const struct escalation *e, struct source *source,
			escalation_judge_fn judge, void *arg);

/* escalation_elapsed - seconds the clock of an identity shows at `now` */
int64_t escalation_elapsed(const struct identity *identity, int64_t now);

/* escalation_stage_due - wall moment the identity reaches `stage` if nothing changes (guard
 * and third day left aside); 0: never, or standing still */
int64_t escalation_stage_due(const struct policy *policy, const struct identity *identity,
			     unsigned int stage);

/* What the clock wants done with a source: mode, exemptions and `set` come on top. */
struct enforcement {
	uint32_t stage; /* mildest of the identities that count, 0: no clock */
	uint32_t throttle_min, block_min;
	bool shared; /* reported, never enforced */
	bool paused;
	bool stale; /* no sighting of an acting build in 7 days */
	bool emergency;
	bool inside;
	const struct identity *acting; /* the record that decides; NULL: none has a clock */
	uint64_t build;                /* its build */
	int64_t evidence_at;           /* newest sighting of an acting build */
	int64_t stage_since;
	int64_t next_stage_at; /* 0: last stage, or standing still */
	char why[WHY_BYTES];
};

/* escalation_weigh - as escalation_source(), without `why`: for those who only compare */
void escalation_weigh(const struct escalation *e, const struct source *source,
		      struct enforcement *ret);

/* escalation_source - fold the records into what is enforced from e->now on */
void escalation_source(const struct escalation *e, const struct source *source,
		       struct enforcement *ret);

#endif
