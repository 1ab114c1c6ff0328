// SPDX-License-Identifier: BSD-2-Clause
/* Observations in, lines out, with the shipped catalogue and policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "user/escalation/simulate.h"
#include "user/base/times.h"

#define GRACE 30

/* The fixed keys, made short: day-and-time, source, helo, stage, minutes. */
static char *shorten(const char *lines)
{
	static const char *const keys[] = { "at",           "source",    "helo",
					    "build",        "standing",  "stage",
					    "throttle_min", "block_min", "why" };
	char *text = calloc(1, 65536);
	size_t used = 0;

	while (*lines) {
		size_t length = strcspn(lines, "\n");
		json_t *o = json_loadb(lines, length, 0, NULL);

		assert_non_null(o);
		assert_int_equal(json_object_size(o), 9);
		for (size_t i = 0; i < 9; i++)
			assert_non_null(json_object_get(o, keys[i]));
		assert_non_null(strstr(json_string_value(json_object_get(o, "why")), "rule: "));
		used += (size_t)snprintf(text + used, 65536 - used, "%s %s %s %lld %lld/%lld\n",
					 json_string_value(json_object_get(o, "at")) + 5,
					 json_string_value(json_object_get(o, "source")),
					 json_string_value(json_object_get(o, "helo")),
					 json_integer_value(json_object_get(o, "stage")),
					 json_integer_value(json_object_get(o, "throttle_min")),
					 json_integer_value(json_object_get(o, "block_min")));
		json_decref(o);
		lines += length + (lines[length] == '\n');
	}
	return text;
}

/* run - simulate text as JSON lines; the caller frees */
static int run(const char *in, const char *until, bool json, char **ret_out, struct error *e)
{
	struct simulate_options options = { .grace_days = GRACE, .json = json };
	struct catalogue *catalogue;
	struct policy *policy;
	FILE *from, *to;
	size_t size;
	int rc;

	assert_int_equal(catalogue_load("maps/catalogue/exchange.json", &catalogue, NULL), 0);
	assert_int_equal(policy_load("30-10-60", "maps/policy", &policy, NULL), 0);
	options.catalogue = catalogue;
	options.policy = policy;
	if (until)
		assert_int_equal(times_parse(until, &options.until), 0);
	from = fmemopen((void *)in, strlen(in), "r");
	to = open_memstream(ret_out, &size);
	assert_true(from && to);
	rc = simulate(from, to, &options, e);
	fclose(from);
	fclose(to);
	policy_free(policy);
	catalogue_free(catalogue);
	return rc;
}

#define OLD(at, source, name)                                                                      \
	"{\"at\":\"2026-" at "Z\",\"source\":\"" source "\",\"helo\":\"" name "\",\"build\":"      \
	"\"15.1.2507.17\",\"origin\":\"received\",\"other\":[1]}\n"
#define NEW(at, source, name)                                                                      \
	"{\"at\":\"2026-" at "Z\",\"source\":\"" source "\",\"helo\":\"" name "\",\"build\":"      \
	"\"15.2.2562.53\"}\n"
#define NONE(at, source, name)                                                                     \
	"{\"type\":\"no_build\",\"at\":\"2026-" at "Z\",\"source\":\"" source "\",\"helo\":"       \
	"\"" name "\",\"family\":\"other\"}\n"
#define A "192.0.2.7"
#define B "2001:db8:0:1::5"

#define PAUSE(at, days)                                                                            \
	"{\"type\":\"pause\",\"at\":\"" at "Z\",\"source\":\"" A "\",\"days\":" days "}\n"
#define UNPAUSE(at) "{\"type\":\"unpause\",\"at\":\"" at "Z\",\"source\":\"" A "\"}\n"

/* any connection: EHLO name, name in the stamp, where the build stood */
#define SEEN(at, helo, by, build, origin)                                                          \
	"{\"at\":\"" at "Z\",\"source\":\"" A "\",\"helo\":\"" helo "\",\"by\":" by                \
	",\"build\":\"" build "\",\"origin\":\"" origin "\"}\n"
#define STAMP(at, by, build) SEEN("2026-" at, "relay", "\"" by "\"", build, "received")
#define LABEL(at, number, build)                                                                   \
	SEEN("2026-" at, "b" number ".ex01.example.org", "null", build, "ehlo")

struct row {
	const char *what, *in, *until, *out;
};

