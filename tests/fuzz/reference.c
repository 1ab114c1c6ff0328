// SPDX-License-Identifier: BSD-2-Clause
/* What the files of the reference share, and the commands of a client. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "maps/abi.h"
#include "tests/fuzz/reference.h"

#define HEADER_MAX 4096

/* A message that comes in chunks. */
struct message {
	char bytes[HEADER_MAX];
	size_t n;
	bool begun;
};

/* reference_span - the end of a run of bytes */
const char *reference_span(const char *at, const char *end, const char *set, bool in)
{
	while (at < end && (*at && strchr(set, *at)) == in)
		at++;
	return at;
}

/* reference_is - a word at a place */
bool reference_is(const char *at, const char *end, const char *word, bool fold)
{
	size_t n = strlen(word);

	if ((size_t)(end - at) < n)
		return false;
	return fold ? !strncasecmp(at, word, n) : !memcmp(at, word, n);
}

/* reference_family - the stronger of two */
void reference_family(struct reference *r, int family)
{
	if (r->family < family)
		r->family = family;
}

/* reference_copy - as many bytes as a name has */
void reference_copy(char name[128], const char *from, const char *to)
{
	size_t n = to - from < 127 ? to - from : 127;

	memcpy(name, from, n);
	name[n] = 0;
}

/* reference_number - parts up to 65535, as many bytes as a token has */
size_t reference_number(const char *at, const char *end, const char *separators, uint64_t *build)
{
	const char *p = at;
	bool good = true;

	*build = 0;
	for (int part = 0; part < 4; part++) {
		const char *digits = p;
		uint64_t value = 0;

		if (part && (p == end || !*p || !strchr(separators, *p)))
			return 0;
		digits = p += part > 0;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			if (value < 1000000)
				value = value * 10 + *p - '0';
		if (p == digits)
			return 0;
		good = good && value <= 65535;
		*build = *build << 16 | value;
	}
	if (!good || p - at > TOKEN_BYTES - 1)
		*build = 0;
	return p - at;
}

/* reference_product - major and minor of a product line, and what tells it from Windows */
bool reference_product(uint64_t build)
{
	unsigned int third = build >> 16 & 0xffff;

	switch ((unsigned int)(build >> 32)) {
	case 5 << 16:
		return third < 2000;
	case 5 << 16 | 5:
		return third > 1900;
	case 6 << 16:
	case 6 << 16 | 5:
		return third > 4000;
	case 14 << 16 | 16:
	case 15 << 16 | 20:
	case 15 << 16 | 21:
		return true;
	}
	switch (build >> 48) {
	case 8:
	case 14:
		return (build >> 32 & 0xffff) < 4;
	case 15:
		return (build >> 32 & 0xffff) < 3;
	}
	return false;
}

/* address - could all four parts be those of an IPv4 address? */
static bool address(uint64_t build)
{
	for (int i = 0; i < 4; i++)
		if ((build >> 16 * i & 0xffff) > 255)
			return false;
	return true;
}

/* label - a label of an EHLO name; one that is whole may carry a build */
static const char *label(const char *at, const char *end, const char *name_end, struct reference *r)
{
	bool spelled = reference_is(at, name_end, "build", true);
	const char *number = at + (spelled ? 5 : 1), *next;
	uint64_t build = 0;
	size_t n = 0;

	next = number;
	if (spelled && number < name_end && (*number == '-' || *number == '_'))
		number++;
	if (spelled || reference_is(at, name_end, "b", true)) {
		n = reference_number(number, name_end, ".-_", &build);
		/* a dot or the name's end has to follow; at the end of all bytes it did not yet */
		if (n && number + n < end && (number + n == name_end || number[n] == '.') &&
		    reference_product(build) && (spelled || !address(build))) {
			r->build = build;
			r->stamped = false;
			r->family = FAMILY_EXCHANGE;
		}
		if (n)
			return number + n;
		/* a number that broke off took the dots it has seen; the next label begins after
		 * a dot that it could not take */
		for (next = number; next < name_end;) {
			const char *digits = next;

			next = reference_span(next, name_end, "0123456789", true);
			if (next == digits || next == name_end || !memchr("-._", *next, 3))
				break;
			next++;
		}
	} else {
		next = at;
	}
	return next;
}

