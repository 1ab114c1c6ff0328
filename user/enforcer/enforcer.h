/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enforcer - from what the store knows of a source to its verdict in the kernel
 *
 * The pure half, enforcer_decide() and enforcer_verdict(), folds the clock's stage and the
 * operator's decisions by the order of precedence (DESIGN section 6). The other half keeps the
 * verdicts and ranges maps equal to that: a source without minutes and without a `set` has no
 * entry; fields that the kernel writes (hits, recheck, pending) survive an update.
 *
 * Call order: enforcer_new(), enforcer_publish_all() once; then enforcer_publish() for each
 * source that changed, enforcer_reload() after a decision was put or ended in the store, and
 * enforcer_tick() now and then for decisions that run out. The map descriptors
 * and the settings stay their owner's; -1 and NULL: that half is off (tests, no kernel).
 *
 * A map that is full takes what fits, exemptions before all else, and the call returns -E2BIG
 * (verdicts) or -EXFULL (ranges) after it has done everything it could.
 */
#ifndef BUILDGATE_ENFORCER_H
#define BUILDGATE_ENFORCER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/base/error.h"
#include "user/escalation/escalation.h"
#include "user/escalation/policy.h"
#include "reply.h"
#include "user/store/store.h"

/* Who decided, strongest first. */
enum enforced_by {
	ENFORCED_OFF = 1,
	ENFORCED_EXEMPT,
	ENFORCED_REPORT,
	ENFORCED_SET,
	ENFORCED_PAUSE,
	ENFORCED_EMERGENCY,
	ENFORCED_SHARED,
	ENFORCED_CLOCK,
	ENFORCED_NOBODY, /* no clock runs, nothing was decided */
};

/* What is done with a source, and why. */
struct enforced {
	enum enforced_by by;
	uint8_t action; /* enum action; with minutes of both kinds: drop */
	uint8_t tarpit_style, drop_style;
	uint32_t throttle_min, block_min;
	int64_t until;        /* of the `set` that won; 0: no end */
	int64_t block_began;  /* 0: not blocked by the clock */
	int64_t paused_until; /* 0: not paused */
	bool exempt;
	bool entry;  /* the verdicts map has an entry for it */
	bool ranged; /* a range covers a part of this source */
	/* what the clock alone says; clock.acting points into the source */
	struct enforcement clock;
};

struct enforcer;

struct enforcer_options {
	struct store *store;
	const struct policy *policy;
	int verdicts_fd, ranges_fd, names_fd;
	volatile struct settings *settings; /* `ranges`, `tarpits`, `decided` are kept here */
	unsigned int ipv6_bits;
	int64_t recheck_interval;         /* seconds */
	uint8_t tarpit_style, drop_style; /* the defaults for clock verdicts */
	struct replies *replies;          /* NULL: every verdict has the general texts */
};

struct enforcer_stats {
	uint64_t published, removed;
	uint64_t drift;   /* entries of the map that the store did not know, or otherwise */
	uint64_t failed;  /* map refused (full) */
	uint64_t unfit;   /* ranges that have no place in their map now */
	uint64_t entries; /* in the verdicts map by our count */
};

int enforcer_new(const struct enforcer_options *options, struct enforcer **ret_enforcer,
		 struct error *e);
void enforcer_free(struct enforcer *enforcer);

/* enforcer_use - another policy from now on; follow it with enforcer_publish_all() */
void enforcer_use(struct enforcer *enforcer, const struct policy *policy);

/* enforcer_styles - other defaults from now on; follow it with enforcer_publish_all() */
void enforcer_styles(struct enforcer *enforcer, uint8_t tarpit_style, uint8_t drop_style);

/* enforcer_own - ranges never enforced whatever anyone says (host, gateways, loopback);
 * kept until enforcer_own_clear(); take effect at the next enforcer_reload() */
int enforcer_own(struct enforcer *enforcer, const struct addr *addr, unsigned int bits);
void enforcer_own_clear(struct enforcer *enforcer);

/* enforcer_reload - read the decisions again, rewrite the ranges map, publish what they touch */
int enforcer_reload(struct enforcer *enforcer, int64_t now, struct error *e);

/* enforcer_publish - this source's verdict into the map; 1: the map changed, 0: it was so */
int enforcer_publish(struct enforcer *enforcer, const struct addr *source, int64_t now,
		     struct error *e);

/* enforcer_publish_all - make the whole map equal to the store; returns entries changed */
int enforcer_publish_all(struct enforcer *enforcer, int64_t now, struct error *e);

/* enforcer_repair - the same where all that changed was published: what differs is drift, of both
 * maps, and counted as such. A part per call, some milliseconds; 1: there is more, 0: all of it was
 * compared. In between the enforcer may do whatever else there is to do; what is wanted otherwise
 * altogether (enforcer_use() and its like) ends it, and the next call begins anew */
int enforcer_repair(struct enforcer *enforcer, int64_t now, struct error *e);

/* enforcer_next_end - when enforcer_tick() has to end the next decision: until then a narrower one
 * hides the wider one around it, also in the kernel */
int64_t enforcer_next_end(const struct enforcer *enforcer, int64_t now);

/* enforcer_tick - decisions whose time is over are ended and audited; returns map changes. What
 * the clock changes by time alone comes from observer_tick(): call that first */
int enforcer_tick(struct enforcer *enforcer, int64_t now, struct error *e);

/* enforcer_decide - what is done with a source in `mode`: its records folded by the clock, and
 * the decisions in force at now. In off and report mode the minutes are what would be enforced,
 * the action is pass */
void enforcer_decide(const struct enforcer *enforcer, const struct source *source, enum mode mode,
		     int64_t now, struct enforced *ret);

/* enforcer_verdict - the map's value for it; false: no entry. Times in kernel time */
bool enforcer_verdict(const struct enforcer *enforcer, const struct addr *source,
		      const struct enforced *enforced, struct verdict *ret);

/* enforcer_recheck - the next connection of a blocked source may show an upgrade, at once;
 * 1: granted, 0: it is not blocked */
int enforcer_recheck(struct enforcer *enforcer, const struct addr *source, struct error *e);

/* enforcer_forget - what the kernel alone remembers of a source: names that it was refused under */
void enforcer_forget(struct enforcer *enforcer, const struct addr *source);

/* enforcer_is_exempt - a decision in force exempts this very address */
bool enforcer_is_exempt(const struct enforcer *enforcer, const struct addr *addr, int64_t now);

/* enforcer_decided - the decision of a kind in force over the whole of a range, NULL: none; it
 * lives until decisions change */
const struct decision *enforcer_decided(const struct enforcer *enforcer, enum decision_kind kind,
					const struct addr *addr, unsigned int bits, int64_t now);

/* enforcer_exempts - all of a range is never enforced: exempt at now, or the host's own */
bool enforcer_exempts(const struct enforcer *enforcer, const struct addr *addr, unsigned int bits,
		      int64_t now);

/* enforcer_look - the live entry of a source; 1: there, 0: none */
int enforcer_look(const struct enforcer *enforcer, const struct addr *source, struct verdict *ret);

const struct enforcer_stats *enforcer_stats(const struct enforcer *enforcer);

const char *enforced_by_name(enum enforced_by by); /* "clock", "set", ... */
const char *action_name(uint8_t action);           /* "pass", "tarpit", "drop" */
const char *style_name(uint8_t style);             /* "slow", "defer", "answer", "silent" */
uint8_t action_parse(const char *word);            /* 0 when the word is none */
uint8_t style_parse(const char *word);

/* style_fits - the style belongs to the action */
bool style_fits(uint8_t action, uint8_t style);

#endif
