// SPDX-License-Identifier: BSD-2-Clause
/* Programs get their input, are bounded in time and number, and cannot hold up who runs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/runner.h"

#define LIMIT_MS 300
#define SLOTS    2

struct scene {
	char dir[32], program[64], output[64];
	sd_event *event;
	struct runner *runner;
	unsigned int ends;
	int64_t ids;
	enum runner_result last;
};

/* done - counts ends; with the last one the loop is left */
static void done(void *arg, int64_t id, enum runner_result result)
{
	struct scene *s = arg;

	s->ends++;
	s->ids += id;
	s->last = result;
	if (!runner_stats(s->runner)->running)
		sd_event_exit(s->event, 0);
}

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct runner_options options = {
		.what = "test", .slots = SLOTS, .limit_ms = LIMIT_MS, .done = done, .arg = s
	};
	struct error e;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	strcpy(s->dir, "/tmp/test_runner.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->program, sizeof(s->program), "%s/program", s->dir);
	snprintf(s->output, sizeof(s->output), "%s/output", s->dir);
	assert_true(sd_event_new(&s->event) >= 0);
	options.event = s->event;
	assert_int_equal(runner_new(&options, &s->runner, &e), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	runner_free(s->runner);
	sd_event_unref(s->event);
	unlink(s->program);
	unlink(s->output);
	rmdir(s->dir);
	free(s);
	return 0;
}

/* program - a script with this body; its first argument is where it may write */
static void program(struct scene *s, const char *body)
{
	FILE *f = fopen(s->program, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(s->program, 0755), 0);
}

/* start - one run with this input */
static int start(struct scene *s, const char *input, size_t bytes, int64_t id)
{
	const char *argv[] = { s->program, s->output, NULL };

	return runner_start(s->runner, argv, input, bytes, id);
}

/* output - what the program wrote */
static size_t output(struct scene *s, char *buf, size_t size)
{
	int fd = open(s->output, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void test_input(void **state)
{
	struct scene *s = *state;
	char text[64];

	program(s, "cat >$1");
	assert_int_equal(start(s, "{\"a\":1}\n", 8, 7), 0);
	assert_int_equal(sd_event_loop(s->event), 0);
	assert_int_equal(output(s, text, sizeof(text)), 8);
	assert_string_equal(text, "{\"a\":1}\n");
	assert_int_equal(s->last, RUNNER_DONE);
	assert_int_equal(s->ids, 7);
	assert_int_equal(runner_stats(s->runner)->started, 1);
	assert_int_equal(runner_stats(s->runner)->failed, 0);
}

/* test_unread - more input than a pipe holds, and nobody reads it */
static void test_unread(void **state)
{
	struct scene *s = *state;
	char *input = calloc(1, 1024 * 1024);

	program(s, "exit 0");
	assert_int_equal(start(s, input, 1024 * 1024, 1), 0);
	free(input);
	assert_int_equal(sd_event_loop(s->event), 0);
	assert_int_equal(s->last, RUNNER_DONE);
}

static void test_fails(void **state)
{
	struct scene *s = *state;
	const char *nothing[] = { "/no/such/program", NULL };

	program(s, "exit 3");
	assert_int_equal(start(s, "", 0, 1), 0);
	assert_int_equal(sd_event_loop(s->event), 0);
	assert_int_equal(s->last, RUNNER_FAILED);
	assert_int_equal(runner_start(s->runner, nothing, "", 0, 2), -ENOENT);
	assert_int_equal(runner_stats(s->runner)->failed, 2);
	assert_true(runner_room(s->runner));
}

/* test_limit - killed with what it has started */
static void test_limit(void **state)
{
	struct scene *s = *state;
	char text[64];

	program(s, "(sleep 600; echo late >$1) & echo $! >$1; sleep 600");
	assert_int_equal(start(s, "", 0, 1), 0);
	assert_int_equal(sd_event_loop(s->event), 0);
	assert_int_equal(s->last, RUNNER_KILLED);
	assert_int_equal(runner_stats(s->runner)->killed, 1);
	assert_true(output(s, text, sizeof(text)) > 0);
	assert_string_not_equal(text, "late\n");
}

static void test_slots(void **state)
{
	struct scene *s = *state;

	program(s, "exit 0");
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(start(s, "", 0, i), 0);
	assert_false(runner_room(s->runner));
	assert_int_equal(start(s, "", 0, 9), -EAGAIN);
	assert_int_equal(sd_event_loop(s->event), 0);
	assert_int_equal(s->ends, SLOTS);
	assert_true(runner_room(s->runner));
}

/* test_clean - signals and descriptors are not inherited */
static void test_clean(void **state)
{
	struct scene *s = *state;
	char text[256];

	program(s, "{ grep SigBlk /proc/self/status; ls /proc/self/fd | wc -l; env | sort; } >$1");
	assert_int_equal(start(s, "", 0, 1), 0);
	assert_int_equal(sd_event_loop(s->event), 0);
	output(s, text, sizeof(text));
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
	assert_non_null(strstr(text, "LANG=C.UTF-8\n"));
	assert_null(strstr(text, "HOME="));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_input), TEST(test_unread), TEST(test_fails),
		TEST(test_limit), TEST(test_slots),  TEST(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
