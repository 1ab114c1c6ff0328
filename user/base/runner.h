/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner - programs run for the operator that can never hold the daemon up
 *
 * A program gets its input from a file in memory, so writing it never blocks, reads it or not,
 * and is killed with its process group when its time is over. No shell. Standard output goes
 * nowhere, standard error where the daemon's own goes. Environment: PATH and LANG.
 *
 * At most `slots` run at once; there is no queue: runner_start() says -EAGAIN, and `done` says
 * when there is room again. Who has more to run keeps it where it survives a crash.
 *
 * Call order: runner_new(), runner_start() any number of times, runner_free(), which leaves
 * running programs to end by themselves. SIGCHLD must be blocked.
 */
#ifndef BUILDGATE_RUNNER_H
#define BUILDGATE_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "log.h"

#define RUNNER_SLOTS_MAX 8

enum runner_result {
	RUNNER_DONE = 1, /* exit status 0 */
	RUNNER_FAILED,   /* another one, or a signal */
	RUNNER_KILLED,   /* its time was over */
};

struct runner;

struct runner_options {
	sd_event *event;
	const char *what; /* for the log: "on_stage_change" */
	unsigned int slots;
	uint64_t limit_ms;
	/* told of each end, with the id given at its start; a slot is free by then */
	void (*done)(void *arg, int64_t id, enum runner_result result);
	void *arg;
};

struct runner_stats {
	uint64_t started, failed, killed;
	unsigned int running;
};

int runner_new(const struct runner_options *options, struct runner **ret_runner, struct error *e);
void runner_free(struct runner *runner);

/* runner_start - argv[0] is the path, the list ends with NULL. 0; -EAGAIN: all slots are taken;
 * else it could not be run at all, which is logged (rate-limited) and counted */
int runner_start(struct runner *runner, const char *const *argv, const char *input, size_t bytes,
		 int64_t id);

/* runner_room - a slot is free */
bool runner_room(const struct runner *runner);

const struct runner_stats *runner_stats(const struct runner *runner);

#endif
