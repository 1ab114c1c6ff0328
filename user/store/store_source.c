// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_image.h"
#include "store_private.h"
#include "store_record.h"
#include "store_tally.h"

/* by_name - order of the records of a source, for qsort() */
static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct identity *const *)a)->name,
		      (*(const struct identity *const *)b)->name);
}

/* note_record - what is looked for across sources */
static void note_record(struct image *image, const struct identity *id)
{
	if (id->archived) {
		image->stages |= IMAGE_ARCHIVED;
		if (!image->archived_at || id->last_seen < image->archived_at)
			image->archived_at = id->last_seen;
	} else {
		image->stages |= 1ULL << (id->stage <= POLICY_STAGES_MAX ? id->stage : 0);
		image->standings |= 1U << id->standing;
	}
	if (id->due && (!image->due || id->due < image->due))
		image->due = id->due;
}

/* store_encode - all of them anew */
int store_encode(const struct source *source, struct image *image, struct error *e)
{
	const struct identity *sorted[ESCALATION_NAMES_MAX];
	unsigned char bytes[RECORDS_BYTES];
	struct writer w = { .at = bytes, .end = bytes + sizeof(bytes) };

	if (source->count > ESCALATION_NAMES_MAX)
		return error_set(e, -EINVAL, "store: a source with more than %d names",
				 ESCALATION_NAMES_MAX);
	for (unsigned int i = 0; i < source->count; i++)
		sorted[i] = &source->identities[i];
	if (source->count > 1)
		qsort(sorted, source->count, sizeof(sorted[0]), by_name);
	image->stages = 0;
	image->standings = 0;
	image->due = image->archived_at = 0;
	for (unsigned int i = 0; i < source->count; i++) {
		record_write(&w, sorted[i]);
		note_record(image, sorted[i]);
	}
	return image_set(image, bytes, (size_t)(w.at - bytes), NULL, 0, e);
}

/* decode - the records of a source, archived ones too or not */
static int decode(struct store *store, const unsigned char *bytes, size_t size, bool archived,
		  struct source *source, struct error *e)
{
	struct reader r = { .at = bytes };
	struct identity *identity;

	r.end = bytes + size;
	while (size && r.at < r.end) {
		identity = source_add(source, "");
		if (!identity)
			return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
		record_read(&r, identity);
		identity->source = source->addr;
		if (r.bad)
			return store_damaged(store, "a record cannot be read", e);
		if (identity->archived && !archived)
			source->count--;
	}
	return 0;
}

/* count_about_sources - there are none nearly always, which spares every load and save a look */
static int count_about_sources(struct store *store, struct error *e)
{
	sqlite3_stmt *stmt;
	int r;

	if (store->about_sources >= 0)
		return store->about_sources;
	r = store_query(store, &stmt, e,
			"SELECT count(*) FROM decision WHERE kind IN (3, 4) AND ended = 0", "");
	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	r = store->about_sources = sqlite3_column_int(stmt, 0);
	store_reset(stmt);
	return r;
}

/* load_decisions - what the operator said of this source as a whole */
static int load_decisions(struct store *store, struct source *source, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = count_about_sources(store, e);

	if (r <= 0)
		return r;
	r = store_query(store, &stmt, e,
			"SELECT kind, at, until FROM decision"
			" WHERE kind IN (3, 4) AND addr = ? AND ended = 0",
			"a", &source->addr);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		if (sqlite3_column_int(stmt, 0) == DECISION_SHARED) {
			source->enforce_shared = true;
			continue;
		}
		source->paused_since = sqlite3_column_int64(stmt, 1);
		source->paused_until = sqlite3_column_int64(stmt, 2);
	}
	return r;
}

/* store_source_load - one row, or none where it is in memory */
int store_source_load(struct store *store, const struct addr *addr, struct source *ret,
		      struct error *e)
{
	struct source source = { .addr = *addr };
	const struct image *image;
	int r;

	*ret = (struct source) { 0 };
	r = image_find(store, addr, &image, e);
	if (r >= 0)
		r = decode(store, image->body, image->records_bytes, true, &source, e);
	if (r >= 0)
		r = load_decisions(store, &source, e);
	if (r < 0) {
		source_clear(&source);
		return r;
	}
	*ret = source;
	return (int)source.count;
}

/* dirty_records - how many have to be written */
static int dirty_records(const struct source *source)
{
	int dirty = 0;

	for (unsigned int i = 0; i < source->count; i++)
		dirty += source->identities[i].dirty;
	return dirty;
}

/* drop_evicted - unless its name has come back as a new record */
static void drop_evicted(struct source *source)
{
	struct identity *id = source->evicted[0] ? source_find(source, source->evicted) : NULL;

	if (id && !id->dirty)
		*id = source->identities[--source->count];
}

