// SPDX-License-Identifier: BSD-2-Clause
#include "store_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_days.h"
#include "store_private.h"
#include "store_record.h"
#include "store_row.h"
#include "user/base/address.h"

#define BUCKETS     (1U << 17)
#define FOLD_IMAGES 131072            /* as many are worth a walk through the rows ... */
#define FOLD_BYTES  (128ULL << 20)    /* ... and so is a journal that takes a while to read */
#define FOLD_PART   4096              /* images folded after a commit, or twice what it changed */
#define IMAGES_MAX  (4 * FOLD_IMAGES) /* only when folding fails again and again */
#define ENTRY_BYTES 96                /* of an image in the journal, beside its body */

/* A growing list of images. */
struct list {
	struct image **at;
	size_t count, room;
};

struct images {
	struct image *buckets[BUCKETS];
	unsigned int count;
	struct list changed; /* by the batch under way */
	struct image *met;   /* what was looked for last: a source is asked for several times */
	struct image last;   /* what was read last and is not in memory otherwise */
	bool last_valid;
	bool unread; /* the journal must be read first */
	int64_t journal_id;
	uint64_t journal_bytes;
	/* a walk through the rows: images in order of address, those before `folded` are done */
	struct list walk;
	size_t folded;
	int64_t walk_until;  /* entries of the journal that it makes superfluous ... */
	uint64_t walk_bytes; /* ... and what they take; those written meanwhile stay */
};

/* images_new - a store begins with what its journal holds */
struct images *images_new(void)
{
	struct images *images = calloc(1, sizeof(*images));

	if (images)
		images->unread = true;
	return images;
}

/* list_add - append, growing by doubling */
static int list_add(struct list *list, struct image *image)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct image **at = reallocarray(list->at, room, sizeof(struct image *));

		if (!at)
			return -ENOMEM;
		list->at = at;
		list->room = room;
	}
	list->at[list->count++] = image;
	return 0;
}

static void list_clear(struct list *list)
{
	free(list->at);
	*list = (struct list) { 0 };
}

/* bucket_of - where an address has its place */
static struct image **bucket_of(struct images *images, const struct addr *addr)
{
	return &images->buckets[address_hash(addr) % BUCKETS];
}

/* look - the image in memory, or NULL */
static struct image *look(struct images *images, const struct addr *addr)
{
	struct image *image = images->met;

	if (image && !memcmp(&image->addr, addr, sizeof(*addr)))
		return image;
	image = *bucket_of(images, addr);
	while (image && memcmp(&image->addr, addr, sizeof(*addr)) != 0)
		image = image->next;
	if (image)
		images->met = image;
	return image;
}

/* image_free - not the image itself */
void image_free(struct image *image)
{
	free(image->body);
	image->body = NULL;
}

/* take_out - of its bucket, and free it */
static void take_out(struct images *images, struct image *image)
{
	struct image **p = bucket_of(images, &image->addr);

	while (*p != image)
		p = &(*p)->next;
	*p = image->next;
	images->met = NULL;
	free(image->body);
	free(image);
	images->count--;
}

/* clear - all that is in memory */
static void clear(struct images *images)
{
	for (unsigned int i = 0; images->count && i < BUCKETS; i++)
		while (images->buckets[i])
			take_out(images, images->buckets[i]);
	images->changed.count = 0;
	list_clear(&images->walk);
	images->last_valid = false;
}

/* images_free - NULL is allowed */
void images_free(struct images *images)
{
	if (!images)
		return;
	clear(images);
	list_clear(&images->changed);
	free(images->last.body);
	free(images);
}

/* images_drop - the last committed state is in the journal */
void images_drop(struct store *store)
{
	clear(store->images);
	store->images->unread = true;
}

/* out_of_memory - the one sentence for it */
static int out_of_memory(const struct store *store, struct error *e)
{
	return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
}

/* image_set - both parts lie in one piece of memory */
int image_set(struct image *image, const void *records, size_t records_bytes, const void *days,
	      size_t days_bytes, struct error *e)
{
	size_t keep_records = records ? records_bytes : image->records_bytes;
	size_t keep_days = days ? days_bytes : image->days_bytes;
	unsigned char *body = malloc(keep_records + keep_days + 1);

	if (!body)
		return error_set(e, -ENOMEM, "store: out of memory");
	if (keep_records)
		memcpy(body, records ? records : image->body, keep_records);
	if (keep_days)
		memcpy(body + keep_records, days ? days : image->body + image->records_bytes,
		       keep_days);
	free(image->body);
	image->body = body;
	image->records_bytes = (uint32_t)keep_records;
	image->days_bytes = (uint32_t)keep_days;
	return 0;
}

/* read_last - a row into `last` */
static int read_last(struct store *store, const struct addr *addr, struct error *e)
{
	struct images *images = store->images;
	int r;

	free(images->last.body);
	r = row_read(store, addr, &images->last, e);
	images->last_valid = r >= 0;
	return r;
}

