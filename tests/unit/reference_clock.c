// SPDX-License-Identifier: BSD-2-Clause
#include "reference_clock.h"

#include <string.h>

#define HOUR 3600
#define DAY  (24 * HOUR)

#define DAYS 8

/* The clock of one name. */
struct ticker {
	bool running;
	int64_t known;  /* what was seen before it is archived */
	int64_t first;  /* elapsed counts from here ... */
	int64_t before; /* ... plus this */
	int64_t stopped;
	int64_t days[DAYS]; /* different ones with an acting build; more than enough of them */
	unsigned int days_count;
	bool stopped_once;
	unsigned int stage;
	int64_t last_up;
	bool has_up;
};

struct reference {
	const struct policy *policy;
	struct reference_connection *list;
	unsigned int count; /* all */
	unsigned int seen;  /* up to now */
	int64_t now;
	struct ticker tickers[REFERENCE_NAMES];
};

/* in - a moment is in the time before now that is so long */
static bool in(const struct reference *r, int64_t at, int64_t length)
{
	return at > r->now - length && at <= r->now;
}

/* names_it - the connection belongs to a name, as server or by its EHLO */
static bool names_it(const struct reference_connection *c, unsigned int name)
{
	return c->server == name || c->helo == name;
}

/* sighting - a decisive build of this identity */
static bool sighting(const struct reference_connection *c, unsigned int name)
{
	return c->taken && c->build && c->decisive && c->server == name;
}

/* take - "One mail counts once"; "Only received and reported builds, or ehlo/banner where the
 * source has never shown the others": once it has, what labels said before counts no more */
static void take(struct reference *r, unsigned int index)
{
	struct reference_connection *c = &r->list[index];
	bool strong = c->build && c->strong;

	c->taken = true;
	for (unsigned int i = 0; i < index; i++) {
		struct reference_connection *o = &r->list[i];

		if (o->taken && o->server == c->server && c->at - o->at < 60)
			c->taken = false;
		if (o->taken && o->build && o->strong)
			strong = true;
	}
	c->decisive = c->was = c->build && (c->strong || !strong);
	for (unsigned int i = 0; i < index && c->taken && strong; i++)
		if (!r->list[i].strong)
			r->list[i].decisive = false;
}

/* elapsed - what the clock shows */
static int64_t elapsed(const struct reference *r, const struct ticker *t)
{
	return t->before + (r->now - t->first);
}

/* add_day - of an acting sighting */
static void add_day(struct ticker *t, int64_t at)
{
	for (unsigned int i = 0; i < t->days_count; i++)
		if (t->days[i] == at / DAY)
			return;
	if (t->days_count < DAYS)
		t->days[t->days_count++] = at / DAY;
}

/* start_holds - "all builds in the window act, on at least 2 connections at least 1 hour apart" */
static bool start_holds(const struct reference *r, unsigned int name, int64_t *ret_first)
{
	int64_t first = 0, last = 0;

	for (unsigned int i = 0; i < r->seen; i++) {
		const struct reference_connection *c = &r->list[i];

		if (!sighting(c, name) || !in(r, c->at, 7 * DAY))
			continue;
		if (!c->acts)
			return false;
		if (!first)
			first = c->at;
		last = c->at;
	}
	*ret_first = first;
	return first && last - first >= HOUR;
}

/* due_stage - by elapsed time, held at 1 until the third day */
static unsigned int due_stage(const struct reference *r, unsigned int name)
{
	unsigned int stage = 1;

	for (unsigned int i = 1; i < r->policy->stages_count; i++)
		if (elapsed(r, &r->tickers[name]) >= (int64_t)r->policy->stages[i].day * DAY)
			stage = i + 1;
	return stage > 1 && r->tickers[name].days_count < 3 ? 1 : stage;
}

/* start - elapsed time of a clock that was stopped less than 90 days ago is kept, and the stage
 * comes back in one step */
static void start(struct reference *r, unsigned int name, int64_t first)
{
	struct ticker *t = &r->tickers[name];

	bool kept = t->stopped_once && r->now - t->stopped < 90 * DAY && t->before > 0;

	t->running = true;
	t->first = first;
	if (!kept)
		t->days_count = 0;
	for (unsigned int i = 0; i < r->seen; i++)
		if (sighting(&r->list[i], name) && r->list[i].acts && r->list[i].at >= first)
			add_day(t, r->list[i].at);
	if (kept) {
		t->stage = due_stage(r, name);
		return;
	}
	t->before = 0;
	t->stage = 1;
	t->last_up = r->now;
	t->has_up = true;
}

