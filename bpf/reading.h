/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reading.h - what a segment says, written down: tokens, names, phases
 *
 * One segment's reading, struct reading, is begun by reader.h, which feeds the bytes and hands
 * every action of the line machine to client_action() or server_action(). Here it becomes a token
 * with its place on the wire, a name, a family or a phase of the conversation. The names and
 * numbers are kept in the flow's pending entry, by read_names(); read_undo() puts the number back
 * where the segment turns out not to be believed.
 */
#ifndef BUILDGATE_READING_H
#define BUILDGATE_READING_H

#include "bpf/flow.h"
#include "bpf/scratch.h"
#include "bpf/session.h"

/* One segment's reading. */
struct reading {
	struct __sk_buff *skb;
	const struct settings *settings;
	const struct packet *packet;
	struct flow *flow;
	struct pending *names; /* once there is something to write down: see read_names() */
	struct scratch *scratch;
	__u32 offset; /* in the frame, of the next byte */
	__u32 left;   /* bytes of the segment still to read */
	__u32 first;  /* sequence number of the first of them */
	__u32 frame;  /* that brought them */
	__u32 side;   /* enum side */
	__u32 hook;
	__u32 at, loaded;    /* in scratch: the next byte, and the end of those that are there */
	struct ahead *ahead; /* they were kept from before, not in skb; offset counts in it */
};

/* family_at_least - families only get stronger */
static __always_inline void family_at_least(struct stream *st, __u8 family)
{
	if (st->family < family)
		st->family = family;
}

/* read_text - what was captured of the side at hand */
static __always_inline struct smtp_text *read_text(const struct reading *r)
{
	return &r->names->text[r->side == SIDE_CLIENT ? 0 : 1];
}

/* read_token - its token */
static __always_inline struct token *read_token(const struct reading *r)
{
	return &r->names->token[r->side == SIDE_CLIENT ? 0 : 1];
}

/* token_read - the digits that just ended are kept with their place on the wire */
static __always_inline bool token_read(struct reading *r, __u32 at, __u8 origin)
{
	struct scratch *sc = r->scratch;
	__u32 index = r->side == SIDE_CLIENT ? 0 : 1;
	struct smtp_text *text = read_text(r);
	struct token *t = read_token(r);
	__u64 build = origin == ORIGIN_RECEIVED ? smtp_build(&sc->work.smtp, text)
						: smtp_chosen(&sc->work.smtp, text, origin);

	if (!build)
		return false;
	if (origin == ORIGIN_EHLO && t->state == TOKEN_CONFIRMED)
		return false; /* said before in this connection */
	t->build = build;
	t->end = at;
	t->start = at - text->token_length;
	/* where a BDAT command stands in between its bytes have no one place to compare */
	if (sc->work.smtp.flags & SMTP_STRADDLES)
		t->start = at;
	t->length = text->token_length;
	/* the byte that ends a number may begin the next segment */
	t->frame = at == r->first ? r->names->frame[index] : r->frame;
	t->origin = origin;
	__builtin_memcpy(t->bytes, text->token, TOKEN_BYTES);
	t->state = TOKEN_READ;
	return true;
}

/* token_seen - from here on an acknowledgement makes it an observation */
static __always_inline bool token_seen(struct reading *r)
{
	struct token *t = read_token(r);

	if (t->state != TOKEN_READ)
		return false;
	r->scratch->token = 1;
	return true;
}

/* read_over - all that is wanted was read, or it cannot be had */
static __always_inline void read_over(struct reading *r, __u8 family)
{
	family_at_least(&r->scratch->work, family);
	r->left = 0;
	r->scratch->done = 1;
}

/* client_action - what the sender's bytes added up to, at sequence number `at` */
static __always_inline void client_action(struct reading *r, __u32 action, __u32 at)
{
	struct smtp *m = &r->scratch->work.smtp;

	switch (action) {
	case SMTP_HELO_BUILD:
	case SMTP_EHLO_BUILD:
		if (token_read(r, at - 1, ORIGIN_EHLO))
			token_seen(r);
		if (action == SMTP_HELO_BUILD)
			break;
		/* fall through */
	case SMTP_EHLO:
		r->names->helo_end = at;
		session_reset(m, &r->names->text[0]);
		break;
	case SMTP_DATA:
		if (m->parked) /* after a chunk: refused, or another message? */
			read_over(r, FAMILY_UNKNOWN);
		flow_phase(r->flow, PHASE_COMMAND, PHASE_DATA_SENT);
		break;
	case SMTP_STARTTLS:
		flow_phase(r->flow, PHASE_COMMAND, PHASE_TLS_SENT);
		break;
	case SMTP_BDAT:
	case SMTP_BDAT_LAST:
		if (session_chunk(m, action == SMTP_BDAT_LAST ? SMTP_LAST_CHUNK : 0))
			read_over(r, FAMILY_UNKNOWN);
		break;
	case SMTP_RSET:
		session_reset(m, &r->names->text[0]);
		break;
	case SMTP_NUMBER_END:
		token_read(r, at - 1, ORIGIN_RECEIVED);
		break;
	case SMTP_NUMBER_FINAL:
		token_read(r, at - 1, ORIGIN_RECEIVED);
		/* fall through */
	case SMTP_END_TOKEN:
		read_over(r, token_seen(r) ? 0 : FAMILY_EXCHANGE_NOBUILD);
		break;
	case SMTP_END_NOBUILD:
	case SMTP_END_IIS:
	case SMTP_END_OTHER:
		read_over(r, session_family(action));
		break;
	}
}

