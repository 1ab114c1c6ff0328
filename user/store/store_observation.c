// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "store_days.h"
#include "store_image.h"
#include "store_private.h"
#include "store_tally.h"
#include "user/base/times.h"

#define PRUNE_ROWS    10000 /* per table and call, so that a tick stays short */
#define PRUNE_SOURCES 256

/* store_observation_add - the raw one, and its day's count */
int store_observation_add(struct store *store, const struct addr *source,
			  const struct observation *o, struct error *e)
{
	struct image *image;
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	r = raw_add(store, source, o, e);
	if (r >= 0)
		r = image_change(store, source, &image, e);
	if (r >= 0)
		r = days_add(store, image, o, e);
	return store_finish(store, r, e);
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
	if (r)
		store->seen_count = 0;
	if (!r && store_seen(store, build, build + 1))
		store->confirmed_last = build;
	return 0;
}

/* count_seen - from three sources? 1: yes, 0: no */
static int count_seen(struct store *store, uint64_t build, uint64_t below)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, NULL,
			    "SELECT count(*) FROM (SELECT DISTINCT source FROM confirmed"
			    " WHERE build >= ? AND build < ? LIMIT ?)",
			    "iii", (int64_t)build, (int64_t)below, (int64_t)STORE_CONFIRM_SOURCES);

	if (r >= 0)
		r = store_step(store, stmt, NULL);
	if (r <= 0)
		return r;
	r = sqlite3_column_int(stmt, 0) >= STORE_CONFIRM_SOURCES;
	store_reset(stmt);
	return r;
}

/* store_seen - asked for every observation, of few builds; false also where the store cannot be
 * read: nobody is accused for that */
bool store_seen(void *arg, uint64_t build, uint64_t below)
{
	struct store *store = arg;
	unsigned int n = store->seen_count;
	int seen;

	for (unsigned int i = 0; i < n; i++)
		if (store->seen[i].build == build && store->seen[i].below == below)
			return store->seen[i].seen;
	seen = count_seen(store, build, below);
	if (seen < 0)
		return false;
	if (n == STORE_SEEN_MAX)
		n = 0;
	store->seen[n].build = build;
	store->seen[n].below = below;
	store->seen[n].seen = seen;
	store->seen_count = n + 1;
	return seen;
}

/* store_families - 0 for a source never seen */
int store_families(struct store *store, const struct addr *source, unsigned int *ret,
		   struct error *e)
{
	const struct image *image;
	int r;

	*ret = 0;
	r = image_find(store, source, &image, e);
	if (r >= 0)
		*ret = image->families;
	return r;
}

/* store_family_add - one bit of the account */
int store_family_add(struct store *store, const struct addr *source, uint8_t family,
		     struct error *e)
{
	return store_account_add(store, source, 1U << family, 0, e);
}

/* store_account_add - written only when it is news */
int store_account_add(struct store *store, const struct addr *source, unsigned int bits, int64_t at,
		      struct error *e)
{
	struct image *image;
	unsigned int was;
	int r = store_families(store, source, &was, e);

	if (r < 0 || (was | bits) == was)
		return r;
	r = store_begin(store, e);
	if (r < 0)
		return r;
	r = store_tally_read(store, e);
	if (r >= 0)
		r = image_change(store, source, &image, e);
	if (r >= 0) {
		store_tally_families(store, was, was | bits);
		image->families = was | bits;
		if (!image->records_bytes)
			image->archived_at = at;
	}
	return store_finish(store, r, e);
}

/* settle_days - the counts of sources that were not seen since go to their table, or they would
 * never become old */
static int settle_days(struct store *store, int64_t now, struct error *e)
{
	int r;

	if (store->settled_day == times_day(now))
		return 0;
	r = images_fold_all(store, e);
	if (r >= 0)
		store->settled_day = times_day(now);
	return r;
}

/* drop_account - of a source that has no records (any more); 1: its row goes with the next fold */
static int drop_account(struct store *store, const struct addr *addr, struct error *e)
{
	struct image *image;
	int r = store_tally_read(store, e);

	if (r >= 0)
		r = image_change(store, addr, &image, e);
	if (r < 0)
		return r;
	image->archived_at = 0;
	if (image->records_bytes || image->days_bytes)
		return 0;
	store_tally_families(store, image->families, 0);
	image->families = 0;
	return 1;
}

/* drop_archived - the archived records of a source that were seen last before a moment, and all of
 * it when none is left */
static int drop_archived(struct store *store, const struct addr *addr, int64_t before,
			 struct error *e)
{
	struct source source;
	unsigned int kept = 0;
	int dropped, r = store_source_load(store, addr, &source, e);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < source.count; i++) {
		const struct identity *id = &source.identities[i];

		if (id->archived && id->last_seen < before)
			memcpy(source.evicted, id->name, sizeof(source.evicted));
		else
			source.identities[kept++] = *id;
	}
	dropped = (int)(source.count - kept);
	source.count = kept;
	r = store_source_save(store, &source, e);
	source_clear(&source);
	if (r >= 0 && !kept) {
		r = drop_account(store, addr, e);
		dropped += r > 0;
	}
	return r < 0 ? r : dropped;
}

/* prune_archived - by their index; what the memory knows better waits for its row */
static int prune_archived(struct store *store, int64_t before, struct error *e)
{
	struct addr addrs[PRUNE_SOURCES];
	int count = 0, removed = 0, r;
	sqlite3_stmt *stmt;

	r = store_query(store, &stmt, e,
			"SELECT source FROM source WHERE archived_at > 0 AND archived_at < ?", "i",
			before);
	while (r >= 0 && (r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &addrs[count]);
		count += !images_have(store, &addrs[count]);
		if (count == PRUNE_SOURCES) {
			store_reset(stmt);
			break;
		}
	}
	for (int i = 0; r >= 0 && i < count; i++) {
		r = drop_archived(store, &addrs[i], before, e);
		removed += r;
	}
	return r < 0 ? r : removed;
}

/* prune - the oldest first, by index */
static int prune(struct store *store, int64_t now, int64_t kept, struct error *e)
{
	int removed = 0, r = raw_prune(store, now - (int64_t)STORE_RAW_DAYS * DAY_S, e);

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
		r = prune_archived(store, kept, e);
	return r < 0 ? r : removed + r;
}

/* store_prune - whole days, in UTC */
int store_prune(struct store *store, int64_t now, int64_t retention_days, struct error *e)
{
	int r = store_begin(store, e);

	if (r < 0)
		return r;
	r = settle_days(store, now, e);
	if (r >= 0)
		r = prune(store, now, now - retention_days * DAY_S, e);
	return store_finish(store, r, e);
}
