// SPDX-License-Identifier: BSD-2-Clause
/* The tables, one step per version: a step that was released never changes again. */
#include <errno.h>
#include <stdio.h>

#include "store_private.h"

/*
 * Version 1.
 *
 * identity is clustered by (source, name): all of a source lie side by side, which is how they
 * are always read. What is looked for across sources has a partial index that holds only
 * records worth finding. tally keeps the totals that reports and metrics show, by triggers,
 * so that no reader ever counts rows.
 */
static const char version_1[] =
	"CREATE TABLE identity("
	" source BLOB NOT NULL, name TEXT NOT NULL,"
	" build INTEGER NOT NULL, standing INTEGER NOT NULL, origin INTEGER NOT NULL,"
	" inside INTEGER NOT NULL, acts INTEGER NOT NULL, emergency INTEGER NOT NULL,"
	" strong INTEGER NOT NULL, archived INTEGER NOT NULL, build_at INTEGER NOT NULL,"
	" first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_taken INTEGER NOT NULL,"
	" taken_rank INTEGER NOT NULL, last_carried INTEGER NOT NULL,"
	" last_acting INTEGER NOT NULL, last_fine INTEGER NOT NULL,"
	" candidate_at INTEGER NOT NULL, first_outdated INTEGER NOT NULL,"
	" running_since INTEGER NOT NULL, elapsed_before INTEGER NOT NULL,"
	" stopped_at INTEGER NOT NULL, acting_day INTEGER NOT NULL,"
	" acting_days INTEGER NOT NULL, kept_days INTEGER NOT NULL, kept_day INTEGER NOT NULL,"
	" stage INTEGER NOT NULL, stage_since INTEGER NOT NULL, last_upward INTEGER NOT NULL,"
	" paused_at INTEGER NOT NULL, due INTEGER NOT NULL, burst BLOB,"
	" PRIMARY KEY(source, name)) WITHOUT ROWID;"
	"CREATE INDEX identity_due ON identity(due) WHERE due > 0;"
	"CREATE INDEX identity_stage ON identity(stage) WHERE stage > 0;"
	"CREATE INDEX identity_standing ON identity(standing) WHERE standing > 0;"
	"CREATE INDEX identity_name ON identity(name);"
	"CREATE INDEX identity_archived ON identity(last_seen) WHERE archived;"

	"CREATE TABLE observation("
	" at INTEGER NOT NULL, source BLOB NOT NULL, address BLOB NOT NULL,"
	" port INTEGER NOT NULL, direction INTEGER NOT NULL, origin INTEGER NOT NULL,"
	" family INTEGER NOT NULL, tls INTEGER NOT NULL, inside INTEGER NOT NULL,"
	" build INTEGER NOT NULL, helo TEXT NOT NULL, by TEXT NOT NULL, server TEXT NOT NULL);"
	"CREATE INDEX observation_at ON observation(at);"

	"CREATE TABLE sight("
	" source BLOB NOT NULL, name TEXT NOT NULL, build INTEGER NOT NULL,"
	" day INTEGER NOT NULL, count INTEGER NOT NULL, first_at INTEGER NOT NULL,"
	" last_at INTEGER NOT NULL,"
	" PRIMARY KEY(source, name, build, day)) WITHOUT ROWID;"
	"CREATE INDEX sight_day ON sight(day);"

	"CREATE TABLE confirmed(build INTEGER NOT NULL, source BLOB NOT NULL,"
	" PRIMARY KEY(build, source)) WITHOUT ROWID;"
	"CREATE TABLE family(source BLOB PRIMARY KEY NOT NULL, families INTEGER NOT NULL,"
	" first_at INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE decision(id INTEGER PRIMARY KEY,"
	" kind INTEGER NOT NULL, addr BLOB NOT NULL, bits INTEGER NOT NULL,"
	" action INTEGER NOT NULL, style INTEGER NOT NULL, at INTEGER NOT NULL,"
	" until INTEGER NOT NULL, ended INTEGER NOT NULL, who TEXT NOT NULL,"
	" reason TEXT NOT NULL);"
	"CREATE UNIQUE INDEX decision_active ON decision(kind, addr, bits) WHERE ended = 0;"

	"CREATE TABLE audit(id INTEGER PRIMARY KEY,"
	" at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,"
	" why TEXT, before TEXT, after TEXT);"
	"CREATE INDEX audit_subject ON audit(subject, at);"
	"CREATE INDEX audit_at ON audit(at);"
	"CREATE TABLE fact(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE tally(kind TEXT NOT NULL, value INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY(kind, value)) WITHOUT ROWID;"
	"CREATE TRIGGER identity_in AFTER INSERT ON identity WHEN NOT NEW.archived BEGIN"
	" INSERT INTO tally VALUES('stage', NEW.stage, 1)"
	"  ON CONFLICT DO UPDATE SET count = count + 1;"
	" INSERT INTO tally VALUES('standing', NEW.standing, 1)"
	"  ON CONFLICT DO UPDATE SET count = count + 1; END;"
	"CREATE TRIGGER identity_out AFTER DELETE ON identity WHEN NOT OLD.archived BEGIN"
	" UPDATE tally SET count = count - 1 WHERE kind = 'stage' AND value = OLD.stage;"
	" UPDATE tally SET count = count - 1 WHERE kind = 'standing' AND value = OLD.standing;"
	" END;"
	"CREATE TRIGGER identity_moved AFTER UPDATE ON identity"
	" WHEN OLD.stage <> NEW.stage OR OLD.standing <> NEW.standing"
	"  OR OLD.archived <> NEW.archived BEGIN"
	" UPDATE tally SET count = count - 1 WHERE NOT OLD.archived"
	"  AND kind = 'stage' AND value = OLD.stage;"
	" UPDATE tally SET count = count - 1 WHERE NOT OLD.archived"
	"  AND kind = 'standing' AND value = OLD.standing;"
	" INSERT INTO tally SELECT 'stage', NEW.stage, 1 WHERE NOT NEW.archived"
	"  ON CONFLICT DO UPDATE SET count = count + 1;"
	" INSERT INTO tally SELECT 'standing', NEW.standing, 1 WHERE NOT NEW.archived"
	"  ON CONFLICT DO UPDATE SET count = count + 1; END;"
	"CREATE TRIGGER family_in AFTER INSERT ON family BEGIN"
	" INSERT INTO tally VALUES('family', NEW.families, 1)"
	"  ON CONFLICT DO UPDATE SET count = count + 1; END;"
	"CREATE TRIGGER family_moved AFTER UPDATE ON family BEGIN"
	" UPDATE tally SET count = count - 1 WHERE kind = 'family' AND value = OLD.families;"
	" INSERT INTO tally VALUES('family', NEW.families, 1)"
	"  ON CONFLICT DO UPDATE SET count = count + 1; END;"
	"CREATE TRIGGER family_out AFTER DELETE ON family BEGIN"
	" UPDATE tally SET count = count - 1 WHERE kind = 'family' AND value = OLD.families;"
	" END;";

