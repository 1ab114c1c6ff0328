// SPDX-License-Identifier: BSD-2-Clause
/* Everything about one source. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "report_private.h"
#include "user/base/times.h"

#define NS           1000000000ULL
#define HOUR_S       3600
#define UPGRADES_MAX 8

/* stage_from - when the deciding identity reaches the first stage of a kind */
static json_t *stage_from(const struct report *report, const struct enforced *enforced, bool block)
{
	const struct identity *acting = enforced->clock.acting;

	return acting && acting->running_since ? report_stage_from(report, acting, block)
					       : json_null();
}

/* report_recommended - builds to move to, best first */
json_t *report_recommended(const struct report *report, uint64_t build)
{
	uint64_t builds[UPGRADES_MAX];
	unsigned int count = 0;
	json_t *array = json_array();

	if (build && report->catalogue)
		count = catalogue_upgrades(report->catalogue, build, report->now, builds,
					   UPGRADES_MAX);
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(array, report_build(builds[i]));
	return array;
}

/* window_now - the part of the source's hour that `now` lies in (abi.h, struct verdict) */
static uint8_t window_now(const struct verdict *v, uint64_t now_ns, unsigned int *ret_left)
{
	unsigned int second = (unsigned int)((now_ns / NS + HOUR_S - v->phase_s) % HOUR_S);

	if (second < v->block_s) {
		*ret_left = v->block_s - second;
		return ACTION_DROP;
	}
	if (second < (unsigned int)v->block_s + v->throttle_s) {
		*ret_left = v->block_s + v->throttle_s - second;
		return ACTION_TARPIT;
	}
	*ret_left = HOUR_S - second;
	return ACTION_PASS;
}

/* add_window - what happens in this part of the hour, for programs and in words */
static void add_window(const struct report *report, const struct source *source,
		       const struct enforced *enforced, json_t *object)
{
	static const char *const words[] = {
		[ACTION_PASS] = "passed",
		[ACTION_TARPIT] = "slowed",
		[ACTION_DROP] = "refused",
	};
	struct verdict verdict;
	unsigned int left;
	uint8_t action;

	if (enforced->action == ACTION_PASS ||
	    !enforcer_verdict(report->enforcer, &source->addr, enforced, &verdict)) {
		json_object_set_new(object, "window", json_null());
		json_object_set_new(object, "window_until", json_null());
		json_object_set_new(object, "now", json_string("passed"));
		return;
	}
	action = window_now(&verdict, clock_wall_to_kernel(report->now), &left);
	json_object_set_new(object, "window", json_string(action_name(action)));
	if (verdict.block_s + verdict.throttle_s == HOUR_S &&
	    (!verdict.block_s || !verdict.throttle_s)) {
		json_object_set_new(object, "window_until", json_null());
		json_object_set_new(object, "now", json_sprintf("%s all the hour", words[action]));
		return;
	}
	json_object_set_new(object, "window_until", report_time(report->now + left));
	json_object_set_new(object, "now",
			    json_sprintf("%s for %u more min", words[action], (left + 59) / 60));
}

/* add_evidence - what it rests on, and how old that is */
static void add_evidence(const struct report *report, const struct enforced *enforced,
			 json_t *object)
{
	int64_t at = enforced->clock.evidence_at;

	json_object_set_new(object, "evidence_at", report_time(at));
	json_object_set_new(object, "evidence_age_s",
			    at ? json_integer(report->now - at) : json_null());
	json_object_set_new(object, "evidence_stale", json_boolean(at && enforced->clock.stale));
}

/* add_next - what comes, when, and what prevents it */
static void add_next(const struct report *report, const struct enforced *enforced, json_t *object)
{
	struct judgement judgement;

	report_judge(report, enforced->clock.build, &judgement);
	json_object_set_new(object, "build", report_build(enforced->clock.build));
	json_object_set_new(object, "throttled_from", stage_from(report, enforced, false));
	json_object_set_new(object, "blocked_from", stage_from(report, enforced, true));
	json_object_set_new(object, "upgrade_to", report_build(judgement.upgrade_to));
	json_object_set_new(object, "recommended",
			    report_recommended(report, enforced->clock.build));
	json_object_set_new(object, "emergency_id", report_text(judgement.emergency));
}

/* add_details - what "sources" has no room for, per identity */
static void add_details(const struct report *report, const struct source *source, json_t *object)
{
	json_t *array = json_object_get(object, "identities"), *entry;
	size_t i;

	json_array_foreach (array, i, entry) {
		const struct identity *identity = &source->identities[i];
		struct judgement judgement;

		report_judge(report, identity->build, &judgement);
		json_object_set_new(entry, "release", report_text(judgement.release));
		json_object_set_new(entry, "origin", report_text(origin_name(identity->origin)));
		json_object_set_new(entry, "first_seen", report_time(identity->first_seen));
		json_object_set_new(entry, "last_acting", report_time(identity->last_acting));
		json_object_set_new(entry, "last_fine", report_time(identity->last_fine));
		json_object_set_new(entry, "stage_since", report_time(identity->stage_since));
		json_object_set_new(entry, "elapsed_s",
				    json_integer(escalation_elapsed(identity, report->now)));
		json_object_set_new(entry, "acting_days", json_integer(identity->acting_days));
		json_object_set_new(entry, "inside", json_boolean(identity->inside));
		json_object_set_new(entry, "archived", json_boolean(identity->archived));
	}
}

