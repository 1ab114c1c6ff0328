/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - connections that are followed: birth, acknowledgement, end
 *
 * Owns the flows and pending maps. A flow is born by what our side sends, never by what a
 * stranger sends: inbound by our server's greeting, outbound by our client's handshake
 * (DESIGN section 4). Each direction's stream has one writer; phase and token states change
 * by compare-and-swap, which also makes every event exactly-once.
 */
#ifndef BUILDGATE_FLOW_H
#define BUILDGATE_FLOW_H

#include "bpf/packet.h"
#include "bpf/smtp.h"

#define WINDOW_MAX (1U << 30) /* RFC 7323, 2.3: no window is larger */

/* flow_side - who sends this segment */
static __always_inline enum side flow_side(const struct packet *p)
{
	return p->from_client ? SIDE_CLIENT : SIDE_SERVER;
}

/* flow_stream - the stream of a side */
static __always_inline struct stream *flow_stream(struct flow *f, enum side side)
{
	return side == SIDE_CLIENT ? &f->client : &f->server;
}

/* flow_phase - move from one phase to another; false when another CPU was first */
static __always_inline bool flow_phase(struct flow *f, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(&f->phase, from, to) == from;
}

/* flow_raise - set a flag; true for the one who set it */
static __always_inline bool flow_raise(struct flow *f, __u32 flag)
{
	return !(__sync_fetch_and_or(&f->flags, flag) & flag);
}

/* flow_family - what the outside peer turned out to be; TLS is said of the session */
static __always_inline __u8 flow_family(const struct flow *f)
{
	__u8 family = f->server.family == FAMILY_TLS ? FAMILY_TLS : FAMILY_UNKNOWN;
	__u8 peer = f->client.family;

	if (f->direction == DIRECTION_OUTBOUND) {
		peer = f->server.family;
		/* a greeting that was taken and said nothing of Microsoft */
		if (!peer && after(f->server.acked, f->server_isn + 1))
			peer = FAMILY_OTHER;
	}
	return peer > family ? peer : family;
}

/* event_fill - what every event says of its flow */
static __always_inline void event_fill(struct event *e, const struct flow_key *key,
				       const struct flow *f, const struct settings *s)
{
	e->at_ns = gate_now(s);
	e->key = *key;
	e->direction = f->direction;
	e->flags = 0;
	if (f->flags & FLOW_RECHECK)
		e->flags |= EVENT_RECHECK;
	if (f->port_kind == PORT_SUBMISSION)
		e->flags |= EVENT_SUBMISSION;
	e->reserved[0] = e->reserved[1] = 0;
	__builtin_memset(e->pad, 0, sizeof(e->pad));
}

/* names_copy - NAME_BYTES of a name; src NULL gives an empty one */
static __always_inline void names_copy(char *dst, const char *src)
{
	if (src)
		__builtin_memcpy(dst, src, NAME_BYTES);
	else
		__builtin_memset(dst, 0, NAME_BYTES);
}

/* flow_tell - the token of `side` is confirmed: one TOKEN event */
static __always_inline void flow_tell(enum hook hook, const struct settings *s,
				      const struct flow_key *key, struct flow *f, struct pending *n,
				      enum side side)
{
	struct token *t = &n->token[side == SIDE_CLIENT ? 0 : 1];
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	flow_stream(f, side)->family = FAMILY_EXCHANGE;
	count(hook, REASON_TOKEN_OK);
	if (!e) {
		count(hook, REASON_EVENT_LOST);
		return;
	}
	event_fill(e, key, f, s);
	e->type = EVENT_TOKEN;
	e->side = side;
	e->build = t->build;
	e->frame = t->frame;
	e->origin = t->origin;
	e->family = FAMILY_EXCHANGE;
	__builtin_memcpy(e->token, t->bytes, TOKEN_BYTES);
	names_copy(e->helo, side == SIDE_CLIENT ? n->text[0].helo : NULL);
	names_copy(e->by, side == SIDE_SERVER            ? n->text[1].helo
			  : t->origin == ORIGIN_RECEIVED ? n->text[0].by
							 : NULL);
	if (f->client.smtp.flags & SMTP_NAME_CUT)
		e->flags |= EVENT_NAME_CUT;
	bpf_ringbuf_submit(e, 0);
}

