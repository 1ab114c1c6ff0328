// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/world.h"
#include "user/observer/observer.h"

/* A world with an observer; `now` moves on as the test says. */
struct scene {
	struct world w;
	struct observer *observer;
	int64_t now;
	unsigned int changes;
	enum change_kind last;
};

/* on_change - what the daemon would log */
static void on_change(void *arg, const struct change *change)
{
	struct scene *s = arg;

	s->changes++;
	s->last = change->kind;
}

/* set_up - nothing seen yet */
static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct observer_options options;

	clock_init(0);
	world_open(&s->w);
	s->now = clock_wall();
	options = (struct observer_options) {
		.store = s->w.store,
		.catalogue = s->w.catalogue,
		.policy = s->w.policy,
		.grace_days = 30,
		.ipv6_bits = 64,
		.change = on_change,
		.change_arg = s,
	};
	assert_int_equal(observer_new(&options, &s->observer, &s->w.e), 0);
	*state = s;
	return 0;
}

/* tear_down - nothing stays */
static int tear_down(void **state)
{
	struct scene *s = *state;

	observer_free(s->observer);
	world_close(&s->w);
	free(s);
	return 0;
}

/* event - a client outside said something to our server */
static struct event event(const char *client, const char *helo, uint64_t build)
{
	struct event e = {
		.at_ns = clock_kernel_ns(),
		.build = build,
		.type = build ? EVENT_TOKEN : EVENT_CONN,
		.direction = DIRECTION_INBOUND,
		.side = SIDE_CLIENT,
		.origin = build ? ORIGIN_RECEIVED : 0,
		.family = build ? FAMILY_EXCHANGE : FAMILY_TLS,
		.flags = build ? 0 : EVENT_ACCEPTED,
		.key = { .client = world_addr(client), .server = world_addr("198.51.100.1") },
	};

	snprintf(e.helo, sizeof(e.helo), "%s", helo);
	return e;
}

/* feed - one event; the result */
static int feed(struct scene *s, struct event e)
{
	struct observation o;

	return observer_event(s->observer, &e, 0, &o, &s->w.e);
}

/* take - an observation at this moment, as received on the wire */
static int take(struct scene *s, const char *source, const char *name, uint64_t build, int64_t at)
{
	struct observation o = {
		.at = at,
		.source = world_addr(source),
		.origin = ORIGIN_RECEIVED,
		.family = build ? 0 : FAMILY_OTHER,
		.build = build,
	};

	snprintf(o.helo, sizeof(o.helo), "%s", name);
	observation_name(&o);
	return observer_take(s->observer, &o, at, 400 * DAY_S, &s->w.e);
}

/* load - what the store has of a source */
static struct source load(struct scene *s, const char *text)
{
	struct addr a = world_addr(text);
	struct source source;

	assert_true(store_source_load(s->w.store, &a, &source, &s->w.e) >= 0);
	return source;
}

/* test_token - judged, named, counted, kept; the second within 60 s is not */
static void test_token(void **state)
{
	struct scene *s = *state;
	struct event e = event("192.0.2.7", "EX01.example.org", OLD_BUILD);
	struct observation o;
	struct source source;

	assert_int_equal(observer_event(s->observer, &e, 0, &o, &s->w.e), OBSERVER_TAKEN);
	assert_string_equal(o.server, "ex01.example.org");
	assert_string_equal(o.judgement.product, "Exchange Server 2016");
	assert_int_equal(o.judgement.standing, STANDING_UNSUPPORTED);
	assert_int_equal(feed(s, e), OBSERVER_DROPPED);
	assert_int_equal(observer_stats(s->observer)->taken, 1);
	assert_int_equal(observer_stats(s->observer)->repeated, 1);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.count, 1);
	assert_true(source.identities[0].build == OLD_BUILD);
	assert_true(source.identities[0].acts);
	source_clear(&source);
}

/* test_connections - which ends of connections count as a name, and what all tell */
static void test_connections(void **state)
{
	struct scene *s = *state;
	struct event e = event("192.0.2.7", "mx.example.org", 0);
	struct store_counts counts;
	struct source source;

	e.flags = 0; /* nobody acknowledged the name */
	assert_int_equal(feed(s, e), OBSERVER_DROPPED);
	e.flags = EVENT_ACCEPTED | EVENT_HAD_BUILD; /* its token counted already */
	assert_int_equal(feed(s, e), OBSERVER_DROPPED);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.count, 0);
	e.flags = EVENT_ACCEPTED;
	assert_int_equal(feed(s, e), OBSERVER_TAKEN);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.count, 1);
	source_clear(&source);
	assert_int_equal(store_count(s->w.store, &counts, &s->w.e), 0);
	assert_int_equal(counts.sources, 1);
	assert_int_equal(counts.tls, 1);
	assert_int_equal(observer_stats(s->observer)->no_build, 1);
}

