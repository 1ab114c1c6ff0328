/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_scene - a world with an enforcer over the fake maps, and a report of it
 *
 * What the tests of everything that reads a report begin with. scene_open() in a set-up,
 * scene_put() for its sources, scene_close() as the tear-down.
 */
#ifndef BUILDGATE_TESTS_REPORT_SCENE_H
#define BUILDGATE_TESTS_REPORT_SCENE_H

#include "tests/unit/fake_maps.h"
#include "tests/unit/world.h"
#include "user/report/report.h"

struct scene {
	struct world w;
	struct enforcer *enforcer;
	struct report report;
};

/* scene_open - the tenth day of the kernel, mode enforce, no source yet */
static inline struct scene *scene_open(void)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct enforcer_options options;

	assert_non_null(s);
	clock_init(10LL * DAY_S * 1000000000);
	fake_reset();
	world_open(&s->w);
	options = (struct enforcer_options) {
		.store = s->w.store,
		.policy = s->w.policy,
		.verdicts_fd = FAKE_VERDICTS,
		.ranges_fd = FAKE_RANGES,
		.names_fd = -1,
		.ipv6_bits = 64,
		.recheck_interval = HOUR,
		.tarpit_style = STYLE_SLOW,
		.drop_style = STYLE_SILENT,
	};
	assert_int_equal(enforcer_new(&options, &s->enforcer, &s->w.e), 0);
	s->report = (struct report) {
		.store = s->w.store,
		.enforcer = s->enforcer,
		.catalogue = s->w.catalogue,
		.policy = s->w.policy,
		.grace_days = 30,
		.ipv6_bits = 64,
		.mode = MODE_ENFORCE,
		.now = clock_wall(),
	};
	return s;
}

/* scene_put - one source at each of two stages, published, and one that is fine */
static inline void scene_put(struct scene *s, const char *fine)
{
	world_put(&s->w, "192.0.2.7", "ex01.example.org", 5, s->report.now);
	world_put(&s->w, "192.0.2.8", "ex02.example.org", 3, s->report.now);
	world_put(&s->w, "192.0.2.9", fine, 0, s->report.now);
	assert_int_equal(enforcer_publish_all(s->enforcer, s->report.now, &s->w.e), 2);
}

/* scene_close - nothing stays */
static inline int scene_close(void **state)
{
	struct scene *s = *state;

	enforcer_free(s->enforcer);
	world_close(&s->w);
	free(s);
	return 0;
}

#endif
