// SPDX-License-Identifier: BSD-2-Clause
/* JSON as text and its rows: what one writes, jansson writes too, and the other finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/jsonrows.h"
#include "user/base/jsontext.h"

/* is - the text so far */
static void is(const struct jsontext *t, const char *expected)
{
	assert_false(jsontext_failed(t));
	assert_int_equal(t->used, strlen(expected));
	assert_memory_equal(t->text, expected, t->used);
}

static void test_shapes(void **state)
{
	struct jsontext t = { 0 };
	json_t *value = json_pack("{s:[i,n]}", "a", 1);

	(void)state;
	jsontext_open(&t, NULL, '{');
	jsontext_string(&t, "none", NULL);
	jsontext_open(&t, "list", '[');
	jsontext_open(&t, NULL, '{');
	jsontext_close(&t, '}');
	jsontext_integer(&t, NULL, INT64_MIN);
	jsontext_integer(&t, NULL, 0);
	jsontext_integer(&t, NULL, INT64_MAX);
	jsontext_close(&t, ']');
	jsontext_bool(&t, "yes", true);
	jsontext_bool(&t, "no", false);
	jsontext_json(&t, "value", value);
	jsontext_close(&t, '}');
	jsontext_open(&t, NULL, '{'); /* a second one beside it */
	jsontext_close(&t, '}');
	is(&t, "{\"none\":null,\"list\":[{},-9223372036854775808,0,9223372036854775807],"
	       "\"yes\":true,\"no\":false,\"value\":{\"a\":[1,null]}},{}");
	jsontext_free(&t);
	json_decref(value);
	jsontext_json(&t, NULL, NULL);
	assert_true(jsontext_failed(&t));
	assert_null(jsontext_read(&t));
	jsontext_free(&t);
}

/* test_strings - every character, as jansson writes it, and the same when read */
static void test_strings(void **state)
{
	char all[160] = "";
	struct jsontext t = { 0 };
	json_t *value, *back;
	char *expected;

	(void)state;
	for (int c = 1; c < 128; c++)
		all[c - 1] = (char)c;
	strcat(all, "\xc3\xa4\xe2\x82\xac");
	value = json_string(all);
	expected = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	jsontext_string(&t, NULL, all);
	is(&t, expected);
	back = jsontext_read(&t);
	assert_string_equal(json_string_value(back), all);
	json_decref(back);
	json_decref(value);
	free(expected);
	jsontext_free(&t);
}

/* test_long - the buffer grows under a list */
static void test_long(void **state)
{
	struct jsontext t = { 0 };
	json_t *back;

	(void)state;
	jsontext_open(&t, NULL, '[');
	for (int i = 0; i < 100000; i++)
		jsontext_integer(&t, NULL, i);
	jsontext_close(&t, ']');
	back = jsontext_read(&t);
	assert_int_equal(json_array_size(back), 100000);
	assert_int_equal(json_integer_value(json_array_get(back, 99999)), 99999);
	json_decref(back);
	jsontext_free(&t);
}

/* test_rows - one after the other, whatever stands in them */
static void test_rows(void **state)
{
	static const char answer[] =
		"{\"ok\":true,\"note\":\"]}\\\\\\\"rows\\\"\",\"result\":{\"a\":[{}],"
		"\"rows\":[{\"b\":\"],}\\\"\"},[1,[2]],3],\"next\":null}}";
	static const char *const rows[] = { "{\"b\":\"],}\\\"\"}", "[1,[2]]", "3" };
	struct jsonrows found;
	const char *text;
	size_t bytes;

	(void)state;
	assert_true(jsonrows_find(answer, strlen(answer), &found));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(jsonrows_next(&found, &text, &bytes));
		assert_int_equal(bytes, strlen(rows[i]));
		assert_memory_equal(text, rows[i], bytes);
	}
	assert_false(jsonrows_next(&found, &text, &bytes));
	assert_ptr_equal(found.at, found.end);
}

/* test_no_rows - and no byte behind the text is looked at */
static void test_no_rows(void **state)
{
	static const char *const answers[] = {
		"",
		"{",
		"{}",
		"[]",
		"{\"error\":\"no\"}",
		"{\"ok\":true,\"result\":null}",
		"{\"ok\":true,\"result\":{\"rows\":null}}",
		"{\"rows\":[1],\"result\":{}}",
		"{\"result\":{\"rows\":[1,2",
		"{\"result\":{\"rows\":[\"\\\"]",
		"{\"result\":{\"rows",
		"{\"result\":{\"rows\\",
	};
	struct jsonrows found;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		size_t n = strlen(answers[i]);
		char *exact = malloc(n ? n : 1);

		memcpy(exact, answers[i], n);
		if (jsonrows_find(exact, n, &found))
			fail_msg("rows in %s", answers[i]);
		free(exact);
	}
}

/* test_read - as values; one that is none stays */
static void test_read(void **state)
{
	static const char answer[] = "{\"result\":{\"rows\":[{\"a\":1},nonsense,2]}}";
	struct jsonrows found;
	json_t *row;

	(void)state;
	assert_true(jsonrows_find(answer, strlen(answer), &found));
	row = jsonrows_read(&found);
	assert_int_equal(json_integer_value(json_object_get(row, "a")), 1);
	json_decref(row);
	assert_null(jsonrows_read(&found));
	assert_ptr_not_equal(found.at, found.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),  cmocka_unit_test(test_strings),
		cmocka_unit_test(test_long),    cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_rows), cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
