/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offmark - "mode off", said while no daemon ran, is kept over a reboot
 *
 * Without a daemon gatectl writes the word into the kernel, which forgets it when the host is
 * started again, and the store, which belongs to the daemon, would bring back what was before.
 * So the daemon leaves a link to its state directory among the pins, and gatectl an empty file
 * there. The next daemon begins with off, and removes the file once the store says so too.
 */
#ifndef BUILDGATE_OFFMARK_H
#define BUILDGATE_OFFMARK_H

#include <stdbool.h>

#include "user/base/error.h"

/* offmark_tell - the daemon's, once the gate is pinned: where such a mark would be looked for */
int offmark_tell(const char *state_dir, struct error *e);

/* offmark_put - gatectl's: durable when it returns 0 */
int offmark_put(struct error *e);

/* offmark_found, offmark_clear - the daemon's, by its state directory */
bool offmark_found(const char *state_dir);
void offmark_clear(const char *state_dir);

#endif
