// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clock, sentence by sentence: each row of histories.h is a history of one source and the
 * lines that it must give. The driver below moves time as simulate does, and can also stop the
 * daemon, pause the source and put the system clock wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/escalation/escalation.h"

/*
 * A history is steps separated by ';': "WHEN NAME WHAT". WHEN is 1d2h3m4s from the start, or
 * FROM-TO/EVERY. NAME is the server name, "by<helo" where the two differ, * for the driver.
 */
struct history {
	const char *rule;
	const char *steps;
	const char *lines;  /* "WHEN NAME STAGE SLOWED/REFUSED;" per line; stage = : minutes only */
	const char *policy; /* NULL: 30-10-60 */
};

#include "histories.h"

#define START     1767225600 /* 2026-01-01T00:00:00Z */
#define STEPS_MAX 4096
#define OLD       BUILD(15, 1, 2507, 17)
#define FINE      BUILD(15, 2, 2562, 53)

struct step {
	int64_t at;
	size_t order;
	char name[64];
	char what[16];
};

struct driver {
	struct escalation clock;
	struct source source;
	struct step steps[STEPS_MAX];
	size_t count;
	int64_t down;  /* seconds the daemon did not run */
	int64_t wrong; /* the system clock is ahead by */
	uint32_t throttle_min, block_min;
	unsigned int changes; /* of this moment */
	struct change last[64];
	char names[64][NAME_BYTES];
	char lines[16384];
	size_t used;
	int rechecks;
};

/* span - "1d2h" into seconds; *text moves behind it */
static int64_t span(const char **text)
{
	int64_t total = 0;

	while (**text >= '0' && **text <= '9') {
		char *end;
		int64_t n = strtoll(*text, &end, 10);

		total += n * (*end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1);
		*text = end + 1;
	}
	return total;
}

/* when - seconds since the start as "1d2h3m4s" without zeros */
static const char *when(int64_t at, char *buf)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t used = 0;

	for (size_t i = 0; i < 4; i++) {
		if (at / units[i].seconds)
			used += (size_t)sprintf(buf + used, "%lld%c",
						(long long)(at / units[i].seconds), units[i].unit);
		at %= units[i].seconds;
	}
	return used ? buf : "0d";
}

/* say - one line of what happened */
static void say(struct driver *d, int64_t at, const char *name, const char *stage)
{
	char buf[64];

	d->used +=
		(size_t)snprintf(d->lines + d->used, sizeof(d->lines) - d->used, "%s %s %s %u/%u;",
				 when(at - START, buf), name, stage, d->throttle_min, d->block_min);
	assert_true(d->used < sizeof(d->lines));
}

/* changed - keep it until the minutes are known */
static void changed(void *arg, const struct change *change)
{
	struct driver *d = arg;
	char build[BUILD_TEXT];

	assert_true(d->changes < 64);
	assert_int_not_equal(change->from, change->to);
	assert_non_null(strstr(change->why, build_format(change->identity->build, build)));
	assert_non_null(strstr(change->why, "rule: "));
	assert_non_null(strstr(change->why, "202"));
	memcpy(d->names[d->changes], change->identity->name, NAME_BYTES);
	d->last[d->changes++] = *change;
}

/* settle - the lines of this moment, and what must hold at every moment */
static void settle(struct driver *d)
{
	struct enforcement x;
	char stage[16];

	escalation_source(&d->clock, &d->source, &x);
	if (x.throttle_min + x.block_min) {
		assert_false(x.paused || x.inside);
		assert_true(x.emergency || !x.stale);
		assert_true(x.emergency || !x.shared || d->source.enforce_shared);
	}
	if (x.acting)
		assert_non_null(strstr(x.why, "rule: "));
	if (!d->changes && x.acting &&
	    (x.throttle_min != d->throttle_min || x.block_min != d->block_min)) {
		d->throttle_min = x.throttle_min;
		d->block_min = x.block_min;
		say(d, d->clock.now, x.acting->name, "=");
	}
	d->throttle_min = x.throttle_min;
	d->block_min = x.block_min;
	for (unsigned int i = 0; i < d->changes; i++) {
		snprintf(stage, sizeof(stage), "%u", d->last[i].to);
		say(d, d->last[i].at, d->names[i], stage);
	}
	d->changes = 0;
}

/* at - the driver's clocks at a moment of true time */
static void at(struct driver *d, int64_t now)
{
	d->clock.now = now + d->wrong;
	d->clock.running = now - START - d->down + 1000000;
}

/* run_until - every due before `now`, or at it too */
static void run_until(struct driver *d, int64_t now, bool inclusive)
{
	int64_t due;

	while ((due = escalation_next(&d->source)) != 0) {
		due -= d->wrong;
		if (due > now || (due == now && !inclusive))
			break;
		at(d, due);
		escalation_due(&d->clock, &d->source);
		assert_true(escalation_next(&d->source) == 0 ||
			    escalation_next(&d->source) > d->clock.now);
		settle(d);
	}
	at(d, now);
}

