// SPDX-License-Identifier: BSD-2-Clause
/* The system clock, by which stages fall due. */
#include <errno.h>
#include <sys/timex.h>

#include "doctor_private.h"

#define SECTION   "clock"
#define ERROR_MAX 60000000LL /* a minute: dates of stages are days apart */
#define NS        1000000000LL

/* doctor_clock - asks the kernel, whoever disciplines it */
void doctor_clock(struct doctor *d)
{
	struct timex t = { 0 };
	int state = adjtimex(&t);
	struct doctor_clock c = {
		.synchronized = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC),
		.max_error_us = t.maxerror,
		.lab = json_is_true(
			json_object_get(json_object_get(d->status, "daemon"), "lab_clock")),
		.kernel_offset_s = d->loaded ? d->settings.clock_offset_ns / NS : 0,
	};

	doctor_clock_judge(d, &c);
}

/* doctor_clock_judge - a lab clock needs no other */
void doctor_clock_judge(struct doctor *d, const struct doctor_clock *c)
{
	if (c->lab || c->kernel_offset_s) {
		doctor_say(d, SECTION, DOCTOR_NOTE,
			   "a lab clock is in use, %lld s ahead: time is what the operator says",
			   (long long)c->kernel_offset_s);
		doctor_next(d, "in production start buildgated without --lab-clock");
	} else if (!c->synchronized) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "the system clock is not synchronized: stages may fall due too early or "
			   "late (at most one a day)");
		doctor_next(d, "timedatectl set-ntp true, or start chrony");
	} else if (c->max_error_us > ERROR_MAX) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "the system clock may be wrong by %lld s by its own account",
			   (long long)(c->max_error_us / 1000000));
		doctor_next(d, "see that the time service reaches its servers: chronyc sources");
	} else {
		doctor_say(d, SECTION, DOCTOR_OK, "the system clock is synchronized");
	}
}