/* test_own - loopback always, others as told, by the full address */
static void test_own(void **state)
{
	struct scene *s = *state;
	struct addr own = world_addr("2001:db8::1");

	assert_int_equal(feed(s, event("127.0.0.1", "a", OLD_BUILD)), OBSERVER_DROPPED);
	assert_int_equal(observer_own(s->observer, &own, 128), 0);
	assert_int_equal(feed(s, event("2001:db8::1", "a", OLD_BUILD)), OBSERVER_DROPPED);
	assert_int_equal(feed(s, event("2001:db8::2", "a", OLD_BUILD)), OBSERVER_TAKEN);
	assert_int_equal(observer_stats(s->observer)->own, 2);
	observer_own_clear(s->observer);
	assert_false(observer_is_own(s->observer, &own));
	own = world_addr("::1");
	assert_true(observer_is_own(s->observer, &own));
}

/* test_ipv6 - a /64 is one source */
static void test_ipv6(void **state)
{
	struct scene *s = *state;
	struct source source;

	feed(s, event("2001:db8:0:1::7", "a.example.org", OLD_BUILD));
	feed(s, event("2001:db8:0:1::8", "b.example.org", OLD_BUILD));
	source = load(s, "2001:db8:0:1::");
	assert_int_equal(source.count, 2);
	source_clear(&source);
}

/* changed - count the sources a tick tells of */
static void changed(void *arg, const struct addr *source)
{
	(void)source;
	++*(unsigned int *)arg;
}

/* walk_days - acting sightings on the first, second and third day from `from` on */
static void walk_days(struct scene *s, const char *source, int64_t from)
{
	take(s, source, "ex01.example.org", OLD_BUILD, from);
	assert_int_equal(take(s, source, "ex01.example.org", OLD_BUILD, from + 2 * HOUR),
			 OBSERVER_CHANGED);
	take(s, source, "ex01.example.org", OLD_BUILD, from + DAY_S);
	take(s, source, "ex01.example.org", OLD_BUILD, from + 2 * DAY_S);
}

/* test_clock - two sightings start it, time moves it, a fine build lifts it; all audited */
static void test_clock(void **state)
{
	struct scene *s = *state;
	int64_t from = s->now - 100 * DAY_S;
	unsigned int told = 0;
	struct source source;

	walk_days(s, "192.0.2.7", from);
	assert_int_equal(s->changes, 1);
	assert_int_equal(s->last, CHANGE_START);
	take(s, "192.0.2.7", "ex01.example.org", OLD_BUILD, from + 29 * DAY_S);
	assert_true(observer_tick(s->observer, from + 31 * DAY_S, 500 * DAY_S, changed, &told,
				  &s->w.e) > 0);
	assert_int_equal(told, 1);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.identities[0].stage, 2);
	source_clear(&source);
	assert_int_equal(
		observer_tick(s->observer, from + 31 * DAY_S, 500 * DAY_S, changed, &told, &s->w.e),
		0);
	assert_int_equal(told, 1);
	assert_int_equal(take(s, "192.0.2.7", "ex01.example.org", FINE_BUILD, from + 32 * DAY_S),
			 OBSERVER_CHANGED);
	assert_int_equal(s->last, CHANGE_STOP);
	assert_int_equal(observer_stats(s->observer)->changes, 3);
}

/* note - an audit entry as text */
static int note(void *arg, const struct audit *audit)
{
	char *list = arg;

	assert_string_equal(audit->who, "clock");
	assert_non_null(audit->why);
	sprintf(list + strlen(list), "%s ", audit->what);
	return 0;
}

/* test_audit - each change has its entry, about the source, with the build in before and after */
static void test_audit(void **state)
{
	struct scene *s = *state;
	char list[256] = "";

	walk_days(s, "192.0.2.7", s->now - 9 * DAY_S);
	take(s, "192.0.2.7", "ex01.example.org", FINE_BUILD, s->now - 6 * DAY_S);
	assert_int_equal(store_audit_each(s->w.store, "192.0.2.7", 0, note, list, &s->w.e), 0);
	assert_string_equal(list, "start stop ");
}

