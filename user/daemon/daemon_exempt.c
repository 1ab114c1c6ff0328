// SPDX-License-Identifier: BSD-2-Clause
/* What the configuration exempts, in the audit trail: the fact "exempt" is what it said last. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/enforcer/decision.h"

#define FACT_BYTES (CONFIG_EXEMPT_MAX * ADDRESS_TEXT)

/* holds - this very range is among the first `count` */
static bool holds(const struct config_ranges *ranges, unsigned int count,
		  const struct config_range *range)
{
	for (unsigned int i = 0; i < count; i++)
		if (ranges->list[i].bits == range->bits &&
		    !memcmp(&ranges->list[i].addr, &range->addr, sizeof(range->addr)))
			return true;
	return false;
}

/* parse - the fact's text, which is cut up; false: that is none of ours */
static bool parse(char *text, struct config_ranges *ret)
{
	char *rest, *word = strtok_r(text, " ", &rest);

	for (; word; word = strtok_r(NULL, " ", &rest)) {
		struct config_range *range = &ret->list[ret->count];

		if (ret->count == CONFIG_EXEMPT_MAX ||
		    range_parse(word, &range->addr, &range->bits))
			return false;
		ret->count++;
	}
	return true;
}

/* format - the other way round, into FACT_BYTES */
static void format(const struct config_ranges *ranges, char *text)
{
	char word[ADDRESS_TEXT];

	*text = '\0';
	for (unsigned int i = 0; i < ranges->count; i++) {
		const struct config_range *range = &ranges->list[i];

		if (i)
			*text++ = ' ';
		text = stpcpy(text, range_format(&range->addr, range->bits, word));
	}
}

/* note_missing - an entry for each of `ranges`, once, that `others` do not have; how many */
static int note_missing(const struct operator* op, const char *what,
			const struct config_ranges *ranges, const struct config_ranges *others,
			struct error *e)
{
	static const struct decision exempt = { .kind = DECISION_EXEMPT };
	int count = 0, rc = 0;

	for (unsigned int i = 0; rc >= 0 && i < ranges->count; i++) {
		const struct config_range *range = &ranges->list[i];
		struct operator_range subject = { range->addr, range->bits };
		json_t *was = NULL, *is = NULL;

		if (holds(ranges, i, range) || holds(others, others->count, range))
			continue;
		*(strcmp(what, "exempt") ? &was : &is) = decision_json(&exempt);
		rc = operator_audit(op, what, &subject, was, is, e);
		count++;
	}
	return rc < 0 ? rc : count;
}

/* note - entries and fact in one batch, nothing where nothing changed; text has FACT_BYTES */
static int note(const struct operator* op, const struct config_ranges *is,
		struct config_ranges *was, char *text, struct error *e)
{
	int gone = 0, rc = store_fact_get(op->store, "exempt", text, FACT_BYTES, e);

	if (rc < 0)
		return rc;
	if (!parse(text, was))
		return error_set(e, -EBADMSG,
				 "store: fact \"exempt\" has \"%.60s\", expected ranges", text);
	rc = store_begin(op->store, e);
	if (rc < 0)
		return rc;
	rc = gone = note_missing(op, "unexempt", was, is, e);
	if (rc >= 0)
		rc = note_missing(op, "exempt", is, was, e);
	format(is, text);
	if (rc >= 0 && gone + rc)
		rc = store_fact_set(op->store, "exempt", text, e);
	return store_finish(op->store, rc, e);
}

/* daemon_note_exempt - see daemon.h */
int daemon_note_exempt(struct daemon *daemon, const struct config *config, const char *why,
		       struct error *e)
{
	struct operator op = { .store = daemon->store,
			       .ipv6_bits = (unsigned int)config->ipv6_prefix,
			       .now = clock_wall(),
			       .who = "buildgated",
			       .reason = why };
	struct config_ranges *was = calloc(1, sizeof(*was));
	char *text = calloc(1, FACT_BYTES);
	int rc = was && text ? note(&op, &config->exempt, was, text, e)
			     : error_set(e, -ENOMEM, "out of memory");

	free(was);
	free(text);
	return rc < 0 ? rc : 0;
}
