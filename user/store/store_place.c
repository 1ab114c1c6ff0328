// SPDX-License-Identifier: BSD-2-Clause
/* Sources in the order in which people want to read of them. */
#include "store_image.h"
#include "store_private.h"

/* store_source_ranked - the index holds them in this order */
int store_source_ranked(struct store *store, struct store_place *place, struct addr *ret,
			unsigned int max, struct error *e)
{
	struct addr from = place->addr;
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	int r = images_fold_all(store, e);

	/* SQLite seeks by the first of the two; by the other a part would walk over all before it
	 */
	if (r >= 0)
		r = store_query(store, &stmt, e,
				"SELECT source, rank FROM source WHERE (rank, source) > (?, ?)"
				" AND rank >= 0 ORDER BY rank, source LIMIT ?",
				"iai", (int64_t)place->group, &from, (int64_t)max);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &ret[count]);
		place->addr = ret[count++];
		place->group = (unsigned int)sqlite3_column_int(stmt, 1);
	}
	return r < 0 ? r : (int)count;
}
