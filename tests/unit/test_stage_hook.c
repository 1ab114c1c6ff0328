// SPDX-License-Identifier: BSD-2-Clause
/* on_stage_change: every change once, in order, whatever happens in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/world.h"
#include "user/report/stage_hook.h"

#define AT 1795348800 /* 2026-11-22T12:00:00Z */

struct scene {
	struct world w;
	char program[96], output[96];
	sd_event *event;
	struct stage_hook *hook;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	sigset_t set;
	FILE *f;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	clock_init(0);
	world_open(&s->w);
	snprintf(s->program, sizeof(s->program), "%s/program", s->w.dir);
	snprintf(s->output, sizeof(s->output), "%s/output", s->w.dir);
	f = fopen(s->program, "we");
	fprintf(f, "#!/bin/sh\ncat >>%s\n", s->output);
	fclose(f);
	assert_int_equal(chmod(s->program, 0755), 0);
	assert_true(sd_event_new(&s->event) >= 0);
	assert_int_equal(stage_hook_new(s->w.store, s->event, &s->hook, &s->w.e), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	stage_hook_free(s->hook);
	sd_event_unref(s->event);
	unlink(s->program);
	unlink(s->output);
	world_close(&s->w);
	free(s);
	return 0;
}

/* entry - as the observer writes one */
static struct audit entry(uint32_t to)
{
	static char before[64], after[96];

	snprintf(before, sizeof(before), "{\"stage\":%u}", to - 1);
	snprintf(after, sizeof(after), "{\"stage\":%u,\"server\":\"ex01\",\"build\":\"15.1.2.3\"}",
		 to);
	return (struct audit) {
		.at = AT,
		.who = "clock",
		.what = "stage",
		.subject = "192.0.2.7",
		.why = "because",
		.before = before,
		.after = after,
	};
}

/* change - one more, durable */
static void change(struct scene *s, uint32_t to)
{
	struct audit audit = entry(to);

	assert_int_equal(store_audit_add(s->w.store, &audit, &s->w.e), 0);
}

/* settle - until no program runs */
static void settle(struct scene *s)
{
	assert_int_equal(stage_hook_flush(s->hook, &s->w.e), 0);
	while (stage_hook_stats(s->hook)->running)
		assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
}

/* lines - how many changes the program was told */
static unsigned int lines(struct scene *s)
{
	FILE *f = fopen(s->output, "re");
	unsigned int count = 0;
	int c;

	while (f && (c = fgetc(f)) != EOF)
		count += c == '\n';
	if (f)
		fclose(f);
	return count;
}

static void test_json(void **state)
{
	struct audit audit = entry(3), pause = { .at = AT, .who = "clock", .what = "unpause" };
	json_t *object = stage_hook_json(&audit);
	char *text = json_dumps(object, JSON_COMPACT);

	(void)state;
	assert_string_equal(text,
			    "{\"type\":\"stage_change\",\"at\":\"2026-11-22T12:00:00Z\","
			    "\"kind\":\"stage\",\"source\":\"192.0.2.7\",\"server\":\"ex01\","
			    "\"build\":\"15.1.2.3\",\"from\":2,\"to\":3,\"why\":\"because\"}");
	free(text);
	json_decref(object);
	assert_null(stage_hook_json(&pause));
	audit.who = "root (uid 0)";
	assert_null(stage_hook_json(&audit));
}

/* test_all - more than there are slots, each once */
static void test_all(void **state)
{
	struct scene *s = *state;

	change(s, 1); /* before anybody wanted to know */
	assert_int_equal(stage_hook_use(s->hook, s->program, &s->w.e), 0);
	for (int i = 0; i < 3 * HOOK_SLOTS; i++)
		change(s, 2);
	settle(s);
	assert_int_equal(lines(s), 3 * HOOK_SLOTS);
	settle(s);
	assert_int_equal(lines(s), 3 * HOOK_SLOTS);
}

/* test_restart - the next daemon goes on behind the last one told */
static void test_restart(void **state)
{
	struct scene *s = *state;

	assert_int_equal(stage_hook_use(s->hook, s->program, &s->w.e), 0);
	change(s, 2);
	settle(s);
	change(s, 3);
	stage_hook_free(s->hook);
	assert_int_equal(stage_hook_new(s->w.store, s->event, &s->hook, &s->w.e), 0);
	assert_int_equal(stage_hook_use(s->hook, s->program, &s->w.e), 0);
	settle(s);
	assert_int_equal(lines(s), 2);
}

/* test_off - what happens without a program is not made up for later */
static void test_off(void **state)
{
	struct scene *s = *state;

	assert_int_equal(stage_hook_use(s->hook, s->program, &s->w.e), 0);
	assert_int_equal(stage_hook_use(s->hook, "", &s->w.e), 0);
	change(s, 2);
	settle(s);
	assert_int_equal(stage_hook_use(s->hook, s->program, &s->w.e), 0);
	settle(s);
	assert_int_equal(lines(s), 0);
}

/* test_broken - a program that is not there costs its changes, nothing else */
static void test_broken(void **state)
{
	struct scene *s = *state;

	assert_int_equal(stage_hook_use(s->hook, "/no/such/program", &s->w.e), 0);
	change(s, 2);
	settle(s);
	assert_int_equal(stage_hook_stats(s->hook)->failed, 1);
	settle(s);
	assert_int_equal(stage_hook_stats(s->hook)->failed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json), TEST(test_all), TEST(test_restart), TEST(test_off),
		TEST(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
