/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight - TLS sight: probes on the calls by which mail servers read inside TLS
 *
 * Owns finding the mail servers' files, the probes on them, and the account of what is covered.
 * A probe stands at the stub (or function) in the mail server's own executable or in a library
 * that only it uses, found through its search path; never in the TLS library, so that no other
 * process pays. Files are known by device and inode: a probe is set once per file, whoever runs
 * it in whichever container, and follows an upgrade: every SIGHT_SCAN_S the paths are looked at
 * again, what is new is probed, and what is old and runs nowhere any more is let go.
 *
 * Probes hang on this process: sight ends with the daemon. A mail server that cannot be covered
 * is no error, only said.
 *
 * Call order: sight_start(); sight_json() at any time; sight_stop().
 */
#ifndef BUILDGATE_SIGHT_H
#define BUILDGATE_SIGHT_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "user/base/error.h"
#include "user/kernel/loader.h"

#define SIGHT_SCAN_S          5
#define SIGHT_EXECUTABLES_MAX 16
#define SIGHT_PATH            256

struct sight_options {
	const struct loader *loader;
	const char (*executables)[SIGHT_PATH]; /* absolute paths; copied */
	unsigned int count;
};

struct sight;

/* sight_start - look and probe for the first time, and from then on by the loop's timer */
int sight_start(const struct sight_options *options, sd_event *event, struct sight **ret_sight,
		struct error *e);
void sight_stop(struct sight *sight);

/* sight_json - {"on", "reads", "why", "needs", "covered", "not_covered", "absent",
 * "foreign", "files", "incomplete"};
 * NULL stands for sight that is off */
json_t *sight_json(const struct sight *sight);

#endif
