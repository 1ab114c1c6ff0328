// SPDX-License-Identifier: BSD-2-Clause
/* A catalogue from outside: two files made by minisign itself, and what may happen to them. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/base/build.h"
#include "user/base/file.h"
#include "user/base/times.h"
#include "user/catalogue/update.h"

#define SIGNED "tests/unit/catalogue-signed.json"
#define SMALL  "tests/unit/catalogue-small.json"
#define KEY    "RWQbd8svnDTBfCFDdRxpryzkG3M0rqSGwPXbaJI/ZNO41NimPLLIpSWy"
#define KEY_ID "7CC1349C2FCB771B"

static char dir[64];
static struct signature_keys keys;

static int setup(void **state)
{
	struct error e;

	(void)state;
	strcpy(dir, "/tmp/test_update.XXXXXX");
	assert_non_null(mkdtemp(dir));
	keys.count = 1;
	assert_int_equal(signature_key(KEY, &keys.list[0], &e), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* in_dir - a path below the test's directory */
static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned int turn;
	char *at = path[turn++ % 4];

	snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
	return at;
}

/* copy - a file, up to `max` bytes of it, with its byte `flip` changed (-1: none) */
static void copy(const char *from, const char *to, long flip)
{
	struct error e = { "" };
	size_t bytes;
	char *text;

	assert_int_equal(file_read(from, UPDATE_FILE_MAX, &text, &bytes, &e), 0);
	if (flip >= 0)
		text[flip] ^= 1;
	assert_int_equal(file_write(to, text, bytes, &e), 0);
	free(text);
}

static void good(void **state)
{
	struct update u;
	struct error e = { "" };

	(void)state;
	assert_int_equal(update_read(SIGNED, &keys, 1, &u, &e), 0);
	assert_int_equal(catalogue_serial(u.catalogue), 8);
	assert_string_equal(u.key, KEY_ID);
	assert_string_equal(u.comment, "buildgate catalogue, serial 8");
	assert_int_equal(strlen(u.digest), UPDATE_DIGEST - 1);
	update_clear(&u);
	assert_null(u.catalogue);
}

static void refused(void **state)
{
	struct update u;
	struct error e = { "" };

	(void)state;
	assert_int_equal(update_read("/nonexistent.json", &keys, 1, &u, &e), -ENOENT);
	assert_int_equal(update_read(SMALL, &keys, 1, &u, &e), -ENOENT);
	assert_non_null(strstr(e.text, "there is no signature beside it; expected " SMALL));
	assert_int_equal(update_read(dir, &keys, 1, &u, &e), -EINVAL);
	assert_non_null(strstr(e.text, "is not a regular file"));

	/* changed on the way: not even looked at as JSON */
	copy(SIGNED, in_dir("c.json"), 0);
	copy(SIGNED ".minisig", in_dir("c.json.minisig"), -1);
	assert_int_equal(update_read(in_dir("c.json"), &keys, 1, &u, &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "is not what key " KEY_ID " signed"));
	assert_null(u.catalogue);
	assert_null(u.text);

	/* the signature of another file */
	copy(SMALL, in_dir("c.json"), -1);
	assert_int_equal(update_read(in_dir("c.json"), &keys, 1, &u, &e), -EKEYREJECTED);

	keys.list[0].not_after = 100;
	assert_int_equal(update_read(SIGNED, &keys, 100, &u, &e), -EKEYREJECTED);
	assert_int_equal(update_read(SIGNED, &keys, 99, &u, &e), 0);
	update_clear(&u);
}

/* a FIFO must not hang a reader, nor a big file fill its memory */
static void odd_files(void **state)
{
	struct error e = { "" };
	size_t bytes;
	char *text;

	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(file_read(in_dir("fifo"), 10, &text, &bytes, &e), -EINVAL);
	assert_int_equal(file_write(in_dir("f"), "0123456789", 10, &e), 0);
	assert_int_equal(file_read(in_dir("f"), 10, &text, &bytes, &e), 0);
	assert_int_equal(bytes, 10);
	assert_string_equal(text, "0123456789");
	free(text);
	assert_int_equal(file_read(in_dir("f"), 9, &text, &bytes, &e), -EFBIG);
	assert_non_null(strstr(e.text, "expected at most 9 bytes"));
	assert_int_equal(file_write(in_dir("no/f"), "", 0, &e), -ENOENT);
}

