/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client - gatectl's end of the daemon's control socket
 *
 * Owns one connection. A request is one JSON object on one line, {"command":...} with its
 * arguments beside it; the answer is one line, {"ok":true,"result":...} or {"error":"..."}. After
 * a request that follows ("events") every further line is one object, read with
 * client_next(). Call order: client_open(), client_ask(), client_next() any number of times,
 * client_close().
 */
#ifndef BUILDGATE_CLIENT_H
#define BUILDGATE_CLIENT_H

#include <jansson.h>

#include "user/base/jsonrows.h"
#include "user/base/error.h"

#define CLIENT_TIMEOUT_S 30 /* the longest a daemon may take to answer */

struct client;

/* client_open - connect; on failure e says how to go on without the daemon. Connecting, asking
 * and answering may each take timeout_s seconds. */
int client_open(const char *path, int timeout_s, struct client **ret_client, struct error *e);

/* client_from_fd - take over a connected stream socket */
int client_from_fd(int fd, struct client **ret_client);

void client_close(struct client *client);

/* client_ask - send request and wait for the answer; the caller owns *ret_result (JSON null
 * when the answer has none). -EREMOTEIO: the daemon refused, e is its sentence. */
int client_ask(struct client *client, const json_t *request, json_t **ret_result, struct error *e);

/* client_ask_rows - the same for a part of a list. *ret_rows are its rows as they came, until the
 * next call of the client; in *ret_result they are missing */
int client_ask_rows(struct client *client, const json_t *request, json_t **ret_result,
		    struct jsonrows *ret_rows, struct error *e);

/* client_call - client_open() with CLIENT_TIMEOUT_S, client_ask(), client_close() */
int client_call(const char *path, const json_t *request, json_t **ret_result, struct error *e);

/* client_call_within - the same with another limit */
int client_call_within(const char *path, int timeout_s, const json_t *request, json_t **ret_result,
		       struct error *e);

/* client_next - the next line of a request that follows, however long it takes.
 * -ENODATA: the daemon has closed the connection. */
int client_next(struct client *client, json_t **ret_line, struct error *e);

#endif
