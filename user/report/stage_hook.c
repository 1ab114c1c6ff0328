// SPDX-License-Identifier: BSD-2-Clause
#include "stage_hook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/log.h"
#include "user/base/times.h"

#define BATCH 64 /* entries looked at per turn: most of them are no changes of a stage */
#define PATH  256

struct stage_hook {
	struct store *store;
	struct runner *runner;
	char program[PATH];
	int64_t told; /* id of the last entry that is done with */
};

/* on_done - a slot is free for the next one */
static void on_done(void *arg, int64_t id, enum runner_result result)
{
	struct error e = { "" };

	(void)id;
	(void)result;
	if (stage_hook_flush(arg, &e) < 0)
		log_debug("on_stage_change: %s", e.text);
}

/* stage_hook_new - no program yet */
int stage_hook_new(struct store *store, sd_event *event, struct stage_hook **ret_hook,
		   struct error *e)
{
	struct stage_hook *hook = calloc(1, sizeof(*hook));
	struct runner_options options = {
		.event = event,
		.what = "on_stage_change",
		.slots = HOOK_SLOTS,
		.limit_ms = HOOK_LIMIT_MS,
		.done = on_done,
		.arg = hook,
	};
	int rc;

	if (!hook)
		return error_set(e, -ENOMEM, "on_stage_change: out of memory");
	hook->store = store;
	rc = runner_new(&options, &hook->runner, e);
	if (rc) {
		free(hook);
		return rc;
	}
	*ret_hook = hook;
	return 0;
}

/* stage_hook_free - NULL is allowed */
void stage_hook_free(struct stage_hook *hook)
{
	if (!hook)
		return;
	runner_free(hook->runner);
	free(hook);
}

/* stage_hook_use - without a program nobody waits for what happens meanwhile */
int stage_hook_use(struct stage_hook *hook, const char *program, struct error *e)
{
	int64_t newest, told = -1;
	int rc = store_audit_newest(hook->store, &newest, e);

	if (rc >= 0)
		rc = store_number_get(hook->store, "told", &told, e);
	if (rc < 0)
		return rc;
	/* entries may have been pruned to the last, and their ids begin anew */
	hook->told = told >= 0 && told < newest ? told : newest;
	snprintf(hook->program, sizeof(hook->program), "%s", program);
	rc = store_number_set(hook->store, "told", program[0] ? hook->told : -1, e);
	return rc < 0 ? rc : stage_hook_flush(hook, e);
}

/* text_of - a string of a parsed entry, or null */
static json_t *text_of(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return value ? json_incref(value) : json_null();
}

/* stage_hook_json - the clock's entries carry the stage on both sides */
json_t *stage_hook_json(const struct audit *audit)
{
	json_t *before = audit->before ? json_loads(audit->before, 0, NULL) : NULL;
	json_t *after = audit->after ? json_loads(audit->after, 0, NULL) : NULL;
	json_t *object = NULL;
	char at[TIMES_TEXT];

	if (!strcmp(audit->who, "clock") && json_object_get(before, "stage") &&
	    json_object_get(after, "stage"))
		object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s?}", "type",
				   "stage_change", "at", times_format(audit->at, at), "kind",
				   audit->what, "source", audit->subject, "server",
				   text_of(after, "server"), "build", text_of(after, "build"),
				   "from", text_of(before, "stage"), "to", text_of(after, "stage"),
				   "why", audit->why);
	json_decref(before);
	json_decref(after);
	return object;
}

/* tell - a store_audit_fn: 1: no slot is left, this entry comes again */
static int tell(void *arg, const struct audit *audit)
{
	struct stage_hook *hook = arg;
	const char *argv[] = { hook->program, NULL };
	json_t *object = stage_hook_json(audit);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc = 0;

	if (text) {
		size_t n = strlen(text);

		text[n] = '\n'; /* in the place of the NUL: a length is given */
		rc = runner_start(hook->runner, argv, text, n + 1, audit->id);
	}
	free(text);
	json_decref(object);
	if (rc == -EAGAIN)
		return 1;
	hook->told = audit->id;
	return 0;
}

/* stage_hook_flush - parts of the trail, until it ends or the slots do */
int stage_hook_flush(struct stage_hook *hook, struct error *e)
{
	int64_t was = hook->told, before;
	int rc = 0;

	if (!hook->program[0] || !runner_room(hook->runner))
		return 0;
	do {
		before = hook->told;
		rc = store_audit_after(hook->store, hook->told, BATCH, tell, hook, e);
	} while (!rc && hook->told - before >= BATCH);
	if (rc >= 0 && hook->told != was)
		rc = store_number_set(hook->store, "told", hook->told, e);
	return rc < 0 ? rc : 0;
}

/* stage_hook_stats - runs so far */
const struct runner_stats *stage_hook_stats(const struct stage_hook *hook)
{
	return runner_stats(hook->runner);
}
