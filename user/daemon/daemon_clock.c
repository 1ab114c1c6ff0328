// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's times: running time, lease, mode word, and the lab clock that moves them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "daemon.h"
#include "user/base/times.h"
#include "user/kernel/offmark.h"

#define NS          1000000000LL
#define WALK_STEP_S 3600 /* between two looks while a lab clock walks */

/* daemon_clock_init - a store that lived under a lab clock is ahead of the world: without the
 * clock its records would all lie in the future */
int daemon_clock_init(struct daemon *daemon, struct error *e)
{
	char at[TIMES_TEXT];
	int64_t offset = 0;
	int rc = store_number_get(daemon->store, "clock_offset_ns", &offset, e);

	if (rc >= 0)
		rc = store_number_get(daemon->store, "running", &daemon->running_before, e);
	if (rc < 0)
		return rc;
	clock_init(offset);
	if (offset && !daemon->lab_clock)
		return error_set(e, -EINVAL,
				 "state_dir: %s was used with a lab clock that stands at %s; start "
				 "with --lab-clock, or use another state_dir",
				 daemon->config->state_dir, times_format(clock_wall(), at));
	daemon->started = clock_wall();
	return 0;
}

/* daemon_running - what an earlier daemon ran counts too */
int64_t daemon_running(const struct daemon *daemon)
{
	return daemon->running_before + clock_running();
}

/* renew_lease - for as long as configured after `at`, a kernel time */
static void renew_lease(struct daemon *daemon, uint64_t at)
{
	daemon->settings->lease_until_ns = at + (uint64_t)(daemon->config->lease * NS);
}

/* daemon_settings - each field is one word; nobody sees a half-written one */
void daemon_settings(struct daemon *daemon)
{
	volatile struct settings *settings = daemon->settings;

	settings->clock_offset_ns = clock_offset_ns();
	settings->recheck_interval_ns = (uint64_t)(daemon->config->recheck_interval * NS);
	settings->slow_delay_ms = (uint32_t)(daemon->config->slow_delay * 1000);
	settings->answer_via = daemon->config->answer_via;
	settings->slow_max = (uint32_t)daemon->config->slow_max;
	settings->answer_rate = (uint32_t)daemon->config->answer_rate;
	renew_lease(daemon, clock_kernel_ns());
}

/* daemon_replies - the strings live as long as the configuration and the catalogue do */
int daemon_replies(struct daemon *daemon, struct error *e)
{
	const struct config *config = daemon->config;
	struct reply_site site = { .hostname = config->hostname,
				   .contact = config->contact,
				   .catalogue = daemon->catalogue,
				   .grace_days = config->grace_days,
				   .at_greeting = config->answer_at == ANSWER_AT_GREETING };

	return replies_use(daemon->replies, &site, clock_wall(), e);
}

/* make_operator - the daemon itself, for what it decides or finds */
static struct operator make_operator(struct daemon *daemon, const char *who, const char *reason)
{
	return (struct operator) {
		.store = daemon->store,
		.enforcer = daemon->enforcer,
		.policy = daemon->policy,
		.ipv6_bits = (unsigned int)daemon->config->ipv6_prefix,
		.now = clock_wall(),
		.running = daemon_running(daemon),
		.who = who,
		.reason = reason,
	};
}

/* unconfirmed - enforcing, and nobody has confirmed it yet */
static bool unconfirmed(const struct daemon *daemon)
{
	return daemon->settings->mode == MODE_ENFORCE && daemon->settings->enforce_until_ns;
}

/* keep_mode - audited and durable; no mark of gatectl's is needed any more */
static int keep_mode(struct daemon *daemon, const struct operator* op, enum mode was, enum mode is,
		     enum mode stored, struct error *e)
{
	int rc = daemon_store_result(daemon, operator_mode(op, was, is, stored, e), e);

	if (rc >= 0)
		offmark_clear(daemon->config->state_dir);
	return rc;
}

