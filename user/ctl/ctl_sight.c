// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_sight.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl_text.h"

/* append - printf to the end of buf, cut at size */
static void __attribute__((format(printf, 3, 4)))
append(char *buf, size_t size, const char *format, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, format);
	vsnprintf(buf + used, size - used, format, ap);
	va_end(ap);
}

/* number - a count; "-" where it is not told */
static const char *number(const json_t *object, const char *key, char *buf)
{
	return ctl_text_json(json_object_get(object, key), buf, 24);
}

/* append_origins - " (3 received, 1 reported)"; places that named nothing are left out */
static void append_origins(const json_t *origins, char *buf, size_t size)
{
	const char *key, *before = " (";
	char text[64];
	json_t *count;

	json_object_foreach ((json_t *)origins, key, count) {
		if (json_integer_value(count) <= 0)
			continue;
		append(buf, size, "%s%lld %s", before, (long long)json_integer_value(count),
		       ctl_text_line(key, text, sizeof(text)));
		before = ", ";
	}
	if (*before == ',')
		append(buf, size, ")");
}

/* ctl_sight_text - seen, Exchange, identified and by what, hidden */
const char *ctl_sight_text(const json_t *status, char *buf, size_t size)
{
	const json_t *sight = json_object_get(status, "sight");
	const json_t *share = json_object_get(sight, "share");
	char seen[24], exchange[24], identified[24], tls[24];

	*buf = '\0';
	if (!json_is_object(sight))
		return buf;
	append(buf, size, "%s seen, %s spoke Exchange, %s of these named their build",
	       number(json_object_get(status, "sources"), "sources", seen),
	       number(sight, "exchange", exchange), number(sight, "identified", identified));
	if (json_is_number(share))
		append(buf, size, " (%.0f %%)", 100 * json_number_value(share));
	append_origins(json_object_get(sight, "by_origin"), buf, size);
	append(buf, size, "; %s only in TLS", number(sight, "tls_only", tls));
	if (json_integer_value(json_object_get(sight, "read_in_tls")) > 0)
		append(buf, size, ", %s read inside TLS", number(sight, "read_in_tls", seen));
	return buf;
}
