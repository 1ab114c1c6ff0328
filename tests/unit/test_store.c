// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/store_world.h"

/* test_identity_whole - every field comes back, the burst too, after a restart */
static void test_identity_whole(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("2001:db8::");
	struct identity was, *identity;
	struct source s;

	assert_int_equal(store_source_load(w->store, &a, &s, &w->e), 0);
	assert_int_equal(s.count, 0);
	identity = source_add(&s, "ex01.example.org");
	memset((char *)identity + offsetof(struct identity, build), 1,
	       sizeof(*identity) - offsetof(struct identity, build));
	identity->burst_count = 3;
	memset(identity->burst + 3, 0, sizeof(identity->burst) - 3 * sizeof(identity->burst[0]));
	identity->standing = STANDING_EMERGENCY;
	strcpy(identity->emergency_id, "M2-2026");
	identity->dirty = true;
	was = *identity;
	assert_int_equal(store_source_save(w->store, &s, &w->e), 1);
	assert_false(identity->dirty);
	assert_int_equal(store_source_save(w->store, &s, &w->e), 0);
	source_clear(&s);

	assert_int_equal(reopen(w), 0);
	assert_int_equal(store_source_load(w->store, &a, &s, &w->e), 1);
	identity = &s.identities[0];
	assert_string_equal(identity->name, "ex01.example.org");
	assert_memory_equal(&identity->source, &a, sizeof(a));
#define SAME(field) assert_true(identity->field == was.field)
	SAME(build);
	SAME(standing);
	SAME(origin);
	SAME(inside);
	SAME(acts);
	SAME(emergency);
	assert_string_equal(identity->emergency_id, "M2-2026");
	SAME(emergency_tarpit);
	SAME(emergency_min);
	SAME(emergency_until);
	SAME(apart);
	SAME(apart_acts);
	SAME(strong);
	SAME(archived);
	SAME(build_at);
	SAME(first_seen);
	SAME(last_seen);
	SAME(last_taken);
	SAME(taken_rank);
	SAME(last_helo);
	SAME(last_carried);
	SAME(last_front);
	SAME(last_acting);
	SAME(last_fine);
	SAME(candidate_at);
	SAME(burst_count);
	SAME(first_outdated);
	SAME(running_since);
	SAME(elapsed_before);
	SAME(stopped_at);
	SAME(acting_day);
	SAME(acting_days);
	SAME(kept_days);
	SAME(kept_day);
	SAME(stage);
	SAME(stage_since);
	SAME(last_upward);
	SAME(paused_at);
	SAME(due);
	assert_memory_equal(identity->burst, was.burst, sizeof(was.burst));
	/* a field that the store does not know yet changes this size: add it there, then here */
	assert_int_equal(sizeof(struct identity), 560);
	source_clear(&s);
}

/* test_evicted - the record a full source gave up goes, and its name may come back */
static void test_evicted(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("192.0.2.7");
	struct source s;

	put(w, "192.0.2.7", "a.example.org", 1, 0);
	put(w, "192.0.2.7", "b.example.org", 1, 0);
	assert_int_equal(store_source_load(w->store, &a, &s, &w->e), 2);
	strcpy(s.evicted, "a.example.org");
	assert_int_equal(store_source_save(w->store, &s, &w->e), 0);
	assert_string_equal(s.evicted, "");
	source_clear(&s);
	assert_int_equal(store_source_load(w->store, &a, &s, &w->e), 1);
	assert_string_equal(s.identities[0].name, "b.example.org");
	source_clear(&s);
}

/* test_due - by moment, earliest first, a source once */
static void test_due(void **state)
{
	struct world *w = *state;
	struct addr due[8], a = world_addr("192.0.2.9");
	int64_t next = 0;

	assert_int_equal(store_next_due(w->store, &next, &w->e), 0);
	put(w, "192.0.2.7", "a", 1, T0 + 50);
	put(w, "192.0.2.8", "a", 1, 0);
	put(w, "192.0.2.9", "a", 1, T0 + 10);
	put(w, "192.0.2.9", "b", 1, T0 + 10);
	assert_int_equal(store_source_due(w->store, T0 + 9, due, 8, &w->e), 0);
	assert_int_equal(store_source_due(w->store, T0 + 10, due, 8, &w->e), 1);
	assert_memory_equal(&due[0], &a, sizeof(a));
	assert_int_equal(store_source_due(w->store, T0 + 50, due, 8, &w->e), 2);
	assert_int_equal(store_source_due(w->store, T0 + 50, due, 1, &w->e), 1);
	assert_int_equal(store_next_due(w->store, &next, &w->e), 1);
	assert_int_equal(next, T0 + 10);
}

