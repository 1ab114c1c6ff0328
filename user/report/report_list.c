// SPDX-License-Identifier: BSD-2-Clause
/* The report: servers whose clock runs, with the columns of Microsoft's own, and sources that are
 * answered because an operator said so. */
#include <errno.h>
#include <string.h>

#include "user/base/address.h"
#include "report_private.h"

/* report_stage_from - a stage that lies behind has its moment too */
json_t *report_stage_from(const struct report *report, const struct identity *identity, bool block)
{
	const struct policy *policy = report->policy;

	for (unsigned int i = 0; i < policy->stages_count; i++) {
		const struct policy_stage *row = &policy->stages[i];

		if (block ? row->block_min : row->throttle_min)
			return report_time(escalation_stage_due(policy, identity, i + 1));
	}
	return json_null();
}

/* add_next - null in the last stage, after which nothing comes, and without a clock */
static void add_next(const struct report *report, const struct identity *identity, json_t *row)
{
	const struct policy *policy = report->policy;
	unsigned int next = identity->stage + 1;
	bool last = !identity->stage || next > policy->stages_count;
	const struct policy_stage *stage = last ? NULL : &policy->stages[next - 1];

	json_object_set_new(row, "next_stage_throttle_min",
			    last ? json_null() : json_integer(stage->throttle_min));
	json_object_set_new(row, "next_stage_block_min",
			    last ? json_null() : json_integer(stage->block_min));
	json_object_set_new(row, "next_stage_date",
			    last ? json_null()
				 : report_time(escalation_stage_due(policy, identity, next)));
}

/* row_json - one server name */
static json_t *row_json(const struct report *report, const struct identity *identity)
{
	struct judgement judgement;
	char source[ADDRESS_TEXT];
	json_t *row;

	report_judge(report, identity->build, &judgement);
	row = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "server",
			report_text(identity->name), "source",
			address_format(&identity->source, source), "build",
			report_build(identity->build), "product", report_text(judgement.product),
			"first_detected", report_time(identity->first_outdated),
			"recommended_builds", report_recommended(report, identity->build),
			"throttle_date", report_stage_from(report, identity, false), "block_date",
			report_stage_from(report, identity, true), "stage", (int)identity->stage);
	if (!row)
		return NULL;
	add_next(report, identity, row);
	json_object_set_new(row, "reason_read", report_reason_read(report, &identity->source));
	return row;
}

/* add_rows - of one source, those whose clock runs */
static int add_rows(void *arg, const struct source *source)
{
	struct report_rows *rows = arg;

	for (unsigned int i = 0; i < source->count; i++) {
		const struct identity *identity = &source->identities[i];
		json_t *row;

		if (!identity->stage)
			continue;
		row = row_json(rows->report, identity);
		jsontext_json(&rows->text, NULL, row);
		json_decref(row);
	}
	return 0;
}

/* newest - the name seen last; NULL: a name's clock runs, so that it has a row already */
static const struct identity *newest(const struct source *source)
{
	const struct identity *found = NULL;

	for (unsigned int i = 0; i < source->count; i++) {
		const struct identity *identity = &source->identities[i];

		if (identity->stage)
			return NULL;
		if (!found || identity->last_seen > found->last_seen)
			found = identity;
	}
	return found;
}

/* The part of the list that comes from decisions, on its way. */
struct set_rows {
	struct report_rows rows;
	struct error *e;
};

/* answered - this very source met the answerer; of what a wider range is set to the kernel keeps no
 * note by source */
static bool answered(const struct report *report, const struct decision *set)
{
	unsigned int bits = address_is_ipv4(&set->addr) ? 128 : report->ipv6_bits;
	json_t *read = report_reason_read(report, &set->addr);
	bool met = !json_is_null(read);

	json_decref(read);
	return met && set->bits == bits;
}

/* add_set - a source that is answered without a clock of its own */
static int add_set(void *arg, const struct decision *set)
{
	struct set_rows *s = arg;
	struct identity nameless = { .source = set->addr };
	const struct identity *identity;
	struct source source = { 0 };
	json_t *row;
	int r;

	if (!answered(s->rows.report, set))
		return 0;
	r = store_source_load(s->rows.report->store, &set->addr, &source, s->e);
	identity = r > 0 ? newest(&source) : &nameless;
	if (r >= 0 && identity) {
		row = row_json(s->rows.report, identity);
		jsontext_json(&s->rows.text, NULL, row);
		json_decref(row);
	}
	source_clear(&source);
	return r < 0 ? r : 0;
}

/* add_sets - behind the last row of those whose clock runs */
static int add_sets(const struct report *report, struct jsontext *rows, struct error *e)
{
	struct set_rows s = { { report, *rows }, e };
	int r = store_decision_each(report->store, DECISION_SET, false, add_set, &s, e);

	*rows = s.rows.text;
	if (r >= 0 && jsontext_failed(rows))
		r = error_set(e, -ENOMEM, "out of memory");
	return r;
}

/* report_outdated - by address, then name */
json_t *report_outdated(const struct report *report, const struct addr *after,
			struct jsontext *ret_rows, struct error *e)
{
	static const struct store_filter filter = { .clocked = true };
	json_t *part = report_part(report, &filter, after, add_rows, ret_rows, e);

	if (part && json_is_null(json_object_get(part, "next")) &&
	    add_sets(report, ret_rows, e) < 0) {
		jsontext_free(ret_rows);
		json_decref(part);
		return NULL;
	}
	return part;
}
