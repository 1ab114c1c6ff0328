// SPDX-License-Identifier: BSD-2-Clause
#include "jsonread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "times.h"

#define DAY_SECONDS 86400

/* jsonread_bad - "FILE: builds[17].released: expected a date like 2024-04-23, found "soon"" */
int jsonread_bad(const struct jsonread *r, const char *key, const char *expected,
		 const json_t *found)
{
	char *text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	int rc;

	rc = error_set(r->e, -EINVAL, "%s: %s%s: expected %s, found %.80s", r->file, r->where, key,
		       expected, text ? text : "nothing");
	free(text);
	return rc;
}

/* jsonread_enter - until the next one, errors are about this place of the file */
void jsonread_enter(struct jsonread *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->where, sizeof(r->where), format, ap);
	va_end(ap);
}

/* jsonread_top - back to the keys of the file itself */
void jsonread_top(struct jsonread *r)
{
	r->where[0] = '\0';
}

/* jsonread_no_memory - the one error that is not the file's fault */
int jsonread_no_memory(const struct jsonread *r)
{
	return error_set(r->e, -ENOMEM, "%s: out of memory", r->file);
}

/* not_json - where the parser gave up */
static int not_json(struct jsonread *r, const json_error_t *json)
{
	return error_set(r->e, -EINVAL, "%s: line %d, column %d: not JSON: %s", r->file, json->line,
			 json->column, json->text);
}

/* jsonread_document - parse the whole file */
int jsonread_document(struct jsonread *r, json_t **ret)
{
	json_error_t json;
	FILE *file;

	file = fopen(r->file, "re");
	if (!file)
		return error_set(r->e, -errno, "%s: cannot open: %m", r->file);
	*ret = json_loadf(file, JSON_REJECT_DUPLICATES, &json);
	fclose(file);
	return *ret ? 0 : not_json(r, &json);
}

/* jsonread_text_document - parse all of the text */
int jsonread_text_document(struct jsonread *r, const char *text, size_t bytes, json_t **ret)
{
	json_error_t json;

	*ret = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &json);
	return *ret ? 0 : not_json(r, &json);
}

/* jsonread_text - a string that is not empty */
int jsonread_text(struct jsonread *r, const json_t *o, const char *key, const char **ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) || !json_string_length(v))
		return jsonread_bad(r, key, "a text", v);
	*ret = json_string_value(v);
	return 0;
}

/* jsonread_bool - true or false */
int jsonread_bool(struct jsonread *r, const json_t *o, const char *key, bool *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		return jsonread_bad(r, key, "true or false", v);
	*ret = json_is_true(v);
	return 0;
}

/* jsonread_build - a full build number */
int jsonread_build(struct jsonread *r, const json_t *o, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	*ret = build_parse(json_string_value(v));
	return *ret ? 0 : jsonread_bad(r, key, "a build like \"15.1.2507.39\"", v);
}

/* jsonread_date - the first moment of a day */
int jsonread_date(struct jsonread *r, const json_t *o, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	if (json_string_length(v) != strlen("2024-04-23") ||
	    times_parse(json_string_value(v), ret) < 0)
		return jsonread_bad(r, key, "a date like \"2024-04-23\"", v);
	return 0;
}

/* jsonread_end - the first moment after a day; `without` where the file says null */
int jsonread_end(struct jsonread *r, const json_t *o, const char *key, int64_t without,
		 int64_t *ret)
{
	const json_t *v = json_object_get(o, key);
	int rc;

	if (json_is_null(v)) {
		*ret = without;
		return 0;
	}
	if (!json_is_string(v))
		return jsonread_bad(r, key, "a date like \"2024-04-23\", or null", v);
	rc = jsonread_date(r, o, key, ret);
	if (!rc)
		*ret += DAY_SECONDS;
	return rc;
}

/* jsonread_list - a list of objects, with room for what they become; some are needed unless empty
 * is fine */
int jsonread_list(struct jsonread *r, const json_t *o, const char *key, bool empty_ok, size_t size,
		  void *ret_room, unsigned int *ret_count)
{
	const json_t *list = json_object_get(o, key), *v;
	void *room;
	size_t i;

	if (!json_is_array(list) || (!empty_ok && !json_array_size(list)))
		return jsonread_bad(r, key, empty_ok ? "a list" : "a list that is not empty", list);
	json_array_foreach (list, i, v)
		if (!json_is_object(v))
			return jsonread_bad(r, key, "a list of objects", v);
	*ret_count = json_array_size(list);
	if (!ret_room)
		return 0;
	room = calloc(json_array_size(list) + 1, size);
	if (!room)
		return jsonread_no_memory(r);
	*(void **)ret_room = room;
	return 0;
}
