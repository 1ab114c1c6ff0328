// SPDX-License-Identifier: BSD-2-Clause
/* The shipped policies, who acts under them, and what a wrong file is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "maps/abi.h"
#include "user/base/build.h"
#include "user/escalation/policy.h"
#include "user/base/times.h"

#define SHIPPED "maps/policy"
#define DAY_S   86400

/* shipped - a policy that must load */
static struct policy *shipped(const char *name)
{
	struct policy *policy;
	struct error e = { "" };

	if (policy_load(name, SHIPPED, &policy, &e) < 0)
		fail_msg("%s", e.text);
	return policy;
}

/* load_text - a policy from this text; an error begins with the path of the file */
static int load_text(const char *text, struct policy **ret_policy, struct error *e)
{
	char path[] = "/tmp/test_policy.XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = policy_load(path, NULL, ret_policy, e);
	unlink(path);
	if (rc < 0)
		assert_ptr_equal(strstr(e->text, path), e->text);
	return rc;
}

static void test_default(void **state)
{
	static const struct policy_stage expect[] = {
		{ 0, 0, 0, false },   { 30, 5, 0, false },  { 40, 10, 0, false },
		{ 50, 20, 0, false }, { 60, 0, 60, false },
	};
	struct policy *policy = shipped("30-10-60");

	(void)state;
	assert_string_equal(policy->name, "30-10-60");
	assert_int_equal(policy->stages_count, 5);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(policy->stages[i].day, expect[i].day);
		assert_int_equal(policy->stages[i].throttle_min, expect[i].throttle_min);
		assert_int_equal(policy->stages[i].block_min, expect[i].block_min);
		assert_false(policy->stages[i].assumed);
	}
	assert_true(policy->act_on[STANDING_OUTDATED] && policy->act_on[STANDING_UNSUPPORTED]);
	assert_false(policy->act_on[STANDING_CURRENT] || policy->act_on[STANDING_UNKNOWN]);
	policy_free(policy);
}

static void test_online(void **state)
{
	static const unsigned int day[] = { 0, 30, 40, 50, 60, 70, 80, 90 };
	static const unsigned int throttle[] = { 0, 5, 10, 20, 30, 40, 40, 0 };
	static const unsigned int block[] = { 0, 0, 0, 0, 5, 10, 20, 60 };
	struct policy *policy = shipped("exchange-online");

	(void)state;
	assert_int_equal(policy->stages_count, 8);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(policy->stages[i].day, day[i]);
		assert_int_equal(policy->stages[i].throttle_min, throttle[i]);
		assert_int_equal(policy->stages[i].block_min, block[i]);
		assert_int_equal(policy->stages[i].assumed, i == 5 || i == 6);
	}
	policy_free(policy);
}

static void test_stages(void **state)
{
	struct policy *policy = shipped("30-10-60");

	(void)state;
	assert_int_equal(policy_stage_at(policy, 0), 1);
	assert_int_equal(policy_stage_at(policy, 30 * DAY_S - 1), 1);
	assert_int_equal(policy_stage_at(policy, 30 * DAY_S), 2);
	assert_int_equal(policy_stage_at(policy, 60 * DAY_S), 5);
	assert_int_equal(policy_stage_at(policy, 6000LL * DAY_S), 5);
	assert_true(policy_stage_begins(policy, 1) == 0);
	assert_true(policy_stage_begins(policy, 5) == 60 * DAY_S);
	assert_true(policy_stage_begins(policy, 6) == INT64_MAX);
	assert_true(policy_stage_begins(policy, 0) == INT64_MAX);
	assert_false(policy_blocks(policy, 0) || policy_blocks(policy, 4) ||
		     policy_blocks(policy, 6));
	assert_true(policy_blocks(policy, 5));
	policy_free(policy);
}

struct acts_row {
	const char *policy, *build, *product;
	enum standing standing;
	const char *at;
	bool acts;
};

