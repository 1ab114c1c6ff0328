// SPDX-License-Identifier: BSD-2-Clause
#include "user/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int real_stderr;
static char caught_path[64];

/* catch_lines - stderr into a file until caught() */
static void catch_lines(void)
{
	int fd;

	snprintf(caught_path, sizeof(caught_path), "/tmp/test_log.XXXXXX");
	fd = mkstemp(caught_path);
	assert_true(fd >= 0);
	fflush(stderr);
	real_stderr = dup(2);
	dup2(fd, 2);
	close(fd);
}

/* caught - what was written since; stderr is the real one again */
static const char *caught(void)
{
	static char text[65536];
	ssize_t n;
	int fd;

	fflush(stderr);
	dup2(real_stderr, 2);
	close(real_stderr);
	fd = open(caught_path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(caught_path);
	return text;
}

static void test_prefix(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open("buildgated", LOG_LEVEL_INFO);
	catch_lines();
	log_warning("interface '%s' is gone", "eth9");
	log_debug("not wanted");
	assert_string_equal(caught(), "buildgated: interface 'eth9' is gone\n");
}

static void test_journal(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1234", 1);
	log_open("buildgated", LOG_LEVEL_DEBUG);
	catch_lines();
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(caught(), "<3>a\n<4>b\n<6>c\n<7>d\n");
	unsetenv("JOURNAL_STREAM");
}

static void test_level(void **state)
{
	(void)state;
	log_open("buildgated", LOG_LEVEL_ERROR);
	catch_lines();
	log_warning("no");
	log_info("no");
	log_error("yes");
	assert_string_equal(caught(), "buildgated: yes\n");
}

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };
	unsigned int lines = 0;

	(void)state;
	log_open("buildgated", LOG_LEVEL_INFO);
	catch_lines();
	for (int i = 0; i < 25; i++)
		log_limited(&limit, "line %d", i);
	for (const char *p = caught(); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 10);
	assert_int_equal(limit.held_back, 15);

	/* the next window says how many were held back, then speaks again */
	limit.window_start -= 60;
	catch_lines();
	log_limited(&limit, "later");
	assert_string_equal(caught(),
			    "buildgated: 15 more lines like the following were held back\n"
			    "buildgated: later\n");
	assert_int_equal(limit.held_back, 0);
}

static void test_escape(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *expected;
	} rows[] = {
		{ "ex01.example.org", 64, "ex01.example.org" },
		{ "a\r\nb", 64, "a\\x0d\\x0ab" },
		{ "\x1b[31mred", 64, "\\x1b[31mred" },
		{ "\xc3\xa9", 64, "\\xc3\\xa9" },
		{ "\\x41", 64, "\\x5cx41" },
		{ "", 64, "" },
		{ "12345", 6, "12345" },    /* fits exactly */
		{ "123456", 6, "123.." },   /* cut */
		{ "123\n456", 8, "123.." }, /* never within an escape */
		{ "123456", 3, ".." },      /* only the mark */
		{ "123456", 2, "1" },       /* not even the mark */
		{ "123456", 1, "" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(log_escape(rows[i].bytes, buf, rows[i].size), rows[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_journal),
		cmocka_unit_test(test_level),  cmocka_unit_test(test_limit),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