/* save_records - all of them, for they lie side by side */
static int save_records(struct store *store, struct source *source, struct error *e)
{
	int dirty = dirty_records(source), r;
	struct image *image;

	if (!dirty && !source->evicted[0])
		return 0;
	drop_evicted(source);
	r = store_tally_read(store, e);
	if (r >= 0)
		r = image_change(store, &source->addr, &image, e);
	if (r >= 0)
		r = store_tally_records(store, image, -1, e);
	if (r >= 0)
		r = store_encode(source, image, e);
	if (r >= 0)
		r = store_tally_records(store, image, 1, e);
	return r < 0 ? r : dirty;
}

/* end_pause - the clock says that it is over */
static int end_pause(struct store *store, const struct source *source, struct error *e)
{
	int r = count_about_sources(store, e);

	if (r <= 0)
		return r;
	store->about_sources = -1;
	return store_run(store, e,
			 "UPDATE decision SET ended = max(at + 1, until)"
			 " WHERE kind = 3 AND addr = ? AND ended = 0",
			 "a", &source->addr);
}

/* store_source_save - one batch, so that a source is never half saved */
int store_source_save(struct store *store, struct source *source, struct error *e)
{
	int written, r = store_begin(store, e);

	if (r < 0)
		return r;
	r = written = save_records(store, source, e);
	if (r >= 0 && !source->paused_since)
		r = end_pause(store, source, e);
	r = store_finish(store, r, e);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < source->count; i++)
		source->identities[i].dirty = false;
	source->evicted[0] = '\0';
	return written;
}

/* Sources that are due, from memory and from the rows. */
struct due {
	struct due_one {
		int64_t at;
		struct addr addr;
	} * list;
	size_t count, room;
	int64_t now;
};

/* add_due - append */
static int add_due(struct due *due, int64_t at, const struct addr *addr)
{
	if (due->count == due->room) {
		size_t room = due->room ? due->room * 2 : 256;
		struct due_one *list = reallocarray(due->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		due->list = list;
		due->room = room;
	}
	due->list[due->count++] = (struct due_one) { at, *addr };
	return 0;
}

/* add_if_due - an image_fn */
static int add_if_due(void *arg, const struct image *image)
{
	struct due *due = arg;

	return image->due && image->due <= due->now ? add_due(due, image->due, &image->addr) : 0;
}

/* due_rows - at most max more, by the index; what the memory knows better is passed over */
static int due_rows(struct store *store, struct due *due, unsigned int max, struct error *e)
{
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	struct addr addr;
	int r = store_query(store, &stmt, e,
			    "SELECT source, due FROM source WHERE due > 0 AND due <= ?"
			    " ORDER BY due",
			    "i", due->now);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &addr);
		if (images_have(store, &addr))
			continue;
		if (add_due(due, sqlite3_column_int64(stmt, 1), &addr)) {
			store_reset(stmt);
			return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
		}
		if (++count == max) {
			store_reset(stmt);
			break;
		}
	}
	return r < 0 ? r : 0;
}

/* by_due - then by address, for qsort() */
static int by_due(const void *a, const void *b)
{
	const struct due_one *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

/* store_source_due - the earliest of both places */
int store_source_due(struct store *store, int64_t now, struct addr *ret, unsigned int max,
		     struct error *e)
{
	struct due due = { .now = now };
	unsigned int count = 0;
	int r = images_read(store, e);

	if (r >= 0)
		r = images_each(store, add_if_due, &due);
	if (r >= 0)
		r = due_rows(store, &due, max, e);
	if (due.count)
		qsort(due.list, due.count, sizeof(*due.list), by_due);
	while (r >= 0 && count < max && count < due.count) {
		ret[count] = due.list[count].addr;
		count++;
	}
	free(due.list);
	return r < 0 ? r : (int)count;
}

/* keep_earliest - an image_fn */
static int keep_earliest(void *arg, const struct image *image)
{
	int64_t *earliest = arg;

	if (image->due && (!*earliest || image->due < *earliest))
		*earliest = image->due;
	return 0;
}

/* store_next_due - the index's first entry that is not old, or one in memory */
int store_next_due(struct store *store, int64_t *ret, struct error *e)
{
	int64_t earliest = 0, due;
	sqlite3_stmt *stmt;
	struct addr addr;
	int r = images_read(store, e);

	if (r < 0)
		return r;
	images_each(store, keep_earliest, &earliest);
	r = store_query(store, &stmt, e,
			"SELECT source, due FROM source WHERE due > 0 ORDER BY due", "");
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &addr);
		due = sqlite3_column_int64(stmt, 1);
		if (earliest && due >= earliest)
			break;
		if (!images_have(store, &addr)) {
			earliest = due;
			break;
		}
	}
	if (r > 0)
		store_reset(stmt);
	if (r < 0 || !earliest)
		return r < 0 ? r : 0;
	*ret = earliest;
	return 1;
}

