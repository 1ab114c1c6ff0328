/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checksum.h - is a segment's TCP checksum right? (RFC 9293, 3.1)
 *
 * Asked only for a segment that carries a token: the network card may already have said so, a
 * segment from this very host has none yet (CHECKSUM_PARTIAL: the field holds the sum of the
 * pseudo header), else it is computed over this one segment.
 */
#ifndef BUILDGATE_CHECKSUM_H
#define BUILDGATE_CHECKSUM_H

#include "bpf/scratch.h"

#define CHECKSUM_CHUNK  256
#define CHECKSUM_CHUNKS 256

/* checksum_fold - 32 bits of sum to the 16 on the wire, not complemented */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* checksum_pseudo - sum of the pseudo header of a segment */
static __always_inline __u64 checksum_pseudo(const struct packet *p, __u32 l4_bytes)
{
	__u64 sum = bpf_htonl(l4_bytes);

	sum += bpf_htonl(IPPROTO_TCP);
	for (int i = p->ipv4 ? 3 : 0; i < 4; i++)
		sum += (__u64)p->key.client.w[i] + p->key.server.w[i];
	return sum;
}

struct summing {
	struct __sk_buff *skb;
	__u8 *bytes; /* CHECKSUM_CHUNK of them */
	__u32 offset;
	__u32 left;
	__u64 sum;
};

static long checksum_chunk(__attribute__((unused)) __u32 i, void *context)
{
	struct summing *c = context;
	__u32 n = c->left < CHECKSUM_CHUNK ? c->left : CHECKSUM_CHUNK;

	if (!n)
		return 1;
	__builtin_memset(c->bytes, 0, CHECKSUM_CHUNK); /* what is not loaded adds nothing */
	asm volatile("" : "+r"(n));
	n = (n - 1) & (CHECKSUM_CHUNK - 1);
	if (bpf_skb_load_bytes(c->skb, c->offset, c->bytes, n + 1))
		return 1;
	c->sum += (__u32)bpf_csum_diff(NULL, 0, (void *)c->bytes, CHECKSUM_CHUNK, 0);
	c->offset += n + 1;
	c->left -= n + 1;
	return 0;
}

/* checksum_valid - 1 or 0 */
STEP int checksum_valid(struct __sk_buff *skb, const struct packet *p, __u32 hook)
{
	struct scratch *sc = bpf_map_lookup_elem(&scratch, &hook);
	struct summing c = { .skb = skb };
	__u32 l4_bytes;
	__u16 field;

	if (!p || !sc)
		return 0;
	l4_bytes = p->tcp_bytes_header + p->payload_bytes;
	c.bytes = sc->bytes;
	c.offset = p->tcp_offset;
	c.left = l4_bytes;

	/* GRO only joins segments whose checksums it has checked */
	if (skb->gso_size || bpf_csum_level(skb, BPF_CSUM_LEVEL_QUERY) >= 0)
		return 1;
	if (bpf_skb_load_bytes(skb, p->tcp_offset + __builtin_offsetof(struct tcphdr, check),
			       &field, sizeof(field)))
		return 0;
	c.sum = checksum_pseudo(p, l4_bytes);
	if (checksum_fold(c.sum) == field)
		return 1;
	bpf_loop(CHECKSUM_CHUNKS, checksum_chunk, &c, 0);
	return !c.left && checksum_fold(c.sum) == 0xffff;
}

#endif
