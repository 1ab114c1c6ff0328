// SPDX-License-Identifier: BSD-2-Clause
/*
 * Input is read whole and sorted (simulate_input.c), then time runs: before each observation all
 * dues that lie before it, and those of its own second after all its observations. So every line
 * stands for what is known up to and including its moment.
 */
#include "simulate_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "escalation.h"
#include "user/base/times.h"

#define CHANGES_MAX (ESCALATION_NAMES_MAX * 4)

/* One source in simulated memory, and what was printed of it last. */
struct place {
	struct source source;
	int64_t due; /* key in the heap */
	size_t heap; /* position in it */
	uint32_t throttle_min, block_min;
	bool printed;
	struct place *next; /* in its bucket */
};

/* A change of stage, kept until the moment's minutes are known. */
struct happening {
	struct identity identity;
	struct change change;
};

struct simulation {
	const struct simulate_options *options;
	struct escalation clock;
	FILE *out;
	int64_t until;
	struct simulate_inputs in;
	const struct catalogue *catalogue; /* in force */
	struct place **buckets;
	size_t bucket_mask;
	struct place **heap; /* by due; only places with one */
	size_t heap_count;
	size_t places;
	struct happening *happenings;
	size_t happened;
};

/* hash - FNV-1a over the address */
static size_t hash(const struct addr *addr)
{
	uint64_t h = 14695981039346656037ULL;

	for (unsigned int i = 0; i < sizeof(addr->b); i++)
		h = (h ^ addr->b[i]) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32);
}

/* make_tables - room for every source that the input can name; a heap slot for each */
static int make_tables(struct simulation *s)
{
	size_t size = 16;

	while (size < s->in.count)
		size *= 2;
	s->bucket_mask = size - 1;
	s->buckets = calloc(size, sizeof(struct place *));
	s->heap = calloc(s->in.count + 1, sizeof(struct place *));
	s->happenings = calloc(CHANGES_MAX, sizeof(*s->happenings));
	return s->buckets && s->heap && s->happenings ? 0 : -ENOMEM;
}

/* place_of - the source's place, made at its first line */
static struct place *place_of(struct simulation *s, const struct addr *addr)
{
	struct place **slot = &s->buckets[hash(addr) & s->bucket_mask];
	struct place *p;

	for (p = *slot; p; p = p->next)
		if (!memcmp(&p->source.addr, addr, sizeof(*addr)))
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->source.addr = *addr;
	p->next = *slot;
	*slot = p;
	s->places++;
	return p;
}

/* before - heap order: due, then address, so that the output never depends on chance */
static bool before(const struct place *a, const struct place *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return memcmp(&a->source.addr, &b->source.addr, sizeof(a->source.addr)) < 0;
}

/* heap_put - a place into a position */
static void heap_put(struct simulation *s, size_t at, struct place *p)
{
	s->heap[at] = p;
	p->heap = at;
}

/* heap_sift - move the place at a position up or down to where it belongs */
static void heap_sift(struct simulation *s, size_t at)
{
	struct place *p = s->heap[at];
	size_t child;

	for (; at > 1 && before(p, s->heap[at / 2]); at /= 2)
		heap_put(s, at, s->heap[at / 2]);
	for (; (child = at * 2) <= s->heap_count; at = child) {
		if (child < s->heap_count && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], p))
			break;
		heap_put(s, at, s->heap[child]);
	}
	heap_put(s, at, p);
}

/* reschedule - put a place where its next due wants it; positions count from 1, 0 is none */
static void reschedule(struct simulation *s, struct place *p)
{
	struct place *last;
	size_t at = p->heap;

	p->due = escalation_next(&p->source);
	if (p->due) {
		if (!at)
			heap_put(s, at = ++s->heap_count, p);
		heap_sift(s, at);
	} else if (at) {
		last = s->heap[s->heap_count--];
		p->heap = 0;
		if (last == p)
			return;
		heap_put(s, at, last);
		heap_sift(s, at);
	}
}

/* keep - a change callback */
static void keep(void *arg, const struct change *change)
{
	struct simulation *s = arg;
	struct happening *h;

	if (s->happened >= CHANGES_MAX)
		return;
	h = &s->happenings[s->happened++];
	h->identity = *change->identity;
	h->change = *change;
}

