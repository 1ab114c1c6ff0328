/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_flows - the connections of a capture, also those that no program follows
 *
 * A bounded table by addresses and ports. replay_flows_seen() finds or makes the connection of
 * a segment: a SYN, or a SYN-ACK without one, with another sequence number is a new one under
 * the same ports. What is forgotten (replaced, squeezed out, or at the end by
 * replay_flows_free()) is handed to the `over` function first. Knows nothing of programs.
 */
#ifndef BUILDGATE_REPLAY_FLOWS_H
#define BUILDGATE_REPLAY_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "replay_frame.h"

#define REPLAY_FLOWS_MAX 131072

struct replay_flow {
	struct flow_key key;
	struct replay_flow *chain;         /* next of its hash */
	struct replay_flow *older, *newer; /* by last segment */
	struct replay_flow *before;        /* what had these ports, until it is told */
	int64_t at_ns;                     /* its last segment */
	uint32_t client_isn, server_isn;
	bool client_isn_known, server_isn_known;
	bool client_seen, server_seen;
	bool build;            /* an observation was made */
	bool told;             /* all that is to be said of it was said */
	uint8_t family[2];     /* enum family of client and server; 0: not told */
	char helo[NAME_BYTES]; /* printable */
};

typedef void (*replay_over_fn)(void *arg, struct replay_flow *flow);

struct replay_flows;

/* replay_flows_new - at most `max` connections at a time; NULL: no memory */
struct replay_flows *replay_flows_new(unsigned int max, replay_over_fn over, void *arg);

/* replay_flows_free - oldest first; NULL is allowed. Nothing is handed over if `quietly`. */
void replay_flows_free(struct replay_flows *flows, bool quietly);

/* replay_flows_seen - the connection that a segment belongs to; NULL: no memory */
struct replay_flow *replay_flows_seen(struct replay_flows *flows, const struct replay_segment *s,
				      int64_t at_ns);

/* replay_flows_find - the connection that has these ports now, or NULL */
struct replay_flow *replay_flows_find(struct replay_flows *flows, const struct flow_key *key);

/* replay_flows_settle - forget what had the connection's ports before it */
void replay_flows_settle(struct replay_flows *flows, struct replay_flow *flow);

/* replay_flows_count - how many there were in all */
uint64_t replay_flows_count(const struct replay_flows *flows);

/*
 * replay_flow_family - what a connection without a build turned out to be, both sides taken
 * together: TLS where it went there, else the side that says more, the client where both say
 * the same. Seen in one direction only it is unknown. *ret_side is the side it came from.
 */
uint8_t replay_flow_family(const struct replay_flow *flow, uint8_t *ret_side);

#endif
