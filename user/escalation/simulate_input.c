// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pause.h"
#include "user/base/address.h"

#define PAUSES_MAX 512 /* of one source; more than years can hold */

/* room_for_one - at the end of the list; NULL: out of memory */
static struct simulate_input *room_for_one(struct simulate_inputs *in)
{
	if (in->count >= in->room) {
		size_t room = in->room ? in->room * 2 : 1024;
		void *list = reallocarray(in->list, room, sizeof(*in->list));

		if (!list)
			return NULL;
		in->list = list;
		in->room = room;
	}
	memset(&in->list[in->count], 0, sizeof(*in->list));
	return &in->list[in->count];
}

/* kind_of - by the object's type */
static enum input_kind kind_of(const json_t *object)
{
	const char *type = json_string_value(json_object_get(object, "type"));

	if (type && !strcmp(type, "pause"))
		return INPUT_PAUSE;
	return type && !strcmp(type, "unpause") ? INPUT_UNPAUSE : INPUT_CONNECTION;
}

/* judge - by the catalogue that is in force at that moment */
static void judge(struct simulate_input *in, const struct simulate_options *opt)
{
	const struct catalogue *catalogue = opt->catalogue;

	if (!in->o.build)
		return;
	if (opt->next && in->o.at >= opt->next_at)
		catalogue = opt->next;
	catalogue_judge(catalogue, in->o.build, in->o.at, opt->grace_days, NULL, NULL,
			&in->o.judgement);
	in->acts = policy_acts(opt->policy, in->o.build, &in->o.judgement, in->o.at);
}

/* parse - any object that counts; -ENOMSG: another one */
static int parse(const json_t *object, const struct simulate_options *opt,
		 struct simulate_input *in, struct error *e)
{
	const json_t *days = json_object_get(object, "days");

	in->kind = kind_of(object);
	if (in->kind == INPUT_CONNECTION)
		return observation_parse(object, opt->now, &in->o, e);
	if (in->kind == INPUT_PAUSE &&
	    (json_integer_value(days) < 1 || json_integer_value(days) > 2 * PAUSE_DAYS_MAX))
		return error_set(e, -EINVAL, "key \"days\": expected a number from 1 to %d",
				 2 * PAUSE_DAYS_MAX);
	in->days = (unsigned int)json_integer_value(days);
	return observation_parse_place(object, opt->now, &in->o, e);
}

/* read_line - parse, judge and append one line; objects of other types are skipped */
static int read_line(struct simulate_inputs *inputs, const struct simulate_options *opt,
		     const char *text, size_t number, struct error *e)
{
	json_error_t why;
	json_t *object = json_loads(text, 0, &why);
	struct simulate_input *in;
	int rc;

	if (!object)
		return error_set(e, -EINVAL, "line %zu: no JSON: %s, expected one object per line",
				 number, why.text);
	in = room_for_one(inputs);
	rc = in ? parse(object, opt, in, e) : error_set(e, -ENOMEM, "out of memory");
	json_decref(object);
	if (rc == -ENOMSG)
		return 0;
	if (rc < 0)
		return error_prefix(e, rc, "line %zu", number);
	in->key = address_source(&in->o.source, opt->ipv6_bits ? opt->ipv6_bits : 64);
	in->order = inputs->count++;
	in->line = number;
	judge(in, opt);
	return 0;
}

/* read_all - every line of in; empty ones are passed over */
static int read_all(FILE *in, const struct simulate_options *opt, struct simulate_inputs *inputs,
		    struct error *e)
{
	char *text = NULL;
	size_t size = 0, number = 0;
	int rc = 0;

	while (rc == 0 && getline(&text, &size, in) >= 0) {
		number++;
		if (text[strspn(text, " \t\r\n")])
			rc = read_line(inputs, opt, text, number, e);
	}
	if (rc == 0 && ferror(in))
		rc = error_set(e, -EIO, "line %zu: cannot read on", number);
	free(text);
	return rc;
}

/* by_time - what one source did in one second stands together, a pause before and a fine build
 * first */
static int by_time(const void *a, const void *b)
{
	const struct simulate_input *x = a, *y = b;

	if (x->o.at != y->o.at)
		return x->o.at < y->o.at ? -1 : 1;
	if (memcmp(&x->key, &y->key, sizeof(x->key)))
		return memcmp(&x->key, &y->key, sizeof(x->key));
	if (!x->kind != !y->kind)
		return x->kind ? -1 : 1;
	if (x->acts != y->acts)
		return x->acts ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* add_pause - one of the source's earlier pauses, or what ends the last of them */
static unsigned int add_pause(const struct simulate_input *in, struct pause *pauses,
			      unsigned int count)
{
	if (count && pauses[count - 1].until > in->o.at)
		pauses[count - 1].until = in->o.at;
	if (in->kind == INPUT_PAUSE && count < PAUSES_MAX)
		pauses[count++] = (struct pause) { in->o.at, in->until };
	return count;
}

/* grant - until when a pause lasts, by those that the source had before; they are few */
static int grant(struct simulate_inputs *in, size_t index, struct error *e)
{
	struct simulate_input *is = &in->list[index];
	struct pause pauses[PAUSES_MAX];
	unsigned int count = 0;
	int rc;

	for (size_t i = 0; i < index; i++)
		if (in->list[i].kind && !memcmp(&in->list[i].key, &is->key, sizeof(is->key)))
			count = add_pause(&in->list[i], pauses, count);
	rc = pause_grant(pauses, count, is->o.at, is->days, &is->until, e);
	return rc < 0 ? error_prefix(e, rc, "line %zu", is->line) : 0;
}

/* simulate_read - read, sort, grant */
int simulate_read(FILE *in, const struct simulate_options *options, struct simulate_inputs *ret,
		  struct error *e)
{
	int rc = read_all(in, options, ret, e);

	if (rc == 0 && ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_time);
	for (size_t i = 0; rc == 0 && i < ret->count; i++)
		if (ret->list[i].kind == INPUT_PAUSE)
			rc = grant(ret, i, e);
	return rc;
}
