// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_private.h"

/*
 * Every integer field of struct identity, once: the statements, the binding and the reading are
 * made from this list, in this order. `burst` is a blob and comes last.
 */
#define IDENTITY_FIELDS(X)                                                                         \
	X(build)                                                                                   \
	X(standing)                                                                                \
	X(origin)                                                                                  \
	X(inside)                                                                                  \
	X(acts)                                                                                    \
	X(emergency)                                                                               \
	X(emergency_tarpit)                                                                        \
	X(emergency_min)                                                                           \
	X(emergency_until)                                                                         \
	X(apart)                                                                                   \
	X(apart_acts)                                                                              \
	X(strong)                                                                                  \
	X(archived)                                                                                \
	X(build_at)                                                                                \
	X(first_seen)                                                                              \
	X(last_seen)                                                                               \
	X(last_taken)                                                                              \
	X(taken_rank)                                                                              \
	X(last_helo)                                                                               \
	X(last_carried)                                                                            \
	X(last_front)                                                                              \
	X(last_acting)                                                                             \
	X(last_fine)                                                                               \
	X(candidate_at)                                                                            \
	X(first_outdated)                                                                          \
	X(running_since)                                                                           \
	X(elapsed_before)                                                                          \
	X(stopped_at)                                                                              \
	X(acting_day)                                                                              \
	X(acting_days)                                                                             \
	X(kept_days)                                                                               \
	X(kept_day)                                                                                \
	X(stage)                                                                                   \
	X(stage_since)                                                                             \
	X(last_upward)                                                                             \
	X(paused_at)                                                                               \
	X(due)

#define COLUMN(field) #field ","
#define COLUMNS       "source,name,emergency_id," IDENTITY_FIELDS(COLUMN) "burst"
#define MARK(field)   "?,"
#define ASSIGN(field) #field "=excluded." #field ","
#define SELECT        "SELECT " COLUMNS " FROM identity "
/* not REPLACE, which would pass the triggers by */
#define UPSERT                                                                                     \
	"INSERT INTO identity(" COLUMNS ") VALUES(?,?,?," IDENTITY_FIELDS(                         \
		MARK) "?)"                                                                         \
		      " ON CONFLICT DO UPDATE SET "                                                \
		      "emergency_id=excluded.emergency_id," IDENTITY_FIELDS(                       \
			      ASSIGN) "burst=excluded.burst"
#define LIVE " AND (?2 OR NOT archived) "

/* read_identity - a row in the order of COLUMNS */
static void read_identity(sqlite3_stmt *stmt, struct identity *ret)
{
	int i = 3, bytes;

	store_column_addr(stmt, 0, &ret->source);
	store_column_text(stmt, 1, ret->name, sizeof(ret->name));
	store_column_text(stmt, 2, ret->emergency_id, sizeof(ret->emergency_id));
#define READ(field) ret->field = (__typeof__(ret->field))sqlite3_column_int64(stmt, i++);
	IDENTITY_FIELDS(READ)
#undef READ
	bytes = sqlite3_column_bytes(stmt, i);
	if (bytes <= 0 || (size_t)bytes > sizeof(ret->burst))
		return;
	memcpy(ret->burst, sqlite3_column_blob(stmt, i), (size_t)bytes);
	ret->burst_count = (uint8_t)((size_t)bytes / sizeof(ret->burst[0]));
}

/* save_identity - the whole record, new or not */
static int save_identity(struct store *store, const struct identity *identity, struct error *e)
{
	sqlite3_stmt *stmt;
	int i = 4, r;

	r = store_query(store, &stmt, e, UPSERT, "att", &identity->source, identity->name,
			identity->emergency_id);
	if (r < 0)
		return r;
#define BIND(field) sqlite3_bind_int64(stmt, i++, (int64_t)identity->field);
	IDENTITY_FIELDS(BIND)
#undef BIND
	if (identity->burst_count)
		sqlite3_bind_blob(stmt, i, identity->burst,
				  (int)(identity->burst_count * sizeof(identity->burst[0])),
				  SQLITE_STATIC);
	return store_step(store, stmt, e);
}

/* add_row - append the current row's record to its source */
static int add_row(struct store *store, sqlite3_stmt *stmt, struct source *source, struct error *e)
{
	char name[NAME_BYTES];
	struct identity *identity;

	store_column_text(stmt, 1, name, sizeof(name));
	identity = source_add(source, name);
	if (!identity)
		return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
	read_identity(stmt, identity);
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

/* store_source_load - the records lie side by side, one seek finds them all */
int store_source_load(struct store *store, const struct addr *addr, struct source *ret,
		      struct error *e)
{
	struct source source = { .addr = *addr };
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, SELECT "WHERE source = ? ORDER BY name", "a", addr);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		r = add_row(store, stmt, &source, e);
		if (r < 0) {
			store_reset(stmt);
			break;
		}
	}
	if (r >= 0)
		r = load_decisions(store, &source, e);
	if (r < 0) {
		source_clear(&source);
		return r;
	}
	*ret = source;
	return (int)source.count;
}

