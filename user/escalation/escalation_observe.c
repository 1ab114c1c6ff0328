// SPDX-License-Identifier: BSD-2-Clause
/*
 * What one connection means for the records of its source.
 */
#include "escalation.h"

#include <errno.h>
#include <string.h>

#include "escalation_clock.h"

/* What a connection carried, weakest first; also `taken_rank`. */
enum rank { RANK_NONE = 0, RANK_WEAK = 1, RANK_STRONG = 2 };

/* The connection as the rules see it. */
struct sighting {
	int64_t at;
	enum rank rank;
	bool acts;
	bool decisive;
	bool fine; /* decisive, and does not act */
};

/* rank_of - a received or reported build outweighs what an administrator may write anywhere */
static enum rank rank_of(const struct observation *o)
{
	if (!o->build)
		return RANK_NONE;
	if (o->origin == ORIGIN_RECEIVED || o->origin == ORIGIN_REPORTED)
		return RANK_STRONG;
	return RANK_WEAK;
}

/* source_strong - the source has ever shown a received or reported build */
static bool source_strong(const struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].strong)
			return true;
	return false;
}

/* last_day - the newest day that a clock has counted */
static int64_t last_day(const struct identity *id)
{
	return id->acting_days ? id->acting_day : id->kept_day;
}

/* older - a shows more elapsed time than b; of two alike the one that goes on later is taken */
static bool older(const struct identity *a, const struct identity *b, int64_t now)
{
	int64_t x = escalation_elapsed(a, now), y = escalation_elapsed(b, now);
	uint32_t days_a = a->acting_days + a->kept_days, days_b = b->acting_days + b->kept_days;

	if (x != y || a->stage != b->stage)
		return x > y || (x == y && a->stage < b->stage);
	if ((days_a < ESCALATION_DAYS || days_b < ESCALATION_DAYS) && days_a != days_b)
		return days_a < days_b;
	if (a->last_upward != b->last_upward)
		return a->last_upward > b->last_upward;
	return last_day(a) > last_day(b);
}

/* oldest_clock - the running record with the most elapsed time; one that is to be archived by now
 * is nobody's heritage */
static const struct identity *oldest_clock(const struct escalation *e, const struct source *source)
{
	const struct identity *oldest = NULL;

	for (unsigned int i = 0; i < source->count; i++) {
		const struct identity *id = &source->identities[i];

		if (id->last_seen + ESCALATION_ARCHIVE_S <= e->now)
			continue;
		if (id->running_since && (!oldest || older(id, oldest, e->now)))
			oldest = id;
	}
	return oldest;
}

/* source_fine - some name of the source showed a fine build after `since` */
static bool source_fine(const struct source *source, int64_t since)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].last_fine > since)
			return true;
	return false;
}

/* become_strong - from now on only strong builds count: what weak ones had prepared is void.
 * A clock that they started goes on. */
static void become_strong(struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++) {
		struct identity *id = &source->identities[i];

		id->last_fine = 0;
		if (!id->running_since && !id->archived) {
			run_clear(id);
			id->build_at = 0;
		}
		id->dirty = true;
	}
}

/* repeated - the same name within 60 s, with nothing new to say. A fine build has, unless the
 * connection before showed one, and a build has where that carried a weaker one or none. */
static bool repeated(const struct identity *id, const struct sighting *s)
{
	int64_t apart = s->at > id->last_taken ? s->at - id->last_taken : id->last_taken - s->at;

	return id->last_taken && apart < ESCALATION_DEDUPE_S &&
	       (!s->fine || id->last_fine == id->last_taken) && s->rank <= id->taken_rank;
}

/* later - the newer of two moments, into the first */
static void later(int64_t *moment, int64_t at)
{
	if (at > *moment)
		*moment = at;
}

/* contact - the name was here */
static void contact(struct identity *id, int64_t at, bool inside)
{
	if (!id->first_seen || at < id->first_seen)
		id->first_seen = at;
	later(&id->last_seen, at);
	id->inside = inside;
	id->dirty = true;
}

/* greeted - it was the EHLO name: without an acting build in 30 days such a name is a neighbour */
static void greeted(struct identity *id, const struct sighting *s)
{
	later(&id->last_helo, s->at);
	if (s->acts)
		later(&id->last_carried, s->at);
}

/* show - the newest build by time is the one on show; a decisive one is never hidden by one
 * that is not */
static void show(const struct escalation *e, struct identity *id, const struct observation *o,
		 const struct sighting *s)
{
	if (s->decisive ? s->at < id->build_at : id->build_at != 0)
		return;
	id->build = o->build;
	id->origin = o->origin;
	clock_judge(e, id, &o->judgement, s->decisive, s->at);
	if (s->decisive)
		id->build_at = s->at;
}

