// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "store_private.h"
#include "user/base/times.h"

#define PRUNE_ROWS 10000 /* per table and call, so that a tick stays short */

/* store_observation_add - the raw one, and its day's count */
int store_observation_add(struct store *store, const struct addr *source,
			  const struct observation *o, struct error *e)
{
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	r = store_run(store, e, "INSERT INTO observation VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
		      "iaaiiiiiiittt", o->at, source, &o->source, (int64_t)o->port,
		      (int64_t)o->direction, (int64_t)o->origin, (int64_t)o->family,
		      (int64_t)o->tls, (int64_t)o->inside, (int64_t)o->build, o->helo, o->by,
		      o->server);
	if (r >= 0)
		r = store_run(store, e,
			      "INSERT INTO sight VALUES(?1, ?2, ?3, ?4, 1, ?5, ?5)"
			      " ON CONFLICT DO UPDATE SET count = count + 1,"
			      " first_at = min(first_at, ?5), last_at = max(last_at, ?5)",
			      "atiii", source, o->server, (int64_t)o->build, times_day(o->at),
			      o->at);
	return store_finish(store, r < 0 ? r : 0, e);
}

/* store_observed - by the index of moments: the others of these two minutes are looked at too */
int store_observed(struct store *store, const struct addr *source, const struct observation *o,
		   int64_t apart, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT 1 FROM observation WHERE at > ? AND at < ? AND source = ?"
			    " AND server = ? AND build = ? AND origin = ? LIMIT 1",
			    "iiatii", o->at - apart, o->at + apart, source, o->server,
			    (int64_t)o->build, (int64_t)o->origin);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r > 0)
		store_reset(stmt);
	return r;
}

/* read_observation - a row in the order of the table */
static void read_observation(sqlite3_stmt *stmt, struct observation *ret)
{
	struct observation o = {
		.at = sqlite3_column_int64(stmt, 0),
		.port = (uint16_t)sqlite3_column_int(stmt, 2),
		.direction = (uint8_t)sqlite3_column_int(stmt, 3),
		.origin = (uint8_t)sqlite3_column_int(stmt, 4),
		.family = (uint8_t)sqlite3_column_int(stmt, 5),
		.tls = sqlite3_column_int(stmt, 6),
		.inside = sqlite3_column_int(stmt, 7),
		.build = (uint64_t)sqlite3_column_int64(stmt, 8),
	};

	store_column_addr(stmt, 1, &o.source);
	store_column_text(stmt, 9, o.helo, sizeof(o.helo));
	store_column_text(stmt, 10, o.by, sizeof(o.by));
	store_column_text(stmt, 11, o.server, sizeof(o.server));
	*ret = o;
}

/* store_observation_each - by the index of moments */
int store_observation_each(struct store *store, int64_t since, store_observation_fn fn, void *arg,
			   struct error *e)
{
	struct observation o;
	sqlite3_stmt *stmt;
	int stop, r;

	r = store_query(store, &stmt, e,
			"SELECT at, address, port, direction, origin, family, tls, inside, build,"
			" helo, by, server FROM observation WHERE at >= ? ORDER BY at, rowid",
			"i", since);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		read_observation(stmt, &o);
		stop = fn(arg, &o);
		if (stop) {
			store_reset(stmt);
			return stop;
		}
	}
	return r;
}

/* store_sight_each - all of a source lie side by side; few enough to be sorted */
int store_sight_each(struct store *store, const struct addr *source, store_sight_fn fn, void *arg,
		     struct error *e)
{
	struct store_sight sight;
	sqlite3_stmt *stmt;
	int stop, r;

	r = store_query(store, &stmt, e,
			"SELECT name, build, day, count, first_at, last_at FROM sight"
			" WHERE source = ? ORDER BY day, name, build",
			"a", source);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_text(stmt, 0, sight.name, sizeof(sight.name));
		sight.build = (uint64_t)sqlite3_column_int64(stmt, 1);
		sight.day = sqlite3_column_int64(stmt, 2);
		sight.count = (uint32_t)sqlite3_column_int64(stmt, 3);
		sight.first_at = sqlite3_column_int64(stmt, 4);
		sight.last_at = sqlite3_column_int64(stmt, 5);
		stop = fn(arg, &sight);
		if (stop) {
			store_reset(stmt);
			return stop;
		}
	}
	return r;
}

/* store_confirm - no more rows per build than the rule asks for; a busy build costs nothing */
int store_confirm(struct store *store, const struct addr *source, uint64_t build, struct error *e)
{
	int r;

	if (build == store->confirmed_last)
		return 0;
	r = store_run(store, e,
		      "INSERT OR IGNORE INTO confirmed SELECT ?1, ?2"
		      " WHERE (SELECT count(*) FROM confirmed WHERE build = ?1) < ?3",
		      "iai", (int64_t)build, source, (int64_t)STORE_CONFIRM_SOURCES);
	if (r < 0)
		return r;
	if (!r && store_seen(store, build, build + 1))
		store->confirmed_last = build;
	return 0;
}

