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
#include "bpf/reading.h"

#define READ_CHUNKS 65536 /* per segment: most lines take two */

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

/* read_limit - how many bytes may be stepped through before the mode changes by count */
static __always_inline __u32 read_limit(const struct reading *r)
{
	return r->side == SIDE_CLIENT ? session_limit(&r->scratch->work.smtp, r->left) : r->left;
}

/* read_load - the next bytes into scratch, unless some are there */
static __always_inline bool read_load(struct reading *r)
{
	if (r->at < r->loaded)
		return true;
	r->at = 0;
	r->loaded = scratch_load(r->skb, r->scratch, r->offset, r->left);
	if (r->loaded)
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
