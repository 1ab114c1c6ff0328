// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random histories through simulate and through the reference clock: the same stages and minutes at
 * the same seconds. And what must hold whatever happens. A history that differs is printed as
 * input for `gatectl simulate`; BUILDGATE_SEED=N runs that one alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/reference_clock.h"
#include "user/catalogue/catalogue.h"
#include "user/escalation/simulate.h"
#include "user/base/times.h"

#define HISTORIES 10000
#define STATES    2048
#define START     1767225600 /* 2026-01-01: floors and ends of support stay as they are from there */
#define DAY       86400
#define OLD       "15.1.2507.17"
#define FINE      "15.2.2562.99"

/* A quick table: stages fall due within the guard and before the third day. */
#define QUICK                                                                                      \
	"name: quick\nstages:\n- {day: 0, throttle_min: 0, block_min: 0}\n"                        \
	"- {day: 1, throttle_min: 5, block_min: 0}\n- {day: 2, throttle_min: 10, block_min: 0}\n"  \
	"- {day: 4, throttle_min: 20, block_min: 10}\n- {day: 9, throttle_min: 0, block_min: "     \
	"60}\n"

struct states {
	struct reference_state list[STATES];
	unsigned int count;
};

struct history {
	uint64_t seed, random;
	const struct policy *policy;
	struct reference_connection list[REFERENCE_CONNECTIONS];
	unsigned int count;
	int64_t until;
	char *text; /* as input of simulate */
};

static struct catalogue *catalogue;
static struct policy *policies[3];

/* ---- histories ---- */

/* roll - 0 .. sides - 1 */
static unsigned int roll(struct history *h, unsigned int sides)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (unsigned int)((h->random >> 16) % sides);
}

/* gap - to the next connection: often just what a rule asks for, and a second beside it */
static int64_t gap(struct history *h)
{
	static const int64_t exact[] = { 3600,     DAY,      2 * DAY,  7 * DAY,
					 30 * DAY, 60 * DAY, 90 * DAY, 180 * DAY };
	static const unsigned int weights[] = { 12, 14, 8, 6, 2, 1, 1, 1 };
	unsigned int pick = roll(h, 100);

	if (pick < 45) {
		for (unsigned int i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
			if (pick < weights[i])
				return exact[i] + roll(h, 3) - 1;
			pick -= weights[i];
		}
	}
	if (pick < 60)
		return 61 + roll(h, 3600);
	if (pick < 90)
		return 3600 + roll(h, 2 * DAY);
	if (pick < 98)
		return DAY + roll(h, 9 * DAY);
	return DAY + roll(h, 100 * DAY);
}

/* connection - who, and what it shows; main names come more often */
static void connection(struct history *h, struct reference_connection *c, unsigned int names,
		       unsigned int fine, unsigned int none)
{
	unsigned int pick = roll(h, 100), origin = roll(h, 100);

	c->helo = roll(h, 3) ? 0 : roll(h, names);
	c->server = c->helo;
	c->build = pick >= none;
	c->acts = c->build && pick >= none + fine;
	c->strong = c->build && origin >= 12;
	/* a stamp may be another server's than the one that says EHLO */
	if (c->strong && roll(h, 100) < 12)
		c->server = roll(h, names);
}

/* invent - a history of this seed */
static void invent(struct history *h, uint64_t seed)
{
	static const unsigned int rare[] = { 0, 0, 3, 12 };
	unsigned int names, fine, none, length;

	memset(h, 0, sizeof(*h));
	h->seed = seed;
	h->random = seed * 0x9e3779b97f4a7c15ULL + 1;
	h->policy = policies[roll(h, 3)];
	names = roll(h, 20) ? 1 + roll(h, 4) : 12;
	fine = rare[roll(h, 4)];
	none = rare[roll(h, 4)];
	length = 2 + roll(h, roll(h, 4) ? 60 : 16);
	for (int64_t at = START + roll(h, DAY); h->count < length; at += gap(h)) {
		struct reference_connection *c = &h->list[h->count++];

		connection(h, c, names, fine, none);
		c->at = at;
		if (roll(h, 100) >= 4)
			continue;
		h->list[h->count] = *c; /* the same mail again */
		h->list[h->count++].at += 1 + roll(h, 59);
	}
	h->until = h->list[h->count - 1].at + roll(h, 200 * DAY);
}