/* save_records - what changed; an evicted name goes first, it may come back as a new record */
static int save_records(struct store *store, struct source *source, struct error *e)
{
	int written = 0, r = 0;

	if (source->evicted[0])
		r = store_run(store, e, "DELETE FROM identity WHERE source = ? AND name = ?", "at",
			      &source->addr, source->evicted);
	for (unsigned int i = 0; r >= 0 && i < source->count; i++) {
		if (!source->identities[i].dirty)
			continue;
		r = save_identity(store, &source->identities[i], e);
		written++;
	}
	return r < 0 ? r : written;
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

/* store_source_due - by the index of due records; a source due twice comes once */
int store_source_due(struct store *store, int64_t now, struct addr *ret, unsigned int max,
		     struct error *e)
{
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT source FROM identity WHERE due > 0 AND due <= ?"
			    " ORDER BY due LIMIT ?",
			    "ii", now, (int64_t)max);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &ret[count]);
		if (!count || memcmp(&ret[count], &ret[count - 1], sizeof(*ret)))
			count++;
	}
	return r < 0 ? r : (int)count;
}

/* store_next_due - the index's first entry */
int store_next_due(struct store *store, int64_t *ret, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT due FROM identity WHERE due > 0 ORDER BY due LIMIT 1", "");

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	store_reset(stmt);
	return 1;
}

/* store_source_after - by the primary key, which begins with the source */
int store_source_after(struct store *store, const struct addr *after, struct addr *ret,
		       unsigned int max, struct error *e)
{
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT DISTINCT source FROM identity WHERE source > ?"
			    " ORDER BY source LIMIT ?",
			    "ai", after, (int64_t)max);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0)
		store_column_addr(stmt, 0, &ret[count++]);
	return r < 0 ? r : (int)count;
}

/* query_walk - the statement of a filter; each narrows by the index made for it */
static int query_walk(struct store *store, const struct store_filter *filter, sqlite3_stmt **stmt,
		      struct error *e)
{
	static const struct store_filter all = { 0 };
	int64_t archived, value;

	if (!filter)
		filter = &all;
	archived = filter->archived;
	if (filter->name)
		return store_query(store, stmt, e,
				   SELECT "WHERE source IN (SELECT source FROM identity"
					  " WHERE name = ?1)" LIVE "ORDER BY source, name",
				   "ti", filter->name, archived);
	if (filter->standing) {
		value = filter->standing;
		return store_query(store, stmt, e,
				   SELECT "WHERE source IN (SELECT source FROM identity"
					  " WHERE standing = ?1 AND standing > 0" LIVE ")" LIVE
					  "ORDER BY source, name",
				   "ii", value, archived);
	}
	value = filter->stage;
	if (filter->stage_given && filter->stage)
		return store_query(store, stmt, e,
				   SELECT "WHERE source IN (SELECT source FROM identity"
					  " WHERE stage = ?1 AND stage > 0)" LIVE
					  "ORDER BY source, name",
				   "ii", value, archived);
	if (filter->clocked)
		return store_query(store, stmt, e,
				   SELECT "WHERE source IN (SELECT source FROM identity"
					  " WHERE stage > ?1 AND stage > 0)" LIVE
					  "ORDER BY source, name",
				   "ii", value, archived);
	/* stage 0 has no index: it is what nearly all are */
	value = filter->stage_given;
	return store_query(store, stmt, e,
			   SELECT "WHERE (NOT ?1 OR source NOT IN (SELECT source FROM identity"
				  " WHERE stage > 0))" LIVE "ORDER BY source, name",
			   "ii", value, archived);
}

/* visit - hand a gathered source on, with its decisions, and empty it */
static int visit(struct store *store, struct source *source, store_source_fn fn, void *arg,
		 struct error *e)
{
	int r = 0;

	if (source->count)
		r = load_decisions(store, source, e);
	if (source->count && r >= 0)
		r = fn(arg, source);
	source_clear(source);
	return r;
}

/* store_source_each - rows of one source follow each other; a new address ends the last */
int store_source_each(struct store *store, const struct store_filter *filter, store_source_fn fn,
		      void *arg, struct error *e)
{
	struct source source = { 0 };
	sqlite3_stmt *stmt;
	struct addr addr;
	int r = query_walk(store, filter, &stmt, e);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &addr);
		r = 0;
		if (source.count && memcmp(&addr, &source.addr, sizeof(addr)))
			r = visit(store, &source, fn, arg, e);
		source.addr = addr;
		if (!r)
			r = add_row(store, stmt, &source, e);
		if (r) {
			store_reset(stmt);
			source_clear(&source);
			return r;
		}
	}
	if (!r)
		r = visit(store, &source, fn, arg, e);
	source_clear(&source);
	return r;
}
