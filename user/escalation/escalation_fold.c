// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the records of a source to what is enforced on it.
 */
#include "escalation.h"

#include <stdio.h>

#include "user/base/build.h"
#include "user/base/times.h"

/* What the walk over the records found. */
struct survey {
	int64_t from; /* names seen after this count */
	unsigned int names;
	const struct identity *neighbour; /* an EHLO name that carried no acting build */
	const struct identity *fine;      /* showed a fine build */
	const struct identity *mildest;   /* lowest stage among those that showed a build */
	const struct identity *oldest;    /* running clock with the most elapsed time */
	const struct identity *emergency; /* running, affected, with fresh evidence */
};

/* last_connection - of any name; what the gate itself answered is never recorded here */
static int64_t last_connection(const struct source *source)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < source->count; i++)
		if (!source->identities[i].archived && source->identities[i].last_seen > last)
			last = source->identities[i].last_seen;
	return last;
}

/* fresh - an acting build was seen within the window */
static bool fresh(int64_t evidence, int64_t now)
{
	return evidence > now - ESCALATION_WINDOW_S;
}

/* milder - a decides before b: lower stage, at the same stage the older clock */
static bool milder(const struct identity *a, const struct identity *b, int64_t now)
{
	if (!b || a->stage != b->stage)
		return !b || a->stage < b->stage;
	return escalation_elapsed(a, now) > escalation_elapsed(b, now);
}

/* softer - of two definitions for one source the one that does less to it */
static bool softer(const struct identity *a, const struct identity *b)
{
	if (!b || a->emergency_tarpit != b->emergency_tarpit)
		return !b || a->emergency_tarpit;
	return a->emergency_min && (!b->emergency_min || a->emergency_min < b->emergency_min);
}

/* is_identity - a server showed a build under this name. What only ever stood in a label where the
 * source shows more has a clock that cannot start: it is a server all the same, unless stamps of
 * another come through it. */
static bool is_identity(const struct survey *v, const struct identity *id)
{
	return id->build_at || (id->build && id->last_front <= v->from);
}

/* survey_clock - what the record says as an identity seen in those 30 days */
static void survey_clock(struct survey *v, const struct identity *id, int64_t now)
{
	if (is_identity(v, id) && milder(id, v->mildest, now))
		v->mildest = id;
	if (id->running_since && id->emergency && fresh(id->last_acting, now) &&
	    softer(id, v->emergency))
		v->emergency = id;
}

/* look - one walk over the names of the last 30 days */
static struct survey look(const struct source *source, int64_t now)
{
	struct survey v = { .from = last_connection(source) - ESCALATION_SHARED_S };

	for (unsigned int i = 0; i < source->count; i++) {
		const struct identity *id = &source->identities[i];

		if (id->archived)
			continue;
		if (id->last_fine > v.from)
			v.fine = id;
		if (id->running_since &&
		    (!v.oldest || escalation_elapsed(id, now) > escalation_elapsed(v.oldest, now)))
			v.oldest = id;
		if (id->last_seen <= v.from)
			continue;
		v.names++;
		if (id->last_helo > v.from && id->last_carried <= v.from)
			v.neighbour = id;
		survey_clock(&v, id, now);
	}
	return v;
}

/* evidence - newest sighting of an acting build under any name whose clock runs */
static int64_t evidence(const struct source *source)
{
	int64_t newest = 0;

	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].running_since &&
		    source->identities[i].last_acting > newest)
			newest = source->identities[i].last_acting;
	return newest;
}

/* why_shared - which of the three reasons */
static void why_shared(const struct survey *v, struct enforcement *ret, const char *build)
{
	char date[TIMES_TEXT];

	if (v->fine)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, %s on this source showed a fine build on %s (rule: "
			 "shared)",
			 build, v->fine->name, times_format_date(v->fine->last_fine, date));
	else if (v->neighbour)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, %s on this source, last seen %s, carried no acting "
			 "build "
			 "in 30 days (rule: shared)",
			 build, v->neighbour->name,
			 times_format_date(v->neighbour->last_seen, date));
	else
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, %u names on this source since %s are more than %d "
			 "(rule: shared)",
			 build, v->names, times_format_date(v->from, date),
			 ESCALATION_SHARED_NAMES);
}

