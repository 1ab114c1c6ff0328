// SPDX-License-Identifier: GPL-2.0-only
/*
 * ingress.bpf.c - TC ingress of the outside interfaces: what the outside sends
 *
 * Steps: mode, parse, connection attempt (verdict, or the answerer's SYN-ACK), flow (cut, read,
 * recheck, end), and for what no flow claims the answerer. Outbound flows are
 * born here, from the SYN-ACK that answers our client.
 */
#include "bpf/cut.h"
#include "bpf/follow.h"
#include "bpf/turn_read.h"

/* born - our client's SYN was answered with its own number + 1: follow from here */
static __always_inline void born(const struct packet *p)
{
	struct handshake *h = bpf_map_lookup_elem(&handshakes, &p->key);
	struct birth b = { .client_next = p->ack,
			   .server_next = p->seq + 1,
			   .direction = DIRECTION_OUTBOUND,
			   .port_kind = p->port_kind };
	struct flow *f;

	if (!h || h->isn + 1 != p->ack)
		return;
	f = bpf_map_lookup_elem(&flows, &p->key);
	if (f && f->server_isn == p->seq)
		return;
	if (f) {
		count(HOOK_INGRESS, REASON_FLOW_REPLACED);
		flow_end(&p->key, f, HOOK_INGRESS);
	}
	flow_new(&p->key, &b, HOOK_INGRESS);
	bpf_map_delete_elem(&handshakes, &p->key);
}

/* served - the server has a connection of this client under these ports, and answers its SYN
 * (RFC 5961, 4.2). A handshake of ours would leave the client with the other one's segments. */
static __always_inline bool served(const struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);

	return f && f->direction == DIRECTION_INBOUND && !(f->flags & FLOW_CUT);
}

/* attempt - segments that open a connection; CONTINUE for all others */
static __always_inline enum reason attempt(struct __sk_buff *skb, struct packet *p)
{
	enum reason reason;

	if (!(p->tcp_flags & TCP_SYN))
		return REASON_CONTINUE;
	if (p->from_client) {
		reason = p->tcp_flags & TCP_ACK ? REASON_NO_FLOW : verdict_syn(p, true);
		if (reason != REASON_ANSWER_SYN)
			return reason;
		return served(p) ? REASON_READ : answer_syn(skb, p);
	}
	if (p->tcp_flags & TCP_ACK)
		born(p);
	return REASON_READ;
}

/* rechecked - a blocked source's chance: is it used, and did it show an old build? `over`: it
 * ends with this segment */
static __always_inline enum reason rechecked(struct __sk_buff *skb, struct packet *p,
					     struct flow *f, bool over)
{
	recheck_spend(p, f, HOOK_INGRESS);
	if (!(f->flags & FLOW_RECHECK))
		return REASON_CONTINUE;
	if (recheck_old(p, f, HOOK_INGRESS))
		return cut_begin(skb, p, f, HOOK_INGRESS);
	if (over && f->flags & FLOW_SPENT)
		recheck_over(p);
	return recheck_shut(p, f);
}

/* segment - a segment of a followed connection */
static __always_inline enum reason segment(struct __sk_buff *skb, struct packet *p, struct flow *f)
{
	/* exactly in place: a forged one must not change what others are told */
	bool over = p->tcp_flags & (TCP_FIN | TCP_RST) && p->seq == f->client.high;
	enum reason reason, cut;

	flow_passes(p, f);
	if (turn_wanted(f)) {
		if (cut_due(skb, p, f))
			return cut_begin(skb, p, f, HOOK_INGRESS);
		turn_read(skb, p, f, HOOK_INGRESS);
	}
	reason = follow(skb, p, f, HOOK_INGRESS);
	if (f->flags & FLOW_RECHECK) {
		cut = rechecked(skb, p, f, over);
		if (cut)
			return cut;
	}
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flow_close(p, f, HOOK_INGRESS);
	return reason;
}

/* owned - whose segment is it: a followed connection's, a cut one's, an answered one's? */
static __always_inline enum reason owned(struct __sk_buff *skb, struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);
	enum reason reason;

	if (f && !flow_comes_by(f, p, HOOK_INGRESS))
		return REASON_NO_FLOW;
	if (f && f->flags & FLOW_CUT) {
		reason = cut_segment(skb, p, f, HOOK_INGRESS);
		if (reason)
			return reason;
		f = NULL;
	}
	if (f)
		return segment(skb, p, f);
	reason = p->from_client ? answer_segment(skb, p) : REASON_CONTINUE;
	return reason ?: REASON_NO_FLOW;
}

static __always_inline int ingress(struct __sk_buff *skb, __be16 protocol)
{
	struct settings *s = gate_settings();
	struct packet p;
	enum reason reason;

	if (!s || READ_ONCE(s->mode) <= MODE_OFF)
		return finish_tc(HOOK_INGRESS, REASON_OFF);
	if (packet_foreign((void *)(long)skb->data, (void *)(long)skb->data_end, protocol))
		return finish_tc(HOOK_INGRESS, REASON_NOT_MAIL);
	reason = segment_parse(skb, protocol, &p);
	if (!reason)
		reason = attempt(skb, &p);
	if (!reason)
		reason = owned(skb, &p);
	return finish_tc(HOOK_INGRESS, reason);
}

SEC("tc")
int gate_ingress(struct __sk_buff *skb)
{
	return ingress(skb, 0);
}

/* Interfaces whose frames begin with the IP header. */
SEC("tc")
int gate_ingress_l3(struct __sk_buff *skb)
{
	return ingress(skb, skb->protocol);
}

char LICENSE[] SEC("license")
= "GPL";