/* What a walk met, as text: "192.0.2.7:2 " per source and its number of records. */
static int write_down(void *arg, const struct source *source)
{
	char text[ADDRESS_TEXT];
	char *list = arg;

	sprintf(list + strlen(list), "%s:%u ", address_format(&source->addr, text), source->count);
	return 0;
}

/* walked - the walk of a filter as text */
static const char *walked(struct world *w, const struct store_filter *filter, char *list)
{
	list[0] = '\0';
	assert_int_equal(store_source_each(w->store, filter, write_down, list, &w->e), 0);
	return list;
}

/* stop_at_once - ends a walk */
static int stop_at_once(void *arg, const struct source *source)
{
	(void)source;
	++*(int *)arg;
	return 42;
}

/* test_walk - whole sources in order, each filter, and a walk that is ended */
static void test_walk(void **state)
{
	struct world *w = *state;
	char list[256];
	int calls = 0;

	put(w, "192.0.2.8", "fine.example.org", 0, 0);
	put(w, "192.0.2.7", "old.example.org", 3, 0);
	put(w, "192.0.2.7", "new.example.org", 0, 0);
	put(w, "192.0.2.9", "old.example.org", 1, 0);
	assert_string_equal(walked(w, NULL, list), "192.0.2.7:2 192.0.2.8:1 192.0.2.9:1 ");
	assert_string_equal(walked(w, &(struct store_filter) { .clocked = true }, list),
			    "192.0.2.7:2 192.0.2.9:1 ");
	assert_string_equal(
		walked(w, &(struct store_filter) { .stage_given = true, .stage = 3 }, list),
		"192.0.2.7:2 ");
	assert_string_equal(walked(w, &(struct store_filter) { .stage_given = true }, list),
			    "192.0.2.8:1 ");
	assert_string_equal(
		walked(w, &(struct store_filter) { .standing = STANDING_CURRENT }, list),
		"192.0.2.7:2 192.0.2.8:1 ");
	assert_string_equal(walked(w, &(struct store_filter) { .name = "old.example.org" }, list),
			    "192.0.2.7:2 192.0.2.9:1 ");
	assert_int_equal(store_source_each(w->store, NULL, stop_at_once, &calls, &w->e), 42);
	assert_int_equal(calls, 1);
	/* an ended walk leaves its statement ready */
	assert_string_equal(walked(w, NULL, list), "192.0.2.7:2 192.0.2.8:1 192.0.2.9:1 ");
}

/* test_counts - totals follow every kind of change */
static void test_counts(void **state)
{
	struct world *w = *state;
	struct store_counts counts;
	struct addr a = world_addr("192.0.2.7"), b = world_addr("192.0.2.8");

	put(w, "192.0.2.7", "a", 0, 0);
	put(w, "192.0.2.7", "a", 2, 0);
	put(w, "192.0.2.7", "a", 2, T0);
	put(w, "192.0.2.8", "b", 0, 0);
	store_family_add(w->store, &a, FAMILY_TLS, &w->e);
	store_family_add(w->store, &b, FAMILY_TLS, &w->e);
	store_family_add(w->store, &b, FAMILY_EXCHANGE, &w->e);
	store_family_add(w->store, &b, FAMILY_EXCHANGE, &w->e);
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.identities, 2);
	assert_int_equal(counts.stage[0], 1);
	assert_int_equal(counts.stage[2], 1);
	assert_int_equal(counts.standing[STANDING_OUTDATED], 1);
	assert_int_equal(counts.standing[STANDING_CURRENT], 1);
	assert_int_equal(counts.sources, 2);
	assert_int_equal(counts.identified, 1);
	assert_int_equal(counts.exchange, 1);
	assert_int_equal(counts.tls, 1);

	assert_int_equal(store_forget(w->store, &b, NULL, &w->e), 1);
	assert_int_equal(store_count(w->store, &counts, &w->e), 0);
	assert_int_equal(counts.identities, 1);
	assert_int_equal(counts.sources, 1);
	assert_int_equal(counts.identified, 0);
}

