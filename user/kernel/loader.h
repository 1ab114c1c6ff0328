/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader - the gate's programs: into the kernel, onto the interfaces, and off again
 *
 * Owns everything under PIN_DIR. loader_start() loads the programs and keeps the pinned maps
 * that fit (pins.h); a gate that is there goes on as it is. When the maps are filled,
 * loader_attach() puts the programs in the place of its own, hook by hook, each at once, so
 * that there is no moment without the gate, whichever version was there. What is attached stays
 * when the process ends; only loader_unload() takes it away. Programs of others are never
 * touched. Call order: the checks of probe.h, loader_start(), loader_maps(), loader_attach(),
 * loader_check() now and then; loader_free() closes descriptors and leaves the gate in place.
 */
#ifndef BUILDGATE_LOADER_H
#define BUILDGATE_LOADER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "pins.h"
#include "user/base/error.h"

#define LOADER_INTERFACES_MAX 32
#define LOADER_PORTS_MAX      8

enum xdp_mode { XDP_MODE_OFF = 1, XDP_MODE_NATIVE, XDP_MODE_GENERIC };

struct loader_options {
	const char *outside[LOADER_INTERFACES_MAX]; /* interface names */
	unsigned int outside_count;
	enum xdp_mode xdp;
	const char *cgroup; /* path of a cgroup v2 directory; NULL: no sockops (transit) */
	uint16_t mx_ports[LOADER_PORTS_MAX]; /* host order */
	unsigned int mx_count;
	uint16_t submission_ports[LOADER_PORTS_MAX];
	unsigned int submission_count;
	unsigned int ipv6_bits; /* length of an IPv6 source, 64 */
	unsigned int flows_max; /* entries of the flow table */
	unsigned int verdicts_max;
	unsigned int ranges_max;
	bool tls_sight; /* load the programs that sight (sight.h) attaches */
};

struct loader_fds {
	int settings, verdicts, ranges, flows, pending, counters, events, replies, answer_keys,
		ipsec_peers, recheck_names;
	int tls_sessions; /* not pinned */
};

struct loader;
struct bpf_program;

/* loader_start - load, and keep what fits of the gate that is there; nothing changes for packets */
int loader_start(const struct loader_options *options, struct loader **ret_loader, struct error *e);

/* loader_attach - from here on these programs and maps are the gate. Where none was before,
 * nothing is left half attached on failure. */
int loader_attach(struct loader *loader, struct error *e);
void loader_free(struct loader *loader);

/* loader_maps - descriptors of the maps, owned by the loader */
const struct loader_fds *loader_maps(const struct loader *loader);

/* loader_program - a loaded program by its name, or NULL */
struct bpf_program *loader_program(const struct loader *loader, const char *name);

/* loader_found - what was in the kernel before */
enum pins_found loader_found(const struct loader *loader);

/* loader_verdicts_kept - what an earlier daemon published is in the map */
bool loader_verdicts_kept(const struct loader *loader);

/* loader_events_lost - of a replaced gate, events that its daemon had not read */
unsigned int loader_events_lost(const struct loader *loader);

/* loader_xdp_note - why interface (index into options.outside) has no XDP program; empty when
 * it has one. Lives as long as the loader. */
const char *loader_xdp_note(const struct loader *loader, unsigned int interface);

/* loader_expected - how many hooks there are when all is as configured */
unsigned int loader_expected(const struct loader *loader);

/* loader_check - attachments as they are now; re-attaches what has gone (interface back).
 * Returns how many it had to mend, or a negative errno: -ENOENT when somebody unloaded the
 * gate, which is then left so. */
int loader_check(struct loader *loader, struct error *e);

/* loader_unload - detach and unpin everything of ours, nothing else; works without a daemon */
int loader_unload(struct error *e);

/* loader_hooks - what is attached where, read from the kernel (daemon or not): array of
 * {"hook","interface","mode","program_id","attached"}. The caller owns it; NULL: not loaded */
json_t *loader_hooks(struct error *e);

#endif