/* set_emergency - what the definition behind a word wants, and what the build is without it */
static void set_emergency(struct judgement *j, const char *what)
{
	if (j->standing != STANDING_EMERGENCY)
		return;
	j->emergency = what;
	j->tarpit = !strcmp(what, "soft");
	j->minutes = j->tarpit ? 20 : 60;
	j->until = strncmp(what, "brief", 5) ? INT64_MAX : START + 3 * DAY_S;
	j->apart = strcmp(what, "briefold") ? STANDING_CURRENT : STANDING_UNSUPPORTED;
}

/* set_build - what the step's word means */
static void set_build(struct observation *o, const char *what)
{
	static const struct {
		const char *word;
		uint8_t origin;
		enum standing standing;
	} words[] = {
		{ "old", ORIGIN_RECEIVED, STANDING_UNSUPPORTED },
		{ "outdated", ORIGIN_RECEIVED, STANDING_OUTDATED },
		{ "rep", ORIGIN_REPORTED, STANDING_UNSUPPORTED },
		{ "lold", ORIGIN_EHLO, STANDING_UNSUPPORTED },
		{ "bold", ORIGIN_BANNER, STANDING_UNSUPPORTED },
		{ "emg", ORIGIN_RECEIVED, STANDING_EMERGENCY },
		{ "soft", ORIGIN_RECEIVED, STANDING_EMERGENCY },
		{ "brief", ORIGIN_RECEIVED, STANDING_EMERGENCY },
		{ "briefold", ORIGIN_RECEIVED, STANDING_EMERGENCY },
		{ "new", ORIGIN_RECEIVED, STANDING_CURRENT },
		{ "repnew", ORIGIN_REPORTED, STANDING_CURRENT },
		{ "lnew", ORIGIN_EHLO, STANDING_CURRENT },
		{ "unknown", ORIGIN_RECEIVED, STANDING_UNKNOWN },
		{ "online", ORIGIN_RECEIVED, STANDING_ONLINE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, what))
			continue;
		o->origin = words[i].origin;
		o->judgement.standing = words[i].standing;
		set_emergency(&o->judgement, what);
		o->build = i < 9 ? OLD : FINE;
		o->judgement.product = i < 9 ? "Exchange Server 2016" : "Exchange Server SE";
		return;
	}
	if (strcmp(what, "none"))
		fail_msg("unknown word '%s'", what);
}

/* connect - one connection of a step */
static void connect(struct driver *d, const struct step *step)
{
	struct observation o = { .at = d->clock.now };
	const char *less = strchr(step->name, '<');
	int rc;

	snprintf(o.server, sizeof(o.server), "%.*s",
		 (int)(less ? less - step->name : (long)strlen(step->name)), step->name);
	snprintf(o.helo, sizeof(o.helo), "%s", less ? less + 1 : o.server);
	set_build(&o, step->what);
	if (o.origin == ORIGIN_RECEIVED)
		memcpy(o.by, o.server, sizeof(o.by));
	rc = escalation_observe(&d->clock, &d->source, &o);
	assert_true(rc >= 0);
	d->rechecks += (rc & OBSERVE_RECHECK) != 0;
}

static const char *judged; /* what rejudge_word() says now */

static void rejudge_word(void *arg, uint64_t build, struct judgement *ret)
{
	struct observation o = { 0 };

	(void)arg;
	(void)build;
	set_build(&o, judged);
	*ret = o.judgement;
}

