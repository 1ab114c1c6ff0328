/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pause - how long a source's clock may stand still
 *
 * A pause is granted in calendar days (UTC), 90 per calendar year and source. The day it is
 * granted on is its first, so it always ends at a midnight, and a source that is let go early gets
 * back the days that had not begun. Days are counted once however many pauses touch them.
 * Pure functions; what was granted before is the caller's to keep (the store's decisions).
 */
#ifndef BUILDGATE_PAUSE_H
#define BUILDGATE_PAUSE_H

#include <stdint.h>

#include "user/base/error.h"

#define PAUSE_DAYS_MAX 90 /* per calendar year and source */

struct pause {
	int64_t from;
	int64_t until; /* the midnight it ends at, or the moment of the unpause */
};

/* pause_days - different UTC days of calendar year `year` that the pauses touch */
unsigned int pause_days(const struct pause *pauses, unsigned int count, int year);

/* pause_grant - when a pause of `days` calendar days from now on would end. -EDQUOT when a year
 * would come to more than 90; e says which, and how many are left. */
int pause_grant(const struct pause *past, unsigned int count, int64_t now, unsigned int days,
		int64_t *ret_until, struct error *e);

#endif
