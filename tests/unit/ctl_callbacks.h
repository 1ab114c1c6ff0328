/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_callbacks - stand-ins for gatectl's commands, so that the table can be tested alone
 *
 * Each records that it was called. Define CTL_REAL_HELP to leave out those that the test takes
 * from the program.
 */
#ifndef TESTS_CTL_CALLBACKS_H
#define TESTS_CTL_CALLBACKS_H

#include <stddef.h>

#include "user/ctl/ctl.h"

__attribute__((unused)) static const char *called;

#define CALLBACK(name)                                                                             \
	int name(const struct ctl *ctl, struct error *e)                                           \
	{                                                                                          \
		(void)ctl;                                                                         \
		(void)e;                                                                           \
		called = #name;                                                                    \
		return 0;                                                                          \
	}

CALLBACK(ctl_status)
CALLBACK(ctl_mode)
CALLBACK(ctl_unload)
CALLBACK(ctl_sources)
CALLBACK(ctl_show)
CALLBACK(ctl_history)
CALLBACK(ctl_audit)
CALLBACK(ctl_events)
CALLBACK(ctl_observe)
CALLBACK(ctl_set)
CALLBACK(ctl_change)
CALLBACK(ctl_clock)
CALLBACK(ctl_map_list)
CALLBACK(ctl_map_dump)
CALLBACK(ctl_map_get)
CALLBACK(ctl_catalogue_check)
CALLBACK(ctl_catalogue_show)
CALLBACK(ctl_catalogue_verify)
CALLBACK(ctl_catalogue_update)
CALLBACK(ctl_catalogue_block)
CALLBACK(ctl_doctor)
CALLBACK(ctl_replay)
CALLBACK(ctl_simulate)
#ifndef CTL_REAL_HELP
CALLBACK(ctl_help)
CALLBACK(ctl_version)
CALLBACK(ctl_completion)
#endif

#endif