/* test_pause_ends - by the clock, at its moment, and the trail says so */
static void test_pause_ends(void **state)
{
	struct scene *s = *state;
	int64_t from = s->now - 50 * DAY_S, until = from + 12 * DAY_S;
	struct addr a = world_addr("192.0.2.7");
	struct escalation clock = { .policy = s->w.policy, .now = from + 10 * DAY_S };
	unsigned int told = 0;
	char list[256] = "";
	struct source source;

	walk_days(s, "192.0.2.7", from);
	world_decide(&s->w, DECISION_PAUSE, "192.0.2.7", 0, 0, clock.now, until);
	assert_int_equal(store_source_load(s->w.store, &a, &source, &s->w.e), 1);
	escalation_pause(&clock, &source, until);
	assert_int_equal(store_source_save(s->w.store, &source, &s->w.e), 1);
	source_clear(&source);
	observer_tick(s->observer, until - 1, 500 * DAY_S, changed, &told, &s->w.e);
	source = load(s, "192.0.2.7");
	assert_true(source.paused_since);
	source_clear(&source);
	assert_int_equal(observer_tick(s->observer, until, 500 * DAY_S, changed, &told, &s->w.e),
			 1);
	source = load(s, "192.0.2.7");
	assert_false(source.paused_since);
	assert_false(source.identities[0].paused_at);
	source_clear(&source);
	store_audit_each(s->w.store, "192.0.2.7", 0, note, list, &s->w.e);
	assert_string_equal(list, "start unpause ");
}

/* test_many_due - more than one turn moves: each source is told of once, the rest in the next one
 */
static void test_many_due(void **state)
{
	const int sources = OBSERVER_TICK_MAX + 5000;
	struct scene *s = *state;
	unsigned int told = 0;
	char source[32];
	int moved;

	assert_int_equal(store_begin(s->w.store, &s->w.e), 0);
	for (int i = 0; i < sources; i++) {
		snprintf(source, sizeof(source), "10.0.%d.%d", i / 250, i % 250);
		take(s, source, "ex01.example.org", OLD_BUILD, s->now - 200 * DAY_S);
	}
	assert_int_equal(store_commit(s->w.store, &s->w.e), 0);
	moved = observer_tick(s->observer, s->now, 0, changed, &told, &s->w.e);
	assert_in_range(moved, OBSERVER_TICK_MAX, sources - 1);
	moved += observer_tick(s->observer, s->now, 0, changed, &told, &s->w.e);
	assert_int_equal(moved, sources);
	assert_int_equal(told, sources);
}

/* test_confirmed - only what was received on the wire proves how a build looks there */
static void test_confirmed(void **state)
{
	struct scene *s = *state;
	struct observation o = { .at = s->now, .build = OLD_BUILD, .origin = ORIGIN_REPORTED };
	char source[32];

	for (int i = 0; i < 3; i++) {
		snprintf(source, sizeof(source), "192.0.2.%d", i);
		o.source = world_addr(source);
		strcpy(o.server, "ex01.example.org");
		observer_take(s->observer, &o, s->now, 0, &s->w.e);
	}
	assert_false(store_seen(s->w.store, OLD_BUILD, OLD_BUILD + 1));
	for (int i = 0; i < 3; i++) {
		snprintf(source, sizeof(source), "198.51.100.%d", i);
		take(s, source, "ex01.example.org", OLD_BUILD, s->now);
	}
	assert_true(store_seen(s->w.store, OLD_BUILD, OLD_BUILD + 1));
}

/* count_told - sources that a walk publishes */
static void count_told(void *arg, const struct addr *source)
{
	(void)source;
	(*(unsigned int *)arg)++;
}

/* walk - all parts of a walk; how many there were */
static unsigned int walk(struct scene *s, unsigned int *told)
{
	unsigned int parts = 0;
	int count;

	*told = 0;
	while ((count = observer_walk_step(s->observer, s->now, 400 * DAY_S, count_told, told,
					   &s->w.e)) > 0) {
		assert_true(count <= 256);
		parts++;
	}
	assert_int_equal(count, 0);
	assert_int_equal(observer_walking(s->observer), OBSERVER_WALK_NONE);
	return parts;
}

/* use - another policy, judged anew */
static struct policy *use(struct scene *s, const char *name)
{
	struct policy *policy;

	assert_int_equal(policy_load(name, "maps/policy", &policy, &s->w.e), 0);
	observer_use(s->observer, NULL, policy);
	observer_walk_start(s->observer, OBSERVER_WALK_JUDGE);
	return policy;
}

/* test_walk - every source once, in bounded parts; those without a clock are not published */
static void test_walk(void **state)
{
	struct scene *s = *state;
	struct policy *policy;
	unsigned int told;
	char text[32];

	for (int i = 0; i < 600; i++) {
		snprintf(text, sizeof(text), "192.0.%d.%d", i / 250, i % 250 + 1);
		world_put(&s->w, text, "ex01.example.org", i % 3 ? 5 : 0, s->now);
	}
	policy = use(s, "exchange-online");
	assert_int_equal(walk(s, &told), 3);
	assert_int_equal(told, 400);
	assert_int_equal(walk(s, &told), 0);
	policy_free(policy);
}

