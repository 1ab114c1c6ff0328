/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * telling - observations on their way to the daemon, over its control socket
 *
 * A batch of objects that fits into one request ("observe", control.h), and what the daemon
 * made of it. Used by whoever tells: gatectl observe and gate-milter.
 *
 * Call order: telling_add() while it returns true; telling_send(), which empties the batch
 * whether it succeeds or not.
 */
#ifndef BUILDGATE_TELLING_H
#define BUILDGATE_TELLING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/ctl/client.h"
#include "user/base/error.h"
#include "observation.h"

#define TELLING_MAX 500 /* objects of a batch; the daemon takes 1000 at once */

struct telling {
	json_t *list; /* NULL: empty */
	size_t bytes;
};

/* telling_object - an observation as the daemon shall get it; at 0: without a time, the daemon
 * takes its own. The caller owns it */
json_t *telling_object(const struct observation *o);

/* telling_add - false: the batch is full, send it first. Keeps a reference of its own */
bool telling_add(struct telling *telling, json_t *object);

size_t telling_count(const struct telling *telling);

/* telling_send - ask the daemon. *ret_result as in control.h ("taken", "repeated", "refused",
 * "lost"); sent: the time by the clock that made `at`, NULL: by the daemon's own */
int telling_send(struct telling *telling, struct client *client, const char *sent,
		 json_t **ret_result, struct error *e);

#endif
