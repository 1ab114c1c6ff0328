/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - from a frame to a mail segment
 *
 * packet_parse() is the one parser, used at XDP and at TC: it walks Ethernet (with up to two
 * tags in the frame; tags in metadata never reach it), IPv4 with options or IPv6 with
 * extension headers, and TCP with options. What it does not understand is a reason to pass.
 */
#ifndef BUILDGATE_PACKET_H
#define BUILDGATE_PACKET_H

#include "bpf/gate.h"

#define ETH_P_IP           0x0800
#define ETH_P_IPV6         0x86dd
#define ETH_P_8021Q        0x8100
#define ETH_P_8021AD       0x88a8

#define IPPROTO_HOPOPTS    0
#define IPPROTO_TCP        6
#define IPPROTO_ROUTING    43
#define IPPROTO_FRAGMENT   44
#define IPPROTO_AH         51
#define IPPROTO_DSTOPTS    60

#define IP_MF_OR_OFFSET    0x3fff
#define VLAN_DEPTH_MAX     2
#define IPV6_EXTENSION_MAX 6
#define HEADERS_MAX        192 /* bytes made linear where they are not: all of the above */

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

/* A mail segment. Offsets count from the start of the frame; numbers are in host order
 * unless their type says otherwise. */
struct packet {
	struct flow_key key;
	__u32 seq;
	__u32 ack;
	__u32 network_offset;
	__u32 tcp_offset;
	__u32 payload_offset;
	__u32 payload_bytes;
	__u16 tcp_bytes_header;
	__u8 tcp_flags;
	__u8 port_kind;
	__u8 from_client; /* the segment's sender is the mail client */
	__u8 ipv4;
};

struct cursor {
	void *data;
	void *end;
	__u32 at; /* offset of the next header; bounded at every move */
};

/* step - the header at the cursor, or NULL where the frame is too short for it */
#define cursor_header(c, type)                                                                     \
	({                                                                                         \
		type *h_ = (c)->data + ((c)->at & 0x3ff);                                          \
		(void *)(h_ + 1) > (c)->end ? NULL : h_;                                           \
	})

struct vlan_tag {
	__be16 tci;
	__be16 protocol;
};

/* parse_ethernet - the network protocol (network order); the cursor ends at its header */
static __always_inline int parse_ethernet(struct cursor *c, __be16 *protocol)
{
	struct ethhdr *eth = cursor_header(c, struct ethhdr);

	if (!eth)
		return -1;
	*protocol = eth->h_proto;
	c->at += sizeof(*eth);
	for (int i = 0; i < VLAN_DEPTH_MAX; i++) {
		struct vlan_tag *tag;

		if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
			break;
		tag = cursor_header(c, struct vlan_tag);
		if (!tag)
			return -1;
		*protocol = tag->protocol;
		c->at += sizeof(*tag);
	}
	return 0;
}

/* parse_ipv4 - addresses into src and dst; the cursor ends after the options; *l4_bytes is
 * what the header says is left */
static __always_inline enum reason parse_ipv4(struct cursor *c, struct addr *src, struct addr *dst,
					      __u32 *l4_bytes)
{
	struct iphdr *ip = cursor_header(c, struct iphdr);
	__u32 header, total;

	if (!ip)
		return REASON_MALFORMED;
	if (ip->protocol != IPPROTO_TCP)
		return REASON_NOT_MAIL;
	if (ip->frag_off & bpf_htons(IP_MF_OR_OFFSET))
		return REASON_FRAGMENT;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || (total && total <= header))
		return REASON_MALFORMED;
	src->w[0] = src->w[1] = dst->w[0] = dst->w[1] = 0;
	src->w[2] = dst->w[2] = bpf_htonl(0xffff);
	src->w[3] = ip->saddr;
	dst->w[3] = ip->daddr;
	*l4_bytes = total ? total - header : 0;
	c->at += header;
	return REASON_CONTINUE;
}

struct ipv6_extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes beyond the first, but AH: of 4 beyond the second */
	__u8 rest[6];
};

/* parse_ipv6 - as parse_ipv4; the cursor ends after the extension headers */
static __always_inline enum reason parse_ipv6(struct cursor *c, struct addr *src, struct addr *dst,
					      __u32 *l4_bytes)
{
	struct ipv6hdr *ip = cursor_header(c, struct ipv6hdr);
	__u32 left, begin;
	__u8 next;

	if (!ip || ip->version != 6)
		return REASON_MALFORMED;
	next = ip->nexthdr;
	left = bpf_ntohs(ip->payload_len);
	__builtin_memcpy(src, &ip->saddr, sizeof(*src));
	__builtin_memcpy(dst, &ip->daddr, sizeof(*dst));
	c->at += sizeof(*ip);
	begin = c->at;
	for (int i = 0; i < IPV6_EXTENSION_MAX; i++) {
		struct ipv6_extension *extension;

		if (next == IPPROTO_TCP)
			break;
		if (next == IPPROTO_FRAGMENT)
			return REASON_FRAGMENT;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_AH)
			return REASON_NOT_MAIL;
		extension = cursor_header(c, struct ipv6_extension);
		if (!extension)
			return REASON_MALFORMED;
		c->at += next == IPPROTO_AH ? (extension->length + 2) * 4
					    : (extension->length + 1) * 8;
		if (c->at > HEADERS_MAX - sizeof(struct tcphdr))
			return REASON_NOT_MAIL; /* nobody sends mail behind that many options */
		next = extension->next;
	}
	if (next != IPPROTO_TCP)
		return REASON_NOT_MAIL;
	if (left && left <= c->at - begin)
		return REASON_MALFORMED;
	*l4_bytes = left ? left - (c->at - begin) : 0;
	return REASON_CONTINUE;
}

