// SPDX-License-Identifier: BSD-2-Clause
/* The pure half: from records and decisions to what is done, and to the map's value for it. */
#include "enforcer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "enforcer_private.h"

#define HOUR_S 3600

static const char *const by_names[] = {
	[ENFORCED_OFF] = "off",       [ENFORCED_EXEMPT] = "exempt",
	[ENFORCED_REPORT] = "report", [ENFORCED_SET] = "set",
	[ENFORCED_PAUSE] = "pause",   [ENFORCED_EMERGENCY] = "emergency",
	[ENFORCED_SHARED] = "shared", [ENFORCED_CLOCK] = "clock",
	[ENFORCED_NOBODY] = "nobody",
};

static const char *const action_names[] = {
	[ACTION_PASS] = "pass",
	[ACTION_TARPIT] = "tarpit",
	[ACTION_DROP] = "drop",
};

static const char *const style_names[] = {
	[STYLE_SLOW] = "slow",
	[STYLE_DEFER] = "defer",
	[STYLE_ANSWER] = "answer",
	[STYLE_SILENT] = "silent",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* word_index - 0 for a word that is not in the table */
static uint8_t word_index(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 1; i < count; i++)
		if (!strcmp(words[i], word))
			return (uint8_t)i;
	return 0;
}

/* enforced_by_name - NULL when not set */
const char *enforced_by_name(enum enforced_by by)
{
	return by < COUNT(by_names) ? by_names[by] : NULL;
}

/* action_name - NULL when not set */
const char *action_name(uint8_t action)
{
	return action < COUNT(action_names) ? action_names[action] : NULL;
}

/* style_name - NULL when not set */
const char *style_name(uint8_t style)
{
	return style < COUNT(style_names) ? style_names[style] : NULL;
}

/* action_parse - the word of action_name() */
uint8_t action_parse(const char *word)
{
	return word_index(action_names, COUNT(action_names), word);
}

/* style_parse - the word of style_name() */
uint8_t style_parse(const char *word)
{
	return word_index(style_names, COUNT(style_names), word);
}

/* style_fits - pass has no style */
bool style_fits(uint8_t action, uint8_t style)
{
	if (action == ACTION_TARPIT)
		return style == STYLE_SLOW || style == STYLE_DEFER;
	return action == ACTION_DROP && (style == STYLE_ANSWER || style == STYLE_SILENT);
}

/* enforcer_source_bits - IPv4 whole, IPv6 as configured */
unsigned int enforcer_source_bits(const struct enforcer *enforcer, const struct addr *addr)
{
	return address_is_ipv4(addr) ? 128 : enforcer->options.ipv6_bits;
}

/* enforcer_in_force - until is the first moment it does not hold */
bool enforcer_in_force(const struct decision *decision, int64_t now)
{
	return !decision->until || decision->until > now;
}

/* enforcer_exact - as long as the source that its address belongs to */
bool enforcer_exact(const struct enforcer *enforcer, const struct decision *decision)
{
	return decision->bits == enforcer_source_bits(enforcer, &decision->addr);
}

/* covers - the range holds all of the source */
static bool covers(const struct enforcer *enforcer, const struct addr *addr, unsigned int bits,
		   const struct addr *source)
{
	return bits <= enforcer_source_bits(enforcer, source) && range_contains(addr, bits, source);
}

/* part_of - the range lies inside the source and is smaller */
static bool part_of(const struct enforcer *enforcer, const struct addr *addr, unsigned int bits,
		    const struct addr *source)
{
	unsigned int source_bits = enforcer_source_bits(enforcer, source);

	return bits > source_bits && range_contains(source, source_bits, addr);
}

/* enforcer_is_exempt - by the full address */
bool enforcer_is_exempt(const struct enforcer *enforcer, const struct addr *addr, int64_t now)
{
	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];

		if (d->kind == DECISION_EXEMPT && enforcer_in_force(d, now) &&
		    range_contains(&d->addr, d->bits, addr))
			return true;
	}
	return false;
}

/* look_at_own - our own addresses are exempt whatever anyone says */
static void look_at_own(const struct enforcer *enforcer, const struct addr *source,
			struct enforced *ret)
{
	for (unsigned int i = 0; i < enforcer->own_count; i++) {
		const struct own_range *own = &enforcer->own[i];

		ret->exempt |= covers(enforcer, &own->addr, own->bits, source);
		ret->ranged |= part_of(enforcer, &own->addr, own->bits, source);
	}
}

/* look_at_decisions - returns the `set` that speaks for all of the source, the most specific */
static const struct decision *look_at_decisions(const struct enforcer *enforcer,
						const struct addr *source, int64_t now,
						struct enforced *ret)
{
	const struct decision *set = NULL;

	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];

		if ((d->kind != DECISION_SET && d->kind != DECISION_EXEMPT) ||
		    !enforcer_in_force(d, now))
			continue;
		ret->ranged |= part_of(enforcer, &d->addr, d->bits, source);
		if (!covers(enforcer, &d->addr, d->bits, source))
			continue;
		if (d->kind == DECISION_EXEMPT)
			ret->exempt = true;
		else if (!set || d->bits > set->bits)
			set = d;
	}
	return set;
}

/* apply_set - the operator's words for all minutes of the hour */
static void apply_set(const struct enforcer *enforcer, const struct decision *set,
		      struct enforced *ret)
{
	ret->by = ENFORCED_SET;
	ret->action = set->action;
	ret->until = set->until;
	if (set->action == ACTION_TARPIT) {
		ret->throttle_min = 60;
		if (set->style)
			ret->tarpit_style = set->style;
	} else if (set->action == ACTION_DROP) {
		ret->block_min = 60;
		if (set->style)
			ret->drop_style = set->style;
	}
	/* a range without a clock under it needs no entry: the kernel finds the range itself */
	ret->entry = enforcer_exact(enforcer, set) || ret->clock.stage;
}

