/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy - which standings start the clock, and the table of stages
 *
 * Owns the parsed policy file (maps/policy/NAME.yaml). Stage numbers are rows counted from 1; stage
 * 0 means that no clock runs. Call order: policy_load(), any number of reads, policy_free().
 */
#ifndef BUILDGATE_POLICY_H
#define BUILDGATE_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/catalogue/catalogue.h"
#include "user/base/error.h"

#define POLICY_STAGES_MAX 32

struct policy_stage {
	uint32_t day;          /* from this day of elapsed time */
	uint32_t throttle_min; /* minutes per hour */
	uint32_t block_min;
	bool assumed; /* a rate not established by its source, shipped as a guess */
};

struct policy_floor {
	char *product;      /* "Exchange Server 2016" */
	char *cu;           /* "CU23" or NULL: any */
	uint64_t min_build; /* builds of the product below it act */
	int64_t from;       /* from this moment on */
};

struct policy_product {
	char *product;
	int64_t start; /* its clocks do not run before */
};

struct policy {
	char *name;
	bool act_on[STANDING_MAX];
	struct policy_stage stages[POLICY_STAGES_MAX];
	unsigned int stages_count;
	struct policy_floor *floors;
	unsigned int floors_count;
	struct policy_product *products; /* count 0: all products, at once */
	unsigned int products_count;
};

/* policy_load - name ("30-10-60", looked up as DIR/NAME.yaml) or a path that contains '/' */
int policy_load(const char *name, const char *dir, struct policy **ret_policy, struct error *e);
void policy_free(struct policy *policy);

/* policy_acts - a build with this judgement starts or keeps the clock at moment `at` */
bool policy_acts(const struct policy *policy, uint64_t build, const struct judgement *judgement,
		 int64_t at);

/* policy_stage_at - stage (1-based) after elapsed seconds */
unsigned int policy_stage_at(const struct policy *policy, int64_t elapsed);

/* policy_stage_begins - elapsed seconds at which stage (1-based) falls due; INT64_MAX beyond
 * the last */
int64_t policy_stage_begins(const struct policy *policy, unsigned int stage);

/* policy_json - {"name","act_on":[],"products":[],"floors":[],"stages":[]}; the caller owns it */
json_t *policy_json(const struct policy *policy);

/* policy_text - "NAME (HASH)", the hash over all that the policy says, into buf; returns buf */
const char *policy_text(const struct policy *policy, char *buf, size_t size);

/* policy_blocks - the stage blocks some minutes of the hour */
bool policy_blocks(const struct policy *policy, unsigned int stage);

#endif