/* write_text - the history as simulate reads it */
static void write_text(struct history *h)
{
	size_t size;
	FILE *f = open_memstream(&h->text, &size);
	char at[TIMES_TEXT];

	for (unsigned int i = 0; i < h->count; i++) {
		const struct reference_connection *c = &h->list[i];

		fprintf(f,
			"{\"type\":\"%s\",\"at\":\"%s\",\"source\":\"192.0.2.7\",\"helo\":"
			"\"n%u.example.org\"",
			c->build ? "observation" : "no_build", times_format(c->at, at), c->helo);
		if (c->server != c->helo)
			fprintf(f, ",\"by\":\"n%u.example.org\"", c->server);
		if (c->build)
			fprintf(f, ",\"build\":\"%s\",\"origin\":\"%s\"", c->acts ? OLD : FINE,
				!c->strong ? "ehlo"
				: i % 5    ? "received"
					   : "reported");
		else
			fputs(",\"family\":\"other\"", f);
		fputs("}\n", f);
	}
	fclose(f);
}

/* ---- both clocks ---- */

/* note - a reference_fn: one more state */
static void note(void *arg, const struct reference_state *state)
{
	struct states *states = arg;

	if (states->count < STATES)
		states->list[states->count++] = *state;
}

/* by_reference - what the plain clock says */
static void by_reference(struct history *h, struct states *ret)
{
	ret->count = 0;
	reference_run(h->policy, h->list, h->count, h->until, note, ret);
}

/* add_line - a line of simulate: into the state of its moment */
static void add_line(struct states *states, struct reference_state *is, const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "helo"));
	unsigned int index = (unsigned int)strtoul(name + 1, NULL, 10);
	int64_t at;

	assert_int_equal(times_parse(json_string_value(json_object_get(line, "at")), &at), 0);
	assert_true(index < REFERENCE_NAMES);
	if (at != is->at && is->at)
		note(states, is);
	is->at = at;
	is->stage[index] = (unsigned int)json_integer_value(json_object_get(line, "stage"));
	is->throttle_min = (unsigned int)json_integer_value(json_object_get(line, "throttle_min"));
	is->block_min = (unsigned int)json_integer_value(json_object_get(line, "block_min"));
}

/* by_simulate - what the real clock says */
static void by_simulate(struct history *h, struct states *ret)
{
	struct simulate_options options = { .policy = h->policy,
					    .catalogue = catalogue,
					    .grace_days = 30,
					    .now = START,
					    .until = h->until,
					    .json = true };
	struct reference_state is = { 0 };
	struct error e = { "" };
	char *out = NULL, *line;
	size_t size;
	FILE *from = fmemopen(h->text, strlen(h->text), "r"), *to = open_memstream(&out, &size);

	if (simulate(from, to, &options, &e))
		fail_msg("seed %llu: %s", (unsigned long long)h->seed, e.text);
	fclose(from);
	fclose(to);
	ret->count = 0;
	for (line = out; *line; line += strcspn(line, "\n") + 1) {
		json_t *object = json_loadb(line, strcspn(line, "\n"), 0, NULL);

		add_line(ret, &is, object);
		json_decref(object);
	}
	if (is.at)
		note(ret, &is);
	free(out);
}

/* show - states as text, for a person */
static void show(const char *who, const struct states *states, unsigned int from)
{
	char at[TIMES_TEXT];

	for (unsigned int i = from > 2 ? from - 2 : 0; i < states->count && i < from + 2; i++) {
		const struct reference_state *s = &states->list[i];

		fprintf(stderr, "%-10s %3u %s %2u/%2u ", who, i, times_format(s->at, at),
			s->throttle_min, s->block_min);
		for (unsigned int n = 0; n < REFERENCE_NAMES; n++)
			if (s->stage[n])
				fprintf(stderr, " n%u:%u", n, s->stage[n]);
		fputc('\n', stderr);
	}
}

/* same_state - at the same moment, too */
static bool same_state(const struct reference_state *a, const struct reference_state *b)
{
	return a->at == b->at && a->throttle_min == b->throttle_min &&
	       a->block_min == b->block_min && !memcmp(a->stage, b->stage, sizeof(a->stage));
}

/* agree - false, and told, where they do not */
static bool agree(const struct history *h, const struct states *is, const struct states *expect)
{
	unsigned int i = 0;

	while (i < is->count && i < expect->count && same_state(&is->list[i], &expect->list[i]))
		i++;
	if (i == is->count && i == expect->count)
		return true;
	fprintf(stderr, "seed %llu, policy %s:\n", (unsigned long long)h->seed, h->policy->name);
	show("simulate", is, i);
	show("reference", expect, i);
	if (getenv("BUILDGATE_SEED"))
		fputs(h->text, stderr);
	return false;
}

/* ---- what always holds ---- */

