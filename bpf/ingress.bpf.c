// SPDX-License-Identifier: GPL-2.0-only
/*
 * ingress.bpf.c - TC ingress of the outside interfaces: what the outside sends
 *
 * Steps: mode, parse, connection attempt (verdict), flow (arm the tarpit, read, recheck, end),
 * and the birth of outbound flows from the SYN-ACK that answers our client. The answerer's
 * step stands between the verdict and the flow.
 */
#include "bpf/follow.h"
#include "bpf/tarpit.h"

/* born - our client's SYN was answered with its own number + 1: follow from here */
static __always_inline void born(struct settings *s, const struct packet *p)
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
		flow_end(HOOK_INGRESS, s, &p->key, f);
	}
	flow_new(HOOK_INGRESS, s, &p->key, &b);
	bpf_map_delete_elem(&handshakes, &p->key);
}

/* attempt - segments that open a connection; CONTINUE for all others */
static __always_inline enum reason attempt(struct settings *s, const struct packet *p)
{
	if (!(p->tcp_flags & TCP_SYN))
		return REASON_CONTINUE;
	if (p->from_client)
		return p->tcp_flags & TCP_ACK ? REASON_NO_FLOW : verdict_syn(s, p, true);
	if (p->tcp_flags & TCP_ACK)
		born(s, p);
	return REASON_READ;
}

/* segment - a segment of a followed connection */
static __always_inline enum reason segment(struct __sk_buff *skb, struct settings *s,
					   const struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);
	enum reason reason, cut = REASON_CONTINUE;

	if (!f)
		return REASON_NO_FLOW;
	if (p->from_client)
		tarpit_arm(HOOK_INGRESS, s, p, f);
	reason = follow(HOOK_INGRESS, skb, s, p, f);
	if (f->flags & FLOW_RECHECK) {
		recheck_spend(HOOK_INGRESS, s, p, f);
		cut = recheck_cut(HOOK_INGRESS, s, p, f);
	}
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flow_close(HOOK_INGRESS, s, p, f);
	return cut ?: reason;
}

static __noinline int ingress(struct __sk_buff *skb, __be16 protocol)
{
	struct settings *s = gate_settings();
	struct packet p;
	enum reason reason;

	if (!s || READ_ONCE(s->mode) <= MODE_OFF)
		return finish(HOOK_INGRESS, REASON_OFF) ? TC_ACT_SHOT : -1;
	reason = segment_parse(skb, protocol, &p);
	if (!reason)
		reason = attempt(s, &p);
	if (!reason)
		reason = segment(skb, s, &p);
	return finish(HOOK_INGRESS, reason) ? TC_ACT_SHOT : -1;
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