/* operate - a step of the driver itself */
static void operate(struct driver *d, const char *what)
{
	const char *arg = what + strcspn(what, "0123456789");

	if (!strncmp(what, "pause", 5)) {
		escalation_pause(&d->clock, &d->source, d->clock.now + span(&arg));
	} else if (!strcmp(what, "unpause")) {
		escalation_unpause(&d->clock, &d->source);
	} else if (!strcmp(what, "share")) {
		d->source.enforce_shared = true;
	} else if (!strncmp(what, "ahead", 5)) {
		d->wrong = span(&arg);
		d->clock.now += d->wrong;
		escalation_due(&d->clock, &d->source);
	} else if (!strcmp(what, "right")) {
		d->clock.now -= d->wrong;
		d->wrong = 0;
		escalation_due(&d->clock, &d->source);
	} else if (!strncmp(what, "judge-", 6)) {
		judged = what + 6;
		escalation_rejudge(&d->clock, &d->source, rejudge_word, NULL);
	} else if (strcmp(what, "end") != 0) {
		fail_msg("unknown operation '%s'", what);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* read_steps - text into steps in order of time */
static void read_steps(struct driver *d, const char *text)
{
	while (*text) {
		int64_t from = span(&text), to = from, every = 1, t;
		char name[64], what[16];
		int used = 0;

		if (*text == '-') {
			text++;
			to = span(&text);
			text++;
			every = span(&text);
		}
		assert_int_equal(sscanf(text, " %63s %15[^; ]%n", name, what, &used), 2);
		for (t = from; t <= to; t += every) {
			struct step *step = &d->steps[d->count];

			assert_true(d->count < STEPS_MAX);
			*step = (struct step) { .at = START + t, .order = d->count++ };
			memcpy(step->name, name, sizeof(name));
			memcpy(step->what, what, sizeof(what));
		}
		text += used;
		text += strspn(text, "; ");
	}
	qsort(d->steps, d->count, sizeof(d->steps[0]), by_time);
}

/* play - all steps; "down" stops time for the daemon, not for the world */
static void play(struct driver *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct step *step = &d->steps[i];

		run_until(d, step->at, false);
		if (!strncmp(step->what, "down", 4)) {
			const char *arg = step->what + 4;
			int64_t away = span(&arg);

			d->down += away;
			at(d, step->at + away);
			escalation_due(&d->clock, &d->source);
		} else if (*step->name == '*') {
			operate(d, step->what);
		} else {
			connect(d, step);
		}
		settle(d);
		run_until(d, d->clock.now - d->wrong, true);
	}
}

/* run_history - the lines of one row */
static struct driver *run_history(const char *steps, const char *policy)
{
	struct driver *d = calloc(1, sizeof(*d));
	struct policy *loaded;

	assert_non_null(d);
	assert_int_equal(policy_load(policy ? policy : "30-10-60", "maps/policy", &loaded, NULL),
			 0);
	d->clock.policy = loaded;
	d->clock.changed = changed;
	d->clock.arg = d;
	address_parse("192.0.2.7", &d->source.addr);
	read_steps(d, steps);
	play(d);
	return d;
}

static void drop_history(struct driver *d)
{
	policy_free((struct policy *)d->clock.policy);
	source_clear(&d->source);
	free(d);
}

/* all rows, each failure named, none hidden by an earlier one */
static void test_histories(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
		const struct history *h = &histories[i];
		struct driver *d = run_history(h->steps, h->policy);

		if (strcmp(d->lines, h->lines)) {
			print_error("%s\n  steps    %s\n  expected %s\n  got      %s\n", h->rule,
				    h->steps, h->lines, d->lines);
			wrong++;
		}
		drop_history(d);
	}
	assert_int_equal(wrong, 0);
	assert_true(sizeof(histories) / sizeof(histories[0]) >= 40);
}

/* a fine label on a received-based clock asks for a recheck, and only that */
static void test_recheck(void **state)
{
	struct driver *d = run_history("0d ex old;1d ex old;2d ex lnew", NULL);

	(void)state;
	assert_int_equal(d->rechecks, 1);
	assert_int_equal(d->source.identities[0].stage, 1);
	assert_true(d->source.identities[0].build == OLD);
	drop_history(d);
	d = run_history("0d ex old;2d ex lnew", NULL);
	assert_int_equal(d->rechecks, 0);
	drop_history(d);
}

/* late - hand in an observation whose time has passed */
static void late(struct driver *d, int64_t when_s, const char *what)
{
	struct observation o = { .at = START + when_s };

	snprintf(o.server, sizeof(o.server), "ex");
	memcpy(o.helo, o.server, sizeof(o.helo));
	set_build(&o, what);
	assert_true(escalation_observe(&d->clock, &d->source, &o) >= 0);
}

/* the newest by time counts, whenever it arrives */
static void test_late(void **state)
{
	struct driver *d = run_history("0d ex old;2d ex old;4d ex old", NULL);
	struct identity *id = source_find(&d->source, "ex");

	(void)state;
	assert_int_equal(id->stage, 1);
	late(d, 3 * DAY_S, "new");
	assert_int_equal(id->stage, 0);
	assert_true(id->build == OLD); /* it is still the newest that is shown */
	assert_int_equal(id->candidate_at, START + 4 * DAY_S);
	drop_history(d);

	d = run_history("0d ex none;2d ex old", NULL);
	id = source_find(&d->source, "ex");
	late(d, DAY_S, "old");
	assert_int_equal(id->stage, 1);
	assert_int_equal(id->first_outdated, START + DAY_S);
	drop_history(d);

	d = run_history("0d-20d/1d ex old", NULL);
	id = source_find(&d->source, "ex");
	late(d, 10 * DAY_S, "new"); /* out of the window: stops nothing, but shares */
	assert_int_equal(id->stage, 1);
	assert_int_equal(id->last_fine, START + 10 * DAY_S);
	drop_history(d);
}

