// SPDX-License-Identifier: BSD-2-Clause
/* Sources between a commit and their rows: crashes, batches undone, walks in parts, bounds. */
#include "store_world.h"

#include <sys/wait.h>

#define BUILD_A BUILD(15, 1, 2507, 17)

/* see - one observation of a source's only server */
static void see(struct world *w, struct store *store, const char *source, int64_t at)
{
	struct observation o = { .at = at, .source = world_addr(source), .build = BUILD_A };

	strcpy(o.server, "ex01.example.org");
	assert_int_equal(store_observation_add(store, &o.source, &o, &w->e), 0);
}

/* in_crash - run fn on the store in a process that dies without closing it */
static void in_crash(struct world *w, void (*fn)(struct world *w, struct store *store))
{
	struct store *store;
	int status;
	pid_t pid;

	store_close(w->store);
	w->store = NULL;
	pid = fork();
	if (!pid) {
		if (store_open(w->path, &store, &w->e) < 0)
			_exit(1);
		w->store = store;
		fn(w, store);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
}

/* stage_of - of a source's first record; -1: there is none */
static int stage_of(struct world *w, const char *source)
{
	struct addr a = world_addr(source);
	struct source s;
	int stage;

	assert_true(store_source_load(w->store, &a, &s, &w->e) >= 0);
	stage = s.count ? (int)s.identities[0].stage : -1;
	source_clear(&s);
	return stage;
}

/* add_day, days - the counts of a source as "3 1 " */
static int add_day(void *arg, const struct store_sight *sight)
{
	sprintf((char *)arg + strlen(arg), "%u ", sight->count);
	return 0;
}

static const char *days(struct world *w, const char *source)
{
	static char text[256];
	struct addr a = world_addr(source);

	text[0] = '\0';
	assert_int_equal(store_sight_each(w->store, &a, add_day, text, &w->e), 0);
	return text;
}

/* count - a store_source_fn */
static int count(void *arg, const struct source *source)
{
	(void)source;
	++*(int *)arg;
	return 0;
}

/* fold - a walk over all sources needs their rows */
static int fold(struct world *w)
{
	int n = 0;

	assert_int_equal(store_source_each(w->store, NULL, count, &n, &w->e), 0);
	return n;
}

/* rows - what another program reads of a table */
static int rows(struct world *w, const char *table)
{
	sqlite3_stmt *stmt;
	char text[64];
	sqlite3 *db;
	int n;

	snprintf(text, sizeof(text), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static void write_and_die(struct world *w, struct store *store)
{
	struct addr a = world_addr("192.0.2.7");

	put(w, "192.0.2.7", "ex01.example.org", 1, T0 + 5);
	put(w, "192.0.2.7", "ex01.example.org", 2, T0 + 9);
	put(w, "192.0.2.8", "ex01.example.org", 3, T0 + 7);
	see(w, store, "192.0.2.7", T0);
	store_family_add(store, &a, FAMILY_EXCHANGE, &w->e);
	store_begin(store, &w->e);
	put(w, "192.0.2.8", "ex01.example.org", 4, T0 + 1);
}

/* what was committed is there after a crash, what was not is not */
static void test_crash(void **state)
{
	struct world *w = *state;
	struct store_counts counts;
	unsigned int families;
	struct addr due[4], a = world_addr("192.0.2.7"), b = world_addr("192.0.2.8");
	int64_t next;

	in_crash(w, write_and_die);
	assert_int_equal(rows(w, "source"), 0); /* it is the journal that is tried */
	assert_int_equal(stage_of(w, "192.0.2.7"), 2);
	assert_int_equal(stage_of(w, "192.0.2.8"), 3);
	assert_string_equal(days(w, "192.0.2.7"), "1 ");
	assert_int_equal(store_families(w->store, &a, &families, &w->e), 0);
	assert_int_equal(families, 1U << FAMILY_EXCHANGE);
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.identities, 2);
	assert_int_equal(counts.stage[2] + counts.stage[3], 2);
	assert_int_equal(store_next_due(w->store, &next, &w->e), 1);
	assert_int_equal(next, T0 + 7);
	assert_int_equal(store_source_due(w->store, T0 + 9, due, 4, &w->e), 2);
	assert_memory_equal(&due[0], &b, sizeof(b));
	assert_memory_equal(&due[1], &a, sizeof(a));
	assert_int_equal(fold(w), 2);
	assert_int_equal(rows(w, "source"), 2);
	assert_int_equal(rows(w, "journal"), 0);
}

static void count_and_die(struct world *w, struct store *store)
{
	put(w, "192.0.2.7", "ex01.example.org", 1, 0);
	see(w, store, "192.0.2.7", T0);
	see(w, store, "192.0.2.7", T0 + 60);
	see(w, store, "192.0.2.7", T0 + DAY_S);
	fold(w);                              /* settles the first day ... */
	see(w, store, "192.0.2.7", T0 + 120); /* ... of which one more is told late ... */
	see(w, store, "192.0.2.7", T0 + DAY_S + 60);
	see(w, store, "192.0.2.7", T0 + 2 * DAY_S);
}

/* counts of a day are neither lost nor doubled by a crash, wherever they stood */
static void test_days(void **state)
{
	struct world *w = *state;

	in_crash(w, count_and_die);
	assert_string_equal(days(w, "192.0.2.7"), "3 2 1 ");
	fold(w);
	assert_string_equal(days(w, "192.0.2.7"), "3 2 1 ");
	assert_int_equal(reopen(w), 0);
	assert_string_equal(days(w, "192.0.2.7"), "3 2 1 ");
	/* more names and builds than an image keeps counts of */
	for (int i = 0; i < 40; i++) {
		struct observation o = { .at = T0,
					 .source = world_addr("192.0.2.9"),
					 .build = BUILD_A };

		snprintf(o.server, sizeof(o.server), "ex%02d", i % 20);
		assert_int_equal(store_observation_add(w->store, &o.source, &o, &w->e), 0);
	}
	assert_string_equal(days(w, "192.0.2.9"), "2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 ");
}

/* a batch that is undone leaves the last committed state, also when it had reached the rows */
static void test_undone(void **state)
{
	struct world *w = *state;
	struct store_counts counts;

	put(w, "192.0.2.7", "ex01.example.org", 1, 0);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	put(w, "192.0.2.7", "ex01.example.org", 2, 0);
	put(w, "192.0.2.8", "ex01.example.org", 2, 0);
	assert_int_equal(fold(w), 2);
	assert_int_equal(stage_of(w, "192.0.2.7"), 2);
	store_rollback(w->store);
	assert_int_equal(stage_of(w, "192.0.2.7"), 1);
	assert_int_equal(stage_of(w, "192.0.2.8"), -1);
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.stage[1], 1);
	assert_int_equal(counts.stage[2], 0);
	assert_int_equal(fold(w), 1);
}

/* The last byte of each source that a walk met. */
static int note_last(void *arg, const struct source *source)
{
	sprintf((char *)arg + strlen(arg), "%u ", source->addr.b[15]);
	return 0;
}

/* between the parts of a walk sources come, change and go: who stays is met once, in order */
static void test_page(void **state)
{
	struct store_filter clocked = { .clocked = true };
	struct addr after = { 0 }, gone = world_addr("192.0.2.50");
	struct world *w = *state;
	char list[256] = "";

	for (int i = 10; i <= 60; i += 10) {
		char source[32];

		snprintf(source, sizeof(source), "192.0.2.%d", i);
		put(w, source, "ex01.example.org", i == 20 ? 0 : 1, 0);
	}
	assert_int_equal(store_source_page(w->store, &clocked, &after, 2, note_last, list, &w->e),
			 1);
	put(w, "192.0.2.5", "ex01.example.org", 1, 0);  /* behind the walk */
	put(w, "192.0.2.10", "ex01.example.org", 2, 0); /* changes, met already */
	put(w, "192.0.2.45", "ex01.example.org", 1, 0); /* ahead of it */
	assert_int_equal(store_forget(w->store, &gone, NULL, &w->e), 1);
	assert_int_equal(store_source_page(w->store, &clocked, &after, 2, note_last, list, &w->e),
			 1);
	assert_int_equal(store_source_page(w->store, &clocked, &after, 2, note_last, list, &w->e),
			 0);
	assert_string_equal(list, "10 30 40 45 60 ");
}

/* a page ends also where nobody fits: no question keeps the daemon for long */
static void test_page_ends(void **state)
{
	struct store_filter stage = { .stage_given = true, .stage = 9 };
	struct addr after = { 0 };
	struct world *w = *state;
	int met = 0, pages = 0, r;

	assert_int_equal(store_begin(w->store, &w->e), 0);
	for (unsigned int i = 0; i < 2 * STORE_PAGE_ROWS + 5; i++) {
		char source[32];

		snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		put(w, source, "ex01.example.org", i == STORE_PAGE_ROWS + 1 ? 9 : 1, 0);
	}
	assert_int_equal(store_commit(w->store, &w->e), 0);
	do {
		r = store_source_page(w->store, &stage, &after, 10, count, &met, &w->e);
		assert_true(r >= 0);
		pages++;
	} while (r);
	assert_int_equal(met, 1);
	assert_int_equal(pages, 3);
}

/* what waits for its row is bounded: it goes there while more comes */
static void test_bound(void **state)
{
	const unsigned int sources = 200000;
	struct world *w = *state;

	for (unsigned int i = 0; i < sources;) {
		assert_int_equal(store_begin(w->store, &w->e), 0);
		for (unsigned int j = 0; j < 5000; i++, j++) {
			char source[32];

			snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255,
				 i & 255);
			put(w, source, "ex01.example.org", 1, 0);
		}
		assert_int_equal(store_commit(w->store, &w->e), 0);
	}
	assert_true(rows(w, "source") > 30000);
	assert_int_equal(stage_of(w, "10.0.0.1"), 1);
	assert_int_equal(stage_of(w, "10.3.13.63"), 1);
	assert_int_equal(fold(w), sources);
}

