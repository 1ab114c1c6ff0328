/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer_packet.h - a client's packet turned into the answerer's
 *
 * answer_options() reads what the client's TCP asked for, answer_write() writes the answer over
 * the packet, whatever its link layer and checksum state, and answer_send() sends it back the way
 * it came, or by the routing table where `answer_via` says so, marked so that our own egress
 * program lets it be. What is answered is decided in answer.h.
 */
#ifndef BUILDGATE_ANSWER_PACKET_H
#define BUILDGATE_ANSWER_PACKET_H

#include "bpf/answer_route.h"
#include "bpf/checksum.h"
#include "bpf/verdict.h"

#define ANSWER_WINDOW   4096 /* enough for commands, no invitation to send mail */
#define ANSWER_MSS      1220 /* fits IPv6's minimum of 1280 (RFC 8200, 5) */
#define ANSWER_LINE     256  /* bytes of a segment in which its first line must end */
#define ANSWER_OPTIONS  40

#define TCP_OPTION_END  0
#define TCP_OPTION_NOP  1
#define TCP_OPTION_MSS  2
#define TCP_OPTION_TIME 8
#define TCP_MSS_BYTES   4
#define TCP_TIME_BYTES  10
#define TCP_TIME_ALONE  0x0101080a /* NOP, NOP, kind and length */

/* What is sent back. */
struct answer {
	__u32 seq;
	__u32 ack;
	__u32 time;  /* the client's timestamp, network order */
	__u32 echo;  /* our own as it echoes it, host order */
	__u32 clock; /* our own that goes out, host order */
	__u32 reply; /* index of texts */
	__u8 flags;
	__u8 text;    /* enum reply_kind + 1; 0: none */
	__u8 refuse;  /* 550, not 450 */
	__u8 options; /* enum answer_option: those that the client sent */
};

enum answer_option {
	ANSWER_HAS_TIME = 1 << 0,
	ANSWER_HAS_MSS = 1 << 1,
};

struct answer_scratch {
	__u8 bytes[ANSWER_LINE];
	struct tcphdr tcp; /* and right behind it, written with it */
	__u8 options[64];  /* beyond ANSWER_OPTIONS only for the verifier's peace */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_scratch);
} answer_scratch SEC(".maps")
__weak;

/* answer_peek - n bytes of the frame where they stand, or NULL where they are not in the linear
 * part; no helper is as quick */
static __always_inline const __u8 *answer_peek(struct __sk_buff *skb, __u32 at, __u32 n)
{
	const __u8 *bytes;

	asm volatile("" : "+r"(at));
	bytes = (const __u8 *)(long)skb->data + (at & 1023);
	return bytes + n > (const __u8 *)(long)skb->data_end || at > 1023 ? NULL : bytes;
}

/* answer_word - four bytes of the options as a number */
static __always_inline __u32 answer_word(const __u8 *o)
{
	return (__u32)o[0] << 24 | o[1] << 16 | o[2] << 8 | o[3];
}

/* answer_now - our timestamps: milliseconds of a clock that no lab moves, and that ticks as often
 * as they need to (RFC 7323, 5.4); reading it is next to free */
static __always_inline __u32 answer_now(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000;
}

/* answer_time - the two timestamps of the option */
static __always_inline void answer_time(struct answer *a, const __u8 *o)
{
	a->options |= ANSWER_HAS_TIME;
	a->time = bpf_htonl(answer_word(o));
	a->echo = answer_word(o + 4);
}

/* answer_options - those of the client that are answered: timestamps (RFC 7323, 3.2) and MSS.
 * Others are declined by not being mentioned. */
STEP int answer_options(struct __sk_buff *skb, const struct packet *p, struct answer *a)
{
	__u32 zero = 0, n, at = 0;
	struct answer_scratch *sc = bpf_map_lookup_elem(&answer_scratch, &zero);
	const __u8 *o;

	if (!p || !a || !sc || p->tcp_bytes_header <= sizeof(struct tcphdr))
		return 0;
	a->clock = answer_now();
	/* as nearly all send them (RFC 7323, appendix A) */
	o = answer_peek(skb, p->tcp_offset + sizeof(struct tcphdr), 12);
	if (o && p->tcp_bytes_header == sizeof(struct tcphdr) + 12 &&
	    answer_word(o) == TCP_TIME_ALONE) {
		answer_time(a, o + 4);
		return 0;
	}
	n = p->tcp_bytes_header - sizeof(struct tcphdr);
	asm volatile("" : "+r"(n));
	n = (n - 1) & 63;
	if (n >= ANSWER_OPTIONS)
		return 0;
	if (bpf_skb_load_bytes(skb, p->tcp_offset + sizeof(struct tcphdr), sc->options, n + 1))
		return 0;
	for (int i = 0; i < ANSWER_OPTIONS; i++) {
		__u32 kind, length;

		if (at > n || at >= ANSWER_OPTIONS - 1)
			break;
		kind = sc->options[at];
		if (kind == TCP_OPTION_END)
			break;
		length = kind == TCP_OPTION_NOP ? 1 : sc->options[at + 1];
		if (!length || at + length > n + 1)
			break;
		if (kind == TCP_OPTION_MSS && length == TCP_MSS_BYTES)
			a->options |= ANSWER_HAS_MSS;
		if (kind == TCP_OPTION_TIME && length == TCP_TIME_BYTES)
			answer_time(a, sc->options + at + 2);
		at += length;
	}
	return 0;
}

