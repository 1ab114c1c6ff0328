/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer_route.h - by which way an answer leaves
 *
 * The way the packet came: same interface, Ethernet addresses turned, the same VLAN tag. With
 * `answer_via: route` the routing table and the neighbours say where to, for hosts whose way out
 * is not the way in.
 */
#ifndef BUILDGATE_ANSWER_ROUTE_H
#define BUILDGATE_ANSWER_ROUTE_H

#include "bpf/ipsec.h"

/* from linux/bpf.h: what is asked of the routing table, and its answer */
struct bpf_fib_lookup {
	__u8 family;
	__u8 l4_protocol;
	__be16 sport;
	__be16 dport;
	__u16 tot_len;
	__u32 ifindex;
	__u32 flowinfo;
	__u32 src[4];
	__u32 dst[4];
	__u32 vlan;
	__u8 smac[6];
	__u8 dmac[6];
};

#define BPF_FIB_LKUP_RET_SUCCESS  0
#define BPF_FIB_LKUP_RET_NO_NEIGH 7

/* answer_route - the interface by which the routing table leads to the client; without forwarding
 * the kernel only says so of the one it came by */
STEP int answer_route(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_fib_lookup to = { .l4_protocol = IPPROTO_TCP };
	int rc;

	if (!p)
		return 0;
	to.ifindex = skb->ifindex;
	to.tot_len = sizeof(struct iphdr) + sizeof(struct tcphdr);
	if (p->ipv4) {
		to.family = AF_INET;
		to.src[0] = p->key.server.w[3];
		to.dst[0] = p->key.client.w[3];
	} else {
		to.family = AF_INET6;
		__builtin_memcpy(to.src, &p->key.server, sizeof(to.src));
		__builtin_memcpy(to.dst, &p->key.client, sizeof(to.dst));
	}
	rc = bpf_fib_lookup(skb, &to, sizeof(to), 0);
	return rc == BPF_FIB_LKUP_RET_SUCCESS || rc == BPF_FIB_LKUP_RET_NO_NEIGH ? to.ifindex
										 : skb->ifindex;
}

/* answer_leave - as `answer_via` says; what has a VLAN tag goes back with it */
static __always_inline void answer_leave(struct __sk_buff *skb, const struct packet *p)
{
	struct settings *s = gate_settings();

	skb->mark = ANSWER_MARK;
	if (s && READ_ONCE(s->answer_via) == ANSWER_ROUTE && !skb->vlan_present &&
	    p->network_offset == sizeof(struct ethhdr))
		bpf_redirect_neigh(answer_route(skb, p), NULL, 0, 0);
	else
		bpf_redirect(skb->ifindex, 0);
}

#endif
