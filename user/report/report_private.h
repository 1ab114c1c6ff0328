/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_private - what the report's own files share
 */
#ifndef BUILDGATE_REPORT_PRIVATE_H
#define BUILDGATE_REPORT_PRIVATE_H

#include "report.h"

/* report_base - the object of "sources -j" for one source; *ret_enforced points into source */
json_t *report_base(const struct report *report, const struct source *source,
		    struct enforced *ret_enforced);

/* report_judge - what the catalogue says of a build today */
void report_judge(const struct report *report, uint64_t build, struct judgement *ret);

/* report_recommended - builds to move to from build, best first */
json_t *report_recommended(const struct report *report, uint64_t build);

/* report_reason_read - whether the answerer's reason reached the source so far: null where there
 * was no occasion, or the kernel has no entry of it (a wider range is set to something and no clock
 * runs); false: it always left before, as senders do that insist on TLS */
json_t *report_reason_read(const struct report *report, const struct addr *source);

/* report_stage_from - when the identity's clock reaches the first stage that throttles, or blocks;
 * null: the policy has none, or the clock stands still */
json_t *report_stage_from(const struct report *report, const struct identity *identity, bool block);

/* small values: null for never, not known, not set */
json_t *report_time(int64_t at);
json_t *report_text(const char *text);
json_t *report_build(uint64_t build);

/* report_part - a part of a list: the rows as text, one or none for each source that a walk behind
 * `after` meets, written by `row` (a store_source_fn; its argument is a struct report_rows) */
struct report_rows {
	const struct report *report;
	struct jsontext text;
};
json_t *report_part(const struct report *report, const struct store_filter *filter,
		    const struct addr *after, store_source_fn row, struct jsontext *ret_rows,
		    struct error *e);

#endif
