/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * turn_read.h - segments into turn.h: whose turn it is, to the end of a connection
 *
 * Only of clients from outside at an mx port: nobody else is ever cut. In report mode too, so that
 * connections are known that are open when enforcement begins. The server's few bytes are all read;
 * of a message the last bytes of the segments that are pushed.
 */
#ifndef BUILDGATE_TURN_READ_H
#define BUILDGATE_TURN_READ_H

#include "bpf/flow.h"
#include "bpf/scratch.h"

#define TURN_CHUNKS 65536 /* of READ_BYTES, or to where the rest of a line is dull */

/* One segment's reading. */
struct turning {
	struct __sk_buff *skb;
	struct flow *flow;
	struct scratch *scratch;
	__u32 offset; /* in the frame, of the next byte */
	__u32 left;
	__u32 ack; /* of the segment */
	__u32 client;
	__u32 at, loaded; /* in scratch: the next byte, and the end of those that are there */
};

static long turn_byte(__attribute__((unused)) __u32 i, void *context)
{
	struct turning *r = context;
	__u8 byte = r->scratch->bytes[r->at & (READ_BYTES - 1)];

	r->at++;
	if (r->client)
		return turn_asks(&r->flow->asked, byte) || byte == '\n';
	turn_tells(&r->flow->told, byte, r->ack);
	return byte == '\n';
}

/* turn_load - the next bytes into scratch, unless some are there */
static __always_inline bool turn_load(struct turning *r)
{
	if (r->at < r->loaded)
		return true;
	r->at = 0;
	r->loaded = scratch_load(r->skb, r->scratch, r->offset, r->left);
	return r->loaded;
}

/* turn_at_once - most of a line at once, where it is here to its end or to that of what is loaded
 */
static __always_inline void turn_at_once(struct turning *r)
{
	__u32 n = scratch_line(r->scratch, r->at, r->loaded);
	const __u8 *bytes = &r->scratch->bytes[r->at & (READ_BYTES - 1)];

	r->at += r->client ? turn_asks_line(&r->flow->asked, bytes, n)
			   : turn_tells_line(&r->flow->told, bytes, n);
}

/* turn_bytes - the next bytes that must be looked at, to the end of a line at most */
static long turn_bytes(__attribute__((unused)) __u32 i, void *context)
{
	struct turning *r = context;
	struct turn_asked *a = &r->flow->asked;
	__u32 n, from;

	if (r->client) {
		n = turn_skip(a, r->left);
		r->offset += n;
		r->left -= n;
		r->at += n;
		if (a->state != TURN_COMMAND && a->state != TURN_MESSAGE)
			return 1;
	}
	if (!turn_load(r))
		return 1;
	from = r->at;
	turn_at_once(r);
	bpf_loop(r->loaded - r->at, turn_byte, r, 0);
	r->offset += r->at - from;
	r->left -= r->at - from;
	return 0;
}

/* turn_read - take a segment's new bytes */
STEP int turn_read(struct __sk_buff *skb, const struct packet *p, struct flow *f, __u32 hook)
{
	struct turning r = { .skb = skb, .flow = f };
	__u32 next;

	r.scratch = bpf_map_lookup_elem(&scratch, &hook);
	if (!p || !f || !r.scratch)
		return 0;
	r.client = p->from_client;
	r.ack = p->ack;
	if (!p->payload_bytes || p->tcp_flags & (TCP_SYN | TCP_RST))
		return 0;
	if (r.client) {
		turn_begin(&f->asked, &f->told, p->seq);
		/* what a client wants an answer to it pushes (RFC 9293, 3.9.1.2) */
		if (f->asked.state == TURN_MESSAGE && !(p->tcp_flags & TCP_PSH)) {
			turn_passed(&f->asked, p->seq + p->payload_bytes);
			return 0;
		}
	} else if (turn_ahead(p->seq, f->told.next)) {
		turn_hole(&f->told, p->seq);
	}
	next = r.client ? f->asked.next : f->told.next;
	if (next - p->seq >= p->payload_bytes)
		return 0; /* all of it was there before */
	r.offset = p->payload_offset + (next - p->seq);
	r.left = p->payload_bytes - (next - p->seq);
	bpf_loop(TURN_CHUNKS, turn_bytes, &r, 0);
	if (r.left && r.client && f->asked.state != TURN_TLS)
		f->asked.state = TURN_LOST;
	else if (r.left && !r.client)
		turn_hole(&f->told, p->seq + p->payload_bytes);
	return 0;
}

/* turn_wanted - could this connection ever be cut? */
static __always_inline bool turn_wanted(const struct flow *f)
{
	return f->direction == DIRECTION_INBOUND && f->port_kind == PORT_MX &&
	       f->asked.state != TURN_TLS;
}

#endif
