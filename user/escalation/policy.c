// SPDX-License-Identifier: BSD-2-Clause
#include "policy.h"

#include <string.h>

#define DAY_S 86400

/* same_line - the builds belong to the same CU: only their last number differs */
static bool same_line(uint64_t a, uint64_t b)
{
	return a >> 16 == b >> 16;
}

/* floor_for - the lowest build that is good enough for `build` at `at`; 0: none in force. A
 * floor of the build's own CU decides; without one it has to reach the highest. */
static uint64_t floor_for(const struct policy *policy, const char *product, uint64_t build,
			  int64_t at, bool *ret_named)
{
	const struct policy_floor *own = NULL;
	uint64_t highest = 0;

	*ret_named = false;
	for (unsigned int i = 0; i < policy->floors_count; i++) {
		const struct policy_floor *f = &policy->floors[i];

		if (strcmp(f->product, product))
			continue;
		*ret_named = true;
		if (f->from > at)
			continue;
		if (f->min_build > highest)
			highest = f->min_build;
		if (same_line(f->min_build, build) && (!own || f->from >= own->from))
			own = f;
	}
	return own ? own->min_build : highest;
}

/* product_started - the policy covers the product at `at` */
static bool product_started(const struct policy *policy, const char *product, int64_t at)
{
	if (!policy->products_count)
		return true;
	for (unsigned int i = 0; product && i < policy->products_count; i++)
		if (!strcmp(policy->products[i].product, product))
			return policy->products[i].start <= at;
	return false;
}

/* policy_acts - emergencies always, Exchange Online never; floors replace act_on */
bool policy_acts(const struct policy *policy, uint64_t build, const struct judgement *judgement,
		 int64_t at)
{
	bool named = false;
	uint64_t min;

	if (!build || judgement->standing == STANDING_ONLINE)
		return false;
	if (judgement->standing == STANDING_EMERGENCY)
		return true;
	if (!product_started(policy, judgement->product, at))
		return false;
	if (judgement->product) {
		min = floor_for(policy, judgement->product, build, at, &named);
		if (named)
			return build < min;
	}
	return policy->act_on[judgement->standing];
}

/* policy_stage_at - the last row whose day has come; rows rise from day 0 */
unsigned int policy_stage_at(const struct policy *policy, int64_t elapsed)
{
	unsigned int stage = 1;

	while (stage < policy->stages_count &&
	       elapsed >= (int64_t)policy->stages[stage].day * DAY_S)
		stage++;
	return stage;
}

/* policy_stage_begins - day of the row in seconds */
int64_t policy_stage_begins(const struct policy *policy, unsigned int stage)
{
	if (stage < 1 || stage > policy->stages_count)
		return INT64_MAX;
	return (int64_t)policy->stages[stage - 1].day * DAY_S;
}

/* policy_blocks - block minutes of the row */
bool policy_blocks(const struct policy *policy, unsigned int stage)
{
	return stage >= 1 && stage <= policy->stages_count && policy->stages[stage - 1].block_min;
}
