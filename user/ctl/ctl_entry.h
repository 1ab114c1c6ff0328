/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_entry - the pinned maps' entries as typed JSON
 *
 * One row per map: layout, columns of the plain listing, and the function that turns a key and
 * its value into an object. Pure; ctl_map.c does the reading.
 */
#ifndef BUILDGATE_CTL_ENTRY_H
#define BUILDGATE_CTL_ENTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "maps/reasons.h"
#include "ctl_output.h"
#include "ctl_verdict.h"

struct ctl_entry_map {
	const char *name;
	uint32_t key_bytes, value_bytes; /* 0: as the map says, shown in hex */
	const char *key;                 /* the JSON key by which map get finds an entry */
	const struct ctl_column *columns;
	json_t *(*json)(const void *key, uint32_t key_bytes, const void *value,
			uint32_t value_bytes, const struct ctl_view *view);
};

/* ctl_entry_map - the row of a map that is a set of entries (verdicts, ranges, flows,
 * pending, handshakes, rechecks, recheck_names, replies, ipsec_peers, slow_slots), or NULL */
const struct ctl_entry_map *ctl_entry_map(const char *name);

/* ctl_entry_settings - the settings map as one object */
json_t *ctl_entry_settings(const struct ctl_view *view);

/* ctl_entry_counters - an array of objects, one per hook: {"hook", and each reason's name} */
json_t *ctl_entry_counters(const struct counters counters[HOOK_MAX]);

/* ctl_entry_counter - one reason: {"reason","kind","text", and each hook's name} */
json_t *ctl_entry_counter(const struct counters counters[HOOK_MAX], unsigned int reason);

/* ctl_entry_counter_columns - of the plain listing, a row per reason */
extern const struct ctl_column ctl_entry_counter_columns[];

#endif