/* store_seen - false also where the store cannot be read: nobody is accused for that */
bool store_seen(void *arg, uint64_t build, uint64_t below)
{
	struct store *store = arg;
	sqlite3_stmt *stmt;
	bool seen = false;

	if (store_query(store, &stmt, NULL,
			"SELECT count(*) FROM (SELECT DISTINCT source FROM confirmed"
			" WHERE build >= ? AND build < ? LIMIT ?)",
			"iii", (int64_t)build, (int64_t)below, (int64_t)STORE_CONFIRM_SOURCES) < 0)
		return false;
	if (store_step(store, stmt, NULL) > 0) {
		seen = sqlite3_column_int(stmt, 0) >= STORE_CONFIRM_SOURCES;
		store_reset(stmt);
	}
	return seen;
}

/* store_families - 0 for a source never seen */
int store_families(struct store *store, const struct addr *source, unsigned int *ret,
		   struct error *e)
{
	sqlite3_stmt *stmt;
	int r;

	*ret = 0;
	r = store_query(store, &stmt, e, "SELECT families FROM family WHERE source = ?", "a",
			source);
	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret = (unsigned int)sqlite3_column_int(stmt, 0);
	store_reset(stmt);
	return 0;
}

/* store_family_add - one bit of the account */
int store_family_add(struct store *store, const struct addr *source, uint8_t family, int64_t at,
		     struct error *e)
{
	return store_account_add(store, source, 1U << family, at, e);
}

/* store_account_add - written only when it is news */
int store_account_add(struct store *store, const struct addr *source, unsigned int bits, int64_t at,
		      struct error *e)
{
	unsigned int was, now;
	int r = store_families(store, source, &was, e);

	if (r < 0)
		return r;
	now = was | bits;
	if (now == was)
		return 0;
	r = store_run(store, e,
		      "INSERT INTO family VALUES(?, ?, ?)"
		      " ON CONFLICT DO UPDATE SET families = excluded.families",
		      "aii", source, (int64_t)now, at);
	return r < 0 ? r : 0;
}

/* count_families - one row of the tally: `count` sources have this set of families */
static void count_families(struct store_counts *ret, unsigned int set, uint64_t count)
{
	bool identified = set & 1U << FAMILY_EXCHANGE;

	ret->sources += count;
	if (identified)
		ret->identified += count;
	if (identified || set & 1U << FAMILY_EXCHANGE_NOBUILD)
		ret->exchange += count;
	if (!identified && set & 1U << FAMILY_TLS && !(set & STORE_READ_IN_TLS))
		ret->tls += count;
	if (set & STORE_READ_IN_TLS)
		ret->read_in_tls += count;
	for (unsigned int i = ORIGIN_BANNER; i <= ORIGIN_REPORTED; i++)
		if (set & STORE_ORIGIN(i))
			ret->origin[i] += count;
}

/* store_count - the tally has a row per stage, standing and set of families: some dozens */
int store_count(struct store *store, struct store_counts *ret, struct error *e)
{
	struct store_counts counts = { 0 };
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "SELECT kind, value, count FROM tally", "");

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		const char *kind = (const char *)sqlite3_column_text(stmt, 0);
		uint64_t value = (uint64_t)sqlite3_column_int64(stmt, 1);
		uint64_t count = (uint64_t)sqlite3_column_int64(stmt, 2);

		if (!strcmp(kind, "family"))
			count_families(&counts, (unsigned int)value, count);
		else if (!strcmp(kind, "stage") && value <= POLICY_STAGES_MAX)
			counts.stage[value] = count;
		else if (!strcmp(kind, "standing") && value < STANDING_MAX)
			counts.standing[value] = count;
	}
	if (r < 0)
		return r;
	for (unsigned int i = 0; i <= POLICY_STAGES_MAX; i++)
		counts.identities += counts.stage[i];
	*ret = counts;
	return 0;
}

/* store_prune - the oldest first, by index; whole days, in UTC */
int store_prune(struct store *store, int64_t now, int64_t retention_days, struct error *e)
{
	int64_t kept = now - retention_days * DAY_S;
	int removed = 0, r = store_begin(store, e);

	if (r < 0)
		return r;
	r = store_run(store, e,
		      "DELETE FROM observation WHERE rowid IN (SELECT rowid FROM observation"
		      " WHERE at < ? LIMIT ?)",
		      "ii", now - (int64_t)STORE_RAW_DAYS * DAY_S, (int64_t)PRUNE_ROWS);
	removed += r;
	if (r >= 0)
		r = store_run(store, e,
			      "DELETE FROM sight WHERE (source, name, build, day) IN (SELECT"
			      " source, name, build, day FROM sight WHERE day < ? LIMIT ?)",
			      "ii", times_day(kept), (int64_t)PRUNE_ROWS);
	removed += r;
	if (r >= 0)
		r = store_run(store, e, "DELETE FROM notice WHERE at < ?", "i", kept);
	removed += r;
	if (r >= 0)
		r = store_run(store, e,
			      "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?"
			      " LIMIT ?)",
			      "ii", kept, (int64_t)PRUNE_ROWS);
	removed += r;
	if (r >= 0)
		r = store_run(store, e,
			      "DELETE FROM identity WHERE (source, name) IN (SELECT source, name"
			      " FROM identity WHERE archived AND last_seen < ? LIMIT ?)",
			      "ii", kept, (int64_t)PRUNE_ROWS);
	removed += r;
	return store_finish(store, r < 0 ? r : removed, e);
}
