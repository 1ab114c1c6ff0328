// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clock of one record. Everything here looks at one struct identity, the policy and now.
 */
#include "escalation.h"

#include <string.h>

#include "escalation_clock.h"
#include "user/base/times.h"

/* change_name - the word of a kind */
const char *change_name(enum change_kind kind)
{
	static const char *const names[] = {
		[CHANGE_START] = "start",         [CHANGE_STAGE] = "stage",
		[CHANGE_RESUME] = "resume",       [CHANGE_INHERIT] = "inherit",
		[CHANGE_EMERGENCY] = "emergency", [CHANGE_STOP] = "stop",
		[CHANGE_LOWER] = "lower",         [CHANGE_ARCHIVE] = "archive",
	};

	return kind >= CHANGE_START && kind <= CHANGE_ARCHIVE ? names[kind] : "none";
}

/* earlier - the first of two moments, 0 being none */
static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* enter - put the record on a stage and tell it */
static void enter(const struct escalation *e, struct identity *id, unsigned int stage,
		  enum change_kind kind, const char *rule)
{
	struct change change = {
		.at = e->now,
		.kind = kind,
		.identity = id,
		.from = id->stage,
		.to = stage,
	};

	if (stage == id->stage)
		return;
	id->stage = stage;
	id->stage_since = e->now;
	if (!e->changed)
		return;
	why_change(e, &change, rule);
	e->changed(e->arg, &change);
}

/* escalation_elapsed - earlier runs, and this one unless it stands still */
int64_t escalation_elapsed(const struct identity *id, int64_t now)
{
	if (id->running_since && !id->paused_at && now > id->running_since)
		return id->elapsed_before + now - id->running_since;
	return id->elapsed_before;
}

/* escalation_stage_due - first + N days, moved by what pauses and earlier runs left */
int64_t escalation_stage_due(const struct policy *policy, const struct identity *id,
			     unsigned int stage)
{
	int64_t begins = policy_stage_begins(policy, stage);

	if (!id->running_since || id->paused_at || begins == INT64_MAX)
		return 0;
	return id->running_since + begins - id->elapsed_before;
}

/* enough_days - sightings on enough UTC days for stage 2 and above */
static bool enough_days(const struct identity *id)
{
	return id->acting_days + id->kept_days >= ESCALATION_DAYS;
}

/* day_add - days rise, and a day that an earlier run counted is not counted again */
void day_add(struct identity *id, int64_t at)
{
	int64_t day = times_day(at);

	if ((id->kept_days && day <= id->kept_day) || (id->acting_days && day <= id->acting_day))
		return;
	id->acting_day = day;
	if (id->acting_days < ESCALATION_DAYS)
		id->acting_days++;
}

/* run_unpack - the run's sightings less than an hour after its first, ascending */
static unsigned int run_unpack(const struct identity *id, int64_t *run)
{
	unsigned int n = 0;

	if (!id->candidate_at)
		return 0;
	run[n++] = id->candidate_at;
	for (unsigned int i = 0; i < id->burst_count && i < ESCALATION_BURST; i++)
		run[n++] = id->candidate_at + id->burst[i];
	return n;
}

/* run_pack - keep them as offsets from the first. What is an hour or more after it needs no
 * place: the run can then only start or be cut, never slide. */
static void run_pack(struct identity *id, const int64_t *run, unsigned int n)
{
	id->candidate_at = n ? run[0] : 0;
	id->burst_count = 0;
	memset(id->burst, 0, sizeof(id->burst));
	for (unsigned int i = 1; i < n && id->burst_count < ESCALATION_BURST; i++)
		if (run[i] - run[0] < ESCALATION_APART_S)
			id->burst[id->burst_count++] = (uint16_t)(run[i] - run[0]);
}

/* run_days - count days anew after the run lost its first sightings */
static void run_days(struct identity *id, const int64_t *run, unsigned int n)
{
	id->acting_days = 0;
	id->acting_day = 0;
	for (unsigned int i = 0; i < n; i++)
		day_add(id, run[i]);
}

/* run_drop - forget the run's sightings up to and including `until` */
static void run_drop(struct identity *id, int64_t until)
{
	int64_t run[ESCALATION_BURST + 1];
	unsigned int n = run_unpack(id, run), gone = 0;

	while (gone < n && run[gone] <= until)
		gone++;
	if (!gone)
		return;
	run_pack(id, run + gone, n - gone);
	run_days(id, run + gone, n - gone);
}

/* run_cut - a fine build ends the run before it. Sightings after it that were not kept exist
 * only when it is reported late: the newest of them then stands for all. */
void run_cut(struct identity *id, int64_t fine)
{
	run_drop(id, fine);
	if (!id->candidate_at && id->last_acting > fine) {
		run_pack(id, &id->last_acting, 1);
		run_days(id, &id->last_acting, 1);
	}
}

/* run_clear - nothing counts towards a start any more */
void run_clear(struct identity *id)
{
	run_pack(id, NULL, 0);
	run_days(id, NULL, 0);
}

