/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stage_hook - on_stage_change: the operator's program hears of every change of a stage
 *
 * The audit trail is the queue: a change is told once its entry is durable, none is lost in a
 * burst, and after a restart it goes on behind the last one told (fact "told"). The program gets
 * one change as a JSON object on standard input (stage_hook_json) and has HOOK_LIMIT_MS for it;
 * HOOK_SLOTS run at once. What it makes of it is its business: a failure is counted, logged, not
 * repeated.
 *
 * Call order: stage_hook_new(), stage_hook_use() with each configuration, stage_hook_flush()
 * whenever something may have changed, stage_hook_free().
 */
#ifndef BUILDGATE_STAGE_HOOK_H
#define BUILDGATE_STAGE_HOOK_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "user/base/error.h"
#include "user/base/runner.h"
#include "user/store/store.h"

#define HOOK_SLOTS    4
#define HOOK_LIMIT_MS 10000

struct stage_hook;

int stage_hook_new(struct store *store, sd_event *event, struct stage_hook **ret_hook,
		   struct error *e);
void stage_hook_free(struct stage_hook *hook);

/* stage_hook_use - this program from now on, about what changes from now on; "": none */
int stage_hook_use(struct stage_hook *hook, const char *program, struct error *e);

/* stage_hook_flush - run it for what has changed, as far as there are slots */
int stage_hook_flush(struct stage_hook *hook, struct error *e);

/* stage_hook_json -
 * {"type":"stage_change","at","kind","source","server","build","from","to","why"}; NULL: the entry
 * is no change of a stage */
json_t *stage_hook_json(const struct audit *audit);

const struct runner_stats *stage_hook_stats(const struct stage_hook *hook);

#endif
