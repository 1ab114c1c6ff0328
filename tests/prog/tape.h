/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tape - SMTP connections recorded as frames, for tests of replay
 *
 * A tape holds frames in the order they were "captured", one every millisecond. Lines of a
 * conversation are recorded with tape_say(), single segments with tape_frame(); the frames are
 * those of conversation.h. tape_save() writes a capture file of any link type, time resolution
 * and format.
 */
#ifndef BUILDGATE_TESTS_TAPE_H
#define BUILDGATE_TESTS_TAPE_H

#include "tests/prog/conversation.h"

#define TAPE_FRAMES 4096
#define TAPE_BEGIN  1795255200LL /* 2026-11-21T10:00:00Z */

struct tape {
	struct talk t;
	unsigned int count;
	bool no_client, no_server; /* sides that are not captured */
	size_t snap;               /* bytes kept of a frame; 0: all */
	struct {
		uint8_t *bytes;
		size_t kept, length;
	} frames[TAPE_FRAMES];
};

enum tape_format { TAPE_PCAP, TAPE_PCAP_NS, TAPE_PCAPNG };

static inline struct tape *tape_new(bool ipv6)
{
	struct tape *tape = calloc(1, sizeof(*tape));

	tape->t = talk(NULL, ipv6);
	return tape;
}

static inline void tape_free(struct tape *tape)
{
	for (unsigned int i = 0; i < tape->count; i++)
		free(tape->frames[i].bytes);
	free(tape);
}

static inline int64_t tape_at_ns(unsigned int frame)
{
	return TAPE_BEGIN * 1000000000 + frame * 1000000LL;
}

static inline void tape_raw(struct tape *tape, const void *frame, size_t bytes)
{
	unsigned int i = tape->count++;

	assert_true(i < TAPE_FRAMES);
	tape->frames[i].bytes = malloc(bytes + 1);
	memcpy(tape->frames[i].bytes, frame, bytes);
	tape->frames[i].length = bytes;
	tape->frames[i].kept = tape->snap && bytes > tape->snap ? tape->snap : bytes;
}

/* tape_frame - one segment with these numbers */
static inline void tape_frame(struct tape *tape, bool client, uint32_t seq, uint32_t ack,
			      unsigned int flags, const void *data, size_t bytes)
{
	static uint8_t f[70000];
	size_t n = build_frame(&tape->t, client, seq, ack, flags, data, bytes, f);

	if (client ? !tape->no_client : !tape->no_server)
		tape_raw(tape, f, n);
}

static inline void tape_bytes(struct tape *tape, bool client, const void *data, size_t bytes)
{
	uint32_t *mine = client ? &tape->t.client_seq : &tape->t.server_seq;
	uint32_t *other = client ? &tape->t.server_seq : &tape->t.client_seq;

	tape_frame(tape, client, *mine, *other, ACK | PSH, data, bytes);
	*mine += bytes;
}

static inline void tape_client(struct tape *tape, const char *text)
{
	tape_bytes(tape, true, text, strlen(text));
}

static inline void tape_server(struct tape *tape, const char *text)
{
	tape_bytes(tape, false, text, strlen(text));
}

static inline void tape_handshake(struct tape *tape)
{
	struct talk *t = &tape->t;

	tape_frame(tape, true, t->client_seq++, 0, SYN, "", 0);
	tape_frame(tape, false, t->server_seq++, t->client_seq, SYN | ACK, "", 0);
	tape_client(tape, "");
}

static inline void tape_goodbye(struct tape *tape)
{
	struct talk *t = &tape->t;

	tape_frame(tape, true, t->client_seq++, t->server_seq, FIN | ACK, "", 0);
	tape_frame(tape, false, t->server_seq++, t->client_seq, FIN | ACK, "", 0);
	tape_client(tape, "");
}

/* What differs between conversations; NULL is what an innocent one says. */
struct lines {
	const char *banner, *hello, *reply;
	const char *message; /* begin of it */
	size_t message_bytes;
	bool bdat;
};

#define PLAIN_HEADER                                                                               \
	"Received: from pc.example.org (192.0.2.9) by mail.example.org (Postfix)\r\n"              \
	" with ESMTP id 4KSRnj32wXzf; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
#define MESSAGE_END "From: <a@example.org>\r\nSubject: x\r\n\r\nhello\r\n"

