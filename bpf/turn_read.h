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

#define TURN_CHUNKS 512 /* of READ_BYTES, or to the next change of state */

/* One segment's reading. */
struct turning {
	struct __sk_buff *skb;
	struct flow *flow;
	struct scratch *scratch;
	__u32 offset; /* in the frame, of the next byte */
	__u32 left;
	__u32 ack; /* of the segment */
	__u32 client;
};

static long turn_byte(__u32 i, void *context)
{
	struct turning *r = context;
	__u8 byte = r->scratch->bytes[i & (READ_BYTES - 1)];

	r->scratch->used = i + 1;
	if (r->client)
		return turn_asks(&r->flow->asked, byte);
	turn_tells(&r->flow->told, byte, r->ack);
	return 0;
}

/* turn_bytes - the next bytes that must be looked at */
static long turn_bytes(__attribute__((unused)) __u32 i, void *context)
{
	struct turning *r = context;
	struct turn_asked *a = &r->flow->asked;
	__u32 n;

	if (r->client) {
		n = turn_skip(a, r->left);
		r->offset += n;
		r->left -= n;
		if (a->state != TURN_COMMAND && a->state != TURN_MESSAGE)
			return 1;
	}
	n = r->left < READ_BYTES ? r->left : READ_BYTES;
	if (!n)
		return 1;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (READ_BYTES - 1);
	if (bpf_skb_load_bytes(r->skb, r->offset, r->scratch->bytes, n + 1))
		return 1;
	bpf_loop(n + 1, turn_byte, r, 0);
	r->offset += r->scratch->used;
	r->left -= r->scratch->used;
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
	if (!r.client && turn_ahead(p->ack, f->told.acked))
		f->told.acked = p->ack;
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
