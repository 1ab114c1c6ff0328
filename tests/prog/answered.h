/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answered - the answerer as a TCP peer sees it
 *
 * A caller is a client whose segments are turned into answers. tell() sends one segment and
 * takes the answer apart: every answer is checked to be a right frame (addresses turned, lengths,
 * both checksums), so a test only says what stands in it. say() moves the client's numbers on by
 * what was acknowledged, as a TCP would.
 */
#ifndef BUILDGATE_TESTS_ANSWERED_H
#define BUILDGATE_TESTS_ANSWERED_H

#include "tests/prog/rows.h"
#include "user/enforcer/reply.h"

#define LATER_INDEX    0
#define TEXTS          1 /* index of the texts of REFUSED and DEFERRED */
#define GREETING_TEXTS 2
#define ISN            0x12345678

/* Verdicts as the clock and `set` make them. */
static const struct verdict REFUSED = { .block_s = 3600,
					.drop_style = STYLE_ANSWER,
					.reply = TEXTS };
static const struct verdict DEFERRED = {
	.throttle_s = 3600, .tarpit_style = STYLE_DEFER, .drop_style = STYLE_ANSWER, .reply = TEXTS
};

struct answer_seen {
	bool is; /* there was one */
	uint32_t seq, ack, flags;
	size_t frame_bytes, option_bytes, bytes;
	uint8_t options[40];
	char text[REPLY_BYTES + 1];
};

struct caller {
	struct talk t;
	uint32_t seq, ack;   /* client's next, and what it has read up to */
	uint8_t options[40]; /* TCP options of its segments */
	size_t option_bytes; /* a multiple of 4 */
	uint8_t frame[4096], out[4096];
	size_t frame_bytes;
	struct answer_seen last;
};

static inline uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* put_texts - as the daemon renders them */
static inline void put_texts(struct instance *gate, uint32_t index, const struct reply_cause *cause,
			     bool at_greeting)
{
	struct reply_site site = { .hostname = "mx.example.net",
				   .contact = "postmaster@example.net",
				   .at_greeting = at_greeting };
	struct reply r;

	reply_render(&site, cause, 0, &r);
	assert_int_equal(bpf_map_update_elem(instance_fds(gate)->replies, &index, &r, BPF_ANY), 0);
}

static inline void put_keys(struct instance *gate, uint64_t now, uint64_t before)
{
	struct answer_keys keys = { .key = { { now, now ? 7 : 0 }, { before, before ? 7 : 0 } } };
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_update_elem(instance_fds(gate)->answer_keys, &zero, &keys, BPF_ANY), 0);
}

/* clean_answers - cmocka setup: as a daemon in enforce mode has it */
static inline int clean_answers(void **state)
{
	struct reply_cause cause = { .build = BUILD(15, 1, 2507, 39), .block_min = 60 };

	clean(*state);
	put_texts(*state, LATER_INDEX, NULL, false);
	put_texts(*state, TEXTS, &cause, false);
	put_texts(*state, GREETING_TEXTS, &cause, true);
	put_keys(*state, 11, 0);
	return 0;
}

static inline struct caller caller(struct instance *gate, bool ipv6, const struct verdict *v)
{
	struct caller c = { .t = talk(gate, ipv6), .seq = ISN };

	c.t.client_host = c.t.client_port & 0xff; /* a source of its own */
	c.t.client_net = c.t.client_port;
	if (v)
		judge(&c.t, v);
	return c;
}

/* take_ip - the answer's network header; returns where TCP begins, and how long it is */
static inline size_t take_ip(struct caller *c, const uint8_t *f, size_t *ret_segment)
{
	size_t at = link_bytes(&c->t), address;
	uint8_t here[16], there[16];

	address = host(&c->t, true, there);
	host(&c->t, false, here);
	if (!c->t.no_link) {
		assert_memory_equal(f, c->frame + 6, 6);
		assert_memory_equal(f + 6, c->frame, 6);
		assert_memory_equal(f + 12, c->frame + 12, at - 12);
	}
	if (c->t.ipv6) {
		assert_int_equal(f[at] >> 4, 6);
		assert_int_equal(f[at + 6], 6);
		*ret_segment = get16(f + at + 4);
		assert_memory_equal(f + at + 8, here, address);
		assert_memory_equal(f + at + 24, there, address);
		return at + 40;
	}
	assert_int_equal(f[at], 0x45);
	assert_int_equal(f[at + 9], 6);
	assert_int_equal(fold16(sum16(f + at, 20, 0)), 0xffff);
	*ret_segment = get16(f + at + 2) - 20;
	assert_memory_equal(f + at + 12, here, address);
	assert_memory_equal(f + at + 16, there, address);
	return at + 20;
}

