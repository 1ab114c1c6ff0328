// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "user/base/address.h"
#include "store_days.h"
#include "store_image.h"
#include "store_private.h"
#include "store_tally.h"

#define PAGE_BYTES  4096
#define SCRUB_PAGES 65536 /* in one row; SQLite has none above a gigabyte */

/* store_decision_end - it stays as history: a year's pauses are counted from there */
int store_decision_end(struct store *store, enum decision_kind kind, const struct addr *addr,
		       unsigned int bits, int64_t at, struct error *e)
{
	store->about_sources = -1;
	return store_run(store, e,
			 "UPDATE decision SET ended = max(at + 1, ?)"
			 " WHERE kind = ? AND addr = ? AND bits = ? AND ended = 0",
			 "iiai", at, (int64_t)kind, addr, (int64_t)bits);
}

/* store_decision_put - replacing is ending the old one and making a new one, both or none */
int store_decision_put(struct store *store, const struct decision *d, struct error *e)
{
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	r = store_decision_end(store, d->kind, &d->addr, d->bits, d->at, e);
	if (r >= 0)
		r = store_run(store, e,
			      "INSERT INTO decision(kind, addr, bits, action, style, at, until,"
			      " ended, who, reason) VALUES(?,?,?,?,?,?,?,0,?,?)",
			      "iaiiiiitt", (int64_t)d->kind, &d->addr, (int64_t)d->bits,
			      (int64_t)d->action, (int64_t)d->style, d->at, d->until, d->who,
			      d->reason);
	return store_finish(store, r < 0 ? r : 0, e);
}

/* read_decision - a row in the order of store_decision_each() */
static void read_decision(sqlite3_stmt *stmt, struct decision *ret)
{
	struct decision d = {
		.kind = (enum decision_kind)sqlite3_column_int(stmt, 0),
		.bits = (unsigned int)sqlite3_column_int(stmt, 2),
		.action = (uint8_t)sqlite3_column_int(stmt, 3),
		.style = (uint8_t)sqlite3_column_int(stmt, 4),
		.at = sqlite3_column_int64(stmt, 5),
		.until = sqlite3_column_int64(stmt, 6),
		.ended = sqlite3_column_int64(stmt, 7),
	};

	store_column_addr(stmt, 1, &d.addr);
	store_column_text(stmt, 8, d.who, sizeof(d.who));
	store_column_text(stmt, 9, d.reason, sizeof(d.reason));
	*ret = d;
}

/* store_decision_each - there are as many as people made, a handful */
int store_decision_each(struct store *store, enum decision_kind kind, bool history,
			store_decision_fn fn, void *arg, struct error *e)
{
	struct decision decision;
	sqlite3_stmt *stmt;
	int stop, r;

	r = store_query(store, &stmt, e,
			"SELECT kind, addr, bits, action, style, at, until, ended, who, reason"
			" FROM decision WHERE (?1 = 0 OR kind = ?1) AND (?2 OR ended = 0)"
			" ORDER BY id",
			"ii", (int64_t)kind, (int64_t)history);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		read_decision(stmt, &decision);
		stop = fn(arg, &decision);
		if (stop) {
			store_reset(stmt);
			return stop;
		}
	}
	return r;
}

/* forget_each - the same source, and name if it is asked for, out of one table after the other */
static int forget_each(struct store *store, const char *const *sql, size_t count,
		       const struct addr *source, const char *name, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = store_run(store, e, sql[i], name ? "at" : "a", source, name);
	return r < 0 ? r : 0;
}

/* forget_identity - the record and its counts, both in the image; returns how many records went */
static int forget_identity(struct store *store, const struct addr *addr, const char *name,
			   struct error *e)
{
	struct identity *identity;
	struct source source;
	struct image *image;
	int identities = 0, r = store_source_load(store, addr, &source, e);

	if (r < 0)
		return r;
	identity = source_find(&source, name);
	if (identity) {
		memcpy(source.evicted, identity->name, sizeof(source.evicted));
		*identity = source.identities[--source.count];
		identities = 1;
	}
	r = store_source_save(store, &source, e);
	source_clear(&source);
	if (r >= 0)
		r = image_change(store, addr, &image, e);
	if (r >= 0)
		r = days_drop_name(store, image, name, e);
	/* not only in the journal, where what is forgotten still stands beside it */
	if (r >= 0)
		r = images_fold_all(store, e);
	return r < 0 ? r : identities;
}

