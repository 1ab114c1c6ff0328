// SPDX-License-Identifier: BSD-2-Clause
#include "observer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trail.h"
#include "user/base/address.h"
#include "user/base/times.h"

#define TICK_SOURCES 4096 /* moved in one batch */
#define WALK_SOURCES 256  /* looked at in one part of a walk */
#define OWN_MAX      1024

struct own {
	struct addr addr;
	unsigned int bits;
};

struct observer {
	struct observer_options options;
	struct observer_stats stats;
	struct own own[OWN_MAX];
	unsigned int own_count;
	enum observer_walk walk;
	struct addr walked; /* the last source that the walk has passed */
	struct trail trail; /* of the source that is being moved */
};

/* observer_new - loopback is own from the start */
int observer_new(const struct observer_options *options, struct observer **ret_observer,
		 struct error *e)
{
	struct observer *observer = calloc(1, sizeof(*observer));

	if (!observer)
		return error_set(e, -ENOMEM, "observer: out of memory");
	observer->options = *options;
	observer_own_clear(observer);
	*ret_observer = observer;
	return 0;
}

/* observer_free - NULL is allowed */
void observer_free(struct observer *observer)
{
	if (observer)
		trail_free(&observer->trail);
	free(observer);
}

/* observer_use - the judgements from now on; what was judged before stays until seen again */
void observer_use(struct observer *observer, const struct catalogue *catalogue,
		  const struct policy *policy)
{
	if (catalogue)
		observer->options.catalogue = catalogue;
	if (policy)
		observer->options.policy = policy;
}

/* observer_own - one more */
int observer_own(struct observer *observer, const struct addr *addr, unsigned int bits)
{
	if (observer->own_count == OWN_MAX)
		return -ENOBUFS;
	observer->own[observer->own_count++] = (struct own) { *addr, bits };
	return 0;
}

/* observer_own_clear - all but loopback */
void observer_own_clear(struct observer *observer)
{
	static const char *const loopback[] = { "127.0.0.0/8", "::1" };

	observer->own_count = 0;
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		struct own *own = &observer->own[observer->own_count++];

		range_parse(loopback[i], &own->addr, &own->bits);
	}
}

/* observer_is_own - by the full address: a neighbour in our /64 is not us */
bool observer_is_own(const struct observer *observer, const struct addr *addr)
{
	for (unsigned int i = 0; i < observer->own_count; i++)
		if (range_contains(&observer->own[i].addr, observer->own[i].bits, addr))
			return true;
	return false;
}

/* observer_stats - since observer_new() */
const struct observer_stats *observer_stats(const struct observer *observer)
{
	return &observer->stats;
}

/* note_change - one change of a stage */
static void note_change(void *arg, const struct change *change)
{
	struct observer *observer = arg;

	trail_note(&observer->trail, change);
	observer->stats.changes++;
	if (observer->options.change)
		observer->options.change(observer->options.change_arg, change);
}

/* clock_at - what the clock needs to run at this moment */
static struct escalation clock_at(struct observer *observer, int64_t now, int64_t running)
{
	return (struct escalation) {
		.policy = observer->options.policy,
		.now = now,
		.running = running,
		.changed = note_change,
		.arg = observer,
	};
}

/* save - the source, and the trail of its changes */
static int save(struct observer *observer, const struct escalation *clock, struct source *source,
		struct error *e)
{
	int r = trail_write(&observer->trail, clock, source, observer->options.store, e);

	if (r >= 0)
		r = store_source_save(observer->options.store, source, e);
	return r < 0 ? r : 0;
}

/* clocked - some identity has a stage: the source may have a verdict */
static bool clocked(const struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].stage)
			return true;
	return false;
}

/* judge_now - an escalation_judge_fn: of a build seen before, on the day of the clock */
struct judging {
	struct observer *observer;
	int64_t at;
};

static void judge_now(void *arg, uint64_t build, struct judgement *ret)
{
	const struct judging *judging = arg;
	const struct observer_options *options = &judging->observer->options;

	catalogue_judge(options->catalogue, build, judging->at, options->grace_days, store_seen,
			options->store, ret);
}

/* catch_up - a source that a walk for judgement has not come to yet is judged before it moves */
static void catch_up(struct observer *observer, const struct escalation *clock,
		     struct source *source)
{
	struct judging judging = { observer, clock->now };

	if (observer->walk == OBSERVER_WALK_JUDGE &&
	    memcmp(&source->addr, &observer->walked, sizeof(source->addr)) > 0)
		escalation_rejudge(clock, source, judge_now, &judging);
}

/* judge - what the catalogue says of the build on the day it was seen */
static void judge(struct observer *observer, struct observation *o)
{
	memset(&o->judgement, 0, sizeof(o->judgement));
	if (o->build)
		catalogue_judge(observer->options.catalogue, o->build, o->at,
				observer->options.grace_days, store_seen, observer->options.store,
				&o->judgement);
}

