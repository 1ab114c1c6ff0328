// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_smtp - the line machine on any bytes, as client and as server
 *
 * Between two bytes its state is replaced by a copy, and what may never happen is checked:
 * an index outside the table, a text without its end, a build out of nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/talk.h"

#define MUST(what)                                                                                 \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* sound - what holds after every byte */
static void sound(const struct session *s)
{
	MUST(s->smtp.row % SMTP_CLASSES == 0);
	MUST(s->smtp.parked % SMTP_CLASSES == 0);
	MUST(s->smtp.row / SMTP_CLASSES < sizeof(smtp_action_of));
	MUST(s->smtp.budget <= SMTP_HEADER_MAX);
	MUST(memchr(s->text.helo, 0, NAME_BYTES));
	MUST(memchr(s->text.by, 0, NAME_BYTES));
	MUST(memchr(s->text.token, 0, TOKEN_BYTES));
	MUST(s->text.token_length < TOKEN_BYTES);
	MUST(!s->build == !s->origin);
	MUST(!s->build || s->family == FAMILY_EXCHANGE);
	MUST(!s->done || s->family);
}

static void read_as(enum side side, const char *bytes, size_t n)
{
	struct session s, copy;

	session_begin(&s, side);
	for (size_t i = 0; i < n; i++) {
		copy = s;
		memset(&s, 0xa5, sizeof(s));
		talk(&copy, bytes + i, 1);
		sound(&copy);
		s = copy;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(SIDE_CLIENT, (const char *)data, size);
	read_as(SIDE_SERVER, (const char *)data, size);
	return 0;
}
