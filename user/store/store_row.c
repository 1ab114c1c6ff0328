// SPDX-License-Identifier: BSD-2-Clause
#include "store_row.h"

#include "store_private.h"

#define COLUMNS "source, families, stages, standings, due, archived_at, rank, records, days"

/* from_row - in the order of COLUMNS */
static int from_row(sqlite3_stmt *stmt, struct image *ret, struct error *e)
{
	store_column_addr(stmt, 0, &ret->addr);
	ret->families = (uint32_t)sqlite3_column_int64(stmt, 1);
	ret->stages = (uint64_t)sqlite3_column_int64(stmt, 2);
	ret->standings = (uint32_t)sqlite3_column_int64(stmt, 3);
	ret->due = sqlite3_column_int64(stmt, 4);
	ret->archived_at = sqlite3_column_int64(stmt, 5);
	ret->known = true;
	ret->row_due = ret->due;
	ret->row_rank = sqlite3_column_int(stmt, 6);
	return image_set(ret, sqlite3_column_blob(stmt, 7) ?: "",
			 (size_t)sqlite3_column_bytes(stmt, 7), sqlite3_column_blob(stmt, 8) ?: "",
			 (size_t)sqlite3_column_bytes(stmt, 8), e);
}

/* row_read - see store_row.h */
int row_read(struct store *store, const struct addr *addr, struct image *ret, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "SELECT " COLUMNS " FROM source WHERE source = ?", "a",
			    addr);

	*ret = (struct image) { .addr = *addr };
	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r > 0) {
		r = from_row(stmt, ret, e);
		store_reset(stmt);
	}
	return r;
}

/* rank_of - stages from the highest down, then standings of builds in the order of their need,
 * then all others that are not archived */
static int rank_of(const struct image *image)
{
	static const enum standing order[] = { STANDING_EMERGENCY, STANDING_UNSUPPORTED,
					       STANDING_OUTDATED,  STANDING_CURRENT,
					       STANDING_UNKNOWN,   STANDING_ONLINE };
	const int count = sizeof(order) / sizeof(order[0]);

	if (!(image->stages & IMAGE_LIVE))
		return -1;
	for (int stage = POLICY_STAGES_MAX; stage > 0; stage--)
		if (image->stages & 1ULL << stage)
			return POLICY_STAGES_MAX - stage;
	for (int i = 0; i < count; i++)
		if (image->standings & 1U << order[i])
			return POLICY_STAGES_MAX + i;
	return POLICY_STAGES_MAX + count;
}

#define BYTES_OF(image)                                                                            \
	(image)->body, (int64_t)(image)->records_bytes, (image)->body + (image)->records_bytes,    \
		(int64_t)(image)->days_bytes

/* change_row - an index costs as much as the row: its columns are left alone if they are the same
 */
static int change_row(struct store *store, const struct image *image, int rank, struct error *e)
{
	if (rank == image->row_rank && image->due == image->row_due)
		return store_run(store, e,
				 "UPDATE source SET families = ?, stages = ?, standings = ?,"
				 " records = ?, days = ?, archived_at = ? WHERE source = ?",
				 "iiibbia", (int64_t)image->families, (int64_t)image->stages,
				 (int64_t)image->standings, BYTES_OF(image), image->archived_at,
				 &image->addr);
	if (rank == image->row_rank)
		return store_run(
			store, e,
			"UPDATE source SET families = ?, stages = ?, standings = ?,"
			" records = ?, days = ?, archived_at = ?, due = ? WHERE source = ?",
			"iiibbiia", (int64_t)image->families, (int64_t)image->stages,
			(int64_t)image->standings, BYTES_OF(image), image->archived_at, image->due,
			&image->addr);
	return store_run(store, e,
			 "UPDATE source SET families = ?, stages = ?, standings = ?, records = ?,"
			 " days = ?, archived_at = ?, due = ?, rank = ? WHERE source = ?",
			 "iiibbiiia", (int64_t)image->families, (int64_t)image->stages,
			 (int64_t)image->standings, BYTES_OF(image), image->archived_at, image->due,
			 (int64_t)rank, &image->addr);
}

/* row_drop - see store_row.h */
int row_drop(struct store *store, const struct addr *addr, struct error *e)
{
	int r = store_run(store, e, "DELETE FROM source WHERE source = ?", "a", addr);

	return r < 0 ? r : 0;
}

/* row_write - in place, where it has a row; nothing needs none */
int row_write(struct store *store, const struct image *image, struct error *e)
{
	int rank = rank_of(image), r;

	if (!image->families && !image->records_bytes && !image->days_bytes)
		return row_drop(store, &image->addr, e);
	r = image->known ? change_row(store, image, rank, e) : 0;
	if (r)
		return r < 0 ? r : 0;
	r = store_run(store, e, "INSERT INTO source(" COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?)",
		      "aiiiiiibb", &image->addr, (int64_t)image->families, (int64_t)image->stages,
		      (int64_t)image->standings, image->due, image->archived_at, (int64_t)rank,
		      BYTES_OF(image));
	return r < 0 ? r : 0;
}
