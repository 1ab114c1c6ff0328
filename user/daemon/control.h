/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control - the Unix socket through which gatectl asks the daemon
 *
 * One JSON object per line in, {"command":NAME, arguments beside it}; one per line out,
 * {"ok":true,"result":...} or {"error":"..."}. A connection may ask any number of times; the
 * next request is read when the answer has left. After a command that follows, every line is
 * an object sent with control_publish(), until the client leaves.
 *
 * What may be asked is a table of commands and their arguments; unknown commands and
 * arguments, wrong types and missing arguments are refused here. The caller's name comes from the
 * kernel (control_peer.h), never from the request, and only root and the group are heard.
 * Everything a client can fill is bounded: connections, request size, time until a request is
 * complete, lines waiting for a follower. With all places taken, the connection that has rested
 * longest makes room for a new one, and root always finds a place.
 *
 * Call order: control_listen() early, so that a bad path is known before anything is
 * attached; control_start() when commands may run; control_close().
 *
 * The daemon's commands (commands.c) and their arguments:
 *
 *   ping                                          {"version"}
 *   status                                        see commands.c
 *   sources          stage?, standing?, after?    report_sources()
 *   report           after?                       report_outdated()
 *   page             place?                       command_page()
 *   show             addr                         report_source()
 *   history          addr? or last?               report_history(), report_trail()
 *   set              addr (or range), action, style?, for? ("2h"), reason?
 *   unset            addr (or range), reason?
 *   mode             mode?, confirm?, reason?     without: show
 *   pause            addr, days, reason?  ·  unpause  addr, reason?
 *   exempt           addr (or range), reason?  ·  unexempt  addr (or range), reason?
 *   forget           addr or name
 *   observe          observations, sent?          {"message","taken","repeated","refused","lost"}
 *   events                                        follows: observation objects
 *   catalogue-check  build, at?                   catalogue_check()
 *   catalogue-show                                daemon_catalogue_show()
 *   catalogue-update file                         an absolute path; file.minisig beside it
 *   catalogue-block  id, reason?  ·  catalogue-unblock  id, reason?
 *   policy-show                                   policy_json(), and whose choice it is
 *   policy-preview   policy, after?               preview(), a part; after: its "next"
 *   policy-use       policy, reason?
 *   clock            advance ("35d") or to (RFC 3339); only with --lab-clock
 *
 * observe: an array of observation and no_build objects (DESIGN section 6). `refused` is an array
 * of {"index","error"}; `lost` are those over the limit per minute. `sent` is the time of a
 * caller whose `at` is by its own clock: the difference to ours is taken off.
 *
 * Changes answer {"message", ...}: a sentence for people, and what has changed.
 */
#ifndef BUILDGATE_CONTROL_H
#define BUILDGATE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "user/base/error.h"
#include "user/base/jsontext.h"

#define CONTROL_CLIENTS_MAX  64
#define CONTROL_REQUEST_MAX  65536         /* bytes of one line */
#define CONTROL_REQUEST_S    30            /* from connect or first byte to the end of a line */
#define CONTROL_FOLLOWER_MAX (1024 * 1024) /* bytes waiting; a slower reader is dropped */
#define CONTROL_ARGS         6

/* The types an argument may have in JSON. */
enum control_type { CONTROL_STRING = 1, CONTROL_INTEGER, CONTROL_ARRAY };

struct control_arg {
	const char *name; /* NULL: end of the list */
	enum control_type type;
	bool required;
};

/* One request as its command sees it; arguments are checked against the table. */
struct control_request {
	const json_t *args;
	char who[64];         /* "root (uid 0)": for the audit trail */
	bool follow;          /* out: from now on the client gets control_publish() lines */
	struct jsontext rows; /* out: what belongs between the brackets of the result's "rows" */
};

/* control_fn - the result (owned by control), or NULL with a sentence in e */
typedef json_t *(*control_fn)(void *arg, struct control_request *request, struct error *e);

struct control_command {
	const char *name; /* NULL: end of the table */
	control_fn run;
	struct control_arg args[CONTROL_ARGS];
};

struct control_options {
	const char *path;
	const char *group; /* owner group of the socket, if it exists */
	const struct control_command *commands;
	void *arg; /* handed to the commands */
};

struct control_stats {
	uint64_t requests, errors;
	uint64_t refused;   /* connections: not allowed, or no place */
	uint64_t displaced; /* connections that made room for another */
	uint64_t dropped;   /* followers that read too slowly */
	unsigned int clients, followers;
};

struct control;

/* control_listen - bind the socket (mode 0660); a leftover of a dead daemon is replaced */
int control_listen(const struct control_options *options, struct control **ret_control,
		   struct error *e);

/* control_start - answer from this loop */
int control_start(struct control *control, sd_event *event, struct error *e);

/* control_close - also removes the socket; NULL is allowed */
void control_close(struct control *control);

/* control_publish - a line to every follower; cheap when there is none */
void control_publish(struct control *control, const json_t *object);

const struct control_stats *control_stats(const struct control *control);

/* control_request_check - the row of the table that a request names, its arguments all known and of
 * their types; NULL: e says what is wrong */
const struct control_command *control_request_check(const struct control_command *commands,
						    json_t *request, struct error *e);

/* control_string, control_integer - an argument of a request; NULL or fallback: not given */
const char *control_string(const struct control_request *request, const char *name);
int64_t control_integer(const struct control_request *request, const char *name, int64_t fallback);

#endif
