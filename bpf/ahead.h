/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ahead.h - segments that arrive before the bytes in front of them
 *
 * A sender whose segment was lost on the way to us does not send the ones after it again
 * (RFC 2018), so without these the stream could not be read on. Kept only while a stream is
 * being read, only with a right checksum, in a small LRU map: what is squeezed out costs an
 * observation.
 */
#ifndef BUILDGATE_AHEAD_H
#define BUILDGATE_AHEAD_H

#include "bpf/checksum.h"

#define AHEAD_CHAIN 16 /* kept segments read after one that filled a hole */

/* What is being put together; too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOK_MAX);
	__type(key, __u32);
	__type(value, struct ahead);
} ahead_scratch SEC(".maps")
__weak;

/* ahead_key - where bytes from seq on of one side of a connection are kept */
static __always_inline struct ahead_key ahead_key(const struct packet *p, __u32 side, __u32 seq)
{
	struct ahead_key key = { .flow = p->key, .side = side, .seq = seq };

	return key;
}

/* ahead_keep - remember a segment that is not yet its turn */
STEP int ahead_keep(struct __sk_buff *skb, const struct packet *p, __u32 hook)
{
	struct settings *s = gate_settings();
	struct ahead_key key;
	struct ahead *a;
	__u32 n;

	a = bpf_map_lookup_elem(&ahead_scratch, &hook);
	if (!p || !a || !s || p->payload_bytes > AHEAD_BYTES || !p->payload_bytes ||
	    (hook == HOOK_INGRESS && !checksum_valid(skb, p, hook)))
		return 0;
	n = p->payload_bytes;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (AHEAD_BYTES - 1);
	if (bpf_skb_load_bytes(skb, p->payload_offset, a->bytes, n + 1))
		return 0;
	a->length = n + 1;
	a->frame = READ_ONCE(s->frame);
	key = ahead_key(p, p->from_client ? SIDE_CLIENT : SIDE_SERVER, p->seq);
	if (!bpf_map_update_elem(&ahead, &key, a, BPF_ANY))
		count(hook, REASON_AHEAD);
	return 0;
}

#endif
