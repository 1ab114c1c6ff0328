/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * courier - reports on their way to a daemon that may be away
 *
 * A bounded queue and one thread that empties it into the control socket. Handing in never
 * waits and never fails: when the queue is full the report is lost and counted. What comes
 * within 0.2 s goes in one request. A report that says what one says that still waits, of less
 * than 60 s before, is left out, and counted as repeated: the daemon would not take it. While
 * the daemon is away the thread tries again, at first after a second, then less and less often
 * up to once a minute; what waits is kept in order. A batch whose answer did not come is sent
 * again: the daemon knows a connection that it has counted.
 *
 * Call order: courier_new(), courier_put() from any thread, courier_close(), which gives what
 * waits a last chance. Losses are logged, at most some lines a minute.
 */
#ifndef BUILDGATE_COURIER_H
#define BUILDGATE_COURIER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/base/error.h"
#include "user/observer/observation.h"

#define COURIER_QUEUE 10000

struct courier;

struct courier_options {
	const char *socket;   /* of the daemon */
	unsigned int max;     /* reports that may wait */
	unsigned int retry_s; /* first pause after a failure; 0: 1 */
};

struct courier_stats {
	uint64_t put;      /* handed in */
	uint64_t taken;    /* the daemon counted it */
	uint64_t repeated; /* it knew already, or was about to */
	uint64_t refused;  /* it takes nothing about this one: own, exempt, inside */
	uint64_t lost;     /* the queue was full, the daemon's limit reached, or the end came */
	unsigned int waiting;
	bool connected;
};

/* courier_new - starts the thread */
int courier_new(const struct courier_options *options, struct courier **ret_courier,
		struct error *e);

/* courier_put - a copy is taken */
void courier_put(struct courier *courier, const struct observation *o);

void courier_stats(struct courier *courier, struct courier_stats *ret);

/* courier_close - one more try with what waits, then it is lost; ret_stats: the last word, may
 * be NULL. NULL is allowed */
void courier_close(struct courier *courier, struct courier_stats *ret_stats);

#endif
