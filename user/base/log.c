// SPDX-License-Identifier: BSD-2-Clause
#include "log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would always be this file */
#include <systemd/sd-journal.h>
#include <time.h>

#include "times.h"

#define LIMIT_WINDOW_S 60
#define LIMIT_LINES    10
#define LINE_BYTES     2048

/* One line before it takes its form. */
struct line {
	enum log_level level;
	const char *event;              /* NULL: none */
	const struct log_field *fields; /* NULL: none */
	const char *text;
};

static struct {
	const char *program;
	enum log_level level;
	enum log_format format;
	bool journal;
} out = { "buildgate", LOG_LEVEL_INFO, LOG_FORMAT_TEXT, false };

/* is_journal - sd_journal_print(3): the variable may be inherited, the file it names tells */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && !fstat(2, &st) &&
	       device == st.st_dev && inode == st.st_ino;
}

/* log_open - choose the form of lines once, before the first of them */
void log_open(const char *program, enum log_level level)
{
	out.program = program;
	out.level = level;
	out.journal = is_journal();
}

/* log_form - see log.h */
void log_form(enum log_format format)
{
	out.format = format;
}

/* log_number - see log.h */
const char *log_number(long long number, char *buf)
{
	snprintf(buf, LOG_NUMBER_TEXT, "%lld", number);
	return buf;
}

/* plain - no control character leaves: a line is one line, and steers no terminal. Other bytes
 * stay, names of files may be in any language */
static void plain(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	for (; *text && used + 5 < size; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte == 0x7f)
			used += (size_t)snprintf(buf + used, size - used, "\\x%02x", byte);
		else
			buf[used++] = *text;
	}
	buf[used] = '\0';
}

/* to_journal - by its own protocol; false: it does not take it, then stderr has to do */
static bool to_journal(const struct line *line)
{
	char text[LOG_FIELDS_MAX + 4][LINE_BYTES + 32];
	struct iovec io[LOG_FIELDS_MAX + 4];
	int count = 0;

	snprintf(text[count++], sizeof(text[0]), "MESSAGE=%s", line->text);
	snprintf(text[count++], sizeof(text[0]), "PRIORITY=%d", line->level);
	snprintf(text[count++], sizeof(text[0]), "SYSLOG_IDENTIFIER=%s", out.program);
	if (line->event)
		snprintf(text[count++], sizeof(text[0]), "BUILDGATE_EVENT=%s", line->event);
	for (int i = 0; line->fields && line->fields[i].key && i < LOG_FIELDS_MAX; i++) {
		const struct log_field *field = &line->fields[i];
		int n;

		if (!field->value)
			continue;
		n = snprintf(text[count], sizeof(text[0]), "BUILDGATE_%s=", field->key);
		for (char *c = text[count]; *c && *c != '='; c++)
			*c = (char)toupper((unsigned char)*c);
		plain(field->value, text[count] + n, sizeof(text[0]) - (size_t)n);
		count++;
	}
	for (int i = 0; i < count; i++)
		io[i] = (struct iovec) { text[i], strlen(text[i]) };
	return sd_journal_sendv(io, count) >= 0;
}

/* put_pair - key=value; quoted where a blank or the like would end it */
static void put_pair(FILE *f, const char *key, const char *value)
{
	bool quoted = !*value || strpbrk(value, " \"=");
	char text[LINE_BYTES];

	plain(value, text, sizeof(text));
	fprintf(f, "%s=%s", key, quoted ? "\"" : "");
	for (const char *c = text; *c; c++)
		fprintf(f, *c == '"' ? "\\%c" : "%c", *c);
	fputs(quoted ? "\" " : " ", f);
}

/* put_logfmt - the sentence last: it is the longest */
static void put_logfmt(FILE *f, const struct line *line)
{
	static const char *const levels[] = { [LOG_LEVEL_ERROR] = "error",
					      [LOG_LEVEL_WARNING] = "warning",
					      [LOG_LEVEL_INFO] = "info",
					      [LOG_LEVEL_DEBUG] = "debug" };
	char at[TIMES_TEXT];

	put_pair(f, "time", times_format(time(NULL), at));
	put_pair(f, "level", levels[line->level]);
	put_pair(f, "program", out.program);
	if (line->event)
		put_pair(f, "event", line->event);
	for (int i = 0; line->fields && line->fields[i].key; i++)
		if (line->fields[i].value)
			put_pair(f, line->fields[i].key, line->fields[i].value);
	put_pair(f, "msg", line->text);
}

/* write_line - one fwrite per line, so that lines of several processes do not mix */
static void write_line(const struct line *line)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f;

	if (out.journal && to_journal(line))
		return;
	f = open_memstream(&text, &bytes);
	if (!f)
		return;
	if (out.journal)
		fprintf(f, "<%d>%s\n", line->level, line->text);
	else if (out.format == LOG_FORMAT_LOGFMT)
		put_logfmt(f, line);
	else
		fprintf(f, "%s: %s\n", out.program, line->text);
	fclose(f);
	if (!out.journal && out.format == LOG_FORMAT_LOGFMT)
		text[bytes - 1] = '\n'; /* the blank behind the last pair */
	fputs(text, stderr);
	fflush(stderr);
	free(text);
}

/* vline - format and write, unless the level is not wanted */
static void __attribute__((format(printf, 4, 0)))
vline(enum log_level level, const char *event, const struct log_field *fields, const char *format,
      va_list ap)
{
	char raw[LINE_BYTES], text[LINE_BYTES];

	if (level > out.level)
		return;
	vsnprintf(raw, sizeof(raw), format, ap);
	plain(raw, text, sizeof(text));
	write_line(&(const struct line) { level, event, fields, text });
}

/* vlog - a line without fields */
static void __attribute__((format(printf, 2, 0)))
vlog(enum log_level level, const char *format, va_list ap)
{
	vline(level, NULL, NULL, format, ap);
}

/* log_event - see log.h */
void log_event(enum log_level level, const char *event, const struct log_field *fields,
	       const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vline(level, event, fields, format, ap);
	va_end(ap);
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

/* within - one line more may be written; the first of a window tells of those of the last */
static bool within(struct log_limit *limit)
{
	long long now = monotonic_seconds();

	/* window_start 0 is a limit that was never used */
	if (!limit->window_start || now - limit->window_start >= LIMIT_WINDOW_S) {
		if (limit->held_back)
			log_event(LOG_LEVEL_WARNING, "held-back",
				  LOG_FIELDS({ "lines", LOG_NUMBER(limit->held_back) }),
				  "%u more lines like the following were held back",
				  limit->held_back);
		*limit = (struct log_limit) { .window_start = now ? now : 1 };
	}
	if (limit->in_window < LIMIT_LINES) {
		limit->in_window++;
		return true;
	}
	limit->held_back++;
	return false;
}

/* log_limited - a warning a remote can cause */
void log_limited(struct log_limit *limit, const char *format, ...)
{
	va_list ap;

	if (!within(limit))
		return;
	va_start(ap, format);
	vlog(LOG_LEVEL_WARNING, format, ap);
	va_end(ap);
}

/* log_event_limited - see log.h */
void log_event_limited(struct log_limit *limit, enum log_level level, const char *event,
		       const struct log_field *fields, const char *format, ...)
{
	va_list ap;

	if (level > out.level || !within(limit))
		return;
	va_start(ap, format);
	vline(level, event, fields, format, ap);
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
