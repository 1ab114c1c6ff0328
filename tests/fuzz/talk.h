/* SPDX-License-Identifier: BSD-2-Clause */
/* talk - bytes of a side into the machine: 354 to every DATA, STARTTLS refused */
#ifndef BUILDGATE_TESTS_TALK_H
#define BUILDGATE_TESTS_TALK_H

#include <stddef.h>

#include "bpf/session.h"

static inline void talk(struct session *s, const char *bytes, size_t n)
{
	while (n && !s->done) {
		size_t taken = session_feed(s, bytes, n);

		bytes += taken;
		n -= taken;
		if (s->said == SMTP_DATA && !s->done)
			session_message(s);
	}
}

#endif
