/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance - the gate's programs for one's own use: loaded, not pinned, attached to nothing
 *
 * The very programs that run on interfaces, with private maps, fed frame by frame through
 * BPF_PROG_TEST_RUN. `gatectl replay`, the tests and the benchmarks see with it what the gate
 * would see. Call order: instance_open(), instance_clock() and instance_feed() in turn,
 * instance_events() whenever; instance_close() leaves nothing behind.
 */
#ifndef BUILDGATE_INSTANCE_H
#define BUILDGATE_INSTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"
#include "maps/reasons.h"
#include "user/base/error.h"

/* Bytes that BPF_PROG_TEST_RUN takes in one frame at TC: a page less what an skb needs. */
#define INSTANCE_FRAME_MIN 15
#define INSTANCE_FRAME_MAX 3500

struct instance;

struct instance_fds {
	int settings, verdicts, ranges, flows, pending, handshakes, rechecks, recheck_names, events,
		replies, answer_keys, slow_slots, ipsec_peers;
	int xdp, ingress, egress, ingress_l3, egress_l3;
};

/* instance_open - ports as gate_config has them; mode report */
int instance_open(const struct gate_config *config, struct instance **ret_instance,
		  struct error *e);
/* instance_open_tc - the same with the programs for Ethernet frames at TC only, in a third of
 * the time */
int instance_open_tc(const struct gate_config *config, struct instance **ret_instance,
		     struct error *e);
/* instance_open_sized - with room for so many verdicts */
int instance_open_sized(const struct gate_config *config, unsigned int verdicts,
			struct instance **ret_instance, struct error *e);
void instance_close(struct instance *instance);

/* instance_fds - descriptors of maps and programs, owned by the instance */
const struct instance_fds *instance_fds(const struct instance *instance);

/* instance_settings - the live settings, word by word */
volatile struct settings *instance_settings(struct instance *instance);

/* instance_clock - make kernel time this many nanoseconds from now on */
void instance_clock(struct instance *instance, uint64_t kernel_ns);

/* instance_feed - run one Ethernet frame through a hook (XDP, INGRESS, EGRESS). Returns the
 * program's return value (TC_ACT_*, XDP_*), or a negative errno below -1000 from us. */
int instance_feed(struct instance *instance, enum hook hook, const void *frame, size_t bytes);

/* instance_run - one frame through a program (of instance_fds), as instance_feed does. Where
 * ret_frame is given, *ret_bytes says its size and then what the program made of the frame. */
int instance_run(int program, const void *frame, size_t bytes, void *ret_frame, size_t *ret_bytes);

/* instance_verdict - put the verdict of a source (an address masked as the daemon masks it),
 * or with NULL take it away. instance_range does so for a range; settings.tarpits and
 * settings.ranges are raised as needed. 0 or a negative errno. */
int instance_verdict(struct instance *instance, const struct addr *source,
		     const struct verdict *verdict);
int instance_range(struct instance *instance, const struct range_key *key,
		   const struct range *range);

/* instance_counters - sums over CPUs */
int instance_counters(struct instance *instance, struct counters ret_counters[HOOK_MAX]);

/* instance_events - hand every waiting event to fn; returns how many, or a negative errno */
int instance_events(struct instance *instance, void (*fn)(void *arg, const struct event *event),
		    void *arg);

/* instance_load_log - processed instructions of each program as the verifier says it, one
 * line per program into out (for the tests' record) */
int instance_verifier_counts(const struct gate_config *config, char *out, size_t bytes,
			     struct error *e);

#endif