/* fine_at - a decisive fine build among the connections of this very second */
static bool fine_at(const struct history *h, int64_t at)
{
	for (unsigned int i = 0; i < h->count; i++)
		if (h->list[i].at == at && h->list[i].taken && h->list[i].build && h->list[i].was &&
		    !h->list[i].acts)
			return true;
	return false;
}

/* last_contact - of a name, before a moment */
static int64_t last_contact(const struct history *h, unsigned int name, int64_t at)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < h->count && h->list[i].at < at; i++)
		if (h->list[i].taken && (h->list[i].helo == name || h->list[i].server == name))
			last = h->list[i].at;
	return last;
}

/* check_name - one name's stages: down only by a fine build or after 180 silent days, up by one
 * and a day apart, but for what begins, resumes or is inherited */
static void check_name(const struct history *h, const struct states *states, unsigned int name)
{
	unsigned int was = 0;
	int64_t up = INT64_MIN / 2;

	for (unsigned int i = 0; i < states->count; i++) {
		const struct reference_state *s = &states->list[i];
		unsigned int is = s->stage[name];

		if (is < was) {
			assert_int_equal(is, 0);
			if (!fine_at(h, s->at))
				assert_int_equal(s->at - last_contact(h, name, s->at), 180 * DAY);
		} else if (is > was && was) {
			assert_int_equal(is, was + 1);
			assert_true(s->at - up >= DAY);
			up = s->at;
		}
		was = is;
	}
}

/* check_always - the invariants, over what the real clock did */
static void check_always(const struct history *h, const struct states *states)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < h->count; i++)
		taken += h->list[i].taken;
	if (taken < 2)
		assert_int_equal(states->count, 0);
	for (unsigned int i = 0; i < states->count; i++) {
		const struct reference_state *s = &states->list[i];

		assert_true(s->throttle_min + s->block_min <= 60);
		if (fine_at(h, s->at))
			assert_int_equal(s->throttle_min + s->block_min, 0);
	}
	for (unsigned int name = 0; name < REFERENCE_NAMES; name++)
		check_name(h, states, name);
}

/* ---- tests ---- */

/* one - a history through both; true: they agree */
static bool one(uint64_t seed)
{
	static struct history h;
	static struct states is, expect;
	bool ok;

	invent(&h, seed);
	write_text(&h);
	by_reference(&h, &expect);
	by_simulate(&h, &is);
	ok = agree(&h, &is, &expect);
	if (ok)
		check_always(&h, &is);
	free(h.text);
	return ok;
}

/* test_agree - the seeds 1 .. HISTORIES */
static void test_agree(void **state)
{
	const char *only = getenv("BUILDGATE_SEED");
	unsigned int differ = 0;

	(void)state;
	if (only) {
		assert_true(one(strtoull(only, NULL, 10)));
		return;
	}
	for (uint64_t seed = 1; seed <= HISTORIES && differ < 5; seed++)
		differ += !one(seed);
	assert_int_equal(differ, 0);
}

/* test_reach - the histories are worth something: they come to all stages, and to minutes */
static void test_reach(void **state)
{
	static struct history h;
	static struct states states;
	unsigned int last[3] = { 0 }, minutes = 0, silent = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		unsigned int which = 0;

		invent(&h, seed);
		by_reference(&h, &states);
		silent += !states.count;
		while (policies[which] != h.policy)
			which++;
		for (unsigned int i = 0; i < states.count; i++) {
			minutes += states.list[i].throttle_min > 0;
			for (unsigned int n = 0; n < REFERENCE_NAMES; n++)
				last[which] += states.list[i].stage[n] == h.policy->stages_count;
		}
	}
	assert_true(last[0] > 20 && last[1] > 20 && last[2] > 20);
	assert_true(minutes > 200);
	assert_true(silent > 10 && silent < 400);
}

/* load - catalogue and policies, once */
static int load(void **state)
{
	char path[] = "/tmp/test_reference.XXXXXX";
	int fd = mkstemp(path), rc;
	struct error e;

	(void)state;
	rc = fd < 0 || write(fd, QUICK, strlen(QUICK)) != (ssize_t)strlen(QUICK);
	if (!rc)
		rc = policy_load("30-10-60", "maps/policy", &policies[0], &e);
	if (!rc)
		rc = policy_load("exchange-online", "maps/policy", &policies[1], &e);
	if (!rc)
		rc = policy_load(path, NULL, &policies[2], &e);
	if (!rc)
		rc = catalogue_load("maps/catalogue/exchange.json", &catalogue, &e);
	close(fd);
	unlink(path);
	return rc;
}

static int unload(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		policy_free(policies[i]);
	catalogue_free(catalogue);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_agree),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
