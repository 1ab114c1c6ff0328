/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report - what people and scripts read about sources, as JSON
 *
 * Only reads: store, catalogue, policy, enforcer. The shapes are DESIGN section 6's; keys only
 * grow; moments are RFC 3339 UTC; what is not known is null, never absent. Each function
 * returns a value that the caller owns, or NULL with a sentence in e.
 */
#ifndef BUILDGATE_REPORT_H
#define BUILDGATE_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "user/catalogue/catalogue.h"
#include "user/enforcer/enforcer.h"
#include "user/base/error.h"
#include "user/base/jsontext.h"
#include "user/escalation/policy.h"
#include "user/store/store.h"

/* What a report is made from; nothing is owned. */
struct report {
	struct store *store;
	const struct enforcer *enforcer;
	const struct catalogue *catalogue;
	const struct policy *policy;
	int64_t grace_days;
	unsigned int ipv6_bits; /* of a source */
	enum mode mode;
	int64_t now;
};

/* report_sources - a part of the array of "sources -j", by address: {"rows":[],"next"}, and what
 * stands between the brackets apart, as text that the caller frees. after: all zero, or what `next`
 * of the part before says; null: it was the last. A part takes the daemon some milliseconds, so
 * that a list of a million keeps nobody waiting; who is there all the time is in it once */
#define REPORT_PART 500
json_t *report_sources(const struct report *report, const struct store_filter *filter,
		       const struct addr *after, struct jsontext *ret_rows, struct error *e);

/* report_source - one source and all that is known of it ("show -j"); an address nobody has
 * seen gives an object without identities. The address is full or masked, masked by ipv6_bits */
json_t *report_source(const struct report *report, const struct addr *addr, unsigned int ipv6_bits,
		      struct error *e);

/* report_named - array of report_source() for each source with an identity of that name */
json_t *report_named(const struct report *report, const char *name, unsigned int ipv6_bits,
		     struct error *e);

/* report_counts - {"sources","exchange","identified","tls","identities","by_stage":{"1":..},
 * "by_standing":{..}} */
json_t *report_counts(const struct report *report, struct error *e);

/* report_outdated - a part likewise, of the servers whose clock runs, and behind them of the
 * sources without a clock that met the answerer because they are set to something:
 * {"server","source","build","product",
 * "first_detected","recommended_builds":[],"throttle_date","block_date","stage",
 * "next_stage_throttle_min","next_stage_block_min","next_stage_date","reason_read"} */
json_t *report_outdated(const struct report *report, const struct addr *after,
			struct jsontext *ret_rows, struct error *e);

/* report_trail - array of the last `last` audit entries of whatever subject, oldest first */
json_t *report_trail(const struct report *report, int64_t last, struct error *e);

/* report_audit - {"entries":[],"next"}: at most REPORT_AUDIT_PART entries behind an id, without
 * those before since; next is where the following part begins, null: there is none */
#define REPORT_AUDIT_PART 1000
json_t *report_audit(const struct report *report, int64_t after, int64_t since, struct error *e);

/* report_history - array of audit entries of a subject (NULL: all) at or after since */
json_t *report_history(const struct report *report, const char *subject, int64_t since,
		       struct error *e);

#endif
