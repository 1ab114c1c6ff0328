/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_raw - raw observations, a row of the table `observation` per batch and minute
 *
 * A batch gathers those of one minute in memory, one behind the other; another minute, much of
 * one, or its commit writes them as a row. They are read and removed as a whole nearly
 * always: by their age.
 */
#ifndef BUILDGATE_STORE_RAW_H
#define BUILDGATE_STORE_RAW_H

#include "store.h"

struct raw {
	unsigned char *bytes;
	size_t used, room;
	int64_t minute; /* since 1970, of all in bytes */
};

/* raw_add - within a batch; source is the masked one */
int raw_add(struct store *store, const struct addr *source, const struct observation *o,
	    struct error *e);

/* raw_commit - what was added into its row; within the batch */
int raw_commit(struct store *store, struct error *e);
void raw_drop(struct store *store);

/* raw_forget - those of a source; name: only those of this server, or that mention it. raw_prune -
 * those of all minutes before a moment, a bounded part. Within a batch */
int raw_forget(struct store *store, const struct addr *source, const char *name, struct error *e);
int raw_prune(struct store *store, int64_t before, struct error *e);

#endif
