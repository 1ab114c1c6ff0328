// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon tells of itself: status for gatectl, metrics for Prometheus. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "daemon.h"
#include "metrics.h"
#include "user/base/times.h"
#include "user/version.h"

#define NS 1000000000LL

/* daemon_report - what report functions read from */
struct report daemon_report(struct daemon *daemon)
{
	return (struct report) {
		.store = daemon->store,
		.enforcer = daemon->enforcer,
		.catalogue = daemon->catalogue,
		.policy = daemon->policy,
		.grace_days = daemon->config->grace_days,
		.ipv6_bits = (unsigned int)daemon->config->ipv6_prefix,
		.mode = daemon_mode(daemon),
		.now = clock_wall(),
	};
}

/* moment - null for never */
static json_t *moment(int64_t at)
{
	char text[TIMES_TEXT];

	return at ? json_string(times_format(at, text)) : json_null();
}

/* by_origin - identified sources; one that showed builds in several places is in each */
static json_t *by_origin(const struct store_counts *counts)
{
	json_t *object = json_object();

	for (uint8_t i = ORIGIN_BANNER; i <= ORIGIN_REPORTED; i++)
		json_object_set_new(object, origin_name(i),
				    json_integer((json_int_t)counts->origin[i]));
	return object;
}

/* share_json - how much of the Exchange that was seen also said its build */
static json_t *share_json(const struct store_counts *counts)
{
	double share = counts->exchange ? (double)counts->identified / (double)counts->exchange : 0;

	return json_pack("{s:I,s:I,s:I,s:o,s:I,s:o}", "exchange", (json_int_t)counts->exchange,
			 "identified", (json_int_t)counts->identified, "tls_only",
			 (json_int_t)counts->tls, "share",
			 counts->exchange ? json_real(share) : json_null(), "read_in_tls",
			 (json_int_t)counts->read_in_tls, "by_origin", by_origin(counts));
}

/* self_json - the process and its losses */
static json_t *self_json(const struct daemon *daemon)
{
	const struct control_stats *control = control_stats(daemon->control);

	return json_pack(
		"{s:s,s:i,s:s,s:o,s:o,s:I,s:b,s:s?,s:b,s:I,s:I,s:I,s:i}", "version",
		BUILDGATE_VERSION, "pid", (int)getpid(), "config", daemon->config->path, "started",
		moment(daemon->started), "last_event", moment(daemon->last_event), "running_s",
		(json_int_t)daemon_running(daemon), "store_ok", (int)daemon->store_ok,
		"store_error", daemon->store_ok ? NULL : daemon->store_why.text, "lab_clock",
		(int)daemon->lab_clock, "events_lost", (json_int_t)daemon->events_lost,
		"hooks_mended", (json_int_t)daemon->mended, "verdict_drift",
		(json_int_t)enforcer_stats(daemon->enforcer)->drift, "followers",
		(int)control->followers);
}

/* map_json - how full a map is that refuses what does not fit */
static json_t *map_json(uint64_t entries, int64_t max)
{
	return json_pack("{s:I,s:I}", "entries", (json_int_t)entries, "max_entries",
			 (json_int_t)max);
}

/* maps_json - those two */
static json_t *maps_json(const struct daemon *daemon)
{
	return json_pack(
		"{s:o,s:o}", "verdicts",
		map_json(enforcer_stats(daemon->enforcer)->entries, daemon->config->verdicts_max),
		"ranges", map_json(daemon->settings->ranges, daemon->config->ranges_max));
}

/* hook_status - null without a program */
static json_t *hook_status(const struct daemon *daemon)
{
	const struct runner_stats *stats = stage_hook_stats(daemon->hook);

	if (!daemon->config->on_stage_change[0])
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:i}", "program", daemon->config->on_stage_change,
			 "started", (json_int_t)stats->started, "failed", (json_int_t)stats->failed,
			 "killed", (json_int_t)stats->killed, "running", (int)stats->running);
}

