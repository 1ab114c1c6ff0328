/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_sight - how much of what is there the gate can see, in one sentence
 *
 * The same words for "status" and below "sources": an absent build proves nothing, so the
 * list of sources never stands without what it may leave out.
 */
#ifndef BUILDGATE_CTL_SIGHT_H
#define BUILDGATE_CTL_SIGHT_H

#include <jansson.h>
#include <stddef.h>

/* ctl_sight_text - from the daemon's status, into buf; returns buf. Empty: it does not say */
const char *ctl_sight_text(const json_t *status, char *buf, size_t size);

#endif