/* take - the frame that the program left, as an answer */
static inline void take(struct caller *c)
{
	struct answer_seen *a = &c->last;
	size_t segment, address, header, at = take_ip(c, c->out, &segment);
	const uint8_t *tcp = c->out + at;
	uint8_t pseudo[40];

	assert_int_equal(at + segment, c->t.out_bytes); /* nothing is left of the segment */
	address = host(&c->t, false, pseudo);
	host(&c->t, true, pseudo + address);
	put32(pseudo + 2 * address, segment);
	assert_int_equal(fold16(sum16(tcp, segment, sum16(pseudo, 2 * address + 4, 6))), 0xffff);
	assert_int_equal(get16(tcp), c->t.server_port);
	assert_int_equal(get16(tcp + 2), c->t.client_port);
	header = tcp[12] >> 4 << 2;
	assert_int_equal(tcp[12] & 15, 0);
	assert_true(get16(tcp + 14) > 512); /* a window in which commands fit */
	*a = (struct answer_seen) { .is = true,
				    .seq = get32(tcp + 4),
				    .ack = get32(tcp + 8),
				    .flags = tcp[13],
				    .frame_bytes = c->t.out_bytes,
				    .option_bytes = header - 20,
				    .bytes = segment - header };
	memcpy(a->options, tcp + 20, a->option_bytes);
	assert_true(a->bytes == 0 || a->bytes == REPLY_BYTES);
	memcpy(a->text, tcp + header, a->bytes);
}

/* tell - one segment with these numbers; what came of it is in c->last and counted as reason */
static inline struct answer_seen *tell(struct caller *c, uint32_t seq, uint32_t ack,
				       unsigned int flags, const char *data, size_t bytes,
				       enum reason reason)
{
	struct look before = look(c->t.gate);

	memset(&c->last, 0, sizeof(c->last));
	c->t.tcp_options = c->option_bytes;
	c->t.out = c->out;
	c->frame_bytes = build_frame(&c->t, true, seq, ack, flags, data, bytes, c->frame);
	memcpy(c->frame + c->frame_bytes - c->t.padding - bytes - c->option_bytes, c->options,
	       c->option_bytes);
	feed_hook(&c->t, HOOK_INGRESS, c->frame, c->frame_bytes);
	exits_as(&c->t, &before, data, HOOK_INGRESS, reason);
	if (reasons[reason].kind == KIND_ANSWER)
		take(c);
	else
		assert_memory_equal(c->out, c->frame, c->frame_bytes);
	return &c->last;
}

/* say - the client's next bytes; it moves on by what the answer says */
static inline struct answer_seen *say(struct caller *c, const char *data)
{
	struct answer_seen *a =
		tell(c, c->seq, c->ack, ACK | PSH, data, strlen(data), REASON_ANSWERED);

	assert_int_equal(a->seq, c->ack);
	c->seq = a->ack;
	c->ack += a->bytes + !!(a->flags & FIN);
	return a;
}

/* call - SYN and SYN-ACK */
static inline struct answer_seen *call(struct caller *c)
{
	struct answer_seen *a = tell(c, c->seq, 0, SYN, "", 0, REASON_ANSWERED_SYN);

	assert_int_equal(a->flags, SYN | ACK);
	assert_int_equal(a->ack, c->seq + 1);
	assert_int_equal(a->bytes, 0);
	c->seq++;
	c->ack = a->seq + 1;
	return a;
}

/* confirm - an acknowledgement of all that was read, which wants nothing */
static inline void confirm(struct caller *c)
{
	tell(c, c->seq, c->ack, ACK, "", 0, REASON_ANSWER_TAKEN);
}

/* greeted - the connection up to the greeting */
static inline struct caller greeted(struct instance *gate, bool ipv6, const struct verdict *v)
{
	struct caller c = caller(gate, ipv6, v);

	call(&c);
	say(&c, "");
	assert_memory_equal(c.last.text, "220 mx.example.net", 18);
	confirm(&c);
	return c;
}

/* begins - the answer's text */
static inline void begins(const struct answer_seen *a, const char *text)
{
	if (a->bytes == REPLY_BYTES && !strncmp(a->text, text, strlen(text)))
		return;
	fprintf(stderr, "expected \"%s\", got \"%.40s\"\n", text, a->text);
	fail();
}

#endif