/* stop - "one fine observation lifts everything at once. Elapsed is kept" */
static void stop(struct reference *r, unsigned int name)
{
	struct ticker *t = &r->tickers[name];

	t->before = elapsed(r, t);
	t->running = false;
	t->stopped = r->now;
	t->stopped_once = true;
	t->stage = 0;
}

/* contact - the last connection of a name up to now; 0: none */
static int64_t contact(const struct reference *r, unsigned int name)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < r->seen; i++)
		if (r->list[i].taken && names_it(&r->list[i], name))
			last = r->list[i].at;
	return last;
}

/* is_new - the source has not shown a build under this name before the newest connection, or what
 * it showed is archived: a server that was renamed, not one known by its EHLO alone */
static bool is_new(const struct reference *r, unsigned int name)
{
	for (unsigned int i = 0; i + 1 < r->seen; i++)
		if (sighting(&r->list[i], name) && r->list[i].at >= r->tickers[name].known)
			return false;
	return true;
}

/* gone - no contact for 180 days */
static bool gone(const struct reference *r, unsigned int name)
{
	int64_t last = contact(r, name);

	return last && r->now - last >= 180 * DAY;
}

/* enough - days for stage 2 */
static unsigned int enough(const struct ticker *t)
{
	return t->days_count < 3 ? t->days_count : 3;
}

/* older - shows more; of two that show the same, in the sender's favour, the milder */
static bool older(const struct reference *r, const struct ticker *a, const struct ticker *b)
{
	if (elapsed(r, a) != elapsed(r, b))
		return elapsed(r, a) > elapsed(r, b);
	if (a->stage != b->stage)
		return a->stage < b->stage;
	if (enough(a) != enough(b))
		return enough(a) < enough(b);
	if (a->last_up != b->last_up)
		return a->last_up > b->last_up;
	/* one that was seen today needs another day for the next */
	return a->days_count && a->days[a->days_count - 1] > b->days[b->days_count - 1];
}

/* inherit - "a new name on a source with a running clock and no fine build in 30 days inherits the
 * oldest running clock" */
static void inherit(struct reference *r, unsigned int name)
{
	struct ticker *oldest = NULL;

	for (unsigned int i = 0; i < r->seen; i++) {
		const struct reference_connection *c = &r->list[i];

		if (c->taken && c->build && c->decisive && !c->acts && in(r, c->at, 30 * DAY))
			return;
	}
	for (unsigned int i = 0; i < REFERENCE_NAMES; i++) {
		struct ticker *t = &r->tickers[i];

		if (t->running && !gone(r, i) && (!oldest || older(r, t, oldest)))
			oldest = t;
	}
	if (!oldest)
		return;
	r->tickers[name] = *oldest;
	r->tickers[name].known = 0;
	add_day(&r->tickers[name], r->now);
}

/* newest - what the connection of this very moment means for its identity */
static void newest(struct reference *r)
{
	const struct reference_connection *c = &r->list[r->seen - 1];
	struct ticker *t = &r->tickers[c->server];

	if (!c->taken || !c->build || !c->decisive)
		return;
	if (!c->acts && t->running)
		stop(r, c->server);
	if (c->acts && t->running)
		add_day(t, c->at);
	if (c->acts && !t->running && is_new(r, c->server))
		inherit(r, c->server);
}

/* look - at one name, now: archive, start, one stage up */
static void look(struct reference *r, unsigned int name)
{
	struct ticker *t = &r->tickers[name];
	int64_t first;

	if (gone(r, name))
		*t = (struct ticker) { .known = r->now };
	else if (!t->running && start_holds(r, name, &first))
		start(r, name, first);
	if (!t->running || due_stage(r, name) <= t->stage)
		return;
	if (t->has_up && r->now - t->last_up < DAY)
		return;
	t->stage++;
	t->last_up = r->now;
	t->has_up = true;
}

/* The names of the 30 days before the last connection. */
struct company {
	bool seen[REFERENCE_NAMES], identity[REFERENCE_NAMES], helo[REFERENCE_NAMES],
		carried[REFERENCE_NAMES];
	bool fine;
};

