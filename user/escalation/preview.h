/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preview - what another policy would do with the records as they are, without touching them
 *
 * Every source is copied, judged and moved under the other policy with the clock's own code, and
 * thrown away. What is compared is what the clock wants done with a source; mode, exemptions and
 * `set` stay in force above it as they are. A call reads so many sources only, so that a daemon
 * goes on between the parts; whoever asks adds them up.
 */
#ifndef BUILDGATE_PREVIEW_H
#define BUILDGATE_PREVIEW_H

#include <jansson.h>
#include <stdint.h>

#include "user/catalogue/catalogue.h"
#include "user/base/error.h"
#include "policy.h"
#include "user/store/store.h"

#define PREVIEW_SOURCES 100  /* named one by one; all are counted */
#define PREVIEW_PART    1000 /* looked at per call */

struct preview_options {
	struct store *store;
	const struct catalogue *catalogue;
	const struct policy *is, *would_be;
	int64_t grace_days;
	int64_t now, running;
	struct addr after; /* the sources behind this one; zero: from the first */
};

/* preview - a part: {"policy","sources","moved","begin","end","moves":[{"from","to","sources"}],
 * "named":[{"source","server","build","from","to","throttle_min","block_min","heads_to"}],"cut",
 * "next"}; the caller owns it. "next" is the `after` of the next part, null: this is the last.
 * "heads_to" is the stage that the elapsed days justify, which takes a day per stage where it lies
 * higher. NULL with a sentence in e */
json_t *preview(const struct preview_options *options, struct error *e);

/* preview_add - one more part to the sum of those before, which is the first part to begin with */
void preview_add(json_t *sum, const json_t *part);

#endif
