// SPDX-License-Identifier: BSD-2-Clause
#include "times.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400
/* What times_format can print: the years 0000 to 9999 of RFC 3339. */
#define MOMENT_FIRST (-62167219200LL)
#define MOMENT_LAST  253402300799LL
/* A longer span would not fit in nanoseconds, which is what the kernel counts in. */
#define SPAN_MAX (INT64_MAX / 1000000000)

/* digits - exactly count digits at *text as a number; moves *text, -1 when they are not there */
static int digits(const char **text, unsigned int count)
{
	int value = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (*(*text)++ - '0');
	}
	return value;
}

/* field - as digits(), after the character before it ('\0': none), and at most max */
static int field(const char **text, char before, unsigned int count, int min, int max)
{
	int value;

	if (before && *(*text)++ != before)
		return -1;
	value = digits(text, count);
	return value < min || value > max ? -1 : value;
}

/* month_days - days of a month of the Gregorian calendar */
static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* parse_date - "2026-11-21"; timegm() would take 31 February for 3 March, so look first */
static int parse_date(const char **text, struct tm *tm)
{
	int year, month, day;

	year = field(text, '\0', 4, 0, 9999);
	if (year < 0)
		return -EINVAL;
	month = field(text, '-', 2, 1, 12);
	if (month < 0)
		return -EINVAL;
	day = field(text, '-', 2, 1, month_days(year, month));
	if (day < 0)
		return -EINVAL;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

/* parse_clock - "22:51:00", second 60 for a leap second, a fraction read over */
static int parse_clock(const char **text, struct tm *tm)
{
	tm->tm_hour = field(text, '\0', 2, 0, 23);
	if (tm->tm_hour < 0)
		return -EINVAL;
	tm->tm_min = field(text, ':', 2, 0, 59);
	if (tm->tm_min < 0)
		return -EINVAL;
	tm->tm_sec = field(text, ':', 2, 0, 60);
	if (tm->tm_sec < 0)
		return -EINVAL;
	if (**text != '.')
		return 0;
	(*text)++;
	if (digits(text, 1) < 0)
		return -EINVAL;
	while (**text >= '0' && **text <= '9')
		(*text)++;
	return 0;
}

/* parse_offset - "Z" or "+01:00", in seconds east of Greenwich */
static int parse_offset(const char **text, int *ret_offset)
{
	char sign = *(*text)++;
	int hours, minutes;

	if (sign == 'Z' || sign == 'z') {
		*ret_offset = 0;
		return 0;
	}
	if (sign != '+' && sign != '-')
		return -EINVAL;
	hours = field(text, '\0', 2, 0, 23);
	if (hours < 0)
		return -EINVAL;
	minutes = field(text, ':', 2, 0, 59);
	if (minutes < 0)
		return -EINVAL;
	*ret_offset = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
	return 0;
}

/* times_parse - RFC 3339, with its allowances: t and z in lower case, a blank for T */
int times_parse(const char *text, int64_t *ret_at)
{
	struct tm tm = {};
	int offset = 0;

	if (!text || parse_date(&text, &tm) < 0)
		return -EINVAL;
	if (*text) {
		if (*text != 'T' && *text != 't' && *text != ' ')
			return -EINVAL;
		text++;
		if (parse_clock(&text, &tm) < 0 || parse_offset(&text, &offset) < 0 || *text)
			return -EINVAL;
	}
	*ret_at = (int64_t)timegm(&tm) - offset;
	return 0;
}

/* unit_seconds - seconds of a span's unit, 0 for none */
static int64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return DAY_SECONDS;
	case 'w':
		return 7 * DAY_SECONDS;
	default:
		return 0;
	}
}

/* times_parse_span - one number and one unit, at most 292 years */
int times_parse_span(const char *text, int64_t *ret_seconds)
{
	int64_t count = 0, unit;

	if (!text)
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		count = count * 10 + (*text - '0');
		if (count > SPAN_MAX)
			return -EINVAL;
	}
	unit = unit_seconds(*text);
	if (!count || !unit || text[1] || count > SPAN_MAX / unit)
		return -EINVAL;
	*ret_seconds = count * unit;
	return 0;
}

/* pair - a separator and two digits; returns what is behind them */
static char *pair(char *to, char before, int value)
{
	to[0] = before;
	to[1] = (char)('0' + value / 10);
	to[2] = (char)('0' + value % 10);
	return to + 3;
}

/* put_date - "2026-11-21" of a day number, without the locks of gmtime(): lists have millions.
 * Years begin in March here, so that the leap day is the last one; an era is 400 years, 146,097
 * days */
static char *put_date(char *to, int64_t day)
{
	int64_t since = day + 719468; /* 0000-03-01 */
	int64_t era = (since >= 0 ? since : since - 146096) / 146097;
	int of_era = (int)(since - era * 146097);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * of_year + 2) / 153, mday = of_year - (153 * month + 2) / 5 + 1;
	int year = (int)(era * 400) + year_of_era + (month >= 10);

	to[0] = (char)('0' + year / 1000);
	to[1] = (char)('0' + year / 100 % 10);
	to[2] = (char)('0' + year / 10 % 10);
	to[3] = (char)('0' + year % 10);
	to = pair(to + 4, '-', month < 10 ? month + 3 : month - 9);
	return pair(to, '-', mday);
}

/* within - moments beyond RFC 3339's years become its edges */
static int64_t within(int64_t at)
{
	return at < MOMENT_FIRST ? MOMENT_FIRST : at > MOMENT_LAST ? MOMENT_LAST : at;
}

/* times_format - always UTC, whatever offset was read */
const char *times_format(int64_t at, char *buf)
{
	int64_t day = times_day(within(at));
	int second = (int)(within(at) - day * DAY_SECONDS);
	char *to = put_date(buf, day);

	to = pair(to, 'T', second / 3600);
	to = pair(to, ':', second / 60 % 60);
	to = pair(to, ':', second % 60);
	memcpy(to, "Z", 2);
	return buf;
}

/* times_format_date - the UTC day of at */
const char *times_format_date(int64_t at, char *buf)
{
	*put_date(buf, times_day(within(at))) = '\0';
	return buf;
}

/* times_day - floor, also before 1970 */
int64_t times_day(int64_t at)
{
	return at / DAY_SECONDS - (at % DAY_SECONDS < 0);
}
