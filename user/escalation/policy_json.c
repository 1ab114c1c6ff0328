// SPDX-License-Identifier: BSD-2-Clause
/* A policy as people and programs read it. */
#include <stdio.h>
#include <stdlib.h>

#include "user/base/build.h"
#include "policy.h"
#include "user/base/times.h"

/* moment - RFC 3339; null: at once */
static json_t *moment(int64_t at)
{
	char text[TIMES_TEXT];

	return at ? json_string(times_format(at, text)) : json_null();
}

/* words_json - the standings that start the clock */
static json_t *words_json(const struct policy *policy)
{
	json_t *array = json_array();

	for (enum standing i = STANDING_UNKNOWN; i < STANDING_MAX; i++)
		if (policy->act_on[i])
			json_array_append_new(array, json_string(standing_name(i)));
	return array;
}

/* stages_json - the table, counted from 1 */
static json_t *stages_json(const struct policy *policy)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < policy->stages_count; i++) {
		const struct policy_stage *row = &policy->stages[i];

		json_array_append_new(array,
				      json_pack("{s:i, s:i, s:i, s:i, s:b}", "stage", (int)i + 1,
						"day", (int)row->day, "throttle_min",
						(int)row->throttle_min, "block_min",
						(int)row->block_min, "assumed", row->assumed));
	}
	return array;
}

/* floors_json - null for a floor of every CU */
static json_t *floors_json(const struct policy *policy)
{
	json_t *array = json_array();
	char build[BUILD_TEXT];

	for (unsigned int i = 0; i < policy->floors_count; i++) {
		const struct policy_floor *f = &policy->floors[i];

		json_array_append_new(array, json_pack("{s:s, s:s?, s:s, s:o}", "product",
						       f->product, "cu", f->cu, "min_build",
						       build_format(f->min_build, build), "from",
						       moment(f->from)));
	}
	return array;
}

/* policy_json - keys only grow */
json_t *policy_json(const struct policy *policy)
{
	json_t *products = json_array();

	for (unsigned int i = 0; i < policy->products_count; i++)
		json_array_append_new(products, json_pack("{s:s, s:o}", "product",
							  policy->products[i].product, "start",
							  moment(policy->products[i].start)));
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", policy->name, "act_on",
			 words_json(policy), "products", products, "floors", floors_json(policy),
			 "stages", stages_json(policy));
}

/* policy_text - FNV-1a over all that decides: two policies of one name are told apart */
const char *policy_text(const struct policy *policy, char *buf, size_t size)
{
	json_t *object = policy_json(policy);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	uint64_t hash = 14695981039346656037ULL;

	for (const char *p = text; p && *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
	snprintf(buf, size, "%s (%016llx)", policy->name, (unsigned long long)hash);
	free(text);
	json_decref(object);
	return buf;
}
