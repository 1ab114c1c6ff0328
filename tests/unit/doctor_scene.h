/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor_scene - a doctor with a configuration, and what it has found
 *
 * Every test has d and config anew. tell() is what the daemon answers, found() one finding among
 * those in d, anew() forgets them.
 */
#ifndef BUILDGATE_TEST_DOCTOR_SCENE_H
#define BUILDGATE_TEST_DOCTOR_SCENE_H

#include <errno.h>
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

#include "user/base/clock.h"
#include "user/doctor/doctor_private.h"

static struct doctor d;
static struct config config;
static json_t *status, *hooks;

static inline int set_up(void **state)
{
	(void)state;
	clock_init(0);
	memset(&config, 0, sizeof(config));
	strcpy(config.outside.list[0], "eth0");
	config.outside.count = 1;
	strcpy(config.cgroup, "auto");
	strcpy(config.contact, "postmaster@example.org");
	strcpy(config.state_dir, "/var/lib/buildgate");
	config.mx = (struct config_ports) { { 25 }, 1 };
	config.submission = (struct config_ports) { { 587 }, 1 };
	config.xdp = XDP_MODE_NATIVE;
	config.catalogue_max_age = 90 * 86400;
	d = (struct doctor) { .root = "",
			      .config_path = "/etc/b.yaml",
			      .config = &config,
			      .silence = "the daemon does not answer",
			      .loaded = true,
			      .now = 1800000000 };
	d.settings.mode = MODE_REPORT;
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	doctor_free(&d);
	json_decref(status);
	json_decref(hooks);
	status = hooks = NULL;
	return 0;
}

/* tell - what the daemon answers; single quotes stand for double ones */
static inline void tell(const char *text)
{
	char json[2048], *quote;

	snprintf(json, sizeof(json), "%s", text);
	while ((quote = strchr(json, '\'')))
		*quote = '"';
	json_decref(status);
	status = json_loads(json, 0, NULL);
	assert_non_null(status);
	d.status = status;
}

/* found - exactly one finding has both texts, and this level; next NULL: it has no next step */
static inline void found(enum doctor_level level, const char *text, const char *next)
{
	size_t i, count = 0;
	json_t *row;

	json_array_foreach (d.findings, i, row) {
		const char *step = doctor_text(row, "next");

		if (!strstr(doctor_text(row, "finding"), text))
			continue;
		count++;
		assert_string_equal(doctor_text(row, "level"), doctor_level_name(level));
		assert_int_equal(json_is_true(json_object_get(row, "ok")), level <= DOCTOR_NOTE);
		if (next && (!step || !strstr(step, next)))
			fail_msg("'%s': next is '%s', not '%s'", text, step ? step : "-", next);
		if (!next)
			assert_null(step);
	}
	if (count != 1)
		fail_msg("%zu findings '%s' in %s", count, text, json_dumps(d.findings, 0));
}

/* anew - forget what was found */
static inline void anew(void)
{
	doctor_free(&d);
	d.worst = DOCTOR_OK;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
