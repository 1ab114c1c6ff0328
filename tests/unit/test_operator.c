// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/operator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/base/times.h"

#define NOON 1764590400 /* 2025-12-01T12:00:00Z */
#define DAY  86400

static char dir[32];
static struct store *store;
static struct enforcer *enforcer;
static struct policy policy = { .name = "test", .stages = { { 0, 0, 0 } }, .stages_count = 1 };
static struct operator op;
static struct error e;

static int setup(void **state)
{
	struct enforcer_options options = { .policy = &policy,
					    .verdicts_fd = -1,
					    .ranges_fd = -1,
					    .names_fd = -1,
					    .ipv6_bits = 64,
					    .recheck_interval = 3600,
					    .tarpit_style = STYLE_SLOW,
					    .drop_style = STYLE_SILENT };
	char path[64];

	(void)state;
	clock_init(0);
	strcpy(dir, "/tmp/test_operator.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/db", dir);
	assert_true(store_open(path, &store, &e) >= 0);
	options.store = store;
	assert_true(enforcer_new(&options, &enforcer, &e) >= 0);
	op = (struct operator) { .store = store,
				 .enforcer = enforcer,
				 .policy = &policy,
				 .ipv6_bits = 64,
				 .now = NOON,
				 .running = 1000,
				 .who = "root (uid 0)",
				 .reason = "a test" };
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	enforcer_free(enforcer);
	store_close(store);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* range_of - a text that must be good */
static struct operator_range range_of(const char *text)
{
	struct operator_range range;

	assert_int_equal(operator_range(&op, text, true, &range, &e), 0);
	return range;
}

static int collect(void *arg, const struct audit *audit)
{
	char *trail = arg;

	assert_string_equal(audit->who, "root (uid 0)");
	snprintf(trail + strlen(trail), 512 - strlen(trail), "%s %s %s; ", audit->what,
		 audit->subject, audit->after ? audit->after : "-");
	return 0;
}

/* trail - the audit entries in short */
static const char *trail(void)
{
	static char text[512];

	text[0] = '\0';
	assert_true(store_audit_each(store, NULL, 0, collect, text, &e) >= 0);
	return text;
}

static int count(void *arg, const struct decision *decision)
{
	(void)decision;
	++*(int *)arg;
	return 0;
}

/* in_force - decisions of a kind */
static int in_force(enum decision_kind kind)
{
	int n = 0;

	assert_true(store_decision_each(store, kind, false, count, &n, &e) >= 0);
	return n;
}

static void test_ranges(void **state)
{
	static const struct {
		const char *text;
		bool widen;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.7", true, "192.0.2.7" },
		{ "192.0.2.0/24", true, "192.0.2.0/24" },
		{ "2001:db8::5", true, "2001:db8::/64" },
		{ "2001:db8::5", false, "2001:db8::5" },
		{ "2001:db8::/32", true, "2001:db8::/32" },
		{ "192.0.2.7/24", true, NULL },
		{ "example.org", true, NULL },
		{ "", true, NULL },
	};
	struct operator_range range;
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = operator_range(&op, rows[i].text, rows[i].widen, &range, &e);

		assert_int_equal(rc == 0, rows[i].expected != NULL);
		if (!rc)
			assert_string_equal(range_format(&range.addr, range.bits, text),
					    rows[i].expected);
	}
}

static void test_set(void **state)
{
	struct operator_range range = range_of("192.0.2.7");

	(void)state;
	assert_int_equal(operator_set(&op, &range, ACTION_DROP, 0, NOON + 3600, &e), 0);
	assert_int_equal(in_force(DECISION_SET), 1);
	assert_string_equal(trail(), "set 192.0.2.7 {\"action\":\"drop\",\"style\":null,"
				     "\"until\":\"2025-12-01T13:00:00Z\"}; ");
	op.now++;
	assert_int_equal(operator_end(&op, DECISION_SET, &range, &e), 0);
	assert_int_equal(in_force(DECISION_SET), 0);
	assert_non_null(strstr(trail(), "unset 192.0.2.7"));
	assert_int_equal(operator_end(&op, DECISION_SET, &range, &e), -ENOENT);
	assert_string_equal(e.text, "nothing was set for 192.0.2.7");
}