/* roll_back - "enforce" was not confirmed in time: the kernel acts as report already, now
 * everybody else is told */
static void roll_back(struct daemon *daemon)
{
	struct operator op = make_operator(daemon, "clock", "enforce was not confirmed in time");
	struct error e = { "" };

	if (!unconfirmed(daemon) || clock_kernel_ns() < daemon->settings->enforce_until_ns)
		return;
	daemon->settings->mode = MODE_REPORT;
	daemon->settings->enforce_until_ns = 0;
	daemon->mode = MODE_REPORT;
	keep_mode(daemon, &op, MODE_ENFORCE, MODE_REPORT, MODE_REPORT, &e);
	log_event(LOG_LEVEL_WARNING, "mode",
		  LOG_FIELDS({ "mode", "report" }, { "was", "enforce" }, { "who", "clock" }),
		  "mode is report again: enforce was not confirmed in time");
}

/* daemon_mode - "mode off" needs no daemon: it writes the word, and we find it here */
enum mode daemon_mode(struct daemon *daemon)
{
	struct operator op = make_operator(daemon, "gatectl", "written into the settings map");
	struct error e = { "" };
	enum mode word;

	roll_back(daemon);
	word = daemon->settings->mode ? daemon->settings->mode : MODE_OFF;
	if (word == daemon->mode)
		return word;
	/* until it is stored it comes up again; the kernel acts on it in any case */
	if (keep_mode(daemon, &op, daemon->mode, word, word, &e) < 0)
		return word;
	log_event(LOG_LEVEL_INFO, "mode",
		  LOG_FIELDS({ "mode", operator_mode_name(word) },
			     { "was", operator_mode_name(daemon->mode) }, { "who", "gatectl" }),
		  "mode is %s now (was %s), changed in the settings map", operator_mode_name(word),
		  operator_mode_name(daemon->mode));
	daemon->mode = word;
	return word;
}

/* daemon_set_mode - enforcing begins only once the decision would survive a crash; off is
 * done first and kept afterwards, because taking it back must never fail. What is not
 * confirmed yet is kept as report: so a reboot, which empties the kernel, returns there too. */
int daemon_set_mode(struct daemon *daemon, enum mode mode, int64_t confirm_s, const char *who,
		    const char *why, struct error *e)
{
	/* not daemon_mode(): a word that gatectl wrote just before it asked is this same change */
	enum mode was = daemon->mode;
	char reason[320];
	struct operator op = make_operator(daemon, who, confirm_s ? reason : why);
	int rc;

	if (mode == MODE_ENFORCE && !daemon->config->contact[0])
		return error_set(
			e, -EINVAL,
			"enforce is refused without a contact for the senders; set contact: "
			"in %s, reload buildgated, and try again",
			daemon->config->path);
	snprintf(reason, sizeof(reason), "%.255s%sto be confirmed within %lld s", why ? why : "",
		 why ? "; " : "", (long long)confirm_s);
	if (mode != MODE_ENFORCE)
		daemon->settings->mode = mode;
	rc = keep_mode(daemon, &op, was, mode, confirm_s ? MODE_REPORT : mode, e);
	if (rc < 0)
		return rc;
	daemon->settings->enforce_until_ns =
		confirm_s ? clock_kernel_ns() + (uint64_t)confirm_s * NS : 0;
	daemon->settings->mode = mode;
	daemon->mode = mode;
	log_event(LOG_LEVEL_INFO, "mode",
		  LOG_FIELDS({ "mode", operator_mode_name(mode) },
			     { "was", operator_mode_name(was) }, { "who", who }),
		  "mode is %s now (was %s), by %s%s%s", operator_mode_name(mode),
		  operator_mode_name(was), who, confirm_s ? ", " : "", confirm_s ? reason : "");
	return 0;
}

