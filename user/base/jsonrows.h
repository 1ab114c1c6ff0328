/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jsonrows - the rows of a list, in an answer's text
 *
 * An answer {"ok":true,"result":{"rows":[ROW,...],"next":...}} is nearly all rows. The daemon
 * writes them as text (jsontext.h) and puts them between the brackets; gatectl cuts them out
 * unread, and prints them as they came where JSON is asked for. jsonrows_find() finds the place,
 * jsonrows_next() hands out one row after the other; both only follow strings and brackets, and
 * what they hand out points into the text.
 */
#ifndef BUILDGATE_JSONROWS_H
#define BUILDGATE_JSONROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct jsonrows {
	const char *at, *end; /* what lies between the brackets and was not handed out yet */
};

/* jsonrows_find - false: the answer has none */
bool jsonrows_find(const char *text, size_t bytes, struct jsonrows *ret);

/* jsonrows_next - one more; false: there are no more */
bool jsonrows_next(struct jsonrows *rows, const char **ret_text, size_t *ret_bytes);

/* jsonrows_read - one more as a value, the caller's; NULL: there are no more, or it cannot be
 * read, and then rows->at is not at its end */
json_t *jsonrows_read(struct jsonrows *rows);

#endif
