// SPDX-License-Identifier: BSD-2-Clause
/* Sources in the order of what people want to read first. */
#include "store_world.h"

/* record - with a stage and a standing */
static void record(struct world *w, const char *source, const char *name, uint32_t stage,
		   enum standing standing, bool archived)
{
	struct source s;
	struct identity *identity = world_identity(w, source, name, &s);

	identity->stage = stage;
	identity->standing = standing;
	identity->archived = archived;
	world_save(w, &s);
}

/* order - the last numbers of all addresses, in parts of `max` */
static const char *order(struct world *w, unsigned int max)
{
	static char text[256];
	struct store_place place = { 0 };
	struct addr addrs[16];
	int n;

	text[0] = '\0';
	do {
		n = store_source_ranked(w->store, &place, addrs, max, &w->e);
		assert_true(n >= 0 && (unsigned int)n <= max);
		for (int i = 0; i < n; i++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ",
				 ((const uint8_t *)&addrs[i])[15]);
	} while (n);
	return text;
}

static void test_order(void **state)
{
	struct world *w = *state;

	record(w, "192.0.2.1", "a", 0, STANDING_CURRENT, false);
	record(w, "192.0.2.2", "a", 2, STANDING_OUTDATED, false);
	record(w, "192.0.2.3", "a", 0, 0, false);
	record(w, "192.0.2.4", "a", 5, STANDING_UNSUPPORTED, false);
	record(w, "192.0.2.4", "b", 2, STANDING_OUTDATED, false);
	record(w, "192.0.2.4", "c", 5, STANDING_UNSUPPORTED, false);
	record(w, "192.0.2.5", "a", 0, STANDING_UNKNOWN, false);
	record(w, "192.0.2.5", "b", 0, STANDING_UNSUPPORTED, false);
	record(w, "192.0.2.6", "a", 0, STANDING_ONLINE, false);
	record(w, "192.0.2.6", "b", 0, STANDING_ONLINE, false);
	record(w, "192.0.2.7", "a", 0, STANDING_UNSUPPORTED, true);
	record(w, "192.0.2.8", "a", 2, STANDING_OUTDATED, false);
	record(w, "192.0.2.8", "b", 0, 0, false);
	record(w, "192.0.2.9", "a", 32, STANDING_EMERGENCY, false);
	record(w, "192.0.2.10", "a", 0, STANDING_UNSUPPORTED, true);
	record(w, "192.0.2.10", "b", 0, STANDING_CURRENT, false);
	for (unsigned int max = 1; max <= 16; max++)
		assert_string_equal(order(w, max), "9 4 2 8 5 1 10 6 3 ");
}

static void test_nobody(void **state)
{
	assert_string_equal(order(*state, 5), "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = { T(test_order), T(test_nobody) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