/* line - what one line of output says */
struct line {
	int64_t at;
	const struct identity *identity;
	uint32_t stage;
	const struct enforcement *enforced;
	const char *why;
};

/* print_json - the object of DESIGN section 6 */
static int print_json(FILE *out, const struct line *l)
{
	char at[TIMES_TEXT], source[ADDRESS_TEXT], build[BUILD_TEXT];
	json_t *object;
	int rc;

	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "at",
			   times_format(l->at, at), "source",
			   address_format(&l->identity->source, source), "helo", l->identity->name,
			   "build", build_format(l->identity->build, build), "standing",
			   standing_name(l->identity->standing), "stage", (int)l->stage,
			   "throttle_min", (int)l->enforced->throttle_min, "block_min",
			   (int)l->enforced->block_min, "why", l->why);
	if (!object)
		return -ENOMEM;
	rc = json_dumpf(object, out, JSON_COMPACT);
	json_decref(object);
	return rc < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}

/* print_text - the same for people */
static int print_text(FILE *out, const struct line *l)
{
	char at[TIMES_TEXT], source[ADDRESS_TEXT], build[BUILD_TEXT];
	int rc;

	rc = fprintf(out, "%s  %s %s  %s %s  stage %u  slowed %u, refused %u min/h\n    %s\n",
		     times_format(l->at, at), address_format(&l->identity->source, source),
		     l->identity->name, build_format(l->identity->build, build),
		     standing_name(l->identity->standing), l->stage, l->enforced->throttle_min,
		     l->enforced->block_min, l->why);
	return rc < 0 ? -EIO : 0;
}

/* held - the source gets fewer minutes than the stage has, and the line should say why */
static bool held(const struct simulation *s, const struct change *c, const struct enforcement *x)
{
	const struct policy_stage *row;

	if (!c->to)
		return false;
	row = &s->options->policy->stages[c->to - 1];
	return x->throttle_min != row->throttle_min || x->block_min != row->block_min;
}

/* print_change - one line for a change of stage */
static int print_change(struct simulation *s, const struct happening *h,
			const struct enforcement *x)
{
	char why[2 * WHY_BYTES + 2];
	struct line l = { h->change.at, &h->identity, h->change.to, x, h->change.why };

	if (held(s, &h->change, x)) {
		snprintf(why, sizeof(why), "%s; %s", h->change.why, x->why);
		l.why = why;
	}
	return s->options->json ? print_json(s->out, &l) : print_text(s->out, &l);
}

/* report - the lines of one source at one moment: its changes of stage, or else the change of
 * minutes alone */
static int report(struct simulation *s, struct place *p)
{
	struct enforcement x;
	struct line l;
	bool moved;
	int rc = 0;

	escalation_source(&s->clock, &p->source, &x);
	moved = x.throttle_min != p->throttle_min || x.block_min != p->block_min;
	p->throttle_min = x.throttle_min;
	p->block_min = x.block_min;
	for (size_t i = 0; i < s->happened && rc == 0; i++)
		rc = print_change(s, &s->happenings[i], &x);
	if (!s->happened && moved && x.acting) {
		l = (struct line) { s->clock.now, x.acting, x.acting->stage, &x, x.why };
		rc = s->options->json ? print_json(s->out, &l) : print_text(s->out, &l);
	}
	s->happened = 0;
	return rc;
}

/* run_due - all clocks that fall due before `until`, or (inclusive) at it */
static int run_due(struct simulation *s, int64_t until, bool inclusive)
{
	int rc = 0;

	while (rc == 0 && s->heap_count) {
		struct place *p = s->heap[1];

		if (p->due > until || (p->due == until && !inclusive))
			break;
		s->clock.now = s->clock.running = p->due;
		escalation_due(&s->clock, &p->source);
		rc = report(s, p);
		reschedule(s, p);
	}
	return rc;
}

/* same_moment - another input of the same source and second follows */
static bool same_moment(const struct simulation *s, const struct simulate_input *in)
{
	const struct simulate_input *next = in + 1;

	return next < s->in.list + s->in.count && next->o.at == in->o.at &&
	       !memcmp(&next->key, &in->key, sizeof(in->key));
}

