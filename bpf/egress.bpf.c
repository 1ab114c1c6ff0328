// SPDX-License-Identifier: GPL-2.0-only
/*
 * egress.bpf.c - TC egress of the outside interfaces: what our side sends
 *
 * Steps: mode, own answers left alone, parse, connection attempt of our client (remembered), flow
 * (cut ones end here, read, tarpit, end), and the birth of inbound flows from our server's
 * greeting.
 */
#include "bpf/follow.h"
#include "bpf/tarpit.h"
#include "bpf/turn_read.h"

/* greets - the payload begins as a greeting does (RFC 5321, 4.3.2); shorter ones by what is
 * there of it */
static __always_inline bool greets(struct __sk_buff *skb, const struct packet *p)
{
	__u8 code[3] = {};
	__u32 n = p->payload_bytes;

	if (n >= 3) {
		if (bpf_skb_load_bytes(skb, p->payload_offset, code, 3))
			return false;
	} else if (n == 2) {
		if (bpf_skb_load_bytes(skb, p->payload_offset, code, 2))
			return false;
	} else if (n == 1) {
		if (bpf_skb_load_bytes(skb, p->payload_offset, code, 1))
			return false;
	} else {
		return false;
	}
#define LIKE(a, b, c) (code[0] == (a) && (n < 2 || code[1] == (b)) && (n < 3 || code[2] == (c)))
	return LIKE('2', '2', '0') || LIKE('5', '5', '4') || LIKE('4', '2', '1');
#undef LIKE
}

/* born - our server greets: follow from here. Its seq and ack are both directions' next. */
static __always_inline struct flow *born(struct __sk_buff *skb, const struct packet *p)
{
	struct birth b = { .client_next = p->ack,
			   .server_next = p->seq,
			   .direction = DIRECTION_INBOUND,
			   .port_kind = p->port_kind };

	if (p->from_client || !(p->tcp_flags & TCP_ACK) || p->tcp_flags & (TCP_SYN | TCP_RST) ||
	    !greets(skb, p))
		return NULL;
	b.recheck = recheck_born(&p->key, p->ack);
	if (flow_new(&p->key, &b, HOOK_EGRESS))
		return NULL;
	return bpf_map_lookup_elem(&flows, &p->key);
}

/* attempt - our client's SYN is remembered; our server's SYN-ACK with another number ends
 * what was followed under these ports. CONTINUE for all other segments. */
static __always_inline enum reason attempt(struct settings *s, const struct packet *p)
{
	struct handshake h = { .isn = p->seq };
	struct flow *f;

	if (!(p->tcp_flags & TCP_SYN))
		return REASON_CONTINUE;
	if (p->from_client && !(p->tcp_flags & TCP_ACK)) {
		h.at_ns = gate_now(s);
		bpf_map_update_elem(&handshakes, &p->key, &h, BPF_ANY);
		return REASON_SYN;
	}
	f = bpf_map_lookup_elem(&flows, &p->key);
	if (f && f->server_isn != p->seq && !p->from_client) {
		count(HOOK_EGRESS, REASON_FLOW_REPLACED);
		flow_end(&p->key, f, HOOK_EGRESS);
	}
	return REASON_READ;
}

/* other_connection - a greeting far from what this flow has seen: its ports were used again */
static __always_inline bool other_connection(struct __sk_buff *skb, const struct packet *p,
					     const struct flow *f)
{
	return f->direction == DIRECTION_INBOUND && !p->from_client &&
	       p->seq - f->server_isn - 1 > WINDOW_MAX && after(f->server_isn, p->seq) &&
	       greets(skb, p);
}

/* takes - how much of the client's bytes our server has acknowledged */
static __always_inline void takes(const struct packet *p, struct flow *f)
{
	if (p->tcp_flags & TCP_ACK && after(p->ack, f->told.acked))
		f->told.acked = p->ack;
}

/* segment - a segment of a connection that is followed, or from now on is */
static __always_inline enum reason segment(struct __sk_buff *skb, const struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);
	enum reason reason, slow;

	if (f && other_connection(skb, p, f)) {
		count(HOOK_EGRESS, REASON_FLOW_REPLACED);
		flow_end(&p->key, f, HOOK_EGRESS);
		f = NULL;
	}
	if (!f) {
		f = born(skb, p);
		if (!f)
			return REASON_NO_FLOW;
		tarpit_born(p, f, HOOK_EGRESS);
	}
	if (!flow_comes_by(f, p, HOOK_EGRESS))
		return REASON_NO_FLOW;
	if (f->flags & FLOW_CUT)
		return REASON_CUT; /* the client has heard the last of this server */
	if (!p->from_client) {
		takes(p, f);
		tarpit_arm(p, f, HOOK_EGRESS);
	}
	if (turn_wanted(f))
		turn_read(skb, p, f, HOOK_EGRESS);
	reason = follow(skb, p, f, HOOK_EGRESS);
	slow = p->from_client ? REASON_CONTINUE : tarpit_hold(skb, p, f);
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flow_close(p, f, HOOK_EGRESS);
	return slow ?: reason;
}

static __always_inline int egress(struct __sk_buff *skb, __be16 protocol)
{
	struct settings *s = gate_settings();
	struct packet p;
	enum reason reason;

	if (!s || READ_ONCE(s->mode) <= MODE_OFF)
		return finish_tc(HOOK_EGRESS, REASON_OFF);
	if (skb->mark == ANSWER_MARK) {
		skb->mark = 0;
		return finish_tc(HOOK_EGRESS, REASON_ANSWER_LEFT);
	}
	if (packet_foreign((void *)(long)skb->data, (void *)(long)skb->data_end, protocol))
		return finish_tc(HOOK_EGRESS, REASON_NOT_MAIL);
	reason = segment_parse(skb, protocol, &p);
	if (!reason)
		reason = attempt(s, &p);
	if (!reason)
		reason = segment(skb, &p);
	return finish_tc(HOOK_EGRESS, reason);
}

SEC("tc")
int gate_egress(struct __sk_buff *skb)
{
	return egress(skb, 0);
}

/* Interfaces whose frames begin with the IP header. */
SEC("tc")
int gate_egress_l3(struct __sk_buff *skb)
{
	return egress(skb, skb->protocol);
}

char LICENSE[] SEC("license")
= "GPL";