static const struct row rows[] = {
	{ "two connections", OLD("01-01T00:00:00", A, "ex") OLD("01-01T01:00:00", A, "ex"), NULL,
	  "01-01T01:00:00Z 192.0.2.7 ex 1 0/0\n" },
	{ "one", OLD("01-01T00:00:00", A, "ex"), "2026-12-01", "" },
	{ "nothing but an empty line", "\n", NULL, "" },
	{ "any order", OLD("01-01T01:00:00", A, "ex") OLD("01-01T00:00:00", A, "ex"), NULL,
	  "01-01T01:00:00Z 192.0.2.7 ex 1 0/0\n" },
	{ "time runs on to --until",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  OLD("01-30T00:00:00", A, "ex"),
	  "2026-02-10",
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-31T00:00:00Z 192.0.2.7 ex 2 5/0\n"
	  "02-06T00:00:00Z 192.0.2.7 ex 2 0/0\n02-10T00:00:00Z 192.0.2.7 ex 3 0/0\n" },
	{ "later input is ignored",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  NEW("01-03T00:00:01", A, "ex"),
	  "2026-01-03", "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n" },
	{ "input at --until counts",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  NEW("01-03T00:00:00", A, "ex"),
	  "2026-01-03",
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-03T00:00:00Z 192.0.2.7 ex 0 0/0\n" },
	{ "a fine build of the same second wins, wherever it stands",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  NEW("01-02T00:00:00", A, "ex"),
	  "2026-01-05", "" },
	{ "sources are apart, and a /64 is one",
	  OLD("01-01T00:00:00", B, "ex") OLD("01-01T00:30:00", A, "ex")
		  OLD("01-02T00:00:00", "2001:db8:0:1::9", "ex"),
	  NULL, "01-02T00:00:00Z 2001:db8:0:1:: ex 1 0/0\n" },
	{ "two due at once: in order of their address",
	  OLD("01-01T00:00:00", "192.0.2.9", "ex") OLD("01-01T00:00:00", A, "ex")
		  OLD("01-02T00:00:00", "192.0.2.9", "ex") OLD("01-02T00:00:00", A, "ex")
			  OLD("01-29T00:00:00", "192.0.2.9", "ex") OLD("01-29T00:00:00", A, "ex"),
	  "2026-01-31",
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-02T00:00:00Z 192.0.2.9 ex 1 0/0\n"
	  "01-31T00:00:00Z 192.0.2.7 ex 2 5/0\n01-31T00:00:00Z 192.0.2.9 ex 2 5/0\n" },
	{ "a neighbour without a build",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  OLD("01-30T00:00:00", A, "ex") NONE("02-01T00:00:00", A, "postfix"),
	  NULL,
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-31T00:00:00Z 192.0.2.7 ex 2 5/0\n"
	  "02-01T00:00:00Z 192.0.2.7 ex 2 0/0\n" },
	{ "the lines of a second stand for all of it",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  OLD("01-30T00:00:00", A, "ex") NONE("02-06T00:00:00", A, "ex")
			  OLD("02-06T00:00:00", A, "ex"),
	  NULL, "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-31T00:00:00Z 192.0.2.7 ex 2 5/0\n" },
	{ "a pause stops the clock until its last midnight",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  PAUSE("2026-01-11T12:00:00", "5") OLD("02-04T00:00:00", A, "ex"),
	  "2026-02-05",
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n02-04T12:00:00Z 192.0.2.7 ex 2 5/0\n" },
	{ "across a year's end, let go early: elapsed goes on where it stood",
	  OLD("12-01T00:00:00", A, "ex") OLD("12-02T00:00:00", A, "ex")
		  OLD("12-03T00:00:00", A, "ex") PAUSE("2026-12-31T00:00:00", "60") UNPAUSE(
			  "2027-01-02T00:00:00") "{\"at\":\"2027-01-02T06:00:00Z\",\"source\":\"" A
						 "\",\"helo\":\"ex\",\"build\":\"15.1.2507.17\"}\n",
	  NULL,
	  "12-02T00:00:00Z 192.0.2.7 ex 1 0/0\n12-31T00:00:00Z 192.0.2.7 ex 2 0/0\n"
	  "01-02T06:00:00Z 192.0.2.7 ex 2 5/0\n" },
	{ "a relay that adds no line: the stamps of two customers, one of them patched",
	  STAMP("01-01T00:00:00", "a", "15.1.2507.17") STAMP("01-01T01:00:00", "b", "15.2.2562.53")
		  STAMP("01-02T00:00:00", "a", "15.1.2507.17")
			  STAMP("01-30T00:00:00", "a", "15.1.2507.17"),
	  "2026-02-01", "01-02T00:00:00Z 192.0.2.7 a 1 0/0\n01-31T00:00:00Z 192.0.2.7 a 2 0/0\n" },
	{ "a build in the EHLO label that changes at each patch: one server all the time",
	  LABEL("01-01T00:00:00", "15-1-2507-17", "15.1.2507.17")
		  LABEL("01-02T00:00:00", "15-1-2507-31", "15.1.2507.31")
			  LABEL("01-30T00:00:00", "15-1-2507-61", "15.1.2507.61")
				  LABEL("02-03T00:00:00", "15-1-2507-69", "15.1.2507.69")
					  LABEL("02-04T00:00:00", "15-2-2562-53", "15.2.2562.53"),
	  NULL,
	  "01-02T00:00:00Z 192.0.2.7 ex01.example.org 1 0/0\n"
	  "01-30T00:00:00Z 192.0.2.7 ex01.example.org 0 0/0\n" },
	{ "upgraded in the very second of the last stage",
	  OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex")
		  OLD("01-30T00:00:00", A, "ex") OLD("02-05T00:00:00", A, "ex")
			  OLD("02-11T00:00:00", A, "ex") OLD("02-17T00:00:00", A, "ex")
				  OLD("02-23T00:00:00", A, "ex") OLD("03-01T00:00:00", A, "ex")
					  NEW("03-02T00:00:00", A, "ex"),
	  NULL,
	  "01-02T00:00:00Z 192.0.2.7 ex 1 0/0\n01-31T00:00:00Z 192.0.2.7 ex 2 5/0\n"
	  "02-10T00:00:00Z 192.0.2.7 ex 3 10/0\n02-20T00:00:00Z 192.0.2.7 ex 4 20/0\n"
	  "03-02T00:00:00Z 192.0.2.7 ex 0 0/0\n" },
	{ "a build newer than the catalogue is never accused",
	  SEEN("2026-11-01T00:00:00", "ex", "null", "15.2.2562.99", "received")
		  SEEN("2026-11-02T00:00:00", "ex", "null", "15.2.3000.1", "received"),
	  "2027-12-01", "" },
	{ "nor what a stale catalogue does not know; what it knows to be old stays old",
	  SEEN("2029-01-01T00:00:00", "ex", "null", "15.2.2562.53",
	       "received") SEEN("2029-01-02T00:00:00", "ex", "null", "15.2.2562.53", "received")
		  SEEN("2030-01-01T00:00:00", "ey", "null", "15.2.1748.53", "received")
			  SEEN("2030-01-02T00:00:00", "ey", "null", "15.2.1748.53", "received"),
	  NULL, "01-02T00:00:00Z 192.0.2.7 ey 1 0/0\n" },
	{ "other objects are passed over",
	  "{\"type\":\"summary\",\"frames\":3}\n" OLD("01-01T00:00:00", A, "ex"), NULL, "" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = { "" };
		char *out = NULL, *text;

		if (run(rows[i].in, rows[i].until, true, &out, &e) < 0)
			fail_msg("%s: %s", rows[i].what, e.text);
		text = shorten(out);
		if (strcmp(text, rows[i].out))
			fail_msg("%s: expected\n%s\ngot\n%s", rows[i].what, rows[i].out, text);
		free(text);
		free(out);
	}
}

static void test_wrong(void **state)
{
	struct error e = { "" };
	char *out = NULL;

	(void)state;
	assert_int_equal(run(OLD("01-01T00:00:00", A, "ex") "\n{\n", NULL, true, &out, &e),
			 -EINVAL);
	assert_ptr_equal(strstr(e.text, "line 3: no JSON"), e.text);
	assert_string_equal(out, "");
	free(out);
	assert_int_equal(
		run("{\"at\":\"2026-01-01\",\"build\":\"1.2.3.4\"}\n", NULL, true, &out, &e),
		-EINVAL);
	assert_ptr_equal(strstr(e.text, "line 1: "), e.text);
	free(out);
}

/* test_pause_days - 90 of a calendar year, those not used come back */
static void test_pause_days(void **state)
{
	struct error e = { "" };
	char *out = NULL;

	(void)state;
	assert_int_equal(run(PAUSE("2026-01-01T00:00:00", "90") UNPAUSE("2026-01-31T00:00:00")
				     PAUSE("2026-03-01T00:00:00", "60"),
			     NULL, true, &out, &e),
			 0);
	free(out);
	assert_int_equal(run(PAUSE("2026-01-01T00:00:00", "90") UNPAUSE("2026-01-31T00:00:00")
				     PAUSE("2026-03-01T00:00:00", "61"),
			     NULL, true, &out, &e),
			 -EDQUOT);
	assert_ptr_equal(strstr(e.text, "line 3: pause of 61 days"), e.text);
	free(out);
	assert_int_equal(run(PAUSE("2026-01-01T00:00:00", "0"), NULL, true, &out, &e), -EINVAL);
	assert_non_null(strstr(e.text, "\"days\""));
	free(out);
}

/* test_withdrawn - an emergency of the first catalogue is not in the next */
static void test_withdrawn(void **state)
{
	static const char in[] = OLD("01-01T00:00:00", A, "ex") OLD("01-01T02:00:00", A, "ex")
		OLD("01-03T00:00:00", A, "ex");
	struct simulate_options options = { .grace_days = GRACE, .json = true };
	json_t *file = json_load_file("maps/catalogue/exchange.json", 0, NULL);
	struct catalogue *declared, *withdrawn;
	char *text, *out, *lines;
	struct policy *policy;
	FILE *from, *to;
	size_t size;

	(void)state;
	json_object_set_new(
		file, "emergencies",
		json_loads("[{\"id\":\"E1\",\"builds\":[{\"from\":\"15.1.2507.17\","
			   "\"to\":\"15.1.2507.17\"}],\"action\":\"drop\",\"until\":null,"
			   "\"minutes_per_hour\":60}]",
			   0, NULL));
	text = json_dumps(file, 0);
	assert_int_equal(catalogue_parse("declared", text, strlen(text), &declared, NULL), 0);
	assert_int_equal(catalogue_load("maps/catalogue/exchange.json", &withdrawn, NULL), 0);
	assert_int_equal(policy_load("30-10-60", "maps/policy", &policy, NULL), 0);
	options.policy = policy;
	options.catalogue = declared;
	options.next = withdrawn;
	times_parse("2026-01-02T12:00:00Z", &options.next_at);
	times_parse("2026-02-01", &options.until);
	from = fmemopen((void *)in, strlen(in), "r");
	to = open_memstream(&out, &size);
	assert_int_equal(simulate(from, to, &options, NULL), 0);
	fclose(from);
	fclose(to);
	lines = shorten(out);
	assert_string_equal(lines, "01-01T02:00:00Z 192.0.2.7 ex 5 0/60\n"
				   "01-02T12:00:00Z 192.0.2.7 ex 1 0/0\n");
	free(lines);
	free(out);
	free(text);
	json_decref(file);
	policy_free(policy);
	catalogue_free(declared);
	catalogue_free(withdrawn);
}

static void test_text(void **state)
{
	char *out = NULL;

	(void)state;
	assert_int_equal(run(OLD("01-01T00:00:00", A, "ex") OLD("01-02T00:00:00", A, "ex"), NULL,
			     false, &out, NULL),
			 0);
	assert_non_null(strstr(out, "2026-01-02T00:00:00Z  192.0.2.7 ex  15.1.2507.17 outdated  "
				    "stage 1  slowed 0, refused 0 min/h\n"));
	free(out);
}

/* many sources, each with dues of its own, in one heap */
static void test_many(void **state)
{
	char *in = NULL, *out = NULL;
	size_t size, lines = 0;
	FILE *f = open_memstream(&in, &size);

	(void)state;
	for (int i = 0; i < 2000; i++)
		for (int day = 1; day <= 4; day++)
			fprintf(f,
				"{\"at\":\"2026-01-%02dT%02d:%02d:00Z\",\"source\":\"198.51.100.%"
				"d\","
				"\"helo\":\"ex%d\",\"build\":\"15.1.2507.17\"}\n",
				day, i % 24, i % 60, i % 250, i % 250);
	fclose(f);
	assert_int_equal(run(in, "2026-07-20", true, &out, NULL), 0);
	for (const char *p = out; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 250 * 6); /* five stages and the archive */
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_pause_days), cmocka_unit_test(test_withdrawn),
		cmocka_unit_test(test_text),       cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
