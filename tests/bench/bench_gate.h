/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_gate - a gate that enforces, and what it is measured beside
 *
 * bench_gate() is an instance as a daemon in enforce mode has it, with own addresses and gateways
 * exempt. bench_blocked() gives it n blocked sources, 10.0.0.0 and following. bench_not_mail() and
 * bench_identified() are paths that more than one measurement has; bench_takes() makes sure that a
 * frame goes the way it is said to. bench_filter() is
 * xdp-filter of Debian's xdp-tools with its own program, alone on its interface as far as it
 * knows: libxdp's dispatcher, refused on many kernels, would only add to it.
 */
#ifndef BUILDGATE_TESTS_BENCH_GATE_H
#define BUILDGATE_TESTS_BENCH_GATE_H

#include "tests/bench/again.h"
#include "tests/bench/bench.h"
#include "tests/prog/answered.h"

#define FILTER_DIR "/usr/lib/x86_64-linux-gnu/bpf/"
#define FILTER_SRC 1 /* its flag of an address that is matched as source */

static inline void bench_exempt(struct instance *gate, uint32_t address)
{
	struct range_key key = { .prefix_bits = 128 };
	struct range range = { .action = ACTION_PASS };

	key.addr.b[10] = key.addr.b[11] = 0xff;
	put32(key.addr.b + 12, address);
	instance_range(gate, &key, &range);
}

static inline struct instance *bench_gate(unsigned int verdicts)
{
	struct instance *gate = open_sized(verdicts);

	if (!gate)
		exit(1);
	clean(gate);
	bench_exempt(gate, 0xc6336419); /* 198.51.100.25, this host */
	bench_exempt(gate, 0xc6336401); /* 198.51.100.1, its gateway */
	return gate;
}

/* bench_texts - what the answerer says */
static inline void bench_texts(struct instance *gate)
{
	struct reply_cause cause = { .build = BUILD(15, 1, 2507, 39), .block_min = 60 };

	put_texts(gate, LATER_INDEX, NULL, false);
	put_texts(gate, TEXTS, &cause, false);
	put_keys(gate, 11, 0);
}

/* bench_verdict - as the clock refuses a source all of the hour */
static inline struct verdict bench_verdict(uint8_t style)
{
	return (struct verdict) { .block_s = 3600,
				  .drop_style = style,
				  .reply = TEXTS,
				  .flags = VERDICT_CLOCK,
				  .recheck_at_ns = NOON + HOUR };
}

/* bench_source - the address of the nth source as a verdict has it */
static inline struct addr bench_source(uint32_t n)
{
	struct addr a = { 0 };

	a.b[10] = a.b[11] = 0xff;
	put32(a.b + 12, 0x0a000000 + n);
	return a;
}

/* bench_blocked - sources from..to are blocked without an answer */
static inline void bench_blocked(struct instance *gate, unsigned int from, unsigned int to)
{
	struct verdict v = bench_verdict(STYLE_SILENT);

	for (unsigned int n = from; n < to; n++) {
		struct addr a = bench_source(n);

		if (instance_verdict(gate, &a, &v))
			bench_die("a verdict", strerror(errno));
	}
}

/* bench_syn - a SYN of the nth source into f; returns its length */
static inline size_t bench_syn(struct instance *gate, uint32_t n, uint8_t *f)
{
	struct talk t = talk(gate, false);
	size_t bytes = build_frame(&t, true, ISN, 0, SYN, "", 0, f);

	put32(f + 26, 0x0a000000 + n);
	return bytes;
}

/* bench_takes - the path leaves the gate for this reason */
static inline struct bench_path *bench_takes(struct instance *gate, struct bench_path *p,
					     enum reason reason)
{
	struct look before = look(gate);

	p->repeat = 1;
	bench_slice(p);
	if (noted(gate, &before, reason) != 1)
		bench_die(p->name, "goes another way");
	return p;
}

/* bench_empty - what the others are held against; returns XDP's, TC's is the next */
static inline struct bench_path *bench_empty(struct bench *b, struct bpf_object *again)
{
	static const uint8_t f[60] = { 0 };
	struct bench_path *xdp = bench_add(b, "the empty program, XDP",
					   bench_program(again, "bench_empty_xdp"), f, sizeof(f));

	bench_add(b, "the empty program, TC", bench_program(again, "bench_empty"), f, sizeof(f));
	return xdp;
}

/* bench_hooks - a frame of no connection at every hook, held against the empty programs */
static inline void bench_hooks(struct bench *b, const char *name, struct instance *gate,
			       const struct bench_path *empty, const uint8_t *f, size_t n,
			       enum reason reason, double budget)
{
	static const char *const at[] = { "XDP", "ingress", "egress" };
	const struct instance_fds *fds = instance_fds(gate);
	int programs[] = { fds->xdp, fds->ingress, fds->egress };

