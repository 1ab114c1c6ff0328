/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl - one run of gatectl: the command line taken apart, and what every command shares
 *
 * gatectl.c calls ctl_parse() (ctl_parse.h), which fills a struct ctl from the table in
 * ctl_table.c, and then the command's callback. A callback prints to ctl->out, as JSON when
 * ctl->json, and returns 0, a negative errno (exit 1), or CTL_USAGE (exit 2, nothing done);
 * in the last two cases e holds one sentence, which gatectl.c prints. CTL_UNWELL is exit 1 without
 * one. Arguments and options
 * have been checked against their kind when a callback sees them.
 */
#ifndef BUILDGATE_CTL_H
#define BUILDGATE_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "user/base/error.h"

#define CTL_SOCKET  "/run/buildgate/control.sock"
#define CTL_CONFIG  "/etc/buildgate/buildgate.yaml"

#define CTL_UNWELL  1 /* what a callback returns that has said already why the exit status is 1 */
#define CTL_USAGE   2 /* what a callback returns for a command line that makes no sense */

#define CTL_ARGS    3
#define CTL_OPTIONS 4

struct ctl_command;

struct ctl {
	const struct ctl_command *command;
	const char *args[CTL_ARGS];       /* NULL: an optional one that was not given */
	const char *options[CTL_OPTIONS]; /* in the order of command->options */
	const char *socket;               /* path of the daemon's control socket */
	bool json;
	FILE *out;
};

/* ctl_option - value of the command's option "--name", or NULL when it was not given */
const char *ctl_option(const struct ctl *ctl, const char *name);

/* The callbacks, by file. */

/* ctl_status.c */
int ctl_status(const struct ctl *ctl, struct error *e);

/* ctl_mode.c */
int ctl_mode(const struct ctl *ctl, struct error *e);
int ctl_unload(const struct ctl *ctl, struct error *e);

/* ctl_source.c */
int ctl_sources(const struct ctl *ctl, struct error *e);
int ctl_show(const struct ctl *ctl, struct error *e);
int ctl_history(const struct ctl *ctl, struct error *e);

/* ctl_audit.c */
int ctl_audit(const struct ctl *ctl, struct error *e);

/* ctl_observe.c */
int ctl_observe(const struct ctl *ctl, struct error *e);

/* ctl_events.c */
int ctl_events(const struct ctl *ctl, struct error *e);

/* ctl_change.c */
int ctl_set(const struct ctl *ctl, struct error *e);
int ctl_change(const struct ctl *ctl, struct error *e);
int ctl_clock(const struct ctl *ctl, struct error *e);

/* ctl_map.c */
int ctl_map_list(const struct ctl *ctl, struct error *e);
int ctl_map_dump(const struct ctl *ctl, struct error *e);
int ctl_map_get(const struct ctl *ctl, struct error *e);

/* ctl_catalogue.c */
int ctl_catalogue_check(const struct ctl *ctl, struct error *e);

/* ctl_update.c */
int ctl_catalogue_show(const struct ctl *ctl, struct error *e);
int ctl_catalogue_verify(const struct ctl *ctl, struct error *e);
int ctl_catalogue_update(const struct ctl *ctl, struct error *e);
int ctl_catalogue_block(const struct ctl *ctl, struct error *e);
/* ctl_policy.c */
int ctl_policy_show(const struct ctl *ctl, struct error *e);
int ctl_policy_preview(const struct ctl *ctl, struct error *e);
int ctl_policy_use(const struct ctl *ctl, struct error *e);

/* ctl_doctor.c */
int ctl_doctor(const struct ctl *ctl, struct error *e);

/* ctl_report.c */
int ctl_report(const struct ctl *ctl, struct error *e);

/* ctl_simulate.c */
int ctl_simulate(const struct ctl *ctl, struct error *e);

/* ctl_replay.c */
int ctl_replay(const struct ctl *ctl, struct error *e);

/* ctl_help.c */
int ctl_help(const struct ctl *ctl, struct error *e);
int ctl_version(const struct ctl *ctl, struct error *e);

/* ctl_completion.c */
int ctl_completion(const struct ctl *ctl, struct error *e);

#endif
