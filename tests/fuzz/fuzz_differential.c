// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_differential - the line machine fed whole, fed in random cuts, and the reference
 *
 * The first byte chooses the side, the second seeds the cuts, the rest is what that side says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/reference.h"
#include "tests/fuzz/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* differ - say how, and end */
static void differ(const char *how, const struct session *s, const struct session *t,
		   const struct reference *r)
{
	fprintf(stderr, "%s:\nwhole     build %016llx family %d helo '%s' by '%s'\n", how,
		(unsigned long long)s->build, s->family, s->text.helo, s->text.by);
	if (t)
		fprintf(stderr, "cut       build %016llx family %d helo '%s' by '%s'\n",
			(unsigned long long)t->build, t->family, t->text.helo, t->text.by);
	if (r)
		fprintf(stderr, "reference build %016llx family %d helo '%s' by '%s'\n",
			(unsigned long long)r->build, r->family, r->helo, r->by);
	abort();
}

/* cut - feed in pieces of 1 to 64 bytes */
static void cut(struct session *s, const char *bytes, size_t n, uint32_t seed)
{
	while (n) {
		size_t piece;

		seed = seed * 1664525 + 1013904223;
		piece = 1 + (seed >> 24) % (seed >> 16 & 1 ? 3 : 64);
		if (piece > n)
			piece = n;
		talk(s, bytes, piece);
		bytes += piece;
		n -= piece;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum side side = size && data[0] & 1 ? SIDE_SERVER : SIDE_CLIENT;
	const char *bytes = (const char *)data + 2;
	struct session whole, pieces;
	struct reference r;

	if (size < 2)
		return 0;
	size -= 2;
	session_begin(&whole, side);
	talk(&whole, bytes, size);
	session_begin(&pieces, side);
	cut(&pieces, bytes, size, data[1]);
	if (memcmp(&whole.text, &pieces.text, sizeof(whole.text)) ||
	    memcmp(&whole.smtp, &pieces.smtp, sizeof(whole.smtp)) || whole.build != pieces.build ||
	    whole.family != pieces.family || whole.done != pieces.done ||
	    whole.origin != pieces.origin)
		differ("cuts matter", &whole, &pieces, NULL);
	if (side == SIDE_SERVER)
		reference_server(bytes, size, &r);
	else
		reference_client(bytes, size, &r);
	if (whole.build != r.build || whole.family != r.family || strcmp(whole.text.helo, r.helo) ||
	    (r.stamped && strcmp(whole.text.by, r.by)))
		differ("the reference reads something else", &whole, NULL, &r);
	return 0;
}
