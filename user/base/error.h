/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error - one sentence that says what went wrong
 *
 * A function that can fail for a reason a person must read takes a struct error * last and
 * returns a negative errno. It fills the text with: what, which, what was expected, what to
 * do; no final full stop, no newline. Callers add context with error_prefix() and print it
 * once, at the boundary. NULL is allowed where the caller only wants the errno.
 */
#ifndef BUILDGATE_ERROR_H
#define BUILDGATE_ERROR_H

struct error {
	char text[768];
};

/* error_set - fill e and return rc, so that "return error_set(e, -EINVAL, ...)" reads well */
int error_set(struct error *e, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* error_prefix - put "prefix: " before what e says; returns rc */
int error_prefix(struct error *e, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
