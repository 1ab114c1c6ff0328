/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unixsock - a listening Unix socket that only the right people can open
 *
 * The path is made with mode 0660, owner group `group` when that exists, else root's alone, before
 * anybody can connect. The parent directory is made when it is missing. A socket that a dead
 * daemon left behind is replaced; anything else at the path is not touched.
 */
#ifndef BUILDGATE_UNIXSOCK_H
#define BUILDGATE_UNIXSOCK_H

#include "error.h"

/* unixsock_listen - a non-blocking descriptor, or a negative errno; -EADDRINUSE: somebody
 * answers there */
int unixsock_listen(const char *path, const char *group, struct error *e);

#endif
