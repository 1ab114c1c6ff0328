// SPDX-License-Identifier: BSD-2-Clause
/* Steps of the format that SQL alone cannot take. Like the tables, they never change again. */
#include <errno.h>
#include <string.h>

#include "store_private.h"
#include "store_row.h"

/* The integer columns of table `identity` up to format 5. */
#define OLD_FIELDS(X)                                                                              \
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

#define COLUMN(field) "i." #field ","

/* read_identity - a row in the order of move_sources() */
static void read_identity(sqlite3_stmt *stmt, struct identity *ret)
{
	int i = 4, bytes;

	store_column_addr(stmt, 0, &ret->source);
	store_column_text(stmt, 1, ret->name, sizeof(ret->name));
	store_column_text(stmt, 2, ret->emergency_id, sizeof(ret->emergency_id));
#define READ(field) ret->field = (__typeof__(ret->field))sqlite3_column_int64(stmt, i++);
	OLD_FIELDS(READ)
#undef READ
	bytes = sqlite3_column_bytes(stmt, i);
	if (bytes <= 0 || (size_t)bytes > sizeof(ret->burst))
		return;
	memcpy(ret->burst, sqlite3_column_blob(stmt, i), (size_t)bytes);
	ret->burst_count = (uint8_t)((size_t)bytes / sizeof(ret->burst[0]));
}

/* put_source - all records of one, as its row */
static int put_source(struct store *store, struct source *source, uint32_t families,
		      struct error *e)
{
	struct image image = { .addr = source->addr, .families = families };
	int r = source->count ? store_encode(source, &image, e) : 0;

	if (source->count && r >= 0)
		r = row_write(store, &image, e);
	image_free(&image);
	source_clear(source);
	return r;
}

/* move_sources - in order of address, their records following each other */
static int move_sources(struct store *store, struct error *e)
{
	struct source source = { 0 };
	struct identity *identity;
	uint32_t families = 0;
	sqlite3_stmt *stmt;
	struct addr addr;
	int r = store_query(
		store, &stmt, e,
		"SELECT i.source, i.name, i.emergency_id,"
		" coalesce(f.families, 0)," OLD_FIELDS(
			COLUMN) "i.burst"
				" FROM identity_old i LEFT JOIN family f ON f.source = i.source"
				" ORDER BY i.source, i.name",
		"");

	while (r >= 0 && (r = store_step(store, stmt, e)) > 0) {
		store_column_addr(stmt, 0, &addr);
		if (source.count && memcmp(&addr, &source.addr, sizeof(addr)) != 0)
			r = put_source(store, &source, families, e);
		source.addr = addr;
		families = (uint32_t)sqlite3_column_int64(stmt, 3);
		identity = r >= 0 ? source_add(&source, "") : NULL;
		if (!identity) {
			store_reset(stmt);
			source_clear(&source);
			return r < 0 ? r : error_set(e, -ENOMEM, "store: out of memory");
		}
		read_identity(stmt, identity);
	}
	if (r >= 0)
		r = put_source(store, &source, families, e);
	source_clear(&source);
	return r;
}

/* move_observations - raw ones, oldest first */
static int move_observations(struct store *store, struct error *e)
{
	struct observation o;
	struct addr source;
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT at, source, address, port, direction, origin, family, tls,"
			    " inside, build, helo, by, server FROM observation_old"
			    " ORDER BY at, rowid",
			    "");

	while (r >= 0 && (r = store_step(store, stmt, e)) > 0) {
		o = (struct observation) {
			.at = sqlite3_column_int64(stmt, 0),
			.port = (uint16_t)sqlite3_column_int(stmt, 3),
			.direction = (uint8_t)sqlite3_column_int(stmt, 4),
			.origin = (uint8_t)sqlite3_column_int(stmt, 5),
			.family = (uint8_t)sqlite3_column_int(stmt, 6),
			.tls = sqlite3_column_int(stmt, 7),
			.inside = sqlite3_column_int(stmt, 8),
			.build = (uint64_t)sqlite3_column_int64(stmt, 9),
		};
		store_column_addr(stmt, 1, &source);
		store_column_addr(stmt, 2, &o.source);
		store_column_text(stmt, 10, o.helo, sizeof(o.helo));
		store_column_text(stmt, 11, o.by, sizeof(o.by));
		store_column_text(stmt, 12, o.server, sizeof(o.server));
		r = raw_add(store, &source, &o, e);
		if (r < 0) {
			store_reset(stmt);
			return r;
		}
	}
	return r < 0 ? r : raw_commit(store, e);
}

/* drop - statements that read the old tables would keep them locked */
static int drop(struct store *store, struct error *e)
{
	int rc = sqlite3_exec(store->db,
			      "DROP TABLE identity_old; DROP TABLE observation_old;"
			      "DROP TABLE family;",
			      NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(store, rc, e);
}

/* store_migrate_6 - sources that were only ever met by their family have no records */
int store_migrate_6(struct store *store, struct error *e)
{
	int r = move_sources(store, e);

	if (r >= 0)
		r = move_observations(store, e);
	if (r >= 0)
		r = store_run(store, e,
			      "INSERT INTO source SELECT source, families, 0, 0, 0, first_at, -1, "
			      "x'', x''"
			      " FROM family WHERE true ON CONFLICT DO NOTHING",
			      "");
	return r < 0 ? r : drop(store, e);
}