/* account - of a source that was seen at T0 */
static void account(struct world *w, const char *source)
{
	struct addr a = world_addr(source);

	assert_true(store_account_add(w->store, &a, 1U << FAMILY_TLS, T0, &w->e) >= 0);
}

/* an address is not kept for ever for having been seen once: neither one that never had a record,
 * nor one whose records are past their time */
static void test_accounts(void **state)
{
	struct addr archived = world_addr("192.0.2.8");
	struct store_counts counts;
	struct world *w = *state;
	struct source s;

	account(w, "192.0.2.7");
	account(w, "192.0.2.8");
	account(w, "192.0.2.9");
	put(w, "192.0.2.8", "ex01.example.org", 0, 0);
	put(w, "192.0.2.9", "ex01.example.org", 1, 0);
	assert_int_equal(store_source_load(w->store, &archived, &s, &w->e), 1);
	s.identities[0].archived = s.identities[0].dirty = true;
	s.identities[0].last_seen = T0;
	assert_true(store_source_save(w->store, &s, &w->e) >= 0);
	source_clear(&s);
	while (store_prune(w->store, T0 + 399 * DAY_S, 400, &w->e) > 0)
		;
	assert_int_equal(rows(w, "source"), 3);
	while (store_prune(w->store, T0 + 401 * DAY_S, 400, &w->e) > 0)
		;
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.sources, 1);
	assert_int_equal(counts.identities, 1);
	assert_int_equal(reopen(w), 0);
	assert_int_equal(fold(w), 1);
	assert_int_equal(rows(w, "source"), 1);
	assert_int_equal(stage_of(w, "192.0.2.9"), 1);
	account(w, "192.0.2.7"); /* it comes again: counted anew */
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.sources, 2);
}