	for (int i = 0; i < 3; i++) {
		char whole[64];

		snprintf(whole, sizeof(whole), "%s, %s", name, at[i]);
		bench_over(bench_takes(gate, bench_add(b, whole, programs[i], f, n), reason),
			   i ? empty + 1 : empty, budget);
	}
}

/* bench_not_mail - TCP of the web, and UDP */
static inline void bench_not_mail(struct bench *b, struct instance *gate,
				  const struct bench_path *empty)
{
	struct talk t = talk(gate, false);
	uint8_t f[BENCH_FRAME];
	size_t n;

	t.server_port = 443;
	n = build_frame(&t, true, 1, 1, ACK, "hello hello hello", 17, f);
	bench_hooks(b, "not mail", gate, empty, f, n, REASON_NOT_MAIL, 10);
	f[23] = 17;
	bench_hooks(b, "UDP", gate, empty, f, n, REASON_NOT_MAIL, 10);
	t.ipv6 = true;
	n = build_frame(&t, true, 1, 1, ACK, "hello hello hello", 17, f);
	bench_hooks(b, "not mail, IPv6", gate, empty, f, n, REASON_NOT_MAIL, 10);
}

/* bench_identified - ciphertext of a connection that left for TLS: all there is was seen */
static inline void bench_identified(struct bench *b, struct instance *gate,
				    const struct bench_path *empty)
{
	const struct instance_fds *fds = instance_fds(gate);
	struct talk t = talk(gate, false);
	struct bench_path *p;
	uint8_t f[BENCH_FRAME];
	size_t n;

	handshake(&t);
	server(&t, "220 mx.example.net\r\n");
	client(&t, "EHLO a.example.org\r\n");
	server(&t, "250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	n = build_frame(&t, true, t.client_seq, t.server_seq, ACK, "ciphertext, really", 18, f);
	p = bench_add(b, "identified flow, ingress", fds->ingress, f, n);
	bench_over(bench_takes(gate, p, REASON_READ_DONE), empty + 1, 50);
	n = build_frame(&t, false, t.server_seq, t.client_seq, ACK, "ciphertext, really", 18, f);
	p = bench_add(b, "identified flow, egress", fds->egress, f, n);
	bench_over(bench_takes(gate, p, REASON_READ_DONE), empty + 1, 50);
}

/* bench_filter - with room for so many IPv4 sources */
static inline struct bpf_object *bench_filter(const char *name, unsigned int room)
{
	struct bpf_object *o;
	struct bpf_map *map;
	char path[128];

	snprintf(path, sizeof(path), FILTER_DIR "%s.o", name);
	o = bpf_object__open_file(path, NULL);
	if (!o)
		bench_die(path, "cannot be read: is Debian's xdp-tools installed?");
	bpf_object__for_each_map(map, o) bpf_map__set_pin_path(map, NULL);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "filter_ipv4"), room);
	bpf_program__set_flags(bpf_object__next_program(o, NULL), BPF_F_XDP_HAS_FRAGS);
	if (bpf_object__load(o))
		bench_die(path, "cannot be loaded");
	return o;
}

static inline int bench_filter_program(struct bpf_object *o)
{
	return bpf_program__fd(bpf_object__next_program(o, NULL));
}

/* bench_filter_block - it drops what comes from sources from..to */
static inline void bench_filter_block(struct bpf_object *o, unsigned int from, unsigned int to)
{
	int fd = bench_map(o, "filter_ipv4"), cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc(cpus, sizeof(*values));

	for (int cpu = 0; cpu < cpus; cpu++)
		values[cpu] = FILTER_SRC;
	for (unsigned int n = from; n < to; n++) {
		__be32 key = htonl(0x0a000000 + n);

		if (bpf_map_update_elem(fd, &key, values, BPF_ANY))
			bench_die("xdp-filter's map", strerror(errno));
	}
	free(values);
}

/* bench_into - the slot's program; again is of again.bpf.o, map again_tc or again_xdp */
static inline void bench_into(struct bpf_object *again, const char *map, uint32_t slot, int program)
{
	if (bpf_map_update_elem(bench_map(again, map), &slot, &program, BPF_ANY))
		bench_die(map, strerror(errno));
}

/* bench_slot - what the programs in front do with the slot's frame; first and sources: of
 * bench_scatter */
static inline void bench_slot(struct bpf_object *again, uint32_t slot, const uint8_t *frame,
			      size_t bytes, uint32_t first, uint32_t sources)
{
	struct again a = {
		.bytes = bytes, .first = 0x0a000000 + first, .sources = sources, .random = slot
	};

	memcpy(a.frame, frame, bytes);
	if (bpf_map_update_elem(bench_map(again, "again"), &slot, &a, BPF_ANY))
		bench_die("again", strerror(errno));
}

#endif
