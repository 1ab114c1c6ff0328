/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_verdict - what a verdict means at a moment, in words
 *
 * Says what the programs in the kernel say (bpf/), from the same words of the same maps: mode
 * before end of validity before lease before the windows of the hour. Pure functions.
 */
#ifndef BUILDGATE_CTL_VERDICT_H
#define BUILDGATE_CTL_VERDICT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"

/* What the settings map said when it was looked at. */
struct ctl_view {
	struct settings settings;
	uint64_t now_ns; /* kernel time */
};

struct ctl_now {
	uint8_t action;    /* enum action */
	uint64_t until_ns; /* something else from then on; 0: no end in sight */
	const char *why;   /* why a verdict is not enforced; NULL: it is, or is to pass now */
};

/* ctl_verdict_mode - the mode that the programs act by: enforce that was not confirmed in time
 * is report, also while no daemon has written that down */
enum mode ctl_verdict_mode(const struct ctl_view *view);

/* ctl_verdict_now - what happens to a connection of the source now */
struct ctl_now ctl_verdict_now(const struct verdict *verdict, const struct ctl_view *view);

/* ctl_verdict_action - the strongest thing that the verdict does in its hour */
uint8_t ctl_verdict_action(const struct verdict *verdict);

/* ctl_verdict_json - every field, typed, and what it means now */
json_t *ctl_verdict_json(const char *source, const struct verdict *verdict,
			 const struct ctl_view *view);

/* ctl_verdict_now_text - "passes until 14:20:00Z", "passes, not enforced: report mode" */
const char *ctl_verdict_now_text(const struct verdict *verdict, const struct ctl_view *view,
				 char *buf, size_t size);

/* ctl_verdict_sentence - as a person would put it; returns buf */
const char *ctl_verdict_sentence(const char *source, const struct verdict *verdict,
				 const struct ctl_view *view, char *buf, size_t size);

#endif
