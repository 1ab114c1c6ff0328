// SPDX-License-Identifier: BSD-2-Clause
/* Sources in the order in which people want to read of them. */
#include "store_private.h"

/* Groups: stages from the highest down, then standings of builds in this order, then the rest. */
#define STANDING_ORDER "345612" /* emergency, unsupported, outdated, current, unknown, online */
#define GROUP_STANDING POLICY_STAGES_MAX
#define GROUP_REST     (GROUP_STANDING + sizeof(STANDING_ORDER) - 1)

/* A source stands in the first group that one of its records belongs to. */
#define OTHERS                                                                                     \
	" AND NOT EXISTS (SELECT 1 FROM identity AS o WHERE o.source = i.source AND NOT "          \
	"o.archived AND "

/* query_group - the sources of one group behind an address */
static int query_group(struct store *store, const struct store_place *place, sqlite3_stmt **stmt,
		       int64_t max, struct error *e)
{
	if (place->group < GROUP_STANDING)
		return store_query(store, stmt, e,
				   "SELECT DISTINCT source FROM identity AS i WHERE stage = ?1"
				   " AND stage > 0 AND source > ?2 AND NOT archived" OTHERS
				   "o.stage > i.stage) ORDER BY source LIMIT ?3",
				   "iai", (int64_t)(POLICY_STAGES_MAX - place->group), &place->addr,
				   max);
	if (place->group < GROUP_REST)
		return store_query(store, stmt, e,
				   "SELECT DISTINCT source FROM identity AS i WHERE standing = ?1"
				   " AND standing > 0 AND source > ?2 AND NOT archived" OTHERS
				   "(o.stage > 0 OR o.standing > 0 AND instr('" STANDING_ORDER
				   "', o.standing) < instr('" STANDING_ORDER
				   "', i.standing))) ORDER BY source LIMIT ?3",
				   "iai",
				   (int64_t)(STANDING_ORDER[place->group - GROUP_STANDING] - '0'),
				   &place->addr, max);
	return store_query(store, stmt, e,
			   "SELECT source FROM identity WHERE source > ?1 AND NOT archived"
			   " GROUP BY source HAVING max(stage) = 0 AND max(standing) = 0"
			   " ORDER BY source LIMIT ?2",
			   "ai", &place->addr, max);
}

/* store_source_ranked - as many groups as it takes */
int store_source_ranked(struct store *store, struct store_place *place, struct addr *ret,
			unsigned int max, struct error *e)
{
	static const struct addr first = { 0 };
	unsigned int count = 0;
	sqlite3_stmt *stmt;
	int r = 0;

	while (count < max && place->group <= GROUP_REST) {
		r = query_group(store, place, &stmt, (int64_t)(max - count), e);
		if (r < 0)
			return r;
		while ((r = store_step(store, stmt, e)) > 0)
			store_column_addr(stmt, 0, &ret[count++]);
		if (r < 0)
			return r;
		if (count < max) {
			place->group++;
			place->addr = first;
		} else {
			place->addr = ret[count - 1];
		}
	}
	return (int)count;
}
