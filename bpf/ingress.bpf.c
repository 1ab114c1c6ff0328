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
static __always_inline enum reason attempt(const struct packet *p)
{
	if (!(p->tcp_flags & TCP_SYN))
		return REASON_CONTINUE;
	if (p->from_client)
		return p->tcp_flags & TCP_ACK ? REASON_NO_FLOW : verdict_syn(p, true);
	if (p->tcp_flags & TCP_ACK)
		born(p);
	return REASON_READ;
}

/* segment - a segment of a followed connection */
static __always_inline enum reason segment(struct __sk_buff *skb, const struct packet *p)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &p->key);
	enum reason reason, cut = REASON_CONTINUE;

	if (!f)
		return REASON_NO_FLOW;
	if (p->from_client)
		tarpit_arm(p, f, HOOK_INGRESS);
	reason = follow(skb, p, f, HOOK_INGRESS);
	if (f->flags & FLOW_RECHECK) {
		recheck_spend(p, f, HOOK_INGRESS);
		cut = recheck_cut(p, f, HOOK_INGRESS);
	}
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flow_close(p, f, HOOK_INGRESS);
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
		reason = attempt(&p);
	if (!reason)
		reason = segment(skb, &p);
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
