// SPDX-License-Identifier: BSD-2-Clause
#include "pause.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "user/base/times.h"

#define DAY_S 86400

/* year_of - calendar year (UTC) of a day number */
static int year_of(int64_t day)
{
	time_t at = (time_t)(day * DAY_S);
	struct tm tm;

	gmtime_r(&at, &tm);
	return tm.tm_year + 1900;
}

/* first_day - day number of 1 January */
static int64_t first_day(int year)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mday = 1 };

	return times_day((int64_t)timegm(&tm));
}

/* touched - some pause covers a part of the day */
static bool touched(const struct pause *pauses, unsigned int count, int64_t day)
{
	for (unsigned int i = 0; i < count; i++)
		if (pauses[i].until > pauses[i].from && times_day(pauses[i].from) <= day &&
		    times_day(pauses[i].until - 1) >= day)
			return true;
	return false;
}

/* pause_days - day by day: a year is short and the question rare */
unsigned int pause_days(const struct pause *pauses, unsigned int count, int year)
{
	unsigned int days = 0;

	for (int64_t day = first_day(year); day < first_day(year + 1); day++)
		days += touched(pauses, count, day);
	return days;
}

/* pause_grant - each day of it is charged to its own year, unless it is paid already */
int pause_grant(const struct pause *past, unsigned int count, int64_t now, unsigned int days,
		int64_t *ret_until, struct error *e)
{
	int64_t today = times_day(now), day;
	unsigned int used = 0;
	int year = 0;

	if (days < 1 || days > 2 * PAUSE_DAYS_MAX)
		return error_set(e, -EINVAL, "pause of %u days, expected 1 to %u", days,
				 2 * PAUSE_DAYS_MAX);
	for (day = today; day < today + days; day++) {
		if (year_of(day) != year) {
			year = year_of(day);
			used = pause_days(past, count, year);
		}
		if (touched(past, count, day))
			continue;
		if (++used > PAUSE_DAYS_MAX)
			return error_set(
				e, -EDQUOT,
				"pause of %u days: %d would have more than %d paused days, "
				"%lld are left from today on",
				days, year, PAUSE_DAYS_MAX, (long long)(day - today));
	}
	*ret_until = (today + days) * DAY_S;
	return 0;
}
