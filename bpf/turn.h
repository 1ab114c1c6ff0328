/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * turn.h - whose turn it is: is the client between two commands, and nothing owed to it?
 *
 * Pure C like smtp.h. The line machine stops at the first message's header; this goes on to the
 * end of the connection, and costs next to nothing in a message. The client's side counts what
 * the server owes a reply (each command line, each message, each BDAT chunk), the server's side
 * counts the replies that were said. Each struct has one writer, the hook that sees its side.
 *
 * Where the two may have come apart (bytes that were never seen, a client that did not wait, a
 * server that said more than it was asked) the state is TURN_LOST and stays so until the next 354:
 * then all earlier replies have been said, and the client's next byte is a message's first. So
 * turn_idle() is never true where a message's reply is owed: no mail is cut off that the server
 * may have taken (DESIGN section 5). After STARTTLS nothing is counted any more. One thing is taken
 * on trust: that no client sends a chunk with a message's end in it right behind a message's dot,
 * without waiting for that one's reply; then one reply would be taken for the other's.
 *
 * Use: turn_begin() with a client segment that brings new bytes, then turn_asks() for each byte
 * while it may change the state; turn_tells() for each byte of the server. A message's bytes may
 * be left out but for the last TURN_TAIL of each segment; a chunk's all, by turn_skip().
 */
#ifndef BUILDGATE_TURN_H
#define BUILDGATE_TURN_H

#include "maps/abi.h"

#define TURN_TAIL   5 /* bytes of CRLF . CRLF */
#define TURN_INLINE static inline __attribute__((always_inline))

/* In capitals, the first byte lowest. */
#define TURN_BDAT ('B' | 'D' << 8 | 'A' << 16 | 'T' << 24)

/* turn_ahead - a comes after b, modulo 2^32 */
TURN_INLINE int turn_ahead(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* turn_line - the next byte is the first of a command */
TURN_INLINE void turn_line(struct turn_asked *a)
{
	a->state = TURN_COMMAND;
	a->at = 0;
	a->verb = 0;
	a->chunk = 0;
	a->digits = 0;
}

/* turn_start - the server is about to greet: that is what it owes first */
TURN_INLINE void turn_start(struct turn_asked *a, struct turn_told *t, __u32 client_next,
			    __u32 server_next)
{
	turn_line(a);
	a->next = client_next;
	a->count = 1;
	t->next = server_next;
	t->acked = client_next;
}

/* turn_message_begins - the last thing said was 354, and this segment is the first after it */
TURN_INLINE int turn_message_begins(const struct turn_asked *a, const struct turn_told *t,
				    __u32 seq)
{
	if (t->code != 354 || turn_ahead(t->data_at, seq))
		return 0;
	if (a->state == TURN_LOST)
		return 1;
	if (a->state == TURN_MESSAGE) /* of the one before the end was not seen */
		return a->count != t->count;
	return !turn_ahead(a->next, t->data_at);
}

/* turn_confused - what the server said was not understood: nothing it said before counts */
TURN_INLINE void turn_confused(struct turn_told *t)
{
	t->lost = 1;
	t->code = 0;
}

/* turn_begin - a client's segment with new bytes: what are they? */
TURN_INLINE void turn_begin(struct turn_asked *a, const struct turn_told *t, __u32 seq)
{
	if (a->state == TURN_TLS)
		return;
	if (turn_message_begins(a, t, seq)) {
		a->state = TURN_MESSAGE;
		a->at = seq == t->data_at ? 2 : 0; /* as after CRLF */
		a->count = t->count;
		a->next = seq;
		return;
	}
	if (t->code == 220 && t->count > 1 && a->state != TURN_MESSAGE) {
		a->state = TURN_TLS;
		return;
	}
	if (a->state == TURN_MESSAGE && turn_ahead(seq, a->next)) {
		a->next = seq; /* only its end matters */
		a->at = 0;
	}
	if (turn_ahead(seq, a->next) || turn_ahead(t->count, a->count) || t->lost)
		a->state = TURN_LOST;
}

/* turn_owed - one more thing that the server will reply to */
TURN_INLINE void turn_owed(struct turn_asked *a)
{
	a->count++;
	turn_line(a);
}

/* turn_command - a byte of a command line; 1: the line is over */
TURN_INLINE int turn_command(struct turn_asked *a, __u8 byte)
{
	if (byte == '\n') {
		if (a->verb != TURN_BDAT || !a->digits) {
			turn_owed(a);
			return 0;
		}
		a->state = TURN_CHUNK;
		if (a->chunk == 0xffffffff)
			a->state = TURN_LOST;
		else if (!a->chunk)
			turn_owed(a);
		return 1;
	}
	if (a->at < 4) {
		a->verb |= (__u32)(byte & 0xdf) << 8 * a->at;
		a->at++;
		return 0;
	}
	if (a->verb == TURN_BDAT && byte >= '0' && byte <= '9') {
		a->digits = 1;
		a->chunk = a->chunk > 0x0fffffff ? 0xffffffff : a->chunk * 10 + (byte - '0');
	}
	return 0;
}

/* turn_message - a byte of a message; 1: it was the last */
TURN_INLINE int turn_message(struct turn_asked *a, __u8 byte)
{
	__u8 at = a->at;

	if (byte == '\r')
		at = at == 3 ? 4 : 1;
	else if (byte == '\n')
		at = at == 1 ? 2 : at == 4 ? 5 : 0;
	else
		at = byte == '.' && at == 2 ? 3 : 0;
	a->at = at;
	if (at < TURN_TAIL)
		return 0;
	turn_owed(a);
	return 1;
}

/* turn_asks - the client's next byte; 1: another state has begun */
TURN_INLINE int turn_asks(struct turn_asked *a, __u8 byte)
{
	a->next++;
	if (a->state == TURN_COMMAND)
		return turn_command(a, byte);
	if (a->state == TURN_MESSAGE)
		return turn_message(a, byte);
	return 1;
}

/* turn_asks_line - n bytes before a line's end, the first of them at bytes: those of them that are
 * taken at once. Only a command's verb matters. */
TURN_INLINE __u32 turn_asks_line(struct turn_asked *a, const __u8 bytes[4], __u32 n)
{
	if (a->state != TURN_COMMAND)
		return 0;
	if (a->at < 4) {
		if (a->at || n < 4)
			return 0;
		a->verb = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) & 0xdfdfdfdf;
		a->at = 4;
	} else if (a->verb == TURN_BDAT) {
		return 0;
	}
	if (a->verb == TURN_BDAT)
		n = 4;
	a->next += n;
	return n;
}

