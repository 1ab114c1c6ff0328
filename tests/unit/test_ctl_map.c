// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading maps: the system calls are replaced by an array of verdicts that comes in batches, as
 * the kernel hands out a hash: never a part of a bucket.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/ctl/ctl_map.h"
#include "user/ctl/ctl_parse.h"

#define NS 1000000000ULL

static struct settings settings;
static struct {
	unsigned int entries; /* sources 10.0.0.0 and up, and what is in `extra` */
	unsigned int bucket;  /* entries that come together or not at all */
	unsigned int refused; /* batches that were too small */
	int fail_at;          /* this batch fails with EIO; 0: none */
	int batches;
	uint32_t value_bytes;
	struct addr extra;
	int opened;
} fake;

/* ---- what the program calls ---- */

int pinned_open(struct pinned **ret_pinned, struct error *e)
{
	(void)e;
	*ret_pinned = (struct pinned *)&settings;
	return 0;
}

void pinned_close(struct pinned *pinned)
{
	(void)pinned;
}

volatile struct settings *pinned_settings(struct pinned *pinned)
{
	return (struct settings *)pinned;
}

int pinned_map(const char *name, struct error *e)
{
	if (strcmp(name, "events") == 0)
		return error_set(e, -EPERM, "no permission");
	fake.opened++;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int pinned_slowed(uint64_t now_ns)
{
	(void)now_ns;
	return 3;
}

int pinned_counters(struct pinned *pinned, struct counters ret_counters[HOOK_MAX])
{
	(void)pinned;
	(void)ret_counters;
	return -EIO;
}

const char *reason_name(unsigned int reason)
{
	return reason ? "some" : "none";
}

const char *reason_kind(unsigned int reason)
{
	return reason_name(reason);
}

const char *reason_text(unsigned int reason)
{
	return reason_name(reason);
}

const char *hook_name(unsigned int hook)
{
	return reason_name(hook);
}

/* the system calls; their names are those of libbpf */

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *info_len)
{
	struct bpf_map_info *map = info;

	(void)fd;
	(void)info_len;
	map->id = 7;
	map->type = BPF_MAP_TYPE_HASH;
	map->key_size = sizeof(struct addr);
	map->value_size = fake.value_bytes;
	map->max_entries = 1000;
	return 0;
}

/* source - number i of the fake map */
static struct addr source(unsigned int i)
{
	struct addr addr = { .b = { [10] = 0xff, [11] = 0xff, [12] = 10 } };

	addr.b[13] = (uint8_t)(i >> 16);
	addr.b[14] = (uint8_t)(i >> 8);
	addr.b[15] = (uint8_t)i;
	return addr;
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	unsigned int at = 0, n, i;

	(void)fd;
	(void)opts;
	if (++fake.batches == fake.fail_at)
		return -EIO;
	if (in)
		memcpy(&at, in, sizeof(at));
	n = fake.entries - at < *count ? fake.entries - at : *count;
	if (n < fake.entries - at)
		n -= n % fake.bucket;
	if (!n && at < fake.entries) {
		fake.refused++;
		return -ENOSPC;
	}
	for (i = 0; i < n; i++) {
		struct verdict verdict = { .throttle_s = 600 };

		((struct addr *)keys)[i] = source(at + i);
		memcpy((char *)values + i * sizeof(verdict), &verdict, sizeof(verdict));
	}
	at += n;
	memcpy(out, &at, sizeof(at));
	*count = n;
	return at == fake.entries ? -ENOENT : 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	(void)fd;
	if (memcmp(key, &fake.extra, sizeof(fake.extra)) != 0) {
		errno = ENOENT;
		return -ENOENT;
	}
	*(struct verdict *)value = (struct verdict) { .block_s = 3600 };
	return 0;
}

/* ---- the tests ---- */

static char *said;
static struct error why;

/* run - "map dump verdicts" and the like, up to four words */
static int run(char *first, char *second, char *third, char *fourth)
{
	char *argv[] = { "gatectl", first, second, third, fourth };
	struct ctl ctl = { 0 };
	size_t size;
	int rc;

	if (ctl_parse(fourth ? 5 : third ? 4 : 3, argv, &ctl, &why))
		fail_msg("%s", why.text);
	free(said);
	ctl.out = open_memstream(&said, &size);
	rc = ctl.command->run(&ctl, &why);
	fclose(ctl.out);
	return rc;
}