/* forget_name - one identity, what was counted under its name, and what mentions it: mail that
 * came through or from it, and what the clock said of it */
static int forget_name(struct store *store, const struct addr *source, const char *name,
		       struct error *e)
{
	static const char *const sql[] = {
		"DELETE FROM sight WHERE source = ? AND name = ?",
		"DELETE FROM notice WHERE source = ? AND name = ?",
	};
	char subject[ADDRESS_TEXT];
	int identities = forget_identity(store, source, name, e), r = identities;

	if (r >= 0)
		r = raw_forget(store, source, name, e);
	if (r >= 0)
		r = forget_each(store, sql, sizeof(sql) / sizeof(sql[0]), source, name, e);
	if (r >= 0)
		r = store_run(store, e,
			      "DELETE FROM audit WHERE subject = ?1 AND (instr(why, ?2)"
			      " OR (json_valid(after) AND json_extract(after, '$.server') = ?2))",
			      "tt", address_format(source, subject), name);
	return r < 0 ? r : identities;
}

/* forget_image - out of the totals, and its row; returns how many records went */
static int forget_image(struct store *store, const struct addr *addr, struct error *e)
{
	const struct image *image;
	struct source source;
	int r, identities = store_source_load(store, addr, &source, e);

	if (identities < 0)
		return identities;
	source_clear(&source);
	r = store_tally_read(store, e);
	if (r >= 0)
		r = image_find(store, addr, &image, e);
	if (r >= 0)
		r = store_tally_records(store, image, -1, e);
	if (r < 0)
		return r;
	store_tally_families(store, image->families, 0);
	r = image_forget(store, addr, e);
	return r < 0 ? r : identities;
}

/* forget_source - every table that holds the address, the audit trail about it too */
static int forget_source(struct store *store, const struct addr *source, struct error *e)
{
	static const char *const sql[] = {
		"DELETE FROM sight WHERE source = ?",
		"DELETE FROM confirmed WHERE source = ?",
		"DELETE FROM notice WHERE source = ?",
		"DELETE FROM decision WHERE addr = ? AND ended <> 0",
	};
	char subject[ADDRESS_TEXT];
	int identities = forget_image(store, source, e), r = identities;

	if (r >= 0)
		r = raw_forget(store, source, NULL, e);
	if (r >= 0)
		r = forget_each(store, sql, sizeof(sql) / sizeof(sql[0]), source, NULL, e);
	if (r >= 0)
		r = store_run(store, e, "DELETE FROM audit WHERE subject = ?", "t",
			      address_format(source, subject));
	return r < 0 ? r : identities;
}

/* free_pages - of the file */
static int free_pages(struct store *store, int64_t *ret, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "PRAGMA freelist_count", "");

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	store_reset(stmt);
	return 0;
}

/* store_scrub - pages that are free keep what was in them (secure_delete=FAST): fill them all, once
 */
int store_scrub(struct store *store, struct error *e)
{
	int64_t pages = 0, part, id = 0;
	int r = free_pages(store, &pages, e);

	if (r < 0 || !pages)
		return r;
	for (; r >= 0 && pages > 0; pages -= part, id--) {
		part = pages < SCRUB_PAGES ? pages : SCRUB_PAGES;
		r = store_run(store, e, "INSERT INTO journal(id, body) VALUES(?, zeroblob(?))",
			      "ii", id, part * PAGE_BYTES);
	}
	if (r >= 0)
		r = store_run(store, e, "DELETE FROM journal WHERE id <= 0", "");
	return r < 0 ? r : 0;
}

/* store_forget - decisions in force stay: they are the operator's words, ended with unset. What is
 * deleted is overwritten, in pages that are free too; the write-ahead log still has it, and is
 * emptied */
int store_forget(struct store *store, const struct addr *source, const char *name, struct error *e)
{
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	store->confirmed_last = 0;
	store->seen_count = 0;
	r = images_fold_all(store, e);
	if (r >= 0)
		r = name ? forget_name(store, source, name, e) : forget_source(store, source, e);
	store->forgot |= r >= 0;
	return store_finish(store, r, e);
}
