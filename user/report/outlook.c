// SPDX-License-Identifier: BSD-2-Clause
#include "outlook.h"

#include <bpf/bpf.h>
#include <string.h>

#define PART     64  /* sources per step: each is some reads of the store */
#define TOP_PART 512 /* entries of the map */
#define DAY      86400

static const int64_t spans[OUTLOOK_SPANS] = {
	[OUTLOOK_3_DAYS] = 3 * DAY, [OUTLOOK_7_DAYS] = 7 * DAY
};

/* outlook_state_name - a label's value */
const char *outlook_state_name(enum outlook_state state)
{
	static const char *const names[] = {
		[OUTLOOK_REPORT] = "report", [OUTLOOK_THROTTLE] = "throttle",
		[OUTLOOK_BLOCK] = "block",   [OUTLOOK_SHARED] = "shared",
		[OUTLOOK_PAUSED] = "paused", [OUTLOOK_EXEMPT] = "exempt",
	};

	return names[state];
}

/* outlook_span_name - likewise */
const char *outlook_span_name(enum outlook_span span)
{
	return span == OUTLOOK_3_DAYS ? "3d" : "7d";
}

/* outlook_begin - from the first source; what the last walk found stays until this one is done */
void outlook_begin(struct outlook *outlook)
{
	memset(&outlook->coming, 0, sizeof(outlook->coming));
	memset(&outlook->at, 0, sizeof(outlook->at));
	outlook->walking = true;
}

/* state_of - strongest first */
static enum outlook_state state_of(const struct enforced *enforced)
{
	if (enforced->exempt || enforced->clock.inside)
		return OUTLOOK_EXEMPT;
	if (enforced->paused_until || enforced->clock.paused)
		return OUTLOOK_PAUSED;
	if (enforced->clock.shared)
		return OUTLOOK_SHARED;
	if (enforced->block_min)
		return OUTLOOK_BLOCK;
	return enforced->throttle_min ? OUTLOOK_THROTTLE : OUTLOOK_REPORT;
}

/* block_due - when the record that decides comes to the first stage that blocks; 0: never */
static int64_t block_due(const struct policy *policy, const struct enforced *enforced)
{
	if (!enforced->clock.acting)
		return 0;
	for (unsigned int i = 0; i < policy->stages_count; i++)
		if (policy->stages[i].block_min)
			return escalation_stage_due(policy, enforced->clock.acting, i + 1);
	return 0;
}

/* count - one source whose clock runs */
static int count(struct outlook *outlook, const struct report *report, const struct addr *addr,
		 struct error *e)
{
	struct enforced enforced;
	enum outlook_state state;
	struct source source;
	int64_t due;
	int rc = store_source_load(report->store, addr, &source, e);

	if (rc < 0)
		return rc;
	enforcer_decide(report->enforcer, &source, report->mode, report->now, &enforced);
	state = state_of(&enforced);
	outlook->coming.state[state]++;
	due = block_due(report->policy, &enforced);
	for (int span = 0; span < OUTLOOK_SPANS; span++)
		outlook->coming.block_due[span] +=
			state <= OUTLOOK_THROTTLE && due && due <= report->now + spans[span];
	source_clear(&source);
	return 0;
}

/* outlook_step - see outlook.h */
int outlook_step(struct outlook *outlook, const struct report *report, struct error *e)
{
	struct addr addrs[PART];
	unsigned int found;
	int seen, rc = 0;

	if (!outlook->walking)
		return 0;
	seen = store_source_clocked(report->store, &outlook->at, addrs, PART, &found, e);
	for (unsigned int i = 0; seen >= 0 && !rc && i < found; i++)
		rc = count(outlook, report, &addrs[i], e);
	if (seen < 0 || rc < 0) {
		outlook->walking = false; /* the next walk tries again */
		return seen < 0 ? seen : rc;
	}
	outlook->walking = seen == PART;
	if (outlook->walking)
		return 1;
	outlook->counts = outlook->coming;
	outlook->counts.known = true;
	return 0;
}

/* outlook_top_begin - with 0 there is nothing to walk, and nothing is shown */
void outlook_top_begin(struct outlook_top *top, unsigned int limit)
{
	top->limit = limit < OUTLOOK_TOP_MAX ? limit : OUTLOOK_TOP_MAX;
	top->walking = top->limit > 0;
	top->coming_count = 0;
	top->seen = 0;
	if (!top->walking || top->limit < top->count)
		top->count = top->limit;
}

/* outlook_top_add - kept in order: the list is short */
void outlook_top_add(struct outlook_top *top, const struct addr *source, uint64_t hits)
{
	unsigned int i;

	if (!hits || (top->coming_count == top->limit && hits <= top->coming[top->limit - 1].hits))
		return;
	if (top->coming_count < top->limit)
		top->coming_count++;
	for (i = top->coming_count - 1; i && top->coming[i - 1].hits < hits; i--)
		top->coming[i] = top->coming[i - 1];
	top->coming[i] = (struct outlook_hits) { *source, hits };
}

/* outlook_top_step - see outlook.h. When the entry we stand at is removed, the kernel begins anew:
 * then this walk is given up, and the last one's list stays */
int outlook_top_step(struct outlook_top *top, int verdicts_fd, uint64_t max)
{
	struct verdict verdict;
	struct addr next;

	for (int i = 0; top->walking && i < TOP_PART; i++) {
		if (bpf_map_get_next_key(verdicts_fd, top->seen ? &top->at : NULL, &next)) {
			top->walking = false;
			memcpy(top->list, top->coming, sizeof(top->list));
			top->count = top->coming_count;
			break;
		}
		if (top->seen++ > max) {
			top->walking = false;
			break;
		}
		top->at = next;
		if (!bpf_map_lookup_elem(verdicts_fd, &next, &verdict))
			outlook_top_add(top, &next, verdict.hits_slowed + verdict.hits_dropped);
	}
	return top->walking;
}
