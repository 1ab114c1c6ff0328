/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enforcer_scene - an enforcer over a store of its own and maps in plain memory
 */
#ifndef BUILDGATE_TEST_ENFORCER_SCENE_H
#define BUILDGATE_TEST_ENFORCER_SCENE_H

#include "tests/unit/fake_maps.h"
#include "tests/unit/world.h"
#include "user/enforcer/enforcer.h"

struct scene {
	struct world w;
	struct enforcer *enforcer;
	struct replies *replies;
	struct settings settings;
	int64_t now;
};

/* start - the enforcer, over the store as it is */
static inline void start(struct scene *s)
{
	struct enforcer_options options = {
		.store = s->w.store,
		.policy = s->w.policy,
		.verdicts_fd = FAKE_VERDICTS,
		.ranges_fd = FAKE_RANGES,
		.names_fd = -1,
		.settings = &s->settings,
		.ipv6_bits = 64,
		.recheck_interval = HOUR,
		.tarpit_style = STYLE_SLOW,
		.drop_style = STYLE_SILENT,
		.replies = s->replies,
	};

	enforcer_free(s->enforcer);
	s->enforcer = NULL;
	assert_int_equal(enforcer_new(&options, &s->enforcer, &s->w.e), 0);
}

/* set_up - empty maps, empty store */
static inline int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	clock_init(10LL * DAY_S * 1000000000); /* so that kernel time reaches back some days */
	fake_reset();
	world_open(&s->w);
	s->now = clock_wall();
	start(s);
	*state = s;
	return 0;
}

/* tear_down - nothing stays */
static inline int tear_down(void **state)
{
	struct scene *s = *state;

	enforcer_free(s->enforcer);
	replies_free(s->replies);
	world_close(&s->w);
	free(s);
	return 0;
}

/* live - the map's entry of a source; false: none */
static inline bool live(const char *source, struct verdict *v)
{
	struct addr a = world_addr(source);

	return bpf_map_lookup_elem(FAKE_VERDICTS, &a, v) == 0;
}

/* publish - one source; what enforcer_publish() says */
static inline int publish(struct scene *s, const char *source)
{
	struct addr a = world_addr(source);

	return enforcer_publish(s->enforcer, &a, s->now, &s->w.e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