/* keep - the raw observation, and what the gate can now say to have seen itself */
static int keep(struct observer *observer, const struct addr *source, const struct observation *o,
		struct error *e)
{
	struct store *store = observer->options.store;
	int r = store_observation_add(store, source, o, e);

	/* hearsay and labels that people wrote do not prove how a build looks on the wire */
	if (r >= 0 && o->build && o->origin == ORIGIN_RECEIVED && !o->told)
		r = store_confirm(store, source, o->build, e);
	return r;
}

/* count_sight - the account of what was seen; a repeated connection adds nothing new */
static int count_sight(struct observer *observer, const struct addr *source,
		       const struct observation *o, struct error *e)
{
	uint8_t family = o->build ? FAMILY_EXCHANGE : o->family;
	unsigned int bits = 1U << family;

	if (!family)
		return 0;
	if (o->build)
		bits |= STORE_ORIGIN(o->origin);
	if (o->tls && family != FAMILY_UNKNOWN && family != FAMILY_TLS)
		bits |= STORE_READ_IN_TLS;
	return store_account_add(observer->options.store, source, bits, o->at, e);
}

/* known - a report that comes late, of a connection that counted: a batch whose answer was lost is
 * sent again, a log is read twice. The identity itself remembers only the connection that it took
 * last. */
static int known(struct observer *observer, const struct source *source,
		 const struct observation *o, struct error *e)
{
	const struct identity *id = o->told ? source_find(source, o->server) : NULL;

	if (!id || o->at > id->last_seen || llabs(o->at - id->last_taken) < ESCALATION_DEDUPE_S)
		return 0;
	return store_observed(observer->options.store, &source->addr, o, ESCALATION_DEDUPE_S, e);
}

/* observe - the clock's part: one connection into the source's records */
static int observe(struct observer *observer, struct source *source, const struct observation *o,
		   int64_t now, int64_t running, struct error *e)
{
	struct escalation clock = clock_at(observer, now, running);
	bool had_clock = clocked(source);
	int taken, r = known(observer, source, o, e);

	if (r) {
		observer->stats.repeated += r > 0;
		return r < 0 ? r : OBSERVER_DROPPED;
	}
	trail_begin(&observer->trail, &clock, source);
	catch_up(observer, &clock, source);
	taken = escalation_observe(&clock, source, o);
	if (taken < 0)
		return error_set(e, taken, "observer: out of memory");
	r = save(observer, &clock, source, e);
	if (r >= 0 && (taken & OBSERVE_TAKEN))
		r = keep(observer, &source->addr, o, e);
	if (r < 0)
		return r;
	if (!taken) {
		observer->stats.repeated++;
		return OBSERVER_DROPPED;
	}
	if (o->build) {
		observer->stats.taken++;
		observer->stats.origin[o->origin][o->tls]++;
	} else {
		observer->stats.no_build++;
	}
	if (taken & OBSERVE_RECHECK)
		return OBSERVER_RECHECK;
	return had_clock || clocked(source) ? OBSERVER_CHANGED : OBSERVER_TAKEN;
}

/* observer_take - all of it or nothing, as one batch within the caller's */
int observer_take(struct observer *observer, struct observation *o, int64_t now, int64_t running,
		  struct error *e)
{
	struct addr addr = address_source(&o->source, observer->options.ipv6_bits);
	struct store *store = observer->options.store;
	struct source source = { 0 };
	int r;

	judge(observer, o);
	if (observer_is_own(observer, &o->source)) {
		observer->stats.own++;
		return OBSERVER_DROPPED;
	}
	r = store_begin(store, e);
	if (r < 0)
		return r;
	r = count_sight(observer, &addr, o, e);
	if (r >= 0)
		r = store_source_load(store, &addr, &source, e);
	if (r >= 0)
		r = observe(observer, &source, o, now, running, e);
	source_clear(&source);
	return store_finish(store, r, e);
}

/* observer_event - a connection whose build was told already, or whose EHLO name nobody
 * acknowledged, says only what family it was */
int observer_event(struct observer *observer, const struct event *event, int64_t running,
		   struct observation *ret, struct error *e)
{
	struct addr addr;
	int r;

	observer->stats.events++;
	observation_from_event(event, ret);
	if (event->type == EVENT_TOKEN ||
	    (event->flags & (EVENT_HAD_BUILD | EVENT_ACCEPTED)) == EVENT_ACCEPTED)
		return observer_take(observer, ret, ret->at, running, e);
	if (observer_is_own(observer, &ret->source)) {
		observer->stats.own++;
		return OBSERVER_DROPPED;
	}
	addr = address_source(&ret->source, observer->options.ipv6_bits);
	r = count_sight(observer, &addr, ret, e);
	return r < 0 ? r : OBSERVER_DROPPED;
}

/* record_unpause - the clock ended a pause whose time was over */
static int record_unpause(struct observer *observer, const struct addr *addr, int64_t until,
			  struct error *e)
{
	char subject[ADDRESS_TEXT], before[TIMES_TEXT + 16], text[TIMES_TEXT];
	struct audit audit = {
		.before = before,
		.at = until,
		.who = "clock",
		.what = "unpause",
		.subject = address_format(addr, subject),
		.why = "its time is over",
	};

