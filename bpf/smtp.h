/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * smtp.h - the SMTP line machine: from the bytes of one direction to tokens
 *
 * Pure C without calls: the same source runs in the kernel, in the unit tests, under the
 * fuzzers and in gate-milter. It owns the grammar of what is read (RFC 5321 commands and
 * replies, RFC 3030 BDAT, the header block up to the first Received, DESIGN section 3); it knows
 * nothing of packets. The moves are a table (bpf/smtp/ makes it); what a byte means beyond a
 * move is in smtp_act().
 *
 * Use: smtp_begin() with the row of what comes next. Then for every byte in order
 * smtp_step(); when it returns an action the caller looks at it, changes rows where the
 * other direction decides (DATA, STARTTLS), and goes on. session_feed() (session.h) is that loop
 * for callers outside the kernel. All state is in two structs of maps/abi.h: struct smtp (a few
 * bytes, kept per direction) and struct smtp_text (names and number, kept while they matter).
 */
#ifndef BUILDGATE_SMTP_H
#define BUILDGATE_SMTP_H

#include "maps/abi.h"
#include "bpf/smtp_action.h"
#include "smtp_table.h"

#define SMTP_HEADER_MAX 4096 /* bytes of header read before giving up (DESIGN section 3) */

enum smtp_flag {
	SMTP_IN_CHUNK = 1 << 0,   /* header bytes come in BDAT chunks: no dot was added */
	SMTP_LAST_CHUNK = 1 << 1, /* this one is the last */
	SMTP_NAME_CUT = 1 << 2,   /* a name did not fit */
	SMTP_BAD_NUMBER = 1 << 3, /* a part above 65535, or too many digits to be a build */
	SMTP_SAID_HELLO = 1 << 4, /* server: the reply to EHLO began as Microsoft's does */
	SMTP_SPELLED = 1 << 5,    /* "build" stands before the number of an EHLO name */
	SMTP_STRADDLES = 1 << 6,  /* a BDAT command stands inside the number, or right after it */
};

#define SMTP_ALWAYS_INLINE static inline __attribute__((always_inline))

/* smtp_begin - go to a row (SMTP_ROW_COMMAND, _HEADER, _GREETING, _REPLY) */
SMTP_ALWAYS_INLINE void smtp_begin(struct smtp *m, __u16 row)
{
	m->row = row;
	m->length = 0;
}

/* smtp_header - the next byte is the first of a message */
SMTP_ALWAYS_INLINE void smtp_header(struct smtp *m, __u8 flags)
{
	smtp_begin(m, SMTP_ROW_HEADER);
	m->budget = SMTP_HEADER_MAX;
	m->flags = flags;
}

SMTP_ALWAYS_INLINE void smtp_put(struct smtp *m, char *name, __u8 byte)
{
	if (m->length >= NAME_BYTES - 1) {
		m->flags |= SMTP_NAME_CUT;
		return;
	}
	name[m->length & (NAME_BYTES - 1)] = byte;
	m->length++;
	name[m->length & (NAME_BYTES - 1)] = 0;
}

SMTP_ALWAYS_INLINE void smtp_digit(struct smtp *m, struct smtp_text *t, __u8 byte)
{
	__u32 at = t->token_length;

	if (byte == '.' || byte == '-' || byte == '_') {
		t->build = t->build << 16 | (t->part & 0xffff);
		t->part = 0;
	} else {
		t->part = t->part * 10 + (byte - '0');
		if (t->part > 0xffff) {
			t->part = 0x10000;
			m->flags |= SMTP_BAD_NUMBER;
		}
	}
	if (at >= TOKEN_BYTES - 1) {
		m->flags |= SMTP_BAD_NUMBER;
		return;
	}
	t->token[at & (TOKEN_BYTES - 1)] = byte;
	t->token[(at + 1) & (TOKEN_BYTES - 1)] = 0;
	t->token_length = at + 1;
}

SMTP_ALWAYS_INLINE void smtp_number_begin(struct smtp *m, struct smtp_text *t)
{
	m->flags &= ~(SMTP_BAD_NUMBER | SMTP_SPELLED | SMTP_STRADDLES);
	t->build = 0;
	t->part = 0;
	t->token_length = 0;
}

