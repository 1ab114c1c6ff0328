// SPDX-License-Identifier: BSD-2-Clause
#include "user/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* The journal: what it was sent, one field per line; refuse makes it fail. */
static char journal[4096];
static bool refuse;

int sd_journal_sendv(const struct iovec *io, int n)
{
	if (refuse)
		return -ENOENT;
	for (int i = 0; i < n; i++)
		snprintf(journal + strlen(journal), sizeof(journal) - strlen(journal), "%.*s\n",
			 (int)io[i].iov_len, (const char *)io[i].iov_base);
	return 0;
}

/* stream_is - JOURNAL_STREAM names stderr, or something else */
static void stream_is(bool ours)
{
	struct stat st;
	char text[64];

	assert_int_equal(fstat(2, &st), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !ours);
	setenv("JOURNAL_STREAM", text, 1);
}

/* test_journal - fields of its own; on stderr only where it is not taken */
static void test_journal(void **state)
{
	(void)state;
	catch_lines();
	stream_is(true);
	log_open("buildgated", LOG_LEVEL_DEBUG);
	journal[0] = '\0';
	log_event(
		LOG_LEVEL_INFO, "stage",
		LOG_FIELDS({ "source", "192.0.2.7" }, { "server", NULL }, { "from_who", "a b\n" }),
		"%s: stage 2", "192.0.2.7");
	log_error("a");
	refuse = true;
	log_warning("b");
	log_debug("d");
	refuse = false;
	assert_string_equal(caught(), "<4>b\n<7>d\n");
	assert_string_equal(journal, "MESSAGE=192.0.2.7: stage 2\nPRIORITY=6\n"
				     "SYSLOG_IDENTIFIER=buildgated\nBUILDGATE_EVENT=stage\n"
				     "BUILDGATE_SOURCE=192.0.2.7\nBUILDGATE_FROM_WHO=a b\\x0a\n"
				     "MESSAGE=a\nPRIORITY=3\nSYSLOG_IDENTIFIER=buildgated\n");
}

/* test_inherited - a variable left over from whoever started us is not the journal */
static void test_inherited(void **state)
{
	(void)state;
	catch_lines();
	stream_is(false);
	log_open("buildgated", LOG_LEVEL_INFO);
	journal[0] = '\0';
	log_info("a");
	assert_string_equal(caught(), "buildgated: a\n");
	assert_string_equal(journal, "");
	unsetenv("JOURNAL_STREAM");
}

/* test_logfmt - pairs that a program can take apart, whatever stands in them */
static void test_logfmt(void **state)
{
	const char *line;

	(void)state;
	log_open("buildgated", LOG_LEVEL_INFO);
	log_form(LOG_FORMAT_LOGFMT);
	catch_lines();
	log_event(LOG_LEVEL_WARNING, "mode",
		  LOG_FIELDS({ "mode", "off" }, { "who", "root (uid 0)" }, { "empty", "" },
			     { "count", LOG_NUMBER(-3) }, { "odd", "a=\"b\"" }),
		  "mode is %s now", "off");
	log_info("plain");
	line = caught();
	log_form(LOG_FORMAT_TEXT);
	assert_memory_equal(line, "time=20", 7);
	line = strchr(line, ' ') + 1;
	assert_memory_equal(line,
			    "level=warning program=buildgated event=mode mode=off "
			    "who=\"root (uid 0)\" empty=\"\" count=-3 odd=\"a=\\\"b\\\"\" "
			    "msg=\"mode is off now\"\ntime=20",
			    strcspn(line, "\n") + 8);
	assert_non_null(strstr(line, " level=info program=buildgated msg=plain\n"));
}

/* test_one_line - no text makes two lines of one, or moves the cursor of who reads it */
static void test_one_line(void **state)
{
	(void)state;
	log_open("buildgated", LOG_LEVEL_INFO);
	catch_lines();
	log_info("cannot open '%s'", "a\nbuildgated: mode is off now\033[2J");
	log_info("%s", "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(caught(),
			    "buildgated: cannot open 'a\\x0abuildgated: mode is off now\\x1b[2J'\n"
			    "buildgated: gr\xc3\xbc\xc3\x9f\n");
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

/* test_event_limit - the same for events; what is not wanted uses nothing up */
static void test_event_limit(void **state)
{
	struct log_limit limit = { 0 };
	unsigned int lines = 0;

	(void)state;
	log_open("buildgated", LOG_LEVEL_INFO);
	catch_lines();
	for (int i = 0; i < 30; i++)
		log_event_limited(&limit, LOG_LEVEL_DEBUG, "x", NULL, "not wanted");
	for (int i = 0; i < 25; i++)
		log_event_limited(&limit, LOG_LEVEL_INFO, "stage",
				  LOG_FIELDS({ "stage", LOG_NUMBER(i) }), "line %d", i);
	for (const char *p = caught(); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 10);
	assert_int_equal(limit.held_back, 15);
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
		cmocka_unit_test(test_prefix),      cmocka_unit_test(test_journal),
		cmocka_unit_test(test_level),       cmocka_unit_test(test_limit),
		cmocka_unit_test(test_escape),      cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_logfmt),      cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_event_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
