// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

/* store_audit_add - no id comes twice, also when the newest entry was forgotten: whoever reads on
 * behind an id would miss the entry that has it anew */
int store_audit_add(struct store *store, const struct audit *audit, struct error *e)
{
	int r = store->audit_last ? 0 : store_audit_newest(store, &store->audit_last, e);

	if (r >= 0)
		r = store_run(store, e, "INSERT INTO audit VALUES(?,?,?,?,?,?,?,?)", "iitttttt",
			      store->audit_last + 1, audit->at, audit->who, audit->what,
			      audit->subject, audit->why, audit->before, audit->after);
	if (r >= 0)
		store->audit_last++;
	return r < 0 ? r : 0;
}

/* store_audit_new - by the index of subjects; a source has few entries of a day */
int store_audit_new(struct store *store, const struct audit *audit, int64_t since, int max,
		    struct error *e)
{
	sqlite3_stmt *stmt;
	int same = 0, all = 0;
	int r = store_query(store, &stmt, e,
			    "SELECT count(*), coalesce(sum(after IS ?), 0) FROM audit"
			    " WHERE subject = ? AND at >= ? AND who = ? AND what = ?",
			    "ttitt", audit->after, audit->subject, since, audit->who, audit->what);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r < 0)
		return r;
	all = sqlite3_column_int(stmt, 0);
	same = sqlite3_column_int(stmt, 1);
	store_reset(stmt);
	if (same || all >= max)
		return 0;
	r = store_audit_add(store, audit, e);
	return r < 0 ? r : 1;
}

/* query_audit - by the index of subjects, or that of moments */
static int query_audit(struct store *store, const char *subject, int64_t since, sqlite3_stmt **stmt,
		       struct error *e)
{
	if (subject)
		return store_query(
			store, stmt, e,
			"SELECT at, who, what, subject, why, before, after, id FROM audit"
			" WHERE subject = ? AND at >= ? ORDER BY at, id",
			"ti", subject, since);
	return store_query(store, stmt, e,
			   "SELECT at, who, what, subject, why, before, after, id FROM audit"
			   " WHERE at >= ? ORDER BY at, id",
			   "i", since);
}

/* walk - entries of a statement; texts point into the row */
static int walk(struct store *store, sqlite3_stmt *stmt, store_audit_fn fn, void *arg,
		struct error *e)
{
	int stop, r;

	while ((r = store_step(store, stmt, e)) > 0) {
		struct audit audit = {
			.at = sqlite3_column_int64(stmt, 0),
			.who = (const char *)sqlite3_column_text(stmt, 1),
			.what = (const char *)sqlite3_column_text(stmt, 2),
			.subject = (const char *)sqlite3_column_text(stmt, 3),
			.why = (const char *)sqlite3_column_text(stmt, 4),
			.before = (const char *)sqlite3_column_text(stmt, 5),
			.after = (const char *)sqlite3_column_text(stmt, 6),
			.id = sqlite3_column_int64(stmt, 7),
		};

		stop = fn(arg, &audit);
		if (stop) {
			store_reset(stmt);
			return stop;
		}
	}
	return r;
}

/* store_audit_each - oldest first */
int store_audit_each(struct store *store, const char *subject, int64_t since, store_audit_fn fn,
		     void *arg, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = query_audit(store, subject, since, &stmt, e);

	return r < 0 ? r : walk(store, stmt, fn, arg, e);
}

/* store_audit_after - in the order in which they became durable */
int store_audit_after(struct store *store, int64_t id, int64_t max, store_audit_fn fn, void *arg,
		      struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT at, who, what, subject, why, before, after, id FROM audit"
			    " WHERE id > ? ORDER BY id LIMIT ?",
			    "ii", id, max);

	return r < 0 ? r : walk(store, stmt, fn, arg, e);
}

/* store_audit_newest - by the primary key */
int store_audit_newest(struct store *store, int64_t *ret_id, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "SELECT coalesce(max(id), 0) FROM audit", "");

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret_id = sqlite3_column_int64(stmt, 0);
	store_reset(stmt);
	return 0;
}

/* store_fact_get - buf keeps what it held when the fact is not set: a default */
int store_fact_get(struct store *store, const char *key, char *buf, size_t size, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "SELECT value FROM fact WHERE key = ?", "t", key);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	store_column_text(stmt, 0, buf, size);
	store_reset(stmt);
	return 1;
}

/* store_fact_set - new or changed */
int store_fact_set(struct store *store, const char *key, const char *value, struct error *e)
{
	int r = store_run(store, e, "INSERT OR REPLACE INTO fact VALUES(?, ?)", "tt", key, value);

	return r < 0 ? r : 0;
}

/* store_number_get - a fact that is a number; anything else in its place is damage */
int store_number_get(struct store *store, const char *key, int64_t *ret, struct error *e)
{
	char text[32] = "", *end;
	int r = store_fact_get(store, key, text, sizeof(text), e);
	long long value;

	if (r <= 0)
		return r;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return error_set(e, -EBADMSG, "store %s: fact \"%s\" is \"%s\", expected a number",
				 store->path, key, text);
	*ret = value;
	return 1;
}

/* store_number_set - as text, readable by people too */
int store_number_set(struct store *store, const char *key, int64_t value, struct error *e)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return store_fact_set(store, key, text, e);
}
