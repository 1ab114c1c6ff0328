// SPDX-License-Identifier: BSD-2-Clause
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "report_private.h"
#include "user/base/times.h"

/* report_time - RFC 3339, UTC */
json_t *report_time(int64_t at)
{
	char text[TIMES_TEXT];

	return at ? json_string(times_format(at, text)) : json_null();
}

/* report_text - names are printable ASCII since they entered */
json_t *report_text(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

/* report_build - four numbers */
json_t *report_build(uint64_t build)
{
	char text[BUILD_TEXT];

	return build ? json_string(build_format(build, text)) : json_null();
}

/* report_judge - zeroed for no build */
void report_judge(const struct report *report, uint64_t build, struct judgement *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (build && report->catalogue)
		catalogue_judge(report->catalogue, build, report->now, report->grace_days,
				store_seen, report->store, ret);
}

/* identity_json - the keys of DESIGN section 6; the standing is the one that was acted on */
static json_t *identity_json(const struct report *report, const struct identity *identity)
{
	struct judgement judgement;

	report_judge(report, identity->build, &judgement);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "name",
			 report_text(identity->name), "build", report_build(identity->build),
			 "product", report_text(judgement.product), "standing",
			 identity->standing ? json_string(standing_name(identity->standing))
					    : json_null(),
			 "first_outdated", report_time(identity->first_outdated), "last_seen",
			 report_time(identity->last_seen), "stage", (int)identity->stage, "origin",
			 report_text(identity->build ? origin_name(identity->origin) : NULL));
}

/* identities_json - all of a source */
static json_t *identities_json(const struct report *report, const struct source *source)
{
	json_t *array = json_array();

	for (unsigned int i = 0; array && i < source->count; i++)
		json_array_append_new(array, identity_json(report, &source->identities[i]));
	return array;
}

/* hits_of - connections and segments that its verdict has met so far */
static json_int_t hits_of(const struct report *report, const struct addr *source)
{
	struct verdict verdict;

	if (!report->enforcer || !enforcer_look(report->enforcer, source, &verdict))
		return 0;
	return (json_int_t)(verdict.hits_slowed + verdict.hits_dropped);
}

/* report_reason_read - see report_private.h */
json_t *report_reason_read(const struct report *report, const struct addr *source)
{
	struct verdict verdict;

	if (!report->enforcer || !enforcer_look(report->enforcer, source, &verdict))
		return json_null();
	return verdict.told || verdict.unread ? json_boolean(verdict.told) : json_null();
}

/* style_of - how the action is carried out; a pass has no style */
static json_t *style_of(const struct enforced *enforced)
{
	if (enforced->action == ACTION_TARPIT)
		return json_string(style_name(enforced->tarpit_style));
	if (enforced->action == ACTION_DROP)
		return json_string(style_name(enforced->drop_style));
	return json_null();
}

/* shared - a source matters as shared where one of its names has a clock */
static bool shared(const struct source *source, const struct enforcement *clock)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].running_since)
			return clock->shared;
	return false;
}

/* report_base - keys and their order are DESIGN section 6's */
json_t *report_base(const struct report *report, const struct source *source,
		    struct enforced *ret_enforced)
{
	struct enforced *enforced = ret_enforced;
	const struct enforcement *clock = &enforced->clock;
	char text[ADDRESS_TEXT];

	enforcer_decide(report->enforcer, source, report->mode, report->now, enforced);
	return json_pack(
		"{s:s, s:o, s:s, s:o, s:i, s:o, s:o, s:i, s:i, s:o, s:b, s:b, s:b, s:I, s:o}",
		"source", address_format(&source->addr, text), "identities",
		identities_json(report, source), "verdict", action_name(enforced->action), "style",
		style_of(enforced), "stage", (int)clock->stage, "stage_since",
		report_time(clock->stage ? clock->stage_since : 0), "next_stage_at",
		report_time(clock->next_stage_at), "throttle_min", (int)enforced->throttle_min,
		"block_min", (int)enforced->block_min, "paused_until",
		report_time(enforced->paused_until), "exempt", enforced->exempt, "shared",
		shared(source, clock), "emergency", clock->emergency, "hits",
		hits_of(report, &source->addr), "reason_read",
		report_reason_read(report, &source->addr));
}

/* report_part - see report_private.h */
json_t *report_part(const struct report *report, const struct store_filter *filter,
		    const struct addr *after, store_source_fn row, const char *what,
		    struct error *e)
{
	struct report_rows rows = { .report = report, .array = json_array() };
	struct addr last = *after;
	char next[ADDRESS_TEXT];
	int r = rows.array ? store_source_page(report->store, filter, &last, REPORT_PART, row,
					       &rows, e)
			   : -ENOMEM;

	if (r >= 0)
		return json_pack("{s:o, s:s?}", "rows", rows.array, "next",
				 r ? address_format(&last, next) : NULL);
	if (r == -ENOMEM)
		error_set(e, r, "%s: out of memory", what);
	json_decref(rows.array);
	return NULL;
}

