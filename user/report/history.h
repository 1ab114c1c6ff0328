/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history - what the charts of the report page are made of: sums per hour and per day
 *
 * Two things are kept in the store, and nobody is named in them: how many servers showed which
 * build (a count per day, of those met in the HISTORY_MET_DAYS before it), and how many
 * connections of sources with a verdict were slowed, refused, or only noted because the gate
 * does not enforce. The latter come from the kernel's counters, as differences that survive a
 * restart of the daemon and a reload of the gate.
 *
 * Call order: history_new(), history_tick() every half minute or so, history_free(). A tick is
 * short whatever the number of records: it goes on where the last one stopped, and a day's count
 * is written when all records have been looked at.
 */
#ifndef BUILDGATE_HISTORY_H
#define BUILDGATE_HISTORY_H

#include <jansson.h>
#include <stdint.h>

#include "maps/abi.h"
#include "maps/reasons.h"
#include "user/base/error.h"
#include "report.h"
#include "user/store/store.h"

#define HISTORY_MET_DAYS    30
#define HISTORY_BUILDS_MAX  64 /* per day; the others are one sum */
#define HISTORY_HOURS_DAYS  8  /* how long hours are kept */
#define HISTORY_SHOWN_DAYS  120
#define HISTORY_SHOWN_HOURS 168

/* What became of a connection attempt of a source with a verdict; also in the store. */
enum history_met { HISTORY_SLOWED = 1, HISTORY_REFUSED, HISTORY_NOTED, HISTORY_MET_MAX };

struct history;

int history_new(struct store *store, struct history **ret_history, struct error *e);
void history_free(struct history *history);

/* history_tick - counters: HOOK_MAX of them, NULL: they cannot be read */
int history_tick(struct history *history, const struct counters *counters, int64_t now,
		 int64_t retention_days, struct error *e);

/* history_json - {"builds":{"days":[],"rows":[{"build","product","release","standing",
 * "counts":[]}]},"connections":{"hours":[{"at","slowed","refused","noted"}],"days":[...]}}; a row
 * without a build is all others; the caller owns it */
json_t *history_json(const struct report *report, struct error *e);

#endif
