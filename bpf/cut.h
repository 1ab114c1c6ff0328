/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cut.h - a connection that is open when its source is blocked
 *
 * cut_due() finds the moment: at a command, nothing owed to the client, plaintext (turn.h), the
 * source blocked by now. cut_begin() then answers the command with the refusal and a FIN, as the
 * server would, and lets the packet go on to the server as a RST, so its process ends at once.
 * From there on the client talks to cut_segment(): what it sends is acknowledged and goes nowhere,
 * the refusal is said again until it is acknowledged, and nothing of the server's side leaves
 * (a host's RST would take an unread refusal from a Windows client). The entry ends when both
 * sides have closed.
 *
 * The answer leaves as a clone, and the packet itself becomes the RST: that way it reaches a
 * socket of this host and a server behind it alike, past all that stands in between.
 */
#ifndef BUILDGATE_CUT_H
#define BUILDGATE_CUT_H

#include "bpf/answer.h"
#include "bpf/flow.h"

#define CUT_BEFORE 65535 /* bytes of the server that may have been on their way */

/* cut_due - this segment's command is not to reach the server */
static __always_inline bool cut_due(struct __sk_buff *skb, const struct packet *p,
				    const struct flow *f)
{
	return p->payload_bytes && !(f->flags & (FLOW_RECHECK | FLOW_CUT)) &&
	       f->server.family != FAMILY_TLS && turn_idle(&f->asked, &f->told, p->seq, p->ack) &&
	       verdict_blocks(&p->key.client) && !ipsec_applies(skb, p);
}

/* cut_reset - the packet goes on to the server as a RST where its next byte would be */
STEP int cut_reset(struct __sk_buff *skb, struct packet *p, __u32 seq)
{
	struct tcphdr tcp = {};
	__u32 check;
	bool partial;
	__u64 sum;

	if (!p || answer_strip(skb, p))
		return -1;
	check = p->tcp_offset + __builtin_offsetof(struct tcphdr, check);
	partial = answer_partial(skb, check);
	if (bpf_skb_change_tail(skb, p->tcp_offset + sizeof(tcp), 0))
		return -1;
	tcp.source = p->key.client_port;
	tcp.dest = p->key.server_port;
	tcp.seq = bpf_htonl(seq);
	tcp.ack_seq = bpf_htonl(p->ack);
	((__u8 *)&tcp)[12] = sizeof(tcp) / 4 << 4;
	((__u8 *)&tcp)[13] = TCP_RST | TCP_ACK;
	sum = checksum_pseudo(p, sizeof(tcp));
	if (!partial)
		sum += (__u32)bpf_csum_diff(NULL, 0, (void *)&tcp, sizeof(tcp), 0);
	tcp.check = partial ? checksum_fold(sum) : ~checksum_fold(sum);
	if (p->ipv4 ? answer_ipv4(skb, p, sizeof(tcp), false)
		    : answer_ipv6(skb, p, sizeof(tcp), false))
		return -1;
	return answer_put(skb, p->tcp_offset, &tcp, sizeof(tcp));
}

/* cut_refuse - the refusal to the client, and a RST to the server: CUT_BEGUN; CUT where that
 * cannot be done, then the segment just ends here */
STEP int cut_refuse(struct __sk_buff *skb, struct packet *p, const struct flow *f)
{
	struct answer a = { .flags = TCP_ACK | TCP_PSH | TCP_FIN };
	__u32 seq, mark = skb->mark;

	if (!p || !f)
		return REASON_CUT;
	answer_verdict(p, &a);
	a.text = (a.refuse ? REPLY_REFUSAL : REPLY_DEFERRAL) + 1;
	a.seq = f->cut_at;
	a.ack = f->client.high;
	answer_options(skb, p, &a);
	a.clock = a.echo; /* the server's clock: an older one would be dropped (RFC 7323, 5.3) */
	seq = turn_ahead(f->told.acked, p->seq) ? f->told.acked : p->seq;
	if (!ipsec_applies(skb, p) && !answer_write(skb, p, &a)) {
		skb->mark = ANSWER_MARK;
		bpf_clone_redirect(skb, skb->ifindex, 0);
		skb->mark = mark;
		if (answer_turn(skb, p)) /* back to where it came for */
			return REASON_CUT;
	}
	return cut_reset(skb, p, seq) ? REASON_CUT : REASON_CUT_BEGUN;
}

/* cut_taken - what the client has sent: all of it will be acknowledged */
static __always_inline void cut_taken(const struct packet *p, struct flow *f)
{
	__u32 end = p->seq + p->payload_bytes + (p->tcp_flags & TCP_FIN ? 1 : 0);

	if (p->tcp_flags & TCP_FIN)
		f->client.flags |= STREAM_FIN;
	if (turn_ahead(end, f->client.high))
		f->client.high = end;
}

/* cut_begin - from this segment on. `now` is the moment for it, so the refusal stands where the
 * server's next byte would have. */
STEP int cut_begin(struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 hook)
{
	struct addr source;
	struct verdict *v;
	struct flow_key key;

	if (!p || !f || f->flags & FLOW_CUT)
		return REASON_CUT;
	/* before the flag: who sees that relies on these */
	f->cut_at = f->told.next;
	f->client.high = p->seq;
	if (!flow_raise(f, FLOW_CUT))
		return REASON_CUT;
	f->client.flags |= STREAM_SEEN;
	cut_taken(p, f);
	if (f->slot)
		slot_free(f);
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (v)
		__sync_fetch_and_add(&v->hits_dropped, 1);
	key = p->key;
	flow_done(&key, f, hook);
	return cut_refuse(skb, p, f);
}

/* cut_over - both sides have closed: of the gate's words nothing is unread */
static __always_inline bool cut_over(const struct packet *p, const struct flow *f)
{
	return f->client.flags & STREAM_FIN && p->ack == f->cut_at + REPLY_BYTES + 1;
}

/* cut_ours - the segment is of this connection, not of a later one at the same ports */
static __always_inline bool cut_ours(const struct packet *p, const struct flow *f)
{
	if (p->tcp_flags & TCP_RST)
		return p->seq - f->client.high <= 1 || f->client.high - p->seq <= WINDOW_MAX;
	return p->ack - (f->cut_at - CUT_BEFORE) <= CUT_BEFORE + REPLY_BYTES + 1;
}

/*
 * cut_segment - a client's segment on a connection that was cut; CONTINUE where it is of another
 * connection, and the entry is gone.
 */
STEP int cut_segment(struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 hook)
{
	struct answer a = { .flags = TCP_ACK };
	struct flow_key key;
	bool over;

	if (!p || !f)
		return REASON_CUT;
	key = p->key;
	if (!cut_ours(p, f)) {
		flow_end(&key, f, hook);
		return REASON_CONTINUE;
	}
	if (p->tcp_flags & TCP_RST) {
		if (p->seq - f->client.high <= 1)
			flow_end(&key, f, hook);
		return REASON_CUT;
	}
	cut_taken(p, f);
	if (!turn_ahead(p->ack, f->cut_at) && (p->payload_bytes || p->tcp_flags & TCP_FIN))
		return cut_refuse(skb, p, f);
	a.seq = f->cut_at + REPLY_BYTES + 1;
	a.ack = f->client.high;
	over = cut_over(p, f);
	if (over)
		flow_end(&key, f, hook);
	if ((!p->payload_bytes && !(p->tcp_flags & TCP_FIN)) || ipsec_applies(skb, p))
		return REASON_CUT;
	answer_options(skb, p, &a);
	a.clock = a.echo;
	return answer_send(skb, p, &a) == REASON_ANSWERED ? REASON_CUT_ANSWERED : REASON_CUT;
}

#endif