/* turn_tells_line - the same of the server, only a reply's code and what is behind it */
TURN_INLINE __u32 turn_tells_line(struct turn_told *t, const __u8 bytes[4], __u32 n)
{
	if (t->at < 4) {
		if (t->at || n < 4)
			return 0;
		for (int i = 0; i < 3; i++) {
			if (bytes[i] < '0' || bytes[i] > '9')
				turn_confused(t);
			t->line = t->line * 10 + (bytes[i] & 15);
		}
		t->goes_on = bytes[3] == '-';
		t->at = 4;
	}
	t->next += n;
	return n;
}

/* turn_skip - how many of the client's next n bytes need not be looked at; taken as read */
TURN_INLINE __u32 turn_skip(struct turn_asked *a, __u32 n)
{
	if (a->state == TURN_CHUNK) {
		if (n > a->chunk)
			n = a->chunk;
		a->next += n;
		a->chunk -= n;
		if (!a->chunk)
			turn_owed(a);
		return n;
	}
	if (a->state != TURN_MESSAGE || n <= TURN_TAIL)
		return 0;
	a->at = 0; /* five bytes say how far an end in them has come */
	a->next += n - TURN_TAIL;
	return n - TURN_TAIL;
}

/* turn_passed - a segment in the middle of a message, up to `end`: nothing of it was looked at */
TURN_INLINE void turn_passed(struct turn_asked *a, __u32 end)
{
	if (turn_ahead(end, a->next)) {
		a->next = end;
		a->at = 0;
	}
}

/* turn_reply - a line of the server is over: was it a reply's last? */
TURN_INLINE void turn_reply(struct turn_told *t, __u32 ack)
{
	if (t->at < 3) {
		turn_confused(t);
	} else if (!t->goes_on) {
		if (t->line == 354) {
			t->data_at = ack;
			t->lost = 0;
		}
		t->code = t->line;
		__sync_fetch_and_add(&t->count, 1); /* the code before the count */
	}
	t->at = 0;
	t->line = 0;
	t->goes_on = 0;
}

/* turn_tells - the server's next byte, in a segment with this acknowledgement */
TURN_INLINE void turn_tells(struct turn_told *t, __u8 byte, __u32 ack)
{
	t->next++;
	if (byte == '\n') {
		turn_reply(t, ack);
		return;
	}
	if (t->at < 3) {
		if (byte < '0' || byte > '9')
			turn_confused(t);
		t->line = t->line * 10 + (byte & 15);
		t->at++;
	} else if (t->at == 3) {
		t->goes_on = byte == '-';
		t->at++;
	}
}

/* turn_hole - bytes of the server that were never seen */
TURN_INLINE void turn_hole(struct turn_told *t, __u32 seq)
{
	turn_confused(t);
	t->next = seq;
	t->at = 0;
	t->line = 0;
	t->goes_on = 0;
}

/* turn_idle - a client's segment, before it is begun, opens or goes on with a command that nobody
 * has seen the end of, and everything before it is done: replied to, and the replies read */
TURN_INLINE int turn_idle(const struct turn_asked *a, const struct turn_told *t, __u32 seq,
			  __u32 ack)
{
	return a->state == TURN_COMMAND && a->next == seq && a->count == t->count && !t->lost &&
	       !t->at && t->code / 100 != 3 && (t->code != 220 || t->count == 1) &&
	       ack == t->next && t->acked == seq;
}

#endif
