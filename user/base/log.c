// SPDX-License-Identifier: BSD-2-Clause
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIMIT_WINDOW_S 60
#define LIMIT_LINES    10
#define LINE_BYTES     2048

static struct {
	const char *program;
	enum log_level level;
	bool journal;
} out = { "buildgate", LOG_LEVEL_INFO, false };

/* log_open - choose the form of lines once, before the first of them */
void log_open(const char *program, enum log_level level)
{
	out.program = program;
	out.level = level;
	out.journal = getenv("JOURNAL_STREAM") != NULL;
}

/* write_line - one fwrite per line, so that lines of several processes do not mix */
static void write_line(enum log_level level, const char *text)
{
	char line[LINE_BYTES + 64];

	if (out.journal)
		snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		snprintf(line, sizeof(line), "%s: %s\n", out.program, text);
	fputs(line, stderr);
	fflush(stderr);
}

/* vlog - format and write, unless the level is not wanted */
static void __attribute__((format(printf, 2, 0)))
vlog(enum log_level level, const char *format, va_list ap)
{
	char text[LINE_BYTES];

	if (level > out.level)
		return;
	vsnprintf(text, sizeof(text), format, ap);
	write_line(level, text);
}

/* log_error - something the daemon was asked for did not happen */
void log_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_ERROR, format, ap);
	va_end(ap);
}

/* log_warning - it goes on, but somebody should look */
void log_warning(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_WARNING, format, ap);
	va_end(ap);
}

/* log_info - what an operator wants to find in the journal later */
void log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_INFO, format, ap);
	va_end(ap);
}

/* log_debug - detail, off by default */
void log_debug(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_DEBUG, format, ap);
	va_end(ap);
}

/* monotonic_seconds - the rate limit must not depend on the wall clock */
static long long monotonic_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* log_limited - a warning a remote can cause; the first line of a window tells of the last */
void log_limited(struct log_limit *limit, const char *format, ...)
{
	long long now = monotonic_seconds();
	va_list ap;

	/* window_start 0 is a limit that was never used */
	if (!limit->window_start || now - limit->window_start >= LIMIT_WINDOW_S) {
		if (limit->held_back)
			log_warning("%u more lines like the following were held back",
				    limit->held_back);
		*limit = (struct log_limit) { .window_start = now ? now : 1 };
	}
	if (limit->in_window >= LIMIT_LINES) {
		limit->held_back++;
		return;
	}
	limit->in_window++;
	va_start(ap, format);
	vlog(LOG_LEVEL_WARNING, format, ap);
	va_end(ap);
}

/* escaped - one byte as it may stand in a line; returns its length, 1 or 4 */
static size_t escaped(unsigned char byte, char text[5])
{
	/* the backslash too, or \x41 of the peer would read as ours */
	if (byte >= 0x20 && byte < 0x7f && byte != '\\')
		return (size_t)snprintf(text, 5, "%c", byte);
	return (size_t)snprintf(text, 5, "\\x%02x", byte);
}

/* log_escape - never cuts within an escape; ".." marks that something is missing */
const char *log_escape(const char *bytes, char *buf, size_t size)
{
	size_t used = 0, safe = 0;
	char text[5];

	if (!size)
		return buf;
	buf[0] = '\0';
	for (; *bytes; bytes++) {
		size_t n = escaped((unsigned char)*bytes, text);

		if (used + n >= size) {
			if (safe + 2 < size)
				strcpy(buf + safe, "..");
			return buf;
		}
		memcpy(buf + used, text, n + 1);
		used += n;
		if (used + 2 < size) /* the mark still fits behind this */
			safe = used;
	}
	return buf;
}
