// SPDX-License-Identifier: BSD-2-Clause
/* Whom a notice goes to, when, in which words, and that nobody gets it twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/fake_maps.h"
#include "tests/unit/world.h"
#include "user/report/notice.h"

struct scene {
	struct world w;
	char program[96], output[96];
	sd_event *event;
	struct enforcer *enforcer;
	struct report report;
	struct notices *notices;
	unsigned int woken;
};

/* wake - a slot is free */
static void wake(void *arg)
{
	((struct scene *)arg)->woken++;
}

/* sendmail - a program that keeps its arguments and its input, and ends with this status */
static void sendmail(struct scene *s, int status)
{
	FILE *f = fopen(s->program, "we");

	fprintf(f, "#!/bin/sh\n{ echo \"ARGS $*\"; cat; } >>%s\nexit %d\n", s->output, status);
	fclose(f);
	assert_int_equal(chmod(s->program, 0755), 0);
}

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct enforcer_options options;
	struct notice_settings settings = { .enabled = true,
					    .from = "gate@mx.example.net",
					    .hostname = "mx.example.net",
					    .contact = "postmaster@example.net" };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	clock_init(0);
	fake_reset();
	world_open(&s->w);
	snprintf(s->program, sizeof(s->program), "%s/sendmail", s->w.dir);
	snprintf(s->output, sizeof(s->output), "%s/output", s->w.dir);
	options = (struct enforcer_options) { .store = s->w.store,
					      .policy = s->w.policy,
					      .verdicts_fd = FAKE_VERDICTS,
					      .ranges_fd = FAKE_RANGES,
					      .names_fd = -1,
					      .ipv6_bits = 64 };
	assert_int_equal(enforcer_new(&options, &s->enforcer, &s->w.e), 0);
	assert_int_equal(enforcer_publish_all(s->enforcer, clock_wall(), &s->w.e), 0);
	s->report = (struct report) { .store = s->w.store,
				      .enforcer = s->enforcer,
				      .catalogue = s->w.catalogue,
				      .policy = s->w.policy,
				      .grace_days = 30,
				      .mode = MODE_ENFORCE,
				      .now = clock_wall() };
	assert_true(sd_event_new(&s->event) >= 0);
	assert_int_equal(notices_new(s->w.store, s->event, wake, s, &s->notices, &s->w.e), 0);
	settings.sendmail = s->program;
	notices_use(s->notices, &settings);
	sendmail(s, 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	notices_free(s->notices);
	sd_event_unref(s->event);
	enforcer_free(s->enforcer);
	unlink(s->program);
	unlink(s->output);
	world_close(&s->w);
	free(s);
	return 0;
}

/* put - a server whose clock has run for so many days */
static void put(struct scene *s, const char *source, const char *name, int days)
{
	struct addr a = world_addr(source);
	struct source records;

	world_put(&s->w, source, name, 1, s->report.now);
	assert_true(store_source_load(s->w.store, &a, &records, &s->w.e) >= 0);
	for (unsigned int i = 0; i < records.count; i++) {
		if (strcmp(records.identities[i].name, name))
			continue;
		records.identities[i].running_since = s->report.now - days * (int64_t)DAY_S;
		records.identities[i].dirty = true;
	}
	assert_int_equal(store_source_save(s->w.store, &records, &s->w.e), 1);
	source_clear(&records);
}

/* walk - over all sources, until every program has ended */
static void walk(struct scene *s)
{
	uint64_t ends;

	notices_walk(s->notices);
	do {
		const struct notices_stats *stats = notices_stats(s->notices);

		ends = stats->sent + stats->failed;
		while (notices_step(s->notices, &s->report, &s->w.e) > 0)
			;
		for (int i = 0; i < 400 && stats->sent + stats->failed == ends; i++)
			if (sd_event_run(s->event, 1000) < 0)
				break;
		if (stats->sent + stats->failed == ends)
			break;
	} while (true);
}

