/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jsonread - keys of a JSON file, each with an exact error
 *
 * A struct jsonread names the file and the place in it that is being read. The readers take a
 * key out of an object; what is missing or of another kind is -EINVAL with a sentence like
 *
 *	FILE: builds[17].released: expected a date like "2024-04-23", found "soon"
 *
 * jsonread_enter() says the place, with its final dot. Texts returned live in the document.
 */
#ifndef BUILDGATE_JSONREAD_H
#define BUILDGATE_JSONREAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct jsonread {
	const char *file;
	struct error *e;
	char where[128];
};

/* jsonread_document - parse the file; broken JSON is refused with line and column, a key that
 * stands twice too. The caller owns *ret. */
int jsonread_document(struct jsonread *r, json_t **ret);

/* jsonread_text_document - the same for a text; r->file is what it is called */
int jsonread_text_document(struct jsonread *r, const char *text, size_t bytes, json_t **ret);

void jsonread_enter(struct jsonread *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void jsonread_top(struct jsonread *r);

/* jsonread_bad - the error of a key that is not as expected; found NULL: it is not there */
int jsonread_bad(const struct jsonread *r, const char *key, const char *expected,
		 const json_t *found);
int jsonread_no_memory(const struct jsonread *r);

int jsonread_text(struct jsonread *r, const json_t *o, const char *key, const char **ret);
int jsonread_bool(struct jsonread *r, const json_t *o, const char *key, bool *ret);
int jsonread_build(struct jsonread *r, const json_t *o, const char *key, uint64_t *ret);

/* jsonread_date - the first moment of a day */
int jsonread_date(struct jsonread *r, const json_t *o, const char *key, int64_t *ret);

/* jsonread_end - the first moment after a day; `without` where the file says null */
int jsonread_end(struct jsonread *r, const json_t *o, const char *key, int64_t without,
		 int64_t *ret);

/* jsonread_list - check a list of objects, and make zeroed room for what they become (`size`
 * bytes each), unless ret_room is NULL; the caller frees it */
int jsonread_list(struct jsonread *r, const json_t *o, const char *key, bool empty_ok, size_t size,
		  void *ret_room, unsigned int *ret_count);

#endif
