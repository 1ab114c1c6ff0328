/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file - whole files: read once and bounded, written whole or not at all
 *
 * What is to be verified must be the very bytes that are used afterwards: file_read() reads a
 * file once, and everything else looks at the copy. Paths that a stranger can write to may not
 * make the reader hang or run out of memory: only regular files, up to a size.
 */
#ifndef BUILDGATE_FILE_H
#define BUILDGATE_FILE_H

#include <stddef.h>

#include "error.h"

/* file_read - the contents, with a NUL behind them; the caller frees *ret_text. -EFBIG: more than
 * max bytes; -EINVAL: not a regular file; -ENOENT: not there */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_bytes, struct error *e);

/* file_write - replace path by these bytes: after a crash it is the old file or the new one */
int file_write(const char *path, const void *data, size_t bytes, struct error *e);

#endif
