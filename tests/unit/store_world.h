/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_world - a store in a directory of its own, for the tests of the store
 */
#ifndef BUILDGATE_TESTS_STORE_WORLD_H
#define BUILDGATE_TESTS_STORE_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/base/address.h"
#include "user/store/store.h"

#define T0 1790000000LL /* some moment of 2026 */

/* Every test has a directory of its own, and a store in it. */
struct world {
	char dir[64];
	char path[96];
	struct store *store;
	struct error e;
};

/* file - a path in the test's directory */
static inline const char *file(struct world *w, const char *name, char buf[128])
{
	snprintf(buf, 128, "%s/%s", w->dir, name);
	return buf;
}

/* set_up - an empty store */
static inline int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/state.db", w->dir);
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
	*state = w;
	return 0;
}

/* tear_down - nothing stays behind */
static inline int tear_down(void **state)
{
	static const char *const names[] = { "state.db",     "state.db-wal", "state.db-shm",
					     "state.db.new", "other.db",     "copy.db" };
	struct world *w = *state;
	char path[128];

	store_close(w->store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(file(w, names[i], path));
	rmdir(w->dir);
	free(w);
	return 0;
}

/* reopen - as a restarted daemon would */
static inline int reopen(struct world *w)
{
	store_close(w->store);
	w->store = NULL;
	return store_open(w->path, &w->store, &w->e);
}

/* addr - an address that must parse */
static inline struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

/* sql - past the door, as damage and other programs do it */
static inline void sql(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* put - save one record with some stage */
static inline void put(struct world *w, const char *source, const char *name, uint32_t stage,
		       int64_t due)
{
	struct addr a = addr(source);
	struct identity *identity;
	struct source s;

	assert_true(store_source_load(w->store, &a, &s, &w->e) >= 0);
	identity = source_find(&s, name);
	if (!identity)
		identity = source_add(&s, name);
	identity->stage = stage;
	identity->standing = stage ? STANDING_OUTDATED : STANDING_CURRENT;
	identity->due = due;
	identity->dirty = true;
	assert_int_equal(store_source_save(w->store, &s, &w->e), 1);
	source_clear(&s);
}

#endif