/* count - how often a text stands in what sendmail got */
static unsigned int count(struct scene *s, const char *text)
{
	static char all[65536];
	FILE *f = fopen(s->output, "re");
	unsigned int found = 0;
	size_t n = f ? fread(all, 1, sizeof(all) - 1, f) : 0;

	if (f)
		fclose(f);
	all[n] = '\0';
	for (const char *p = all; (p = strstr(p, text)); p++)
		found++;
	return found;
}

static void test_domain(void **state)
{
	static const char *const rows[][2] = {
		{ "ex01.example.org", "example.org" },
		{ "ex01.corp.example.org", "corp.example.org" },
		{ "example.org", "example.org" },
	};
	static const char *const none[] = {
		"",
		"ex01",
		"ex01.local",
		"192.0.2.7",
		"[192.0.2.7]",
		"a..org",
		"ex01.example.",
		"-x.example.org",
		".example.org",
		"a b.example.org",
		"a@b.c",
		"ex.example.org>",
		"ex.corp.internal",
		"EX.example.org",
		"x.example.org\n",
	};
	char buf[NOTICE_DOMAIN];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(notice_domain(rows[i][0], buf), 0);
		assert_string_equal(buf, rows[i][1]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (notice_domain(none[i], buf) != -EINVAL)
			fail_msg("%s", none[i]);
}

static void test_due(void **state)
{
	static const struct {
		int days;
		unsigned int due;
	} rows[] = {
		{ 0, 1 << NOTICE_REPORTED },
		{ 22, 1 << NOTICE_REPORTED },
		{ 23, 1 << NOTICE_REPORTED | 1 << NOTICE_THROTTLE },
		{ 29, 1 << NOTICE_REPORTED | 1 << NOTICE_THROTTLE },
		{ 30, 1 << NOTICE_REPORTED },
		{ 53, 1 << NOTICE_REPORTED | 1 << NOTICE_BLOCK },
		{ 60, 1 << NOTICE_REPORTED },
	};
	struct scene *s = *state;
	struct identity id = { .stage = 1 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		id.running_since = s->report.now - rows[i].days * (int64_t)DAY_S;
		assert_int_equal(notice_due(s->w.policy, &id, s->report.now), rows[i].due);
	}
	id.paused_at = s->report.now;
	assert_int_equal(notice_due(s->w.policy, &id, s->report.now), 1 << NOTICE_REPORTED);
	id.stage = 0;
	assert_int_equal(notice_due(s->w.policy, &id, s->report.now), 0);
}

/* test_once - one per domain and kind, however many servers and walks */
static void test_once(void **state)
{
	struct scene *s = *state;

	put(s, "192.0.2.7", "ex01.example.org", 1);
	put(s, "192.0.2.8", "ex02.example.org", 1);
	put(s, "192.0.2.9", "ex01.example.com", 1);
	walk(s);
	walk(s);
	assert_int_equal(count(s, "ARGS -i -f <> postmaster@example.org\n"), 1);
	assert_int_equal(count(s, "ARGS -i -f <> postmaster@example.com\n"), 1);
	assert_int_equal(count(s, "ARGS"), 2);
	put(s, "192.0.2.7", "ex01.example.org", 25);
	walk(s);
	walk(s);
	assert_int_equal(count(s, "ARGS"), 3);
	assert_int_equal(count(s, "will be slowed"), 1);
	assert_int_equal(notices_stats(s->notices)->sent, 3);
}

/* test_words - what the reader needs, and nothing that is not so */
static void test_words(void **state)
{
	struct scene *s = *state;

	s->report.mode = MODE_REPORT;
	put(s, "192.0.2.7", "ex01.example.org", 1);
	walk(s);
	assert_int_equal(count(s, "From: gate@mx.example.net\nTo: postmaster@example.org\n"), 1);
	assert_int_equal(count(s, "Auto-Submitted: auto-generated\n"), 1);
	assert_int_equal(count(s, "ex01.example.org"), 2);
	assert_int_equal(count(s, "192.0.2.7"), 1);
	assert_int_equal(count(s, "15.1.2507.17 (Exchange Server 2016"), 1);
	assert_int_equal(count(s, "slowed, 5 minutes of every hour at first"), 1);
	assert_int_equal(count(s, "refused, 60 minutes of every hour."), 1);
	assert_int_equal(count(s, "only reports"), 1);
	assert_int_equal(count(s, "Next step: upgrade it to 15.2."), 1);
	assert_int_equal(count(s, "Questions: postmaster@example.net"), 1);
}

/* test_latest - two due at once: the later one's words, and both are had */
static void test_latest(void **state)
{
	struct scene *s = *state;

	put(s, "192.0.2.7", "ex01.example.org", 55);
	walk(s);
	walk(s);
	assert_int_equal(count(s, "ARGS"), 1);
	assert_int_equal(count(s, "will be refused"), 1);
}

/* test_quiet - those to whom nothing will happen, and names that lead nowhere */
static void test_quiet(void **state)
{
	struct scene *s = *state;

	put(s, "192.0.2.7", "ex01.example.org", 1);
	put(s, "192.0.2.8", "ex01.local", 1);
	world_decide(&s->w, DECISION_EXEMPT, "192.0.2.7", 0, 0, s->report.now, 0);
	assert_true(enforcer_reload(s->enforcer, s->report.now, &s->w.e) >= 0);
	walk(s);
	assert_int_equal(count(s, "ARGS"), 0);
	assert_int_equal(notices_stats(s->notices)->refused, 1);
	world_undecide(&s->w, DECISION_EXEMPT, "192.0.2.7", s->report.now);
	assert_true(enforcer_reload(s->enforcer, s->report.now, &s->w.e) >= 0);
	s->report.mode = MODE_OFF;
	walk(s);
	assert_int_equal(count(s, "ARGS"), 0);
	s->report.mode = MODE_ENFORCE;
	walk(s);
	assert_int_equal(count(s, "ARGS"), 1);
}

/* test_refused - what sendmail did not take comes again with the next walk */
static void test_refused(void **state)
{
	struct scene *s = *state;

	put(s, "192.0.2.7", "ex01.example.org", 1);
	sendmail(s, 75);
	walk(s);
	assert_int_equal(notices_stats(s->notices)->failed, 1);
	sendmail(s, 0);
	walk(s);
	walk(s);
	assert_int_equal(count(s, "ARGS"), 2);
	assert_int_equal(notices_stats(s->notices)->sent, 1);
}

/* test_many - more than there are slots: the walk waits, and nobody is left out */
static void test_many(void **state)
{
	struct scene *s = *state;
	char source[32], name[64];

	for (int i = 1; i <= 9; i++) {
		snprintf(source, sizeof(source), "192.0.2.%d", i);
		snprintf(name, sizeof(name), "ex01.d%d.example.org", i);
		put(s, source, name, 1);
	}
	walk(s);
	assert_int_equal(count(s, "ARGS"), 9);
	assert_true(s->woken > 0);
}

/* test_forget - what is kept about a source goes with it */
static void test_forget(void **state)
{
	struct scene *s = *state;
	struct addr a = world_addr("192.0.2.7");

	put(s, "192.0.2.7", "ex01.example.org", 1);
	walk(s);
	assert_int_equal(store_notice_known(s->w.store, "example.org", NOTICE_REPORTED, &s->w.e),
			 1);
	assert_int_equal(store_forget(s->w.store, &a, NULL, &s->w.e), 1);
	assert_int_equal(store_notice_known(s->w.store, "example.org", NOTICE_REPORTED, &s->w.e),
			 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain),
		TEST(test_due),
		TEST(test_once),
		TEST(test_words),
		TEST(test_latest),
		TEST(test_quiet),
		TEST(test_refused),
		TEST(test_many),
		TEST(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
