/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * times - moments and dates in text
 *
 * A moment is int64_t seconds since 1970 UTC; 0 is "never". Text is RFC 3339 in UTC.
 */
#ifndef BUILDGATE_TIMES_H
#define BUILDGATE_TIMES_H

#include <stdint.h>

#define TIMES_TEXT 32

/* times_parse - RFC 3339 date-time with Z or offset (fraction ignored), or a date alone
 * (its first moment, UTC); -EINVAL otherwise */
int times_parse(const char *text, int64_t *ret_at);

/* times_parse_span - "90s", "2h", "30d", "45m", "1w"; seconds, > 0; -EINVAL otherwise */
int times_parse_span(const char *text, int64_t *ret_seconds);

/* times_format - "2026-11-21T22:51:00Z" into buf of TIMES_TEXT bytes; returns buf */
const char *times_format(int64_t at, char *buf);

/* times_format_date - "2026-11-21"; returns buf */
const char *times_format_date(int64_t at, char *buf);

/* times_day - UTC day number of a moment (floor(at / 86400)) */
int64_t times_day(int64_t at);

#endif