/* tape_message - by DATA, or by two chunks the first of which ends in the middle */
static inline void tape_message(struct tape *tape, const struct lines *l)
{
	const char *head = l->message ?: PLAIN_HEADER;
	size_t n = l->message ? l->message_bytes : strlen(head), half = n / 2;
	char command[64];

	if (!l->bdat) {
		tape_client(tape, "DATA\r\n");
		tape_server(tape, "354 go on\r\n");
		for (size_t at = 0; at < n; at += 1400)
			tape_bytes(tape, true, head + at, n - at < 1400 ? n - at : 1400);
		tape_client(tape, MESSAGE_END ".\r\n");
		tape_server(tape, "250 2.0.0 queued\r\n");
		return;
	}
	snprintf(command, sizeof(command), "BDAT %zu\r\n", half);
	tape_client(tape, command);
	for (size_t at = 0; at < half; at += 1400)
		tape_bytes(tape, true, head + at, half - at < 1400 ? half - at : 1400);
	tape_server(tape, "250 2.0.0 ok\r\n");
	snprintf(command, sizeof(command), "BDAT %zu LAST\r\n", n - half + strlen(MESSAGE_END));
	tape_client(tape, command);
	for (size_t at = half; at < n; at += 1400)
		tape_bytes(tape, true, head + at, n - at < 1400 ? n - at : 1400);
	tape_client(tape, MESSAGE_END);
	tape_server(tape, "250 2.0.0 queued\r\n");
}

/* tape_conversation - a whole connection */
static inline void tape_conversation(struct tape *tape, const struct lines *l)
{
	tape_handshake(tape);
	tape_server(tape, l->banner ?: "220 mx.example.net ESMTP\r\n");
	tape_client(tape, l->hello ?: "EHLO ex01.example.org\r\n");
	tape_server(tape, l->reply ?: "250-mx.example.net\r\n250-CHUNKING\r\n250 8BITMIME\r\n");
	tape_client(tape, "MAIL FROM:<a@example.org>\r\n");
	tape_server(tape, "250 2.1.0 Ok\r\n");
	tape_client(tape, "RCPT TO:<b@example.net>\r\n");
	tape_server(tape, "250 2.1.5 Ok\r\n");
	tape_message(tape, l);
	tape_client(tape, "QUIT\r\n");
	tape_server(tape, "221 2.0.0 Bye\r\n");
	tape_goodbye(tape);
}

/* tape_link - the frame's bytes with another link header; returns how many */
static inline size_t tape_link(unsigned int linktype, const uint8_t *f, size_t bytes, uint8_t *out)
{
	bool ipv6 = f[12] == 0x86;
	size_t n = 0;

	memset(out, 0, 32);
	switch (linktype) {
	case 1:
		memcpy(out, f, bytes);
		return bytes;
	case 0:
		out[0] = ipv6 ? 30 : 2;
		n = 4;
		break;
	case 108:
		out[3] = ipv6 ? 30 : 2;
		n = 4;
		break;
	case 113:
		memcpy(out + 14, f + 12, 2);
		n = 16;
		break;
	case 276:
		memcpy(out, f + 12, 2);
		n = 20;
		break;
	}
	memcpy(out + n, f + 14, bytes - 14);
	return n + bytes - 14;
}

static inline void put_words(FILE *file, unsigned int count, const uint32_t *words)
{
	assert_int_equal(fwrite(words, 4, count, file), count);
}

#define PUT(file, ...)                                                                             \
	put_words(file, sizeof((uint32_t[]) { __VA_ARGS__ }) / 4, (uint32_t[]) { __VA_ARGS__ })

/* tape_save - as a capture file in this machine's byte order */
static inline void tape_save(const struct tape *tape, const char *path, enum tape_format format,
			     unsigned int linktype)
{
	static uint8_t out[70100];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	if (format == TAPE_PCAPNG) {
		PUT(file, 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0U, ~0U, 28);
		PUT(file, 1, 32, linktype, 262144, 9 | 1 << 16, 9, 0, 32); /* if_tsresol 9 */
	} else {
		PUT(file, format == TAPE_PCAP ? 0xa1b2c3d4 : 0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144,
		    linktype);
	}
	for (unsigned int i = 0; i < tape->count; i++) {
		size_t length = tape->frames[i].length, gone = length - tape->frames[i].kept;
		size_t n = tape_link(linktype, tape->frames[i].bytes, length, out);
		uint32_t kept = n - gone, padded = (kept + 3) & ~3U;
		uint64_t at = tape_at_ns(i);

		if (format == TAPE_PCAPNG) {
			PUT(file, 6, padded + 32, 0, at >> 32, at, kept, n);
			fwrite(out, 1, padded, file);
			PUT(file, padded + 32);
			continue;
		}
		PUT(file, at / 1000000000, at % 1000000000 / (format == TAPE_PCAP ? 1000 : 1), kept,
		    n);
		fwrite(out, 1, kept, file);
	}
	assert_int_equal(fclose(file), 0);
}

#endif
