// SPDX-License-Identifier: BSD-2-Clause
#include "jsonrows.h"

#include <string.h>

/* behind_string - `at` is behind its first quote; `end` where it does not end. A quote behind an
 * odd number of backslashes is escaped */
static const char *behind_string(const char *at, const char *end)
{
	const char *quote = at, *from;

	while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
		for (from = quote; from > at && from[-1] == '\\'; from--)
			;
		quote++;
		if ((quote - from) % 2)
			return quote;
	}
	return end;
}

/* behind_value - its end is the comma or bracket that is not its own; `end` where there is none */
static const char *behind_value(const char *at, const char *end)
{
	unsigned int depth = 0;

	while (at < end) {
		switch (*at++) {
		case '"':
			at = behind_string(at, end);
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (!depth)
				return at - 1;
			depth--;
			break;
		case ',':
			if (!depth)
				return at - 1;
		}
	}
	return end;
}

/* member - the value of a key of the object that begins at `at`; NULL: it has none */
static const char *member(const char *at, const char *end, const char *key)
{
	size_t n = strlen(key);

	if (at == end || *at != '{')
		return NULL;
	while (++at < end && *at == '"') {
		const char *name = at + 1, *colon = behind_string(name, end);

		if (colon == end || *colon != ':')
			return NULL;
		if ((size_t)(colon - 1 - name) == n && !memcmp(name, key, n))
			return colon + 1;
		at = behind_value(colon + 1, end);
		if (at == end || *at != ',')
			return NULL;
	}
	return NULL;
}

/* jsonrows_find - result.rows */
bool jsonrows_find(const char *text, size_t bytes, struct jsonrows *ret)
{
	const char *end = text + bytes, *rows = member(text, end, "result"), *behind;

	rows = rows ? member(rows, end, "rows") : NULL;
	if (!rows || rows == end || *rows != '[')
		return false;
	behind = behind_value(rows, end);
	if (behind == end)
		return false;
	*ret = (struct jsonrows) { rows + 1, behind - 1 };
	return true;
}

/* jsonrows_next - the comma behind it goes with it */
bool jsonrows_next(struct jsonrows *rows, const char **ret_text, size_t *ret_bytes)
{
	const char *behind = behind_value(rows->at, rows->end);

	*ret_text = rows->at;
	*ret_bytes = (size_t)(behind - rows->at);
	rows->at = behind < rows->end ? behind + 1 : behind;
	return *ret_bytes;
}

/* jsonrows_read - one that cannot be read stays where it is */
json_t *jsonrows_read(struct jsonrows *rows)
{
	struct jsonrows rest = *rows;
	const char *text;
	json_t *row;
	size_t bytes;

	if (!jsonrows_next(&rest, &text, &bytes))
		return NULL;
	row = json_loadb(text, bytes, JSON_DECODE_ANY, NULL);
	if (row)
		*rows = rest;
	return row;
}