/* query_behind - the first max sources behind an address, by the primary key */
static int query_behind(struct store *store, const struct addr *after, unsigned int max,
			sqlite3_stmt **ret, struct error *e)
{
	int r = images_fold_all(store, e);

	if (r < 0)
		return r;
	return store_query(store, ret, e,
			   "SELECT source, stages FROM source WHERE source > ? AND stages <> 0"
			   " ORDER BY source LIMIT ?",
			   "ai", after, (int64_t)max);
}

/* store_source_after - see store.h */
int store_source_after(struct store *store, const struct addr *after, struct addr *ret,
		       unsigned int max, struct error *e)
{
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	int r = query_behind(store, after, max, &stmt, e);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0)
		store_column_addr(stmt, 0, &ret[count++]);
	return r < 0 ? r : (int)count;
}

/* store_source_clocked - reads on until max sources were looked at, clocked or not */
int store_source_clocked(struct store *store, struct addr *after, struct addr *ret,
			 unsigned int max, unsigned int *ret_count, struct error *e)
{
	unsigned int seen = 0, count = 0;
	sqlite3_stmt *stmt;
	int r = query_behind(store, after, max, &stmt, e);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		seen++;
		store_column_addr(stmt, 0, &ret[count]);
		*after = ret[count];
		if ((uint64_t)sqlite3_column_int64(stmt, 1) & IMAGE_CLOCKED)
			count++;
	}
	*ret_count = count;
	return r < 0 ? r : (int)seen;
}

/* wanted - by what the row says of all its records */
static bool wanted(const struct store_filter *filter, uint64_t stages, uint32_t standings)
{
	if (filter->archived ? !stages : !(stages & IMAGE_LIVE))
		return false;
	if (filter->stage_given && filter->stage && !(stages & 1ULL << filter->stage))
		return false;
	/* stage 0: under no name there is more */
	if (filter->stage_given && !filter->stage && stages & IMAGE_CLOCKED)
		return false;
	if (filter->clocked && !(stages & IMAGE_CLOCKED))
		return false;
	return !filter->standing || standings & 1U << filter->standing;
}

/* visit - a row as a source, with its decisions, if it has the name that is asked for */
static int visit(struct store *store, sqlite3_stmt *stmt, const struct store_filter *filter,
		 struct source *source, store_source_fn fn, void *arg, struct error *e)
{
	int r;

	source->count = 0;
	source->paused_since = source->paused_until = 0;
	source->enforce_shared = false;
	r = decode(store, sqlite3_column_blob(stmt, 3), (size_t)sqlite3_column_bytes(stmt, 3),
		   filter->archived, source, e);
	if (r < 0 || (filter->name && !source_find(source, filter->name)))
		return r;
	r = load_decisions(store, source, e);
	return r < 0 ? r : fn(arg, source);
}

/* walk - store_source_page() on a statement; *after is the last row looked at */
static int walk(struct store *store, sqlite3_stmt *stmt, const struct store_filter *filter,
		struct addr *after, unsigned int max, struct source *source, store_source_fn fn,
		void *arg, struct error *e)
{
	unsigned int looked = 0, visited = 0;
	int r;

	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &source->addr);
		r = 0;
		if (wanted(filter, (uint64_t)sqlite3_column_int64(stmt, 1),
			   (uint32_t)sqlite3_column_int64(stmt, 2))) {
			r = visit(store, stmt, filter, source, fn, arg, e);
			visited++;
		}
		*after = source->addr;
		if (!r && max && (visited == max || ++looked == STORE_PAGE_ROWS))
			r = 1;
		if (r) {
			store_reset(stmt);
			return r;
		}
	}
	return r;
}

/* store_source_page - in the order of the rows */
int store_source_page(struct store *store, const struct store_filter *filter, struct addr *after,
		      unsigned int max, store_source_fn fn, void *arg, struct error *e)
{
	static const struct store_filter all = { 0 };
	struct source source = { 0 };
	struct addr from = *after;
	sqlite3_stmt *stmt;
	int r = images_fold_all(store, e);

	if (r >= 0)
		r = store_query(store, &stmt, e,
				"SELECT source, stages, standings, records FROM source"
				" WHERE source > ? ORDER BY source",
				"a", &from);
	if (r >= 0)
		r = walk(store, stmt, filter ? filter : &all, after, max, &source, fn, arg, e);
	source_clear(&source);
	return r;
}

/* store_source_each - one page of any length */
int store_source_each(struct store *store, const struct store_filter *filter, store_source_fn fn,
		      void *arg, struct error *e)
{
	struct addr after = { 0 };

	return store_source_page(store, filter, &after, 0, fn, arg, e);
}
