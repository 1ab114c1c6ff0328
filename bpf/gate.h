/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.h - what every program shares: maps, time, counting, and the way out
 *
 * A step returns enum reason; REASON_CONTINUE lets the next step decide. finish() is the only
 * way out of a program: it counts the reason and says pass or drop. Everything that is not
 * certain passes, and accounting never changes a verdict.
 */
#ifndef BUILDGATE_GATE_H
#define BUILDGATE_GATE_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "maps/maps.bpf.h"

#ifndef NULL
#define NULL ((void *)0)
#endif
#define true 1
#define false 0
/*
 * A step: a global function, verified once by itself and not again on every path that leads
 * to it, which is what keeps the programs far below the verifier's limit (kernel 6.1 most of
 * all). Weak, because each program's file has a copy and the linker keeps one. Pointer
 * arguments may be NULL for all the verifier knows, and a key for a map must be copied to the
 * stack first (6.1 takes no argument memory there).
 */
#define STEP __weak __noinline

/* from linux/bpf.h and linux/pkt_cls.h, as far as they are used */
#define BPF_ANY              0
#define BPF_NOEXIST          1
#define BPF_F_RECOMPUTE_CSUM 1
#define BPF_CSUM_LEVEL_QUERY 0
#define AF_INET              2
#define AF_INET6             10
#define BPF_ADJ_ROOM_NET     0
#define TC_ACT_UNSPEC        (-1)
#define TC_ACT_SHOT          2
#define TC_ACT_REDIRECT      7

#define READ_ONCE(x)         (*(volatile typeof(x) *)&(x))

/* On the gate's own answers until they pass its egress program. */
#define ANSWER_MARK 0x62673235

/* count - one more of reason at hook */
static __always_inline void count(enum hook hook, enum reason reason)
{
	__u32 key = hook, slot = reason;
	struct counters *c = bpf_map_lookup_elem(&counters, &key);

	/* one register that is compared and used: 6.1 does not see that two hold the same */
	asm volatile("" : "+r"(slot));
	if (c && slot < REASON_MAX)
		c->count[slot]++;
}

enum reason_kind {
	REASON_KIND_NONE,
	REASON_KIND_PASS,
	REASON_KIND_DROP,
	REASON_KIND_ANSWER,
	REASON_KIND_NOTE,
};

/* finish - count the reason; what becomes of the packet: PASS, DROP or ANSWER */
static __always_inline enum reason_kind finish(enum hook hook, enum reason reason)
{
	count(hook, reason);
#define X(number, name, kind, text)                                                                \
	if ((REASON_KIND_##kind == REASON_KIND_DROP ||                                             \
	     REASON_KIND_##kind == REASON_KIND_ANSWER) &&                                          \
	    reason == (number))                                                                    \
		return REASON_KIND_##kind;
	REASON_LIST(X)
#undef X
	return REASON_KIND_PASS;
}

/* finish_tc - the same as a TC action; UNSPEC lets the programs of others go on (TCX_NEXT) */
static __always_inline int finish_tc(enum hook hook, enum reason reason)
{
	switch (finish(hook, reason)) {
	case REASON_KIND_DROP:
		return TC_ACT_SHOT;
	case REASON_KIND_ANSWER:
		return TC_ACT_REDIRECT; /* bpf_redirect() said where to */
	default:
		return TC_ACT_UNSPEC;
	}
}

/* finish_xdp - the same at XDP, where nothing is answered */
static __always_inline int finish_xdp(enum hook hook, enum reason reason)
{
	return finish(hook, reason) == REASON_KIND_DROP ? XDP_DROP : XDP_PASS;
}

/* family_reason - what a conversation that is read to its end is counted as */
static __always_inline enum reason family_reason(__u8 family)
{
	switch (family) {
	case FAMILY_EXCHANGE:
		return REASON_FAMILY_EXCHANGE;
	case FAMILY_EXCHANGE_NOBUILD:
		return REASON_FAMILY_NOBUILD;
	case FAMILY_IIS_SMTP:
		return REASON_FAMILY_IIS;
	case FAMILY_OTHER:
		return REASON_FAMILY_OTHER;
	case FAMILY_TLS:
		return REASON_TLS;
	}
	return REASON_FAMILY_UNKNOWN;
}

/* gate_settings - never NULL in an array of one, but the verifier wants to see it asked */
static __always_inline struct settings *gate_settings(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&settings, &key);
}

/* gate_now - kernel time */
static __always_inline __u64 gate_now(const struct settings *s)
{
	return bpf_ktime_get_boot_ns() + READ_ONCE(s->clock_offset_ns);
}

/* gate_enforcing - verdicts are carried out, not only reported */
static __always_inline bool gate_enforcing(const struct settings *s, __u64 now)
{
	__u64 until = READ_ONCE(s->enforce_until_ns);

	return READ_ONCE(s->mode) == MODE_ENFORCE && (!until || now < until);
}

/* source_of - the source that an address belongs to */
static __always_inline struct addr source_of(const struct addr *a)
{
	struct addr source = *a;
	__u32 bits = gate_config.ipv6_bits;

	if (a->w[0] == 0 && a->w[1] == 0 && a->w[2] == bpf_htonl(0xffff))
		return source;
	for (int i = 0; i < 4; i++) {
		int keep = (int)bits - i * 32;

		if (keep <= 0)
			source.w[i] = 0;
		else if (keep < 32)
			source.w[i] &= bpf_htonl(~0U << (32 - keep));
	}
	return source;
}

/* after - a comes after b, modulo 2^32 (RFC 9293, 3.4) */
static __always_inline bool after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

#endif