/* why_held - one sentence for what keeps the clock's minutes back, or what they are */
static void why_held(const struct escalation *e, const struct source *source,
		     const struct survey *v, struct enforcement *ret)
{
	char build[BUILD_TEXT], date[TIMES_TEXT];

	build_format(ret->build, build);
	if (ret->inside)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, the source is inside since %s (rule: inside is "
			 "reported)",
			 build, times_format_date(ret->acting->first_seen, date));
	else if (ret->paused)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, paused since %s (rule: pause)", build,
			 times_format_date(source->paused_since, date));
	else if (ret->emergency)
		snprintf(ret->why, sizeof(ret->why),
			 "%s seen %s: emergency definition %s, %u min/h slowed, %u min/h refused, "
			 "no waiting days (rule: emergency)",
			 build, times_format_date(ret->evidence_at, date),
			 ret->acting->emergency_id, ret->throttle_min, ret->block_min);
	else if (ret->shared && !source->enforce_shared)
		why_shared(v, ret, build);
	else if (!ret->evidence_at)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, seen %s, no clock runs (rule: start)", build,
			 times_format_date(ret->acting->last_seen, date));
	else if (ret->stale)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, last seen %s, evidence counts 7 days (rule: evidence)",
			 build, times_format_date(ret->evidence_at, date));
	else if (!ret->stage)
		snprintf(ret->why, sizeof(ret->why),
			 "%s: not enforced, %s, seen %s, has no clock (rule: mildest identity)",
			 build, v->mildest ? v->mildest->name : "a name",
			 times_format_date(v->mildest ? v->mildest->last_seen : e->now, date));
	else
		snprintf(ret->why, sizeof(ret->why),
			 "%s seen %s: stage %u of policy %s, %u min/h slowed, %u min/h refused "
			 "(rule: mildest identity)",
			 build, times_format_date(ret->evidence_at, date), ret->stage,
			 e->policy->name, ret->throttle_min, ret->block_min);
}

/* minutes - by precedence: inside, pause, emergency, shared, evidence, clock */
static void minutes(const struct escalation *e, const struct source *source,
		    struct enforcement *ret)
{
	const struct policy_stage *row;

	if (ret->inside || ret->paused || !ret->stage)
		return;
	if (!ret->emergency && ((ret->shared && !source->enforce_shared) || ret->stale))
		return;
	if (ret->emergency) {
		uint32_t all = ret->acting->emergency_min ? ret->acting->emergency_min : 60;

		*(ret->acting->emergency_tarpit ? &ret->throttle_min : &ret->block_min) = all;
		return;
	}
	row = &e->policy->stages[ret->stage - 1];
	ret->throttle_min = row->throttle_min;
	ret->block_min = row->block_min;
}

/* weigh - survey, then the mildest identity decides */
static struct survey weigh(const struct escalation *e, const struct source *source,
			   struct enforcement *ret)
{
	struct survey v = look(source, e->now);
	const struct identity *by;

	*ret = (struct enforcement) { 0 };
	ret->shared = v.neighbour || v.fine || v.names > ESCALATION_SHARED_NAMES;
	ret->paused =
		source->paused_since && (!source->paused_until || source->paused_until > e->now);
	ret->emergency = v.emergency;
	ret->evidence_at = evidence(source);
	ret->stale = !fresh(ret->evidence_at, e->now);
	by = v.emergency ? v.emergency : v.mildest;
	if (by)
		ret->stage = by->stage;
	if (ret->stage > e->policy->stages_count)
		ret->stage = e->policy->stages_count;
	/* A stage 0 among running clocks is explained by the clock it holds back. */
	ret->acting = by && by->running_since ? by : v.oldest;
	if (!ret->acting)
		ret->acting = by;
	if (!ret->acting)
		return v;
	ret->build = ret->acting->build;
	ret->inside = ret->acting->inside;
	ret->stage_since = ret->acting->stage_since;
	ret->next_stage_at = escalation_stage_due(e->policy, ret->acting, ret->acting->stage + 1);
	minutes(e, source, ret);
	return v;
}

/* escalation_weigh - without the words */
void escalation_weigh(const struct escalation *e, const struct source *source,
		      struct enforcement *ret)
{
	weigh(e, source, ret);
}

/* escalation_source - with them */
void escalation_source(const struct escalation *e, const struct source *source,
		       struct enforcement *ret)
{
	struct survey v = weigh(e, source, ret);

	if (ret->acting)
		why_held(e, source, &v, ret);
}
