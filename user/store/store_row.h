/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_row - a source's row in the table `source`, from and to its image
 *
 * The row has what the image has (store_image.h): the records and the days as they lie in memory,
 * beside them what is looked for across sources. Two columns are indexed: `due`, and `rank`, the
 * place of the source in store_source_ranked(). Who wants the newest state of a source asks for
 * its image: while one is in memory, its row is old.
 */
#ifndef BUILDGATE_STORE_ROW_H
#define BUILDGATE_STORE_ROW_H

#include "store_image.h"

/* row_read - into an image that holds nothing; one without a row stays all 0 but for its address */
int row_read(struct store *store, const struct addr *addr, struct image *ret, struct error *e);

/* row_write - as the image is now; one that says nothing has no row */
int row_write(struct store *store, const struct image *image, struct error *e);

/* row_drop - 0 also where there is none */
int row_drop(struct store *store, const struct addr *addr, struct error *e);

#endif
