/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_image - sources in memory between a commit and their rows
 *
 * All of a source is one row of the table `source` (store_row.h). Writing that row for every
 * observation would touch a page of the file each, wherever the address happens to lie. So what
 * changes is kept as an image in memory, and what makes it durable is one entry of the table
 * `journal` per commit: the images that this batch changed, one behind the other. When many have
 * gathered, they are folded into their rows in order of address, a part per commit, and what the
 * journal held of them is dropped. Opening reads the journal back.
 *
 * Who reads or changes one source goes through image_find() and image_change() and always sees the
 * newest. Who reads many rows calls image_fold_all() first. A batch that is undone drops all
 * images; the journal, read again, knows the last committed ones.
 */
#ifndef BUILDGATE_STORE_IMAGE_H
#define BUILDGATE_STORE_IMAGE_H

#include <sqlite3.h>

#include "store.h"

struct image {
	struct image *next; /* in its bucket */
	struct addr addr;
	bool known;         /* may have a row */
	bool dirty;         /* changed by the batch under way */
	uint32_t families;  /* the account of sight; 0: never seen */
	uint64_t stages;    /* a bit for each stage of a live record, and IMAGE_ARCHIVED */
	uint32_t standings; /* a bit for each standing of a live record */
	uint32_t records_bytes, days_bytes;
	int64_t due;         /* earliest of the records, 0: none */
	int64_t archived_at; /* last_seen of the archived record seen longest ago; without records
			      * when the account was added to; 0: none */
	unsigned char *body; /* records (store_record.h), then days (store_days.h) */
	/* what the indexed columns of its row are; row_rank may be IMAGE_UNREAD */
	int64_t row_due;
	int row_rank;
};

#define IMAGE_UNREAD   (-2)
#define IMAGE_ARCHIVED (1ULL << 62) /* in `stages`: there is an archived record */
#define IMAGE_LIVE     (IMAGE_ARCHIVED - 1)
#define IMAGE_CLOCKED  (IMAGE_LIVE - 1) /* any stage but 0 */

struct images;

/* images_new, images_free - one per store, in store->images */
struct images *images_new(void);
void images_free(struct images *images);

/* image_find - what is known of a source, all 0 when nothing; good until the next call */
int image_find(struct store *store, const struct addr *addr, const struct image **ret,
	       struct error *e);

/* image_change - the same to be changed within a batch, by image_set() and by hand */
int image_change(struct store *store, const struct addr *addr, struct image **ret, struct error *e);

/* image_set - other records or days; NULL keeps the present ones */
int image_set(struct image *image, const void *records, size_t records_bytes, const void *days,
	      size_t days_bytes, struct error *e);

/* image_free - what it holds */
void image_free(struct image *image);

/* image_forget - the row; after images_fold_all() there is nothing else. Within a batch */
int image_forget(struct store *store, const struct addr *addr, struct error *e);

/* images_have - the newest state of this source is in memory, its row is old */
bool images_have(const struct store *store, const struct addr *addr);

/* images_each - all that are in memory, in no order */
typedef int (*image_fn)(void *arg, const struct image *image);
int images_each(struct store *store, image_fn fn, void *arg);

/* images_read - the journal's images into memory, where they are not there; others do it as well */
int images_read(struct store *store, struct error *e);

/* images_commit - what the batch changed into the journal; within the batch */
int images_commit(struct store *store, struct error *e);

/* images_committed - after it: a part of the folding, if there is enough to fold */
void images_committed(struct store *store);

/* images_drop - the batch was undone */
void images_drop(struct store *store);

/* images_fold_all - every image into its row; in the batch under way, or one of its own */
int images_fold_all(struct store *store, struct error *e);

#endif
