// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/enforcer/reply.h"

#define REPLIES 1000
#define KEYS    1001
#define OLD     BUILD(15, 1, 2507, 6)

static struct reply texts[REPLIES_MAX];
static struct answer_keys keys;
static unsigned int writes;
static int refuse; /* what the next write returns */
static struct catalogue *catalogue;
static struct error e;

/* the two arrays, in plain memory */
int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	if (fd == REPLIES)
		memcpy(value, &texts[*(const uint32_t *)key], sizeof(texts[0]));
	else
		memcpy(value, &keys, sizeof(keys));
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)flags;
	if (refuse)
		return refuse;
	writes++;
	if (fd == REPLIES)
		memcpy(&texts[*(const uint32_t *)key], value, sizeof(texts[0]));
	else
		memcpy(&keys, value, sizeof(keys));
	return 0;
}

static struct reply_site site(void)
{
	return (struct reply_site) { .hostname = "mx.example.net",
				     .contact = "postmaster@example.net",
				     .catalogue = catalogue,
				     .grace_days = 30 };
}

/* whole - every text is one line of the right length */
static void whole(const struct reply *r)
{
	assert_true(r->used);
	assert_true(REPLY_BYTES <= 512); /* RFC 5321, 4.5.3.1.5 */
	for (int kind = 0; kind < REPLY_KINDS; kind++) {
		const char *text = r->text[kind];

		assert_memory_equal(text + REPLY_BYTES - 2, "\r\n", 2);
		for (int i = 0; i < REPLY_BYTES - 2; i++)
			assert_in_range((unsigned char)text[i], ' ', '~');
		assert_true(text[0] >= '2' && text[0] <= '5' && text[3] == ' ');
		assert_null(memmem(text, REPLY_BYTES, "Exchange Online", 15));
	}
}

static void begins(const struct reply *r, enum reply_kind kind, const char *with)
{
	if (strncmp(r->text[kind], with, strlen(with)))
		fail_msg("expected \"%s...\", got \"%.120s\"", with, r->text[kind]);
}

static void holds(const struct reply *r, enum reply_kind kind, const char *what)
{
	if (!memmem(r->text[kind], REPLY_BYTES, what, strlen(what)))
		fail_msg("no \"%s\" in \"%.382s\"", what, r->text[kind]);
}

static void test_refusal(void **state)
{
	struct reply_cause cause = { .build = OLD, .block_min = 60 };
	struct reply_site s = site();
	struct reply r;

	(void)state;
	reply_render(&s, &cause, 1795305600 /* 2026-11-22 */, &r);
	whole(&r);
	begins(&r, REPLY_GREETING, "220 mx.example.net ESMTP");
	begins(&r, REPLY_HELLO, "250 mx.example.net ");
	begins(&r, REPLY_DEFERRAL, "450 4.7.230 mx.example.net: ");
	begins(&r, REPLY_REFUSAL, "550 5.7.230 mx.example.net: ");
	begins(&r, REPLY_BYE, "221 2.0.0 mx.example.net ");
	for (enum reply_kind kind = REPLY_GREETING; kind < REPLY_BYE; kind++) {
		holds(&r, kind, "Exchange Server 2016 CU23");
		holds(&r, kind, "(15.1.2507.6), which is out of date");
		holds(&r, kind, "is refused 60 minutes of every hour");
		holds(&r, kind, "Upgrade to Exchange Server ");
		holds(&r, kind, "Help: postmaster@example.net");
	}
	assert_int_equal(r.build, OLD);
	assert_int_equal(r.block_min, 60);
	assert_false(r.at_greeting);
}

static void test_minutes(void **state)
{
	static const struct {
		uint16_t throttle, block;
		const char *says;
	} rows[] = {
		{ 5, 0, "is delayed 5 minutes of every hour." },
		{ 0, 10, "is refused 10 minutes of every hour." },
		{ 30, 5, "is refused 5 and delayed 30 minutes of every hour." },
	};
	struct reply_site s = site();
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply_cause cause = { OLD, rows[i].throttle, rows[i].block };

		reply_render(&s, &cause, 0, &r);
		whole(&r);
		holds(&r, REPLY_DEFERRAL, rows[i].says);
	}
}

