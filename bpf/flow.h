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
#include "bpf/slots.h"
#include "bpf/smtp.h"
#include "bpf/turn.h"

#define WINDOW_MAX (1U << 30) /* RFC 7323, 2.3: no window is larger */

/* flow_side - who sends this segment */
static __always_inline __u32 flow_side(const struct packet *p)
{
	return p->from_client ? SIDE_CLIENT : SIDE_SERVER;
}

/* flow_stream - the stream of a side */
static __always_inline struct stream *flow_stream(struct flow *f, __u32 side)
{
	return side == SIDE_CLIENT ? &f->client : &f->server;
}

/* flow_comes_by - each side's segments cross one hook; at the other one they are forged, and
 * would be a second writer of its stream */
static __always_inline bool flow_comes_by(const struct flow *f, const struct packet *p, __u32 hook)
{
	bool from_outside = f->direction == DIRECTION_INBOUND ? p->from_client : !p->from_client;

	return from_outside == (hook == HOOK_INGRESS);
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
		/* a greeting that was read and taken, and said nothing of Microsoft */
		if (!peer && after(f->server.acked, f->server_isn + 1) &&
		    !after(f->server.acked, f->server.next))
			peer = FAMILY_OTHER;
	}
	return peer > family ? peer : family;
}

/* event_fill - what every event says of its flow */
static __always_inline void event_fill(struct event *e, const struct flow_key *key,
				       const struct flow *f)
{
	struct settings *s = gate_settings();

	e->at_ns = s ? gate_now(s) : 0;
	e->frame = s ? READ_ONCE(s->frame) : 0;
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

/* name_copy - src NULL gives an empty one */
static __always_inline void name_copy(char *dst, const char *src)
{
	if (src)
		__builtin_memcpy(dst, src, NAME_BYTES);
	else
		__builtin_memset(dst, 0, NAME_BYTES);
}

/* event_names - the names, as far as this side knows them */
static __always_inline void event_names(struct event *e, const char *helo, const char *by)
{
	name_copy(e->helo, helo);
	name_copy(e->by, by);
}

/* flow_tell - the token of `side` is confirmed: one TOKEN event. Of a server's token `by` is
 * the host that greeted. */
STEP int flow_tell(const struct flow_key *of, struct flow *f, __u32 side, __u32 hook)
{
	struct flow_key key;
	struct pending *n;
	struct token *t;
	struct event *e;

	if (!of || !f)
		return 0;
	key = *of;
	flow_stream(f, side)->family = FAMILY_EXCHANGE;
	count(hook, REASON_TOKEN_OK);
	n = bpf_map_lookup_elem(&pending, &key);
	e = n ? bpf_ringbuf_reserve(&events, sizeof(*e), 0) : NULL;
	if (!e) {
		count(hook, REASON_EVENT_LOST);
		return 0;
	}
	t = &n->token[side == SIDE_CLIENT ? 0 : 1];
	event_fill(e, &key, f);
	e->type = EVENT_TOKEN;
	e->side = side;
	e->build = t->build;
	e->frame = t->frame;
	e->origin = t->origin;
	e->family = FAMILY_EXCHANGE;
	__builtin_memcpy(e->token, t->bytes, TOKEN_BYTES);
	if (side == SIDE_SERVER)
		event_names(e, NULL, n->text[1].helo);
	else
		event_names(e, n->text[0].helo,
			    t->origin == ORIGIN_RECEIVED ? n->text[0].by : NULL);
	if (f->client.smtp.flags & SMTP_NAME_CUT)
		e->flags |= EVENT_NAME_CUT;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* flow_report - one CONN event per connection, as soon as nothing more will be read and no
 * token waits, at its end at the latest; the names are not needed after it */
STEP int flow_report(const struct flow_key *of, struct flow *f, __u32 hook)
{
	struct flow_key key;
	struct pending *n;
	struct event *e;
	__u8 family;

	if (!of || !f || !flow_raise(f, FLOW_REPORTED))
		return 0;
	key = *of;
	family = flow_family(f);
	count(hook, family_reason(family));
	if (!(f->client.flags & f->server.flags & STREAM_SEEN))
		count(hook, REASON_ONE_WAY);
	n = bpf_map_lookup_elem(&pending, &key);
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(hook, REASON_EVENT_LOST);
		return 0;
	}
	event_fill(e, &key, f);
	e->type = EVENT_CONN;
	e->side = f->direction == DIRECTION_INBOUND ? SIDE_CLIENT : SIDE_SERVER;
	e->build = 0;
	e->origin = 0;
	e->family = family;
	__builtin_memset(e->token, 0, TOKEN_BYTES);
	event_names(e, n ? n->text[0].helo : NULL, n ? n->text[1].helo : NULL);
	if (family == FAMILY_EXCHANGE)
		e->flags |= EVENT_HAD_BUILD;
	if (!(f->client.flags & f->server.flags & STREAM_SEEN))
		e->flags |= EVENT_ONE_WAY;
	if (n && n->helo_end && !after(n->helo_end, f->client.acked))
		e->flags |= EVENT_ACCEPTED;
	bpf_ringbuf_submit(e, 0);
	bpf_map_delete_elem(&pending, &key);
	return 0;
}

/* flow_done - nothing more is read; reported at once unless a token waits */
static __always_inline void flow_done(const struct flow_key *key, struct flow *f, __u32 hook)
{
	f->phase = PHASE_DONE;
	if (!f->tokens)
		flow_report(key, f, hook);
}

/* flow_end - the connection is over: the last that is said and kept of it */
static __always_inline void flow_end(const struct flow_key *key, struct flow *f, __u32 hook)
{
	flow_report(key, f, hook);
	if (f->slot)
		slot_free(f);
	if (f->server.family == FAMILY_TLS && f->flags & FLOW_SPENT && flow_raise(f, FLOW_LOOKED))
		count(hook, REASON_RECHECK_BLIND);
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

static const struct pending no_names;

/* flow_new - begin to follow a connection; 0, or -1 where there is no memory */
STEP int flow_new(const struct flow_key *of, const struct birth *b, __u32 hook)
{
	struct settings *s = gate_settings();
	struct flow f = { .phase = PHASE_COMMAND };
	struct flow_key key;

	if (!of || !b || !s)
		return -1;
	key = *of;
	f.born_ns = gate_now(s);
	f.flags = b->recheck ? FLOW_RECHECK : 0;
	f.server_isn = b->server_next - 1;
	f.direction = b->direction;
	f.port_kind = b->port_kind;
	f.client.next = f.client.high = f.client.acked = b->client_next;
	f.client.smtp.row = SMTP_ROW_COMMAND;
	f.server.next = f.server.high = f.server.acked = b->server_next;
	f.server.smtp.row = SMTP_ROW_GREETING;
	f.answered = b->client_next;
	turn_start(&f.asked, &f.told, b->client_next, b->server_next);
	if (bpf_map_update_elem(&flows, &key, &f, BPF_ANY)) {
		count(hook, REASON_FLOW_FULL);
		return -1;
	}
	if (bpf_map_update_elem(&pending, &key, &no_names, BPF_ANY))
		count(hook, REASON_TOKEN_FULL);
	count(hook, REASON_FLOW_NEW);
	return 0;
}

/* token_confirm - the other side acknowledged: exactly one CPU tells */
static __always_inline void token_confirm(const struct flow_key *key, struct flow *f, __u32 side,
					  __u32 ack, __u32 hook)
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
		flow_tell(key, f, side, hook);
	__sync_fetch_and_and(&f->tokens, ~(1U << side));
	if (f->phase == PHASE_DONE && !f->tokens)
		flow_report(key, f, hook);
}

/*
 * flow_acknowledge - what this segment's ACK says of the other side's bytes. Valid is what
 * acknowledges bytes that were sent: acked <= ack <= high (RFC 9293, 3.10.7.4).
 */
STEP int flow_acknowledge(const struct packet *p, struct flow *f, __u32 hook)
{
	struct flow_key key;
	struct stream *o;
	__u32 other;

	if (!p || !f || !(p->tcp_flags & TCP_ACK))
		return 0;
	key = p->key;
	other = p->from_client ? SIDE_SERVER : SIDE_CLIENT;
	o = flow_stream(f, other);
	if (after(p->ack, o->high + 1)) { /* one more: a FIN counts */
		count(hook, REASON_OUT_OF_WINDOW);
		return 0;
	}
	if (after(p->ack, o->acked))
		o->acked = p->ack;
	if (f->tokens & 1U << other)
		token_confirm(&key, f, other, p->ack, hook);
	if (f->phase != PHASE_DONE && after(p->ack, o->next + 1)) {
		/* It has bytes we never saw and never will: what follows cannot be read. */
		count(hook, o->flags & STREAM_SEEN ? REASON_BLIND : REASON_ONE_WAY);
		flow_done(&p->key, f, hook);
	}
	return 0;
}

/* flow_passes - a client's bytes where nothing is read any more and nobody else keeps `high`. Only
 * what joins on to bytes that are known: a forged segment does not move it. */
static __always_inline void flow_passes(const struct packet *p, struct flow *f)
{
	__u32 end = p->seq + p->payload_bytes, known = f->client.high;

	if (!p->from_client || f->phase != PHASE_DONE || f->tokens || !p->payload_bytes)
		return;
	if (after(f->told.acked, known))
		known = f->told.acked;
	if (after(end, known) && !after(p->seq, known))
		f->client.high = end;
}

/* flow_rst_believed - a RST from outside ends the connection only if it is exactly in place (RFC
 * 5961, 3.2): one that the server ignores must not shake off a delay. Of a server's stream that
 * is read to its end `high` is not kept, and nothing depends on it. A client that was shut out is
 * not believed at all: without the entry its bytes would go through. */
static __always_inline bool flow_rst_believed(const struct packet *p, struct flow *f)
{
	if (f->flags & FLOW_SHUT)
		return false;
	if (!p->from_client)
		return f->phase == PHASE_DONE || p->seq == f->server.high;
	/* a FIN takes a number too */
	return p->seq - f->client.high <= (f->client.flags & STREAM_FIN ? 1U : 0U);
}

/* flow_close - FIN of both sides, or a RST that must be believed: the connection is over */
static __always_inline void flow_close(const struct packet *p, struct flow *f, __u32 hook)
{
	struct stream *mine = flow_stream(f, flow_side(p));
	struct stream *other = p->from_client ? &f->server : &f->client;

	if (p->tcp_flags & TCP_RST) {
		if (hook == HOOK_EGRESS || flow_rst_believed(p, f))
			flow_end(&p->key, f, hook);
		return;
	}
	if (!(p->tcp_flags & TCP_FIN) || (f->phase != PHASE_DONE && after(p->seq, mine->high)))
		return;
	mine->flags |= STREAM_FIN;
	if (other->flags & STREAM_FIN)
		flow_end(&p->key, f, hook);
}

#endif
