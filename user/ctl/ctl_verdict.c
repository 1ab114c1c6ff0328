// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_verdict.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/build.h"
#include "user/base/clock.h"
#include "ctl_text.h"
#include "user/base/times.h"

#define NS     1000000000ULL
#define HOUR_S 3600

/* ctl_verdict_mode - see ctl_verdict.h */
enum mode ctl_verdict_mode(const struct ctl_view *view)
{
	const struct settings *settings = &view->settings;

	if (settings->mode == MODE_ENFORCE && settings->enforce_until_ns &&
	    view->now_ns >= settings->enforce_until_ns)
		return MODE_REPORT;
	return settings->mode;
}

/* held_back - why the verdict is not enforced at all, or NULL */
static const char *held_back(const struct verdict *verdict, const struct ctl_view *view)
{
	const struct settings *settings = &view->settings;

	if (settings->mode != MODE_REPORT && settings->mode != MODE_ENFORCE)
		return "the gate is off";
	if (settings->mode == MODE_REPORT)
		return "report mode";
	if (settings->enforce_until_ns && view->now_ns >= settings->enforce_until_ns)
		return "enforce mode was not confirmed";
	if (verdict->valid_until_ns && view->now_ns >= verdict->valid_until_ns)
		return "its time is over";
	if ((verdict->flags & VERDICT_CLOCK) && view->now_ns >= settings->lease_until_ns)
		return "the lease is over";
	return NULL;
}

/* earlier - the earlier of two moments of which 0 is none */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* in_hour - the part of the source's hour that now_ns lies in, and its end */
static struct ctl_now in_hour(const struct verdict *verdict, uint64_t now_ns)
{
	uint64_t second = now_ns / NS;
	unsigned int at = (unsigned int)((second + HOUR_S - verdict->phase_s % HOUR_S) % HOUR_S);
	unsigned int slow_end = verdict->block_s + verdict->throttle_s;
	struct ctl_now now = { .action = ACTION_PASS };
	unsigned int end = HOUR_S;

	if (at < verdict->block_s) {
		now.action = ACTION_DROP;
		end = verdict->block_s;
	} else if (at < slow_end) {
		now.action = ACTION_TARPIT;
		end = slow_end;
	}
	if (slow_end == 0 || verdict->block_s >= HOUR_S || verdict->throttle_s >= HOUR_S)
		return now;
	if (end > HOUR_S)
		end = HOUR_S;
	now.until_ns = (second - at + end) * NS;
	return now;
}

/* ctl_verdict_now - in the order of the programs */
struct ctl_now ctl_verdict_now(const struct verdict *verdict, const struct ctl_view *view)
{
	const char *why = held_back(verdict, view);
	struct ctl_now now = { .action = ACTION_PASS, .why = why };

	if (why)
		return now;
	now = in_hour(verdict, view->now_ns);
	if (now.action == ACTION_PASS)
		return now;
	now.until_ns = earlier(now.until_ns, verdict->valid_until_ns);
	now.until_ns = earlier(now.until_ns, view->settings.enforce_until_ns);
	if (verdict->flags & VERDICT_CLOCK)
		now.until_ns = earlier(now.until_ns, view->settings.lease_until_ns);
	return now;
}

/* ctl_verdict_action - drop before tarpit before pass */
uint8_t ctl_verdict_action(const struct verdict *verdict)
{
	return verdict->block_s ? ACTION_DROP : verdict->throttle_s ? ACTION_TARPIT : ACTION_PASS;
}

/* set_text - NULL is null */
static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

