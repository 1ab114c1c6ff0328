// SPDX-License-Identifier: BSD-2-Clause
#include "jsontext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096

/* room - for n more bytes; NULL: there is none */
static char *room(struct jsontext *t, size_t n)
{
	size_t size = t->size ? t->size : FIRST_BYTES;
	char *text;

	if (t->failed)
		return NULL;
	while (size - t->used < n)
		size *= 2;
	if (size > t->size) {
		text = realloc(t->text, size);
		t->failed = !text;
		if (!text)
			return NULL;
		t->text = text;
		t->size = size;
	}
	text = t->text + t->used;
	t->used += n;
	return text;
}

/* put - bytes as they are */
static void put(struct jsontext *t, const char *bytes, size_t n)
{
	char *to = room(t, n);

	if (to)
		memcpy(to, bytes, n);
}

/* begin - of a value: the comma behind another one, and its key */
static void begin(struct jsontext *t, const char *key)
{
	char last = t->used ? t->text[t->used - 1] : '[';

	if (last != '{' && last != '[')
		put(t, ",", 1);
	if (!key)
		return;
	put(t, "\"", 1);
	put(t, key, strlen(key));
	put(t, "\":", 2);
}

/* jsontext_open - '{' or '[' */
void jsontext_open(struct jsontext *t, const char *key, char bracket)
{
	begin(t, key);
	put(t, &bracket, 1);
}

/* jsontext_close - the one that belongs to it */
void jsontext_close(struct jsontext *t, char bracket)
{
	put(t, &bracket, 1);
}

/* escape - a character that may not stand in a string as it is */
static void escape(struct jsontext *t, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = strchr(from, c);
	char text[8];
	int n = at ? snprintf(text, sizeof(text), "\\%c", to[at - from])
		   : snprintf(text, sizeof(text), "\\u%04X", c);

	put(t, text, (size_t)n);
}

/* jsontext_string - in runs of what needs no escape */
void jsontext_string(struct jsontext *t, const char *key, const char *value)
{
	const char *from = value, *at = value;

	begin(t, key);
	if (!value) {
		put(t, "null", 4);
		return;
	}
	put(t, "\"", 1);
	for (; *at; at++) {
		if ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
			continue;
		put(t, from, (size_t)(at - from));
		escape(t, (unsigned char)*at);
		from = at + 1;
	}
	put(t, from, (size_t)(at - from));
	put(t, "\"", 1);
}

/* jsontext_integer - decimal */
void jsontext_integer(struct jsontext *t, const char *key, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[24], *at = text + sizeof(text);

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--at = '-';
	begin(t, key);
	put(t, at, (size_t)(text + sizeof(text) - at));
}

/* jsontext_bool - true or false */
void jsontext_bool(struct jsontext *t, const char *key, bool value)
{
	begin(t, key);
	put(t, value ? "true" : "false", value ? 4 : 5);
}

/* put_part - a json_dump_callback_t */
static int put_part(const char *bytes, size_t n, void *t)
{
	put(t, bytes, n);
	return 0;
}

/* jsontext_json - by jansson */
void jsontext_json(struct jsontext *t, const char *key, const json_t *value)
{
	begin(t, key);
	if (json_dump_callback(value, put_part, t, JSON_COMPACT | JSON_ENCODE_ANY))
		t->failed = true;
}

/* jsontext_failed - see jsontext.h */
bool jsontext_failed(const struct jsontext *t)
{
	return t->failed;
}

/* jsontext_read - what we wrote can be read */
json_t *jsontext_read(const struct jsontext *t)
{
	return t->failed ? NULL : json_loadb(t->text, t->used, JSON_DECODE_ANY, NULL);
}

/* jsontext_free - see jsontext.h */
void jsontext_free(struct jsontext *t)
{
	free(t->text);
	*t = (struct jsontext) { 0 };
}
