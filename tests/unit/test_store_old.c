// SPDX-License-Identifier: BSD-2-Clause
/*
 * Stores of older formats, as the programs of their time wrote them (store-N.sql): opened by this
 * one they are of the newest format, nothing is lost, and the clocks go on.
 *
 * Each holds the same: two servers at stage 3, one of them behind a relay, one that was upgraded,
 * one that started, a Postfix, and the operator's word on three addresses.
 */
#include "store_world.h"

#include "user/escalation/escalation.h"

#define SEEN_LAST (T0 + 45 * DAY_S)

/* read_all - a file as text; the caller frees it */
static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

/* open_old - the store of a format, by this program */
static void open_old(struct world *w, int format)
{
	char path[64], *text;

	store_close(w->store);
	w->store = NULL;
	unlink(w->path);
	snprintf(path, sizeof(path), "tests/unit/store-%d.sql", format);
	text = read_all(path);
	sql(w->path, text);
	free(text);
	if (store_open(w->path, &w->store, &w->e))
		fail_msg("format %d: %s", format, w->e.text);
}

/* stage_of - of one identity; -1: it is not there */
static int stage_of(struct world *w, const char *source, const char *name)
{
	struct addr a = world_addr(source);
	struct identity *identity;
	struct source s;
	int stage;

	assert_true(store_source_load(w->store, &a, &s, &w->e) >= 0);
	identity = source_find(&s, name);
	stage = identity ? (int)identity->stage : -1;
	source_clear(&s);
	return stage;
}

/* count_decision, count_audit, count_observation - of any walk */
static int count_decision(void *arg, const struct decision *decision)
{
	(void)decision;
	++*(int *)arg;
	return 0;
}

static int count_audit(void *arg, const struct audit *audit)
{
	(void)audit;
	++*(int *)arg;
	return 0;
}

static int count_observation(void *arg, const struct observation *o)
{
	(void)o;
	++*(int *)arg;
	return 0;
}

/* keeps - nothing is lost on the way */
static void keeps(struct world *w)
{
	int decisions = 0, entries = 0, observations = 0;
	struct store_counts counts;
	char mode[16] = "";

	assert_int_equal(stage_of(w, "192.0.2.10", "ex01.example.org"), 3);
	assert_int_equal(stage_of(w, "192.0.2.11", "mbx1.example.net"), 3);
	assert_int_equal(stage_of(w, "192.0.2.11", "postfix.example.net"), 0);
	assert_int_equal(stage_of(w, "192.0.2.12", "gone.example.org"), 1);
	assert_int_equal(stage_of(w, "2001:db8:7::", "v6.example.org"), 0);
	assert_int_equal(store_decision_each(w->store, 0, false, count_decision, &decisions, &w->e),
			 0);
	assert_int_equal(decisions, 3);
	assert_int_equal(store_audit_each(w->store, NULL, 0, count_audit, &entries, &w->e), 0);
	assert_int_equal(entries, 2);
	assert_int_equal(
		store_observation_each(w->store, 0, count_observation, &observations, &w->e), 0);
	assert_int_equal(observations, 4);
	assert_int_equal(store_fact_get(w->store, "mode", mode, sizeof(mode), &w->e), 1);
	assert_string_equal(mode, "enforce");
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.sources, 4);
	assert_int_equal(counts.stage[3], 2);
}

/* minutes - what the clock wants done with a source */
static struct enforcement minutes(struct world *w, const struct policy *policy, const char *source)
{
	struct escalation clock = { .policy = policy,
				    .now = SEEN_LAST + 3600,
				    .running = SEEN_LAST };
	struct addr a = world_addr(source);
	struct enforcement x;
	struct source s;

	assert_true(store_source_load(w->store, &a, &s, &w->e) > 0);
	escalation_source(&clock, &s, &x);
	source_clear(&s);
	return x;
}

/* test_opens - each format, twice: the second time there is nothing left to do */
static void test_opens(void **state)
{
	struct world *w = *state;
	struct policy *policy;
	struct enforcement x;

	assert_int_equal(policy_load("30-10-60", "maps/policy", &policy, &w->e), 0);
	for (int format = 1; format <= 3; format++) {
		open_old(w, format);
		keeps(w);
		/* the relay is no neighbour of the server whose stamps come through it */
		x = minutes(w, policy, "192.0.2.11");
		assert_int_equal(x.throttle_min, 10);
		assert_false(x.shared);
		assert_true(minutes(w, policy, "192.0.2.10").paused);
		put(w, "192.0.2.12", "gone.example.org", 2, 0);
		assert_int_equal(reopen(w), 0);
		assert_int_equal(stage_of(w, "192.0.2.12", "gone.example.org"), 2);
		assert_int_equal(stage_of(w, "192.0.2.10", "ex01.example.org"), 3);
	}
	policy_free(policy);
}

/* test_whole_or_not - a step that cannot be done leaves the file as it was, and says so */
static void test_whole_or_not(void **state)
{
	struct world *w = *state;
	char *text = read_all("tests/unit/store-2.sql");

	store_close(w->store);
	w->store = NULL;
	unlink(w->path);
	sql(w->path, text);
	free(text);
	/* the last step stumbles over a column that cannot be there */
	sql(w->path, "ALTER TABLE identity ADD COLUMN last_front INTEGER");
	assert_true(store_open(w->path, &w->store, &w->e) < 0);
	assert_non_null(strstr(w->e.text, w->path));
	w->store = NULL;
	sql(w->path, "ALTER TABLE identity DROP COLUMN last_front");
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
	keeps(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_opens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whole_or_not, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
