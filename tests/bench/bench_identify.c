// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_identify - what looking costs, in ratios of one run (DESIGN section 10)
 *
 * Packets that nobody looks at, flows that were read to their end, and the line machine beside a
 * bare walk of its table over the same bytes. With "json" as argument one object for machines.
 */
#include "tests/bench/bench_gate.h"

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

/* machine_programs - the object of machine.bpf.c, its buffer filled with the header */
static struct bpf_object *machine_programs(void)
{
	struct bpf_object *o = bench_object("build/obj/tests/bench/machine.bpf.o");
	struct bpf_map *map = bpf_object__find_map_by_name(o, "bench");
	uint32_t zero = 0, length = sizeof(header) - 1;
	uint8_t *value;

	value = calloc(1, bpf_map__value_size(map));
	memcpy(value, header, length);
	memcpy(value + 1024 + 8, &length, sizeof(length)); /* struct bench of machine.bpf.c */
	bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY);
	free(value);
	return o;
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

/* machine - the line machine over the header, beside the bare walk */
static void machine(struct bench *b, struct bpf_object *o, const struct bench_path *empty)
{
	static const uint8_t f[60] = { 0 };
	struct bench_path *bare, *ours;

	bare = bench_add(b, "bare table automaton, a header", bench_program(o, "bench_bare"), f,
			 sizeof(f));
	ours = bench_add(b, "line machine, a header", bench_program(o, "bench_machine"), f,
			 sizeof(f));
	bench_over(bare, empty, NAN);
	bench_part(ours, bare, empty, 1.5);
}

int main(int argc, char **argv)
{
	static struct bench b = { .name = "identify" };
	bool json = argc > 1 && !strcmp(argv[1], "json");
	struct bpf_object *machines = machine_programs();
	struct bpf_object *again = bench_object("build/obj/tests/bench/again.bpf.o");
	struct instance *gate = bench_gate(0);
	struct bench_path *blank = bench_empty(&b, again);

	bench_not_mail(&b, gate, blank);
	bench_identified(&b, gate, blank);
	machine(&b, machines, blank + 1);
	bench_measure(&b);
	bench_print(&b, json);
	if (!json)
		print_verifier();
	instance_close(gate);
	bpf_object__close(again);
	bpf_object__close(machines);
	return 0;
}
