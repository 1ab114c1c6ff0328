/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp - what a mail's EHLO name and first header lines say of its sender
 *
 * For those who hold the lines themselves because they read after the mail server did: the
 * milter, and "header" of `gatectl observe`. The lines are put together again and go through
 * the machine of the kernel programs (bpf/session.h), so that both give one answer for one
 * mail. Pure: all state is in the session.
 *
 * Call order: stamp_helo(), stamp_message(), stamp_header() per header or one of
 * the others, stamp_end(). Then build and origin (ORIGIN_RECEIVED: the header named it), family,
 * and text.by, the host that stamped.
 */
#ifndef BUILDGATE_STAMP_H
#define BUILDGATE_STAMP_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/session.h"

/* stamp_helo - a new conversation; returns the build in a label of the name, 0: none */
uint64_t stamp_helo(struct session *session, const char *name);

/* stamp_message - the next byte is the first of a message, and nobody adds dots */
void stamp_message(struct session *session);

/* stamp_bytes - a piece of the header as it stood on the wire */
void stamp_bytes(struct session *session, const char *bytes, size_t n);

/* stamp_text - the same with line ends that may be LF or CRLF */
void stamp_text(struct session *session, const char *text);

/* stamp_header - one header; its value begins behind the colon, blanks included, and may be
 * folded as in stamp_text() */
void stamp_header(struct session *session, const char *name, const char *value);

/* stamp_end - the header is over: family is known from now on */
void stamp_end(struct session *session);

#endif