/* add - one raw observation */
static void add(struct world *w, const char *source, const char *server, uint64_t build, int64_t at)
{
	struct observation o = {
		.at = at, .source = world_addr(source), .build = build, .port = 25
	};
	struct addr masked = address_source(&o.source, 64);

	snprintf(o.server, sizeof(o.server), "%s", server);
	assert_int_equal(store_observation_add(w->store, &masked, &o, &w->e), 0);
}

/* note - a raw observation as text */
static int note(void *arg, const struct observation *o)
{
	char text[ADDRESS_TEXT];
	char *list = arg;

	sprintf(list + strlen(list), "%s@%lld ", address_format(&o->source, text),
		(long long)(o->at - T0));
	return 0;
}

/* note_sight - a day as text */
static int note_sight(void *arg, const struct store_sight *sight)
{
	char *list = arg;

	sprintf(list + strlen(list), "%s*%u ", sight->name, sight->count);
	return 0;
}

/* test_observations - raw ones for 8 days, counts per day beyond that */
static void test_observations(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("2001:db8::");
	char list[256] = "";

	add(w, "2001:db8::1", "ex", BUILD(15, 1, 2507, 17), T0);
	add(w, "2001:db8::2", "ex", BUILD(15, 1, 2507, 17), T0 + 60);
	add(w, "2001:db8::1", "ex", BUILD(15, 1, 2507, 17), T0 + DAY_S);
	assert_int_equal(store_observation_each(w->store, T0 + 1, note, list, &w->e), 0);
	assert_string_equal(list, "2001:db8::2@60 2001:db8::1@86400 ");
	list[0] = '\0';
	assert_int_equal(store_sight_each(w->store, &a, note_sight, list, &w->e), 0);
	assert_string_equal(list, "ex*2 ex*1 ");

	assert_int_equal(store_prune(w->store, T0 + 9 * DAY_S - 100, 400, &w->e), 2);
	assert_int_equal(store_prune(w->store, T0 + 9 * DAY_S - 100, 400, &w->e), 0);
	list[0] = '\0';
	assert_int_equal(store_observation_each(w->store, 0, note, list, &w->e), 0);
	assert_string_equal(list, "2001:db8::1@86400 ");
	list[0] = '\0';
	assert_int_equal(store_sight_each(w->store, &a, note_sight, list, &w->e), 0);
	assert_string_equal(list, "ex*2 ex*1 ");
	assert_int_equal(store_prune(w->store, T0 + 402 * DAY_S, 400, &w->e), 3);
}

/* test_seen - three different sources of the same CU, no fewer, and no others */
static void test_seen(void **state)
{
	struct world *w = *state;
	uint64_t low = BUILD(15, 1, 2507, 17), high = BUILD(15, 1, 2507, 39);
	uint64_t next_cu = BUILD(15, 1, 2600, 0);
	struct addr a = world_addr("192.0.2.1"), b = world_addr("192.0.2.2"),
		    c = world_addr("192.0.2.3");

	store_confirm(w->store, &a, low, &w->e);
	store_confirm(w->store, &a, high, &w->e);
	store_confirm(w->store, &b, high, &w->e);
	assert_false(store_seen(w->store, low, next_cu));
	store_confirm(w->store, &c, next_cu, &w->e);
	assert_false(store_seen(w->store, low, next_cu));
	store_confirm(w->store, &c, low, &w->e);
	assert_true(store_seen(w->store, low, next_cu));
	assert_false(store_seen(w->store, high, next_cu));
	store_forget(w->store, &b, NULL, &w->e);
	assert_false(store_seen(w->store, low, next_cu));
}

