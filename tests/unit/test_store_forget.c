// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is forgotten is gone from the disk: no byte of a name or an address is left in the file or
 * in its journal, wherever and however often it was written before.
 */
#include "store_world.h"

#define CROWD 600 /* sources around the one that goes, so that pages split, fill and are freed */
#define GONE  "gone.secret.example"
#define KEPT  "kept.example.org"

/* count_in - how often some bytes stand in a file that may not be there */
static size_t count_in(const char *path, const void *bytes, size_t size)
{
	struct stat st;
	size_t found = 0;
	char *all, *at;
	FILE *f;

	if (stat(path, &st) || !st.st_size)
		return 0;
	f = fopen(path, "re");
	all = malloc((size_t)st.st_size);
	assert_non_null(all);
	assert_int_equal(fread(all, 1, (size_t)st.st_size, f), st.st_size);
	for (at = all; (at = memmem(at, (size_t)(all + st.st_size - at), bytes, size)); at++)
		found++;
	fclose(f);
	free(all);
	return found;
}

/* on_disk - in the file, its journal and the index of that */
static size_t on_disk(struct world *w, const void *bytes, size_t size)
{
	char wal[128], shm[128];

	snprintf(wal, sizeof(wal), "%s-wal", w->path);
	snprintf(shm, sizeof(shm), "%s-shm", w->path);
	return count_in(w->path, bytes, size) + count_in(wal, bytes, size) +
	       count_in(shm, bytes, size);
}

/* observe - one raw observation; what the EHLO said differs from the server's name */
static void observe(struct world *w, const char *source, const char *helo, const char *server,
		    int64_t at)
{
	struct observation o = { .at = at,
				 .source = world_addr(source),
				 .build = BUILD(15, 1, 2507, 17),
				 .origin = ORIGIN_RECEIVED };

	snprintf(o.helo, sizeof(o.helo), "%s", helo);
	snprintf(o.by, sizeof(o.by), "%s", server);
	snprintf(o.server, sizeof(o.server), "%s", server);
	assert_int_equal(store_observation_add(w->store, &o.source, &o, &w->e), 0);
	assert_true(store_confirm(w->store, &o.source, o.build, &w->e) >= 0);
	assert_true(store_account_add(w->store, &o.source, 1U << FAMILY_EXCHANGE, at, &w->e) >= 0);
}

/* say - an entry as the clock writes it */
static void say(struct world *w, const char *source, const char *server, int64_t at)
{
	char why[128], after[128];
	struct audit audit = { .at = at, .who = "clock", .what = "stage", .subject = source };

	snprintf(why, sizeof(why), "15.1.2507.17 of %s seen", server);
	snprintf(after, sizeof(after), "{\"stage\":2,\"server\":\"%s\"}", server);
	audit.why = why;
	audit.after = after;
	assert_int_equal(store_audit_add(w->store, &audit, &w->e), 0);
}

/* live - everything that is ever written about a source, again and again */
static void live(struct world *w, const char *source, const char *server, int round)
{
	struct addr a = world_addr(source);
	struct store_notice notice = { "secret.example", 1, &a, server, T0 };
	int64_t id;

	put(w, source, server, 1 + (uint32_t)round % 4, T0 + round);
	observe(w, source, "B15-1-2507-17.Gone.Secret.Example", server, T0 + round);
	say(w, source, server, T0 + round);
	assert_true(store_notice_add(w->store, &notice, &id, &w->e) >= 0);
}

/* crowd - others come and go around it */
static void crowd(struct world *w, int round)
{
	char source[32], name[64];

	assert_int_equal(store_begin(w->store, &w->e), 0);
	for (int i = 0; i < CROWD; i++) {
		struct addr a;

		snprintf(source, sizeof(source), "192.0.%d.%d", i % 5, i / 5);
		snprintf(name, sizeof(name), "n%d.%.*s.example.net", i, (i * 7 + round) % 40,
			 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
		a = world_addr(source);
		if (!strcmp(source, "192.0.2.7"))
			continue;
		put(w, source, name, (uint32_t)(i + round) % 5, T0 + i);
		if ((i + round) % 3 == 0)
			assert_true(store_forget(w->store, &a, NULL, &w->e) >= 0);
	}
	assert_int_equal(store_commit(w->store, &w->e), 0);
}

/* gone - no trace of some text */
#define gone(w, text) assert_int_equal(on_disk(w, text, strlen(text)), 0)

/* test_source - an address goes, and every name it had */
static void test_source(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("192.0.2.7");
	int64_t newest, next;
	struct decision pause = { .kind = DECISION_PAUSE, .addr = a, .bits = 128, .at = T0 };

	for (int round = 0; round < 6; round++) {
		live(w, "192.0.2.7", GONE, round);
		crowd(w, round);
	}
	pause.until = T0 + 9;
	assert_int_equal(store_decision_put(w->store, &pause, &w->e), 0);
	assert_int_equal(store_decision_end(w->store, DECISION_PAUSE, &a, 128, T0 + 5, &w->e), 1);
	assert_true(on_disk(w, GONE, strlen(GONE)) > 0);
	assert_true(on_disk(w, &a, sizeof(a)) > 0);

	assert_int_equal(store_audit_newest(w->store, &newest, &w->e), 0);
	assert_int_equal(store_forget(w->store, &a, NULL, &w->e), 1);
	/* whoever reads on behind the newest entry misses none that comes after it */
	say(w, "192.0.2.8", KEPT, T0 + 9);
	assert_int_equal(store_audit_newest(w->store, &next, &w->e), 0);
	assert_true(next > newest);
	gone(w, GONE);
	gone(w, "Gone.Secret.Example");
	gone(w, "secret.example");
	assert_int_equal(on_disk(w, &a, sizeof(a)), 0);
	assert_int_equal(reopen(w), 0);
	gone(w, GONE);
}

/* test_name - one name of a source goes, what its neighbour did stays */
static void test_name(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("192.0.2.7");
	struct source s;

	for (int round = 0; round < 6; round++) {
		live(w, "192.0.2.7", GONE, round);
		put(w, "192.0.2.7", KEPT, 3, T0);
		say(w, "192.0.2.7", KEPT, T0 + round);
		/* stamps of the one through the other */
		observe(w, "192.0.2.7", GONE, KEPT, T0 + round);
		crowd(w, round);
	}
	assert_int_equal(store_forget(w->store, &a, GONE, &w->e), 1);
	gone(w, GONE);
	gone(w, "Gone.Secret.Example");
	assert_true(on_disk(w, KEPT, strlen(KEPT)) > 0);
	assert_int_equal(store_source_load(w->store, &a, &s, &w->e), 1);
	assert_int_equal(s.identities[0].stage, 3);
	source_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