/* flow_report - one CONN event per connection, as soon as nothing more will be read and no
 * token waits, at its end at the latest; the names are not needed after it */
static __always_inline void flow_report(enum hook hook, const struct settings *s,
					const struct flow_key *key, struct flow *f)
{
	__u8 family = flow_family(f);
	struct pending *n;
	struct event *e;

	if (!flow_raise(f, FLOW_REPORTED))
		return;
	count(hook, family == FAMILY_EXCHANGE           ? REASON_FAMILY_EXCHANGE
		    : family == FAMILY_EXCHANGE_NOBUILD ? REASON_FAMILY_NOBUILD
		    : family == FAMILY_IIS_SMTP         ? REASON_FAMILY_IIS
		    : family == FAMILY_OTHER            ? REASON_FAMILY_OTHER
		    : family == FAMILY_TLS              ? REASON_TLS
							: REASON_FAMILY_UNKNOWN);
	n = bpf_map_lookup_elem(&pending, key);
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(hook, REASON_EVENT_LOST);
	} else {
		event_fill(e, key, f, s);
		e->type = EVENT_CONN;
		e->side = f->direction == DIRECTION_INBOUND ? SIDE_CLIENT : SIDE_SERVER;
		e->build = 0;
		e->frame = READ_ONCE(s->frame);
		e->origin = 0;
		e->family = family;
		__builtin_memset(e->token, 0, TOKEN_BYTES);
		names_copy(e->helo, n ? n->text[0].helo : NULL);
		names_copy(e->by, n ? n->text[1].helo : NULL);
		if (family == FAMILY_EXCHANGE)
			e->flags |= EVENT_HAD_BUILD;
		if (!(f->client.flags & f->server.flags & STREAM_SEEN))
			e->flags |= EVENT_ONE_WAY;
		if (n && n->helo_end && !after(n->helo_end, f->client.acked))
			e->flags |= EVENT_ACCEPTED;
		bpf_ringbuf_submit(e, 0);
	}
	if (!(f->client.flags & f->server.flags & STREAM_SEEN))
		count(hook, REASON_ONE_WAY);
	if (n)
		bpf_map_delete_elem(&pending, key);
}

/* flow_done - nothing more is read; reported at once unless a token waits */
static __always_inline void flow_done(enum hook hook, const struct settings *s,
				      const struct flow_key *key, struct flow *f)
{
	f->phase = PHASE_DONE;
	if (!f->tokens)
		flow_report(hook, s, key, f);
}

/* flow_end - the connection is over: the last that is said and kept of it */
static __always_inline void flow_end(enum hook hook, const struct settings *s,
				     const struct flow_key *key, struct flow *f)
{
	flow_report(hook, s, key, f);
	count(hook, REASON_FLOW_END);
	bpf_map_delete_elem(&flows, key);
}

/* What a new flow starts from; sequence numbers are those of the next byte to read. */
struct birth {
	__u32 client_next;
	__u32 server_next;
	__u8 direction;
	__u8 port_kind;
	__u8 recheck;
};

