/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_private - what the store's own files share; nobody else includes it
 *
 * Statements are prepared once and kept, found again by the address of their text: pass string
 * literals. Values are bound by a type string, a letter each: i integer, t text or NULL, a
 * address, b bytes and their number (int64_t).
 */
#ifndef BUILDGATE_STORE_PRIVATE_H
#define BUILDGATE_STORE_PRIVATE_H

#include <sqlite3.h>
#include <stdarg.h>
#include <sys/types.h>

#include "store.h"
#include "store_raw.h"

#define STORE_STATEMENTS_MAX  96
#define STORE_APPLICATION_ID  0x62676174 /* "bgat": the file is ours */
#define STORE_CONFIRM_SOURCES 3
#define STORE_SEEN_MAX        64

struct images;
struct tally;

struct store {
	sqlite3 *db;
	char *path;
	bool open;          /* it is ours, whole and writable */
	unsigned int depth; /* of nested batches */
	bool failed;        /* a write of this batch failed: it can only be undone */
	bool made;          /* by this open */
	dev_t device;       /* the file's own, to know it again */
	ino_t inode;
	bool forgot; /* its commit scrubs the file, and empties the journal too */
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statements[STORE_STATEMENTS_MAX];
	unsigned int statements_count;
	int about_sources;       /* pauses and the like in force; -1: to be counted again */
	uint64_t confirmed_last; /* build known to have its three sources, asked for most */
	struct {
		uint64_t build, below;
		bool seen;
	} seen[STORE_SEEN_MAX]; /* answers of store_seen(), until something changes them */
	unsigned int seen_count;
	struct images *images; /* sources that have changed since their rows were written */
	struct tally *tally;
	struct raw raw;
	int64_t audit_last;  /* highest id of the trail that this process knows of; 0: none yet */
	int64_t settled_day; /* every day, the counts of days gone by go to their table */
};

/* store_fail - SQLite's result as errno and sentence; marks a running batch as failed */
int store_fail(struct store *store, int rc, struct error *e);

/* store_damaged - what is in the file cannot come from us; what says what it was */
int store_damaged(struct store *store, const char *what, struct error *e);

/* store_query - statement ready to be stepped, values bound */
int store_query(struct store *store, sqlite3_stmt **ret_stmt, struct error *e, const char *sql,
		const char *types, ...);

/* store_step - 1: a row to read; 0: no more, statement reset; or negative errno, reset too */
int store_step(struct store *store, sqlite3_stmt *stmt, struct error *e);

/* store_reset - done with a statement before its last row */
void store_reset(sqlite3_stmt *stmt);

/* store_run - a statement without rows; returns the number of rows changed */
int store_run(struct store *store, struct error *e, const char *sql, const char *types, ...);

/* column readers: an address, and text cut to size ("" for NULL) */
void store_column_addr(sqlite3_stmt *stmt, int column, struct addr *ret);
void store_column_text(sqlite3_stmt *stmt, int column, char *buf, size_t size);

/* store_scrub - nothing that was deleted is left in the file's free pages; within the batch */
int store_scrub(struct store *store, struct error *e);

/* store_schema_create - everything, into an empty database */
int store_schema_create(struct store *store, struct error *e);

/* store_migrate_6 - from columns to images: the tables of before are called identity_old and
 * observation_old, and go when they are empty */
int store_migrate_6(struct store *store, struct error *e);

/* store_encode - the records of a source, in order of name, into an image */
struct image;
int store_encode(const struct source *source, struct image *image, struct error *e);

/* store_schema_check - ours, not newer, not empty; then bring an older version up to date */
int store_schema_check(struct store *store, struct error *e);

#endif