/* Version 2: what an emergency definition wants, and what is left when it is over. */
static const char version_2[] =
	"ALTER TABLE identity ADD COLUMN emergency_id TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE identity ADD COLUMN emergency_tarpit INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE identity ADD COLUMN emergency_min INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE identity ADD COLUMN emergency_until INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE identity ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE identity ADD COLUMN apart_acts INTEGER NOT NULL DEFAULT 0;";

/* Version 3: which domain had which notice. */
static const char version_3[] =
	"CREATE TABLE notice(id INTEGER PRIMARY KEY, domain TEXT NOT NULL, kind INTEGER NOT NULL,"
	" source BLOB NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE(domain, kind));"
	"CREATE INDEX notice_source ON notice(source);";

/* Version 4: which names stood in an EHLO, and for whom; until then all of them count as such. */
static const char version_4[] =
	"ALTER TABLE identity ADD COLUMN last_helo INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE identity ADD COLUMN last_front INTEGER NOT NULL DEFAULT 0;"
	"UPDATE identity SET last_helo = last_seen;";

/* Version 5: sums over time (store_history.h). */
static const char version_5[] =
	"CREATE TABLE history(series INTEGER NOT NULL, at INTEGER NOT NULL, key INTEGER NOT NULL,"
	" count INTEGER NOT NULL, PRIMARY KEY(series, at, key)) WITHOUT ROWID;";

