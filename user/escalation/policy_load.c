// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads a policy file. libyaml's document tree instead of libcyaml's schema: it keeps the line
 * of every node, so an error can say where and what was expected.
 */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "user/base/build.h"
#include "user/base/times.h"

#define DAY_MAX      3650
#define MINUTES_MAX  60
#define ITEMS_MAX    64 /* floors or products */
#define KEYS_STAGE   "day, throttle_min, block_min, assumed"
#define KEYS_FLOOR   "product, cu, min_build, from"
#define KEYS_PRODUCT "product, start"
#define KEYS_TOP     "name, act_on, floors, products, stages"

/* What every step of the reading needs. */
struct reader {
	const char *path;
	yaml_document_t doc;
	struct policy *policy;
	bool act_on_given;
	struct error *e;
};

/* One key of a mapping: how to read its value into what the mapping fills. */
struct key {
	const char *name;
	int (*read)(struct reader *r, yaml_node_t *value, const char *key, void *into);
	bool required;
};

#define complain(r, node, ...) complain_at((r), (node)->start_mark.line + 1, __VA_ARGS__)

/* complain_at - "FILE:LINE: sentence" as -EINVAL */
static int __attribute__((format(printf, 3, 4)))
complain_at(struct reader *r, size_t line, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return error_set(r->e, -EINVAL, "%s:%zu: %s", r->path, line, text);
}

/* scalar - the text of a scalar node, NULL for a list or a mapping */
static const char *scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* shown - what a node says, for an error */
static const char *shown(const yaml_node_t *node)
{
	const char *text = scalar(node);

	if (text)
		return *text ? text : "nothing";
	return node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

/* find_key - row of the table, NULL: unknown */
static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (name && !strcmp(keys->name, name))
			return keys;
	return NULL;
}

/* missing_key - the first required key that was not seen */
static const char *missing_key(const struct key *keys, unsigned int seen)
{
	for (unsigned int i = 0; keys[i].name; i++)
		if (keys[i].required && !(seen & 1U << i))
			return keys[i].name;
	return NULL;
}

/* read_mapping - every key once, none unknown, no required one missing */
static int read_mapping(struct reader *r, yaml_node_t *node, const char *what,
			const struct key *keys, const char *expected, void *into)
{
	unsigned int seen = 0;

	if (node->type != YAML_MAPPING_NODE)
		return complain(r, node, "%s is %s, expected a mapping with the keys %s", what,
				shown(node), expected);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *name = yaml_document_get_node(&r->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);
		const struct key *key = find_key(keys, scalar(name));
		int rc;

		if (!key)
			return complain(r, name, "unknown key '%s' in %s, expected one of %s",
					shown(name), what, expected);
		if (seen & 1U << (key - keys))
			return complain(r, name, "key '%s' stands twice in %s, expected once",
					key->name, what);
		seen |= 1U << (key - keys);
		rc = key->read(r, value, key->name, into);
		if (rc < 0)
			return rc;
	}
	if (missing_key(keys, seen))
		return complain(r, node, "%s lacks the key '%s', expected the keys %s", what,
				missing_key(keys, seen), expected);
	return 0;
}

/* read_number - a whole number from 0 to max */
static int read_number(struct reader *r, yaml_node_t *value, const char *key, unsigned long max,
		       uint32_t *ret)
{
	const char *text = scalar(value);
	unsigned long number = 0;
	const char *p = text;

	for (; p && *p >= '0' && *p <= '9' && number <= max; p++)
		number = number * 10 + (unsigned long)(*p - '0');
	if (!text || !*text || *p || number > max)
		return complain(r, value, "%s: '%s', expected a whole number from 0 to %lu", key,
				shown(value), max);
	*ret = (uint32_t)number;
	return 0;
}

/* read_text - a copy of a scalar that is not empty */
static int read_text(struct reader *r, yaml_node_t *value, const char *key, char **ret)
{
	const char *text = scalar(value);

	if (!text || !*text)
		return complain(r, value, "%s: %s, expected a text", key, shown(value));
	*ret = strdup(text);
	return *ret ? 0 : error_set(r->e, -ENOMEM, "%s: out of memory", r->path);
}

/* read_moment - a date or a date-time */
static int read_moment(struct reader *r, yaml_node_t *value, const char *key, int64_t *ret)
{
	const char *text = scalar(value);

	if (!text || times_parse(text, ret) < 0)
		return complain(r, value, "%s: '%s', expected a date such as 2026-11-21", key,
				shown(value));
	return 0;
}

static int stage_day(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_number(r, value, key, DAY_MAX, &((struct policy_stage *)into)->day);
}

static int stage_throttle(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_number(r, value, key, MINUTES_MAX,
			   &((struct policy_stage *)into)->throttle_min);
}

