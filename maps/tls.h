/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tls.h - what TLS sight keeps of a session while it is read
 *
 * One entry per TLS session of a mail server that was seen, from the moment its library is told
 * the descriptor until the session is freed or the process ends. The map is neither pinned nor an
 * LRU: an entry that is in use must never become another session's, or builds could be swapped.
 * What a process freed unseen the daemon removes once it has not been used for long.
 */
#ifndef BUILDGATE_TLS_MAP_H
#define BUILDGATE_TLS_MAP_H

#include "maps/abi.h"
#include "bpf/session.h"

#define TLS_READ_BYTES 256

/* A session: where its library keeps it, in which process. The start time tells a process from
 * the next one with its number. */
struct tls_key {
	__u64 pointer;
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME */
	__u32 tgid;
	__u32 reserved;
};

/* A process that has sessions. */
struct tls_process {
	__u64 start_ns;
	__u32 tgid;
	__u32 reserved;
};

enum tls_state {
	TLS_BOUND = 1, /* an accepted mail connection; its bytes are read */
	TLS_ELSEWHERE, /* some other connection */
	TLS_UNBOUND,   /* its beginning was not seen: never read */
	TLS_OVER,      /* read to where it is decided */
};

struct tls_session {
	__u64 used_ns; /* CLOCK_BOOTTIME of the last read */
	__u32 state;   /* enum tls_state */
	__u32 phase;   /* enum phase */
	struct flow_key key;
	__u8 port_kind;
	__u8 reading;  /* a read was begun and did not return yet */
	__u8 followed; /* its first byte was counted */
	__u8 told;     /* a build is out */
	__u32 left;    /* bytes that will still be looked at */
	__u32 action;  /* why stepping ended early, or 0 */
	__u32 used;    /* bytes stepped through */
	struct session client;
	struct session server;
	__u8 bytes[TLS_READ_BYTES]; /* being read; zero at all other times */
};

/* A read that a thread has begun: where its bytes will be. */
struct tls_call {
	__u64 pointer; /* of the session */
	__u64 bytes;
	__u64 length; /* where the count will be, 0: it is what the call returns */
};

#endif