/* smtp_build - the number that was read, or 0 where it cannot be a build */
SMTP_ALWAYS_INLINE __u64 smtp_build(const struct smtp *m, const struct smtp_text *t)
{
	if (m->flags & SMTP_BAD_NUMBER)
		return 0;
	return t->build << 16 | t->part;
}

/* smtp_known_line - the product line is one that Exchange has. Windows' own numbers are near:
 * 5.0.2195, 5.5.1877 and 6.0.3790 are its SMTP service. */
SMTP_ALWAYS_INLINE int smtp_known_line(__u64 build)
{
	__u32 major = build >> 48, minor = build >> 32 & 0xffff, third = build >> 16 & 0xffff;

	switch (major) {
	case 5:
		return minor == 5 ? third > 1900 : !minor && third < 2000;
	case 6:
		return (minor == 5 || !minor) && third > 4000;
	case 8:
		return minor <= 3;
	case 14:
		return minor <= 3 || minor == 16;
	case 15:
		return minor <= 2 || minor == 20 || minor == 21;
	}
	return 0;
}

/* smtp_chosen - the number that was read in a name or greeting that somebody chose, or 0 where
 * it is not certainly a build: b15-1-225-42 is how providers name their addresses */
SMTP_ALWAYS_INLINE __u64 smtp_chosen(const struct smtp *m, const struct smtp_text *t, __u8 origin)
{
	__u64 build = smtp_build(m, t);

	if (!smtp_known_line(build))
		return 0;
	if (origin == ORIGIN_EHLO && !(m->flags & SMTP_SPELLED) && !(build & 0xff00ff00ff00ff00))
		return 0;
	return build;
}

/* smtp_act - do what the action at this byte says */
SMTP_ALWAYS_INLINE void smtp_act(struct smtp *m, struct smtp_text *t, __u32 action, __u8 byte)
{
	switch (action) {
	case SMTP_HELO_SPELLED:
	case SMTP_HELO_DIGIT_FIRST:
		smtp_number_begin(m, t);
		if (action == SMTP_HELO_SPELLED)
			m->flags |= SMTP_SPELLED;
		/* fall through */
	case SMTP_HELO_DIGIT:
	case SMTP_HELO_DASH:
		smtp_digit(m, t, byte);
		smtp_put(m, t->helo, byte);
		break;
	case SMTP_HELO_FIRST:
	case SMTP_HOST_FIRST:
		m->length = 0;
		m->flags &= ~SMTP_NAME_CUT;
		/* fall through */
	case SMTP_HELO:
	case SMTP_HELO_BUILD:
	case SMTP_HOST:
		smtp_put(m, t->helo, byte);
		break;
	case SMTP_BY_FIRST:
		m->length = 0;
		/* fall through */
	case SMTP_BY:
		smtp_put(m, t->by, byte);
		break;
	case SMTP_NUMBER_FIRST:
		smtp_number_begin(m, t);
		/* fall through */
	case SMTP_NUMBER:
	case SMTP_NUMBER_DOT:
		smtp_digit(m, t, byte);
		break;
	case SMTP_CHUNK_FIRST:
		m->chunk = 0;
		/* fall through */
	case SMTP_CHUNK:
		/* RFC 3030 names no limit; a size that does not fit ends the reading */
		m->chunk = m->chunk > 0x0fffffff ? 0xffffffff : m->chunk * 10 + (byte - '0');
		break;
	case SMTP_KEYWORD_HELLO:
		m->flags |= SMTP_SAID_HELLO;
		break;
	}
}

/* smtp_action_at - the action of a row. The compiler knows that the quotient is small enough
 * and drops the mask, the verifier (all kernels) does not: hide where the number is from. */
SMTP_ALWAYS_INLINE __u32 smtp_action_at(__u32 row)
{
	__u32 index = row / SMTP_CLASSES;

	asm volatile("" : "+r"(index));
	return smtp_action_of[index & 1023];
}

