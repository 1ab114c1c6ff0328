/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scratch.h - per-CPU memory to work in
 *
 * Too large for the stack, and, unlike the stack, not tracked by the verifier: what is read
 * here is any number, so a loop over it is verified once.
 */
#ifndef BUILDGATE_SCRATCH_H
#define BUILDGATE_SCRATCH_H

#include "bpf/packet.h"
#include "bpf/smtp.h"

#define READ_BYTES 256

struct scratch {
	__u8 bytes[READ_BYTES];
	__u64 past;         /* smtp_line() looks at eight at a time */
	struct stream work; /* the stream that is being read, until it is believed */
	__u64 build;        /* with part and digits: the number at hand before the segment */
	__u32 part;
	__u32 digits;
	__u32 action; /* why a chunk ended early, or 0 */
	__u32 used;   /* bytes stepped through */
	__u32 token;  /* a token was completed: checksum before it counts */
	__u32 done;   /* nothing more is to be read */
};

/* Programs of one hook do not nest on a CPU; those of different hooks may. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOK_MAX);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps")
__weak;

/* scratch_load - the next of `left` bytes that begin at this offset of the frame, as many as there
 * is room for; 0: none. 6.1 wants to see that a length is not 0 and not above the buffer. */
static __always_inline __u32 scratch_load(struct __sk_buff *skb, struct scratch *s, __u32 offset,
					  __u32 left)
{
	__u32 n = left < READ_BYTES ? left : READ_BYTES;

	if (!n)
		return 0;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (READ_BYTES - 1);
	return bpf_skb_load_bytes(skb, offset, s->bytes, n + 1) ? 0 : n + 1;
}

/* scratch_line - how many of bytes [from, to) stand before the first line feed of them; a step,
 * because the verifier walks its loop */
STEP int scratch_line(const struct scratch *s, __u32 from, __u32 to)
{
	return s ? smtp_line(s->bytes, READ_BYTES, from, to) : 0;
}

#endif
