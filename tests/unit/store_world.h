/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_world - the world of the store's own tests: each has an empty store
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

#include "tests/unit/world.h"

#define T0 1790000000LL /* some moment of 2026 */

/* file - a path in the test's directory */
static inline const char *file(struct world *w, const char *name, char buf[128])
{
	snprintf(buf, 128, "%s/%s", w->dir, name);
	return buf;
}

/* set_up - an empty store */
static inline int set_up(void **state)
{
	*state = calloc(1, sizeof(struct world));
	assert_non_null(*state);
	world_open_store(*state);
	return 0;
}

/* tear_down - nothing stays behind */
static inline int tear_down(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

/* reopen - as a restarted daemon would */
static inline int reopen(struct world *w)
{
	store_close(w->store);
	w->store = NULL;
	return store_open(w->path, &w->store, &w->e);
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
	struct source s;
	struct identity *identity = world_identity(w, source, name, &s);

	identity->stage = stage;
	identity->standing = stage ? STANDING_OUTDATED : STANDING_CURRENT;
	identity->due = due;
	world_save(w, &s);
}

#endif
