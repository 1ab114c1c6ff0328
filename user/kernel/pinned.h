/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pinned - typed reading of the pinned maps, daemon or not
 *
 * Everything gatectl inspects and metrics counts is read here. Owns nothing but descriptors it
 * opened. pinned_open() fails with -ENOENT when the gate is not loaded.
 */
#ifndef BUILDGATE_PINNED_H
#define BUILDGATE_PINNED_H

#include <jansson.h>
#include <stdint.h>

#include "maps/abi.h"
#include "maps/reasons.h"
#include "user/base/error.h"

struct pinned;

int pinned_open(struct pinned **ret_pinned, struct error *e);

/* pinned_of - the same of maps that may not be pinned yet; their descriptors stay the caller's */
int pinned_of(int settings_fd, int counters_fd, struct pinned **ret_pinned, struct error *e);
void pinned_close(struct pinned *pinned);

/* pinned_map - descriptor of the pinned map NAME, the caller's to close, or a negative errno */
int pinned_map(const char *name, struct error *e);

/* pinned_settings - the live settings word by word (mmap of the pinned map); writes to it are
 * seen by the programs at once */
volatile struct settings *pinned_settings(struct pinned *pinned);

/* pinned_slowed - sessions that are slowed at this kernel time, or a negative errno */
int pinned_slowed(uint64_t now_ns);

/* pinned_counters - sums over all CPUs, per hook and reason */
int pinned_counters(struct pinned *pinned, struct counters ret_counters[HOOK_MAX]);

/* reason_name - "not_mail"; reason_kind - "pass", "drop", "note"; reason_text - help text */
const char *reason_name(unsigned int reason);
const char *reason_kind(unsigned int reason);
const char *reason_text(unsigned int reason);
const char *hook_name(unsigned int hook); /* "xdp", "ingress", "egress", "sockops" */

#endif
