/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log - one line per happening, to the journal or stderr
 *
 * A line is a sentence for people and, where a program may want to act on it, an event with
 * fields: log_event(). Where stderr is the journal (JOURNAL_STREAM names it) they are the
 * journal's own fields, BUILDGATE_EVENT and BUILDGATE_ with each key in capitals. Else a line is
 * "buildgated: sentence", or with LOG_FORMAT_LOGFMT
 *
 *   time=2026-11-22T03:30:00Z level=info event=mode mode=enforce was=report msg="mode is ..."
 *
 * Library modules do not log above debug: they return errors. Text that a peer chose goes through
 * log_escape(); what is left of control characters never leaves this file, so a line is one line.
 * What a remote can trigger goes through log_limited() or log_event_limited(), which say how many
 * lines they held back.
 */
#ifndef BUILDGATE_LOG_H
#define BUILDGATE_LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_format { LOG_FORMAT_TEXT = 1, LOG_FORMAT_LOGFMT };

/* log_form - how lines look that do not go to the journal; text without it */
void log_form(enum log_format format);

/* log_open - program name for the prefix; level above which lines are dropped */
void log_open(const char *program, enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct log_limit {
	long long window_start; /* seconds, CLOCK_MONOTONIC */
	unsigned int in_window;
	unsigned int held_back;
};

/* log_limited - log_warning, at most 10 lines a minute per limit */
void log_limited(struct log_limit *limit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Fields of an event; keys are lower case, with "_". A NULL value leaves its field out. */
struct log_field {
	const char *key, *value;
};
#define LOG_FIELDS(...) ((const struct log_field[]) { __VA_ARGS__, { NULL, NULL } })
#define LOG_FIELDS_MAX  12
#define LOG_NUMBER_TEXT 24
#define LOG_NUMBER(n)   log_number((long long)(n), (char[LOG_NUMBER_TEXT]) { 0 })

/* log_number - a number as a field's value, into buf of LOG_NUMBER_TEXT bytes; LOG_NUMBER() brings
 * a buffer that lives as long as the block around it */
const char *log_number(long long number, char *buf);

/* log_event - a line with fields: what happened, to what, by whom */
void log_event(enum log_level level, const char *event, const struct log_field *fields,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* log_event_limited - the same, at most 10 a minute per limit */
void log_event_limited(struct log_limit *limit, enum log_level level, const char *event,
		       const struct log_field *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* log_escape - peer's bytes as printable ASCII (others \xNN), cut with ".."; returns buf */
const char *log_escape(const char *bytes, char *buf, size_t size);

#endif
