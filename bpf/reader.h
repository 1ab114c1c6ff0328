/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.h - in-order bytes of a segment into the line machine, and what comes out of it
 *
 * read_segment() is the step. It works on a copy of the stream and keeps the copy only if the
 * segment may be believed: one that completes a token, or ends in one, with a wrong checksum leaves
 * no trace.
 *
 * The bytes are fetched in chunks of READ_BYTES and stepped through by bpf_loop(), so that
 * the verifier sees one byte and not all paths of all bytes (kernel 6.1 gives up there). All
 * that changes lives in per-CPU memory, whose contents the verifier does not track.
 */
#ifndef BUILDGATE_READER_H
#define BUILDGATE_READER_H

#include "bpf/ahead.h"
#include "bpf/checksum.h"
#include "bpf/flow.h"
#include "bpf/session.h"

#define READ_CHUNKS 65536 /* per segment: most lines take two */

/* One segment's reading. */
struct reading {
	struct __sk_buff *skb;
	const struct settings *settings;
	const struct packet *packet;
	struct flow *flow;
	struct pending
		*names; /* looked up when there is something to write down: see read_names() */
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

struct stepping {
	struct scratch *scratch;
	struct smtp_text *text;
	struct ahead *ahead;
	__u32 at; /* of the first byte, in ahead or in scratch */
};

/* step_byte - stops at an action that is reported, and in scratch where bytes are plain again */
static long step_byte(__u32 i, void *context)
{
	struct stepping *st = context;
	struct scratch *sc = st->scratch;
	__u32 action, at = st->at + i;
	__u8 byte;

	if (st->ahead)
		byte = st->ahead->bytes[at & (AHEAD_BYTES - 1)];
	else
		byte = sc->bytes[at & (READ_BYTES - 1)];
	action = smtp_step(&sc->work.smtp, st->text, byte);
	sc->used++;
	sc->action = action;
	return action || (!st->ahead && sc->work.smtp.row < SMTP_FIRST_ACTION);
}

/* step_plain - smtp_plain() over scratch; a step, because the verifier walks its loop */
STEP int step_plain(struct scratch *sc, __u32 from, __u32 to)
{
	return sc ? smtp_plain(&sc->work.smtp, sc->bytes, READ_BYTES, from, to) : to;
}

/* family_at_least - families only get stronger */
static __always_inline void family_at_least(struct stream *st, __u8 family)
{
	if (st->family < family)
		st->family = family;
}

/* token_read - the digits that just ended are kept with their place on the wire */
static __always_inline bool token_read(struct reading *r, __u32 at, __u8 origin)
{
	struct scratch *sc = r->scratch;
	__u32 index = r->side == SIDE_CLIENT ? 0 : 1;
	struct smtp_text *text = &r->names->text[index];
	struct token *t = &r->names->token[index];
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
	struct token *t = &r->names->token[r->side == SIDE_CLIENT ? 0 : 1];

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

/* read_text - what was captured of the side at hand */
static __always_inline struct smtp_text *read_text(const struct reading *r)
{
	return &r->names->text[r->side == SIDE_CLIENT ? 0 : 1];
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
	t = &r->names->token[r->side == SIDE_CLIENT ? 0 : 1];
	text = read_text(r);
	text->build = sc->build;
	text->part = sc->part;
	text->token_length = sc->digits;
	if (!after(r->first, t->end))
		t->state = 0;
}

/* read_limit - how many bytes may be stepped through before the mode changes by count */
static __always_inline __u32 read_limit(const struct reading *r)
{
	return r->side == SIDE_CLIENT ? session_limit(&r->scratch->work.smtp, r->left) : r->left;
}

/* read_load - the next bytes into scratch, unless some are there */
static __always_inline bool read_load(struct reading *r)
{
	__u32 n = r->left < READ_BYTES ? r->left : READ_BYTES;

	if (r->at < r->loaded)
		return true;
	r->at = 0;
	r->loaded = n;
	/* 6.1 wants to see that a length is not 0 and not above the buffer */
	asm volatile("" : "+r"(n));
	n = (n - 1) & (READ_BYTES - 1);
	if (!bpf_skb_load_bytes(r->skb, r->offset, r->scratch->bytes, n + 1))
		return true;
	count(r->hook, REASON_READ_FAILED);
	read_over(r, FAMILY_UNKNOWN);
	return false;
}

/* read_step - up to n bytes through the machine, in three paces: those that do not matter, those
 * that only move it, and from the first that does more those alike. What was kept from before
 * is rare, and only has the last one. False: what they say has no place any more. */
static __always_inline bool read_step(struct reading *r, __u32 n)
{
	struct scratch *sc = r->scratch;
	struct stepping st = { .scratch = sc, .ahead = r->ahead, .at = r->offset };

	sc->action = 0;
	sc->used = 0;
	if (!r->ahead) {
		__u32 end = n < r->loaded - r->at ? r->at + n : r->loaded, at = r->at;

		if (smtp_dull(&sc->work.smtp))
			at += scratch_line(sc, at, end);
		st.at = step_plain(sc, at, end);
		sc->used = st.at - r->at;
		n = end - st.at;
		if (!n || (st.at != at && smtp_dull(&sc->work.smtp)))
			return true;
	}
	if (!read_names(r))
		return false;
	st.text = read_text(r);
	bpf_loop(n, step_byte, &st, 0);
	return true;
}

/* read_chunk - one chunk; ends early at an action, which is carried out here */
static long read_chunk(__attribute__((unused)) __u32 i, void *context)
{
	struct reading *r = context;
	struct scratch *sc = r->scratch;
	__u32 n, counted;
	bool room;

	if (!r->left)
		return 1;
	if (r->side == SIDE_CLIENT && !client_turn(r))
		return 1;
	n = read_limit(r);
	if (!n || (!r->ahead && !read_load(r)))
		return 1;
	counted = r->side == SIDE_CLIENT && session_in_header(&sc->work.smtp);
	room = read_step(r, n);
	r->offset += sc->used;
	r->at += sc->used;
	r->left -= sc->used;
	sc->work.next += sc->used;
	if ((counted && session_counted(&sc->work.smtp, sc->used)) || !room)
		read_over(r, FAMILY_UNKNOWN);
	if (!sc->action || !r->names)
		return 0;
	if (r->side == SIDE_CLIENT)
		client_action(r, sc->action, sc->work.next);
	else
		server_action(r, sc->action, sc->work.next);
	return 0;
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
	struct token *t = &r->names->token[r->side == SIDE_CLIENT ? 0 : 1];
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

/* read_commit - keep what was read, in an order the other direction may watch */
static __always_inline void read_commit(struct reading *r, struct stream *st)
{
	struct scratch *sc = r->scratch;
	struct flow *f = r->flow;
	__u32 index = r->side == SIDE_CLIENT ? 0 : 1;

	st->next = sc->work.next;
	st->smtp = sc->work.smtp;
	st->family = sc->work.family;
	if (r->names)
		r->names->frame[index] = r->frame;
	if (r->names && sc->token) {
		count(r->hook, REASON_TOKEN_SEEN);
		r->names->token[index].state = TOKEN_SEEN;
		__sync_fetch_and_or(&f->tokens, 1U << r->side);
	}
	if (sc->done)
		flow_done(&r->packet->key, f, r->hook);
}

/* read_begin - from the next byte of the stream, on a copy */
static __always_inline void read_begin(struct reading *r, const struct stream *st)
{
	r->scratch->work = *st;
	r->scratch->token = 0;
	r->scratch->done = 0;
	r->first = st->next;
}

/* read_ready - working copy and place of a segment's new bytes; false: nothing to read
 * now (r->left is set where that is because bytes before these are missing) */
static __always_inline bool read_ready(struct reading *r, struct stream *st)
{
	const struct packet *p = r->packet;
	__u32 skip = st->next - p->seq, hook = r->hook;

	r->scratch = bpf_map_lookup_elem(&scratch, &hook);
	if (!r->scratch)
		return false;
	/* a token's bytes may come again; and a replay says in which frame each of them came */
	if (!after(p->seq, st->next) && (skip || r->frame)) {
		if (!read_names(r)) {
			flow_done(&p->key, r->flow, r->hook);
			return false;
		}
		token_check(r);
	}
	if (r->flow->phase == PHASE_DONE)
		return false;
	if (after(p->seq, st->next)) {
		if (!(st->flags & STREAM_HOLE))
			count(r->hook, REASON_HOLE);
		st->flags |= STREAM_HOLE;
		r->left = p->payload_bytes;
		return false;
	}
	if (skip >= p->payload_bytes)
		return false;
	read_begin(r, st);
	r->offset = p->payload_offset + skip;
	r->left = p->payload_bytes - skip;
	return true;
}

/* read_segment - take a segment's new bytes into its stream's machine. Returns 1 where bytes
 * before these are missing: they may be kept (the stack does not allow to do it here) */
STEP int read_segment(struct __sk_buff *skb, const struct packet *p, struct flow *f, __u32 hook)
{
	struct reading r = { .skb = skb, .packet = p, .flow = f, .hook = hook };
	struct stream *st;
	__u32 end;

	r.settings = gate_settings();
	if (!p || !f || !r.settings)
		return 0;
	r.frame = READ_ONCE(r.settings->frame);
	r.side = flow_side(p);
	st = flow_stream(f, r.side);
	end = p->seq + p->payload_bytes;
	st->flags |= STREAM_SEEN;
	if (!p->payload_bytes || p->tcp_flags & (TCP_SYN | TCP_RST))
		return 0;
	if (after(end, st->high) && end - st->next < WINDOW_MAX)
		st->high = end;
	if (f->phase == PHASE_DONE && !f->tokens)
		return 0;
	if (!read_ready(&r, st))
		return r.left != 0;
	bpf_loop(READ_CHUNKS, read_chunk, &r, 0);
	if (hook == HOOK_INGRESS && read_tells(&r) && !checksum_valid(skb, p, hook)) {
		count(hook, REASON_BAD_CHECKSUM);
		read_undo(&r);
		return 0;
	}
	read_commit(&r, st);
	return 0;
}

/* read_ahead - the stream has reached bytes that came too early: take these now. Returns 1 if
 * it found some. */
STEP int read_ahead(struct __sk_buff *skb, const struct packet *p, struct flow *f, __u32 hook)
{
	struct reading r = { .skb = skb, .packet = p, .flow = f, .hook = hook };
	struct stream *st;
	struct ahead_key key;

	r.settings = gate_settings();
	r.scratch = bpf_map_lookup_elem(&scratch, &hook);
	if (!p || !f || !r.settings || !r.scratch || f->phase == PHASE_DONE)
		return 0;
	r.side = flow_side(p);
	st = flow_stream(f, r.side);
	key = ahead_key(p, r.side, st->next);
	r.ahead = bpf_map_lookup_elem(&ahead, &key);
	r.names = bpf_map_lookup_elem(&pending, &key.flow);
	if (!r.ahead || !r.names)
		return 0;
	r.frame = r.ahead->frame;
	r.left = r.ahead->length;
	read_begin(&r, st);
	bpf_loop(READ_CHUNKS, read_chunk, &r, 0);
	read_commit(&r, st);
	count(hook, REASON_AHEAD_USED);
	bpf_map_delete_elem(&ahead, &key);
	return 1;
}

#endif
