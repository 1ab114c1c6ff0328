// SPDX-License-Identifier: BSD-2-Clause
#include "store_tally.h"

#include <stdlib.h>
#include <string.h>

#include "store_private.h"
#include "store_record.h"

#define SETS 16384 /* of bits of the account of sight */

_Static_assert(SETS > STORE_READ_IN_TLS, "every set of bits has its total");

/* One total per value. */
struct totals {
	int64_t stage[POLICY_STAGES_MAX + 1];
	int64_t standing[STANDING_MAX];
	int64_t family[SETS];
};

struct tally {
	struct totals now, stored;
	bool unread;
};

/* store_tally_new - what the table says is read when it is needed */
struct tally *store_tally_new(void)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally)
		tally->unread = true;
	return tally;
}

/* store_tally_free - NULL is allowed */
void store_tally_free(struct tally *tally)
{
	free(tally);
}

/* store_tally_drop - read it again */
void store_tally_drop(struct store *store)
{
	store->tally->unread = true;
}

/* store_tally_read - some dozens of rows */
int store_tally_read(struct store *store, struct error *e)
{
	struct tally *tally = store->tally;
	struct totals *now = &tally->now;
	sqlite3_stmt *stmt;
	int r;

	if (!tally->unread)
		return 0;
	r = store_query(store, &stmt, e, "SELECT kind, value, count FROM tally", "");
	if (r < 0)
		return r;
	memset(now, 0, sizeof(*now));
	while ((r = store_step(store, stmt, e)) > 0) {
		const char *kind = (const char *)sqlite3_column_text(stmt, 0);
		uint64_t value = (uint64_t)sqlite3_column_int64(stmt, 1);
		int64_t count = sqlite3_column_int64(stmt, 2);

		if (!strcmp(kind, "family") && value < SETS)
			now->family[value] = count;
		else if (!strcmp(kind, "stage") && value <= POLICY_STAGES_MAX)
			now->stage[value] = count;
		else if (!strcmp(kind, "standing") && value < STANDING_MAX)
			now->standing[value] = count;
	}
	tally->stored = *now;
	tally->unread = r < 0;
	return r;
}

/* store_tally_records - archived ones are in no total */
int store_tally_records(struct store *store, const struct image *image, int count, struct error *e)
{
	struct reader r = { .at = image->body };
	struct totals *now = &store->tally->now;
	struct identity identity;

	r.end = r.at + image->records_bytes;
	while (image->records_bytes && r.at < r.end && !r.bad) {
		record_peek(&r, &identity);
		if (identity.archived)
			continue;
		if (identity.stage <= POLICY_STAGES_MAX)
			now->stage[identity.stage] += count;
		if (identity.standing < STANDING_MAX)
			now->standing[identity.standing] += count;
	}
	return r.bad ? store_damaged(store, "a record cannot be read", e) : 0;
}

/* store_tally_families - one source moves from one set to the other; 0: it was not seen yet, or is
 * gone
 */
void store_tally_families(struct store *store, uint32_t was, uint32_t is)
{
	int64_t *family = store->tally->now.family;

	if (was && was < SETS)
		family[was]--;
	if (is && is < SETS)
		family[is]++;
}

/* commit_kind - the totals of one kind that have changed */
static int commit_kind(struct store *store, const char *kind, const int64_t *now,
		       const int64_t *stored, size_t count, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++)
		if (now[i] != stored[i])
			r = store_run(store, e, "INSERT OR REPLACE INTO tally VALUES(?,?,?)", "tii",
				      kind, (int64_t)i, now[i]);
	return r < 0 ? r : 0;
}

/* store_tally_commit - what is stored is taken for stored before the commit is through: if it
 * fails, store_tally_drop() comes */
int store_tally_commit(struct store *store, struct error *e)
{
	struct tally *tally = store->tally;
	const struct totals *now = &tally->now, *stored = &tally->stored;
	int r;

	if (tally->unread || !memcmp(now, stored, sizeof(*now)))
		return 0;
	r = commit_kind(store, "stage", now->stage, stored->stage, POLICY_STAGES_MAX + 1, e);
	if (r >= 0)
		r = commit_kind(store, "standing", now->standing, stored->standing, STANDING_MAX,
				e);
	if (r >= 0)
		r = commit_kind(store, "family", now->family, stored->family, SETS, e);
	tally->stored = *now;
	return r;
}

/* count_families - `count` sources have this set of bits */
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

/* store_count - from memory */
int store_count(struct store *store, struct store_counts *ret, struct error *e)
{
	const struct totals *now = &store->tally->now;
	struct store_counts counts = { 0 };
	int r = store_tally_read(store, e);

	if (r < 0)
		return r;
	for (unsigned int i = 1; i < SETS; i++)
		if (now->family[i] > 0)
			count_families(&counts, i, (uint64_t)now->family[i]);
	for (unsigned int i = 0; i < STANDING_MAX; i++)
		counts.standing[i] = (uint64_t)now->standing[i];
	for (unsigned int i = 0; i <= POLICY_STAGES_MAX; i++) {
		counts.stage[i] = (uint64_t)now->stage[i];
		counts.identities += counts.stage[i];
	}
	*ret = counts;
	return 0;
}
