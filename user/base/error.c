// SPDX-License-Identifier: BSD-2-Clause
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

/* error_set - replace the text */
int error_set(struct error *e, int rc, const char *format, ...)
{
	va_list ap;

	if (!e)
		return rc;
	va_start(ap, format);
	vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	return rc;
}

/* error_prefix - add context in front; what does not fit is cut at the end */
int error_prefix(struct error *e, int rc, const char *format, ...)
{
	char was[sizeof(e->text)];
	va_list ap;
	int n;

	if (!e)
		return rc;
	snprintf(was, sizeof(was), "%s", e->text);
	va_start(ap, format);
	n = vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - n, ": %.*s", (int)sizeof(e->text) - n - 3,
			 was);
	return rc;
}
