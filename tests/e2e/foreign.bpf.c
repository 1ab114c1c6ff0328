// SPDX-License-Identifier: GPL-2.0-only
/*
 * foreign.bpf.c - programs of somebody else, which the gate must leave alone
 *
 * One per hook that the gate uses too, and a map, so that all kinds of objects are there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} foreign_map SEC(".maps");

/* seen - count, so that the map belongs to each program */
static __always_inline void seen(void)
{
	__u32 key = 0;
	__u64 *n = bpf_map_lookup_elem(&foreign_map, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("xdp")
int foreign_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	seen();
	return XDP_PASS;
}

SEC("tc")
int foreign_tc(struct __sk_buff *skb)
{
	(void)skb;
	seen();
	return -1; /* TC_ACT_UNSPEC: the next program decides */
}

SEC("sockops")
int foreign_sockops(struct bpf_sock_ops *ctx)
{
	(void)ctx;
	seen();
	return 1;
}

SEC("license")
char foreign_license[] = "GPL";
