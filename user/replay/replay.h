/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - a capture through the real programs: what would the gate have learnt?
 *
 * Owns two instances of the programs (instance.h), because a capture does not say who is
 * outside: in role inbound the clients are, in role outbound the servers. What a client shows is
 * taken from the first, what a server shows from the second, so nothing comes twice. Kernel time
 * is capture time.
 *
 * Call order: replay_open(); replay_file(), or replay_push() for each frame; replay_finish(),
 * which tells of the connections that are still open; replay_close(), which leaves nothing
 * behind. Needs what loading programs needs; the caller chooses the network namespace.
 */
#ifndef BUILDGATE_REPLAY_H
#define BUILDGATE_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/base/error.h"
#include "user/observer/observation.h"

#define REPLAY_PORT_MX         25
#define REPLAY_PORT_SUBMISSION 587

/* What the gate learns: an observation (build not 0, frame is the one that holds the last byte of
 * the token), or a connection that gave no build (frame 0). Not judged by any catalogue. */
typedef void (*replay_fn)(void *arg, struct observation *observation, uint32_t frame);

struct replay_options {
	uint16_t mx, submission; /* ports; 0: none */
	replay_fn learnt;
	void *arg;
};

struct replay_summary {
	uint64_t frames;
	uint64_t flows;        /* mail connections */
	uint64_t observations; /* handed to learnt */
	uint64_t no_build;     /* handed to learnt */
	uint64_t malformed;    /* frames that were cut short or impossible */
	uint64_t one_way;      /* connections seen in one direction only */
};

struct replay;

int replay_open(const struct replay_options *options, struct replay **ret_replay, struct error *e);
void replay_close(struct replay *replay);

/* replay_push - one Ethernet frame of `bytes` bytes that was `length` long on the wire; at_ns
 * counts from 1970. Frames are numbered from 1. */
int replay_push(struct replay *replay, int64_t at_ns, const void *frame, size_t bytes,
		size_t length, struct error *e);

/* replay_file - every frame of a pcap or pcapng file, "-" is standard input; e says what is
 * wrong with it */
int replay_file(struct replay *replay, const char *path, struct error *e);

/* replay_finish - the last that is learnt, and the sums */
int replay_finish(struct replay *replay, struct replay_summary *ret, struct error *e);

#endif