/* image_find - in memory, else the row */
int image_find(struct store *store, const struct addr *addr, const struct image **ret,
	       struct error *e)
{
	struct images *images = store->images;
	int r = images_read(store, e);

	if (r < 0)
		return r;
	*ret = look(images, addr);
	if (*ret)
		return 0;
	if (!images->last_valid || memcmp(&images->last.addr, addr, sizeof(*addr)))
		r = read_last(store, addr, e);
	*ret = &images->last;
	return r;
}

/* keep_last - what was read last stays in memory from now on */
static struct image *keep_last(struct images *images)
{
	struct image *image = malloc(sizeof(*image));
	struct image **bucket = bucket_of(images, &images->last.addr);

	if (!image)
		return NULL;
	*image = images->last;
	image->next = *bucket;
	*bucket = image;
	images->last.body = NULL;
	images->last_valid = false;
	images->count++;
	return image;
}

/* image_change - goes into the journal when the batch is committed */
int image_change(struct store *store, const struct addr *addr, struct image **ret, struct error *e)
{
	struct images *images = store->images;
	const struct image *found;
	struct image *image;
	int r = 0;

	if (images->count >= IMAGES_MAX)
		r = images_fold_all(store, e);
	if (r >= 0)
		r = image_find(store, addr, &found, e);
	if (r < 0)
		return r;
	image = found == &images->last ? keep_last(images) : (struct image *)found;
	if (!image || (!image->dirty && list_add(&images->changed, image) < 0)) {
		store->failed = true;
		return out_of_memory(store, e);
	}
	image->dirty = true;
	*ret = image;
	return 0;
}

/* images_have - where nothing was read yet, the caller has not asked images_read() */
bool images_have(const struct store *store, const struct addr *addr)
{
	return look(store->images, addr);
}

/* images_each - a walk over the buckets */
int images_each(struct store *store, image_fn fn, void *arg)
{
	int r = 0;

	for (unsigned int i = 0; !r && store->images->count && i < BUCKETS; i++)
		for (const struct image *p = store->images->buckets[i]; !r && p; p = p->next)
			r = fn(arg, p);
	return r;
}

/* ---- the journal ---- */

/* write_entry - one image */
static void write_entry(struct writer *w, const struct image *image)
{
	write_bytes(w, &image->addr, sizeof(image->addr));
	write_number(w, image->families);
	write_number(w, image->stages);
	write_number(w, image->standings);
	write_signed(w, image->due);
	write_signed(w, image->archived_at);
	write_number(w, image->records_bytes);
	write_number(w, image->days_bytes);
	write_bytes(w, image->body, image->records_bytes + image->days_bytes);
}

/* read_entry - into memory, in place of an older one */
static int read_entry(struct images *images, struct reader *r, struct error *e)
{
	const unsigned char *body, *addr = read_bytes(r, sizeof(struct addr));
	struct image *image, read = { .known = true, .row_rank = IMAGE_UNREAD };
	size_t records, days;

	if (!addr)
		return 0;
	memcpy(&read.addr, addr, sizeof(read.addr));
	read.families = (uint32_t)read_number(r);
	read.stages = read_number(r);
	read.standings = (uint32_t)read_number(r);
	read.due = read_signed(r);
	read.archived_at = read_signed(r);
	records = read_number(r);
	days = read_number(r);
	if (records > RECORDS_BYTES || days > RECORDS_BYTES)
		r->bad = true;
	body = read_bytes(r, records + days);
	if (!body)
		return 0;
	image = look(images, &read.addr);
	if (image)
		take_out(images, image);
	if (image_set(&read, body, records, body + records, days, e) < 0)
		return -ENOMEM;
	free(images->last.body);
	images->last = read;
	return keep_last(images) ? 0 : error_set(e, -ENOMEM, "store: out of memory");
}

/* read_entries - one commit's */
static int read_entries(struct store *store, sqlite3_stmt *stmt, struct error *e)
{
	struct images *images = store->images;
	const unsigned char *body = sqlite3_column_blob(stmt, 1);
	struct reader reader = { .at = body };
	int r = 0;

	images->journal_id = sqlite3_column_int64(stmt, 0);
	images->journal_bytes += (uint64_t)sqlite3_column_bytes(stmt, 1);
	reader.end = body + sqlite3_column_bytes(stmt, 1);
	while (r >= 0 && reader.at < reader.end && !reader.bad)
		r = read_entry(images, &reader, e);
	if (r >= 0 && reader.bad)
		r = store_damaged(store, "its journal cannot be read", e);
	return r;
}

/* images_read - the oldest first: what is newest stays */
int images_read(struct store *store, struct error *e)
{
	struct images *images = store->images;
	sqlite3_stmt *stmt;
	int r;

	if (!images->unread)
		return 0;
	images->journal_bytes = 0;
	images->journal_id = 0;
	r = store_query(store, &stmt, e, "SELECT id, body FROM journal ORDER BY id", "");
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		r = read_entries(store, stmt, e);
		if (r < 0) {
			store_reset(stmt);
			break;
		}
	}
	if (r < 0)
		clear(images);
	else
		images->unread = false;
	return r;
}

