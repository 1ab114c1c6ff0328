/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world - what the tests of everything on a store stand on: one in a directory of its own, and with
 * world_open() the shipped catalogue and the default policy
 */
#ifndef BUILDGATE_TEST_WORLD_H
#define BUILDGATE_TEST_WORLD_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/catalogue/catalogue.h"
#include "user/base/clock.h"
#include "user/escalation/policy.h"
#include "user/store/store.h"

#define OLD_BUILD  BUILD(15, 1, 2507, 17) /* Exchange 2016 CU23 of 2022 */
#define FINE_BUILD BUILD(15, 2, 2562, 99) /* above all known of SE: ahead of the catalogue */
#define HOUR       3600

struct world {
	char dir[64];
	char path[96];
	struct store *store;
	struct catalogue *catalogue;
	struct policy *policy;
	struct error e;
};

/* world_open_store - an empty one, and nothing else */
static inline void world_open_store(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_world.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/state.db", w->dir);
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
}

/* world_open - everything empty */
static inline void world_open(struct world *w)
{
	world_open_store(w);
	assert_int_equal(catalogue_load("maps/catalogue/exchange.json", &w->catalogue, &w->e), 0);
	assert_int_equal(policy_load("30-10-60", "maps/policy", &w->policy, &w->e), 0);
}

/* world_close - nothing stays behind, whatever files the test made beside the store */
static inline void world_close(struct world *w)
{
	struct dirent *entry;
	char path[400];
	DIR *dir;

	store_close(w->store);
	catalogue_free(w->catalogue);
	policy_free(w->policy);
	dir = opendir(w->dir);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	assert_int_equal(rmdir(w->dir), 0);
}

/* world_addr - an address that must parse */
static inline struct addr world_addr(const char *text)
{
	struct addr a;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

/* world_decide - a decision of the operator's, in force from at on */
static inline void world_decide(struct world *w, enum decision_kind kind, const char *range,
				uint8_t action, uint8_t style, int64_t at, int64_t until)
{
	struct decision d = {
		.kind = kind, .action = action, .style = style, .at = at, .until = until
	};

	assert_int_equal(range_parse(range, &d.addr, &d.bits), 0);
	snprintf(d.who, sizeof(d.who), "root (uid 0)");
	assert_int_equal(store_decision_put(w->store, &d, &w->e), 0);
}

/* world_undecide - and its end */
static inline void world_undecide(struct world *w, enum decision_kind kind, const char *range,
				  int64_t at)
{
	struct addr addr;
	unsigned int bits;

	assert_int_equal(range_parse(range, &addr, &bits), 0);
	assert_int_equal(store_decision_end(w->store, kind, &addr, bits, at, &w->e), 1);
}

/* world_identity - of a source: the one of this name, or a new one. What the caller makes of it is
 * kept by world_save() */
static inline struct identity *world_identity(struct world *w, const char *source, const char *name,
					      struct source *ret)
{
	struct addr a = world_addr(source);
	struct identity *identity;

	assert_true(store_source_load(w->store, &a, ret, &w->e) >= 0);
	identity = source_find(ret, name);
	if (!identity)
		identity = source_add(ret, name);
	identity->dirty = true;
	return identity;
}

/* world_save - and the copy of it goes */
static inline void world_save(struct world *w, struct source *source)
{
	assert_int_equal(store_source_save(w->store, source, &w->e), 1);
	source_clear(source);
}

/* world_put - a source with one record whose clock stands at this stage, seen an hour ago */
static inline void world_put(struct world *w, const char *source, const char *name, uint32_t stage,
			     int64_t now)
{
	struct source s;
	struct identity *identity = world_identity(w, source, name, &s);

	identity->build = OLD_BUILD;
	identity->standing = STANDING_UNSUPPORTED;
	identity->origin = ORIGIN_RECEIVED;
	identity->acts = identity->strong = true;
	identity->stage = stage;
	identity->acting_days = 3;
	identity->first_seen = identity->first_outdated = now - 70 * DAY_S;
	identity->running_since = stage ? now - 70 * DAY_S : 0;
	identity->stage_since = now - 2 * HOUR;
	identity->build_at = identity->last_seen = identity->last_taken = now - HOUR;
	identity->last_acting = identity->last_helo = identity->last_carried = now - HOUR;
	world_save(w, &s);
}

#endif