static const struct acts_row acts_rows[] = {
	{ "30-10-60", "15.1.2507.17", "Exchange Server 2016", STANDING_UNSUPPORTED, "2026-11-21",
	  true },
	{ "30-10-60", "15.2.2562.29", "Exchange Server SE", STANDING_OUTDATED, "2026-11-21", true },
	{ "30-10-60", "15.2.2562.53", "Exchange Server SE", STANDING_CURRENT, "2026-11-21", false },
	{ "30-10-60", "15.2.2562.53", "Exchange Server SE", STANDING_EMERGENCY, "2026-11-21",
	  true },
	{ "30-10-60", "15.20.9031.25", "Exchange Online", STANDING_ONLINE, "2026-11-21", false },
	{ "30-10-60", "9.1.2.3", NULL, STANDING_UNKNOWN, "2026-11-21", false },
	/* floors replace act_on: an unsupported build above its floor is let be */
	{ "exchange-online", "15.1.2507.31", "Exchange Server 2016", STANDING_UNSUPPORTED,
	  "2026-09-13T23:59:59Z", false },
	{ "exchange-online", "15.1.2507.30", "Exchange Server 2016", STANDING_UNSUPPORTED,
	  "2026-09-13T23:59:59Z", true },
	{ "exchange-online", "15.1.2507.31", "Exchange Server 2016", STANDING_UNSUPPORTED,
	  "2026-09-14", true },
	{ "exchange-online", "15.1.2507.61", "Exchange Server 2016", STANDING_UNSUPPORTED,
	  "2026-09-14", false },
	{ "exchange-online", "15.1.2507.17", "Exchange Server 2016", STANDING_OUTDATED,
	  "2024-05-31T23:59:59Z", false },
	/* an older CU has no floor of its own: it must reach the product's */
	{ "exchange-online", "15.1.2375.37", "Exchange Server 2016", STANDING_UNSUPPORTED,
	  "2024-06-01", true },
	{ "exchange-online", "15.2.1544.36", "Exchange Server 2019", STANDING_OUTDATED,
	  "2026-09-14", true },
	{ "exchange-online", "15.2.1544.36", "Exchange Server 2019", STANDING_OUTDATED,
	  "2026-09-13", false },
	{ "exchange-online", "14.3.513.0", "Exchange Server 2010", STANDING_UNSUPPORTED,
	  "2024-04-01", true },
	{ "exchange-online", "15.2.2562.17", "Exchange Server SE", STANDING_OUTDATED, "2026-11-21",
	  false },
	{ "exchange-online", "6.5.7638.1", "Exchange Server 2003", STANDING_UNSUPPORTED,
	  "2026-11-21", false },
	{ "exchange-online", "15.2.2562.17", "Exchange Server SE", STANDING_EMERGENCY, "2026-11-21",
	  true },
};

static void test_acts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts_rows) / sizeof(acts_rows[0]); i++) {
		const struct acts_row *row = &acts_rows[i];
		struct policy *policy = shipped(row->policy);
		struct judgement j = { .standing = row->standing, .product = row->product };
		int64_t at;

		assert_int_equal(times_parse(row->at, &at), 0);
		if (policy_acts(policy, build_parse(row->build), &j, at) != row->acts)
			fail_msg("row %zu: %s under %s at %s", i, row->build, row->policy, row->at);
		policy_free(policy);
	}
}

#define STAGE0 "stages:\n- {day: 0, throttle_min: 0, block_min: 0}\n"

struct wrong_row {
	const char *text;
	const char *error; /* behind the path */
};

static const struct wrong_row wrong_rows[] = {
	{ "", ":1: the file is empty" },
	{ "name: [x", ":2: no YAML: did not find" },
	{ "- a\n", ":1: the policy is a list, expected a mapping" },
	{ "name: x\n", ":1: the policy lacks the key 'stages'" },
	{ STAGE0, ":1: the policy lacks the key 'name'" },
	{ "name: x\ncolour: red\n" STAGE0,
	  ":2: unknown key 'colour' in the policy, expected one of" },
	{ "name: x\nname: y\n" STAGE0, ":2: key 'name' stands twice" },
	{ "name:\n" STAGE0, ":1: name: nothing, expected a text" },
	{ "name: x\nact_on: outdated\n" STAGE0, ":2: act_on: outdated, expected a list" },
	{ "name: x\nact_on: [current]\n" STAGE0, ":2: act_on: 'current', expected outdated" },
	{ "name: x\nact_on: [outdatd]\n" STAGE0, ":2: act_on: 'outdatd', expected outdated" },
	{ "name: x\nstages: []\n", ":2: stages: 0 entries, expected 1 to 32" },
	{ "name: x\nstages:\n- 7\n", ":3: a stage is 7, expected a mapping" },
	{ "name: x\nstages:\n- {day: 1, throttle_min: 0, block_min: 0}\n",
	  ":3: stage 1: day 1, expected 0" },
	{ "name: x\n" STAGE0 "- {day: 30, throttle_min: 5, block_min: 0}\n"
	  "- {day: 30, throttle_min: 5, block_min: 0}\n",
	  ":5: stage 3: day 30, expected more than 30 of stage 2" },
	{ "name: x\n" STAGE0 "- {day: 30, throttle_min: 31, block_min: 30}\n",
	  ":4: stage 2: throttle_min and block_min are 61 together, expected at most 60" },
	{ "name: x\n" STAGE0 "- {day: 30, throttle_min: 61, block_min: 0}\n",
	  ":4: throttle_min: '61', expected a whole number from 0 to 60" },
	{ "name: x\n" STAGE0 "- {day: -1, throttle_min: 1, block_min: 0}\n",
	  ":4: day: '-1', expected a whole number from 0 to 3650" },
	{ "name: x\n" STAGE0 "- {day: 99999999999999999999, throttle_min: 1, block_min: 0}\n",
	  ":4: day: '99999999999999999999', expected" },
	{ "name: x\n" STAGE0 "- {day: 3, throttle_min: 1}\n",
	  ":4: a stage lacks the key 'block_min'" },
	{ "name: x\n" STAGE0 "- {day: 3, throttle_min: 1, block_min: 1, assumed: maybe}\n",
	  ":4: assumed: 'maybe', expected true or false" },
	{ "name: x\n" STAGE0 "floors:\n- {product: P, min_build: 15.1, from: 2026-01-01}\n",
	  ":5: min_build: '15.1', expected a build such as" },
	{ "name: x\n" STAGE0 "floors:\n- {product: P, min_build: 15.1.2.3, from: soon}\n",
	  ":5: from: 'soon', expected a date" },
	{ "name: x\n" STAGE0 "floors:\n- {product: P, build: 15.1.2.3, from: 2026-01-01}\n",
	  ":5: unknown key 'build' in a floor, expected one of product, cu, min_build, from" },
	{ "name: x\n" STAGE0 "products:\n- {product: P}\n", ":5: a product lacks the key 'start'" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]); i++) {
		struct policy *policy = NULL;
		struct error e = { "" };

		assert_int_equal(load_text(wrong_rows[i].text, &policy, &e), -EINVAL);
		assert_null(policy);
		if (!strstr(e.text, wrong_rows[i].error))
			fail_msg("row %zu: expected %s, got %s", i, wrong_rows[i].error, e.text);
	}
}

