/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tarpit.h - tarpit/slow: every round trip of a source takes between D and about 2 D
 *
 * All at egress. A round trip ends with what our server says to bytes that it had not answered
 * before: from there tarpit_arm() sets the flow's deadline, and until then tarpit_hold() writes
 * window 0 into the server's segments. The sender's own persist timer (RFC 9293, 3.8.6.1) does the
 * waiting; nothing is dropped. Acknowledgements alone arm nothing: a mail of many windows waits
 * once, not for each of them, or its last reply would come after its sender has given up; nor do
 * probes, which many stacks make with a byte of what they want to send; and what the server never
 * took, because it is forged or far ahead, changes nothing.
 *
 * A session is slowed while it has a slot (slots.h): the few connections of a source that
 * came between its first attempts and their greetings, more than it has slots for, pass unslowed,
 * because what the server has greeted is never taken away from it.
 */
#ifndef BUILDGATE_TARPIT_H
#define BUILDGATE_TARPIT_H

#include "bpf/flow.h"
#include "bpf/verdict.h"

#define MILLISECOND_NS 1000000ULL

/* tarpit_until - the verdict's own end, if it comes before the rest of its window is over */
static __always_inline void tarpit_until(__u64 until, __u64 now, __u64 *left_ns)
{
	if (until && until - now < *left_ns)
		*left_ns = until - now;
}

/* tarpit_verdict - what the source's verdict says: CONTINUE for slow, with what is left of it in
 * *left_ns: this part of the hour, or less */
static __always_inline enum reason tarpit_verdict(const struct settings *s, struct verdict *v,
						  __u64 now, __u64 *left_ns)
{
	enum reason reason = verdict_holds(s, v, now);
	__u32 left_s;

	if (reason)
		return reason;
	if (verdict_window(v, now, &left_s) != ACTION_TARPIT || v->tarpit_style != STYLE_SLOW)
		return REASON_WINDOW_OPEN;
	*left_ns = left_s * SECOND_NS - now % SECOND_NS;
	tarpit_until(v->valid_until_ns, now, left_ns);
	if (v->flags & VERDICT_CLOCK)
		tarpit_until(READ_ONCE(s->lease_until_ns), now, left_ns);
	return REASON_CONTINUE;
}

/* tarpit_free - a session that is not slowed now holds no slot */
static __always_inline int tarpit_free(struct flow *f)
{
	if (f->slot)
		slot_free(f);
	return 0;
}

/* tarpit_left - how long the client is slowed from now on: until its window, verdict or lease ends;
 * 0: it is not. A range around it is looked at where the verdict says so, or where there is none
 * and the connection began in an operator's range. */
static __always_inline __u64 tarpit_left(const struct settings *s, const struct packet *p,
					 const struct flow *f, __u64 now, struct verdict **ret_v)
{
	struct addr source = source_of(&p->key.client);
	struct verdict *v = bpf_map_lookup_elem(&verdicts, &source);
	struct range *r = NULL;
	__u64 left = ~0ULL;

	*ret_v = v;
	if (v ? v->flags & VERDICT_RANGED : f->flags & FLOW_RANGED)
		r = range_of(s, &p->key.client);
	if (r && r->action == ACTION_PASS)
		return 0;
	if (v)
		return tarpit_verdict(s, v, now, &left) ? 0 : left;
	if (!r || r->action != ACTION_TARPIT || r->style != STYLE_SLOW || !gate_enforcing(s, now))
		return 0;
	tarpit_until(r->valid_until_ns, now, &left);
	return left;
}

/* tarpit_delay - the mx client of a slowed source waits, never beyond the window of the hour */
STEP int tarpit_delay(const struct packet *p, struct flow *f, __u32 hook)
{
	struct settings *s = gate_settings();
	__u64 now, delay, left;
	struct addr source;
	struct verdict *v;

	if (!p || !f || !s || READ_ONCE(s->mode) != MODE_ENFORCE ||
	    (!READ_ONCE(s->tarpits) && !(f->flags & FLOW_RANGED)) ||
	    f->direction != DIRECTION_INBOUND || f->port_kind != PORT_MX)
		return 0;
	now = gate_now(s);
	left = tarpit_left(s, p, f, now, &v);
	if (!left)
		return tarpit_free(f);
	source = source_of(&p->key.client);
	if (!slot_hold(f, &source, now, left)) {
		count(hook, REASON_SLOW_MISSED);
		return 0;
	}
	delay = READ_ONCE(s->slow_delay_ms);
	if (delay > SLOW_DELAY_MAX_MS)
		delay = SLOW_DELAY_MAX_MS;
	delay *= MILLISECOND_NS;
	f->deadline_ns = now + (delay < left ? delay : left);
	if (v)
		__sync_fetch_and_add(&v->hits_slowed, 1);
	count(hook, REASON_DELAY_ARMED);
	return 0;
}

/* tarpit_born - a connection that begins: does it stand in a range that slows? Asked once, so
 * that other connections' segments need no such look-up. */
static __always_inline void tarpit_born(const struct packet *p, struct flow *f, __u32 hook)
{
	struct settings *s = gate_settings();
	struct range *r;

	if (!s)
		return;
	r = range_of(s, &p->key.client);
	if (r && r->action == ACTION_TARPIT)
		flow_raise(f, FLOW_RANGED);
	tarpit_delay(p, f, hook); /* the EHLO waits too */
}

/* tarpit_arm - the server speaks, to bytes that it has not spoken to before? The number beyond the
 * last byte is a FIN's: who closes waits for nothing. A FIN that the server ignores ends no delays,
 * what it takes after that is not beyond the last byte. */
static __always_inline void tarpit_arm(const struct packet *p, struct flow *f, __u32 hook)
{
	bool closes = f->client.flags & STREAM_FIN && after(p->ack, f->client.high);

	if (!p->payload_bytes || !after(p->ack, f->answered))
		return;
	f->answered = p->ack;
	if (!closes)
		tarpit_delay(p, f, hook);
}

/* tarpit_hold - window 0 while the deadline is ahead, and the client still one that is slowed: who
 * is let go is let go with its next probe. With size 2 the helper knows an offloaded
 * checksum, and leaves it: the window is not part of the pseudo header. */
STEP int tarpit_hold(struct __sk_buff *skb, const struct packet *p, struct flow *f)
{
	struct settings *s = gate_settings();
	__u32 window, check;
	__be16 was, zero = 0;
	struct verdict *v;
	__u64 now;

	if (!p || !f || !s || !f->deadline_ns || p->tcp_flags & (TCP_SYN | TCP_RST))
		return REASON_CONTINUE;
	now = gate_now(s);
	if (!gate_enforcing(s, now))
		return REASON_CONTINUE;
	if (now >= f->deadline_ns || !tarpit_left(s, p, f, now, &v)) {
		f->deadline_ns = 0;
		return REASON_CONTINUE;
	}
	window = p->tcp_offset + __builtin_offsetof(struct tcphdr, window);
	check = p->tcp_offset + __builtin_offsetof(struct tcphdr, check);
	if (bpf_skb_load_bytes(skb, window, &was, sizeof(was)))
		return REASON_CONTINUE;
	if (was) {
		if (bpf_l4_csum_replace(skb, check, was, zero, sizeof(zero)) ||
		    bpf_skb_store_bytes(skb, window, &zero, sizeof(zero), 0))
			return REASON_CONTINUE;
	}
	return REASON_SLOWED;
}

#endif