/* name - the argument of EHLO; true when it was said to its end */
static bool name(const char *at, const char *end, struct reference *r)
{
	const char *name_end = reference_span(at, end, " \t\r\n", false);

	reference_copy(r->helo, at, name_end);
	while (at < name_end) {
		at = label(at, end, name_end, r);
		at = reference_span(at, name_end, ".", false);
		if (at < name_end)
			at++;
	}
	return name_end < end;
}

/* alone - nothing but blanks up to the line's end */
static bool alone(const char *at, const char *line_end)
{
	return reference_span(at, line_end, " \t\r", true) == line_end;
}

/* chunk_size - of a BDAT line from its size on; false where that is not one */
static bool chunk_size(const char *at, const char *line_end, uint64_t *size, bool *last)
{
	const char *p = reference_span(at, line_end, "0123456789", true);

	*size = 0;
	for (const char *d = at; d < p; d++)
		if (*size != UINT64_MAX)
			*size = *size > 0x0fffffff ? UINT64_MAX : *size * 10 + *d - '0';
	if (p == at)
		return false;
	at = reference_span(p, line_end, " \t\r", true);
	*last = at > p && reference_is(at, line_end, "LAST", true);
	return alone(*last ? at + 4 : at, line_end);
}

/* chunk - the bytes after a BDAT line; true where the message is decided, or lost */
static bool chunk(struct message *m, const char **at, const char *end, uint64_t size, bool last,
		  struct reference *r)
{
	size_t n = (size_t)(end - *at) < size ? (size_t)(end - *at) : size;
	size_t kept = n < HEADER_MAX - m->n ? n : HEADER_MAX - m->n;

	m->begun = true;
	memcpy(m->bytes + m->n, *at, kept);
	m->n += kept;
	*at += n;
	if (size != UINT64_MAX && reference_header(m->bytes, m->n, false, r))
		return true;
	if (size != UINT64_MAX && m->n < HEADER_MAX && (!last || n < size))
		return false;
	reference_family(r, FAMILY_UNKNOWN);
	return true;
}

/* data - what follows the 354 */
static void data(const char *at, const char *end, struct reference *r)
{
	size_t n = end - at < HEADER_MAX ? end - at : HEADER_MAX;

	if (!reference_header(at, n, true, r) && n == HEADER_MAX)
		reference_family(r, FAMILY_UNKNOWN);
}

/* reference_client - line by line, to the message that is read */
void reference_client(const char *bytes, size_t n, struct reference *r)
{
	const char *at = bytes, *end = bytes + n;
	static struct message m;

	memset(r, 0, sizeof(*r));
	m.n = 0;
	m.begun = false;
	while (at < end) {
		const char *line = at, *line_end = reference_span(at, end, "\n", false), *rest;
		bool last;
		uint64_t size;

		at = line_end < end ? line_end + 1 : end;
		rest = line + 4;
		if (reference_is(line, end, "EHLO", true) ||
		    reference_is(line, end, "HELO", true)) {
			const char *argument = reference_span(rest, end, " \t", true);

			if (argument > rest && argument < end && *argument != '\r' &&
			    *argument != '\n' && name(argument, end, r))
				m.begun = m.n = 0;
		}
		if (line_end == end)
			return;
		if (reference_is(line, line_end, "RSET", true) && alone(rest, line_end))
			m.begun = m.n = 0;
		if (reference_is(line, line_end, "DATA", true) && alone(rest, line_end)) {
			if (m.begun)
				reference_family(r, FAMILY_UNKNOWN);
			else
				data(at, end, r);
			return;
		}
		rest = reference_span(rest, line_end, " \t", true);
		if (reference_is(line, line_end, "BDAT", true) && rest > line + 4 &&
		    chunk_size(rest, line_end, &size, &last) && chunk(&m, &at, end, size, last, r))
			return;
	}
}
