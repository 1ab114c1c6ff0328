// SPDX-License-Identifier: BSD-2-Clause
#include "trail.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"

/* clocked - some identity has a stage: the source may have a verdict */
static bool clocked(const struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].stage)
			return true;
	return false;
}

/* weigh - the minutes at a moment */
static struct enforcement weigh(const struct escalation *clock, const struct source *source)
{
	struct enforcement x = { 0 };

	if (clocked(source))
		escalation_weigh(clock, source, &x);
	return x;
}

/*
 * trail_begin - as of the last moment that was looked at
 *
 * What time alone changes falls due, and whoever comes for it comes at that moment or later: the
 * moment before the first due is one whose minutes were published.
 */
void trail_begin(struct trail *trail, const struct escalation *clock, const struct source *source)
{
	struct escalation before = *clock;
	int64_t due = escalation_next(source);
	struct enforcement x;

	if (due && due <= before.now)
		before.now = due - 1;
	x = weigh(&before, source);
	trail->throttle_min = x.throttle_min;
	trail->block_min = x.block_min;
	trail->count = 0;
	trail->lost = false;
}

/* trail_note - the identity may move before it is written */
void trail_note(struct trail *trail, const struct change *change)
{
	struct trail_change *c;

	if (trail->count == trail->room) {
		unsigned int room = trail->room ? 2 * trail->room : 8;

		c = reallocarray(trail->changes, room, sizeof(*c));
		if (!c) {
			trail->lost = true;
			return;
		}
		trail->changes = c;
		trail->room = room;
	}
	c = &trail->changes[trail->count++];
	c->at = change->at;
	c->kind = change->kind;
	c->from = change->from;
	c->to = change->to;
	c->build = change->identity->build;
	memcpy(c->name, change->identity->name, sizeof(c->name));
	memcpy(c->why, change->why, sizeof(c->why));
}

/* add - an entry; before and after are taken over, and one that is not there is no memory */
static int add(struct store *store, struct audit *audit, json_t *before, json_t *after,
	       struct error *e)
{
	char *was = before ? json_dumps(before, JSON_COMPACT) : NULL;
	char *is = after ? json_dumps(after, JSON_COMPACT) : NULL;
	int rc;

	audit->before = was;
	audit->after = is;
	if (was && is)
		rc = store_audit_add(store, audit, e);
	else
		rc = error_set(e, -ENOMEM, "audit trail: out of memory");
	free(was);
	free(is);
	json_decref(before);
	json_decref(after);
	return rc;
}

/* stage_json - one end of a change of a stage */
static json_t *stage_json(const struct trail_change *c, uint32_t stage, uint32_t throttle_min,
			  uint32_t block_min)
{
	char build[BUILD_TEXT];

	return json_pack("{s:i, s:s, s:s, s:i, s:i}", "stage", (int)stage, "server", c->name,
			 "build", build_format(c->build, build), "throttle_min", (int)throttle_min,
			 "block_min", (int)block_min);
}

/* minutes_json - one end of a change of the minutes alone */
static json_t *minutes_json(uint32_t throttle_min, uint32_t block_min)
{
	return json_pack("{s:i, s:i}", "throttle_min", (int)throttle_min, "block_min",
			 (int)block_min);
}

/* add_stage - a stage, and the minutes that go with it */
static int add_stage(const struct trail *trail, const struct trail_change *c,
		     const struct enforcement *x, struct store *store, const char *subject,
		     struct error *e)
{
	struct audit audit = {
		.at = c->at,
		.who = "clock",
		.what = change_name(c->kind),
		.subject = subject,
		.why = c->why,
	};

	return add(store, &audit, stage_json(c, c->from, trail->throttle_min, trail->block_min),
		   stage_json(c, c->to, x->throttle_min, x->block_min), e);
}

/* add_verdict - the minutes alone */
static int add_verdict(const struct trail *trail, const struct escalation *clock,
		       const struct source *source, struct store *store, const char *subject,
		       struct error *e)
{
	struct enforcement x;
	struct audit audit = { .at = clock->now,
			       .who = "clock",
			       .what = "verdict",
			       .subject = subject,
			       .why = x.why };

	escalation_source(clock, source, &x);
	return add(store, &audit, minutes_json(trail->throttle_min, trail->block_min),
		   minutes_json(x.throttle_min, x.block_min), e);
}

/* trail_write - the changes of stage, or else the change of minutes */
int trail_write(struct trail *trail, const struct escalation *clock, const struct source *source,
		struct store *store, struct error *e)
{
	struct enforcement x = weigh(clock, source);
	char subject[ADDRESS_TEXT];
	int rc = 0;

	if (trail->lost)
		return error_set(e, -ENOMEM, "audit trail: out of memory");
	if (!trail->count && x.throttle_min == trail->throttle_min &&
	    x.block_min == trail->block_min)
		return 0;
	address_format(&source->addr, subject);
	for (unsigned int i = 0; !rc && i < trail->count; i++)
		rc = add_stage(trail, &trail->changes[i], &x, store, subject, e);
	return trail->count ? rc : add_verdict(trail, clock, source, store, subject, e);
}

/* trail_free - the changes */
void trail_free(struct trail *trail)
{
	free(trail->changes);
	*trail = (struct trail) { 0 };
}
