/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flood.h - a source that is refused without an answer, thousands of times a second
 *
 * The same question would get the same answer: once a CPU has asked for a source FLOOD_ASKED times
 * in one tick, it asks for one attempt in FLOOD_HELD + 1 only and drops the others at once, for
 * the rest of that tick. A verdict that the daemon changes is asked for at once (settings.decided);
 * what only time ends is late by FLOOD_HELD packets and a tick at most (4 ms at 250 Hz). Hits come
 * into the verdict with the next one asked for.
 *
 * flood_syn() finds the source of a usual SYN, flood_again() knows it is of a flood; flood_told()
 * is told of each one that was asked for.
 */
#ifndef BUILDGATE_FLOOD_H
#define BUILDGATE_FLOOD_H

#include "bpf/packet.h"

#define FLOOD_BITS  6 /* of a slot's number */
#define FLOOD_ASKED 64
#define FLOOD_HELD  63

struct flood {
	struct addr source;
	__u64 stamp;
	__u32 asked; /* in this tick */
	__u32 held;  /* drops that its verdict does not know of yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << FLOOD_BITS);
	__type(key, __u32);
	__type(value, struct flood);
} floods SEC(".maps")
__weak;

/* flood_tcp - opens a connection to the (first) mx port; bytes: of header and payload, as IP has
 * them, for a packet that is shorter than its header too */
static __always_inline bool flood_tcp(const struct tcphdr *tcp, __u32 bytes, __u32 left)
{
	const __u8 *header = (const void *)tcp;
	__u32 length = header[12] >> 2 & 0x3c;

	return (header[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       tcp->dest == gate_config.ports[0].port && gate_config.ports[0].kind == PORT_MX &&
	       length >= sizeof(*tcp) && bytes >= length && bytes <= left;
}

/*
 * flood_syn - the source of a SYN to an mx port as nearly all are: Ethernet without tags, IP
 * without options. false: look properly.
 */
static __always_inline bool flood_syn(void *data, void *end, struct addr *ret_source)
{
	struct ethhdr *eth = data;
	struct iphdr *ip4 = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip4 + 1);

	if ((void *)(tcp + 1) > end)
		return false;
	/* protocol, version and length of the header; then fragment and protocol */
	if ((*(__u32 *)(data + 12) & bpf_htonl(0xffffff00)) == bpf_htonl(0x08004500)) {
		if ((*(__u32 *)(data + 20) & bpf_htonl(0x3fff00ff)) != bpf_htonl(IPPROTO_TCP) ||
		    !flood_tcp(tcp, bpf_ntohs(ip4->tot_len) - sizeof(*ip4), end - (void *)tcp))
			return false;
		*(__u64 *)ret_source->w = 0;
		*(__u64 *)(ret_source->w + 2) = (__u64)ip4->saddr << 32 | bpf_htonl(0xffff);
		return true;
	}
	tcp = (void *)(ip6 + 1);
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(tcp + 1) > end || ip6->version != 6 ||
	    ip6->nexthdr != IPPROTO_TCP ||
	    !flood_tcp(tcp, bpf_ntohs(ip6->payload_len), end - (void *)tcp))
		return false;
	__builtin_memcpy(ret_source, &ip6->saddr, sizeof(*ret_source));
	*ret_source = source_of(ret_source);
	return true;
}

/* flood_slot - where a source would be, or NULL */
static __always_inline struct flood *flood_slot(const struct addr *source)
{
	__u32 slot = (source->w[1] ^ source->w[3]) * 0x9e3779b1U >> (32 - FLOOD_BITS);

	return bpf_map_lookup_elem(&floods, &slot);
}

static __always_inline bool flood_same(const struct addr *a, const struct addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* flood_stamp - another one as soon as the tick, or a setting that refusals rest on, is */
static __always_inline __u64 flood_stamp(const struct settings *s)
{
	return bpf_jiffies64() + READ_ONCE(s->clock_offset_ns) + READ_ONCE(s->lease_until_ns) +
	       READ_ONCE(s->enforce_until_ns) + READ_ONCE(s->decided);
}

/* flood_again - the same again */
static __always_inline bool flood_again(const struct settings *s, const struct addr *source)
{
	struct flood *f = flood_slot(source);

	if (!f || f->held >= FLOOD_HELD || f->asked < FLOOD_ASKED || f->stamp != flood_stamp(s) ||
	    !flood_same(&f->source, source))
		return false;
	f->held++;
	return true;
}

/* flood_told - the source is refused without an answer; returns its hits that were held */
static __always_inline __u32 flood_told(const struct settings *s, const struct addr *source)
{
	struct flood *f = flood_slot(source);
	__u64 stamp = flood_stamp(s);
	struct verdict *v;
	__u32 held = 0;

	if (!f)
		return 0;
	if (flood_same(&f->source, source)) {
		held = f->held;
	} else {
		v = f->held ? bpf_map_lookup_elem(&verdicts, &f->source) : NULL;
		if (v)
			__sync_fetch_and_add(&v->hits_dropped, f->held);
		f->source = *source;
		f->stamp = 0;
	}
	f->held = 0;
	f->asked = f->stamp == stamp ? f->asked + 1 : 1;
	f->stamp = stamp;
	return held;
}

#endif