/* decide - put a decision about a range */
static void decide(struct world *w, enum decision_kind kind, const char *range, int64_t until)
{
	struct decision d = { .kind = kind, .action = ACTION_DROP, .at = T0, .until = until };

	assert_int_equal(range_parse(range, &d.addr, &d.bits), 0);
	snprintf(d.who, sizeof(d.who), "root (uid 0)");
	snprintf(d.reason, sizeof(d.reason), "test");
	assert_int_equal(store_decision_put(w->store, &d, &w->e), 0);
}

/* count_decisions - also that texts come back */
static int count_decisions(void *arg, const struct decision *d)
{
	assert_string_equal(d->who, "root (uid 0)");
	assert_string_equal(d->reason, "test");
	++*(int *)arg;
	return 0;
}

/* decisions - how many there are */
static int decisions(struct world *w, enum decision_kind kind, bool history)
{
	int count = 0;

	assert_int_equal(
		store_decision_each(w->store, kind, history, count_decisions, &count, &w->e), 0);
	return count;
}

/* test_decisions - one in force per kind and range, the others are history */
static void test_decisions(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("192.0.2.0"), b = world_addr("192.0.2.7");
	struct source s;

	decide(w, DECISION_SET, "192.0.2.0/24", 0);
	decide(w, DECISION_SET, "192.0.2.0/24", T0 + 60);
	decide(w, DECISION_EXEMPT, "192.0.2.0/24", 0);
	decide(w, DECISION_PAUSE, "192.0.2.7", T0 + DAY_S);
	decide(w, DECISION_SHARED, "192.0.2.7", 0);
	assert_int_equal(decisions(w, DECISION_SET, false), 1);
	assert_int_equal(decisions(w, DECISION_SET, true), 2);
	assert_int_equal(decisions(w, 0, false), 4);
	assert_int_equal(store_decision_end(w->store, DECISION_SET, &a, 120, T0 + 9, &w->e), 1);
	assert_int_equal(store_decision_end(w->store, DECISION_SET, &a, 120, T0 + 9, &w->e), 0);
	assert_int_equal(decisions(w, DECISION_SET, false), 0);

	/* what is said of a source comes with it, and the clock ends a pause by saving */
	assert_int_equal(store_source_load(w->store, &b, &s, &w->e), 0);
	assert_int_equal(s.paused_since, T0);
	assert_int_equal(s.paused_until, T0 + DAY_S);
	assert_true(s.enforce_shared);
	store_source_save(w->store, &s, &w->e);
	assert_int_equal(decisions(w, DECISION_PAUSE, false), 1);
	s.paused_since = 0;
	store_source_save(w->store, &s, &w->e);
	assert_int_equal(decisions(w, DECISION_PAUSE, false), 0);
	assert_int_equal(decisions(w, DECISION_PAUSE, true), 1);
	source_clear(&s);
}

/* note_audit - an entry as text */
static int note_audit(void *arg, const struct audit *audit)
{
	char *list = arg;

	sprintf(list + strlen(list), "%s %s>%s ", audit->what, audit->before ? audit->before : "-",
		audit->after ? audit->after : "-");
	return 0;
}

/* test_audit_and_facts - entries by subject; facts keep defaults and refuse nonsense */
static void test_audit_and_facts(void **state)
{
	struct world *w = *state;
	struct audit entry = { .at = T0, .who = "clock", .what = "stage", .subject = "192.0.2.7" };
	char list[256] = "", text[16] = "report";
	int64_t number = 7;

	entry.after = "{\"stage\":1}";
	assert_int_equal(store_audit_add(w->store, &entry, &w->e), 0);
	entry.at++;
	entry.subject = "192.0.2.8";
	assert_int_equal(store_audit_add(w->store, &entry, &w->e), 0);
	assert_int_equal(store_audit_each(w->store, "192.0.2.7", 0, note_audit, list, &w->e), 0);
	assert_string_equal(list, "stage ->{\"stage\":1} ");
	list[0] = '\0';
	assert_int_equal(store_audit_each(w->store, NULL, T0 + 1, note_audit, list, &w->e), 0);
	assert_string_equal(list, "stage ->{\"stage\":1} ");

	assert_int_equal(store_fact_get(w->store, "mode", text, sizeof(text), &w->e), 0);
	assert_string_equal(text, "report");
	assert_int_equal(store_fact_set(w->store, "mode", "enforce", &w->e), 0);
	assert_int_equal(store_fact_get(w->store, "mode", text, sizeof(text), &w->e), 1);
	assert_string_equal(text, "enforce");
	assert_int_equal(store_number_get(w->store, "running", &number, &w->e), 0);
	assert_int_equal(number, 7);
	assert_int_equal(store_number_set(w->store, "running", -123456789012LL, &w->e), 0);
	assert_int_equal(store_number_get(w->store, "running", &number, &w->e), 1);
	assert_int_equal(number, -123456789012LL);
	assert_int_equal(store_number_get(w->store, "mode", &number, &w->e), -EBADMSG);
}

