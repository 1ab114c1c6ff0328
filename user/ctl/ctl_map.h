/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_map - reading the pinned maps, with the daemon dead or alive
 *
 * ctl_view_open() comes first: it reads the settings and sets up clock.h, so that kernel times
 * can be shown as dates.
 */
#ifndef BUILDGATE_CTL_MAP_H
#define BUILDGATE_CTL_MAP_H

#include "ctl_entry.h"
#include "user/base/error.h"
#include "user/kernel/pinned.h"

/* ctl_view_open - the settings as they are now; *ret_pinned (may be NULL) stays open */
int ctl_view_open(struct ctl_view *ret_view, struct pinned **ret_pinned, struct error *e);

/* ctl_map_look - the verdict of the source that addr belongs to: 1 found (with the source as
 * it is in the map), 0 none, or a negative errno */
int ctl_map_look(const struct addr *addr, struct addr *ret_source, struct verdict *ret,
		 struct error *e);

#endif