static void test_styles(void **state)
{
	struct operator_range range = range_of("192.0.2.7");

	(void)state;
	assert_int_equal(operator_set(&op, &range, ACTION_PASS, STYLE_SLOW, 0, &e), -EINVAL);
	assert_int_equal(operator_set(&op, &range, ACTION_DROP, STYLE_SLOW, 0, &e), -EINVAL);
	assert_non_null(strstr(e.text, "style slow does not belong to drop"));
	assert_string_equal(trail(), "");
	assert_int_equal(operator_set(&op, &range, ACTION_DROP, STYLE_ANSWER, 0, &e), 0);
	assert_non_null(strstr(trail(), "\"style\":\"answer\""));
	assert_int_equal(operator_set(&op, &range, ACTION_TARPIT, STYLE_DEFER, 0, &e), 0);
	assert_int_equal(operator_set(&op, &range, ACTION_DROP, STYLE_SILENT, 0, &e), 0);
	assert_int_equal(operator_set(&op, &range, ACTION_TARPIT, STYLE_SLOW, 0, &e), 0);
	assert_int_equal(in_force(DECISION_SET), 1); /* the later one replaced the first */
}

static void test_exempt(void **state)
{
	struct operator_range range = range_of("198.51.100.0/24");

	(void)state;
	assert_int_equal(operator_exempt(&op, &range, &e), 0);
	assert_int_equal(in_force(DECISION_EXEMPT), 1);
	op.now++;
	assert_int_equal(operator_end(&op, DECISION_EXEMPT, &range, &e), 0);
	assert_int_equal(operator_end(&op, DECISION_EXEMPT, &range, &e), -ENOENT);
	assert_string_equal(trail(), "exempt 198.51.100.0/24 {\"exempt\":true}; "
				     "unexempt 198.51.100.0/24 -; ");
}

static void test_pause(void **state)
{
	struct operator_range source = range_of("2001:db8::5"), net = range_of("192.0.2.0/24");
	struct source loaded;
	int64_t until;

	(void)state;
	assert_int_equal(operator_pause(&op, &net, 3, &until, &e), -EINVAL);
	assert_int_equal(operator_unpause(&op, &source, &e), -ENOENT);
	assert_string_equal(e.text, "2001:db8::/64 is not paused");
	assert_int_equal(operator_pause(&op, &source, 10, &until, &e), 0);
	assert_int_equal(times_day(until), times_day(NOON) + 10);
	assert_true(store_source_load(store, &source.addr, &loaded, &e) >= 0);
	assert_int_equal(loaded.paused_until, until);
	source_clear(&loaded);

	/* two of the ten days are spent, eight come back: 88 are left */
	op.now = NOON + DAY;
	assert_int_equal(operator_unpause(&op, &source, &e), 0);
	op.now += 60;
	assert_int_equal(operator_pause(&op, &source, 30, &until, &e), 0);
	assert_int_equal(in_force(DECISION_PAUSE), 1);
	/* as the clock names a source: its history is one */
	assert_non_null(strstr(trail(), "unpause 2001:db8:: "));
}

static void test_pause_quota(void **state)
{
	struct operator_range source = range_of("192.0.2.7");
	int64_t until;

	(void)state;
	op.now = NOON - 200 * DAY;
	assert_int_equal(operator_pause(&op, &source, 60, &until, &e), 0);
	op.now = NOON - 100 * DAY;
	assert_int_equal(operator_pause(&op, &source, 31, &until, &e), -EDQUOT);
	assert_int_equal(operator_pause(&op, &source, 30, &until, &e), 0);
}

/* see - an identity with this name, as the clock would save it */
static void see(const char *address, const char *name)
{
	struct source source = { 0 };
	struct identity *identity;

	assert_int_equal(address_parse(address, &source.addr), 0);
	identity = source_add(&source, name);
	identity->first_seen = identity->last_seen = NOON - DAY;
	identity->dirty = true;
	assert_true(store_source_save(store, &source, &e) >= 0);
	source_clear(&source);
}