static void kept(void **state)
{
	const char *catalogues = in_dir("state");
	struct update u, back;
	struct error e = { "" };

	(void)state;
	assert_int_equal(update_read(SIGNED, &keys, 1, &u, &e), 0);
	assert_int_equal(update_keep(&u, catalogues, &e), 0);
	assert_int_equal(update_keep(&u, catalogues, &e), 0); /* after a crash, once more */
	assert_int_equal(update_kept(catalogues, 8, u.digest, &back, &e), 0);
	assert_int_equal(catalogue_serial(back.catalogue), 8);
	update_clear(&back);

	/* a restart after its key has ended is no reason to lose it, but a change is */
	copy(SIGNED, in_dir("state/exchange-8.json"), 100);
	assert_int_equal(update_kept(catalogues, 8, u.digest, &back, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "is not the file that was taken"));
	assert_int_equal(update_kept(catalogues, 9, u.digest, &back, &e), -ENOENT);
	copy(SIGNED, in_dir("state/exchange-9.json"), -1);
	assert_int_equal(update_kept(catalogues, 9, u.digest, &back, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "has serial 8, expected that of its name"));
	update_clear(&u);
}

static void forgotten(void **state)
{
	static const char *const names[] = { "exchange-8.json",     "exchange-8.json.minisig",
					     "exchange-7.json",     "exchange-7.json.minisig",
					     "exchange-9.json.new", "exchange-80.json",
					     "exchange-8.json.new", "notes" };
	struct error e = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(file_write(in_dir(names[i]), "x", 1, &e), 0);
	update_forget(dir, 8);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(access(in_dir(names[i]), F_OK), i < 2 || i == 7 ? 0 : -1);
	update_forget("/nonexistent", 8);
}

/* judge - what the signed catalogue says of a build on a day */
static struct judgement judge(const struct catalogue *c, const char *build, const char *day)
{
	struct judgement j;
	int64_t at;

	assert_int_equal(times_parse(day, &at), 0);
	catalogue_judge(c, build_parse(build), at, 30, NULL, NULL, &j);
	return j;
}

static void emergencies(void **state)
{
	struct judgement j;
	struct update u;
	struct error e = { "" };
	json_t *shown;

	(void)state;
	assert_int_equal(update_read(SIGNED, &keys, 1, &u, &e), 0);
	j = judge(u.catalogue, "90.2.5.0", "2020-08-31");
	assert_int_equal(j.standing, STANDING_EMERGENCY);
	assert_int_equal(j.apart, STANDING_CURRENT);
	assert_string_equal(j.emergency, "E2");
	assert_true(j.tarpit);
	assert_int_equal(j.minutes, 20);
	j = judge(u.catalogue, "90.2.5.0", "2020-09-01");
	assert_int_equal(j.standing, STANDING_CURRENT);
	j = judge(u.catalogue, "90.2.6.1", "2030-01-01");
	assert_string_equal(j.emergency, "E3");
	assert_false(j.tarpit);
	assert_int_equal(j.minutes, 60);
	assert_true(j.until == INT64_MAX);
	assert_int_equal(catalogue_emergencies(u.catalogue, 1), 2);

	assert_false(catalogue_block(u.catalogue, "E9", true));
	assert_true(catalogue_block(u.catalogue, "E3", true));
	assert_int_equal(judge(u.catalogue, "90.2.6.1", "2030-01-01").standing, STANDING_CURRENT);
	assert_int_equal(catalogue_emergencies(u.catalogue, 1), 1);
	shown = catalogue_summary(u.catalogue, 1);
	assert_int_equal(json_array_size(json_object_get(shown, "emergencies")), 2);
	shown = (json_decref(shown), catalogue_summary(u.catalogue, 4000000000));
	assert_true(json_is_false(json_object_get(
		json_array_get(json_object_get(shown, "emergencies"), 0), "active")));
	assert_true(json_is_true(json_object_get(
		json_array_get(json_object_get(shown, "emergencies"), 1), "blocked")));
	json_decref(shown);
	assert_true(catalogue_block(u.catalogue, "E3", false));
	assert_int_equal(judge(u.catalogue, "90.2.6.1", "2030-01-01").standing, STANDING_EMERGENCY);
	update_clear(&u);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(good), TEST(refused),   TEST(odd_files),
		TEST(kept), TEST(forgotten), TEST(emergencies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
