// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whose turn it is, against a model that knows: random conversations, with groups of commands,
 * messages and chunks, in random segments that come twice, in the wrong order, or never. A
 * connection may be cut where nothing is owed; doing so where something is would bounce a mail
 * that the server has taken. Where nothing is lost it must also be found, but for one thing: a
 * message's end is not looked for where the client's next commands stand in the same segment. No
 * chunk here has in it what ends a message: turn.h says why.
 */
#include "bpf/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define BYTES_MAX 8192
#define ITEMS_MAX 64
#define RUNS      20000

/* How well the gate sees. */
enum view { ALL, HOLES, MESSY };

/* Something that the server replies to: it ends before `end` of the client's bytes. */
struct item {
	uint32_t end;
	const char *reply;
	bool waits; /* the client sends nothing more before the reply */
};

static struct {
	char bytes[BYTES_MAX];
	bool content[BYTES_MAX]; /* the byte is of a message or a chunk */
	uint32_t count;
	struct item items[ITEMS_MAX];
	uint32_t items_count;
} script;

static uint32_t seed;

/* chance - 0 .. n - 1, the same in every run */
static uint32_t chance(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static void put(const char *text, bool content)
{
	uint32_t n = strlen(text);

	memcpy(script.bytes + script.count, text, n);
	memset(script.content + script.count, content, n);
	script.count += n;
}

static void owed(const char *reply, bool waits)
{
	script.items[script.items_count++] =
		(struct item) { .end = script.count, .reply = reply, .waits = waits };
}

static const char *pick(const char *const list[4])
{
	return list[chance(4)];
}

/* put_message - by DATA; the dot may stand in the same group as what follows */
static void put_message(enum view view)
{
	static const char *const lines[] = { "Subject: x\r\n", "..\r\n", "MAIL FROM:<a>\r\n",
					     "\r\n\r\n.x\r" };

	put("DATA\r\n", false);
	owed("354 go\r\n", true);
	for (uint32_t i = chance(4); i; i--)
		put(pick(lines), true);
	put(script.bytes[script.count - 1] == '\n' ? ".\r\n" : "\r\n.\r\n", true);
	owed(chance(4) ? "250 taken\r\n" : "550-no\r\n550 no\r\n", view == ALL || chance(2));
}

/* put_chunks - by BDAT; what is in a chunk may look like anything */
static void put_chunks(void)
{
	static const char *const chunks[] = { "BDAT 7\r\n", "bdat 13\r\n", "BDAT 0\r\n",
					      "BDAT 2\r\n" };
	static const char *const inside[] = { "RSET\r\n.", "\r\n.x\r\nNOOP\r\nx", "", "\r\n" };

	for (uint32_t i = chance(3) + 1; i; i--) {
		uint32_t which = chance(4);

		put(chunks[which], false);
		put(inside[which], true);
		owed("250 ok\r\n", !chance(3));
	}
}

static void make_script(enum view view)
{
	static const char *const commands[] = { "RSET\r\n", "NOOP\r\n", "MAIL FROM:<a@b>\r\n",
						"RCPT TO:<DATA@x>\r\n" };
	static const char *const replies[] = { "250 ok\r\n", "250-a\r\n250 b\r\n", "450 no\r\n",
					       "250\r\n" };

	script.count = script.items_count = 0;
	owed("220-mx\r\n220 mx\r\n", true);
	while (script.items_count < ITEMS_MAX - 8 && script.count < BYTES_MAX - 512) {
		switch (chance(6)) {
		case 0:
			put_message(view);
			break;
		case 1:
			put_chunks();
			break;
		default:
			put(pick(commands), false);
			owed(pick(replies), !chance(2));
		}
	}
}

/* What is true now, and what the gate makes of it. */
static struct {
	uint32_t sent;  /* client's bytes that the server has */
	uint32_t said;  /* replies */
	uint32_t next;  /* the server's next sequence number */
	uint32_t heard; /* what the client has of them */
	uint32_t base;  /* of the client's numbers */
	struct turn_asked asked;
	struct turn_told told;
	unsigned int idle, chances;
} now;

/* limit - how far the client may send before it hears more */
static uint32_t limit(void)
{
	for (uint32_t i = now.said; i < script.items_count; i++)
		if (script.items[i].waits)
			return script.items[i].end;
	return script.count;
}

/* replies_due - those that the server could say by now */
static uint32_t replies_due(void)
{
	uint32_t n = now.said;

	while (n < script.items_count && script.items[n].end <= now.sent)
		n++;
	return n - now.said;
}

/* before_end - bytes before the first line end of n */
static uint32_t before_end(const char *bytes, uint32_t n)
{
	const char *end = memchr(bytes, '\n', n);

	return end ? end - bytes : n;
}

/* asks_at_once - what may be taken of a line at once, which comes to the same as byte by byte */
static uint32_t asks_at_once(const char *bytes, uint32_t n)
{
	struct turn_asked slow = now.asked;
	uint32_t taken = turn_asks_line(&now.asked, (const __u8 *)bytes, before_end(bytes, n));

	for (uint32_t i = 0; i < taken; i++)
		assert_int_equal(turn_asks(&slow, bytes[i]), 0);
	assert_memory_equal(&slow, &now.asked, sizeof(slow));
	return taken;
}

static uint32_t tells_at_once(const char *bytes, uint32_t ack)
{
	struct turn_told slow = now.told;
	uint32_t taken =
		turn_tells_line(&now.told, (const __u8 *)bytes, before_end(bytes, strlen(bytes)));

	for (uint32_t i = 0; i < taken; i++)
		turn_tells(&slow, bytes[i], ack);
	assert_memory_equal(&slow, &now.told, sizeof(slow));
	return taken;
}

/* see_client - the gate is shown a segment, and must not think that nothing is owed where it is */
static void see_client(uint32_t from, uint32_t to, enum view view)
{
	uint32_t seq = now.base + from, at;
	bool truth = !replies_due() && !script.content[from] && now.heard == now.next &&
		     from == now.sent && now.said;
	bool idle = turn_idle(&now.asked, &now.told, seq, now.heard);

	for (uint32_t i = 0; i < now.said; i++)
		truth &= script.items[i].end <= from;
	if (idle && !truth)
		fail_msg("at byte %u of the client something is owed (seed %u)", from, seed);
	now.idle += idle;
	now.chances += truth;
	if (view == ALL && truth && !idle && now.told.acked == seq)
		fail_msg("at byte %u of the client nothing is owed (seed %u)", from, seed);
	turn_begin(&now.asked, &now.told, seq);
	at = now.asked.next - now.base;
	if (at - from >= to - from)
		return;
	while (at < to) {
		uint32_t n = turn_skip(&now.asked, to - at);

		at += n;
		if (at == to)
			return;
		if (now.asked.state != TURN_COMMAND && now.asked.state != TURN_MESSAGE) {
			now.asked.state = TURN_LOST;
			return;
		}
		at += asks_at_once(script.bytes + at, to - at);
		if (at < to)
			turn_asks(&now.asked, script.bytes[at++]);
	}
}

/* client_sends - a segment, which the server gets whatever the gate saw of it */
static void client_sends(enum view view)
{
	uint32_t room = limit() - now.sent, n, from = now.sent;

	if (!room)
		return;
	n = chance(4) ? 1 + chance(room < 40 ? room : 40) : room;
	if (view != ALL && !chance(20))
		; /* never seen */
	else if (view == MESSY && n > 1 && !chance(8)) {
		uint32_t half = 1 + chance(n - 1);

		see_client(from + half, from + n, view); /* the wrong order */
		see_client(from, from + half, view);
	} else {
		see_client(from, from + n, view);
		if (view == MESSY && !chance(4))
			see_client(from, from + n, view);
	}
	now.sent += n;
}

/* server_says - one reply or more in one segment, of which the gate sees all bytes but in HOLES */
static void server_says(enum view view)
{
	uint32_t due = replies_due(), n;
	bool unseen = view == HOLES && !chance(20);

	if (!due) {
		now.told.acked = now.base + now.sent; /* an empty segment */
		return;
	}
	for (n = 1 + chance(due); n; n--) {
		const char *text = script.items[now.said++].reply;

		if (unseen) {
			now.next += strlen(text);
			continue;
		}
		if (now.told.next != now.next)
			turn_hole(&now.told, now.next);
		now.next += strlen(text);
		while (*text) {
			text += tells_at_once(text, now.base + now.sent);
			if (*text)
				turn_tells(&now.told, *text++, now.base + now.sent);
		}
	}
	now.told.acked = now.base + now.sent;
}

static void converse(enum view view)
{
	make_script(view);
	memset(&now, 0, sizeof(now));
	now.base = chance(2) ? 0xffffff00 : chance(1u << 31);
	now.next = now.heard = 0xfffffff0;
	turn_start(&now.asked, &now.told, now.base, now.next);
	for (int i = 0; i < 2000 && now.sent < script.count; i++) {
		switch (chance(4)) {
		case 0:
			client_sends(view);
			break;
		case 1:
			now.heard = now.next;
			break;
		default:
			server_says(view);
		}
	}
}

static void never_where_something_is_owed(void **state)
{
	unsigned int idle = 0, chances = 0;

	(void)state;
	for (uint32_t run = 0; run < RUNS; run++) {
		seed = run * 2654435761u + 1;
		converse(run % 3);
		idle += now.idle;
		chances += now.chances;
	}
	assert_true(chances > RUNS);
	assert_true(idle > chances / 4); /* and it does come back after a loss */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_where_something_is_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