static void test_forget(void **state)
{
	struct operator_range one = range_of("192.0.2.7"), net = range_of("192.0.2.0/24");
	struct store_counts counts;

	(void)state;
	see("192.0.2.7", "ex01.example.org");
	see("192.0.2.8", "ex01.example.org");
	see("192.0.2.9", "ex02.example.org");
	assert_int_equal(operator_forget(&op, &net, NULL, &e), -EINVAL);
	assert_int_equal(operator_forget(&op, &one, NULL, &e), 1);
	assert_int_equal(operator_forget(&op, &one, NULL, &e), 0);
	assert_int_equal(operator_forget(&op, NULL, "ex01.example.org", &e), 1);
	assert_int_equal(operator_forget(&op, NULL, "ex09.example.org", &e), 0);
	assert_int_equal(store_count(store, &counts, &e), 0);
	assert_int_equal(counts.identities, 1);
	/* that it was done is kept, to whom is not */
	assert_non_null(strstr(trail(), "forget gate {\"identities\":1}"));
	assert_null(strstr(trail(), "192.0.2"));
}

/* what was decided of an IPv6 source is forgotten with it, what was of a net around it is not */
static void test_forget_ipv6(void **state)
{
	struct operator_range one = range_of("2001:db8::5"), net = range_of("2001:db8::/32");

	(void)state;
	see("2001:db8::", "ex01.example.org");
	assert_int_equal(operator_exempt(&op, &net, &e), 0);
	assert_int_equal(operator_set(&op, &one, ACTION_DROP, 0, 0, &e), 0);
	op.now++;
	assert_int_equal(operator_end(&op, DECISION_SET, &one, &e), 0);
	assert_int_equal(operator_forget(&op, &one, NULL, &e), 1);
	assert_string_equal(trail(), "exempt 2001:db8::/32 {\"exempt\":true}; "
				     "forget gate {\"identities\":1}; ");
}

/* note_unpause - the entry of the clock's */
static int note_unpause(void *arg, const struct audit *audit)
{
	*(bool *)arg |= !strcmp(audit->what, "unpause") && !strcmp(audit->who, "clock");
	return 0;
}

/* a pause of a source that is silent for so long that its records are archived ends all the same */
static void test_pause_archived(void **state)
{
	struct operator_range one = range_of("192.0.2.7");
	struct source source;
	bool unpaused = false;
	int64_t until;

	(void)state;
	see("192.0.2.7", "ex01.example.org");
	op.now = NOON + 170 * DAY;
	assert_int_equal(operator_pause(&op, &one, 60, &until, &e), 0);
	assert_true(store_source_load(store, &one.addr, &source, &e) == 1);
	source.identities[0].archived = true;
	source.identities[0].due = 0;
	source.identities[0].dirty = true;
	assert_true(store_source_save(store, &source, &e) >= 0);
	source_clear(&source);
	assert_true(enforcer_tick(enforcer, until - 1, &e) >= 0);
	assert_int_equal(in_force(DECISION_PAUSE), 1);
	assert_true(enforcer_tick(enforcer, until, &e) >= 0);
	assert_int_equal(in_force(DECISION_PAUSE), 0);
	assert_true(store_audit_each(store, "192.0.2.7", 0, note_unpause, &unpaused, &e) >= 0);
	assert_true(unpaused);
}

static void test_mode(void **state)
{
	char word[16];

	(void)state;
	assert_int_equal(operator_mode(&op, MODE_REPORT, MODE_ENFORCE, MODE_ENFORCE, &e), 0);
	assert_int_equal(store_fact_get(store, "mode", word, sizeof(word), &e), 1);
	assert_string_equal(word, "enforce");
	assert_string_equal(trail(), "mode gate \"enforce\"; ");
	assert_int_equal(operator_mode_parse("report"), MODE_REPORT);
	assert_int_equal(operator_mode_parse("on"), 0);
	assert_string_equal(operator_mode_name(0), "off");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_ranges),         T(test_set),   T(test_styles),
		T(test_exempt),         T(test_pause), T(test_pause_quota),
		T(test_forget),         T(test_mode),  T(test_forget_ipv6),
		T(test_pause_archived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
