/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recheck.h - a blocked source's chance to show that it was upgraded
 *
 * verdict.h lets the SYN through when that is due (recheck_name.h may make it so); here the slot is
 * spent once the client acknowledged our server's greeting, and an old build on such a connection
 * cuts it (cut.h): from that segment on its bytes are not forwarded, so no mail comes in by this
 * door. The sight still counts as evidence: the client holds our server's sequence numbers, so
 * nobody else sent it.
 *
 * Inside TLS no segment shows a build. Sight (tls.h) reads it after the server has, so that what
 * was under way with it, a short mail, is delivered; then the connection is shut. Without
 * sight it is shut when it has used up its bytes, unless the verdict is gone by then: so a milter,
 * which is shown a mail when it is complete, has seen one.
 */
#ifndef BUILDGATE_RECHECK_H
#define BUILDGATE_RECHECK_H

#include "bpf/flow.h"
#include "bpf/verdict.h"

#define RECHECK_TLS_BYTES (1 << 20) /* of the client, from the TLS handshake on */

/* recheck_born - a flow that begins from this attempt is a recheck */
static __always_inline bool recheck_born(const struct flow_key *key, __u32 client_next)
{
	struct handshake *h = bpf_map_lookup_elem(&rechecks, key);

	return h && h->isn + 1 == client_next;
}

/* recheck_take - the recheck is this connection's; false: it is not due any more, another one that
 * was let through with it came first */
static __always_inline bool recheck_take(const struct settings *s, struct verdict *v)
{
	__u64 now = gate_now(s), due = v->recheck_at_ns,
	      next = now + READ_ONCE(s->recheck_interval_ns);

	if (now < due || __sync_val_compare_and_swap(&v->recheck_at_ns, due, next) != due)
		return false;
	v->pending = 0;
	v->recheck_open_ns = now + RECHECK_LIFE;
	__sync_fetch_and_add(&v->hits_recheck, 1);
	return true;
}

/* recheck_spend - the greeting was acknowledged: the next one in a recheck interval. Who comes
 * too late goes on as any connection of a blocked source does. */
STEP int recheck_spend(const struct packet *p, struct flow *f, __u32 hook)
{
	struct settings *s = gate_settings();
	struct flow_key key;
	struct addr source;
	struct verdict *v;

	if (!p || !f || !s || f->flags & FLOW_SPENT || !after(f->server.acked, f->server_isn + 1) ||
	    !flow_raise(f, FLOW_SPENT))
		return 0;
	key = p->key;
	bpf_map_delete_elem(&rechecks, &key);
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (v && v->recheck_at_ns && !recheck_take(s, v))
		__sync_fetch_and_and(&f->flags, ~(FLOW_RECHECK | FLOW_SPENT));
	else
		count(hook, REASON_RECHECK_USED);
	return 0;
}

/* recheck_over - the connection that used the recheck ends: the source's other ones may be refused
 * again */
STEP int recheck_over(const struct packet *p)
{
	struct addr source;
	struct verdict *v;

	if (!p)
		return 0;
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (v)
		v->recheck_open_ns = 0;
	return 0;
}

/* recheck_shut - the step for what is inside TLS: CUT for what must not be forwarded any more */
STEP int recheck_shut(const struct packet *p, struct flow *f)
{
	if (!p || !f || !p->from_client || !p->payload_bytes)
		return REASON_CONTINUE;
	/* sight also shuts what was not read here as far as its STARTTLS */
	if (!(f->flags & FLOW_SHUT) &&
	    (f->server.family != FAMILY_TLS ||
	     !after(p->seq + p->payload_bytes, f->client.next + RECHECK_TLS_BYTES)))
		return REASON_CONTINUE;
	/* also of one that was shut: nothing of it is lost, so it goes on where it stopped */
	if (!verdict_blocks(&p->key.client))
		return REASON_CONTINUE;
	if (flow_raise(f, FLOW_SHUT))
		recheck_over(p);
	return REASON_CUT;
}

/* recheck_look - sight reads this connection, and has read `build` (0: nothing yet). 1 if it is a
 * recheck; an old build shuts it. */
STEP int recheck_look(const struct flow_key *of, __u64 build)
{
	struct flow_key key;
	struct addr source;
	struct verdict *v;
	struct flow *f;

	if (!of)
		return 0;
	key = *of;
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f || !(f->flags & FLOW_RECHECK))
		return 0;
	flow_raise(f, FLOW_LOOKED);
	if (!build)
		return 1;
	source = source_of(&key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (v && build <= v->build && verdict_blocks(&key.client)) {
		flow_raise(f, FLOW_SHUT);
		v->recheck_open_ns = 0;
	}
	return 1;
}

/* recheck_old - the step after reading: 1 if this segment showed an old build */
STEP int recheck_old(const struct packet *p, struct flow *f, __u32 hook)
{
	struct flow_key key;
	struct addr source;
	struct pending *n;
	struct verdict *v;
	struct token *t;

	if (!p || !f || !(f->tokens & 1U << SIDE_CLIENT))
		return 0;
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	key = p->key;
	n = bpf_map_lookup_elem(&pending, &key);
	if (!v || !n)
		return 0;
	t = &n->token[0];
	if (!v->build || t->build > v->build || !verdict_blocks(&p->key.client))
		return 0;
	v->recheck_open_ns = 0;
	if (__sync_val_compare_and_swap(&t->state, TOKEN_SEEN, TOKEN_CONFIRMED) == TOKEN_SEEN)
		flow_tell(&p->key, f, SIDE_CLIENT, hook);
	__sync_fetch_and_and(&f->tokens, ~(1U << SIDE_CLIENT));
	return 1;
}

#endif
