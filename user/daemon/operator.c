// SPDX-License-Identifier: BSD-2-Clause
#include "operator.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/escalation/pause.h"
#include "user/enforcer/decision.h"

#define PAUSES_MAX 512 /* of one source; more than a year can hold */

static const char *const mode_names[] = {
	[MODE_OFF] = "off",
	[MODE_REPORT] = "report",
	[MODE_ENFORCE] = "enforce",
};

/* operator_mode_name - "off" for what is not set: that is how the kernel acts */
const char *operator_mode_name(enum mode mode)
{
	return mode >= MODE_OFF && mode <= MODE_ENFORCE ? mode_names[mode] : "off";
}

/* operator_mode_parse - the word of operator_mode_name() */
enum mode operator_mode_parse(const char *word)
{
	for (enum mode mode = MODE_OFF; mode <= MODE_ENFORCE; mode++)
		if (!strcmp(mode_names[mode], word))
			return mode;
	return 0;
}

/* operator_range - what cannot be meant is refused with what could be */
int operator_range(const struct operator* op, const char *text, bool widen,
		   struct operator_range *ret, struct error *e)
{
	int rc = range_parse(text, &ret->addr, &ret->bits);

	if (!rc && widen && ret->bits == 128 && !address_is_ipv4(&ret->addr)) {
		ret->bits = op->ipv6_bits;
		address_mask(&ret->addr, ret->bits);
		if (range_holds_ipv4(&ret->addr, ret->bits))
			rc = -EDOM;
	}
	if (rc == -EDOM)
		return error_set(e, rc,
				 "'%s' is in a range that holds all of IPv4 too; expected "
				 "2000::/3 for all of IPv6, 0.0.0.0/0 for all of IPv4",
				 text);
	if (rc == -ERANGE)
		return error_set(
			e, rc, "'%s' has host bits set; expected a range like 192.0.2.0/24", text);
	if (rc)
		return error_set(e, rc,
				 "'%s' is neither an address nor a range; expected 192.0.2.7, "
				 "192.0.2.0/24 or 2001:db8::/32",
				 text);
	return 0;
}

/* is_source - the range is one source as a whole */
static bool is_source(const struct operator* op, const struct operator_range *range)
{
	return range->bits == (address_is_ipv4(&range->addr) ? 128 : op->ipv6_bits);
}

/* subject_of - a source by its first address, as in what the clock says of it: one history, and
 * forgotten as one */
static const char *subject_of(const struct operator* op, const struct operator_range *range,
			      char *buf)
{
	if (!range)
		return "gate";
	if (is_source(op, range))
		return address_format(&range->addr, buf);
	return range_format(&range->addr, range->bits, buf);
}

