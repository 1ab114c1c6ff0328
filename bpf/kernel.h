/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - the few fields of large kernel types that sight follows from a descriptor to its
 * connection
 *
 * Not in vmlinux.h: task_struct alone would pull thousands of types there. CO-RE looks the
 * fields up by name in the kernel that runs, so the order here means nothing. All are the same
 * from 5.6 (sk_protocol is no bit-field any more) to 6.18.
 */
#ifndef BUILDGATE_KERNEL_H
#define BUILDGATE_KERNEL_H

#include "vmlinux.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num; /* local port, host order */
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct socket {
	struct sock *sk;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct task_struct *group_leader;
	__u64 start_boottime;
	struct files_struct *files;
};

#pragma clang attribute pop

/* The registers a probe is called with: the context of its program, whose layout is fixed. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#endif