/* test_batches - all or nothing, nested too; a failed write cannot be committed past */
static void test_batches(void **state)
{
	struct world *w = *state;
	char text[16] = "";

	assert_int_equal(store_commit(w->store, &w->e), -EINVAL);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	store_fact_set(w->store, "a", "1", &w->e);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	store_fact_set(w->store, "b", "1", &w->e);
	assert_int_equal(store_commit(w->store, &w->e), 0);
	store_rollback(w->store);
	assert_int_equal(store_fact_get(w->store, "a", text, sizeof(text), &w->e), 0);

	assert_int_equal(store_begin(w->store, &w->e), 0);
	store_fact_set(w->store, "a", "1", &w->e);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	assert_int_equal(store_finish(w->store, -EIO, &w->e), -EIO);
	assert_int_equal(store_commit(w->store, &w->e), -EIO);
	assert_int_equal(store_fact_get(w->store, "a", text, sizeof(text), &w->e), 0);

	/* what is open when the daemon ends is not there afterwards, what is committed is */
	store_fact_set(w->store, "c", "1", &w->e);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	store_fact_set(w->store, "d", "1", &w->e);
	assert_int_equal(reopen(w), 0);
	assert_int_equal(store_fact_get(w->store, "c", text, sizeof(text), &w->e), 1);
	assert_int_equal(store_fact_get(w->store, "d", text, sizeof(text), &w->e), 0);
}

/* test_forget - everything about a source, or about one of its names */
static void test_forget(void **state)
{
	struct world *w = *state;
	struct addr a = world_addr("192.0.2.7");
	char list[256] = "";

	put(w, "192.0.2.7", "a", 1, 0);
	put(w, "192.0.2.7", "b", 1, 0);
	add(w, "192.0.2.7", "a", BUILD(15, 1, 2507, 17), T0);
	add(w, "192.0.2.7", "b", BUILD(15, 1, 2507, 17), T0);
	assert_int_equal(store_forget(w->store, &a, "a", &w->e), 1);
	assert_int_equal(store_forget(w->store, &a, "a", &w->e), 0);
	store_sight_each(w->store, &a, note_sight, list, &w->e);
	assert_string_equal(list, "b*1 ");
	assert_int_equal(store_forget(w->store, &a, NULL, &w->e), 1);
	list[0] = '\0';
	store_observation_each(w->store, 0, note, list, &w->e);
	assert_string_equal(list, "");
}

/* refused - the store does not open, for this reason, and the file is as it was */
static void refused(struct world *w, int rc, const char *word)
{
	struct stat before, after;
	int there = stat(w->path, &before);

	assert_int_equal(store_open(w->path, &w->store, &w->e), rc);
	assert_non_null(strstr(w->e.text, word));
	assert_non_null(strstr(w->e.text, w->path));
	assert_int_equal(stat(w->path, &after), there);
	if (!there)
		assert_int_equal(before.st_ino, after.st_ino);
	w->store = NULL;
}

/* close_store - leave only the file */
static void close_store(struct world *w)
{
	store_close(w->store);
	w->store = NULL;
}