static void test_missing(void **state)
{
	struct policy *policy = NULL;
	struct error e = { "" };

	(void)state;
	assert_int_equal(policy_load("no-such", SHIPPED, &policy, &e), -ENOENT);
	assert_non_null(strstr(e.text, "maps/policy/no-such.yaml"));
	assert_null(policy);
	policy_free(NULL);
}

static void test_only_emergencies(void **state)
{
	struct policy *policy;
	struct judgement j = { .standing = STANDING_UNSUPPORTED };

	(void)state;
	assert_int_equal(load_text("name: x\nact_on: [emergency]\n" STAGE0, &policy, NULL), 0);
	assert_false(policy_acts(policy, BUILD(15, 1, 2, 3), &j, 0));
	j.standing = STANDING_EMERGENCY;
	assert_true(policy_acts(policy, BUILD(15, 1, 2, 3), &j, 0));
	assert_false(policy_acts(policy, 0, &j, 0));
	policy_free(policy);
}

/* test_json - what people read is all that decides, and its hash tells policies of a name apart */
static void test_json(void **state)
{
	struct policy *policy = shipped("exchange-online"), *other;
	char one[128], two[128];
	json_t *object, *rows;

	(void)state;
	object = policy_json(policy);
	assert_string_equal(json_string_value(json_object_get(object, "name")), "exchange-online");
	assert_int_equal(json_array_size(json_object_get(object, "floors")), 3);
	assert_int_equal(json_array_size(json_object_get(object, "products")), 5);
	rows = json_object_get(object, "stages");
	assert_int_equal(json_array_size(rows), 8);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(rows, 4), "throttle_min")), 30);
	assert_true(json_is_true(json_object_get(json_array_get(rows, 5), "assumed")));
	json_decref(object);
	policy_free(policy);
	assert_int_equal(load_text("name: x\n" STAGE0, &policy, NULL), 0);
	assert_int_equal(load_text("name: x\nact_on: [outdated]\n" STAGE0, &other, NULL), 0);
	policy_text(policy, one, sizeof(one));
	assert_string_equal(one, policy_text(policy, two, sizeof(two)));
	assert_string_not_equal(one, policy_text(other, two, sizeof(two)));
	assert_int_equal(strncmp(one, "x (", 3), 0);
	policy_free(policy);
	policy_free(other);
}

/* test_no_file - a name from the control socket may lead anywhere; a pipe would never answer */
static void test_no_file(void **state)
{
	struct policy *policy = NULL;
	struct error e = { "" };

	(void)state;
	assert_int_equal(policy_load("/tmp/", SHIPPED, &policy, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no file"));
}

/* test_floors_agree - the catalogue tells people what the policy does: the same floors */
static void test_floors_agree(void **state)
{
	struct policy *policy = shipped("exchange-online");
	struct catalogue *catalogue = NULL;
	json_t *summary, *floors;
	struct error e = { "" };

	(void)state;
	assert_int_equal(catalogue_load("maps/catalogue/exchange.json", &catalogue, &e), 0);
	summary = catalogue_summary(catalogue, 0);
	floors = json_object_get(summary, "floors");
	assert_int_equal(json_array_size(floors), policy->floors_count);
	for (unsigned int i = 0; i < policy->floors_count; i++) {
		const struct policy_floor *f = &policy->floors[i];
		const json_t *told = json_array_get(floors, i);
		char build[BUILD_TEXT], day[TIMES_TEXT];

		assert_string_equal(json_string_value(json_object_get(told, "product")),
				    f->product);
		assert_string_equal(json_string_value(json_object_get(told, "cu")), f->cu);
		assert_string_equal(json_string_value(json_object_get(told, "build")),
				    build_format(f->min_build, build));
		assert_string_equal(json_string_value(json_object_get(told, "from")),
				    times_format_date(f->from, day));
	}
	json_decref(summary);
	catalogue_free(catalogue);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floors_agree), cmocka_unit_test(test_default),
		cmocka_unit_test(test_online),       cmocka_unit_test(test_stages),
		cmocka_unit_test(test_acts),         cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_missing),      cmocka_unit_test(test_only_emergencies),
		cmocka_unit_test(test_json),         cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