static int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.bucket = 1;
	fake.value_bytes = sizeof(struct verdict);
	settings.mode = MODE_ENFORCE;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(said);
	said = NULL;
	return 0;
}

/* expect_dump - every entry once, in JSON and in rows */
static void expect_dump(unsigned int entries)
{
	unsigned int lines = 0;
	json_t *array;
	char *at;

	assert_int_equal(run("map", "dump", "verdicts", "-j"), 0);
	array = json_loads(said, 0, NULL);
	assert_int_equal(json_array_size(array), entries);
	for (unsigned int i = 0; i < entries; i++) {
		char text[ADDRESS_TEXT];
		struct addr addr = source(i);

		assert_string_equal(
			json_string_value(json_object_get(json_array_get(array, i), "source")),
			address_format(&addr, text));
	}
	json_decref(array);
	assert_int_equal(run("map", "dump", "verdicts", NULL), 0);
	for (at = said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, entries + 1);
}

static void test_dump(void **state)
{
	static const unsigned int entries[] = { 0, 1, 4095, 4096, 4097, 10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		fake.entries = entries[i];
		expect_dump(entries[i]);
	}
}

static void test_big_buckets(void **state)
{
	(void)state;
	fake.entries = 12000;
	fake.bucket = 5000; /* more than the first batch holds */
	expect_dump(12000);
	assert_int_equal(fake.refused, 2);
}

static void test_failing_read(void **state)
{
	json_t *array;

	(void)state;
	fake.entries = 10000;
	fake.fail_at = 2;
	assert_int_equal(run("map", "dump", "verdicts", "-j"), -EIO);
	assert_string_equal(why.text, "cannot read the map verdicts: Input/output error");
	/* what was printed is still JSON */
	array = json_loads(said, 0, NULL);
	assert_int_equal(json_array_size(array), 4096);
	json_decref(array);
	assert_int_equal(run("map", "dump", "counters", NULL), -EIO);
}

static void test_other_layout(void **state)
{
	(void)state;
	fake.value_bytes = sizeof(struct verdict) + 8;
	assert_int_equal(run("map", "dump", "verdicts", NULL), -EPROTO);
	assert_non_null(strstr(why.text, "another layout"));
	assert_int_equal(run("map", "get", "verdicts", "192.0.2.7"), -EPROTO);
	assert_string_equal(said, "");
}

static void test_get_verdict(void **state)
{
	(void)state;
	address_parse("192.0.2.7", &fake.extra);
	assert_int_equal(run("map", "get", "verdicts", "192.0.2.7"), 0);
	assert_string_equal(said, "192.0.2.7 is refused all the time (now: refused), by the "
				  "operator\n");
	assert_int_equal(run("map", "get", "verdicts", "192.0.2.6"), -ENOENT);
	assert_string_equal(why.text, "192.0.2.6 has no verdict: it passes");
	/* an IPv6 address belongs to its network, whatever the length of a source */
	address_parse("2001:db8:1::", &fake.extra);
	assert_int_equal(run("map", "get", "verdicts", "2001:db8:1:0:5::1"), 0);
	assert_int_equal(strncmp(said, "2001:db8:1:: is refused", 23), 0);
	assert_int_equal(run("map", "get", "verdicts", "2001:db8:2::1"), -ENOENT);
}

static void test_get_others(void **state)
{
	(void)state;
	fake.value_bytes = sizeof(struct flow);
	assert_int_equal(run("map", "get", "flows", "192.0.2.7:1-192.0.2.8:25"), -ENOENT);
	assert_string_equal(why.text, "the map flows has no entry 192.0.2.7:1-192.0.2.8:25");
}

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(run("map", "list", "-j", NULL), -EPERM);
	assert_string_equal(why.text, "no permission");
	assert_string_equal(said, "");
}

static void test_descriptors(void **state)
{
	int before = dup(0), after;

	(void)state;
	close(before);
	fake.entries = 3;
	run("map", "dump", "verdicts", NULL);
	run("map", "get", "verdicts", "192.0.2.7");
	run("map", "list", "-j", NULL);
	assert_true(fake.opened > 2);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dump),         TEST(test_big_buckets), TEST(test_failing_read),
		TEST(test_other_layout), TEST(test_get_verdict), TEST(test_get_others),
		TEST(test_list),         TEST(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
