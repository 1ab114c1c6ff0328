// SPDX-License-Identifier: GPL-2.0-only
/*
 * ingress.bpf.c - TC ingress of the outside interfaces: what the outside sends
 *
 * Steps: mode, parse, connection attempt (verdict, or the answerer's SYN-ACK), flow (arm the
 * tarpit, read, recheck, end), and for what no flow claims the answerer. Outbound flows are
 * born here, from the SYN-ACK that answers our client.
 */
#include "bpf/answer.h"
#include "bpf/follow.h"
#include "bpf/tarpit.h"

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

/* attempt - segments that open a connection; CONTINUE for all others */
static __always_inline enum reason attempt(struct __sk_buff *skb, const struct packet *p)
{
	enum reason reason;

	if (!(p->tcp_flags & TCP_SYN))
		return REASON_CONTINUE;
	if (p->from_client) {
		reason = p->tcp_flags & TCP_ACK ? REASON_NO_FLOW : verdict_syn(p, true);
		return reason == REASON_ANSWER_SYN ? answer_syn(skb, p) : reason;
	}
	if (p->tcp_flags & TCP_ACK)
		born(p);
	return REASON_READ;
}

/* segment - a segment of a followed connection */
static __always_inline enum reason segment(struct __sk_buff *skb, const struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);
	enum reason reason, cut = REASON_CONTINUE;

	if (!f) {
		reason = p->from_client ? answer_segment(skb, p) : REASON_CONTINUE;
		return reason ?: REASON_NO_FLOW;
	}
	if (!flow_comes_by(f, p, HOOK_INGRESS))
		return REASON_NO_FLOW;
	if (p->from_client)
		tarpit_arm(p, f, HOOK_INGRESS);
	reason = follow(skb, p, f, HOOK_INGRESS);
	if (f->flags & FLOW_RECHECK) {
		recheck_spend(p, f, HOOK_INGRESS);
		cut = recheck_cut(p, f, HOOK_INGRESS);
		if (!cut)
			cut = recheck_shut(p, f);
		if (p->tcp_flags & (TCP_FIN | TCP_RST))
			recheck_over(p);
	}
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flow_close(p, f, HOOK_INGRESS);
	return cut ?: reason;
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
		reason = segment(skb, &p);
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
