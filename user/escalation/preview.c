// SPDX-License-Identifier: BSD-2-Clause
#include "preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"

struct counting {
	const struct preview_options *options;
	uint64_t sources, moved;
	uint64_t begin, end; /* identities whose build acts under one of the two only */
	uint64_t moves[POLICY_STAGES_MAX + 1][POLICY_STAGES_MAX + 1];
	json_t *named;
};

/* judge - by the catalogue in use, today */
static void judge(void *arg, uint64_t build, struct judgement *ret)
{
	const struct preview_options *options = arg;

	catalogue_judge(options->catalogue, build, options->now, options->grace_days, store_seen,
			options->store, ret);
}

/* copy_of - records that may be moved about */
static int copy_of(const struct source *source, struct source *ret)
{
	*ret = *source;
	ret->room = source->count;
	ret->identities = malloc(source->count * sizeof(*ret->identities));
	if (!ret->identities)
		return -ENOMEM;
	memcpy(ret->identities, source->identities, source->count * sizeof(*ret->identities));
	return 0;
}

/* count_acting - whose builds begin or cease to act */
static void count_acting(struct counting *c, const struct source *is, const struct source *then)
{
	for (unsigned int i = 0; i < is->count; i++) {
		c->begin += !is->identities[i].acts && then->identities[i].acts;
		c->end += is->identities[i].acts && !then->identities[i].acts;
	}
}

/* shown - the record that a line about a source names */
static const struct identity *shown(const struct enforcement *is, const struct enforcement *then,
				    const struct source *source)
{
	if (then->acting)
		return then->acting;
	return is->acting ? is->acting : &source->identities[0];
}

/* name_source - one line, as long as there is room for it */
static int name_source(struct counting *c, const struct source *source,
		       const struct enforcement *is, const struct enforcement *then)
{
	const struct policy *policy = c->options->would_be;
	const struct identity *id = shown(is, then, source);
	char text[ADDRESS_TEXT], build[BUILD_TEXT];
	unsigned int heads = 0;
	json_t *line;

	if (json_array_size(c->named) >= PREVIEW_SOURCES)
		return 0;
	if (then->acting)
		heads = policy_stage_at(policy, escalation_elapsed(then->acting, c->options->now));
	line = json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:i, s:i}", "source",
			 address_format(&source->addr, text), "server", id->name, "build",
			 id->build ? json_string(build_format(id->build, build)) : json_null(),
			 "from", (int)is->stage, "to", (int)then->stage, "throttle_min",
			 (int)then->throttle_min, "block_min", (int)then->block_min, "heads_to",
			 (int)heads);
	return line && !json_array_append_new(c->named, line) ? 0 : -ENOMEM;
}

/* compare - one source under both; the minutes may differ where the stage does not */
static int compare(struct counting *c, const struct source *source, struct source *copy)
{
	const struct preview_options *options = c->options;
	struct escalation clock = { .policy = options->is,
				    .now = options->now,
				    .running = options->running };
	struct enforcement is, then;

	escalation_source(&clock, source, &is);
	clock.policy = options->would_be;
	escalation_rejudge(&clock, copy, judge, (void *)options);
	escalation_due(&clock, copy);
	escalation_source(&clock, copy, &then);
	count_acting(c, source, copy);
	c->sources++;
	if (is.stage == then.stage && is.throttle_min == then.throttle_min &&
	    is.block_min == then.block_min)
		return 0;
	c->moved++;
	if (is.stage <= POLICY_STAGES_MAX && then.stage <= POLICY_STAGES_MAX)
		c->moves[is.stage][then.stage]++;
	return name_source(c, copy, &is, &then);
}

/* lives - not all of its records are archived */
static bool lives(const struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (!source->identities[i].archived)
			return true;
	return false;
}

/* visit - one source */
static int visit(struct counting *c, const struct addr *addr, struct error *e)
{
	struct source source, copy;
	int rc = store_source_load(c->options->store, addr, &source, e);

	if (rc <= 0)
		return rc;
	rc = 0;
	if (lives(&source)) {
		rc = copy_of(&source, &copy);
		if (!rc)
			rc = compare(c, &source, &copy);
		source_clear(&copy);
	}
	source_clear(&source);
	return rc == -ENOMEM ? error_set(e, rc, "preview: out of memory") : rc;
}

