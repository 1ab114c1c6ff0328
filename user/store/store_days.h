/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_days - how often a source was seen per name, build and day
 *
 * The counts of days that may still rise are part of the source's image: counting costs nothing
 * but memory. A day that is over is settled when the image is folded: its counts go into the
 * table `sight` as they are, in place of what was there, so that settling twice changes nothing.
 */
#ifndef BUILDGATE_STORE_DAYS_H
#define BUILDGATE_STORE_DAYS_H

#include "store.h"
#include "store_image.h"

/* days_add - one more; within a batch */
int days_add(struct store *store, struct image *image, const struct observation *o,
	     struct error *e);

/* days_settle - before the image becomes its row */
int days_settle(struct store *store, struct image *image, struct error *e);

/* days_drop_name - nothing was ever counted under this name; within a batch */
int days_drop_name(struct store *store, struct image *image, const char *name, struct error *e);

#endif
