/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operator - what a person decides about a source, and its place in the audit trail
 *
 * Each call writes the decision and its audit entry in one batch of the store, then has the
 * enforcer publish what follows from it. When it returns 0 the decision is durable and, where
 * the mode allows, in force; on failure nothing was decided.
 */
#ifndef BUILDGATE_OPERATOR_H
#define BUILDGATE_OPERATOR_H

#include <jansson.h>
#include <stdint.h>

#include "user/enforcer/enforcer.h"
#include "user/base/error.h"
#include "user/escalation/policy.h"
#include "user/store/store.h"

/* Who decides, when, about what; nothing is owned. */
struct operator
{
	struct store *store;
	struct enforcer *enforcer;
	const struct policy *policy;
	unsigned int ipv6_bits;
	int64_t now;     /* wall */
	int64_t running; /* the daemon's running time, earlier runs included */
	const char *who;
	const char *reason; /* NULL: none given */
};

/* An address or range as a decision names it: a single IPv6 address is widened to its source
 * for what concerns a source (set, pause, forget). */
struct operator_range {
	struct addr addr;
	unsigned int bits;
};

/* operator_range - parse "ADDR" or "CIDR"; widen: a single address becomes its source */
int operator_range(const struct operator* op, const char *text, bool widen,
		   struct operator_range *ret, struct error *e);

/* operator_set - action for a source or range until a moment (0: no end); style 0: default */
int operator_set(const struct operator* op, const struct operator_range *range, uint8_t action,
		 uint8_t style, int64_t until, struct error *e);
int operator_exempt(const struct operator* op, const struct operator_range *range, struct error *e);

/* operator_end - take back a set or an exemption; -ENOENT: there was none */
int operator_end(const struct operator* op, enum decision_kind kind,
		 const struct operator_range *range, struct error *e);

/* operator_pause - for calendar days (UTC), today the first; -EDQUOT beyond 90 a year */
int operator_pause(const struct operator* op, const struct operator_range *source,
		   unsigned int days, int64_t *ret_until, struct error *e);
int operator_unpause(const struct operator* op, const struct operator_range *source,
		     struct error *e);

/* operator_forget - everything about a source, or about identities of that name (source NULL);
 * returns how many identities went. The audit trail keeps that it was done, not to whom */
int operator_forget(const struct operator* op, const struct operator_range *source,
		    const char *name, struct error *e);

/* operator_mode - the audit entry of a change of mode, and the stored word: `kept` is what a new
 * start goes on with */
int operator_mode(const struct operator* op, enum mode was, enum mode is, enum mode kept,
		  struct error *e);

/* operator_unload - the audit entry of the gate being taken away */
int operator_unload(const struct operator* op, struct error *e);

/* operator_audit - one entry of the trail about a range (NULL: the gate); before and after are
 * taken over, NULL: nothing */
int operator_audit(const struct operator* op, const char *what, const struct operator_range *range,
		   json_t *before, json_t *after, struct error *e);

const char *operator_mode_name(enum mode mode);  /* "off", "report", "enforce" */
enum mode operator_mode_parse(const char *word); /* 0 when the word is none */

#endif
