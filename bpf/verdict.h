/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.h - what is to be done with a source at this moment
 *
 * verdict_at() reads one verdict against the clock; verdict_syn() is the step that decides
 * about a connection attempt, the same at XDP and at TC ingress. The kernel itself knows
 * which part of the hour it is, nothing in user space switches verdicts by the minute.
 */
#ifndef BUILDGATE_VERDICT_H
#define BUILDGATE_VERDICT_H

#include "bpf/flood.h"
#include "bpf/slots.h"

#define SECOND_NS    1000000000ULL
#define HOUR_S       3600
#define RECHECK_SYNS 4                 /* new attempts let through while a recheck is due ... */
#define RECHECK_SPAN (10 * SECOND_NS)  /* ... in this time */
#define RECHECK_LIFE (300 * SECOND_NS) /* how long one that was let through is known */

/* hour_second - where in the source's own hour `now` is */
static __always_inline __u32 hour_second(const struct verdict *v, __u64 now)
{
	return (now / SECOND_NS + HOUR_S - v->phase_s % HOUR_S) % HOUR_S;
}

/* verdict_window - the action of this part of the hour; *left_s: seconds until it ends */
static __always_inline enum action verdict_window(const struct verdict *v, __u64 now, __u32 *left_s)
{
	__u32 second;

	if (v->block_s >= HOUR_S) { /* most blocked sources: no division for them */
		*left_s = HOUR_S;
		return ACTION_DROP;
	}
	second = hour_second(v, now);
	if (second < v->block_s) {
		*left_s = v->block_s - second;
		return ACTION_DROP;
	}
	if (second < v->block_s + v->throttle_s) {
		*left_s = v->block_s + v->throttle_s - second;
		return ACTION_TARPIT;
	}
	*left_s = HOUR_S - second;
	return ACTION_PASS;
}

/* verdict_holds - CONTINUE if the verdict is in force, else why it is not */
static __always_inline enum reason verdict_holds(const struct settings *s, const struct verdict *v,
						 __u64 now)
{
	if (!v->block_s && !v->throttle_s)
		return REASON_VERDICT_PASS;
	if (!gate_enforcing(s, now))
		return REASON_REPORT_ONLY;
	if (v->valid_until_ns && now >= v->valid_until_ns)
		return REASON_EXPIRED;
	if (v->flags & VERDICT_CLOCK && now >= READ_ONCE(s->lease_until_ns))
		return REASON_LEASE_OVER;
	return REASON_CONTINUE;
}

/* range_of - the longest range around a full address, or NULL */
static __always_inline struct range *range_of(const struct settings *s, const struct addr *a)
{
	struct range_key key = { .prefix_bits = 128, .addr = *a };
	struct range *r;

	if (!READ_ONCE(s->ranges))
		return NULL;
	r = bpf_map_lookup_elem(&ranges, &key);
	if (!r || (r->valid_until_ns && gate_now(s) >= r->valid_until_ns))
		return NULL;
	return r;
}

