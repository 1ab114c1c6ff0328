// SPDX-License-Identifier: GPL-2.0-only
/*
 * again.bpf.c - programs in front of the one that is timed, and the empty one
 *
 * A test run repeats on the same frame. bench_again puts the frame back before each time, for
 * programs that change it; bench_scatter gives it another source address each time, for maps whose
 * entries are not all in a cache. Both then jump into the slot of the frame: skb->priority, or the
 * last byte of the Ethernet source. What they cost themselves is what they cost in front of
 * bench_empty.
 */
#include "bpf/gate.h"
#include "tests/bench/again.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, AGAIN_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} again_tc SEC(".maps")
, again_xdp SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AGAIN_SLOTS);
	__type(key, __u32);
	__type(value, struct again);
} again SEC(".maps");

SEC("tc")
int bench_again(struct __sk_buff *skb)
{
	__u32 slot = skb->priority, n;
	struct again *a = bpf_map_lookup_elem(&again, &slot);

	if (!a)
		return TC_ACT_SHOT;
	n = a->bytes;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (AGAIN_FRAME - 1);
	if (bpf_skb_change_tail(skb, n + 1, 0) || bpf_skb_store_bytes(skb, 0, a->frame, n + 1, 0))
		return TC_ACT_SHOT;
	skb->mark = 0;
	bpf_tail_call(skb, &again_tc, slot);
	return TC_ACT_SHOT;
}

/* A walk through the slot's addresses that no prefetcher guesses. */
SEC("xdp.frags")
int bench_scatter(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct again *a;
	__u32 slot;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	slot = eth->h_source[5];
	a = bpf_map_lookup_elem(&again, &slot);
	if (!a)
		return XDP_ABORTED;
	a->random = a->random * 1664525 + 1013904223;
	ip->saddr = bpf_htonl(a->first + (__u32)((__u64)a->random * a->sources >> 32));
	bpf_tail_call(ctx, &again_xdp, slot);
	return XDP_ABORTED;
}

SEC("tc")
int bench_empty(__attribute__((unused)) struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("xdp.frags")
int bench_empty_xdp(__attribute__((unused)) struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license")
= "GPL";
