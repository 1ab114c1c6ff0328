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
static __always_inline enum reason segment_parse(struct __sk_buff *skb, __be16 protocol,
						 struct packet *p)
{
	__u32 linear = skb->data_end - skb->data;
	enum reason reason;

	reason = packet_parse((void *)(long)skb->data, (void *)(long)skb->data_end, protocol,
			      skb->len, p);
	if (reason != REASON_MALFORMED || linear >= skb->len || linear >= HEADERS_MAX)
		return reason;
	if (bpf_skb_pull_data(skb, skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX))
		return reason;
	return packet_parse((void *)(long)skb->data, (void *)(long)skb->data_end, protocol,
			    skb->len, p);
}

/* follow - acknowledgement first (it is about bytes that went before), then the bytes, then
 * the end */
static __always_inline enum reason follow(enum hook hook, struct __sk_buff *skb, struct settings *s,
					  const struct packet *p, struct flow *f)
{
	struct reading r = { .skb = skb,
			     .settings = s,
			     .packet = p,
			     .flow = f,
			     .side = flow_side(p),
			     .hook = hook };
	bool done = f->phase == PHASE_DONE && !f->tokens;

	if (!done) {
		flow_acknowledge(hook, s, p, f);
		read_segment(&r);
	}
	return done ? REASON_READ_DONE : REASON_READ;
}

#endif
