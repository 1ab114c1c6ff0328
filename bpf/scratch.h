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

/* scratch_line - how many of bytes [from, to) stand before the first line feed of them; a step,
 * because the verifier walks its loop */
STEP int scratch_line(const struct scratch *s, __u32 from, __u32 to)
{
	return s ? smtp_line(s->bytes, READ_BYTES, from, to) : 0;
}

#endif
