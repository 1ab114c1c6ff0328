// SPDX-License-Identifier: BSD-2-Clause
/* The report page: its values, its parts, and that nothing a peer says gets out of its string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sodium.h>

#include "tests/unit/report_scene.h"
#include "user/base/times.h"
#include "user/report/page.h"

#define EVIL "</script><script>alert(1)</script><!--<script>\\\"'&amp;"

static const struct page_about about = { "mx.example.org", 90 * DAY_S };

static int set_up(void **state)
{
	*state = scene_open();
	scene_put(*state, EVIL);
	return 0;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void test_head(void **state)
{
	struct scene *s = *state;
	json_t *head = page_head(&s->report, &about, &s->w.e);

	assert_non_null(head);
	assert_string_equal(text(head, "hostname"), "mx.example.org");
	assert_string_equal(text(head, "mode"), "enforce");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(head, "policy"), "stages")), 5);
	assert_true(json_is_object(json_object_get(head, "counts")));
	assert_true(json_is_array(json_object_get(
		json_object_get(json_object_get(head, "history"), "connections"), "hours")));
	json_decref(head);
}

static void test_sources(void **state)
{
	struct store_place place = { 0 };
	struct scene *s = *state;
	json_t *array = page_sources(&s->report, &place, 10, &s->w.e), *row;

	assert_int_equal(json_array_size(array), 3);
	row = json_array_get(array, 0);
	assert_string_equal(text(row, "source"), "192.0.2.7");
	assert_string_equal(text(row, "verdict"), "drop");
	assert_string_equal(text(row, "by"), "clock");
	assert_int_equal(json_integer_value(json_object_get(row, "elapsed_s")), 70 * DAY_S);
	assert_string_not_equal(text(row, "first_detected"), "");
	assert_string_not_equal(text(row, "block_date"), "");
	assert_string_equal(text(json_array_get(json_object_get(row, "identities"), 0), "release"),
			    "CU23 Jan23SU");
	/* what is not so is not there */
	assert_null(json_object_get(row, "paused_until"));
	assert_null(json_object_get(row, "exempt"));
	row = json_array_get(array, 2);
	assert_string_equal(text(row, "source"), "192.0.2.9");
	assert_null(json_object_get(row, "elapsed_s"));
	json_decref(array);

	/* and nothing after it */
	array = page_sources(&s->report, &place, 10, &s->w.e);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

/* part by part, the place as text between them: the same sources */
static void test_place(void **state)
{
	static const char *const order[] = { "192.0.2.7", "192.0.2.8", "192.0.2.9" };
	struct store_place place = { 0 };
	struct scene *s = *state;
	char buf[PAGE_PLACE_TEXT];
	json_t *array;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(page_place_parse(page_place_text(&place, buf), &place), 0);
		array = page_sources(&s->report, &place, 1, &s->w.e);
		assert_string_equal(text(json_array_get(array, 0), "source"), order[i]);
		json_decref(array);
	}
	assert_int_equal(page_place_parse("", &place), -EINVAL);
	assert_int_equal(page_place_parse("3", &place), -EINVAL);
	assert_int_equal(page_place_parse("x 192.0.2.1", &place), -EINVAL);
	assert_int_equal(page_place_parse("3 here", &place), -EINVAL);
	assert_int_equal(page_place_parse("4000000000 192.0.2.1", &place), 0);
	array = page_sources(&s->report, &place, 1, &s->w.e);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

/* whole - the page with all sources, as one text */
static char *whole(struct scene *s)
{
	json_t *head = page_head(&s->report, &about, &s->w.e), *tail = page_tail(true, NULL);
	struct store_place place = { 0 };
	json_t *first = page_sources(&s->report, &place, 2, &s->w.e);
	json_t *rest = page_sources(&s->report, &place, 2, &s->w.e);
	unsigned int rows = 0;
	char *begin = page_begin(head), *one = page_rows(first, &rows),
	     *two = page_rows(rest, &rows), *end = page_end(tail), *page;

	assert_int_equal(rows, 3);
	assert_true(asprintf(&page, "%s%s%s%s", begin, one, two, end) > 0);
	free(begin);
	free(one);
	free(two);
	free(end);
	json_decref(head);
	json_decref(tail);
	json_decref(first);
	json_decref(rest);
	return page;
}

/* block - the JSON of a script element */
static json_t *block(const char *page, const char *id)
{
	char mark[64];
	const char *from, *end;

	snprintf(mark, sizeof(mark), "<script type=\"application/json\" id=\"%s\">", id);
	from = strstr(page, mark);
	assert_non_null(from);
	from += strlen(mark);
	end = strstr(from, "</script>"); /* what a browser takes for the end */
	assert_non_null(end);
	return json_loadb(from, (size_t)(end - from), 0, NULL);
}

static unsigned int count(const char *page, const char *what)
{
	unsigned int n = 0;

	for (const char *p = page; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void test_whole(void **state)
{
	char *page = whole(*state);
	json_t *head = block(page, "head-data"), *sources = block(page, "source-data"),
	       *tail = block(page, "tail-data"), *evil;

	assert_non_null(head);
	assert_int_equal(json_array_size(sources), 3);
	assert_true(json_is_true(json_object_get(tail, "complete")));
	/* a name is what it was, and nowhere outside its string */
	evil = json_array_get(json_object_get(json_array_get(sources, 2), "identities"), 0);
	assert_string_equal(text(evil, "name"), EVIL);
	assert_int_equal(count(page, "<script"), 4);
	assert_int_equal(count(page, "</script"), 4);
	assert_int_equal(count(page, "alert(1)"), 1);
	assert_null(strstr(page, "<!--"));
	assert_null(strstr(page, "@SOURCES@"));
	assert_null(strstr(page, "@SECURITY@"));
	/* nothing from elsewhere */
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "@import"));
	assert_null(strstr(page, "url(http"));
	assert_int_equal(count(page, "http://"), 1); /* the name of SVG */
	assert_int_equal(count(page, "https://"), 0);
	json_decref(head);
	json_decref(sources);
	json_decref(tail);
	free(page);
}

/* named - the policy names the hash of what stands between two marks */
static void named(const char *page, const char *open, const char *close)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	char base64[64], source[80];
	const char *from = strstr(page, open) + strlen(open);

	crypto_hash_sha256(sum, (const unsigned char *)from,
			   (unsigned long long)(strstr(from, close) - from));
	sodium_bin2base64(base64, sizeof(base64), sum, sizeof(sum), sodium_base64_VARIANT_ORIGINAL);
	snprintf(source, sizeof(source), "-src 'sha256-%s'", base64);
	assert_non_null(strstr(page_security(), source));
	assert_non_null(strstr(page, source));
}

static void test_security(void **state)
{
	char *page = whole(*state);

	named(page, "<script>", "</script>");
	named(page, "<style>", "</style>");
	assert_memory_equal(page_security(), "default-src 'none'; ", 20);
	assert_non_null(strstr(page_security(), "frame-ancestors 'none'"));
	assert_null(strstr(page_security(), "unsafe"));
	free(page);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, scene_close)
	const struct CMUnitTest tests[] = { T(test_head), T(test_sources), T(test_place),
					    T(test_whole), T(test_security) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