/* run_add - one more sighting, at its place in time. The window slides first. */
void run_add(struct identity *id, int64_t at, int64_t now)
{
	int64_t run[ESCALATION_BURST + 2];
	unsigned int n, i;

	if (at <= now - ESCALATION_WINDOW_S || at <= id->last_fine)
		return;
	if (id->candidate_at && id->candidate_at <= now - ESCALATION_WINDOW_S)
		run_drop(id, now - ESCALATION_WINDOW_S);
	n = run_unpack(id, run);
	for (i = n; i > 0 && run[i - 1] > at; i--)
		run[i] = run[i - 1];
	run[i] = at;
	run_pack(id, run, n + 1);
	day_add(id, at);
}

/* start_moment - when a run that is long enough becomes a start, the fine build before it
 * having left the window; 0: no such run. A run without a fine build starts at sight. */
static int64_t start_moment(const struct identity *id)
{
	int64_t free_at = id->last_fine ? id->last_fine + ESCALATION_WINDOW_S : 0;

	if (id->running_since || !id->candidate_at ||
	    id->last_acting - id->candidate_at < ESCALATION_APART_S)
		return 0;
	return free_at > id->last_acting ? free_at : id->last_acting;
}

/* target - the stage that elapsed time and evidence justify */
static unsigned int target(const struct escalation *e, const struct identity *id)
{
	unsigned int stage;

	if (!id->running_since)
		return 0;
	if (id->emergency)
		return e->policy->stages_count;
	stage = policy_stage_at(e->policy, escalation_elapsed(id, e->now));
	return stage > 1 && !enough_days(id) ? 1 : stage;
}

/* begin_run - elapsed time counts from the run's first sighting */
static void begin_run(struct identity *id)
{
	int64_t first = id->candidate_at;

	id->running_since = first;
	if (id->paused_at && first < id->paused_at)
		id->elapsed_before += id->paused_at - first;
	id->stopped_at = 0;
	run_pack(id, NULL, 0);
}

/* clock_start - a first start, or the relapse of a clock whose elapsed time is kept */
static void clock_start(const struct escalation *e, struct identity *id)
{
	bool kept = id->stopped_at && e->now - id->stopped_at < ESCALATION_KEPT_S;

	if (!kept) {
		id->elapsed_before = 0;
		id->kept_days = 0;
		id->kept_day = 0;
		id->first_outdated = id->candidate_at;
	}
	begin_run(id);
	if (id->emergency) {
		enter(e, id, target(e, id), CHANGE_EMERGENCY, NULL);
	} else if (kept) {
		enter(e, id, target(e, id), CHANGE_RESUME, NULL);
	} else {
		enter(e, id, 1, CHANGE_START, NULL);
		id->last_upward = e->running > 0 ? e->running : 1;
	}
}

/* clock_judge - what is left when an emergency is over is kept beside it, so that its end needs
 * nobody who knows the catalogue */
void clock_judge(const struct escalation *e, struct identity *id, const struct judgement *j,
		 bool decisive, int64_t at)
{
	bool matches = j->standing == STANDING_EMERGENCY;
	struct judgement apart = *j;

	apart.standing = matches ? j->apart : j->standing;
	id->standing = j->standing;
	id->acts = policy_acts(e->policy, id->build, j, at);
	id->apart = apart.standing;
	id->apart_acts = policy_acts(e->policy, id->build, &apart, at);
	id->emergency = matches && id->acts && decisive;
	id->emergency_tarpit = matches && j->tarpit;
	id->emergency_min = matches ? j->minutes : 0;
	id->emergency_until = matches && j->until < INT64_MAX ? j->until : 0;
	memset(id->emergency_id, 0, sizeof(id->emergency_id));
	if (matches && j->emergency)
		strncpy(id->emergency_id, j->emergency, sizeof(id->emergency_id) - 1);
}

/* emergency_over - by its date; a build that is out of date in any case goes on as one */
static void emergency_over(const struct escalation *e, struct identity *id)
{
	if (id->standing != STANDING_EMERGENCY || !id->emergency_until ||
	    id->emergency_until > e->now)
		return;
	id->standing = id->apart ? id->apart : STANDING_UNKNOWN;
	id->acts = id->apart_acts;
	id->emergency = false;
	id->emergency_until = 0;
	if (id->acts)
		return;
	if (id->running_since)
		clock_stop(e, id, id->emergency_id);
	run_pack(id, NULL, 0);
	run_days(id, NULL, 0);
}

/* clock_catch_up - the daemon was down when the start fell due */
void clock_catch_up(const struct escalation *e, struct identity *id, int64_t at)
{
	int64_t moment = start_moment(id);

	if (moment && moment < at)
		clock_start(e, id);
}

