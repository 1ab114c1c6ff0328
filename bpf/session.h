/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * session.h - the line machine in a conversation: chunks, the budget of a header, what an end
 * says
 *
 * Pure C like smtp.h. The first half are the rules that bpf/reader.h and everybody else share:
 * a message comes by DATA or in BDAT chunks (RFC 3030), between which commands are read; at most
 * SMTP_HEADER_MAX bytes of a header are read; RSET and EHLO forget a message begun.
 *
 * The second half reads one direction outside the kernel, where bytes are in order and nothing
 * is forged below TCP: session_begin(), then session_feed() with any cuts. It takes all bytes,
 * or stops after the byte where the other direction decides; `said` is then SMTP_DATA or
 * SMTP_STARTTLS of a client, SMTP_REPLY_354, _220 or _REFUSED of a server. The caller calls
 * session_message() when the 354 came, and feeds the rest. When `done` is set all that is
 * wanted was read. A session is one struct and may be copied at any byte.
 */
#ifndef BUILDGATE_SESSION_H
#define BUILDGATE_SESSION_H

#include "bpf/smtp.h"

/* session_reset - forget a message begun in chunks, and who was said to have stamped it */
SMTP_ALWAYS_INLINE void session_reset(struct smtp *m, struct smtp_text *t)
{
	t->by[0] = 0;
	m->parked = 0;
	m->budget = 0;
	m->flags &= ~(SMTP_IN_CHUNK | SMTP_LAST_CHUNK);
}

/* session_in_header - are the next bytes a header's? */
SMTP_ALWAYS_INLINE int session_in_header(const struct smtp *m)
{
	return m->budget && !m->parked;
}

/* session_chunk - a chunk of the message follows its command line (RFC 3030, 2); `last` is
 * SMTP_LAST_CHUNK or 0. True where nothing more can be read. */
SMTP_ALWAYS_INLINE int session_chunk(struct smtp *m, __u8 last)
{
	__u32 chunk = m->chunk;

	if (!m->parked)
		smtp_header(m, SMTP_IN_CHUNK);
	m->row = m->parked ?: SMTP_ROW_HEADER;
	m->parked = 0;
	m->flags |= SMTP_IN_CHUNK | last;
	m->chunk = chunk;
	if (!chunk) {
		m->parked = m->row;
		m->row = SMTP_ROW_COMMAND;
	}
	return chunk == 0xffffffff || (!chunk && last);
}

/* session_limit - how many of n bytes may be stepped through before the mode changes by count */
SMTP_ALWAYS_INLINE __u32 session_limit(const struct smtp *m, __u32 n)
{
	if (!session_in_header(m))
		return n;
	if (n > m->budget)
		n = m->budget;
	if (m->flags & SMTP_IN_CHUNK && n > m->chunk)
		n = m->chunk;
	return n;
}

/* session_counted - take `used` bytes of a header off its budget and its chunk; true where
 * nothing more can be read */
SMTP_ALWAYS_INLINE int session_counted(struct smtp *m, __u32 used)
{
	m->budget -= used;
	if (m->flags & SMTP_IN_CHUNK) {
		m->chunk -= used;
		if (!m->chunk) {
			if (m->flags & SMTP_LAST_CHUNK)
				return 1;
			m->parked = m->row;
			m->row = SMTP_ROW_COMMAND;
			if (smtp_in_number(m->parked))
				m->flags |= SMTP_STRADDLES;
		}
	}
	return !m->budget;
}

/* session_family - what the end of a header's reading says of the sender; 0: not an end */
SMTP_ALWAYS_INLINE __u8 session_family(__u32 action)
{
	switch (action) {
	case SMTP_END_NOBUILD:
		return FAMILY_EXCHANGE_NOBUILD;
	case SMTP_END_IIS:
		return FAMILY_IIS_SMTP;
	case SMTP_END_OTHER:
		return FAMILY_OTHER;
	}
	return 0;
}

/* --- outside the kernel ---------------------------------------------------------------------- */

/* One direction of a conversation. */
struct session {
	struct smtp smtp;
	struct smtp_text text;
	__u64 build;     /* the newest that was named for certain; 0: none */
	__u64 candidate; /* the number of a header that is not read to its end yet */
	__u32 said;      /* what made session_feed() stop, enum smtp_action */
	__u8 side;
	__u8 origin; /* of the build */
	__u8 family; /* enum family; 0: nothing said yet */
	__u8 done;
	char token[TOKEN_BYTES]; /* the build as it stood on the wire */
};