/* images_commit - one entry for all that has changed */
int images_commit(struct store *store, struct error *e)
{
	struct images *images = store->images;
	struct list *changed = &images->changed;
	struct writer w = { 0 };
	unsigned char *body;
	size_t bytes = 0;
	int r;

	if (!changed->count)
		return 0;
	for (size_t i = 0; i < changed->count; i++)
		bytes += ENTRY_BYTES + changed->at[i]->records_bytes + changed->at[i]->days_bytes;
	body = malloc(bytes);
	if (!body)
		return out_of_memory(store, e);
	w.at = body;
	w.end = body + bytes;
	for (size_t i = 0; i < changed->count; i++)
		write_entry(&w, changed->at[i]);
	bytes = (size_t)(w.at - body);
	r = store_run(store, e, "INSERT INTO journal(body) VALUES(?)", "b", body, (int64_t)bytes);
	free(body);
	if (r < 0)
		return r;
	images->journal_id = sqlite3_last_insert_rowid(store->db);
	images->journal_bytes += bytes;
	return 0;
}

/* image_forget - also what was read last */
int image_forget(struct store *store, const struct addr *addr, struct error *e)
{
	store->images->last_valid = false;
	return row_drop(store, addr, e);
}

/* ---- folding ---- */

/* by_addr - order of the rows, for qsort() */
static int by_addr(const void *a, const void *b)
{
	return memcmp(&(*(struct image *const *)a)->addr, &(*(struct image *const *)b)->addr,
		      sizeof(struct addr));
}

/* add_to_walk - an image_fn */
static int add_to_walk(void *arg, const struct image *image)
{
	return list_add(arg, (struct image *)image);
}

/* begin_walk - over all that is in memory now */
static int begin_walk(struct store *store)
{
	struct images *images = store->images;

	list_clear(&images->walk);
	images->folded = 0;
	images->walk_until = images->journal_id;
	images->walk_bytes = images->journal_bytes;
	if (images_each(store, add_to_walk, &images->walk) < 0) {
		list_clear(&images->walk);
		return -ENOMEM;
	}
	if (images->walk.count)
		qsort(images->walk.at, images->walk.count, sizeof(struct image *), by_addr);
	return 0;
}

/* fold - the next `count` images of the walk into their rows; the last part trims the journal */
static int fold(struct store *store, size_t count, struct error *e)
{
	struct images *images = store->images;
	struct list *walk = &images->walk;
	size_t end = walk->count - images->folded < count ? walk->count : images->folded + count;
	int r = 0;

	for (size_t i = images->folded; r >= 0 && i < end; i++) {
		r = days_settle(store, walk->at[i], e);
		if (r >= 0)
			r = row_write(store, walk->at[i], e);
	}
	if (r >= 0 && end == walk->count)
		r = store_run(store, e, "DELETE FROM journal WHERE id <= ?", "i",
			      images->walk_until);
	return r < 0 ? r : (int)(end - images->folded);
}

/* folded - it is in the rows: gone from memory */
static void folded(struct images *images, size_t count)
{
	images->last_valid = false;
	for (size_t i = 0; i < count; i++)
		take_out(images, images->walk.at[images->folded++]);
	if (images->folded < images->walk.count)
		return;
	list_clear(&images->walk);
	images->journal_bytes -= images->walk_bytes;
}

/* images_committed - a failure here loses nothing: it is all in the journal, and comes up again */
void images_committed(struct store *store)
{
	struct images *images = store->images;
	size_t part = images->changed.count * 2;
	int r;

	for (size_t i = 0; i < images->changed.count; i++)
		images->changed.at[i]->dirty = false;
	images->changed.count = 0;
	if (!images->walk.count) {
		if (images->count < FOLD_IMAGES && images->journal_bytes < FOLD_BYTES)
			return;
		if (begin_walk(store) < 0)
			return;
	}
	r = store_run(store, NULL, "BEGIN IMMEDIATE", "");
	if (r >= 0)
		r = fold(store, part > FOLD_PART ? part : FOLD_PART, NULL);
	if (r >= 0 && store_run(store, NULL, "COMMIT", "") >= 0) {
		folded(images, (size_t)r);
		return;
	}
	if (!sqlite3_get_autocommit(store->db))
		store_run(store, NULL, "ROLLBACK", "");
	images_drop(store);
}

/* images_fold_all - what the batch under way has changed needs no journal any more then */
int images_fold_all(struct store *store, struct error *e)
{
	struct images *images = store->images;
	int r = images_read(store, e);

	if (r < 0 || (!images->count && !images->journal_bytes))
		return r;
	r = store_begin(store, e);
	if (r < 0)
		return r;
	r = begin_walk(store) < 0 ? out_of_memory(store, e) : fold(store, images->count, e);
	if (r >= 0) {
		images->changed.count = 0;
		folded(images, images->walk.count);
	}
	r = store_finish(store, r, e);
	return r < 0 ? r : 0;
}