/* ctl_verdict_json - the meaning first, then the fields */
json_t *ctl_verdict_json(const char *source, const struct verdict *verdict,
			 const struct ctl_view *view)
{
	struct ctl_now now = ctl_verdict_now(verdict, view);
	json_t *object = json_object();
	char build[BUILD_TEXT];

	set_text(object, "source", source);
	set_text(object, "verdict", ctl_text_action(ctl_verdict_action(verdict)));
	set_text(object, "now", ctl_text_action(now.action));
	json_object_set_new(object, "now_until", ctl_text_time(now.until_ns));
	set_text(object, "not_enforced", now.why);
	set_text(object, "by", verdict->flags & VERDICT_CLOCK ? "clock" : "operator");
	json_object_set_new(object, "ranged", json_boolean(verdict->flags & VERDICT_RANGED));
	json_object_set_new(object, "throttle_s", json_integer(verdict->throttle_s));
	json_object_set_new(object, "block_s", json_integer(verdict->block_s));
	json_object_set_new(object, "phase_s", json_integer(verdict->phase_s));
	set_text(object, "tarpit_style", ctl_text_style(verdict->tarpit_style));
	set_text(object, "drop_style", ctl_text_style(verdict->drop_style));
	json_object_set_new(object, "reply", json_integer(verdict->reply));
	json_object_set_new(object, "reply", json_integer(verdict->reply));
	set_text(object, "build", verdict->build ? build_format(verdict->build, build) : NULL);
	json_object_set_new(object, "valid_until", ctl_text_time(verdict->valid_until_ns));
	json_object_set_new(object, "recheck_at", ctl_text_time(verdict->recheck_at_ns));
	json_object_set_new(object, "pending", json_integer(verdict->pending));
	json_object_set_new(object, "pending_since", ctl_text_time(verdict->pending_since_ns));
	json_object_set_new(object, "hits_slowed", json_integer((json_int_t)verdict->hits_slowed));
	json_object_set_new(object, "hits_dropped",
			    json_integer((json_int_t)verdict->hits_dropped));
	json_object_set_new(object, "hits_recheck",
			    json_integer((json_int_t)verdict->hits_recheck));
	json_object_set_new(object, "told", json_integer(verdict->told));
	json_object_set_new(object, "unread", json_integer(verdict->unread));
	return object;
}

/* moment - "14:20:00Z" within the next day, else with the date */
static const char *moment(uint64_t kernel_ns, uint64_t now_ns, char *buf)
{
	char text[TIMES_TEXT];

	times_format(clock_kernel_to_wall(kernel_ns), text);
	if (kernel_ns < now_ns + 86400 * NS)
		return strcpy(buf, text + 11);
	text[10] = ' ';
	return strcpy(buf, text);
}

/* ctl_verdict_now_text - what happens now, until when, or why nothing does */
const char *ctl_verdict_now_text(const struct verdict *verdict, const struct ctl_view *view,
				 char *buf, size_t size)
{
	static const char *const doing[] = {
		[ACTION_PASS] = "passes", [ACTION_TARPIT] = "slowed", [ACTION_DROP] = "refused"
	};
	struct ctl_now now = ctl_verdict_now(verdict, view);
	char until[TIMES_TEXT] = "";

	if (now.until_ns)
		moment(now.until_ns, view->now_ns, until);
	snprintf(buf, size, "%s%s%s%s%s", doing[now.action], now.until_ns ? " until " : "", until,
		 now.why ? ", not enforced: " : "", now.why ? now.why : "");
	return buf;
}

/* ctl_verdict_sentence - rhythm of the hour, now, what ends it, for what */
const char *ctl_verdict_sentence(const char *source, const struct verdict *verdict,
				 const struct ctl_view *view, char *buf, size_t size)
{
	char hour[64], now[96], build[BUILD_TEXT], valid[TIMES_TEXT] = "", hits[80] = "";
	bool ranged = verdict->flags & VERDICT_RANGED;

	if (verdict->valid_until_ns)
		moment(verdict->valid_until_ns, view->now_ns, valid);
	if (verdict->hits_slowed || verdict->hits_dropped)
		snprintf(hits, sizeof(hits), "; so far %llu delays and %llu refusals",
			 (unsigned long long)verdict->hits_slowed,
			 (unsigned long long)verdict->hits_dropped);
	snprintf(buf, size, "%s is %s (now: %s), %s%s%s%s%s%s%s", source,
		 ctl_text_hour(verdict->throttle_s, verdict->block_s, hour, sizeof(hour)),
		 ctl_verdict_now_text(verdict, view, now, sizeof(now)),
		 verdict->flags & VERDICT_CLOCK ? "by the clock" : "by the operator",
		 verdict->build ? " for build " : "",
		 verdict->build ? build_format(verdict->build, build) : "",
		 valid[0] ? ", until " : "", valid,
		 ranged ? "; a range overlaps it, see map dump ranges" : "", hits);
	return buf;
}