/* take_fine - one is enough. One reported so late that it has left the window stops nothing,
 * it only counts for "shared". */
static void take_fine(const struct escalation *e, struct identity *id, int64_t at)
{
	if (at > id->last_fine)
		id->last_fine = at;
	if (id->running_since && at > e->now - ESCALATION_WINDOW_S)
		clock_stop(e, id, NULL);
	if (!id->running_since)
		run_cut(id, at);
}

/* take_acting - evidence, a day, and maybe half a start */
static void take_acting(struct identity *id, int64_t at, int64_t now)
{
	if (id->running_since)
		day_add(id, at);
	else
		run_add(id, at, now);
	if (at > id->last_acting)
		id->last_acting = at;
}

/* take_build - a build that was read on this connection; true: recheck wanted */
static bool take_build(const struct escalation *e, struct source *source, struct identity *id,
		       const struct observation *o, const struct sighting *s)
{
	const struct identity *oldest = oldest_clock(e, source);
	bool fresh = !id->build_at;

	if (s->rank == RANK_STRONG)
		id->strong = true;
	clock_catch_up(e, id, s->at);
	show(e, id, o, s);
	if (!s->decisive)
		return !s->acts && oldest;
	if (s->fine)
		take_fine(e, id, s->at);
	else
		take_acting(id, s->at, e->now);
	if (fresh && s->acts && oldest && oldest != id &&
	    !source_fine(source, s->at - ESCALATION_SHARED_S)) {
		clock_inherit(e, id, oldest);
		day_add(id, s->at);
	}
	return false;
}

/* come_back - an archived name shows up again: a new record under the old key. That the source
 * once showed a strong build is never forgotten. */
static void come_back(struct identity *id, const struct source *source)
{
	struct identity empty = {
		.source = id->source,
		.paused_at = source->paused_since,
		.strong = id->strong,
	};

	if (!id->archived)
		return;
	memcpy(empty.name, id->name, sizeof(empty.name));
	*id = empty;
}

/*
 * greet - the EHLO name of the connection
 *
 * A stamp names another server than the one that says EHLO where a proxy stands in front. Then
 * the EHLO name carries the build, and is the front of that server, not one of its own.
 */
static int greet(struct source *source, const struct observation *o, const struct sighting *s)
{
	struct observation ehlo = *o;
	struct identity *id;
	bool full;

	ehlo.origin = ORIGIN_EHLO;
	observation_name(&ehlo);
	if (s->rank != RANK_STRONG || !*ehlo.server || !strcmp(ehlo.server, o->server)) {
		greeted(source_find(source, o->server), s);
		return 0;
	}
	id = source_make(source, ehlo.server, s->at, &full);
	if (!id)
		return full ? 0 : -ENOMEM;
	come_back(id, source);
	contact(id, s->at, o->inside);
	greeted(id, s);
	later(&id->last_front, s->at);
	return 0;
}

/* judge - what the observation is under the policy */
static struct sighting judge(const struct escalation *e, const struct source *source,
			     const struct observation *o)
{
	struct sighting s = { .at = o->at < e->now ? o->at : e->now, .rank = rank_of(o) };

	s.acts = o->build && policy_acts(e->policy, o->build, &o->judgement, s.at);
	s.decisive = s.rank == RANK_STRONG || (s.rank == RANK_WEAK && !source_strong(source));
	s.fine = s.decisive && !s.acts;
	return s;
}

/* pause_over - a pause that ended before this connection */
static void pause_over(const struct escalation *e, struct source *source)
{
	if (source->paused_since && source->paused_until && source->paused_until <= e->now)
		escalation_unpause(e, source);
}

/* escalation_observe - name, dedupe, build, then what follows from it */
int escalation_observe(const struct escalation *e, struct source *source,
		       const struct observation *o)
{
	struct sighting s = judge(e, source, o);
	struct identity *id;
	bool recheck = false, full;

	*source->evicted = '\0';
	if (!*o->server)
		return 0;
	pause_over(e, source);
	id = source_make(source, o->server, s.at, &full);
	if (!id)
		return full ? 0 : -ENOMEM;
	if (repeated(id, &s))
		return 0;
	come_back(id, source);
	contact(id, s.at, o->inside);
	if (greet(source, o, &s) < 0)
		return -ENOMEM;
	id = source_find(source, o->server); /* the records may have moved */
	if (s.rank == RANK_STRONG && !source_strong(source))
		become_strong(source);
	id->last_taken = s.at;
	id->taken_rank = s.rank;
	if (o->build)
		recheck = take_build(e, source, id, o, &s);
	source_advance(e, source);
	return OBSERVE_TAKEN | (recheck ? OBSERVE_RECHECK : 0);
}
