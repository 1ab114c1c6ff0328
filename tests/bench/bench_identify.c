// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_identify - what looking costs, in ratios of one run (DESIGN section 10)
 *
 * Every path is timed by BPF_PROG_TEST_RUN's own clock, the paths in turn, several rounds; what
 * is printed are medians. With "json" as argument one object for machines.
 */
#include "tests/prog/conversation.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ROUNDS 9
#define REPEAT 200000

#define LINE                                                                                       \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server (version=TLS1_2,\r\n"                          \
	" cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.39; Sat, 21 Nov\r\n"          \
	" 2026 10:00:00 +0000\r\n"

/* Headers as they stand above a Received line, and one: mostly bytes nobody looks for. */
static const char header[] =
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n"
	" t=1763719200; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
	" h=from:to:subject:date:message-id:mime-version:content-type;\r\n"
	" b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r\n"
	"Content-Language: en-US\r\n" LINE;

struct path {
	const char *name;
	int program;
	uint8_t frame[2048];
	size_t bytes;
	double ns[ROUNDS];
};

enum {
	EMPTY,
	EMPTY_XDP,
	WEB_INGRESS,
	WEB_EGRESS,
	WEB_XDP,
	DONE_INGRESS,
	DONE_EGRESS,
	BARE,
	MACHINE,
	PATHS
};

static struct path paths[PATHS];

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct path *p)
{
	qsort(p->ns, ROUNDS, sizeof(p->ns[0]), by_value);
	return p->ns[ROUNDS / 2];
}

static void run(struct path *p, int round, int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->frame, .data_size_in = p->bytes,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(p->program, &o)) {
		fprintf(stderr, "bench: %s: %s\n", p->name, strerror(errno));
		exit(1);
	}
	p->ns[round] = o.duration;
}

static void set(int which, const char *name, int program, const uint8_t *frame, size_t bytes)
{
	paths[which].name = name;
	paths[which].program = program;
	memcpy(paths[which].frame, frame, bytes);
	paths[which].bytes = bytes;
}

/* machine_programs - the object of machine.bpf.c, its buffer filled with the header */
static struct bpf_object *machine_programs(void)
{
	struct bpf_object *o = bpf_object__open_file("build/obj/tests/bench/machine.bpf.o", NULL);
	struct bpf_map *map;
	uint32_t zero = 0, length = sizeof(header) - 1;
	uint8_t *value;

	if (!o || bpf_object__load(o)) {
		fprintf(stderr, "bench: cannot load machine.bpf.o\n");
		exit(1);
	}
	map = bpf_object__find_map_by_name(o, "bench");
	value = calloc(1, bpf_map__value_size(map));
	memcpy(value, header, length);
	memcpy(value + 1024, &length, sizeof(length));
	bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY);
	free(value);
	return o;
}

static int program(struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

/* fill - the frames: not mail, and ciphertext of a connection that left for TLS */
static void fill(struct instance *gate, struct bpf_object *o)
{
	const struct instance_fds *fds = instance_fds(gate);
	struct talk t = talk(gate, false);
	uint8_t f[2048];
	size_t n;

	t.server_port = 443;
	n = build_frame(&t, true, 1, 1, ACK, "hello hello hello", 17, f);
	set(EMPTY, "empty program", program(o, "bench_empty"), f, n);
	set(EMPTY_XDP, "empty program, XDP", program(o, "bench_empty_xdp"), f, n);
	set(WEB_INGRESS, "not mail, ingress", fds->ingress, f, n);
	set(WEB_EGRESS, "not mail, egress", fds->egress, f, n);
	set(WEB_XDP, "not mail, XDP", fds->xdp, f, n);
	set(BARE, "bare table automaton", program(o, "bench_bare"), f, n);
	set(MACHINE, "line machine", program(o, "bench_machine"), f, n);
	t = talk(gate, false);
	handshake(&t);
	server(&t, "220 mx.example.net\r\n");
	client(&t, "EHLO a.example.org\r\n");
	server(&t, "250 STARTTLS\r\n");
	client(&t, "STARTTLS\r\n");
	server(&t, "220 go\r\n");
	n = build_frame(&t, true, t.client_seq, t.server_seq, ACK, "ciphertext, really", 18, f);
	set(DONE_INGRESS, "identified flow, ingress", fds->ingress, f, n);
	n = build_frame(&t, false, t.server_seq, t.client_seq, ACK, "ciphertext, really", 18, f);
	set(DONE_EGRESS, "identified flow, egress", fds->egress, f, n);
}

static void table(const double m[PATHS])
{
	double bytes = sizeof(header) - 1;

	printf("%-28s %8s  %s\n", "path", "ns", "against the empty program (budget)");
	for (int p = 0; p < BARE; p++) {
		double base = m[p == EMPTY_XDP || p == WEB_XDP ? EMPTY_XDP : EMPTY];

		printf("%-28s %8.1f", paths[p].name, m[p]);
		if (p != EMPTY && p != EMPTY_XDP)
			printf("  + %.1f ns (%s)", m[p] - base,
			       p == DONE_INGRESS || p == DONE_EGRESS ? "50" : "10");
		puts("");
	}
	printf("%-28s %8.2f  per byte\n", paths[BARE].name, (m[BARE] - m[EMPTY]) / bytes);
	printf("%-28s %8.2f  per byte, %.2f x the bare one (1.5)\n", paths[MACHINE].name,
	       (m[MACHINE] - m[EMPTY]) / bytes, (m[MACHINE] - m[EMPTY]) / (m[BARE] - m[EMPTY]));
}

static void object(const double m[PATHS])
{
	printf("{\"bench\":\"identify\"");
	for (int p = 0; p < PATHS; p++)
		printf(",\"%s\":%.1f", paths[p].name, m[p]);
	printf(",\"line machine / bare\":%.3f}\n", (m[MACHINE] - m[EMPTY]) / (m[BARE] - m[EMPTY]));
}

/* print_verifier - how far the programs are from the verifier's limit on this kernel */
static void print_verifier(void)
{
	struct gate_config config = { .ports_count = 2, .ipv6_bits = 64 };
	char counts[512];

	config.ports[0].port = htons(25);
	config.ports[0].kind = PORT_MX;
	config.ports[1].port = htons(587);
	config.ports[1].kind = PORT_SUBMISSION;
	if (!instance_verifier_counts(&config, counts, sizeof(counts), NULL))
		printf("\ninstructions processed by the verifier (limit 1,000,000; ours "
		       "250,000)\n%s",
		       counts);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "json");
	struct bpf_object *o = machine_programs();
	double m[PATHS];
	void *state = NULL;

	if (open_gate(&state))
		return 1;
	fill(state, o);
	for (int round = 0; round < ROUNDS; round++)
		for (int p = 0; p < PATHS; p++)
			run(&paths[p], round, p < BARE ? REPEAT : REPEAT / 50);
	for (int p = 0; p < PATHS; p++)
		m[p] = median(&paths[p]);
	(json ? object : table)(m);
	if (!json)
		print_verifier();
	instance_close(state);
	bpf_object__close(o);
	return 0;
}