/*
 * Version 6: a row per source, whose records and counts of the day are bytes (store_record.h,
 * store_days.h), a journal before it (store_image.h), and a row per batch and minute of raw
 * observations (store_raw.h). What is looked for across sources stays a column. The totals go on.
 */
static const char version_6[] =
	"DROP TRIGGER identity_in; DROP TRIGGER identity_out; DROP TRIGGER identity_moved;"
	"DROP TRIGGER family_in; DROP TRIGGER family_moved; DROP TRIGGER family_out;"
	"ALTER TABLE identity RENAME TO identity_old;"
	"ALTER TABLE observation RENAME TO observation_old;"
	"DROP INDEX observation_at;"
	"CREATE TABLE source(source BLOB PRIMARY KEY NOT NULL, families INTEGER NOT NULL,"
	" stages INTEGER NOT NULL, standings INTEGER NOT NULL, due INTEGER NOT NULL,"
	" archived_at INTEGER NOT NULL, rank INTEGER NOT NULL, records BLOB NOT NULL,"
	" days BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX source_due ON source(due) WHERE due > 0;"
	"CREATE INDEX source_archived ON source(archived_at) WHERE archived_at > 0;"
	"CREATE INDEX source_rank ON source(rank, source) WHERE rank >= 0;"
	"CREATE TABLE journal(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
	"CREATE TABLE observation(id INTEGER PRIMARY KEY, minute INTEGER NOT NULL,"
	" body BLOB NOT NULL);"
	"CREATE INDEX observation_minute ON observation(minute);";

/* A step: statements, then what cannot be said in SQL. */
static const struct step {
	const char *sql;
	int (*move)(struct store *store, struct error *e);
} steps[] = {
	{ version_1, NULL }, { version_2, NULL }, { version_3, NULL },
	{ version_4, NULL }, { version_5, NULL }, { version_6, store_migrate_6 },
};

#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

/* pragma_get - an integer pragma */
static int pragma_get(struct store *store, const char *sql, int64_t *ret, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e, sql, "");

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	store_reset(stmt);
	return 0;
}

/* upgrade - the steps from version on, in one batch: all of them or none */
static int upgrade(struct store *store, int64_t version, struct error *e)
{
	char sql[96];
	int rc = SQLITE_OK, r = store_begin(store, e);

	if (r < 0)
		return r;
	for (; version < VERSION && rc == SQLITE_OK && r >= 0; version++) {
		rc = sqlite3_exec(store->db, steps[version].sql, NULL, NULL, NULL);
		if (rc == SQLITE_OK && steps[version].move)
			r = steps[version].move(store, e);
	}
	if (r < 0)
		return store_finish(store, r, e);
	if (rc == SQLITE_OK) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version=%d; PRAGMA application_id=%d",
			 (int)VERSION, STORE_APPLICATION_ID);
		rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	}
	r = rc == SQLITE_OK ? 0 : store_fail(store, rc, e);
	return store_finish(store, r, e);
}

/* store_schema_create - every step there is */
int store_schema_create(struct store *store, struct error *e)
{
	return upgrade(store, 0, e);
}

/* store_schema_check - the header's two numbers say whose file it is and how old */
int store_schema_check(struct store *store, struct error *e)
{
	int64_t application, version;
	int r = pragma_get(store, "PRAGMA application_id", &application, e);

	if (r >= 0)
		r = pragma_get(store, "PRAGMA user_version", &version, e);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID)
		return error_set(e, -EBADMSG,
				 "store %s: a database, but not one of buildgate: expected its own "
				 "file; move this one away or set another state directory",
				 store->path);
	if (version > VERSION)
		return error_set(e, -ENOTSUP,
				 "store %s: written by a newer buildgate (format %lld, this one "
				 "knows up to %lld): install that version again",
				 store->path, (long long)version, (long long)VERSION);
	return version < VERSION ? upgrade(store, version, e) : 0;
}