	snprintf(before, sizeof(before), "{\"until\":\"%s\"}", times_format(until, text));
	return store_audit_add(observer->options.store, &audit, e);
}

/* move_source - its clock up to now; 1: it is not due any more. *ret_clocked: it has or had one */
static int move_source(struct observer *observer, const struct addr *addr, int64_t now,
		       int64_t running, bool *ret_clocked, struct error *e)
{
	struct escalation clock = clock_at(observer, now, running);
	struct source source;
	int64_t next, paused;
	int r = store_source_load(observer->options.store, addr, &source, e);

	if (r < 0)
		return r;
	paused = source.paused_since ? source.paused_until : 0;
	*ret_clocked = clocked(&source);
	trail_begin(&observer->trail, &clock, &source);
	catch_up(observer, &clock, &source);
	escalation_due(&clock, &source);
	*ret_clocked |= clocked(&source);
	next = escalation_next(&source);
	r = save(observer, &clock, &source, e);
	if (r >= 0 && paused && !source.paused_since)
		r = record_unpause(observer, addr, paused, e);
	source_clear(&source);
	return r < 0 ? r : !next || next > now;
}

/* tick_batch - the earliest that are due, durable before anybody hears of it */
static int tick_batch(struct observer *observer, struct addr *addrs, int64_t now, int64_t running,
		      unsigned int *ret_moved, struct error *e)
{
	struct store *store = observer->options.store;
	int count, r = store_begin(store, e);
	bool clocked;

	if (r < 0)
		return r;
	*ret_moved = 0;
	r = count = store_source_due(store, now, addrs, TICK_SOURCES, e);
	for (int i = 0; r >= 0 && i < count; i++) {
		r = move_source(observer, &addrs[i], now, running, &clocked, e);
		*ret_moved += r > 0;
	}
	return store_finish(store, r < 0 ? r : count, e);
}

/* observer_tick - ends where nothing is due, or nothing that is due would move */
int observer_tick(struct observer *observer, int64_t now, int64_t running, observer_changed_fn fn,
		  void *arg, struct error *e)
{
	struct addr *addrs = calloc(TICK_SOURCES, sizeof(*addrs));
	unsigned int moved, total = 0;
	int count;

	if (!addrs)
		return error_set(e, -ENOMEM, "observer: out of memory");
	do {
		count = tick_batch(observer, addrs, now, running, &moved, e);
		for (int i = 0; i < count; i++)
			fn(arg, &addrs[i]);
		total += moved;
	} while (count > 0 && moved && total < OBSERVER_TICK_MAX);
	free(addrs);
	return count < 0 ? count : (int)total;
}

/* observer_walk_start - a walk for judgement is never lost to one that only looks at the time */
void observer_walk_start(struct observer *observer, enum observer_walk kind)
{
	if (kind > observer->walk)
		observer->walk = kind;
	memset(&observer->walked, 0, sizeof(observer->walked));
}

/* observer_walking - what for */
enum observer_walk observer_walking(const struct observer *observer)
{
	return observer->walk;
}

/* walk_part - the next sources, durable before anybody hears of them; clocked ones stay in addrs */
static int walk_part(struct observer *observer, struct addr *addrs, int64_t now, int64_t running,
		     unsigned int *ret_clocked, struct error *e)
{
	struct store *store = observer->options.store;
	unsigned int kept = 0;
	struct addr last = observer->walked;
	int count, r = store_begin(store, e);
	bool clocked;

	if (r < 0)
		return r;
	r = count = store_source_after(store, &observer->walked, addrs, WALK_SOURCES, e);
	for (int i = 0; r >= 0 && i < count; i++) {
		last = addrs[i];
		r = move_source(observer, &last, now, running, &clocked, e);
		if (r >= 0 && clocked)
			addrs[kept++] = last;
	}
	r = store_finish(store, r < 0 ? r : count, e);
	if (r >= 0)
		observer->walked = last;
	*ret_clocked = kept;
	return r;
}

/* observer_walk_step - the part that finds nothing more ends the walk */
int observer_walk_step(struct observer *observer, int64_t now, int64_t running,
		       observer_changed_fn fn, void *arg, struct error *e)
{
	unsigned int clocked = 0;
	struct addr *addrs;
	int count;

	if (!observer->walk)
		return 0;
	addrs = calloc(WALK_SOURCES, sizeof(*addrs));
	if (!addrs)
		return error_set(e, -ENOMEM, "observer: out of memory");
	count = walk_part(observer, addrs, now, running, &clocked, e);
	for (unsigned int i = 0; count >= 0 && i < clocked; i++)
		fn(arg, &addrs[i]);
	if (!count)
		observer->walk = OBSERVER_WALK_NONE;
	free(addrs);
	return count;
}
