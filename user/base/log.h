/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log - one line per happening, to the journal or stderr
 *
 * Under systemd (JOURNAL_STREAM set) lines carry the "<N>" priority prefix of sd-daemon(3);
 * else "buildgated: ". Library modules do not log above debug: they return errors. Text
 * that a peer chose goes through log_escape(). What a remote can trigger goes through
 * log_limited(), which says how many lines it held back.
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

/* log_escape - peer's bytes as printable ASCII (others \xNN), cut with ".."; returns buf */
const char *log_escape(const char *bytes, char *buf, size_t size);

#endif