/* apply_clock - the stage's minutes, unless something milder stands before them */
static void apply_clock(struct enforced *ret)
{
	const struct enforcement *clock = &ret->clock;

	if (ret->paused_until || clock->paused) {
		ret->by = ENFORCED_PAUSE;
		return;
	}
	/* sharing matters where a clock runs under some name */
	if (clock->shared && clock->acting && clock->acting->running_since &&
	    !clock->throttle_min && !clock->block_min) {
		ret->by = ENFORCED_SHARED;
		return;
	}
	if (clock->emergency)
		ret->by = ENFORCED_EMERGENCY;
	else if (clock->stage)
		ret->by = ENFORCED_CLOCK;
	ret->throttle_min = clock->throttle_min;
	ret->block_min = clock->block_min;
	if (ret->block_min)
		ret->action = ACTION_DROP;
	else if (ret->throttle_min)
		ret->action = ACTION_TARPIT;
	ret->entry = ret->action != ACTION_PASS;
	if (ret->block_min)
		ret->block_began = clock->stage_since;
}

/* overlay_mode - nothing is done outside enforce mode; what would be stays readable */
static void overlay_mode(enum mode mode, struct enforced *ret)
{
	if (mode == MODE_ENFORCE)
		return;
	if (mode != MODE_REPORT)
		ret->by = ENFORCED_OFF;
	else if (ret->action != ACTION_PASS)
		ret->by = ENFORCED_REPORT;
	ret->action = ACTION_PASS;
}

/* decide - off > exempt > report > set > pause > emergency > shared > clock */
static void decide(const struct enforcer *enforcer, const struct source *source, enum mode mode,
		   int64_t now, bool terse, struct enforced *ret)
{
	struct escalation e = { .policy = enforcer->options.policy, .now = now };
	const struct decision *set;

	*ret = (struct enforced) {
		.by = ENFORCED_NOBODY,
		.action = ACTION_PASS,
		.tarpit_style = enforcer->options.tarpit_style,
		.drop_style = enforcer->options.drop_style,
	};
	if (terse)
		escalation_weigh(&e, source, &ret->clock);
	else
		escalation_source(&e, source, &ret->clock);
	if (source->paused_since && source->paused_until > now)
		ret->paused_until = source->paused_until;
	look_at_own(enforcer, &source->addr, ret);
	set = look_at_decisions(enforcer, &source->addr, now, ret);
	if (ret->exempt)
		ret->by = ENFORCED_EXEMPT;
	else if (set)
		apply_set(enforcer, set, ret);
	else
		apply_clock(ret);
	overlay_mode(mode, ret);
}

/* enforcer_decide - for people */
void enforcer_decide(const struct enforcer *enforcer, const struct source *source, enum mode mode,
		     int64_t now, struct enforced *ret)
{
	decide(enforcer, source, mode, now, false, ret);
}

/* enforcer_want - for the kernel, as if enforcing: the mode is a word of its own there */
bool enforcer_want(const struct enforcer *enforcer, const struct source *source, int64_t now,
		   struct verdict *ret)
{
	struct enforced enforced;

	decide(enforcer, source, MODE_ENFORCE, now, true, &enforced);
	return enforcer_verdict(enforcer, &source->addr, &enforced, ret);
}

/* phase_of - where in the hour a source's minutes begin: spread evenly, and always the same
 * (FNV-1a, folded because its low bits of short keys are weak) */
static uint16_t phase_of(const struct addr *source)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(source->b); i++)
		hash = (hash ^ source->b[i]) * 16777619U;
	hash ^= hash >> 15;
	return (uint16_t)(hash % HOUR_S);
}

/* reply_of - the texts of a verdict; the build is named only where it is the reason */
static uint16_t reply_of(const struct enforcer *enforcer, const struct enforced *enforced,
			 bool by_clock)
{
	struct reply_cause cause = { .build = by_clock ? enforced->clock.build : 0,
				     .throttle_min = (uint16_t)enforced->throttle_min,
				     .block_min = (uint16_t)enforced->block_min };

	if (!cause.throttle_min && !cause.block_min)
		return 0;
	return replies_index(enforcer->options.replies, &cause, clock_wall());
}

/* enforcer_verdict - what the kernel writes itself stays 0 here */
bool enforcer_verdict(const struct enforcer *enforcer, const struct addr *source,
		      const struct enforced *enforced, struct verdict *ret)
{
	bool by_clock = enforced->by == ENFORCED_CLOCK || enforced->by == ENFORCED_EMERGENCY;

	if (!enforced->entry)
		return false;
	*ret = (struct verdict) {
		.build = enforced->clock.build,
		.throttle_s = (uint16_t)(enforced->throttle_min * 60),
		.block_s = (uint16_t)(enforced->block_min * 60),
		.phase_s = phase_of(source),
		.tarpit_style = enforced->tarpit_style,
		.drop_style = enforced->drop_style,
		.reply = reply_of(enforcer, enforced, by_clock),
		.flags = (uint8_t)((by_clock ? VERDICT_CLOCK : 0) |
				   (enforced->ranged ? VERDICT_RANGED : 0)),
	};
	if (enforced->until)
		ret->valid_until_ns = clock_wall_to_kernel(enforced->until);
	if (enforced->block_began)
		ret->recheck_at_ns = clock_wall_to_kernel(enforced->block_began +
							  enforcer->options.recheck_interval);
	return true;
}

/* enforcer_stats - since enforcer_new() */
const struct enforcer_stats *enforcer_stats(const struct enforcer *enforcer)
{
	return &enforcer->stats;
}