static int stage_block(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_number(r, value, key, MINUTES_MAX, &((struct policy_stage *)into)->block_min);
}

static int stage_assumed(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	const char *text = scalar(value);

	if (!text || (strcmp(text, "true") && strcmp(text, "false")))
		return complain(r, value, "%s: '%s', expected true or false", key, shown(value));
	((struct policy_stage *)into)->assumed = !strcmp(text, "true");
	return 0;
}

static int floor_product(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_text(r, value, key, &((struct policy_floor *)into)->product);
}

static int floor_cu(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_text(r, value, key, &((struct policy_floor *)into)->cu);
}

static int floor_build(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	const char *text = scalar(value);
	uint64_t build = text ? build_parse(text) : 0;

	if (!build)
		return complain(r, value, "%s: '%s', expected a build such as 15.1.2507.39", key,
				shown(value));
	((struct policy_floor *)into)->min_build = build;
	return 0;
}

static int floor_from(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_moment(r, value, key, &((struct policy_floor *)into)->from);
}

static int product_product(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_text(r, value, key, &((struct policy_product *)into)->product);
}

static int product_start(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	return read_moment(r, value, key, &((struct policy_product *)into)->start);
}

static const struct key stage_keys[] = {
	{ "day", stage_day, true },
	{ "throttle_min", stage_throttle, true },
	{ "block_min", stage_block, true },
	{ "assumed", stage_assumed, false },
	{ NULL, NULL, false },
};

static const struct key floor_keys[] = {
	{ "product", floor_product, true },
	{ "cu", floor_cu, false },
	{ "min_build", floor_build, true },
	{ "from", floor_from, true },
	{ NULL, NULL, false },
};

static const struct key product_keys[] = {
	{ "product", product_product, true },
	{ "start", product_start, true },
	{ NULL, NULL, false },
};

/* item - node i of a list */
static yaml_node_t *item(struct reader *r, yaml_node_t *list, unsigned int i)
{
	return yaml_document_get_node(&r->doc, list->data.sequence.items.start[i]);
}

/* read_list - the value is a list of 1 .. max; returns how many */
static int read_list(struct reader *r, yaml_node_t *value, const char *key, int max)
{
	int count;

	if (value->type != YAML_SEQUENCE_NODE)
		return complain(r, value, "%s: %s, expected a list", key, shown(value));
	count = (int)(value->data.sequence.items.top - value->data.sequence.items.start);
	if (count < 1 || count > max)
		return complain(r, value, "%s: %d entries, expected 1 to %d", key, count, max);
	return count;
}

static int top_name(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	(void)into;
	return read_text(r, value, key, &r->policy->name);
}

/* top_act_on - only standings that say a build is old; nobody is accused for being unknown */
static int top_act_on(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	int count = read_list(r, value, key, STANDING_MAX);

	(void)into;
	r->act_on_given = true;
	for (int i = 0; i < count; i++) {
		yaml_node_t *node = item(r, value, i);
		enum standing standing = scalar(node) ? standing_parse(scalar(node)) : 0;

		if (standing != STANDING_OUTDATED && standing != STANDING_UNSUPPORTED &&
		    standing != STANDING_EMERGENCY)
			return complain(r, node,
					"%s: '%s', expected outdated, unsupported or emergency",
					key, shown(node));
		r->policy->act_on[standing] = true;
	}
	return count < 0 ? count : 0;
}