/* port_kind_of - enum port_kind of a port, 0 for no mail port */
static __always_inline __u8 port_kind_of(__be16 port)
{
	for (__u32 i = 0; i < PORTS_MAX; i++) {
		if (i >= gate_config.ports_count)
			break;
		if (port == gate_config.ports[i].port)
			return gate_config.ports[i].kind;
	}
	return 0;
}

/*
 * packet_foreign - plainly not mail: IP without tags and options, and no TCP or TCP of other
 * ports. Most of what a host sends and receives is; all else is left to packet_parse().
 */
static __always_inline bool packet_foreign(void *data, void *end, __be16 protocol)
{
	struct ethhdr *eth = data;
	struct iphdr *ip4 = protocol ? data : (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)ip4;
	struct tcphdr *tcp = (void *)(ip4 + 1);

	if ((void *)(tcp + 1) > end)
		return false;
	if (!protocol)
		protocol = eth->h_proto;
	if (protocol == bpf_htons(ETH_P_IP)) {
		if (*(__u8 *)ip4 != 0x45)
			return false;
		if (ip4->protocol != IPPROTO_TCP)
			return true;
		if (ip4->frag_off & bpf_htons(IP_MF_OR_OFFSET))
			return false;
	} else {
		tcp = (void *)(ip6 + 1);
		if (protocol != bpf_htons(ETH_P_IPV6) || (void *)(tcp + 1) > end ||
		    ip6->version != 6 || ip6->nexthdr != IPPROTO_TCP)
			return false;
	}
	return !port_kind_of(tcp->dest) && !port_kind_of(tcp->source);
}

/* parse_tcp - ports, and for mail all the rest; l4_bytes 0 means "to the end of the frame"
 * (GSO packets of 64 KB and more carry no length) */
static __always_inline enum reason parse_tcp(struct cursor *c, struct packet *p,
					     const struct addr *src, const struct addr *dst,
					     __u32 l4_bytes, __u32 frame_bytes)
{
	struct tcphdr *tcp = cursor_header(c, struct tcphdr);
	__u8 source_kind, dest_kind;
	__u32 header, left;

	if (!tcp)
		return REASON_MALFORMED;
	dest_kind = port_kind_of(tcp->dest);
	source_kind = port_kind_of(tcp->source);
	if (!dest_kind && !source_kind)
		return REASON_NOT_MAIL;
	if (dest_kind && source_kind) {
		/* some old servers send from port 25: a first SYN says who is the client */
		if ((((__u8 *)tcp)[13] & (TCP_SYN | TCP_ACK)) != TCP_SYN)
			return REASON_BOTH_PORTS;
	}
	header = tcp->doff * 4;
	if (frame_bytes < c->at)
		return REASON_MALFORMED;
	left = frame_bytes - c->at;
	if (l4_bytes > left)
		return REASON_MALFORMED;
	if (l4_bytes)
		left = l4_bytes; /* the rest is padding */
	if (header < sizeof(*tcp) || header > left)
		return REASON_MALFORMED;
	p->port_kind = dest_kind ?: source_kind;
	p->from_client = !!dest_kind;
	p->key.client = dest_kind ? *src : *dst;
	p->key.server = dest_kind ? *dst : *src;
	p->key.client_port = dest_kind ? tcp->source : tcp->dest;
	p->key.server_port = dest_kind ? tcp->dest : tcp->source;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->tcp_flags = ((__u8 *)tcp)[13];
	p->tcp_offset = c->at;
	p->tcp_bytes_header = header;
	p->payload_offset = c->at + header;
	p->payload_bytes = left - header;
	return REASON_CONTINUE;
}

/*
 * packet_parse - a frame as a mail segment. protocol: the network protocol where there is no
 * link header (frame begins with IP), else 0. Returns REASON_CONTINUE with *p filled, or why
 * this is not for us.
 */
static __always_inline enum reason packet_parse(void *data, void *end, __be16 protocol,
						__u32 frame_bytes, struct packet *p)
{
	struct cursor c = { .data = data, .end = end };
	struct addr src, dst;
	enum reason reason;
	__u32 l4_bytes = 0;

	if (!protocol && parse_ethernet(&c, &protocol))
		return REASON_MALFORMED;
	p->network_offset = c.at;
	if (protocol == bpf_htons(ETH_P_IP)) {
		p->ipv4 = 1;
		reason = parse_ipv4(&c, &src, &dst, &l4_bytes);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		p->ipv4 = 0;
		reason = parse_ipv6(&c, &src, &dst, &l4_bytes);
	} else {
		return REASON_NOT_MAIL;
	}
	if (reason)
		return reason;
	return parse_tcp(&c, p, &src, &dst, l4_bytes, frame_bytes);
}

#endif