static void test_other_causes(void **state)
{
	struct reply_cause cause = { .block_min = 60 };
	struct reply_site s = site();
	struct reply r;

	(void)state;
	reply_render(&s, &cause, 0, &r);
	whole(&r);
	holds(&r, REPLY_REFUSAL, "by decision of its operator your mail is refused 60 minutes");
	holds(&r, REPLY_REFUSAL, "ask postmaster@example.net");
	/* a build that no catalogue knows, or no catalogue at all */
	cause.build = BUILD(99, 1, 2, 3);
	reply_render(&s, &cause, 0, &r);
	whole(&r);
	holds(&r, REPLY_REFUSAL, "99.1.2.3");
	holds(&r, REPLY_REFUSAL, "Upgrade to a supported release");
	s.catalogue = NULL;
	reply_render(&s, &cause, 0, &r);
	holds(&r, REPLY_REFUSAL, "runs Exchange build 99.1.2.3");
	/* none: a connection whose verdict went */
	reply_render(&s, NULL, 0, &r);
	whole(&r);
	begins(&r, REPLY_REFUSAL, "421 4.3.2 mx.example.net ");
	begins(&r, REPLY_DEFERRAL, "421 4.3.2 mx.example.net ");
	holds(&r, REPLY_REFUSAL, "try again");
}

static void test_at_greeting(void **state)
{
	struct reply_cause cause = { .build = OLD, .block_min = 60 };
	struct reply_site s = site();
	struct reply r;

	(void)state;
	s.at_greeting = true;
	reply_render(&s, &cause, 0, &r);
	whole(&r);
	assert_true(r.at_greeting);
	begins(&r, REPLY_DEFERRAL, "421 4.7.230 mx.example.net: ");
	begins(&r, REPLY_REFUSAL, "554 5.7.230 mx.example.net: ");
	reply_render(&s, NULL, 0, &r);
	begins(&r, REPLY_REFUSAL, "421 4.3.2 ");
}

/* names as long as the configuration takes them: less is said, whole sentences first */
static void test_long_names(void **state)
{
	struct reply_cause cause = { .build = OLD, .throttle_min = 30, .block_min = 5 };
	char hostname[256], contact[256];
	struct reply_site s = site();
	struct reply r;

	(void)state;
	memset(hostname, 'h', sizeof(hostname));
	memset(contact, 'c', sizeof(contact));
	s.hostname = hostname;
	s.contact = contact;
	for (size_t n = 1; n < 256; n++) {
		hostname[n] = contact[n] = '\0';
		reply_render(&s, &cause, 1795305600, &r);
		whole(&r);
		if (n < 100)
			holds(&r, REPLY_REFUSAL, "5 and delayed 30 minutes");
		if (n < 150) {
			holds(&r, REPLY_REFUSAL, "15.1.2507.6");
			holds(&r, REPLY_REFUSAL, contact);
		}
		hostname[n] = 'h';
		contact[n] = 'c';
	}
	hostname[20] = contact[20] = '\0';
	contact[3] = '\n';
	contact[4] = (char)0xe4;
	reply_render(&s, &cause, 0, &r);
	whole(&r);
	holds(&r, REPLY_REFUSAL, "ccc??ccc");
}

static struct replies *open_replies(void)
{
	struct reply_site s = site();
	struct replies *r = NULL;

	assert_int_equal(replies_open(REPLIES, KEYS, &r, &e), 0);
	assert_int_equal(replies_use(r, &s, 0, &e), 0);
	return r;
}

