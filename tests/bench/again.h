/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * again.h - what again.bpf.c and those who use it share
 */
#ifndef BUILDGATE_TESTS_AGAIN_H
#define BUILDGATE_TESTS_AGAIN_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define AGAIN_SLOTS 64
#define AGAIN_FRAME 1024

struct again {
	__u8 frame[AGAIN_FRAME]; /* bench_again: put back before each run */
	__u32 bytes;
	__u32 first; /* bench_scatter: the first address, and how many follow */
	__u32 sources;
	__u32 random;
};

#endif