/* flow_new - begin to follow a connection; NULL where there is no memory */
static __always_inline struct flow *flow_new(enum hook hook, const struct settings *s,
					     const struct flow_key *key, const struct birth *b)
{
	static const struct pending nothing;
	struct flow f = {
		.born_ns = gate_now(s),
		.phase = PHASE_COMMAND,
		.flags = b->recheck ? FLOW_RECHECK : 0,
		.server_isn = b->server_next - 1,
		.direction = b->direction,
		.port_kind = b->port_kind,
		.client = { .next = b->client_next,
			    .high = b->client_next,
			    .acked = b->client_next,
			    .smtp = { .row = SMTP_ROW_COMMAND } },
		.server = { .next = b->server_next,
			    .high = b->server_next,
			    .acked = b->server_next,
			    .smtp = { .row = SMTP_ROW_GREETING } },
	};

	if (bpf_map_update_elem(&flows, key, &f, BPF_ANY)) {
		count(hook, REASON_FLOW_FULL);
		return NULL;
	}
	if (bpf_map_update_elem(&pending, key, &nothing, BPF_ANY))
		count(hook, REASON_TOKEN_FULL);
	count(hook, REASON_FLOW_NEW);
	return bpf_map_lookup_elem(&flows, key);
}

/* token_confirm - the other side acknowledged: exactly one CPU tells */
static __always_inline void token_confirm(enum hook hook, const struct settings *s,
					  const struct flow_key *key, struct flow *f,
					  enum side side, __u32 ack)
{
	struct pending *n = bpf_map_lookup_elem(&pending, key);
	struct token *t;

	if (!n) { /* squeezed out: an observation lost */
		count(hook, REASON_TOKEN_FULL);
		__sync_fetch_and_and(&f->tokens, ~(1U << side));
		return;
	}
	t = &n->token[side == SIDE_CLIENT ? 0 : 1];
	if (after(t->end, ack))
		return;
	if (__sync_val_compare_and_swap(&t->state, TOKEN_SEEN, TOKEN_CONFIRMED) == TOKEN_SEEN)
		flow_tell(hook, s, key, f, n, side);
	__sync_fetch_and_and(&f->tokens, ~(1U << side));
	if (f->phase == PHASE_DONE && !f->tokens)
		flow_report(hook, s, key, f);
}

/*
 * flow_acknowledge - what this segment's ACK says of the other side's bytes. Valid is what
 * acknowledges bytes that were sent: acked <= ack <= high (RFC 9293, 3.10.7.4).
 */
static __always_inline void flow_acknowledge(enum hook hook, const struct settings *s,
					     const struct packet *p, struct flow *f)
{
	enum side other = p->from_client ? SIDE_SERVER : SIDE_CLIENT;
	struct stream *o = flow_stream(f, other);

	if (!(p->tcp_flags & TCP_ACK))
		return;
	if (after(p->ack, o->high + 1)) { /* one more: a FIN counts */
		count(hook, REASON_OUT_OF_WINDOW);
		return;
	}
	if (after(p->ack, o->acked))
		o->acked = p->ack;
	if (f->tokens & 1U << other)
		token_confirm(hook, s, &p->key, f, other, p->ack);
	if (f->phase != PHASE_DONE && after(p->ack, o->next + 1)) {
		/* It has bytes we never saw and never will: what follows cannot be read. */
		count(hook, o->flags & STREAM_SEEN ? REASON_BLIND : REASON_ONE_WAY);
		flow_done(hook, s, &p->key, f);
	}
}

/* flow_close - FIN of both sides, or a RST that must be believed (RFC 5961, 3.2): then the
 * connection is over */
static __always_inline void flow_close(enum hook hook, const struct settings *s,
				       const struct packet *p, struct flow *f)
{
	struct stream *mine = flow_stream(f, flow_side(p));
	struct stream *other = p->from_client ? &f->server : &f->client;

	if (p->tcp_flags & TCP_RST) {
		if (hook == HOOK_EGRESS || p->seq == mine->high)
			flow_end(hook, s, &p->key, f);
		return;
	}
	if (!(p->tcp_flags & TCP_FIN) || after(p->seq, mine->high))
		return;
	mine->flags |= STREAM_FIN;
	if (other->flags & STREAM_FIN)
		flow_end(hook, s, &p->key, f);
}

#endif