/* answer_bare - where TCP begins without IP options and extension headers */
static __always_inline __u32 answer_bare(const struct packet *p)
{
	return p->network_offset + (p->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* answer_strip - what stands between the network header and TCP is taken off: it was the client's
 * wish for its own packet, and none of it is echoed. The kernel does not do so behind a tag in the
 * frame, which is a second one (the first is beside it): there the packet stays as it is. */
static __always_inline int answer_strip(struct __sk_buff *skb, struct packet *p)
{
	__u32 extra = p->tcp_offset - answer_bare(p);

	if (!extra)
		return 0;
	if (bpf_skb_adjust_room(skb, -(__s32)extra, BPF_ADJ_ROOM_NET, 0))
		return -1;
	p->tcp_offset -= extra;
	p->payload_offset -= extra;
	return 0;
}

/* answer_put - over the packet, from the network header on; a sum that the card has made of that
 * (CHECKSUM_COMPLETE) goes on being right, or the kernel takes the card for broken */
static __always_inline int answer_put(struct __sk_buff *skb, __u32 at, const void *from,
				      __u32 bytes)
{
	return bpf_skb_store_bytes(skb, at, from, bytes, BPF_F_RECOMPUTE_CSUM);
}

/* answer_partial - the packet has no full checksum yet (CHECKSUM_PARTIAL): an update that only
 * full ones get leaves the field as it is. It adds 0, which makes -0 of a full one 0: no sum over
 * the packet sees that. */
static __always_inline bool answer_partial(struct __sk_buff *skb, __u32 check)
{
	__be16 dummy = 0xffff;
	const __u8 *is;

	if (answer_put(skb, check, &dummy, sizeof(dummy)) ||
	    bpf_l4_csum_replace(skb, check, 0, 0, 0))
		return false;
	is = answer_peek(skb, check, sizeof(dummy));
	return is && is[0] == 0xff && is[1] == 0xff;
}

/* answer_ipv4, answer_ipv6 - a network header over the one of the packet, back to the client or on
 * to the server */
static __always_inline int answer_ipv4(struct __sk_buff *skb, const struct packet *p,
				       __u32 tcp_bytes, bool back)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(ip) + tcp_bytes),
		.frag_off = bpf_htons(0x4000), /* never fragmented, so its id may be 0 (RFC 6864) */
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = back ? p->key.server.w[3] : p->key.client.w[3],
		.daddr = back ? p->key.client.w[3] : p->key.server.w[3],
	};

	ip.check = ~checksum_fold((__u32)bpf_csum_diff(NULL, 0, (void *)&ip, sizeof(ip), 0));
	return answer_put(skb, p->network_offset, &ip, sizeof(ip));
}

static __always_inline int answer_ipv6(struct __sk_buff *skb, const struct packet *p,
				       __u32 tcp_bytes, bool back)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = bpf_htons(tcp_bytes),
		.nexthdr = IPPROTO_TCP,
		.hop_limit = 64,
	};

	__builtin_memcpy(&ip.saddr, back ? &p->key.server : &p->key.client, sizeof(ip.saddr));
	__builtin_memcpy(&ip.daddr, back ? &p->key.client : &p->key.server, sizeof(ip.daddr));
	return answer_put(skb, p->network_offset, &ip, sizeof(ip));
}

/* answer_turn - sender and receiver of the frame change places; nothing to do without a link
 * header */
