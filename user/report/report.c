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

/* put_time, put_text, put_build - as report_time() and its like, straight into a text */
static void put_time(struct jsontext *t, const char *key, int64_t at)
{
	char text[TIMES_TEXT];

	jsontext_string(t, key, at ? times_format(at, text) : NULL);
}

static void put_text(struct jsontext *t, const char *key, const char *text)
{
	jsontext_string(t, key, text && text[0] ? text : NULL);
}

static void put_build(struct jsontext *t, const char *key, uint64_t build)
{
	char text[BUILD_TEXT];

	jsontext_string(t, key, build ? build_format(build, text) : NULL);
}

/* put_identity - the keys of DESIGN section 6; the standing is the one that was acted on */
static void put_identity(const struct report *report, const struct identity *identity,
			 struct jsontext *t)
{
	struct judgement judgement;

	report_judge(report, identity->build, &judgement);
	jsontext_open(t, NULL, '{');
	put_text(t, "name", identity->name);
	put_build(t, "build", identity->build);
	put_text(t, "product", judgement.product);
	put_text(t, "standing", identity->standing ? standing_name(identity->standing) : NULL);
	put_time(t, "first_outdated", identity->first_outdated);
	put_time(t, "last_seen", identity->last_seen);
	jsontext_integer(t, "stage", identity->stage);
	put_text(t, "origin", identity->build ? origin_name(identity->origin) : NULL);
	jsontext_close(t, '}');
}

/* look_live - zeroed where the kernel has no entry */
static void look_live(const struct report *report, const struct addr *source, struct verdict *ret)
{
	if (!report->enforcer || !enforcer_look(report->enforcer, source, ret))
		*ret = (struct verdict) { 0 };
}

/* report_reason_read - see report_private.h */
json_t *report_reason_read(const struct report *report, const struct addr *source)
{
	struct verdict live;

	look_live(report, source, &live);
	return live.told || live.unread ? json_boolean(live.told) : json_null();
}

/* style_of - how the action is carried out; a pass has no style */
static const char *style_of(const struct enforced *enforced)
{
	if (enforced->action == ACTION_TARPIT)
		return style_name(enforced->tarpit_style);
	return enforced->action == ACTION_DROP ? style_name(enforced->drop_style) : NULL;
}

/* shared - a source matters as shared where one of its names has a clock */
static bool shared(const struct source *source, const struct enforcement *clock)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].running_since)
			return clock->shared;
	return false;
}

/* put_source - keys and their order are DESIGN section 6's; hits are the connections and segments
 * that its verdict has met so far */
static void put_source(const struct report *report, const struct source *source,
		       struct enforced *enforced, struct jsontext *t)
{
	const struct enforcement *clock = &enforced->clock;
	struct verdict live;
	char text[ADDRESS_TEXT];

	enforcer_decide(report->enforcer, source, report->mode, report->now, enforced);
	look_live(report, &source->addr, &live);
	jsontext_open(t, NULL, '{');
	jsontext_string(t, "source", address_format(&source->addr, text));
	jsontext_open(t, "identities", '[');
	for (unsigned int i = 0; i < source->count; i++)
		put_identity(report, &source->identities[i], t);
	jsontext_close(t, ']');
	jsontext_string(t, "verdict", action_name(enforced->action));
	jsontext_string(t, "style", style_of(enforced));
	jsontext_integer(t, "stage", clock->stage);
	put_time(t, "stage_since", clock->stage ? clock->stage_since : 0);
	put_time(t, "next_stage_at", clock->next_stage_at);
	jsontext_integer(t, "throttle_min", enforced->throttle_min);
	jsontext_integer(t, "block_min", enforced->block_min);
	put_time(t, "paused_until", enforced->paused_until);
	jsontext_bool(t, "exempt", enforced->exempt);
	jsontext_bool(t, "shared", shared(source, clock));
	jsontext_bool(t, "emergency", clock->emergency);
	jsontext_integer(t, "hits", live.hits_slowed + live.hits_dropped);
	if (live.told || live.unread)
		jsontext_bool(t, "reason_read", live.told);
	else
		jsontext_string(t, "reason_read", NULL);
	jsontext_close(t, '}');
}

/* report_base - see report_private.h */
json_t *report_base(const struct report *report, const struct source *source,
		    struct enforced *ret_enforced)
{
	struct jsontext text = { 0 };
	json_t *object;

	put_source(report, source, ret_enforced, &text);
	object = jsontext_read(&text);
	jsontext_free(&text);
	return object;
}

/* report_part - see report_private.h */
json_t *report_part(const struct report *report, const struct store_filter *filter,
		    const struct addr *after, store_source_fn row, struct jsontext *ret_rows,
		    struct error *e)
{
	struct report_rows rows = { .report = report };
	struct addr last = *after;
	char next[ADDRESS_TEXT];
	int r = store_source_page(report->store, filter, &last, REPORT_PART, row, &rows, e);

	if (r >= 0 && jsontext_failed(&rows.text))
		r = error_set(e, -ENOMEM, "out of memory");
	if (r < 0) {
		jsontext_free(&rows.text);
		return NULL;
	}
	*ret_rows = rows.text;
	return json_pack("{s:[], s:s?}", "rows", "next", r ? address_format(&last, next) : NULL);
}

/* add_source - one more object */
static int add_source(void *arg, const struct source *source)
{
	struct report_rows *rows = arg;
	struct enforced enforced;

	put_source(rows->report, source, &enforced, &rows->text);
	return 0;
}

/* report_sources - by address */
json_t *report_sources(const struct report *report, const struct store_filter *filter,
		       const struct addr *after, struct jsontext *ret_rows, struct error *e)
{
	return report_part(report, filter, after, add_source, ret_rows, e);
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