/* test_walk_policy - what no longer acts stops, with its reason in the audit trail */
static void test_walk_policy(void **state)
{
	struct scene *s = *state;
	struct policy *policy;
	struct source source;
	unsigned int told;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 5, s->now);
	source = load(s, "192.0.2.7");
	source.identities[0].build = FINE_BUILD;
	source.identities[0].standing = STANDING_OUTDATED;
	source.identities[0].dirty = true;
	assert_int_equal(store_source_save(s->w.store, &source, &s->w.e), 1);
	source_clear(&source);
	policy = use(s, "exchange-online");
	walk(s, &told);
	assert_int_equal(told, 2);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.identities[0].stage, 0);
	assert_int_equal(s->changes, 2); /* the other goes on to what 70 days say there */
	source_clear(&source);
	source = load(s, "192.0.2.8");
	assert_int_equal(source.identities[0].running_since, s->now - 70 * DAY_S);
	assert_in_range(source.identities[0].stage, 5, 6);
	source_clear(&source);
	policy_free(policy);
}

/* test_walk_ahead - a source that moves before the walk has come to it is judged first */
static void test_walk_ahead(void **state)
{
	struct scene *s = *state;
	struct source source;
	struct policy *policy;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	source = load(s, "192.0.2.7");
	source.identities[0].build = FINE_BUILD;
	source.identities[0].dirty = true;
	assert_int_equal(store_source_save(s->w.store, &source, &s->w.e), 1);
	source_clear(&source);
	policy = use(s, "exchange-online");
	assert_int_equal(take(s, "192.0.2.7", "ex01.example.org", 0, s->now), OBSERVER_CHANGED);
	source = load(s, "192.0.2.7");
	assert_int_equal(source.identities[0].stage, 0);
	source_clear(&source);
	policy_free(policy);
}

/* test_walk_kinds - a look at the time never replaces a judgement that is not through */
static void test_walk_kinds(void **state)
{
	struct scene *s = *state;
	unsigned int told;

	observer_walk_start(s->observer, OBSERVER_WALK_JUDGE);
	observer_walk_start(s->observer, OBSERVER_WALK_DUE);
	assert_int_equal(observer_walking(s->observer), OBSERVER_WALK_JUDGE);
	walk(s, &told);
	observer_walk_start(s->observer, OBSERVER_WALK_DUE);
	assert_int_equal(observer_walking(s->observer), OBSERVER_WALK_DUE);
}

/* test_walk_back - wall time went back: what lies in the future is nobody's evidence any more */
static void test_walk_back(void **state)
{
	struct scene *s = *state;
	struct source source;
	unsigned int told;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	s->now -= 75 * DAY_S;
	observer_walk_start(s->observer, OBSERVER_WALK_DUE);
	walk(s, &told);
	assert_int_equal(told, 1);
	source = load(s, "192.0.2.7");
	assert_true(source.identities[0].stage <= 1);
	source_clear(&source);
}

/* tell - somebody's report of a connection `minutes` after the first one */
static int tell(struct scene *s, const char *name, uint64_t build, int64_t minutes)
{
	struct observation o = {
		.at = s->now + minutes * 60,
		.source = world_addr("192.0.2.7"),
		.origin = build ? ORIGIN_RECEIVED : 0,
		.family = build ? 0 : FAMILY_OTHER,
		.build = build,
		.told = true,
	};

	snprintf(o.helo, sizeof(o.helo), "%s", name);
	observation_name(&o);
	return observer_take(s->observer, &o, s->now + 600, 400 * DAY_S, &s->w.e);
}

/* test_told_again - a batch whose answer was lost comes again: nothing counts as two connections */
static void test_told_again(void **state)
{
	struct scene *s = *state;

	for (int again = 0; again < 3; again++)
		for (int64_t minute = 0; minute < 10; minute += 2) {
			int expected = again ? OBSERVER_DROPPED : OBSERVER_TAKEN;

			assert_int_equal(tell(s, "ex01.example.org", OLD_BUILD, minute) > 0,
					 expected);
			assert_int_equal(tell(s, "mx.example.org", 0, minute) > 0, expected);
		}
	/* what was not told before is taken, however late it comes */
	assert_true(tell(s, "ex01.example.org", OLD_BUILD, 5) > 0);
	assert_true(tell(s, "ex01.example.org", FINE_BUILD, 2) > 0);
	assert_true(tell(s, "ex02.example.org", OLD_BUILD, 2) > 0);
	assert_int_equal(tell(s, "ex01.example.org", OLD_BUILD, 5), OBSERVER_DROPPED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_token),      TEST(test_connections), TEST(test_own),
		TEST(test_ipv6),       TEST(test_clock),       TEST(test_audit),
		TEST(test_pause_ends), TEST(test_many_due),    TEST(test_confirmed),
		TEST(test_walk),       TEST(test_walk_policy), TEST(test_walk_ahead),
		TEST(test_walk_kinds), TEST(test_walk_back),   TEST(test_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
