// SPDX-License-Identifier: BSD-2-Clause
#include "store_history.h"

#include "store_private.h"

/* store_history_add - a point that is not there is 0 */
int store_history_add(struct store *store, enum history_series series,
		      const struct history_point *point, struct error *e)
{
	int r = store_run(store, e,
			  "INSERT INTO history VALUES(?1, ?2, ?3, ?4)"
			  " ON CONFLICT DO UPDATE SET count = count + ?4",
			  "iiii", (int64_t)series, point->at, (int64_t)point->key,
			  (int64_t)point->count);

	return r < 0 ? r : 0;
}

/* store_history_replace - in one batch: a reader never sees half of them */
int store_history_replace(struct store *store, enum history_series series, int64_t at,
			  const struct history_point *points, unsigned int count, struct error *e)
{
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	r = store_run(store, e, "DELETE FROM history WHERE series = ? AND at = ?", "ii",
		      (int64_t)series, at);
	for (unsigned int i = 0; r >= 0 && i < count; i++) {
		struct history_point point = { at, points[i].key, points[i].count };

		r = store_history_add(store, series, &point, e);
	}
	return store_finish(store, r < 0 ? r : 0, e);
}

/* store_history_each - by the primary key */
int store_history_each(struct store *store, enum history_series series, int64_t since,
		       store_history_fn fn, void *arg, struct error *e)
{
	sqlite3_stmt *stmt;
	int stop, r = store_query(store, &stmt, e,
				  "SELECT at, key, count FROM history WHERE series = ? AND at >= ?"
				  " ORDER BY at, key",
				  "ii", (int64_t)series, since);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		struct history_point point = {
			.at = sqlite3_column_int64(stmt, 0),
			.key = (uint64_t)sqlite3_column_int64(stmt, 1),
			.count = (uint64_t)sqlite3_column_int64(stmt, 2),
		};

		stop = fn(arg, &point);
		if (stop) {
			store_reset(stmt);
			return stop;
		}
	}
	return r;
}

/* store_history_prune - a series is small: all at once */
int store_history_prune(struct store *store, enum history_series series, int64_t before,
			struct error *e)
{
	return store_run(store, e, "DELETE FROM history WHERE series = ? AND at < ?", "ii",
			 (int64_t)series, before);
}

/* What the sources of a part add up to. */
struct builds {
	int64_t since;
	store_build_fn fn;
	void *arg;
};

/* add_builds - a store_source_fn */
static int add_builds(void *arg, const struct source *source)
{
	struct builds *b = arg;

	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].build && source->identities[i].last_seen >= b->since)
			b->fn(b->arg, source->identities[i].build);
	return 0;
}

/* store_builds_each - in the order of the sources themselves, so that no index is needed */
int store_builds_each(struct store *store, struct addr *after, unsigned int max, int64_t since,
		      store_build_fn fn, void *arg, struct error *e)
{
	struct builds b = { .since = since, .fn = fn, .arg = arg };

	return store_source_page(store, NULL, after, max, add_builds, &b, e);
}