static void test_indices(void **state)
{
	struct reply_cause a = { OLD, 0, 60 }, b = { OLD, 10, 0 };
	struct replies *r = open_replies();
	uint16_t at_a, at_b;

	(void)state;
	assert_true(texts[0].used);
	at_a = replies_index(r, &a, 0);
	at_b = replies_index(r, &b, 0);
	assert_true(at_a && at_b && at_a != at_b);
	assert_true(texts[at_a].used);
	begins(&texts[at_a], REPLY_REFUSAL, "550 ");
	writes = 0;
	assert_int_equal(replies_index(r, &a, 0), at_a);
	assert_int_equal(writes, 0);
	assert_int_equal(replies_index(NULL, &a, 0), 0);
	/* another catalogue or contact: the same places */
	struct reply_site s = site();
	s.contact = "help@example.net";
	assert_int_equal(replies_use(r, &s, 0, &e), 0);
	holds(&texts[at_b], REPLY_DEFERRAL, "help@example.net");
	assert_int_equal(replies_index(r, &b, 0), at_b);
	replies_free(r);
	/* the next daemon goes on with them */
	r = open_replies();
	assert_int_equal(replies_index(r, &b, 0), at_b);
	assert_int_equal(replies_index(r, &a, 0), at_a);
	/* the map refuses: nobody is sent to a place without texts */
	refuse = -EPERM;
	a.block_min = 59;
	assert_int_equal(replies_index(r, &a, 0), 0);
	assert_int_equal(replies_use(r, &s, 0, &e), -EPERM);
	assert_non_null(strstr(e.text, "replies map"));
	refuse = 0;
	assert_true(replies_index(r, &a, 0) > 0);
	replies_free(r);
}

static void test_full(void **state)
{
	struct replies *r = open_replies();
	struct reply_cause cause = { .block_min = 60 };
	unsigned int kept = 0;

	(void)state;
	for (uint64_t build = 1; build < REPLIES_MAX; build++) {
		cause.build = build;
		assert_int_equal(replies_index(r, &cause, 0), build);
	}
	assert_false(replies_starved(r));
	cause.build = 5000;
	assert_int_equal(replies_index(r, &cause, 0), 0); /* general texts until there is room */
	assert_true(replies_starved(r));
	/* a walk over the verdicts asks for every third only */
	replies_mark(r);
	for (uint64_t build = 3; build < REPLIES_MAX; build += 3, kept++) {
		cause.build = build;
		assert_int_equal(replies_index(r, &cause, 0), build);
	}
	replies_sweep(r);
	assert_false(replies_starved(r));
	for (uint64_t build = 5000; build < 5000 + REPLIES_MAX - 1 - kept; build++) {
		cause.build = build;
		assert_true(replies_index(r, &cause, 0) % 3);
	}
	cause.build = 6;
	assert_int_equal(replies_index(r, &cause, 0), 6);
	cause.build = 9999;
	assert_int_equal(replies_index(r, &cause, 0), 0);
	replies_free(r);
}

static void test_keys(void **state)
{
	struct replies *r = open_replies();
	struct answer_keys first = keys, second;

	(void)state;
	assert_true(first.key[0][0] | first.key[0][1]);
	assert_int_equal(first.key[1][0] | first.key[1][1], 0);
	assert_int_equal(replies_tick(r, 100, 0, &e), 0);
	assert_int_equal(replies_tick(r, 100 + REPLY_KEY_S - 1, 0, &e), 0);
	assert_memory_equal(&keys, &first, sizeof(keys));
	assert_int_equal(replies_tick(r, 100 + REPLY_KEY_S, 0, &e), 1);
	assert_memory_equal(keys.key[1], first.key[0], 16);
	assert_memory_not_equal(keys.key[0], first.key[0], 16);
	second = keys;
	replies_free(r);
	/* the next daemon begins with the same keys */
	r = open_replies();
	assert_memory_equal(&keys, &second, sizeof(keys));
	assert_int_equal(replies_tick(r, 0, 0, &e), 0);
	refuse = -EPERM;
	assert_int_equal(replies_tick(r, REPLY_KEY_S, 0, &e), -EPERM);
	assert_non_null(strstr(e.text, "answer_keys map"));
	refuse = 0;
	assert_int_equal(replies_tick(r, REPLY_KEY_S + 30, 0, &e), 1); /* as soon as it can */
	replies_free(r);
}

static int set_up(void **state)
{
	(void)state;
	memset(texts, 0, sizeof(texts));
	memset(&keys, 0, sizeof(keys));
	refuse = 0;
	return 0;
}

static int load(void **state)
{
	(void)state;
	return catalogue_load("maps/catalogue/exchange.json", &catalogue, &e);
}

static int unload(void **state)
{
	(void)state;
	catalogue_free(catalogue);
	return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_refusal),     TEST(test_minutes),    TEST(test_other_causes),
		TEST(test_at_greeting), TEST(test_long_names), TEST(test_indices),
		TEST(test_full),        TEST(test_keys),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
