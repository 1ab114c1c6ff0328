// SPDX-License-Identifier: BSD-2-Clause
/*
 * The records of one source: keeping them, moving them together, and folding them into what
 * is enforced.
 */
#include "escalation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/build.h"
#include "escalation_clock.h"
#include "user/base/times.h"

/* source_add - grow by doubling */
struct identity *source_add(struct source *source, const char *name)
{
	struct identity *id;

	if (source->count >= source->room) {
		unsigned int room = source->room ? source->room * 2 : 2;

		id = reallocarray(source->identities, room, sizeof(*id));
		if (!id)
			return NULL;
		source->identities = id;
		source->room = room;
	}
	id = &source->identities[source->count++];
	memset(id, 0, sizeof(*id));
	id->source = source->addr;
	id->paused_at = source->paused_since;
	snprintf(id->name, sizeof(id->name), "%s", name);
	return id;
}

/* source_find - names are few; a walk does */
struct identity *source_find(const struct source *source, const char *name)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (!strcmp(source->identities[i].name, name))
			return &source->identities[i];
	return NULL;
}

void source_clear(struct source *source)
{
	free(source->identities);
	*source = (struct source) { 0 };
}

/* give_up - the record that can go when the source is full: archived, without a clock, seen
 * longest ago; NULL when all were here in the last 30 days (it is shared then anyway) */
static struct identity *give_up(struct source *source, int64_t now)
{
	struct identity *victim = NULL;

	for (unsigned int i = 0; i < source->count; i++) {
		struct identity *id = &source->identities[i];
		bool idle = !id->running_since;

		if (!id->archived && id->last_seen > now - ESCALATION_SHARED_S)
			continue;
		if (!victim || (idle && victim->running_since) ||
		    (idle == !victim->running_since && id->last_seen < victim->last_seen))
			victim = id;
	}
	return victim;
}

/* source_make - find, append, or take the place of another */
struct identity *source_make(struct source *source, const char *name, int64_t now, bool *ret_full)
{
	struct identity *id = source_find(source, name);

	*ret_full = false;
	if (id)
		return id;
	if (source->count >= ESCALATION_NAMES_MAX) {
		id = give_up(source, now);
		if (!id) {
			*ret_full = true;
			return NULL;
		}
		memcpy(source->evicted, id->name, sizeof(source->evicted));
		*id = source->identities[--source->count];
	}
	return source_add(source, name);
}

/* source_advance - all records, so that the minutes of a moment are those after all its changes */
void source_advance(const struct escalation *e, struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		clock_advance_to(e, source, &source->identities[i]);
}

/* escalation_due - all records, so that a tick may hand in any of them */
void escalation_due(const struct escalation *e, struct source *source)
{
	*source->evicted = '\0';
	if (source->paused_since && source->paused_until && source->paused_until <= e->now) {
		escalation_unpause(e, source);
		return;
	}
	source_advance(e, source);
}

/* escalation_next - earliest due */
int64_t escalation_next(const struct source *source)
{
	int64_t next = 0;

	for (unsigned int i = 0; i < source->count; i++) {
		int64_t due = source->identities[i].due;

		if (due && (!next || due < next))
			next = due;
	}
	return next;
}

/* escalation_pause - what has elapsed stays */
void escalation_pause(const struct escalation *e, struct source *source, int64_t until)
{
	for (unsigned int i = 0; i < source->count; i++) {
		struct identity *id = &source->identities[i];

		clock_advance_to(e, source, id);
		id->elapsed_before = escalation_elapsed(id, e->now);
		if (!id->paused_at)
			id->paused_at = e->now;
		id->dirty = true;
	}
	if (!source->paused_since)
		source->paused_since = e->now;
	source->paused_until = until;
	escalation_due(e, source);
}

/* escalation_unpause - counting goes on from now, or from when the pause was to end */
void escalation_unpause(const struct escalation *e, struct source *source)
{
	int64_t at = e->now;

	if (source->paused_until && source->paused_until < at)
		at = source->paused_until;
	source->paused_since = 0;
	source->paused_until = 0;
	for (unsigned int i = 0; i < source->count; i++) {
		struct identity *id = &source->identities[i];

		if (id->paused_at && id->running_since)
			id->running_since = at > id->running_since ? at : id->running_since;
		id->paused_at = 0;
		id->dirty = true;
	}
	escalation_due(e, source);
}

/* rejudge_one - the newest build under the catalogue and policy of now */
static void rejudge_one(const struct escalation *e, struct identity *id, escalation_judge_fn judge,
			void *arg)
{
	struct judgement j = { 0 };

	judge(arg, id->build, &j);
	clock_judge(e, id, &j, id->build_at, e->now);
	id->dirty = true;
	if (id->acts)
		return;
	if (id->running_since)
		clock_stop(e, id, "rejudge");
	run_clear(id);
}

/* escalation_rejudge - judge, then let time do the rest */
void escalation_rejudge(const struct escalation *e, struct source *source,
			escalation_judge_fn judge, void *arg)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].build && !source->identities[i].archived)
			rejudge_one(e, &source->identities[i], judge, arg);
	escalation_due(e, source);
}