/* clock_stop - elapsed time and days are kept for a relapse */
void clock_stop(const struct escalation *e, struct identity *id, const char *rule)
{
	id->elapsed_before = escalation_elapsed(id, e->now);
	id->running_since = 0;
	id->stopped_at = e->now;
	id->emergency = false;
	if (id->acting_days)
		id->kept_day = id->acting_day;
	id->kept_days += id->acting_days;
	if (id->kept_days > ESCALATION_DAYS)
		id->kept_days = ESCALATION_DAYS;
	id->acting_days = 0;
	run_pack(id, NULL, 0);
	enter(e, id, 0, CHANGE_STOP, rule);
}

/* clock_inherit - everything but what the new name showed itself */
void clock_inherit(const struct escalation *e, struct identity *id, const struct identity *from)
{
	id->first_outdated = from->first_outdated;
	id->running_since = from->running_since;
	id->elapsed_before = from->elapsed_before;
	id->paused_at = from->paused_at;
	id->last_upward = from->last_upward;
	id->kept_days = from->kept_days;
	id->kept_day = from->kept_day;
	id->acting_days = from->acting_days;
	id->acting_day = from->acting_day;
	run_pack(id, NULL, 0);
	enter(e, id, target(e, id) < from->stage ? target(e, id) : from->stage, CHANGE_INHERIT,
	      from->name);
}

/* guard_left - seconds of running time until the next move up is allowed */
static int64_t guard_left(const struct escalation *e, const struct identity *id)
{
	int64_t left = id->last_upward ? id->last_upward + ESCALATION_GUARD_S - e->running : 0;

	return left > 0 ? left : 0;
}

/* level - one step up if due and allowed; down as far as it is no longer justified */
static void level(const struct escalation *e, struct identity *id)
{
	unsigned int want = target(e, id);

	if (want < id->stage) {
		enter(e, id, want, CHANGE_LOWER, NULL);
	} else if (want > id->stage && id->emergency) {
		enter(e, id, want, CHANGE_EMERGENCY, NULL);
	} else if (want > id->stage && !guard_left(e, id)) {
		enter(e, id, id->stage + 1, CHANGE_STAGE, NULL);
		id->last_upward = e->running > 0 ? e->running : 1;
	}
}

/* archive - nothing is left of the clock; the record stays for the report */
static void archive(const struct escalation *e, struct identity *id)
{
	id->running_since = 0;
	id->elapsed_before = 0;
	id->stopped_at = 0;
	id->emergency = false;
	id->archived = true;
	id->due = 0;
	run_pack(id, NULL, 0);
	enter(e, id, 0, CHANGE_ARCHIVE, NULL);
}

/* not_after - the system clock went back: what was noted in its future is as of now */
static void not_after(struct identity *id, int64_t now)
{
	int64_t *const moments[] = {
		&id->build_at,      &id->first_seen,   &id->last_seen,   &id->last_taken,
		&id->last_helo,     &id->last_carried, &id->last_front,  &id->last_acting,
		&id->last_fine,     &id->stopped_at,   &id->stage_since, &id->first_outdated,
		&id->running_since, &id->paused_at,
	};

	for (unsigned int i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		if (*moments[i] > now)
			*moments[i] = now;
	if (id->candidate_at > now)
		run_pack(id, &now, 1);
	if (id->acting_day > times_day(now))
		id->acting_day = times_day(now);
	if (id->kept_day > times_day(now))
		id->kept_day = times_day(now);
}

/* next_stage_due - when to look at the stage again; 0: a sighting has to come first */
static int64_t next_stage_due(const struct escalation *e, const struct identity *id)
{
	int64_t due, allowed = e->now + guard_left(e, id);

	if (id->emergency || (id->stage >= 1 && !enough_days(id)))
		return 0;
	if (target(e, id) > id->stage)
		return allowed;
	due = escalation_stage_due(e->policy, id, id->stage + 1);
	return due && due < allowed ? allowed : due;
}

/* next_due - the earliest moment at which time alone changes something here */
static int64_t next_due(const struct escalation *e, const struct source *source,
			const struct identity *id)
{
	int64_t due = id->last_seen + ESCALATION_ARCHIVE_S;

	if (id->running_since) {
		due = earlier(due, next_stage_due(e, id));
		if (id->last_acting + ESCALATION_WINDOW_S > e->now)
			due = earlier(due, id->last_acting + ESCALATION_WINDOW_S);
	} else {
		due = earlier(due, start_moment(id));
	}
	if (id->standing == STANDING_EMERGENCY)
		due = earlier(due, id->emergency_until);
	return id->paused_at ? earlier(due, source->paused_until) : due;
}

/* clock_advance_to - the rules that need no connection, in the sender's favour first */
void clock_advance_to(const struct escalation *e, struct source *source, struct identity *id)
{
	struct identity before = *id;
	int64_t moment;

	if (id->archived)
		return;
	not_after(id, e->now);
	if (id->last_seen + ESCALATION_ARCHIVE_S <= e->now) {
		archive(e, id);
	} else {
		emergency_over(e, id);
		moment = start_moment(id);
		if (moment && moment <= e->now)
			clock_start(e, id);
		level(e, id);
		id->due = next_due(e, source, id);
	}
	if (memcmp(&before, id, sizeof(before)))
		id->dirty = true;
}