/* smtp_dull - up to the end of this line no byte matters: stepping over them changes nothing */
SMTP_ALWAYS_INLINE int smtp_dull(const struct smtp *m)
{
	return m->row >= SMTP_FIRST_DULL && m->row < SMTP_FIRST_ACTION;
}

/* smtp_in_number - the row is one inside a number */
SMTP_ALWAYS_INLINE int smtp_in_number(__u32 row)
{
	switch (row < SMTP_FIRST_ACTION ? 0 : smtp_action_at(row)) {
	case SMTP_NUMBER_FIRST:
	case SMTP_NUMBER:
	case SMTP_NUMBER_DOT:
	case SMTP_HELO_DIGIT_FIRST:
	case SMTP_HELO_SPELLED:
	case SMTP_HELO_DIGIT:
	case SMTP_HELO_DASH:
		return 1;
	}
	return 0;
}

/*
 * smtp_step - take one byte. Returns 0, or the action if it is one that the caller must see
 * (SMTP_HELO_BUILD and everything from SMTP_EHLO on).
 */
SMTP_ALWAYS_INLINE __u32 smtp_step(struct smtp *m, struct smtp_text *t, __u8 byte)
{
	__u32 class = smtp_class[byte];
	__u32 row = smtp_table[(m->row + class) & 0xffff];
	__u32 action;

	m->row = row;
	if (row < SMTP_FIRST_ACTION)
		return 0;
	action = smtp_action_at(row);
	if (action == SMTP_DOT && m->flags & SMTP_IN_CHUNK) {
		/* Nobody added this dot. The row after a dot treats another as any byte. */
		row = smtp_table[(row + class) & 0xffff];
		m->row = row;
		action = smtp_action_at(row);
	}
	smtp_act(m, t, action, byte);
	return action == SMTP_HELO_BUILD || action >= SMTP_EHLO ? action : 0;
}

/* The same byte eight times. */
#define SMTP_EIGHT(byte) (0x0101010101010101ULL * (byte))

/*
 * smtp_line - how many of bytes [from, to) stand before the first line feed of them; all, where
 * there is none. Of a buffer of size bytes (a power of two) with 8 more behind it, because it
 * looks at eight at a time: taking 1 off a byte that is 0 borrows, and the lowest such byte is
 * right (those above it may be wrong).
 */
SMTP_ALWAYS_INLINE __u32 smtp_line(const __u8 *bytes, __u32 size, __u32 from, __u32 to)
{
	__u32 at = from;

	for (__u32 i = 0; i < size / 8 && at < to; i++, at += 8) {
		__u64 eight;

#ifdef __bpf__ /* for bpf clang makes eight loads of a memcpy(); kernels need no alignment here */
		eight = *(const __u64 *)&bytes[at & (size - 1)];
#else
		__builtin_memcpy(&eight, &bytes[at & (size - 1)], 8);
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		eight ^= SMTP_EIGHT('\n');
		eight = (eight - SMTP_EIGHT(1)) & ~eight & SMTP_EIGHT(0x80);
		if (!eight)
			continue;
		/* a 1 in each byte up to the first, added up in the highest */
		at += (((eight & -eight) - 1) & SMTP_EIGHT(1)) * SMTP_EIGHT(1) >> 56;
		return (at - 1 < to ? at - 1 : to) - from;
	}
	return to - from;
}

/*
 * smtp_plain - take bytes [from, to) of a buffer of size bytes (a power of two) as long
 * as they only move the machine; returns where it stopped: at `to`, behind a byte after which
 * the line is dull, or at one that asks for smtp_step(). Most bytes of a conversation are of that
 * kind, and cost a third of what they would there.
 */
SMTP_ALWAYS_INLINE __u32 smtp_plain(struct smtp *m, const __u8 *bytes, __u32 size, __u32 from,
				    __u32 to)
{
	__u32 row = m->row, at = from;

	for (__u32 i = 0; i < size && at < to; i++) {
		__u32 next = smtp_table[(row + smtp_class[bytes[at & (size - 1)]]) & 0xffff];

		if (next >= SMTP_FIRST_ACTION)
			break;
		row = next;
		at++;
		if (row >= SMTP_FIRST_DULL)
			break;
	}
	m->row = row;
	return at;
}

#endif
