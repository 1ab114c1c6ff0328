// SPDX-License-Identifier: BSD-2-Clause
/* Whom a notice was sent to, so that nobody gets it twice. */
#include "store_private.h"

/* store_notice_add - the unique pair (domain, kind) decides */
int store_notice_add(struct store *store, const struct store_notice *notice, int64_t *ret_id,
		     struct error *e)
{
	int r = store_run(store, e,
			  "INSERT OR IGNORE INTO notice(domain, kind, source, name, at)"
			  " VALUES(?,?,?,?,?)",
			  "tiati", notice->domain, (int64_t)notice->kind, notice->source,
			  notice->name, notice->at);

	if (r > 0 && ret_id)
		*ret_id = sqlite3_last_insert_rowid(store->db);
	return r;
}

/* store_notice_known - by the index of the pair */
int store_notice_known(struct store *store, const char *domain, int kind, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, "SELECT 1 FROM notice WHERE domain = ? AND kind = ?",
			    "ti", domain, (int64_t)kind);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r > 0)
		store_reset(stmt);
	return r;
}

/* store_notice_drop - it was not sent after all */
int store_notice_drop(struct store *store, int64_t id, struct error *e)
{
	int r = store_run(store, e, "DELETE FROM notice WHERE id = ?", "i", id);

	return r < 0 ? r : 0;
}