static __always_inline int answer_turn(struct __sk_buff *skb, const struct packet *p)
{
	const __u8 *mac;
	__u8 turned[12];

	if (!p->network_offset)
		return 0;
	mac = answer_peek(skb, 0, sizeof(turned));
	if (!mac)
		return -1;
	__builtin_memcpy(turned, mac + 6, 6);
	__builtin_memcpy(turned + 6, mac, 6);
	return bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

/* answer_header - TCP header and options into scratch; returns their length */
static __always_inline __u32 answer_header(struct answer_scratch *sc, const struct packet *p,
					   const struct answer *a)
{
	__u32 bytes = sizeof(struct tcphdr);
	__u8 *o = sc->options;

	__builtin_memset(sc->options, TCP_OPTION_NOP, sizeof(sc->options));
	if (a->flags & TCP_SYN && a->options & ANSWER_HAS_MSS) {
		o[0] = TCP_OPTION_MSS;
		o[1] = TCP_MSS_BYTES;
		o[2] = ANSWER_MSS >> 8;
		o[3] = ANSWER_MSS & 0xff;
		o += 4;
		bytes += 4;
	}
	if (a->options & ANSWER_HAS_TIME) {
		o[2] = TCP_OPTION_TIME;
		o[3] = TCP_TIME_BYTES;
		o[4] = a->clock >> 24;
		o[5] = a->clock >> 16;
		o[6] = a->clock >> 8;
		o[7] = a->clock;
		o[8] = a->time;
		o[9] = a->time >> 8;
		o[10] = a->time >> 16;
		o[11] = a->time >> 24;
		bytes += 12;
	}
	__builtin_memset(&sc->tcp, 0, sizeof(sc->tcp));
	sc->tcp.source = p->key.server_port;
	sc->tcp.dest = p->key.client_port;
	sc->tcp.seq = bpf_htonl(a->seq);
	sc->tcp.ack_seq = bpf_htonl(a->ack);
	sc->tcp.window = bpf_htons(ANSWER_WINDOW);
	((__u8 *)&sc->tcp)[12] = bytes / 4 << 4;
	((__u8 *)&sc->tcp)[13] = a->flags;
	return bytes;
}

/* answer_texts - those at an index, else the general ones; NULL: there are none */
static __always_inline struct reply *answer_texts(__u32 index)
{
	struct reply *r = bpf_map_lookup_elem(&replies, &index);
	__u32 general = 0;

	if (r && r->used)
		return r;
	r = bpf_map_lookup_elem(&replies, &general);
	return r && r->used ? r : NULL;
}

/* answer_text - the text that is sent, or NULL for none */
static __always_inline char *answer_text(const struct answer *a)
{
	struct reply *r = answer_texts(a->reply);
	__u32 kind = a->text - 1;

	asm volatile("" : "+r"(kind));
	if (!a->text || !r || kind >= REPLY_KINDS)
		return NULL;
	return r->text[kind];
}

/*
 * answer_write - the packet becomes the answer; 0, or why it did not. TCP stays where it is in
 * memory, so that where a pending checksum begins stays true.
 */
STEP int answer_write(struct __sk_buff *skb, struct packet *p, const struct answer *a)
{
	__u32 zero = 0, bytes, check, options;
	struct answer_scratch *sc = bpf_map_lookup_elem(&answer_scratch, &zero);
	char *text;
	bool partial;
	int failed;
	__u64 sum;
	__u16 field;

	if (!p || !a || !sc)
		return REASON_ANSWER_DECLINED;
	text = answer_text(a);
	if ((a->text && !text) || answer_strip(skb, p))
		return REASON_ANSWER_DECLINED;
	check = p->tcp_offset + __builtin_offsetof(struct tcphdr, check);
	bytes = answer_header(sc, p, a);
	options = bytes - sizeof(struct tcphdr);
	partial = answer_partial(skb, check);
	if (bpf_skb_change_tail(skb, p->tcp_offset + bytes + (text ? REPLY_BYTES : 0), 0))
		return REASON_ANSWER_DECLINED;
	sum = checksum_pseudo(p, bytes + (text ? REPLY_BYTES : 0));
	if (!partial) {
		sum += (__u32)bpf_csum_diff(NULL, 0, (void *)&sc->tcp, sizeof(sc->tcp), 0);
		if (options == 4)
			sum += (__u32)bpf_csum_diff(NULL, 0, (void *)sc->options, 4, 0);
		else if (options == 12)
			sum += (__u32)bpf_csum_diff(NULL, 0, (void *)sc->options, 12, 0);
		else if (options == 16)
			sum += (__u32)bpf_csum_diff(NULL, 0, (void *)sc->options, 16, 0);
		if (text)
			sum += (__u32)bpf_csum_diff(NULL, 0, (void *)text, REPLY_BYTES, 0);
	}
	field = checksum_fold(sum);
	sc->tcp.check = partial ? field : ~field;
	if (answer_turn(skb, p) ||
	    (p->ipv4 ? answer_ipv4(skb, p, bytes + (text ? REPLY_BYTES : 0), true)
		     : answer_ipv6(skb, p, bytes + (text ? REPLY_BYTES : 0), true)))
		return REASON_ANSWER_TAKEN;
	if (options == 16)
		failed = answer_put(skb, p->tcp_offset, &sc->tcp, sizeof(sc->tcp) + 16);
	else if (options == 12)
		failed = answer_put(skb, p->tcp_offset, &sc->tcp, sizeof(sc->tcp) + 12);
	else if (options == 4)
		failed = answer_put(skb, p->tcp_offset, &sc->tcp, sizeof(sc->tcp) + 4);
	else
		failed = answer_put(skb, p->tcp_offset, &sc->tcp, sizeof(sc->tcp));
	if (failed)
		return REASON_ANSWER_TAKEN;
	if (text)
		answer_put(skb, p->tcp_offset + bytes, text, REPLY_BYTES);
	return 0;
}

/* answer_send - the packet becomes the answer and goes back */
static __always_inline enum reason answer_send(struct __sk_buff *skb, struct packet *p,
					       const struct answer *a)
{
	enum reason reason = answer_write(skb, p, a);

	if (reason)
		return reason;
	answer_leave(skb, p);
	return a->flags & TCP_SYN ? REASON_ANSWERED_SYN : REASON_ANSWERED;
}

#endif