/* session_begin - from the first byte of a side: the greeting, or the first command */
static inline void session_begin(struct session *s, enum side side)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->side = side;
	smtp_begin(&s->smtp, side == SIDE_CLIENT ? SMTP_ROW_COMMAND : SMTP_ROW_GREETING);
}

/* session_message - the server said 354: the client's next byte is the first of a message */
static inline void session_message(struct session *s)
{
	smtp_header(&s->smtp, 0);
}

/* session_over - nothing more is read; families only get stronger */
static inline void session_over(struct session *s, __u8 family)
{
	if (s->family < family)
		s->family = family;
	s->done = 1;
}

/* session_named - a build for certain */
static inline void session_named(struct session *s, __u64 build, enum origin origin)
{
	s->build = build;
	s->origin = origin;
	s->family = FAMILY_EXCHANGE;
	__builtin_memcpy(s->token, s->text.token, TOKEN_BYTES);
}

/* session_chosen - a number that somebody wrote into a name or a greeting */
static inline void session_chosen(struct session *s, enum origin origin)
{
	__u64 build = smtp_chosen(&s->smtp, &s->text, origin);

	if (build)
		session_named(s, build, origin);
}

/* session_client - what a client's bytes added up to; true where the caller decides */
static inline int session_client(struct session *s, __u32 action)
{
	struct smtp *m = &s->smtp;

	switch (action) {
	case SMTP_HELO_BUILD:
		session_chosen(s, ORIGIN_EHLO);
		return 0;
	case SMTP_EHLO_BUILD:
		session_chosen(s, ORIGIN_EHLO);
		/* fall through */
	case SMTP_EHLO:
	case SMTP_RSET:
		session_reset(m, &s->text);
		return 0;
	case SMTP_DATA:
		if (m->parked) /* after a chunk: refused, or another message? */
			session_over(s, FAMILY_UNKNOWN);
		return 1;
	case SMTP_STARTTLS:
		return 1;
	case SMTP_BDAT:
	case SMTP_BDAT_LAST:
		if (session_chunk(m, action == SMTP_BDAT_LAST ? SMTP_LAST_CHUNK : 0))
			session_over(s, FAMILY_UNKNOWN);
		return 0;
	case SMTP_NUMBER_END:
		s->candidate = smtp_build(m, &s->text);
		return 0;
	case SMTP_NUMBER_FINAL:
		s->candidate = smtp_build(m, &s->text);
		/* fall through */
	case SMTP_END_TOKEN:
		if (s->candidate)
			session_named(s, s->candidate, ORIGIN_RECEIVED);
		session_over(s, FAMILY_EXCHANGE_NOBUILD);
		return 0;
	}
	session_over(s, session_family(action));
	return 0;
}

/* session_server - what a server's bytes added up to; true where the caller decides */
static inline int session_server(struct session *s, __u32 action)
{
	__u8 family = 0;

	switch (action) {
	case SMTP_BANNER_TOKEN:
		session_chosen(s, ORIGIN_BANNER);
		/* fall through */
	case SMTP_BANNER_NOBUILD:
	case SMTP_KEYWORD_EXCHANGE:
		family = FAMILY_EXCHANGE_NOBUILD;
		break;
	case SMTP_KEYWORD_IIS:
		if (!(s->smtp.flags & SMTP_SAID_HELLO))
			break;
		/* fall through */
	case SMTP_BANNER_IIS:
		family = FAMILY_IIS_SMTP;
		break;
	default:
		return 1;
	}
	if (s->family < family)
		s->family = family;
	return 0;
}

/* session_feed - the next bytes of the side; returns how many were taken */
static inline __u32 session_feed(struct session *s, const void *bytes, __u32 n)
{
	const __u8 *byte = bytes;
	__u32 taken = 0, action;

	s->said = 0;
	while (taken < n && !s->done) {
		__u32 counted = s->side == SIDE_CLIENT && session_in_header(&s->smtp);

		action = smtp_step(&s->smtp, &s->text, byte[taken++]);
		if (counted && session_counted(&s->smtp, 1))
			session_over(s, FAMILY_UNKNOWN);
		if (!action)
			continue;
		if (s->side == SIDE_CLIENT ? session_client(s, action)
					   : session_server(s, action)) {
			s->said = action;
			break;
		}
	}
	return taken;
}

#endif