/* test_refusals - newer, foreign, empty, lost, damaged: never an empty store in silence */
static void test_refusals(void **state)
{
	struct world *w = *state;
	char other[128];
	int fd;

	put(w, "192.0.2.7", "a", 1, 0);
	close_store(w);
	sql(w->path, "PRAGMA user_version=99");
	refused(w, -ENOTSUP, "newer");
	sql(w->path, "PRAGMA user_version=1; PRAGMA application_id=5");
	refused(w, -EBADMSG, "not one of buildgate");

	assert_int_equal(truncate(w->path, 0), 0);
	refused(w, -EBADMSG, "empty");
	fd = open(w->path, O_WRONLY);
	assert_int_equal(write(fd, "this is no database, it only looks like a file of one", 53),
			 53);
	close(fd);
	refused(w, -EBADMSG, "damaged");

	assert_int_equal(rename(w->path, file(w, "other.db", other)), 0);
	snprintf(other, sizeof(other), "%s-wal", w->path);
	fd = open(other, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	refused(w, -EBADMSG, "journal");
	unlink(other);

	assert_int_equal(mkdir(w->path, 0700), 0);
	refused(w, -EINVAL, "expected a file");
	assert_int_equal(rmdir(w->path), 0);
}

/* test_damage - a page in the middle overwritten */
static void test_damage(void **state)
{
	static const char junk[4096] = "junk";
	struct world *w = *state;
	struct stat st;
	int fd;

	for (int i = 0; i < 200; i++) {
		char source[32];

		snprintf(source, sizeof(source), "198.51.100.%d", i);
		put(w, source, "ex01.example.org", 1, T0);
	}
	close_store(w);
	assert_int_equal(stat(w->path, &st), 0);
	fd = open(w->path, O_WRONLY);
	for (off_t at = 8192; at + 4096 <= st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	refused(w, -EBADMSG, "damaged");
}

/* test_first_start - a half-made store of a crash is made again; a missing directory is said */
static void test_first_start(void **state)
{
	struct world *w = *state;
	char path[128];
	struct stat st;
	int fd;

	close_store(w);
	unlink(w->path);
	fd = open(file(w, "state.db.new", path), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close_store(w);
	assert_int_equal(store_open(file(w, "no/such/state.db", path), &w->store, &w->e), -EACCES);
	w->store = NULL;
}

/* test_full_disk - a limit on the file stands for the disk: the batch fails, what was stored
 * before stays, and the store works again when there is room */
static void test_full_disk(void **state)
{
	struct world *w = *state;
	char text[256];
	int r = 0;

	store_fact_set(w->store, "before", "1", &w->e);
	close_store(w);
	sql(w->path, "VACUUM");
	assert_int_equal(store_open(w->path, &w->store, &w->e), 0);
	assert_int_equal(store_limit_pages(w->store, 1), 0);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	for (int i = 0; i < 2000 && r >= 0; i++) {
		snprintf(text, sizeof(text), "%0200d", i);
		r = store_fact_set(w->store, text, text, &w->e);
	}
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(w->e.text, "no space left"));
	assert_int_equal(store_commit(w->store, &w->e), -EIO);
	assert_int_equal(store_limit_pages(w->store, 1 << 20), 0);
	assert_int_equal(store_fact_get(w->store, "before", text, sizeof(text), &w->e), 1);
	assert_int_equal(store_fact_get(w->store, "0", text, sizeof(text), &w->e), 0);
	assert_int_equal(store_fact_set(w->store, "after", "1", &w->e), 0);
}

/* test_locked - a second program on the same file is named, not waited for without end */
static void test_locked(void **state)
{
	struct world *w = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_begin(w->store, &w->e), -EBUSY);
	assert_non_null(strstr(w->e.text, "in use"));
	sqlite3_close(db);
	assert_int_equal(store_begin(w->store, &w->e), 0);
	assert_int_equal(store_commit(w->store, &w->e), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity_whole), TEST(test_evicted),     TEST(test_due),
		TEST(test_walk),           TEST(test_counts),      TEST(test_observations),
		TEST(test_seen),           TEST(test_decisions),   TEST(test_audit_and_facts),
		TEST(test_batches),        TEST(test_forget),      TEST(test_refusals),
		TEST(test_damage),         TEST(test_first_start), TEST(test_full_disk),
		TEST(test_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
