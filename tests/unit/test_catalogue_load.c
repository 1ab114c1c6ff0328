// SPDX-License-Identifier: BSD-2-Clause
/* What a catalogue file may not be, and with which words it is refused. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/catalogue/catalogue.h"

#define SMALL "tests/unit/catalogue-small.json"

/* step - the value below v that the next part of path ("key" or "key[3]") names; the rest of
 * path goes to *rest, NULL at its end */
static json_t *step(json_t *v, char *path, char **rest)
{
	char *index;

	*rest = strchr(path, '.');
	if (*rest)
		*(*rest)++ = '\0';
	index = strchr(path, '[');
	if (index)
		*index++ = '\0';
	v = json_object_get(v, path);
	return index ? json_array_get(v, atoi(index)) : v;
}

/* change - put value, or nothing at all, in the place that path names */
static void change(json_t *document, const char *path, const char *value)
{
	char *copy = strdup(path), *rest = copy, *key = strrchr(copy, '.');
	json_t *v = document;

	if (key)
		*key++ = '\0';
	else
		key = copy;
	while (key != copy && rest)
		v = step(v, rest, &rest);
	assert_true(json_is_object(v));
	if (value)
		json_object_set_new(v, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(v, key);
	free(copy);
}

/* load_text - load a catalogue from text; the name of the file is cut from the error */
static int load_text(const char *text, char *error, size_t size)
{
	char path[] = "/tmp/test_catalogue_load.XXXXXX";
	struct catalogue *catalogue = NULL;
	struct error e = {};
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = catalogue_load(path, &catalogue, &e);
	unlink(path);
	if (rc < 0) {
		assert_null(catalogue);
		assert_memory_equal(e.text, path, strlen(path));
		snprintf(error, size, "%s", e.text + strlen(path));
	}
	catalogue_free(catalogue);
	return rc;
}

/* refuses - one change to a good catalogue, one exact sentence */
static void refuses(void **state)
{
	static const struct {
		const char *path, *value, *error;
	} rows[] = {
		{ "schema", NULL, ": schema: expected a text, found nothing" },
		{ "schema", "\"buildgate-catalogue/2\"",
		  ": schema: expected \"buildgate-catalogue/1\", found \"buildgate-catalogue/2\"" },
		{ "serial", "0", ": serial: expected a whole number from 1, found 0" },
		{ "serial", "\"7\"", ": serial: expected a whole number from 1, found \"7\"" },
		{ "as_of", "\"soon\"",
		  ": as_of: expected a date like \"2024-04-23\", found \"soon\"" },
		{ "as_of", "\"2020-02-30\"",
		  ": as_of: expected a date like \"2024-04-23\", found \"2020-02-30\"" },
		{ "online.lines", "[\"90\"]",
		  ": online.lines: expected a list of lines like \"15.20\", found \"90\"" },
		{ "online", NULL, ": online.product: expected a text, found nothing" },
		{ "mitigations.after_2026", NULL,
		  ": mitigations.after_2026: expected a date like \"2024-04-23\", found nothing" },
		{ "products", "[]", ": products: expected a list that is not empty, found []" },
		{ "products", "[1]", ": products: expected a list of objects, found 1" },
		{ "products[0].name", "\"\"", ": products[0].name: expected a text, found \"\"" },
		{ "products[0].to", "\"90.0.0.1\"",
		  ": products[0].to: expected a build not below \"from\", found \"90.0.0.1\"" },
		{ "products[1].from", "\"90.1.9.9\"",
		  ": products[1].from: expected a build above the product before, "
		  "found \"90.1.9.9\"" },
		{ "products[0].support_end", "2020",
		  ": products[0].support_end: expected a date like \"2024-04-23\", or null, "
		  "found 2020" },
		{ "products[0].cus[1].derived", "\"no\"",
		  ": products[0].cus[1].derived: expected true or false, found \"no\"" },
		{ "products[1].cus", "{}",
		  ": products[1].cus: expected a list that is not empty, found {}" },
		{ "builds[2].build", "\"90.1.20\"",
		  ": builds[2].build: expected a build like \"15.1.2507.39\", "
		  "found \"90.1.20\"" },
		{ "builds[2].build", "\"90.1.20.0\"",
		  ": builds[2].build: expected a build above the one before, "
		  "found \"90.1.20.0\"" },
		{ "builds[2].build", "\"90.2.1.1\"",
		  ": builds[2].build: expected a build in the range of its product, "
		  "found \"90.2.1.1\"" },
		{ "builds[2].product", "\"Mailer 3\"",
		  ": builds[2].product: expected the name of one of the products, "
		  "found \"Mailer 3\"" },
		{ "builds[2].cu", "\"CU2\"",
		  ": builds[2].cu: expected the name of one of its product's cus, "
		  "found \"CU2\"" },
		{ "builds[2].cu", "\"RTM\"",
		  ": builds[2].cu: expected the CU of the build before, or the next one listed, "
		  "found \"RTM\"" },
		{ "builds[0].released", NULL,
		  ": builds[0].released: expected a date like \"2024-04-23\", found nothing" },
		{ "builds[0].precision", "\"year\"",
		  ": builds[0].precision: expected \"day\", \"patch-tuesday\" or \"month\", "
		  "found \"year\"" },
		{ "builds[0].update", NULL,
		  ": builds[0].update: expected a text, or null, found nothing" },
		{ "builds[0].seen_on_wire", "1",
		  ": builds[0].seen_on_wire: expected true or false, found 1" },
		{ "builds", "[]", ": builds: expected a list that is not empty, found []" },
		{ "vulnerabilities", NULL, ": vulnerabilities: expected a list, found nothing" },
		{ "vulnerabilities[0].cves", "\"CVE-2020-0001\"",
		  ": vulnerabilities[0].cves: expected a list of texts, "
		  "found \"CVE-2020-0001\"" },
		{ "vulnerabilities[0].fixes[1].cves", "[1]",
		  ": vulnerabilities[0].fixes[1].cves: expected a list of texts, found 1" },
		{ "vulnerabilities[0].fixes[1].cu", "\"CU1\"",
		  ": vulnerabilities[0].fixes[1].cu: expected the name of one of its product's "
		  "cus, found \"CU1\"" },
		{ "emergencies[0].action", "\"pray\"",
		  ": emergencies[0].action: expected \"tarpit\" or \"drop\", found \"pray\"" },
		{ "floors", "1", ": floors: expected a list, found 1" },
		{ "floors", "[{\"product\":\"Mailer 3\"}]",
		  ": floors[0].product: expected the name of one of the products, found \"Mailer "
		  "3\"" },
		{ "floors",
		  "[{\"product\":\"Mailer 1\",\"cu\":\"CU1\",\"build\":\"90.1.20.4\",\"from\":1}]",
		  ": floors[0].from: expected a date like \"2024-04-23\", found 1" },
		{ "emergencies[0].id", "\"two words\"",
		  ": emergencies[0].id: expected at most 64 characters, without a space, found "
		  "\"two words\"" },
		{ "emergencies[0].minutes", "61",
		  ": emergencies[0].minutes: expected a whole number from 1 to 60, or nothing, "
		  "found 61" },
		{ "emergencies[0].minutes", "null",
		  ": emergencies[0].minutes: expected a whole number from 1 to 60, or nothing, "
		  "found null" },
		{ "emergencies[0].builds[0].to", "\"90.1.0.1\"",
		  ": emergencies[0].builds[0].to: expected a build not below \"from\", found "
		  "\"90.1.0.1\"" },
		{ "emergencies[0].builds[0].to", "\"90.2\"",
		  ": emergencies[0].builds[0].to: expected a build like \"15.1.2507.39\", "
		  "found \"90.2\"" },
	};
	char error[512], *text;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *document = json_load_file(SMALL, 0, NULL);

		assert_non_null(document);
		change(document, rows[i].path, rows[i].value);
		text = json_dumps(document, 0);
		assert_int_equal(load_text(text, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, rows[i].error);
		free(text);
		json_decref(document);
	}
}

/* refuses_cu_without_build - each CU listed needs one, the last one too */
static void refuses_cu_without_build(void **state)
{
	json_t *document = json_load_file(SMALL, 0, NULL), *builds;
	char error[512], *text;

	(void)state;
	builds = json_object_get(document, "builds");
	json_array_remove(builds, 4);
	json_array_remove(builds, 3);
	text = json_dumps(document, 0);
	assert_int_equal(load_text(text, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, ": builds: expected a build of Mailer 2 RTM, found nothing");
	free(text);
	json_decref(document);
}

/* refuses_broken_json - with the line, and a key that stands twice */
static void refuses_broken_json(void **state)
{
	char error[512];

	(void)state;
	assert_int_equal(load_text("{\n  \"schema\": \"x\",\n  oops\n}", error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, ": line 3, column "));
	assert_non_null(strstr(error, "not JSON: "));
	assert_int_equal(load_text("", error, sizeof(error)), -EINVAL);
	assert_int_equal(load_text("[]", error, sizeof(error)), -EINVAL);
	assert_string_equal(error, ": schema: expected a text, found nothing");
	assert_int_equal(load_text("{\"schema\":\"x\",\"schema\":\"y\"}", error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "duplicate"));
}

/* refuses_no_file - the path and why */
static void refuses_no_file(void **state)
{
	struct catalogue *catalogue = NULL;
	struct error e = {};

	(void)state;
	assert_int_equal(catalogue_load("/nonexistent/exchange.json", &catalogue, &e), -ENOENT);
	assert_string_equal(e.text, "/nonexistent/exchange.json: cannot open: "
				    "No such file or directory");
	assert_int_equal(catalogue_load("/nonexistent/exchange.json", &catalogue, NULL), -ENOENT);
	assert_null(catalogue);
	catalogue_free(NULL);
}

/* takes_later_keys - a catalogue of a later version, with keys we do not know, loads */
static void takes_later_keys(void **state)
{
	struct catalogue *catalogue;
	struct error e = {};

	(void)state;
	assert_int_equal(catalogue_load(SMALL, &catalogue, &e), 0);
	assert_int_equal(catalogue_count(catalogue), 5);
	assert_int_equal(catalogue_serial(catalogue), 7);
	catalogue_free(catalogue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_cu_without_build),
		cmocka_unit_test(refuses_broken_json),
		cmocka_unit_test(refuses_no_file),
		cmocka_unit_test(takes_later_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