/* add_sight - one day of one name and build */
static int add_sight(void *arg, const struct store_sight *sight)
{
	char day[TIMES_TEXT];
	json_t *object =
		json_pack("{s:s, s:o, s:o, s:i}", "day", times_format_date(sight->day * DAY_S, day),
			  "name", report_text(sight->name), "build", report_build(sight->build),
			  "count", (int)sight->count);

	return object && !json_array_append_new(arg, object) ? 0 : -ENOMEM;
}

/* add_families - what its connections turned out to be */
static int add_families(const struct report *report, const struct source *source, json_t *object,
			struct error *e)
{
	json_t *array = json_array();
	unsigned int set;
	int r = store_families(report->store, &source->addr, &set, e);

	for (uint8_t i = FAMILY_UNKNOWN; r >= 0 && i <= FAMILY_EXCHANGE; i++)
		if (set & 1U << i)
			json_array_append_new(array, json_string(family_name(i)));
	json_object_set_new(object, "families", array);
	return r;
}

/* A walk over decisions, looking for those about one source. */
struct about {
	const struct source *source;
	unsigned int bits;
	json_t *array;
};

/* add_decision - if it touches the source */
static int add_decision(void *arg, const struct decision *d)
{
	static const char *const kinds[] = {
		[DECISION_SET] = "set",
		[DECISION_EXEMPT] = "exempt",
		[DECISION_PAUSE] = "pause",
		[DECISION_SHARED] = "shared",
	};
	struct about *about = arg;
	char range[ADDRESS_TEXT];
	json_t *object;

	if (!range_overlaps(&d->addr, d->bits, &about->source->addr, about->bits))
		return 0;
	object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", kinds[d->kind],
			   "range", range_format(&d->addr, d->bits, range), "verdict",
			   report_text(action_name(d->action)), "style",
			   report_text(style_name(d->style)), "at", report_time(d->at), "until",
			   report_time(d->until), "who", report_text(d->who), "reason",
			   report_text(d->reason));
	return object && !json_array_append_new(about->array, object) ? 0 : -ENOMEM;
}

/* add_lists - decisions and days */
static int add_lists(const struct report *report, const struct source *source, unsigned int bits,
		     json_t *object, struct error *e)
{
	struct about about = { source, bits, json_array() };
	json_t *days = json_array();
	int r = store_decision_each(report->store, 0, false, add_decision, &about, e);

	if (r >= 0)
		r = store_sight_each(report->store, &source->addr, add_sight, days, e);
	json_object_set_new(object, "decisions", about.array);
	json_object_set_new(object, "days", days);
	return r < 0 ? r : add_families(report, source, object, e);
}

/* source_json - all parts of the answer */
static json_t *source_json(const struct report *report, const struct source *source,
			   unsigned int bits, struct error *e)
{
	struct enforced enforced;
	json_t *object = report_base(report, source, &enforced);
	int r;

	if (!object) {
		error_set(e, -ENOMEM, "source: out of memory");
		return NULL;
	}
	add_details(report, source, object);
	json_object_set_new(object, "by", report_text(enforced_by_name(enforced.by)));
	json_object_set_new(object, "why", report_text(enforced.clock.why));
	json_object_set_new(object, "until", report_time(enforced.until));
	json_object_set_new(object, "inside", json_boolean(enforced.clock.inside));
	add_window(report, source, &enforced, object);
	add_evidence(report, &enforced, object);
	add_next(report, &enforced, object);
	r = add_lists(report, source, bits, object, e);
	if (r >= 0)
		return object;
	json_decref(object);
	return NULL;
}

/* report_source - also for an address that nobody has seen: it says so by what is missing */
json_t *report_source(const struct report *report, const struct addr *addr, unsigned int ipv6_bits,
		      struct error *e)
{
	struct addr key = address_source(addr, ipv6_bits);
	struct source source;
	json_t *object;
	int r = store_source_load(report->store, &key, &source, e);

	if (r < 0)
		return NULL;
	source.addr = key;
	object = source_json(report, &source, address_is_ipv4(&key) ? 128 : ipv6_bits, e);
	source_clear(&source);
	return object;
}

/* Addresses that a walk found. */
struct found {
	struct addr *addrs;
	unsigned int count;
};

/* keep_addr - the walk holds its statement: the sources are read after it */
static int keep_addr(void *arg, const struct source *source)
{
	struct found *found = arg;
	struct addr *addrs = reallocarray(found->addrs, found->count + 1, sizeof(*addrs));

	if (!addrs)
		return -ENOMEM;
	addrs[found->count++] = source->addr;
	found->addrs = addrs;
	return 0;
}

/* report_named - there may be several: a name is what a peer says of itself */
json_t *report_named(const struct report *report, const char *name, unsigned int ipv6_bits,
		     struct error *e)
{
	struct store_filter filter = { .name = name, .archived = true };
	struct found found = { 0 };
	json_t *array = json_array();
	int r = store_source_each(report->store, &filter, keep_addr, &found, e);

	for (unsigned int i = 0; r >= 0 && i < found.count; i++) {
		json_t *object = report_source(report, &found.addrs[i], ipv6_bits, e);

		r = object && !json_array_append_new(array, object) ? 0 : -ENOMEM;
	}
	free(found.addrs);
	if (r >= 0)
		return array;
	json_decref(array);
	return NULL;
}