static int top_floors(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	int rc, count = read_list(r, value, key, ITEMS_MAX);

	(void)into;
	if (count < 0)
		return count;
	r->policy->floors = calloc((size_t)count, sizeof(*r->policy->floors));
	if (!r->policy->floors)
		return error_set(r->e, -ENOMEM, "%s: out of memory", r->path);
	r->policy->floors_count = (unsigned int)count;
	for (int i = 0; i < count; i++) {
		rc = read_mapping(r, item(r, value, i), "a floor", floor_keys, KEYS_FLOOR,
				  &r->policy->floors[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int top_products(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	int rc, count = read_list(r, value, key, ITEMS_MAX);

	(void)into;
	if (count < 0)
		return count;
	r->policy->products = calloc((size_t)count, sizeof(*r->policy->products));
	if (!r->policy->products)
		return error_set(r->e, -ENOMEM, "%s: out of memory", r->path);
	r->policy->products_count = (unsigned int)count;
	for (int i = 0; i < count; i++) {
		rc = read_mapping(r, item(r, value, i), "a product", product_keys, KEYS_PRODUCT,
				  &r->policy->products[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* check_stage - days rise from 0, an hour has 60 minutes */
static int check_stage(struct reader *r, yaml_node_t *node, unsigned int i)
{
	const struct policy_stage *stage = &r->policy->stages[i];

	if (i == 0 && stage->day != 0)
		return complain(r, node, "stage 1: day %u, expected 0, the first sighting",
				stage->day);
	if (i > 0 && stage->day <= stage[-1].day)
		return complain(r, node, "stage %u: day %u, expected more than %u of stage %u",
				i + 1, stage->day, stage[-1].day, i);
	if (stage->throttle_min + stage->block_min > MINUTES_MAX)
		return complain(r, node,
				"stage %u: throttle_min and block_min are %u together, "
				"expected at most 60",
				i + 1, stage->throttle_min + stage->block_min);
	return 0;
}

static int top_stages(struct reader *r, yaml_node_t *value, const char *key, void *into)
{
	int rc, count = read_list(r, value, key, POLICY_STAGES_MAX);

	(void)into;
	for (int i = 0; i < count; i++) {
		yaml_node_t *node = item(r, value, i);

		rc = read_mapping(r, node, "a stage", stage_keys, KEYS_STAGE,
				  &r->policy->stages[i]);
		if (rc == 0)
			rc = check_stage(r, node, (unsigned int)i);
		if (rc < 0)
			return rc;
	}
	if (count > 0)
		r->policy->stages_count = (unsigned int)count;
	return count < 0 ? count : 0;
}

static const struct key top_keys[] = {
	{ "name", top_name, true },      { "act_on", top_act_on, false },
	{ "floors", top_floors, false }, { "products", top_products, false },
	{ "stages", top_stages, true },  { NULL, NULL, false },
};

/* read_document - the file's one document into r->doc, not yet looked at */
static int read_document(struct reader *r, FILE *file)
{
	yaml_parser_t parser;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return error_set(r->e, -ENOMEM, "%s: out of memory", r->path);
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &r->doc))
		rc = complain_at(r, parser.problem_mark.line + 1, "no YAML: %s, expected %s",
				 parser.problem ? parser.problem : "unreadable", KEYS_TOP);
	yaml_parser_delete(&parser);
	return rc;
}

/* read_policy - the whole file into a policy that the caller frees in any case */
static int read_policy(struct reader *r, FILE *file)
{
	yaml_node_t *root;
	int rc = read_document(r, file);

	if (rc < 0)
		return rc;
	root = yaml_document_get_root_node(&r->doc);
	if (!root)
		rc = complain_at(r, 1, "the file is empty, expected the keys %s", KEYS_TOP);
	else
		rc = read_mapping(r, root, "the policy", top_keys, KEYS_TOP, NULL);
	yaml_document_delete(&r->doc);
	return rc;
}

/* defaults - emergencies always act; act_on may be left out */
static void defaults(const struct reader *r)
{
	r->policy->act_on[STANDING_EMERGENCY] = true;
	if (r->act_on_given)
		return;
	r->policy->act_on[STANDING_OUTDATED] = true;
	r->policy->act_on[STANDING_UNSUPPORTED] = true;
}

/* policy_load - open, read, check; *ret_policy is touched only on success */
int policy_load(const char *name, const char *dir, struct policy **ret_policy, struct error *e)
{
	struct reader r = { .e = e };
	struct stat status;
	char path[512];
	FILE *file;
	int rc;

	if (strchr(name, '/'))
		rc = snprintf(path, sizeof(path), "%s", name);
	else
		rc = snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
	if (rc < 0 || (size_t)rc >= sizeof(path))
		return error_set(e, -ENAMETOOLONG, "policy '%s': path too long", name);
	/* the name may come from the control socket: opening a pipe would wait for ever */
	if (!stat(path, &status) && !S_ISREG(status.st_mode))
		return error_set(e, -EINVAL, "policy '%s': %s is no file", name, path);
	file = fopen(path, "re");
	if (!file)
		return error_set(e, -errno,
				 "policy '%s': cannot read %s (%s), expected a name such as "
				 "30-10-60 or a path with '/'",
				 name, path, strerror(errno));
	r.path = path;
	r.policy = calloc(1, sizeof(*r.policy));
	rc = r.policy ? read_policy(&r, file) : error_set(e, -ENOMEM, "out of memory");
	fclose(file);
	if (rc < 0) {
		policy_free(r.policy);
		return rc;
	}
	defaults(&r);
	*ret_policy = r.policy;
	return 0;
}

/* policy_free - NULL is fine */
void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (unsigned int i = 0; i < policy->floors_count; i++) {
		free(policy->floors[i].product);
		free(policy->floors[i].cu);
	}
	for (unsigned int i = 0; i < policy->products_count; i++)
		free(policy->products[i].product);
	free(policy->floors);
	free(policy->products);
	free(policy->name);
	free(policy);
}
