// SPDX-License-Identifier: BSD-2-Clause
/* What is told of the catalogue in force, of refused ones, and of whom emergencies are about. */
#include <errno.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "daemon.h"
#include "user/base/times.h"

#define LISTED_MAX 100 /* sources of one definition by name; the rest is counted */

/* moment - null for never */
static json_t *moment(int64_t at)
{
	char text[TIMES_TEXT];

	return at ? json_string(times_format(at, text)) : json_null();
}

/* text_or_null - empty is null */
static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

/* refused_json - the last one that could not be taken, until one can */
static json_t *refused_json(const struct daemon_catalogue *c)
{
	if (!c->refused.text[0])
		return json_null();
	return json_pack("{s:o, s:I, s:s}", "at", moment(c->refused_at), "age_s",
			 (json_int_t)(clock_wall() - c->refused_at), "why", c->refused.text);
}

/* daemon_catalogue_brief - what it is, how old, whose, and what was refused */
json_t *daemon_catalogue_brief(struct daemon *daemon)
{
	const struct daemon_catalogue *c = &daemon->updates;
	int64_t now = clock_wall(), age = now - catalogue_as_of(daemon->catalogue);
	json_t *object = catalogue_summary(daemon->catalogue, now);

	if (!object)
		return json_null();
	json_object_set_new(object, "stale", json_boolean(age > daemon->config->catalogue_max_age));
	json_object_set_new(object, "path", json_string(daemon->config->catalogue));
	json_object_set_new(object, "origin", json_string(c->origin.key[0] ? "update" : "shipped"));
	json_object_set_new(object, "key", text_or_null(c->origin.key));
	json_object_set_new(object, "taken_at", moment(c->origin.taken_at));
	json_object_set_new(object, "inbox", text_or_null(daemon->config->catalogue_dir));
	json_object_set_new(object, "inbox_lost", json_boolean(c->inbox_lost));
	json_object_set_new(object, "refused", refused_json(c));
	return object;
}

/* A walk over the sources that an emergency is about. */
struct applying {
	struct daemon *daemon;
	json_t *emergencies;
	int64_t now;
};

/* entry_of - the object of a definition, by its id */
static json_t *entry_of(const struct applying *a, const char *id)
{
	json_t *entry;
	size_t i;

	json_array_foreach (a->emergencies, i, entry)
		if (id && !strcmp(json_string_value(json_object_get(entry, "id")), id))
			return entry;
	return NULL;
}

/* count_source - the source under one definition, once */
static void count_source(json_t *entry, const struct source *source)
{
	json_t *list = json_object_get(entry, "sources");
	json_int_t count = json_integer_value(json_object_get(entry, "sources_count"));
	size_t listed = json_array_size(list);
	char text[ADDRESS_TEXT];

	address_format(&source->addr, text);
	if (listed && !strcmp(json_string_value(json_array_get(list, listed - 1)), text))
		return;
	json_object_set_new(entry, "sources_count", json_integer(count + 1));
	if (listed < LISTED_MAX)
		json_array_append_new(list, json_string(text));
}

/* apply_source - by what its builds are judged today */
static int apply_source(void *arg, const struct source *source)
{
	struct applying *a = arg;

	for (unsigned int i = 0; i < source->count; i++) {
		const struct identity *id = &source->identities[i];
		struct judgement judgement;
		json_t *entry;

		if (!id->build || id->archived)
			continue;
		catalogue_judge(a->daemon->catalogue, id->build, a->now,
				a->daemon->config->grace_days, store_seen, a->daemon->store,
				&judgement);
		entry = entry_of(a, judgement.emergency);
		if (entry)
			count_source(entry, source);
	}
	return 0;
}

/* add_applied - to whom each definition is applied; only those judged by one are looked at */
static int add_applied(struct daemon *daemon, json_t *emergencies, struct error *e)
{
	struct store_filter filter = { .standing = STANDING_EMERGENCY };
	struct applying a = { daemon, emergencies, clock_wall() };
	json_t *entry;
	size_t i;

	json_array_foreach (emergencies, i, entry) {
		json_object_set_new(entry, "sources_count", json_integer(0));
		json_object_set_new(entry, "sources", json_array());
	}
	if (!json_array_size(emergencies))
		return 0;
	return store_source_each(daemon->store, &filter, apply_source, &a, e);
}

/* keys_json - who may sign the next one, and whether today */
static json_t *keys_json(const struct signature_keys *keys)
{
	json_t *array = json_array();
	int64_t now = clock_wall();
	char id[SIGNATURE_ID_TEXT];

	for (unsigned int i = 0; i < keys->count; i++) {
		const struct signature_key *key = &keys->list[i];
		bool today = now >= key->not_before && (!key->not_after || now < key->not_after);

		json_array_append_new(
			array, json_pack("{s:s, s:o, s:o, s:b}", "id", signature_id(key->id, id),
					 "not_before", moment(key->not_before), "not_after",
					 moment(key->not_after ? key->not_after - 1 : 0), "trusted",
					 today));
	}
	return array;
}

/* daemon_catalogue_show - everything */
json_t *daemon_catalogue_show(struct daemon *daemon, struct error *e)
{
	json_t *object = daemon_catalogue_brief(daemon);

	json_object_set(object, "blocked", daemon->updates.blocked);
	json_object_set_new(object, "keys", keys_json(&daemon->config->catalogue_keys));
	if (add_applied(daemon, json_object_get(object, "emergencies"), e) >= 0)
		return object;
	json_decref(object);
	return NULL;
}
