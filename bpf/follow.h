/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * follow.h - a mail segment through the flow it belongs to: the steps both TC hooks share
 */
#ifndef BUILDGATE_FOLLOW_H
#define BUILDGATE_FOLLOW_H

#include "bpf/reader.h"
#include "bpf/recheck.h"

/* segment_parse - the frame at a TC hook as a mail segment. Headers that are not in the linear
 * part are pulled there once. protocol: 0 where frames have a link header. */
STEP int segment_parse(struct __sk_buff *skb, __u32 protocol, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	enum reason reason;

	if (!p)
		return REASON_NOT_MAIL;
	reason = packet_parse(data, end, protocol, skb->len, p);
	if (reason != REASON_MALFORMED || data + skb->len <= end || data + HEADERS_MAX <= end)
		return reason;
	if (bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX))
		return reason;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	return packet_parse(data, end, protocol, skb->len, p);
}

/* follow - acknowledgement first (it is about bytes that went before), then the bytes */
static __always_inline enum reason follow(struct __sk_buff *skb, const struct packet *p,
					  struct flow *f, __u32 hook)
{
	if (f->phase == PHASE_DONE && !f->tokens)
		return REASON_READ_DONE;
	flow_acknowledge(p, f, hook);
	if (read_segment(skb, p, f, hook))
		ahead_keep(skb, p, hook);
	else if (flow_stream(f, flow_side(p))->flags & STREAM_HOLE)
		for (int i = 0; i < AHEAD_CHAIN && read_ahead(skb, p, f, hook); i++)
			;
	return REASON_READ;
}

#endif
