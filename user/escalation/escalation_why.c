// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why a stage changed, in words: build, date and the rule, for the audit trail and simulate.
 */
#include <stdio.h>

#include "user/base/build.h"
#include "escalation_clock.h"
#include "user/base/times.h"

/* What the sentences are made of. */
struct words {
	char build[BUILD_TEXT];
	char now[TIMES_TEXT];
	char first[TIMES_TEXT];
	char acting[TIMES_TEXT];
	const char *policy;
	long long days;      /* of elapsed time */
	unsigned int sights; /* UTC days with a sighting */
};

/* why_up - started, risen, resumed, inherited, emergency */
static void why_up(const struct words *w, struct change *c, const char *rule)
{
	switch (c->kind) {
	case CHANGE_START:
		snprintf(
			c->why, sizeof(c->why),
			"%s seen from %s to %s, at least an hour apart and no fine build in 7 days "
			"(policy %s, rule: start)",
			w->build, w->first, w->acting, w->policy);
		break;
	case CHANGE_RESUME:
		snprintf(c->why, sizeof(c->why),
			 "%s is back on %s, %lld days had elapsed (policy %s, rule: relapse)",
			 w->build, w->now, w->days, w->policy);
		break;
	case CHANGE_INHERIT:
		snprintf(c->why, sizeof(c->why),
			 "%s under a new name on %s, goes on with the clock of %.64s that counts "
			 "from "
			 "%s (policy %s, rule: new name)",
			 w->build, w->now, rule, w->first, w->policy);
		break;
	case CHANGE_EMERGENCY:
		snprintf(c->why, sizeof(c->why),
			 "%s seen %s, emergency definition %s drops the waiting days (policy %s, "
			 "rule: emergency)",
			 w->build, w->acting, c->identity->emergency_id, w->policy);
		break;
	default:
		snprintf(c->why, sizeof(c->why),
			 "%s counting from %s, day %lld, seen on %u or more days, last %s "
			 "(policy %s, rule: stage %u)",
			 w->build, w->first, w->days, w->sights, w->acting, w->policy, c->to);
	}
}

/* why_down - stopped, lowered, archived */
static void why_down(const struct words *w, struct change *c, const char *rule)
{
	switch (c->kind) {
	case CHANGE_STOP:
		snprintf(c->why, sizeof(c->why),
			 "%s %s on %s, day %lld is kept (policy %s, rule: stop)", w->build,
			 rule ? "no longer acts, judged anew" : "is fine, seen", w->now, w->days,
			 w->policy);
		break;
	case CHANGE_ARCHIVE:
		snprintf(c->why, sizeof(c->why),
			 "%s without any contact for 180 days on %s (policy %s, rule: archive)",
			 w->build, w->now, w->policy);
		break;
	default:
		snprintf(c->why, sizeof(c->why),
			 "%s on %s justifies no more, day %lld counting from %s (policy %s, rule: "
			 "stage %u)",
			 w->build, w->now, w->days, w->first, w->policy, c->to);
	}
}

/* why_change - the facts as they are after the change */
void why_change(const struct escalation *e, struct change *c, const char *rule)
{
	const struct identity *id = c->identity;
	struct words w = {
		.policy = e->policy->name,
		.days = (long long)(escalation_elapsed(id, e->now) / DAY_S),
		.sights = id->acting_days + id->kept_days,
	};

	if (w.sights > ESCALATION_DAYS)
		w.sights = ESCALATION_DAYS;
	build_format(id->build, w.build);
	times_format_date(e->now, w.now);
	times_format_date(id->first_outdated, w.first);
	times_format_date(id->last_acting, w.acting);
	if (c->to > c->from)
		why_up(&w, c, rule);
	else
		why_down(&w, c, rule);
}
