// SPDX-License-Identifier: BSD-2-Clause
/* What another policy would move is counted and named, and nothing is moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/world.h"
#include "user/escalation/preview.h"

struct scene {
	struct world w;
	struct policy *other;
	int64_t now;
	unsigned int parts; /* after the first */
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	clock_init(0);
	world_open(&s->w);
	s->now = clock_wall();
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	policy_free(s->other);
	world_close(&s->w);
	free(s);
	return 0;
}

/* other - a policy from this text */
static void other(struct scene *s, const char *text)
{
	char path[] = "/tmp/test_preview.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (policy_load(path, NULL, &s->other, &s->w.e))
		fail_msg("%s", s->w.e.text);
	unlink(path);
}

/* number - an integer of an object */
static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* see - the preview; the caller owns it */
static json_t *see(struct scene *s)
{
	struct preview_options options = {
		.store = s->w.store,
		.catalogue = s->w.catalogue,
		.is = s->w.policy,
		.would_be = s->other,
		.grace_days = 30,
		.now = s->now,
		.running = 400 * DAY_S,
	};
	json_t *object = preview(&options, &s->w.e), *part;

	if (!object)
		fail_msg("%s", s->w.e.text);
	while (json_is_string(json_object_get(object, "next"))) {
		s->parts++;
		assert_int_equal(address_parse(json_string_value(json_object_get(object, "next")),
					       &options.after),
				 0);
		part = preview(&options, &s->w.e);
		assert_true(number(part, "sources") <= PREVIEW_PART);
		preview_add(object, part);
		json_decref(part);
	}
	return object;
}

#define MILD                                                                                       \
	"name: mild\nact_on: [unsupported]\nstages:\n"                                             \
	"- {day: 0, throttle_min: 0, block_min: 0}\n"                                              \
	"- {day: 100, throttle_min: 3, block_min: 0}\n"

static void test_milder(void **state)
{
	struct scene *s = *state;
	json_t *object, *line, *moves;
	struct source source;
	struct addr a = world_addr("192.0.2.7");

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 5, s->now);
	world_put(&s->w, "192.0.2.9", "new.example.org", 0, s->now);
	other(s, MILD);
	object = see(s);
	assert_string_equal(json_string_value(json_object_get(object, "policy")), "mild");
	assert_int_equal(number(object, "sources"), 3);
	assert_int_equal(number(object, "moved"), 2);
	moves = json_object_get(object, "moves");
	assert_int_equal(json_array_size(moves), 1);
	assert_int_equal(number(json_array_get(moves, 0), "from"), 5);
	assert_int_equal(number(json_array_get(moves, 0), "to"), 1);
	assert_int_equal(number(json_array_get(moves, 0), "sources"), 2);
	line = json_array_get(json_object_get(object, "named"), 0);
	assert_string_equal(json_string_value(json_object_get(line, "source")), "192.0.2.7");
	assert_int_equal(number(line, "block_min"), 0);
	assert_int_equal(number(line, "heads_to"), 1);
	assert_true(json_is_false(json_object_get(object, "cut")));
	json_decref(object);
	assert_int_equal(store_source_load(s->w.store, &a, &source, &s->w.e), 1);
	assert_int_equal(source.identities[0].stage, 5);
	source_clear(&source);
}

/* test_parts - more than fit into one are the sum of their parts */
static void test_parts(void **state)
{
	struct scene *s = *state;
	json_t *object, *move;
	char source[32];

	assert_int_equal(store_begin(s->w.store, &s->w.e), 0);
	for (int i = 0; i < 2 * PREVIEW_PART + 50; i++) {
		snprintf(source, sizeof(source), "198.18.%d.%d", i / 200, i % 200);
		world_put(&s->w, source, "ex01.example.org", 5, s->now);
	}
	assert_int_equal(store_commit(s->w.store, &s->w.e), 0);
	other(s, MILD);
	object = see(s);
	assert_int_equal(s->parts, 2);
	assert_int_equal(number(object, "sources"), 2 * PREVIEW_PART + 50);
	assert_int_equal(number(object, "moved"), 2 * PREVIEW_PART + 50);
	assert_int_equal(json_array_size(json_object_get(object, "moves")), 1);
	move = json_array_get(json_object_get(object, "moves"), 0);
	assert_int_equal(number(move, "sources"), 2 * PREVIEW_PART + 50);
	assert_int_equal(json_array_size(json_object_get(object, "named")), PREVIEW_SOURCES);
	assert_true(json_is_true(json_object_get(object, "cut")));
	json_decref(object);
}

static void test_harder(void **state)
{
	struct scene *s = *state;
	json_t *object, *line;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 1, s->now);
	other(s, "name: hard\nstages:\n- {day: 0, throttle_min: 0, block_min: 0}\n"
		 "- {day: 1, throttle_min: 10, block_min: 0}\n"
		 "- {day: 2, throttle_min: 0, block_min: 60}\n");
	object = see(s);
	line = json_array_get(json_object_get(object, "named"), 0);
	assert_int_equal(number(line, "to"), 2); /* a stage a day, however old the clock */
	assert_int_equal(number(line, "throttle_min"), 10);
	assert_int_equal(number(line, "heads_to"), 3);
	json_decref(object);
}

static void test_acting(void **state)
{
	struct scene *s = *state;
	json_t *object;

	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->now);
	other(s, "name: emergencies\nact_on: [emergency]\nstages:\n"
		 "- {day: 0, throttle_min: 0, block_min: 0}\n");
	object = see(s);
	assert_int_equal(number(object, "end"), 1);
	assert_int_equal(number(object, "begin"), 0);
	assert_int_equal(number(object, "moved"), 1);
	json_decref(object);
}

static void test_cut(void **state)
{
	struct scene *s = *state;
	json_t *object;
	char text[32];

	for (int i = 1; i <= 120; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		world_put(&s->w, text, "ex01.example.org", 5, s->now);
	}
	other(s, MILD);
	object = see(s);
	assert_int_equal(number(object, "moved"), 120);
	assert_int_equal(json_array_size(json_object_get(object, "named")), PREVIEW_SOURCES);
	assert_true(json_is_true(json_object_get(object, "cut")));
	json_decref(object);
}

static void test_empty(void **state)
{
	struct scene *s = *state;
	json_t *object;

	other(s, MILD);
	object = see(s);
	assert_int_equal(number(object, "sources"), 0);
	assert_int_equal(json_array_size(json_object_get(object, "moves")), 0);
	json_decref(object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_milder), TEST(test_parts), TEST(test_harder),
		TEST(test_acting), TEST(test_cut),   TEST(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