/* an observation from the future counts as of now */
static void test_future(void **state)
{
	struct driver *d = run_history("0d ex old", NULL);
	struct identity *id = source_find(&d->source, "ex");

	(void)state;
	d->clock.now += 7200;
	late(d, 900 * DAY_S, "old");
	assert_int_equal(id->last_acting, START + 7200);
	assert_int_equal(id->stage, 1);
	drop_history(d);
}

/* a source keeps its clock and a bounded number of names */
static void test_names(void **state)
{
	struct driver *d = run_history("0d ex old;1d ex old", NULL);
	struct observation o = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		at(d, START + (2 + i) * (int64_t)DAY_S);
		o.at = d->clock.now;
		snprintf(o.server, sizeof(o.server), "name%d", i);
		memcpy(o.helo, o.server, sizeof(o.helo));
		assert_int_equal(escalation_observe(&d->clock, &d->source, &o), OBSERVE_TAKEN);
		assert_true(d->source.count <= ESCALATION_NAMES_MAX);
		assert_true((i < ESCALATION_NAMES_MAX - 1) == !*d->source.evicted);
	}
	assert_non_null(source_find(&d->source, "ex"));
	assert_null(source_find(&d->source, "name0"));
	for (int i = 0; i < 100; i++) {
		o.at = ++d->clock.now;
		snprintf(o.server, sizeof(o.server), "flood%d", i);
		escalation_observe(&d->clock, &d->source, &o);
	}
	assert_int_equal(d->source.count, ESCALATION_NAMES_MAX);
	assert_int_equal(escalation_observe(&d->clock, &d->source, &o), 0); /* no room, no harm */
	drop_history(d);
}

/* what the report shows of a source on its way */
static void test_fold(void **state)
{
	struct driver *d = run_history("0d-35d/1d ex old", NULL);
	struct enforcement x;

	(void)state;
	escalation_source(&d->clock, &d->source, &x);
	assert_int_equal(x.stage, 2);
	assert_int_equal(x.throttle_min, 5);
	assert_true(x.build == OLD);
	assert_int_equal(x.stage_since, START + 30 * DAY_S);
	assert_int_equal(x.next_stage_at, START + 40 * DAY_S);
	assert_int_equal(x.evidence_at, START + 35 * DAY_S);
	d->source.identities[0].inside = true;
	escalation_source(&d->clock, &d->source, &x);
	assert_int_equal(x.throttle_min, 0);
	assert_non_null(strstr(x.why, "inside"));
	drop_history(d);
}

/* only what changed is written back */
static void test_dirty(void **state)
{
	struct driver *d = run_history("0d ex old;1d ex old;1d1h other none", NULL);
	struct identity *ex = source_find(&d->source, "ex");

	(void)state;
	ex->dirty = false;
	escalation_due(&d->clock, &d->source);
	assert_false(ex->dirty);
	assert_int_equal(ex->due, START + 8 * DAY_S); /* its evidence ends */
	d->clock.now = ex->due;
	escalation_due(&d->clock, &d->source);
	assert_true(ex->dirty);
	drop_history(d);
}

/* next_random - small and the same everywhere */
static unsigned int next_random(uint64_t *seed, unsigned int below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(*seed >> 33) % below;
}

/* random histories: the driver's own assertions, and the invariants of one identity */
static void test_random(void **state)
{
	static const char *const whats[] = { "old", "old", "old", "old", "none", "lold", "new" };
	char steps[8192];

	(void)state;
	for (uint64_t round = 1; round <= 2000; round++) {
		uint64_t seed = round;
		unsigned int names = 1 + next_random(&seed, 3), kinds = 4 + next_random(&seed, 4);
		size_t used = 0;
		int64_t t = 0;
		struct driver *d;

		for (int i = 0; i < 60; i++) {
			t += next_random(&seed, 4) ? next_random(&seed, 3 * DAY_S)
						   : next_random(&seed, 4000);
			used += (size_t)snprintf(
				steps + used, sizeof(steps) - used, "%llds n%u %s;", (long long)t,
				next_random(&seed, names), whats[next_random(&seed, kinds)]);
		}
		d = run_history(steps, NULL);
		for (unsigned int i = 0; i < d->source.count; i++) {
			struct identity *id = &d->source.identities[i];

			assert_true(id->running_since ? id->stage >= 1 : id->stage == 0);
			assert_true(id->last_acting > id->last_fine || !id->running_since);
			if (id->last_fine == id->build_at)
				assert_int_equal(id->stage, 0);
		}
		drop_history(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories), cmocka_unit_test(test_recheck),
		cmocka_unit_test(test_late),      cmocka_unit_test(test_future),
		cmocka_unit_test(test_names),     cmocka_unit_test(test_fold),
		cmocka_unit_test(test_dirty),     cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