/* server_action - what the server's bytes added up to */
static __always_inline void server_action(struct reading *r, __u32 action, __u32 at)
{
	struct stream *work = &r->scratch->work;
	struct flow *f = r->flow;

	switch (action) {
	case SMTP_BANNER_TOKEN:
		family_at_least(work, FAMILY_EXCHANGE_NOBUILD);
		if (token_read(r, at - 1, ORIGIN_BANNER))
			token_seen(r);
		break;
	case SMTP_BANNER_NOBUILD:
	case SMTP_KEYWORD_EXCHANGE:
		family_at_least(work, FAMILY_EXCHANGE_NOBUILD);
		break;
	case SMTP_KEYWORD_IIS:
		if (!(work->smtp.flags & SMTP_SAID_HELLO))
			break;
		/* fall through */
	case SMTP_BANNER_IIS:
		family_at_least(work, FAMILY_IIS_SMTP);
		break;
	case SMTP_REPLY_354:
		if (!flow_phase(f, PHASE_DATA_SENT, PHASE_MESSAGE))
			flow_phase(f, PHASE_REFUSED, PHASE_MESSAGE);
		break;
	case SMTP_REPLY_220:
		if (f->phase == PHASE_TLS_SENT || f->phase == PHASE_REFUSED) {
			read_over(r, FAMILY_TLS);
		}
		break;
	case SMTP_REPLY_REFUSED:
		if (!flow_phase(f, PHASE_DATA_SENT, PHASE_REFUSED))
			flow_phase(f, PHASE_TLS_SENT, PHASE_REFUSED);
		break;
	}
}

/* client_turn - the client speaks again: what did the server make of DATA or STARTTLS?
 * Returns false where these bytes cannot be understood. */
static __always_inline bool client_turn(struct reading *r)
{
	struct smtp *m = &r->scratch->work.smtp;
	struct flow *f = r->flow;

	switch (f->phase) {
	case PHASE_COMMAND:
		return true;
	case PHASE_REFUSED:
		smtp_begin(m, SMTP_ROW_COMMAND);
		return flow_phase(f, PHASE_REFUSED, PHASE_COMMAND);
	case PHASE_MESSAGE:
		if (!m->budget && !(m->flags & SMTP_IN_CHUNK))
			smtp_header(m, 0);
		return true;
	}
	/* It did not wait for the reply: a message, or commands? Nobody can tell. */
	read_over(r, FAMILY_UNKNOWN);
	return false;
}

/* read_names - the flow's pending entry; false where others have squeezed it out. Most segments ask
 * for nothing that stands in it, and are spared a look-up as dear as their flow's. */
static __always_inline bool read_names(struct reading *r)
{
	struct scratch *sc = r->scratch;
	struct smtp_text *text;
	struct flow_key key;

	if (r->names)
		return true;
	key = r->packet->key;
	r->names = bpf_map_lookup_elem(&pending, &key);
	if (!r->names) {
		count(r->hook, REASON_TOKEN_FULL);
		return false;
	}
	text = read_text(r);
	sc->build = text->build;
	sc->part = text->part;
	sc->digits = text->token_length;
	return true;
}

/* read_tells - the segment has digits of a token, and must be believed for it */
static __always_inline bool read_tells(const struct reading *r)
{
	return r->scratch->token || smtp_in_number(r->scratch->work.smtp.row);
}

/* read_undo - the segment is not believed: a number that it went on with is what it was before,
 * and one that ended in it never was. Names are written over at their places when it comes again.
 */
static __always_inline void read_undo(struct reading *r)
{
	const struct scratch *sc = r->scratch;
	struct smtp_text *text;
	struct token *t;

	if (!r->names)
		return;
	t = read_token(r);
	text = read_text(r);
	text->build = sc->build;
	text->part = sc->part;
	text->token_length = sc->digits;
	if (!after(r->first, t->end))
		t->state = 0;
}

/* token_changed - does a segment that was read before bring other bytes for the token? */
static __always_inline bool token_changed(struct reading *r, const struct token *t)
{
	__u32 seq = r->packet->seq, end = seq + r->packet->payload_bytes;
	__u32 from = after(t->start, seq) ? t->start : seq;
	__u32 to = after(end, t->end) ? t->end : end;
	__u32 n = to - from, at = from - t->start;
	__u8 *bytes = r->scratch->bytes;

	if (!after(to, from))
		return false;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (TOKEN_BYTES - 1);
	if (bpf_skb_load_bytes(r->skb, r->packet->payload_offset + (from - seq), bytes, n + 1))
		return true;
		/* unrolled: 6.1 loses the bound of a loop that the compiler turned into pointers */
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < TOKEN_BYTES; i++)
		if (i <= n && bytes[i] != (__u8)t->bytes[(at + i) & (TOKEN_BYTES - 1)])
			return true;
	return false;
}

/* token_check - a token that is sent again with other bytes is void, and the flow unknown:
 * somebody shows us one thing and the other side another */
static __always_inline void token_check(struct reading *r)
{
	struct token *t = read_token(r);
	struct flow *f = r->flow;
	__u32 state = t->state;

	if ((state != TOKEN_READ && state != TOKEN_SEEN) || !token_changed(r, t))
		return;
	if (__sync_val_compare_and_swap(&t->state, state, TOKEN_VOID) != state)
		return;
	count(r->hook, REASON_TOKEN_VOID);
	__sync_fetch_and_and(&f->tokens, ~(1U << r->side));
	flow_stream(f, r->side)->family = FAMILY_UNKNOWN;
	flow_done(&r->packet->key, f, r->hook);
}

#endif
