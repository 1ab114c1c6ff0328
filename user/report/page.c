// SPDX-License-Identifier: BSD-2-Clause
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "report_private.h"
#include "user/base/address.h"
#include "user/version.h"

static const char *const modes[] = {
	[MODE_OFF] = "off",
	[MODE_REPORT] = "report",
	[MODE_ENFORCE] = "enforce",
};

/* catalogue_json - how old what it judges by is */
static json_t *catalogue_json(const struct report *report, const struct page_about *about)
{
	int64_t as_of = catalogue_as_of(report->catalogue);

	return json_pack("{s:o, s:i, s:b}", "as_of", report_time(as_of), "builds",
			 (int)catalogue_count(report->catalogue), "stale",
			 report->now - as_of > about->catalogue_max_age);
}

/* page_head - all that is not a source */
json_t *page_head(const struct report *report, const struct page_about *about, struct error *e)
{
	json_t *counts = report_counts(report, e), *history = NULL;

	if (counts)
		history = history_json(report, e);
	if (!history) {
		json_decref(counts);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "at", report_time(report->now),
			 "hostname", report_text(about->hostname), "version", BUILDGATE_VERSION,
			 "mode", modes[report->mode], "policy", policy_json(report->policy),
			 "counts", counts, "catalogue", catalogue_json(report, about), "history",
			 history);
}

/* strip - what is null or false says nothing that its absence does not */
static void strip(json_t *object)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key,
				 value) if (json_is_null(value) || json_is_false(value))
		json_object_del(object, key);
}

/* add_clock - where it stands between first sight and block */
static void add_clock(const struct report *report, const struct enforced *enforced, json_t *row)
{
	const struct identity *acting = enforced->clock.acting;

	json_object_set_new(row, "by", report_text(enforced_by_name(enforced->by)));
	json_object_set_new(row, "why", report_text(enforced->clock.why));
	if (!acting || (!acting->stage && !acting->running_since))
		return;
	json_object_set_new(row, "evidence_at", report_time(enforced->clock.evidence_at));
	json_object_set_new(row, "elapsed_s",
			    json_integer(escalation_elapsed(acting, report->now)));
	json_object_set_new(row, "first_detected", report_time(acting->first_outdated));
	json_object_set_new(row, "throttle_date", report_stage_from(report, acting, false));
	json_object_set_new(row, "block_date", report_stage_from(report, acting, true));
	json_object_set_new(row, "recommended", report_recommended(report, acting->build));
}

/* add_identities - the releases; what "sources -j" has of them, it has */
static void add_identities(const struct report *report, const struct source *source, json_t *row)
{
	json_t *identity;
	size_t i;

	json_array_foreach (json_object_get(row, "identities"), i, identity) {
		struct judgement judgement;

		report_judge(report, source->identities[i].build, &judgement);
		json_object_set_new(identity, "release", report_text(judgement.release));
		strip(identity);
	}
}

/* row_of - one source */
static json_t *row_of(const struct report *report, const struct addr *addr, struct error *e)
{
	struct enforced enforced;
	struct source source;
	json_t *row;

	if (store_source_load(report->store, addr, &source, e) < 0)
		return NULL;
	source.addr = *addr;
	row = report_base(report, &source, &enforced);
	if (row) {
		add_clock(report, &enforced, row);
		add_identities(report, &source, row);
		strip(row);
	} else {
		error_set(e, -ENOMEM, "page: out of memory");
	}
	source_clear(&source);
	return row;
}

/* page_sources - the store says which come next */
json_t *page_sources(const struct report *report, struct store_place *place, unsigned int max,
		     struct error *e)
{
	struct addr *addrs = calloc(max, sizeof(*addrs));
	json_t *array = json_array(), *row = array;
	int count = -ENOMEM;

	if (addrs && array)
		count = store_source_ranked(report->store, place, addrs, max, e);
	else
		error_set(e, count, "page: out of memory");
	for (int i = 0; row && i < count; i++) {
		row = row_of(report, &addrs[i], e);
		if (row)
			json_array_append_new(array, row);
	}
	free(addrs);
	if (count >= 0 && row)
		return array;
	json_decref(array);
	return NULL;
}

/* page_tail - known only at the end */
json_t *page_tail(bool complete, const char *error)
{
	return json_pack("{s:b, s:s?}", "complete", complete, "error", error);
}

/* page_place_text - "3 192.0.2.7" */
const char *page_place_text(const struct store_place *place, char buf[PAGE_PLACE_TEXT])
{
	char addr[ADDRESS_TEXT];

	snprintf(buf, PAGE_PLACE_TEXT, "%u %s", place->group, address_format(&place->addr, addr));
	return buf;
}

/* page_place_parse - what page_place_text() wrote */
int page_place_parse(const char *text, struct store_place *ret)
{
	char addr[PAGE_PLACE_TEXT];

	if (sscanf(text, "%u %63s", &ret->group, addr) != 2)
		return -EINVAL;
	return address_parse(addr, &ret->addr);
}
