/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jsontext - JSON written straight as text
 *
 * For what is made by the thousand: a row of a list is written where a tree of values would be
 * built, walked and freed. Compact and escaped as jansson does it, so that nobody can tell which
 * of the two wrote a text. Zeroed is empty; memory that ran out is remembered, and told by
 * jsontext_failed() once at the end.
 *
 *	jsontext_open(&t, NULL, '{');
 *	jsontext_string(&t, "name", name);
 *	jsontext_close(&t, '}');
 *
 * A key is NULL in an array, and for what stands alone; commas come by themselves, also between
 * values that stand side by side. Keys are written as they are, texts must be UTF-8.
 */
#ifndef BUILDGATE_JSONTEXT_H
#define BUILDGATE_JSONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsontext {
	char *text; /* not terminated */
	size_t used, size;
	bool failed;
};

void jsontext_open(struct jsontext *t, const char *key, char bracket);
void jsontext_close(struct jsontext *t, char bracket);

/* jsontext_string - NULL: null */
void jsontext_string(struct jsontext *t, const char *key, const char *value);
void jsontext_integer(struct jsontext *t, const char *key, int64_t value);
void jsontext_bool(struct jsontext *t, const char *key, bool value);

/* jsontext_json - a value that is there already; NULL is a failure */
void jsontext_json(struct jsontext *t, const char *key, const json_t *value);

/* jsontext_failed - memory ran out: the text is no JSON */
bool jsontext_failed(const struct jsontext *t);

/* jsontext_read - the text as a value, the caller's; NULL: out of memory */
json_t *jsontext_read(const struct jsontext *t);

/* jsontext_free - empty again */
void jsontext_free(struct jsontext *t);

#endif