/* company_of - who was there */
static void company_of(const struct reference *r, struct company *ret)
{
	bool front[REFERENCE_NAMES] = { false };
	int64_t last = 0;

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < r->seen; i++)
		if (r->list[i].taken)
			last = r->list[i].at;
	for (unsigned int i = 0; i < r->seen; i++) {
		const struct reference_connection *c = &r->list[i];

		if (!c->taken || c->at <= last - 30 * DAY)
			continue;
		ret->seen[c->helo] = ret->seen[c->server] = true;
		ret->helo[c->helo] = true;
		if (c->build && c->acts)
			ret->carried[c->helo] = true;
		if (c->build && c->strong && c->server != c->helo)
			front[c->helo] = true;
		ret->fine |= c->build && c->decisive && !c->acts;
	}
	/* a label where stamps of another server come through is that server's front */
	for (unsigned int i = 0; i < r->seen; i++) {
		const struct reference_connection *c = &r->list[i];

		if (c->taken && c->build && c->at >= r->tickers[c->server].known &&
		    (c->decisive || !front[c->server]))
			ret->identity[c->server] = true;
	}
	for (unsigned int i = 0; i < REFERENCE_NAMES; i++)
		ret->identity[i] = ret->seen[i] && (ret->identity[i] || r->tickers[i].running);
}

/* shared - "a source with a neighbour, with a fine build under any name, or with more than 8
 * names" */
static bool shared(const struct company *company)
{
	unsigned int names = 0;
	bool neighbour = false;

	for (unsigned int i = 0; i < REFERENCE_NAMES; i++) {
		names += company->seen[i];
		neighbour |= company->helo[i] && !company->carried[i];
	}
	return neighbour || company->fine || names > 8;
}

/* stale - "nobody is enforced on evidence older than 7 days" */
static bool stale(const struct reference *r)
{
	for (unsigned int i = 0; i < r->seen; i++) {
		const struct reference_connection *c = &r->list[i];

		if (c->taken && c->build && c->decisive && c->acts && in(r, c->at, 7 * DAY))
			return false;
	}
	return true;
}

/* fold - "enforced at the mildest stage among its identities" */
static void fold(const struct reference *r, struct reference_state *ret)
{
	unsigned int mildest = 0;
	struct company company;
	bool any = false;

	memset(ret, 0, sizeof(*ret));
	ret->at = r->now;
	company_of(r, &company);
	for (unsigned int i = 0; i < REFERENCE_NAMES; i++) {
		ret->stage[i] = r->tickers[i].stage;
		if (!company.identity[i])
			continue;
		if (!any || ret->stage[i] < mildest)
			mildest = ret->stage[i];
		any = true;
	}
	if (!mildest || shared(&company) || stale(r))
		return;
	ret->throttle_min = r->policy->stages[mildest - 1].throttle_min;
	ret->block_min = r->policy->stages[mildest - 1].block_min;
}

/* earlier - a later moment than now, if it is the nearest so far */
static void earlier(const struct reference *r, int64_t at, int64_t *next)
{
	if (at > r->now && at < *next)
		*next = at;
}

/* next_moment - the nearest at which anything could change */
static int64_t next_moment(const struct reference *r, int64_t until)
{
	static const int64_t spans[] = { 7 * DAY, 180 * DAY };
	int64_t next = until + 1;

	if (r->seen < r->count)
		earlier(r, r->list[r->seen].at, &next);
	for (unsigned int i = 0; i < r->seen; i++)
		for (unsigned int s = 0; s < sizeof(spans) / sizeof(spans[0]); s++)
			earlier(r, r->list[i].at + spans[s], &next);
	for (unsigned int i = 0; i < REFERENCE_NAMES; i++) {
		const struct ticker *t = &r->tickers[i];

		if (!t->running)
			continue;
		earlier(r, t->last_up + DAY, &next);
		for (unsigned int s = 0; s < r->policy->stages_count; s++)
			earlier(r, t->first - t->before + r->policy->stages[s].day * (int64_t)DAY,
				&next);
	}
	return next;
}

/* same - nothing to tell of */
static bool same(const struct reference_state *a, const struct reference_state *b)
{
	return !memcmp(a->stage, b->stage, sizeof(a->stage)) &&
	       a->throttle_min == b->throttle_min && a->block_min == b->block_min;
}

/* reference_run - moment after moment */
void reference_run(const struct policy *policy, struct reference_connection *list,
		   unsigned int count, int64_t until, reference_fn fn, void *arg)
{
	struct reference r = { .policy = policy, .list = list, .count = count };
	struct reference_state was = { 0 }, is;

	for (r.now = next_moment(&r, until); r.now <= until; r.now = next_moment(&r, until)) {
		if (r.seen < count && list[r.seen].at == r.now) {
			take(&r, r.seen++);
			newest(&r);
		}
		for (unsigned int i = 0; i < REFERENCE_NAMES; i++)
			look(&r, i);
		fold(&r, &is);
		if (!same(&was, &is))
			fn(arg, &is);
		was = is;
	}
}
