/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_found - what is to be had of the gate: from the kernel, and from the daemon if it answers
 *
 * Owns the daemon's answer and the list of hooks. Call order: ctl_found_look(); reads;
 * ctl_found_free(), also after a failure.
 */
#ifndef BUILDGATE_CTL_FOUND_H
#define BUILDGATE_CTL_FOUND_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl.h"
#include "ctl_map.h"

struct ctl_found {
	struct ctl_view view;
	bool loaded;
	bool hidden;          /* the maps may not be opened: only the daemon knows */
	json_t *hooks;        /* array */
	json_t *answer;       /* of the daemon; NULL: none */
	struct error silence; /* why there is none */
	struct error kernel;  /* why the maps cannot be looked at */
};

/* ctl_found_look - kernel first; an error only when neither side says anything and the kernel
 * says that something is wrong */
int ctl_found_look(const struct ctl *ctl, struct ctl_found *found, struct error *e);
void ctl_found_free(struct ctl_found *found);

/* ctl_found_lease - whole seconds left, 0 when it is over */
int64_t ctl_found_lease(const struct ctl_view *view);

/* ctl_found_silence - what it means that the daemon does not answer; returns buf */
const char *ctl_found_silence(const struct ctl_found *found, char *buf, size_t size);

#endif