/* add_source - one more object */
static int add_source(void *arg, const struct source *source)
{
	struct report_rows *rows = arg;
	struct enforced enforced;
	json_t *object = report_base(rows->report, source, &enforced);

	return object && !json_array_append_new(rows->array, object) ? 0 : -ENOMEM;
}

/* report_sources - by address */
json_t *report_sources(const struct report *report, const struct store_filter *filter,
		       const struct addr *after, struct error *e)
{
	return report_part(report, filter, after, add_source, "sources", e);
}

/* by_stage - stages of the policy, and 0 for identities without a clock */
static json_t *by_stage(const struct report *report, const struct store_counts *counts)
{
	json_t *object = json_object();
	char key[16];

	for (unsigned int i = 0; i <= report->policy->stages_count; i++) {
		snprintf(key, sizeof(key), "%u", i);
		json_object_set_new(object, key, json_integer((json_int_t)counts->stage[i]));
	}
	return object;
}

/* by_standing - every word, also those that nobody has */
static json_t *by_standing(const struct store_counts *counts)
{
	json_t *object = json_object();

	for (unsigned int i = STANDING_UNKNOWN; i < STANDING_MAX; i++)
		json_object_set_new(object, standing_name((enum standing)i),
				    json_integer((json_int_t)counts->standing[i]));
	return object;
}

/* report_counts - totals the store keeps; nothing is counted here */
json_t *report_counts(const struct report *report, struct error *e)
{
	struct store_counts counts;
	int r = store_count(report->store, &counts, e);

	if (r < 0)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "sources",
			 (json_int_t)counts.sources, "exchange", (json_int_t)counts.exchange,
			 "identified", (json_int_t)counts.identified, "tls", (json_int_t)counts.tls,
			 "identities", (json_int_t)counts.identities, "by_stage",
			 by_stage(report, &counts), "by_standing", by_standing(&counts));
}

/* json_or_null - JSON text as a value; text that is none (an older entry) stays text */
static json_t *json_or_null(const char *text)
{
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();

	return value ? value : json_string(text);
}

/* entry_json - one entry */
static json_t *entry_json(const struct audit *audit)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o}", "at", report_time(audit->at), "who",
			 audit->who, "what", audit->what, "subject", audit->subject, "why",
			 report_text(audit->why), "before", json_or_null(audit->before), "after",
			 json_or_null(audit->after));
}

/* add_audit - one more entry */
static int add_audit(void *arg, const struct audit *audit)
{
	json_t *object = entry_json(audit);

	return object && !json_array_append_new(arg, object) ? 0 : -ENOMEM;
}

/* A part of the whole trail. */
struct part {
	json_t *entries;
	int64_t since, last, seen;
};

/* add_part - what is too old is passed over, but counts as seen */
static int add_part(void *arg, const struct audit *audit)
{
	struct part *part = arg;
	json_t *object;

	part->last = audit->id;
	part->seen++;
	if (audit->at < part->since)
		return 0;
	object = entry_json(audit);
	if (!object)
		return -ENOMEM;
	json_object_set_new(object, "id", json_integer((json_int_t)audit->id));
	return json_array_append_new(part->entries, object) ? -ENOMEM : 0;
}

/* report_audit - see report.h */
json_t *report_audit(const struct report *report, int64_t after, int64_t since, struct error *e)
{
	struct part part = { .entries = json_array(), .since = since };
	int r = part.entries ? store_audit_after(report->store, after, REPORT_AUDIT_PART, add_part,
						 &part, e)
			     : -ENOMEM;

	if (r == -ENOMEM)
		error_set(e, r, "audit: out of memory");
	if (r < 0) {
		json_decref(part.entries);
		return NULL;
	}
	return json_pack("{s:o,s:o}", "entries", part.entries, "next",
			 part.seen == REPORT_AUDIT_PART ? json_integer((json_int_t)part.last)
							: json_null());
}

/* report_trail - ids rise as entries are written */
json_t *report_trail(const struct report *report, int64_t last, struct error *e)
{
	json_t *array = json_array();
	int64_t newest = 0;
	int r = array ? store_audit_newest(report->store, &newest, e) : -ENOMEM;

	if (r >= 0)
		r = store_audit_after(report->store, newest > last ? newest - last : 0, last,
				      add_audit, array, e);
	if (r >= 0)
		return array;
	if (r == -ENOMEM)
		error_set(e, r, "history: out of memory");
	json_decref(array);
	return NULL;
}

/* report_history - oldest first */
json_t *report_history(const struct report *report, const char *subject, int64_t since,
		       struct error *e)
{
	json_t *array = json_array();
	int r = array ? store_audit_each(report->store, subject, since, add_audit, array, e)
		      : -ENOMEM;

	if (r >= 0)
		return array;
	if (r == -ENOMEM)
		error_set(e, r, "history: out of memory");
	json_decref(array);
	return NULL;
}
