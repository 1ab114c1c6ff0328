// SPDX-License-Identifier: BSD-2-Clause
#include "stamp.h"

#include <string.h>

/* stamp_bytes - not interested any more is as good as taken */
void stamp_bytes(struct session *session, const char *bytes, size_t n)
{
	if (!session->done)
		session_feed(session, bytes, (__u32)n);
}

/* stamp_helo - the command as it stood on the wire, as far as that matters */
uint64_t stamp_helo(struct session *session, const char *name)
{
	session_begin(session, SIDE_CLIENT);
	stamp_bytes(session, "EHLO ", 5);
	stamp_bytes(session, name, strlen(name));
	stamp_bytes(session, "\r\n", 2);
	return session->build;
}

/* stamp_message - in a chunk without an end no dot was added; the budget ends the reading */
void stamp_message(struct session *session)
{
	smtp_header(&session->smtp, SMTP_IN_CHUNK);
	session->smtp.chunk = UINT32_MAX - 1;
}

/* stamp_text - with the line ends of the wire */
void stamp_text(struct session *session, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		int end = text[n] == '\n';

		stamp_bytes(session, text, n - (end && n && text[n - 1] == '\r'));
		if (end)
			stamp_bytes(session, "\r\n", 2);
		text += n + (size_t)end;
	}
}

/* stamp_header - put together again */
void stamp_header(struct session *session, const char *name, const char *value)
{
	stamp_bytes(session, name, strlen(name));
	stamp_bytes(session, ":", 1);
	stamp_text(session, value);
	stamp_bytes(session, "\r\n", 2);
}

/* stamp_end - the empty line */
void stamp_end(struct session *session)
{
	stamp_bytes(session, "\r\n", 2);
	if (!session->done)
		session_over(session, FAMILY_UNKNOWN);
}