/* daemon_confirm_mode - enforce stays */
int daemon_confirm_mode(struct daemon *daemon, const char *who, struct error *e)
{
	struct operator op = make_operator(daemon, who, "confirmed");
	int rc;

	daemon_mode(daemon);
	if (!unconfirmed(daemon))
		return error_set(e, -EINVAL,
				 "there is nothing to confirm: mode is %s, and was not set with "
				 "--confirm or has returned to report already",
				 operator_mode_name(daemon->mode));
	rc = keep_mode(daemon, &op, MODE_ENFORCE, MODE_ENFORCE, MODE_ENFORCE, e);
	if (rc < 0)
		return rc;
	daemon->settings->enforce_until_ns = 0;
	log_event(LOG_LEVEL_INFO, "mode-confirmed",
		  LOG_FIELDS({ "mode", "enforce" }, { "who", who }),
		  "mode enforce is confirmed, by %s", who);
	return 0;
}

/* daemon_move - clocks first: what they change, the enforcer folds */
int daemon_move(struct daemon *daemon, struct error *e)
{
	int64_t now = clock_wall();
	int moved, rc;

	roll_back(daemon);
	moved = observer_tick(daemon->observer, now, daemon_running(daemon), daemon_publish, daemon,
			      e);
	daemon->behind = moved >= OBSERVER_TICK_MAX;
	if (daemon_store_result(daemon, moved, e) < 0)
		return moved;
	rc = enforcer_tick(daemon->enforcer, now, e);
	return daemon_store_result(daemon, rc, e) < 0 ? rc : moved + rc;
}

/* step_to - all times at once; the lease goes ahead of the offset, so that no packet in between
 * finds it over */
static void step_to(struct daemon *daemon, int64_t at)
{
	int64_t seconds = at - clock_wall();

	if (seconds <= 0)
		return;
	renew_lease(daemon, clock_kernel_ns() + (uint64_t)(seconds * NS));
	clock_advance(seconds);
	daemon->settings->clock_offset_ns = clock_offset_ns();
}

/* next_step - the next due moment after now, but no farther than a step, or the target */
static int next_step(struct daemon *daemon, int64_t target, int64_t *ret_at, struct error *e)
{
	int64_t now = clock_wall(), at = now + WALK_STEP_S, due;
	int rc = store_next_due(daemon->store, &due, e);

	if (rc < 0)
		return rc;
	/* what is still due at this moment waits for something else; it must not stop the walk */
	if (rc > 0 && due > now && due < at)
		at = due;
	*ret_at = at < target ? at : target;
	return 0;
}

/* move_all - nobody waits while a lab clock walks */
static int move_all(struct daemon *daemon, struct error *e)
{
	int rc;

	do
		rc = daemon_move(daemon, e);
	while (rc >= 0 && daemon->behind);
	return rc;
}

/* daemon_advance - the offset is stored before the walk: after a crash on the way, the next
 * daemon is at the target and what fell due happens late instead of never */
int daemon_advance(struct daemon *daemon, int64_t target, struct error *e)
{
	int64_t seconds = target - clock_wall(), at;
	int rc;

	if (seconds <= 0)
		return error_set(e, -EINVAL, "a lab clock only goes forward");
	daemon_history(daemon);
	rc = store_number_set(daemon->store, "clock_offset_ns", clock_offset_ns() + seconds * NS,
			      e);
	if (rc >= 0)
		rc = move_all(daemon, e);
	while (rc >= 0 && clock_wall() < target) {
		rc = next_step(daemon, target, &at, e);
		if (rc < 0)
			break;
		if (times_day(at) != times_day(clock_wall())) /* the day's last look */
			daemon_history(daemon);
		step_to(daemon, at);
		rc = move_all(daemon, e);
	}
	if (rc >= 0)
		rc = store_number_set(daemon->store, "running", daemon_running(daemon), e);
	if (rc >= 0)
		daemon_outlook_tick(daemon);
	return rc < 0 ? rc : 0;
}
