/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_tally - running totals, so that no reader ever counts sources
 *
 * Kept in memory and in the table `tally`, written with each commit that changed them.
 */
#ifndef BUILDGATE_STORE_TALLY_H
#define BUILDGATE_STORE_TALLY_H

#include "store_image.h"

struct tally;

struct tally *store_tally_new(void);
void store_tally_free(struct tally *tally);

/* store_tally_read - as committed last, after the start and after a batch was undone */
int store_tally_read(struct store *store, struct error *e);

/* store_tally_records - the records of an image come (1) or go (-1); store_tally_families - another
 * account */
int store_tally_records(struct store *store, const struct image *image, int count, struct error *e);
void store_tally_families(struct store *store, uint32_t was, uint32_t is);

/* store_tally_commit - within the batch; store_tally_drop - the batch was undone */
int store_tally_commit(struct store *store, struct error *e);
void store_tally_drop(struct store *store);

#endif
