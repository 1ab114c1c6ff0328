/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench - programs timed beside each other, for ratios that hold on a busy machine
 *
 * A path is a program and the frame it gets. bench_add() a path, say with bench_over() or
 * bench_part() what it is held against and what it may cost, bench_measure() all of them:
 * every path in turn, round after round, in slices of a few milliseconds of this thread's own CPU
 * time (BPF_PROG_TEST_RUN's clock counts whole nanoseconds only; shorter slices would mostly show
 * how long it takes to set a run up). A figure against
 * another path is the median of what the rounds say, each of two slices that ran together.
 * bench_print() shows all of it, as a table or as one JSON object.
 *
 * Programs that change their frame go through bench_again (again.bpf.c): see bench_add_again().
 */
#ifndef BUILDGATE_TESTS_BENCH_H
#define BUILDGATE_TESTS_BENCH_H

#include "tests/prog/conversation.h"

#include <bpf/libbpf.h>
#include <math.h>
#include <time.h>

#define BENCH_ROUNDS 31
#define BENCH_SLICE  8000000 /* ns that one path gets of a round */
#define BENCH_PATHS  64
#define BENCH_FRAME  1024

struct bench_path {
	char name[64];
	int program;
	uint8_t frame[BENCH_FRAME];
	size_t bytes;
	unsigned int repeat;
	uint32_t priority; /* of the skb: which frame bench_again puts back; 0: none */
	const struct bench_path *base, *of; /* held against; taken off of both; or NULL */
	bool part;                          /* a ratio, else nanoseconds more */
	double budget;                      /* of figure; NAN: none */
	double ns[BENCH_ROUNDS];
	double median, figure;
};

struct bench {
	const char *name;
	struct bench_path paths[BENCH_PATHS];
	unsigned int count;
};

/* bench_die - no figures without what they are made of */
static inline void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

/* bench_object - an object of tests/bench, loaded */
static inline struct bpf_object *bench_object(const char *path)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);

	if (!o || bpf_object__load(o))
		bench_die(path, "cannot be loaded");
	return o;
}

static inline int bench_program(struct bpf_object *o, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o, name);

	if (!p)
		bench_die(name, "no such program");
	return bpf_program__fd(p);
}

static inline int bench_map(struct bpf_object *o, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o, name);

	if (!map)
		bench_die(name, "no such map");
	return bpf_map__fd(map);
}

/* bench_add - a path; it stays where it is */
static inline struct bench_path *bench_add(struct bench *b, const char *name, int program,
					   const uint8_t *frame, size_t bytes)
{
	struct bench_path *p = &b->paths[b->count++];

	if (b->count > BENCH_PATHS || bytes > BENCH_FRAME)
		bench_die(name, "too many paths, or too long a frame");
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->program = program;
	memcpy(p->frame, frame, bytes);
	p->bytes = bytes;
	p->repeat = 1;
	p->budget = NAN;
	return p;
}

/* bench_over - may cost so many nanoseconds more than base; NAN: say it only */
static inline void bench_over(struct bench_path *p, const struct bench_path *base, double ns)
{
	p->base = base;
	p->budget = ns;
}

/* bench_part - may cost this part of `of`, after what `base` (or nothing) is taken off of both */
static inline void bench_part(struct bench_path *p, const struct bench_path *of,
			      const struct bench_path *base, double part)
{
	p->of = of;
	p->base = base;
	p->part = true;
	p->budget = part;
}

/* bench_slice - nanoseconds of CPU per packet */
static inline double bench_slice(const struct bench_path *p)
{
	struct __sk_buff skb = { .priority = p->priority };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->frame, .data_size_in = p->bytes,
		    .repeat = p->repeat);
	struct timespec from, to;

	if (p->priority) {
		o.ctx_in = &skb;
		o.ctx_size_in = sizeof(skb);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	if (bpf_prog_test_run_opts(p->program, &o))
		bench_die(p->name, strerror(errno));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / p->repeat;
}

static inline int bench_by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* bench_median - of n figures, which stay in their order */
static inline double bench_median(const double *of, unsigned int n)
{
	double sorted[n];

	memcpy(sorted, of, sizeof(sorted));
	qsort(sorted, n, sizeof(sorted[0]), bench_by_value);
	return sorted[n / 2];
}

/* bench_figure - what a path is held to */
static inline double bench_figure(const struct bench_path *p)
{
	double each[BENCH_ROUNDS];

	for (int r = 0; r < BENCH_ROUNDS; r++) {
		double base = p->base ? p->base->ns[r] : 0;

		each[r] = p->ns[r] - base;
		if (p->part)
			each[r] /= p->of->ns[r] - base;
	}
	return bench_median(each, BENCH_ROUNDS);
}

/* bench_measure - all paths, in turn */
static inline void bench_measure(struct bench *b)
{
	for (unsigned int i = 0; i < b->count; i++) {
		struct bench_path *p = &b->paths[i];

		p->repeat = 50000;
		p->repeat = BENCH_SLICE / bench_slice(p) + 1;
	}
	for (int r = 0; r < BENCH_ROUNDS; r++)
		for (unsigned int i = 0; i < b->count; i++)
			b->paths[i].ns[r] = bench_slice(&b->paths[i]);
	for (unsigned int i = 0; i < b->count; i++) {
		b->paths[i].median = bench_median(b->paths[i].ns, BENCH_ROUNDS);
		b->paths[i].figure = bench_figure(&b->paths[i]);
	}
}

/* bench_holds - within its budget */
static inline bool bench_holds(const struct bench_path *p)
{
	return p->figure <= p->budget;
}

/* bench_row - one line of the table */
static inline void bench_row(const struct bench_path *p)
{
	char against[96] = "", budget[32] = "";

	if (p->part)
		snprintf(against, sizeof(against), "%.2f of %s", p->figure, p->of->name);
	else if (p->base)
		snprintf(against, sizeof(against), "+ %.1f ns over %s", p->figure, p->base->name);
	if (!isnan(p->budget))
		snprintf(budget, sizeof(budget), p->part ? "%.2f %s" : "+ %.0f ns %s", p->budget,
			 bench_holds(p) ? "holds" : "EXCEEDED");
	printf("%-44s %8.1f  %-40s %s\n", p->name, p->median, against, budget);
}

/* bench_json - the same for machines; "figure" is of the unit that "against" is compared in */
static inline void bench_json(const struct bench_path *p)
{
	printf("{\"path\":\"%s\",\"ns\":%.2f", p->name, p->median);
	if (p->base || p->part)
		printf(",\"against\":\"%s\",\"%s\":%.3f", p->part ? p->of->name : p->base->name,
		       p->part ? "ratio" : "over_ns", p->figure);
	if (!isnan(p->budget))
		printf(",\"budget\":%g,\"holds\":%s", p->budget, bench_holds(p) ? "true" : "false");
	putchar('}');
}

static inline void bench_print(const struct bench *b, bool json)
{
	if (!json)
		printf("%-44s %8s  %-40s %s\n", b->name, "ns", "against", "budget");
	else
		printf("{\"bench\":\"%s\",\"paths\":[", b->name);
	for (unsigned int i = 0; i < b->count; i++) {
		if (json && i)
			putchar(',');
		(json ? bench_json : bench_row)(&b->paths[i]);
	}
	if (json)
		puts("]}");
}

#endif