/* put_many - sources of 10/8 from one number on, in one batch */
static void put_many(struct world *w, unsigned int from, unsigned int count)
{
	char source[32];

	assert_int_equal(store_begin(w->store, &w->e), 0);
	for (unsigned int i = from; i < from + count; i++) {
		snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		put(w, source, "ex01.example.org", 1, 0);
	}
	assert_int_equal(store_commit(w->store, &w->e), 0);
}

/* what changed during a walk in parts stands in the journal when the walk is through: who is
 * forgotten then does not come back from there */
static void test_walk_ends(void **state)
{
	struct addr last = world_addr("10.2.15.87");
	struct world *w = *state;

	for (unsigned int i = 0; i < 135000; i += 5000)
		put_many(w, i, 5000);
	while (rows(w, "source") < 135000)
		put_many(w, 134999, 1);
	assert_int_equal(stage_of(w, "10.2.15.87"), 1);
	assert_int_equal(store_forget(w->store, &last, NULL, &w->e), 1);
	assert_int_equal(rows(w, "journal"), 0);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	store_rollback(w->store); /* the journal is read anew */
	assert_int_equal(stage_of(w, "10.2.15.87"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_crash),     TEST(test_days),  TEST(test_undone),    TEST(test_page),
		TEST(test_page_ends), TEST(test_bound), TEST(test_walk_ends), TEST(test_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
