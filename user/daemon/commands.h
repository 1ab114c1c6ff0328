/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands - the daemon's answers to gatectl, by file; commands.c has the table of them
 *
 * Each is a control_fn whose argument is the daemon; control.h lists what may be asked.
 */
#ifndef BUILDGATE_COMMANDS_H
#define BUILDGATE_COMMANDS_H

#include "control.h"
#include "daemon.h"

/* daemon_page.c: {"head"?,"sources","place"}: head comes with the first part; place is what to ask
 * with for the next, null: that was all */
json_t *command_page(void *arg, struct control_request *request, struct error *e);

/* commands_policy.c */
json_t *command_policy_show(void *arg, struct control_request *request, struct error *e);
json_t *command_policy_preview(void *arg, struct control_request *request, struct error *e);
json_t *command_policy_use(void *arg, struct control_request *request, struct error *e);

/* commands_catalogue.c */
json_t *command_catalogue_check(void *arg, struct control_request *request, struct error *e);
json_t *command_catalogue_show(void *arg, struct control_request *request, struct error *e);
json_t *command_catalogue_update(void *arg, struct control_request *request, struct error *e);
json_t *command_catalogue_block(void *arg, struct control_request *request, struct error *e);
json_t *command_catalogue_unblock(void *arg, struct control_request *request, struct error *e);

#endif
