// SPDX-License-Identifier: BSD-2-Clause
/* The daemon, its configuration, and the mode. */
#include <string.h>

#include "doctor_private.h"
#include "user/base/clock.h"
#include "user/base/times.h"
#include "user/version.h"

#define START "systemctl start buildgated; journalctl -u buildgated -n 20 says why it ended"

/* judge_daemon - dead or alive, and of our version */
static void judge_daemon(struct doctor *d)
{
	const json_t *self = json_object_get(d->status, "daemon");
	const char *version = doctor_text(self, "version"), *since = doctor_text(self, "started");

	if (!d->status) {
		doctor_say(d, "daemon", DOCTOR_BAD, "%s", d->silence);
		doctor_next(d, START);
	} else if (!d->loaded && !d->hidden) {
		doctor_say(
			d, "daemon", DOCTOR_BAD,
			"buildgated runs, but the gate is not loaded: nothing is seen or enforced");
		doctor_next(d, "systemctl restart buildgated");
	} else if (version && strcmp(version, BUILDGATE_VERSION)) {
		doctor_say(d, "daemon", DOCTOR_WARN,
			   "buildgated that runs is version %s, this gatectl is %s", version,
			   BUILDGATE_VERSION);
		doctor_next(d, "systemctl restart buildgated");
	} else {
		doctor_say(d, "daemon", DOCTOR_OK, "buildgated %s runs since %s",
			   version ? version : "-", since ? since : "-");
	}
	if (d->hidden) {
		doctor_say(d, "daemon", DOCTOR_WARN, "not everything could be looked at: %s",
			   d->hidden);
		doctor_next(d, "run gatectl doctor as root");
	}
}

/* judge_config - a file that is broken now is a daemon that does not start tomorrow */
static void judge_config(struct doctor *d)
{
	if (d->config_error) {
		doctor_say(d, "config", DOCTOR_BAD, "%s", d->config_error);
		doctor_next(d, "mend it; buildgated --check --config %s reads it again",
			    d->config_path);
	} else if (!d->config) {
		doctor_say(d, "config", DOCTOR_WARN, "there is no %s", d->config_path);
		doctor_next(d, "name the file that is in use: gatectl doctor --config FILE");
	} else if (!d->config->contact[0]) {
		doctor_say(d, "config", DOCTOR_NOTE,
			   "%s has no contact: mode enforce will be refused", d->config_path);
		doctor_next(d, "add contact: postmaster@your.domain to it before enforcing");
	} else {
		doctor_say(d, "config", DOCTOR_OK, "%s is good", d->config_path);
	}
}

/* judge_enforce - what may end it */
static void judge_enforce(struct doctor *d)
{
	const struct settings *s = &d->settings;
	char until[TIMES_TEXT];

	if (s->enforce_until_ns)
		times_format(clock_kernel_to_wall(s->enforce_until_ns), until);
	if (s->enforce_until_ns && d->now_ns >= s->enforce_until_ns) {
		doctor_say(d, "mode", DOCTOR_WARN,
			   "enforce was not confirmed before %s: nothing is enforced", until);
		doctor_next(d, "gatectl mode enforce");
	} else if (s->enforce_until_ns) {
		doctor_say(d, "mode", DOCTOR_WARN, "enforce, but only until %s", until);
		doctor_next(d, "gatectl mode confirm");
	} else if (s->lease_until_ns <= d->now_ns) {
		doctor_say(d, "mode", DOCTOR_BAD,
			   "enforce, but the lease is over: verdicts of the clock do not count");
		doctor_next(d, START);
	} else {
		doctor_say(d, "mode", DOCTOR_OK, "enforce: verdicts are in force");
	}
}

/* judge_mode - the kernel's word */
static void judge_mode(struct doctor *d)
{
	if (!d->loaded || d->hidden)
		return;
	switch (d->settings.mode) {
	case MODE_ENFORCE:
		judge_enforce(d);
		return;
	case MODE_REPORT:
		doctor_say(d, "mode", DOCTOR_OK, "report: everything is seen, nothing is enforced");
		return;
	}
	doctor_say(d, "mode", DOCTOR_WARN, "off: nothing is seen, and nothing enforced");
	doctor_next(d, "gatectl mode report");
}

/* doctor_daemon - who runs, by which file, and what it does */
void doctor_daemon(struct doctor *d)
{
	judge_daemon(d);
	judge_config(d);
	judge_mode(d);
}