/* notify_status - null while it is off */
static json_t *notify_status(const struct daemon *daemon)
{
	const struct notices_stats *stats = notices_stats(daemon->notices);

	if (!daemon->config->notify.enabled)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "sent", (json_int_t)stats->sent, "failed",
			 (json_int_t)stats->failed, "no_domain", (json_int_t)stats->refused);
}

/* daemon_status - the answer to "status"; gatectl puts what the kernel says over it */
json_t *daemon_status(struct daemon *daemon, struct error *e)
{
	struct report report = daemon_report(daemon);
	json_t *sources = report_counts(&report, e), *sight = NULL;
	struct store_counts counts;

	/* a store that cannot be read is said below; everything else is known all the same */
	if (sources && store_count(daemon->store, &counts, e) >= 0)
		sight = share_json(&counts);
	if (!sources || !sight)
		daemon_store_result(daemon, -EIO, e);
	return json_pack("{s:s,s:o,s:o,s:o,s:s,s:o?,s:o?,s:o,s:o*,s:o,s:o,s:o,s:o,s:o}", "mode",
			 operator_mode_name(report.mode), "at", moment(report.now), "lease_until",
			 moment(clock_kernel_to_wall(daemon->settings->lease_until_ns)),
			 "catalogue", daemon_catalogue_brief(daemon), "policy",
			 daemon->policy->name, "sources", sources, "sight", sight, "tls_sight",
			 sight_json(daemon->sight), "hooks", loader_hooks(NULL), "daemon",
			 self_json(daemon), "reporters", reporters_json(&daemon->reporters),
			 "on_stage_change", hook_status(daemon), "notify", notify_status(daemon),
			 "maps", maps_json(daemon));
}

/* lease_left - seconds, 0 when it is over */
static double lease_left(const struct daemon *daemon)
{
	uint64_t until = daemon->settings->lease_until_ns, now = clock_kernel_ns();

	return until > now ? (double)(until - now) / (double)NS : 0;
}

/* daemon_metrics - the page /metrics */
char *daemon_metrics(void *arg, size_t *ret_bytes)
{
	struct daemon *daemon = arg;
	struct counters counters[HOOK_MAX];
	struct store_counts counts;
	json_t *hooks = loader_hooks(NULL);
	struct metrics metrics = {
		.counters = pinned_counters(daemon->pinned, counters) ? NULL : counters,
		.hooks = hooks,
		.mode = daemon_mode(daemon),
		.lease_s = lease_left(daemon),
		.clock_offset_s = (double)clock_offset_ns() / (double)NS,
		.catalogue_as_of = catalogue_as_of(daemon->catalogue),
		.catalogue_max_age = daemon->config->catalogue_max_age,
		.catalogue_builds = catalogue_count(daemon->catalogue),
		.catalogue_serial = catalogue_serial(daemon->catalogue),
		.catalogue_refused_at =
			daemon->updates.refused.text[0] ? daemon->updates.refused_at : 0,
		.catalogue_taken = daemon->updates.taken,
		.catalogue_refusals = daemon->updates.refusals,
		.emergencies = catalogue_emergencies(daemon->catalogue, clock_wall()),
		.now = clock_wall(),
		.store_ok = daemon->store_ok,
		.counts = store_count(daemon->store, &counts, NULL) < 0 ? NULL : &counts,
		.observer = observer_stats(daemon->observer),
		.told = &daemon->reporters.tally,
		.enforcer = enforcer_stats(daemon->enforcer),
		.control = control_stats(daemon->control),
		.events_lost = daemon->events_lost,
		.slowed = pinned_slowed(clock_kernel_ns()),
		.mended = daemon->mended,
		.hooks_expected = loader_expected(daemon->loader),
		.started = daemon->started,
		.last_event = daemon->last_event,
		.verdicts_max = (uint64_t)daemon->config->verdicts_max,
		.ranges = daemon->settings->ranges,
		.ranges_max = (uint64_t)daemon->config->ranges_max,
		.outlook = &daemon->outlook.counts,
		.top = &daemon->top,
	};
	char *text = metrics_text(&metrics, ret_bytes);

	json_decref(hooks);
	return text;
}