/* operator_audit - see operator.h */
int operator_audit(const struct operator* op, const char *what, const struct operator_range *range,
		   json_t *before, json_t *after, struct error *e)
{
	char subject[ADDRESS_TEXT];
	char *was = before ? json_dumps(before, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char *is = after ? json_dumps(after, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	struct audit entry = {
		.at = op->now,
		.who = op->who,
		.what = what,
		.subject = subject_of(op, range, subject),
		.why = op->reason,
		.before = was,
		.after = is,
	};
	int rc = store_audit_add(op->store, &entry, e);

	free(was);
	free(is);
	json_decref(before);
	json_decref(after);
	return rc < 0 ? rc : 0;
}

struct in_force {
	enum decision_kind kind;
	const struct operator_range *range;
	json_t *json;
};

/* add_in_force - the one of this very range */
static int add_in_force(void *arg, const struct decision *d)
{
	struct in_force *in = arg;

	if (d->bits != in->range->bits || memcmp(&d->addr, &in->range->addr, sizeof(d->addr)))
		return 0;
	in->json = decision_json(d);
	return 1;
}

/* in_force - what was decided before of this range, for the trail; NULL: nothing */
static json_t *in_force(const struct operator* op, enum decision_kind kind,
			const struct operator_range *range)
{
	struct in_force in = { kind, range, NULL };

	store_decision_each(op->store, kind, false, add_in_force, &in, NULL);
	return in.json;
}

/* record - a decision and its audit entry in one batch */
static int record(const struct operator* op, const struct operator_range *range,
		  struct decision *decision, const char *what, struct error *e)
{
	json_t *before;
	int rc = store_begin(op->store, e);

	if (rc < 0)
		return rc;
	decision->addr = range->addr;
	decision->bits = range->bits;
	decision->at = op->now;
	/* snprintf-like cut: a long reason is not worth a refusal */
	strncpy(decision->who, op->who, sizeof(decision->who) - 1);
	strncpy(decision->reason, op->reason ? op->reason : "", sizeof(decision->reason) - 1);
	before = in_force(op, decision->kind, range);
	rc = store_decision_put(op->store, decision, e);
	if (rc >= 0)
		rc = operator_audit(op, what, range, before, decision_json(decision), e);
	else
		json_decref(before);
	return store_finish(op->store, rc, e);
}

/* take_back - what has no place in the kernel was not decided; the trail keeps both */
static void take_back(const struct operator* op, const struct operator_range *range,
		      enum decision_kind kind)
{
	struct operator gate = * op;
	int rc = store_begin(op->store, NULL);

	if (rc < 0)
		return;
	gate.who = "buildgated";
	gate.reason = "its map is full";
	rc = store_decision_end(op->store, kind, &range->addr, range->bits, op->now, NULL);
	if (rc >= 0)
		rc = operator_audit(&gate, kind == DECISION_SET ? "unset" : "unexempt", range, NULL,
				    NULL, NULL);
	if (store_finish(op->store, rc, NULL) >= 0)
		enforcer_reload(op->enforcer, op->now, NULL);
}

/* decide - record a decision, then have it published */
static int decide(const struct operator* op, const struct operator_range *range,
		  struct decision *decision, const char *what, struct error *e)
{
	uint64_t unfit = enforcer_stats(op->enforcer)->unfit;
	int rc = record(op, range, decision, what, e);

	if (rc >= 0)
		rc = enforcer_reload(op->enforcer, op->now, e);
	/* ranges that had no place before are not this one's fault */
	if (rc == -EXFULL && enforcer_stats(op->enforcer)->unfit <= unfit)
		rc = 0;
	if (rc == -EXFULL || rc == -E2BIG)
		take_back(op, range, decision->kind);
	return rc < 0 ? rc : 0;
}

/* operator_set - a style that does not belong is refused rather than left out */
int operator_set(const struct operator* op, const struct operator_range *range, uint8_t action,
		 uint8_t style, int64_t until, struct error *e)
{
	struct decision decision = {
		.kind = DECISION_SET, .action = action, .style = style, .until = until
	};

	if (style && !style_fits(action, style))
		return error_set(
			e, -EINVAL,
			"style %s does not belong to %s; expected slow or defer for tarpit, "
			"answer or silent for drop, none for pass",
			style_name(style), action_name(action));
	return decide(op, range, &decision, "set", e);
}

/* operator_exempt - from now on, without an end */
int operator_exempt(const struct operator* op, const struct operator_range *range, struct error *e)
{
	struct decision decision = { .kind = DECISION_EXEMPT };

	return decide(op, range, &decision, "exempt", e);
}

/* operator_end - the same range as it was given */
int operator_end(const struct operator* op, enum decision_kind kind,
		 const struct operator_range *range, struct error *e)
{
	const char *what = kind == DECISION_SET ? "unset" : "unexempt";
	char text[ADDRESS_TEXT];
	int ended, rc = store_begin(op->store, e);
	json_t *before;

	if (rc < 0)
		return rc;
	before = in_force(op, kind, range);
	ended = store_decision_end(op->store, kind, &range->addr, range->bits, op->now, e);
	if (ended > 0)
		rc = operator_audit(op, what, range, before, NULL, e);
	else
		json_decref(before);
	rc = ended < 0 ? ended : rc;
	rc = store_finish(op->store, rc, e);
	if (rc < 0)
		return rc;
	if (!ended)
		return error_set(e, -ENOENT, "nothing was %s for %s",
				 kind == DECISION_SET ? "set" : "exempted",
				 range_format(&range->addr, range->bits, text));
	rc = enforcer_reload(op->enforcer, op->now, e);
	/* ranges that still have no place are not about this one */
	return rc < 0 && rc != -EXFULL ? rc : 0;
}

struct pauses {
	const struct operator_range *source;
	struct pause list[PAUSES_MAX];
	unsigned int count;
};

/* add_pause - one of the past, as long as it really lasted */
static int add_pause(void *arg, const struct decision *decision)
{
	struct pauses *pauses = arg;
	int64_t until = decision->until;

	if (decision->bits != pauses->source->bits || pauses->count == PAUSES_MAX ||
	    memcmp(&decision->addr, &pauses->source->addr, sizeof(decision->addr)))
		return 0;
	if (decision->ended && decision->ended < until)
		until = decision->ended;
	pauses->list[pauses->count++] = (struct pause) { decision->at, until };
	return 0;
}

/* move_clock - load the source, pause or unpause it, save it */
static int move_clock(const struct operator* op, const struct addr *addr, int64_t until,
		      struct error *e)
{
	struct escalation clock = { .policy = op->policy, .now = op->now, .running = op->running };
	struct source source;
	int rc = store_source_load(op->store, addr, &source, e);

	if (rc < 0)
		return rc;
	if (until)
		escalation_pause(&clock, &source, until);
	else
		escalation_unpause(&clock, &source);
	/* the decision says when it began and ended; without records there is nothing else */
	rc = store_source_save(op->store, &source, e);
	source_clear(&source);
	return rc < 0 ? rc : 0;
}

/* whole_source - not a part of one, and not many */
static int whole_source(const struct operator* op, const struct operator_range *range,
			struct error *e)
{
	if (is_source(op, range))
		return 0;
	return error_set(e, -EINVAL,
			 "pauses and records are of one source; expected an address, not a range");
}

/* operator_pause - a pause in force is replaced; its days so far stay spent */
int operator_pause(const struct operator* op, const struct operator_range *source,
		   unsigned int days, int64_t *ret_until, struct error *e)
{
	struct decision decision = { .kind = DECISION_PAUSE };
	struct pauses pauses = { .source = source };
	int rc = whole_source(op, source, e);

	if (!rc)
		rc = store_decision_each(op->store, DECISION_PAUSE, true, add_pause, &pauses, e);
	if (rc >= 0)
		rc = pause_grant(pauses.list, pauses.count, op->now, days, &decision.until, e);
	if (rc >= 0)
		rc = store_begin(op->store, e);
	if (rc < 0)
		return rc;
	rc = move_clock(op, &source->addr, decision.until, e);
	if (rc >= 0)
		rc = record(op, source, &decision, "pause", e);
	rc = store_finish(op->store, rc, e);
	if (rc >= 0)
		rc = enforcer_reload(op->enforcer, op->now, e);
	if (rc < 0)
		return rc;
	*ret_until = decision.until;
	return 0;
}

/* operator_unpause - the decision is ended first, or saving the clock would end it at its
 * planned end and its unused days would be lost */
int operator_unpause(const struct operator* op, const struct operator_range *source,
		     struct error *e)
{
	char text[ADDRESS_TEXT];
	int ended, rc = whole_source(op, source, e);
	json_t *before;

	if (!rc)
		rc = store_begin(op->store, e);
	if (rc < 0)
		return rc;
	before = in_force(op, DECISION_PAUSE, source);
	rc = ended = store_decision_end(op->store, DECISION_PAUSE, &source->addr, source->bits,
					op->now, e);
	if (ended > 0)
		rc = move_clock(op, &source->addr, 0, e);
	if (ended > 0 && rc >= 0)
		rc = operator_audit(op, "unpause", source, before, NULL, e);
	else
		json_decref(before);
	rc = store_finish(op->store, rc, e);
	if (rc < 0)
		return rc;
	if (!ended)
		return error_set(e, -ENOENT, "%s is not paused",
				 range_format(&source->addr, source->bits, text));
	rc = enforcer_reload(op->enforcer, op->now, e);
	return rc < 0 ? rc : 0;
}

struct found {
	struct addr *list;
	unsigned int count;
};

/* add_found - remember a source; the store must not be written during its walk */
static int add_found(void *arg, const struct source *source)
{
	struct found *found = arg;
	struct addr *list = reallocarray(found->list, found->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	found->list = list;
	found->list[found->count++] = source->addr;
	return 0;
}

/* forget_found - returns how many identities went */
static int forget_found(const struct operator* op, const struct found *found, const char *name,
			struct error *e)
{
	int gone = 0, rc = store_begin(op->store, e);

	if (rc < 0)
		return rc;
	for (unsigned int i = 0; rc >= 0 && i < found->count; i++) {
		rc = store_forget(op->store, &found->list[i], name, e);
		gone += rc > 0 ? rc : 0;
	}
	if (rc >= 0)
		rc = operator_audit(op, "forget", NULL, NULL,
				    json_pack("{s:i}", "identities", gone), e);
	rc = store_finish(op->store, rc, e);
	for (unsigned int i = 0; rc >= 0 && i < found->count; i++) {
		enforcer_forget(op->enforcer, &found->list[i]);
		rc = enforcer_publish(op->enforcer, &found->list[i], op->now, e);
	}
	return rc < 0 ? rc : gone;
}

/* operator_forget - of a name: wherever it was seen */
int operator_forget(const struct operator* op, const struct operator_range *source,
		    const char *name, struct error *e)
{
	struct store_filter filter = { .name = name, .archived = true };
	struct found found = { 0 };
	int rc;

	if (source) {
		rc = whole_source(op, source, e);
		found.list = rc ? NULL : malloc(sizeof(*found.list));
		if (found.list)
			found.list[found.count++] = source->addr;
	} else {
		rc = store_source_each(op->store, &filter, add_found, &found, e);
	}
	if (rc >= 0)
		rc = forget_found(op, &found, name, e);
	free(found.list);
	return rc;
}

/* operator_mode - kept is the word a restarted daemon goes on with */
int operator_mode(const struct operator* op, enum mode was, enum mode is, enum mode kept,
		  struct error *e)
{
	int rc = store_begin(op->store, e);

	if (rc < 0)
		return rc;
	rc = store_fact_set(op->store, "mode", operator_mode_name(kept), e);
	if (rc >= 0)
		rc = operator_audit(op, "mode", NULL, json_string(operator_mode_name(was)),
				    json_string(operator_mode_name(is)), e);
	rc = store_finish(op->store, rc, e);
	return rc < 0 ? rc : 0;
}

/* operator_unload - nothing changes in the store but its audit trail */
int operator_unload(const struct operator* op, struct error *e)
{
	int rc = store_begin(op->store, e);

	if (rc < 0)
		return rc;
	rc = store_finish(op->store, operator_audit(op, "unload", NULL, NULL, NULL, e), e);
	return rc < 0 ? rc : 0;
}