/* apply - one input to its source's clocks */
static int apply(struct simulation *s, struct source *source, const struct simulate_input *in)
{
	if (in->kind == INPUT_PAUSE)
		escalation_pause(&s->clock, source, in->until);
	else if (in->kind == INPUT_UNPAUSE)
		escalation_unpause(&s->clock, source);
	else
		return escalation_observe(&s->clock, source, &in->o);
	return 0;
}

/* take - one input; after the last of its second the lines, and the next due */
static int take(struct simulation *s, const struct simulate_input *in)
{
	struct place *p = place_of(s, &in->key);
	int rc;

	if (!p)
		return -ENOMEM;
	s->clock.now = s->clock.running = in->o.at;
	rc = apply(s, &p->source, in);
	if (rc < 0 || same_moment(s, in))
		return rc < 0 ? rc : 0;
	rc = report(s, p);
	reschedule(s, p);
	return rc;
}

/* judge - by the catalogue in force, now */
static void judge(void *arg, uint64_t build, struct judgement *ret)
{
	const struct simulation *s = arg;

	catalogue_judge(s->catalogue, build, s->clock.now, s->options->grace_days, NULL, NULL, ret);
}

/* by_address - so that the lines of a moment have one order */
static int by_address(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;

	return memcmp(&(*x)->source.addr, &(*y)->source.addr, sizeof((*x)->source.addr));
}

/* every_place - a list of all sources, in order of address; the caller frees it */
static struct place **every_place(const struct simulation *s)
{
	struct place **all = calloc(s->places + 1, sizeof(struct place *));
	size_t n = 0;

	for (size_t i = 0; all && i <= s->bucket_mask; i++)
		for (struct place *p = s->buckets[i]; p; p = p->next)
			all[n++] = p;
	if (all)
		qsort(all, n, sizeof(struct place *), by_address);
	return all;
}

/* change_catalogue - the next one is in force: every record is judged anew */
static int change_catalogue(struct simulation *s)
{
	struct place **all = every_place(s);
	int rc = all ? 0 : -ENOMEM;

	s->catalogue = s->options->next;
	s->clock.now = s->clock.running = s->options->next_at;
	for (size_t i = 0; rc == 0 && i < s->places; i++) {
		escalation_rejudge(&s->clock, &all[i]->source, judge, s);
		rc = report(s, all[i]);
		reschedule(s, all[i]);
	}
	free(all);
	return rc;
}

/* go_to - all that falls due before a moment, the change of the catalogue in its place */
static int go_to(struct simulation *s, int64_t at, bool inclusive)
{
	const struct simulate_options *opt = s->options;
	int rc = 0;

	if (opt->next && s->catalogue != opt->next && opt->next_at <= at) {
		rc = run_due(s, opt->next_at, false);
		if (rc == 0)
			rc = change_catalogue(s);
	}
	return rc < 0 ? rc : run_due(s, at, inclusive);
}

/* run - time from the first input to the end */
static int run(struct simulation *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->in.count && rc == 0; i++) {
		if (s->in.list[i].o.at > s->until)
			break;
		rc = go_to(s, s->in.list[i].o.at, false);
		if (rc == 0)
			rc = take(s, &s->in.list[i]);
	}
	return rc < 0 ? rc : go_to(s, s->until, true);
}

/* release - all memory */
static void release(struct simulation *s)
{
	for (size_t i = 0; s->buckets && i <= s->bucket_mask; i++) {
		for (struct place *p = s->buckets[i], *next; p; p = next) {
			next = p->next;
			source_clear(&p->source);
			free(p);
		}
	}
	free(s->buckets);
	free(s->heap);
	free(s->happenings);
	free(s->in.list);
}

/* simulate - read, sort, run */
int simulate(FILE *in, FILE *out, const struct simulate_options *options, struct error *e)
{
	struct simulation s = { .options = options, .out = out, .catalogue = options->catalogue };
	int rc;

	s.clock = (struct escalation) { .policy = options->policy, .changed = keep, .arg = &s };
	rc = simulate_read(in, options, &s.in, e);
	if (rc == 0 && s.in.count) {
		s.until = options->until ? options->until : s.in.list[s.in.count - 1].o.at;
		rc = make_tables(&s);
		if (rc == 0)
			rc = run(&s);
		if (rc < 0)
			error_set(e, rc, "simulation stopped: %s", strerror(-rc));
	}
	release(&s);
	return rc;
}