/* verdict_blocks - this client is refused at this moment: what is open of it may be ended */
STEP int verdict_blocks(const struct addr *client)
{
	struct settings *s = gate_settings();
	struct range *r = NULL;
	struct addr source;
	struct verdict *v;
	__u32 left_s;
	__u64 now;

	if (!client || !s)
		return 0;
	source = source_of(client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	now = gate_now(s);
	if (!v || v->flags & VERDICT_RANGED)
		r = range_of(s, client);
	if (r && (!v || r->action == ACTION_PASS))
		return r->action == ACTION_DROP && gate_enforcing(s, now);
	return v && !verdict_holds(s, v, now) && verdict_window(v, now, &left_s) == ACTION_DROP;
}

/* recheck_due - a blocked source's next connection may pass, to show an upgrade */
static __always_inline bool recheck_due(const struct verdict *v, __u64 now)
{
	if (!v->recheck_at_ns || now < v->recheck_at_ns)
		return false;
	return now - v->pending_since_ns >= RECHECK_SPAN || v->pending < RECHECK_SYNS;
}

/* recheck_lately - an attempt that was let through may come again */
static __always_inline bool recheck_lately(const struct verdict *v, __u64 now)
{
	return v->pending_since_ns && now - v->pending_since_ns <= RECHECK_LIFE + RECHECK_SPAN;
}

/* recheck_known - this very attempt was let through before: a retransmitted SYN. The look-up is
 * spared a flood: it is made only where one was let through lately. */
static __always_inline bool recheck_known(const struct packet *p, const struct verdict *v,
					  __u64 now)
{
	struct flow_key key;
	struct handshake *h;

	if (!recheck_lately(v, now))
		return false;
	key = p->key;
	h = bpf_map_lookup_elem(&rechecks, &key);
	return h && h->isn == p->seq && now - h->at_ns < RECHECK_LIFE;
}

/* recheck_open - remember the attempt; its greeting's acknowledgement will spend the slot */
static __always_inline void recheck_open(const struct packet *p, struct verdict *v, __u64 now)
{
	struct handshake h = { .at_ns = now, .isn = p->seq };
	struct flow_key key = p->key;

	if (now - v->pending_since_ns >= RECHECK_SPAN) {
		v->pending_since_ns = now;
		v->pending = 0;
	}
	__sync_fetch_and_add(&v->pending, 1);
	v->recheck_open_ns = now + RECHECK_SPAN;
	bpf_map_update_elem(&rechecks, &key, &h, BPF_ANY);
}

/* verdict_slow - an attempt of a source that is slowed; where no slot is left it is deferred, so
 * that the mail server never has more slow clients than it can afford */
static __always_inline enum reason verdict_slow(const struct addr *source, __u64 now, bool last)
{
	if (!slots_full(source, now))
		return REASON_TARPITTED;
	if (last)
		count(HOOK_INGRESS, REASON_SLOW_DEFERRED);
	return REASON_ANSWER_SYN;
}

/* range_says - what an operator's range does with a connection attempt */
static __always_inline enum reason range_says(const struct settings *s, const struct range *r,
					      const struct addr *source, __u64 now, bool last)
{
	if (r->action == ACTION_PASS)
		return REASON_EXEMPT;
	if (!gate_enforcing(s, now))
		return REASON_REPORT_ONLY;
	if (r->style == STYLE_SILENT)
		return REASON_SILENT;
	return r->style == STYLE_SLOW ? verdict_slow(source, now, last) : REASON_ANSWER_SYN;
}

/* verdict_range - the same, counted where the attempt ends or is handed to the host */
static __always_inline enum reason verdict_range(const struct settings *s, struct range *r,
						 const struct addr *source, __u64 now, bool last)
{
	enum reason reason = range_says(s, r, source, now, last);

	if (last || reason == REASON_SILENT)
		__sync_fetch_and_add(&r->hits, 1);
	return reason;
}

/* verdict_rate - one more attempt of a source under the answerer: is it one too many for this
 * second? What two CPUs lose to each other only lets an attempt through. */
STEP int verdict_rate(const struct packet *p)
{
	struct settings *s = gate_settings();
	struct attempts first = { .count = 1 }, *n;
	struct addr source;

	if (!p || !s || !READ_ONCE(s->answer_rate))
		return 0;
	first.second = gate_now(s) / SECOND_NS;
	source = source_of(&p->key.client);
	n = bpf_map_lookup_elem(&attempts, &source);
	if (n && n->second == first.second)
		return ++n->count > READ_ONCE(s->answer_rate);
	bpf_map_update_elem(&attempts, &source, &first, BPF_ANY);
	return 0;
}

/*
 * verdict_syn - decide about a client's SYN from outside. `last` is set at the hook that
 * hands the packet to the host: only there a recheck is written down.
 */
STEP int verdict_syn(const struct packet *p, __u32 last)
{
	struct settings *s = gate_settings();
	struct range *r = NULL;
	enum action action;
	enum reason reason;
	struct addr source;
	struct verdict *v;
	__u32 left_s, hits = 1;
	__u64 now;

	if (!p || !s)
		return REASON_SYN;
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (!v || v->flags & VERDICT_RANGED)
		r = range_of(s, &p->key.client);
	if (!v && !r)
		return REASON_SYN; /* nearly all: spared the clock, which is dearer than a map */
	now = gate_now(s);
	if (r && (!v || r->action == ACTION_PASS))
		return p->port_kind == PORT_MX ? verdict_range(s, r, &source, now, last)
					       : REASON_NOT_MX;
	if (p->port_kind != PORT_MX)
		return REASON_NOT_MX;
	reason = verdict_holds(s, v, now);
	if (reason)
		return reason;
	action = verdict_window(v, now, &left_s);
	if (action == ACTION_PASS)
		return REASON_WINDOW_OPEN;
	if (action == ACTION_TARPIT)
		return v->tarpit_style == STYLE_DEFER ? REASON_ANSWER_SYN
						      : verdict_slow(&source, now, last);
	if (recheck_known(p, v, now))
		return REASON_RECHECK;
	if (recheck_due(v, now)) {
		if (last)
			recheck_open(p, v, now);
		return REASON_RECHECK;
	}
	if (v->drop_style == STYLE_ANSWER)
		return REASON_ANSWER_SYN;
	if (!last && !(v->flags & VERDICT_RANGED) && !recheck_lately(v, now))
		hits += flood_told(s, &source);
	__sync_fetch_and_add(&v->hits_dropped, hits);
	return REASON_SILENT;
}

#endif