/* visit_part - the sources behind an address; 1: there may be more behind *ret_last */
static int visit_part(struct counting *c, struct addr *ret_last, struct error *e)
{
	struct addr *addrs = calloc(PREVIEW_PART, sizeof(*addrs));
	int count, rc = 0;

	if (!addrs)
		return error_set(e, -ENOMEM, "preview: out of memory");
	count = store_source_after(c->options->store, &c->options->after, addrs, PREVIEW_PART, e);
	for (int i = 0; rc >= 0 && i < count; i++)
		rc = visit(c, &addrs[i], e);
	if (count > 0)
		*ret_last = addrs[count - 1];
	free(addrs);
	if (count < 0 || rc < 0)
		return count < 0 ? count : rc;
	return count == PREVIEW_PART;
}

/* moves_json - the pairs that there are */
static json_t *moves_json(const struct counting *c)
{
	json_t *array = json_array();

	for (int from = 0; from <= POLICY_STAGES_MAX; from++)
		for (int to = 0; to <= POLICY_STAGES_MAX; to++)
			if (c->moves[from][to])
				json_array_append_new(array,
						      json_pack("{s:i, s:i, s:I}", "from", from,
								"to", to, "sources",
								(json_int_t)c->moves[from][to]));
	return array;
}

/* preview - counters first, then the object */
json_t *preview(const struct preview_options *options, struct error *e)
{
	struct counting *c = calloc(1, sizeof(*c));
	char next[ADDRESS_TEXT];
	json_t *object = NULL;
	struct addr last;
	int rc;

	if (c)
		c->named = json_array();
	if (!c || !c->named) {
		free(c);
		error_set(e, -ENOMEM, "preview: out of memory");
		return NULL;
	}
	c->options = options;
	rc = visit_part(c, &last, e);
	if (rc >= 0)
		object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:O, s:b, s:s?}", "policy",
				   options->would_be->name, "sources", (json_int_t)c->sources,
				   "moved", (json_int_t)c->moved, "begin", (json_int_t)c->begin,
				   "end", (json_int_t)c->end, "moves", moves_json(c), "named",
				   c->named, "cut", c->moved > PREVIEW_SOURCES, "next",
				   rc ? address_format(&last, next) : NULL);
	json_decref(c->named);
	free(c);
	return object;
}

/* add_number - of a part to the same key of the sum */
static void add_number(json_t *sum, const json_t *part, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(sum, key));

	n += json_integer_value(json_object_get(part, key));
	json_object_set_new(sum, key, json_integer(n));
}

/* same_move - from one stage to another */
static bool same_move(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "from"), json_object_get(b, "from")) &&
	       json_equal(json_object_get(a, "to"), json_object_get(b, "to"));
}

/* add_move - to the one of the same stages, or as a new one */
static void add_move(json_t *sum, json_t *move)
{
	json_t *other;
	size_t i;

	json_array_foreach (sum, i, other) {
		if (same_move(other, move)) {
			add_number(other, move, "sources");
			return;
		}
	}
	json_array_append(sum, move);
}

/* preview_add - numbers are added up, and the first that are named stay */
void preview_add(json_t *sum, const json_t *part)
{
	static const char *const numbers[] = { "sources", "moved", "begin", "end" };
	json_t *moves = json_object_get(sum, "moves"), *named = json_object_get(sum, "named");
	json_t *item;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		add_number(sum, part, numbers[i]);
	json_array_foreach (json_object_get(part, "moves"), i, item)
		add_move(moves, item);
	json_array_foreach (json_object_get(part, "named"), i, item)
		if (json_array_size(named) < PREVIEW_SOURCES)
			json_array_append(named, item);
	json_object_set_new(
		sum, "cut",
		json_boolean(json_integer_value(json_object_get(sum, "moved")) > PREVIEW_SOURCES));
	json_object_set(sum, "next", json_object_get(part, "next"));
}
