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

/* visit - a store_source_fn */
static int visit(void *arg, const struct source *source)
{
	struct source copy;
	int rc = copy_of(source, &copy);

	if (!rc)
		rc = compare(arg, source, &copy);
	source_clear(&copy);
	return rc;
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
	json_t *object = NULL;
	int rc;

	if (c)
		c->named = json_array();
	if (!c || !c->named) {
		free(c);
		error_set(e, -ENOMEM, "preview: out of memory");
		return NULL;
	}
	c->options = options;
	rc = store_source_each(options->store, NULL, visit, c, e);
	if (rc == -ENOMEM)
		error_set(e, rc, "preview: out of memory");
	if (rc >= 0)
		object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:O, s:b}", "policy",
				   options->would_be->name, "sources", (json_int_t)c->sources,
				   "moved", (json_int_t)c->moved, "begin", (json_int_t)c->begin,
				   "end", (json_int_t)c->end, "moves", moves_json(c), "named",
				   c->named, "cut", c->moved > PREVIEW_SOURCES);
	json_decref(c->named);
	free(c);
	return object;
}
