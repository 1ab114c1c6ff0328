// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_scale - what the drop of a blocked source costs with 1 to 1,000,000 verdicts
 *
 * "hot": the same source again and again, a flood of which one attempt in 64 is asked for.
 * "random": another of the sources each time; with many of them nothing is in a cache and each
 * one is asked for. "stranger": as random, of sources without a verdict, which pass. What
 * choosing a source costs is taken off (bench_scatter before the empty program). xdp-filter has
 * room for 10,000 sources as it comes; here it gets as many as we have.
 */
#include "tests/bench/bench_gate.h"

#define MOST 1000000

enum slot { EMPTY = 1, HOT, RANDOM, STRANGER, FILTER, SLOTS };

static const char *const names[SLOTS] = {
	[EMPTY] = "the empty program", [HOT] = "hot",           [RANDOM] = "random",
	[STRANGER] = "stranger",       [FILTER] = "xdp-filter",
};

struct world {
	struct instance *gate;
	struct bpf_object *again, *filter;
	uint32_t verdicts; /* so many are there */
};

/* memory - what the kernel says a map takes, in bytes */
static unsigned long memory(int fd)
{
	char path[64], line[128];
	unsigned long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %lu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

/* grow - as many sources are blocked, by both */
static void grow(struct world *w, uint32_t verdicts)
{
	bench_blocked(w->gate, w->verdicts, verdicts);
	bench_filter_block(w->filter, w->verdicts, verdicts);
	w->verdicts = verdicts;
}

/* paths - all slots with so many sources */
static void paths(struct world *w, struct bench *b)
{
	int scatter = bench_program(w->again, "bench_scatter");
	uint8_t f[BENCH_FRAME];
	size_t n;

	for (enum slot s = EMPTY; s < SLOTS; s++) {
		uint32_t n_sources = s == HOT ? 1 : w->verdicts;
		uint32_t first = s == STRANGER ? MOST : 0;
		struct bench_path *p;

		n = bench_syn(w->gate, 0, f);
		f[11] = s; /* the slot: last byte of the Ethernet source */
		bench_slot(w->again, s, f, n, first, n_sources);
		p = bench_add(b, names[s], scatter, f, n);
		if (s != EMPTY)
			bench_over(p, &b->paths[0], NAN);
	}
}

static void row(const struct world *w, const struct bench *b, bool json)
{
	unsigned long bytes = memory(instance_fds(w->gate)->verdicts);

	if (!json) {
		printf("%9u", w->verdicts);
		for (unsigned int i = 1; i < b->count; i++)
			printf("  %10.1f", b->paths[i].figure);
		printf("  %8.1f MiB\n", bytes / 1048576.0);
		return;
	}
	printf("%s{\"verdicts\":%u,\"map_bytes\":%lu", w->verdicts == 1 ? "" : ",", w->verdicts,
	       bytes);
	for (unsigned int i = 1; i < b->count; i++)
		printf(",\"%s\":%.2f", b->paths[i].name, b->paths[i].figure);
	putchar('}');
}

static struct world open_world(void)
{
	struct world w = { .gate = bench_gate(MOST) };
	int xdp = instance_fds(w.gate)->xdp;

	w.again = bench_object("build/obj/tests/bench/again.bpf.o");
	w.filter = bench_filter("xdpfilt_alw_all", MOST);
	bench_into(w.again, "again_xdp", EMPTY, bench_program(w.again, "bench_empty_xdp"));
	bench_into(w.again, "again_xdp", HOT, xdp);
	bench_into(w.again, "again_xdp", RANDOM, xdp);
	bench_into(w.again, "again_xdp", STRANGER, xdp);
	bench_into(w.again, "again_xdp", FILTER, bench_filter_program(w.filter));
	return w;
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "json");
	struct world w = open_world();

	if (json)
		printf("{\"bench\":\"scale\",\"unit\":\"ns over the empty program\",\"rows\":[");
	else
		puts("ns per SYN at XDP over the empty program\n"
		     " verdicts         hot      random    stranger  xdp-filter  verdict map");
	for (uint32_t verdicts = 1; verdicts <= MOST; verdicts *= 10) {
		struct bench b = { .name = "scale" };

		grow(&w, verdicts);
		paths(&w, &b);
		bench_measure(&b);
		row(&w, &b, json);
	}
	if (json)
		puts("]}");
	bpf_object__close(w.filter);
	bpf_object__close(w.again);
	instance_close(w.gate);
	return 0;
}
