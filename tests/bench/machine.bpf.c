// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine.bpf.c - the line machine beside a bare walk of its table, over the same bytes
 *
 * The machine goes as the reader has it go (bpf/reader.h). The bare walk does nothing but move
 * from row to row with bpf_loop(), in which the verifier sees one byte.
 */
#include "bpf/gate.h"
#include "bpf/smtp.h"

#define BENCH_BYTES 1024

struct bench {
	__u8 bytes[BENCH_BYTES];
	__u64 past;
	__u32 length;
	__u32 at;
	struct smtp smtp;
	struct smtp_text text;
	__u32 actions;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench SEC(".maps");

static __noinline __u32 dull(struct bench *b)
{
	return b ? smtp_line(b->bytes, BENCH_BYTES, b->at, b->length) : 0;
}

static __noinline __u32 plain(struct bench *b)
{
	return b ? smtp_plain(&b->smtp, b->bytes, BENCH_BYTES, b->at, b->length) : 0;
}

static long step_machine(__attribute__((unused)) __u32 i, void *context)
{
	struct bench *b = *(struct bench **)context;
	__u32 at;

	if (smtp_dull(&b->smtp))
		b->at += dull(b);
	at = b->at;
	b->at = plain(b);
	if (b->at >= b->length)
		return 1;
	if (b->at != at && smtp_dull(&b->smtp))
		return 0;
	if (smtp_step(&b->smtp, &b->text, b->bytes[b->at++ & (BENCH_BYTES - 1)]))
		b->actions++;
	return 0;
}

static long step_bare(__u32 i, void *context)
{
	struct bench *b = *(struct bench **)context;
	__u32 class = smtp_class[b->bytes[i & (BENCH_BYTES - 1)]];

	b->smtp.row = smtp_table[(b->smtp.row + class) & 0xffff];
	return 0;
}

static __always_inline int walk(long (*step)(__u32, void *))
{
	__u32 zero = 0;
	struct bench *b = bpf_map_lookup_elem(&bench, &zero);

	if (!b)
		return 0;
	smtp_header(&b->smtp, 0);
	b->at = 0;
	bpf_loop(b->length & (BENCH_BYTES - 1), step, &b, 0);
	return 0;
}

SEC("tc")
int bench_machine(__attribute__((unused)) struct __sk_buff *skb)
{
	return walk(step_machine);
}

SEC("tc")
int bench_bare(__attribute__((unused)) struct __sk_buff *skb)
{
	return walk(step_bare);
}

char LICENSE[] SEC("license")
= "GPL";
