// SPDX-License-Identifier: BSD-2-Clause
#include "store_record.h"

#include <string.h>

/*
 * Every integer field of struct identity, once: writing and reading are made from these lists, in
 * this order. New fields go to the end of the second list.
 */
#define NUMBERS(X)                                                                                 \
	X(build)                                                                                   \
	X(origin)                                                                                  \
	X(inside)                                                                                  \
	X(acts)                                                                                    \
	X(emergency)                                                                               \
	X(emergency_tarpit)                                                                        \
	X(emergency_min)                                                                           \
	X(apart)                                                                                   \
	X(apart_acts)                                                                              \
	X(strong)                                                                                  \
	X(taken_rank)                                                                              \
	X(elapsed_before)                                                                          \
	X(acting_day)                                                                              \
	X(acting_days)                                                                             \
	X(kept_days)                                                                               \
	X(kept_day)                                                                                \
	X(last_upward)
#define MOMENTS(X)                                                                                 \
	X(emergency_until)                                                                         \
	X(build_at)                                                                                \
	X(first_seen)                                                                              \
	X(last_taken)                                                                              \
	X(last_helo)                                                                               \
	X(last_carried)                                                                            \
	X(last_front)                                                                              \
	X(last_acting)                                                                             \
	X(last_fine)                                                                               \
	X(candidate_at)                                                                            \
	X(first_outdated)                                                                          \
	X(running_since)                                                                           \
	X(stopped_at)                                                                              \
	X(stage_since)                                                                             \
	X(paused_at)                                                                               \
	X(due)

/* write_number - 7 bits per byte, the lowest first */
void write_number(struct writer *w, uint64_t value)
{
	do {
		if (w->at == w->end) {
			w->full = true;
			return;
		}
		*w->at++ = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
}

/* write_signed - small ones of either sign are short */
void write_signed(struct writer *w, int64_t value)
{
	write_number(w, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* write_bytes - as they are */
void write_bytes(struct writer *w, const void *bytes, size_t n)
{
	if ((size_t)(w->end - w->at) < n) {
		w->full = true;
		return;
	}
	memcpy(w->at, bytes, n);
	w->at += n;
}

/* write_text - its length first */
void write_text(struct writer *w, const char *text)
{
	size_t n = strnlen(text, 255);

	write_number(w, n);
	write_bytes(w, text, n);
}

/* read_number - what does not fit 64 bits cannot come from us */
uint64_t read_number(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; r->at < r->end && shift < 64; shift += 7) {
		unsigned char byte = *r->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	r->bad = true;
	return 0;
}

/* read_signed - of write_signed() */
int64_t read_signed(struct reader *r)
{
	uint64_t value = read_number(r);

	return (int64_t)(value >> 1 ^ -(value & 1));
}

/* read_bytes - a view */
const unsigned char *read_bytes(struct reader *r, size_t n)
{
	const unsigned char *bytes = r->at;

	if (r->bad || (size_t)(r->end - r->at) < n) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	return bytes;
}

/* read_text - one that is longer than buf cannot come from us */
void read_text(struct reader *r, char *buf, size_t size)
{
	size_t n = read_number(r);
	const unsigned char *text = read_bytes(r, n);

	buf[0] = '\0';
	if (!text || n >= size) {
		r->bad = true;
		return;
	}
	memcpy(buf, text, n);
	buf[n] = '\0';
}

/* write_moment - 0 is "never"; everything else is near `from` nearly always */
static void write_moment(struct writer *w, int64_t at, int64_t from)
{
	uint64_t apart = (uint64_t)at - (uint64_t)from;

	if (at)
		write_number(w, (apart << 1 ^ -(apart >> 63)) + 1);
	else
		write_number(w, 0);
}

/* read_moment - of write_moment() */
static int64_t read_moment(struct reader *r, int64_t from)
{
	uint64_t value = read_number(r);

	if (!value--)
		return 0;
	return (int64_t)((uint64_t)from + (value >> 1 ^ -(value & 1)));
}

/* write_fields - all of a record behind its length; first what record_peek() reads */
static void write_fields(struct writer *w, const struct identity *id)
{
	write_number(w, id->archived);
	write_number(w, id->stage);
	write_number(w, id->standing);
	write_text(w, id->name);
	write_text(w, id->emergency_id);
	write_number(w, id->burst_count);
	for (unsigned int i = 0; i < id->burst_count && i < ESCALATION_BURST; i++)
		write_number(w, id->burst[i]);
	write_signed(w, id->last_seen);
#define WRITE(field) write_signed(w, (int64_t)id->field);
	NUMBERS(WRITE)
#undef WRITE
#define WRITE(field) write_moment(w, id->field, id->last_seen);
	MOMENTS(WRITE)
#undef WRITE
}

/* record_write - two bytes of length, then the fields */
void record_write(struct writer *w, const struct identity *identity)
{
	unsigned char *length = w->at;
	size_t n;

	write_bytes(w, "\0", 2);
	if (w->full)
		return;
	write_fields(w, identity);
	n = (size_t)(w->at - length) - 2;
	length[0] = (unsigned char)n;
	length[1] = (unsigned char)(n >> 8);
}

/* read_burst - more than there can be is not ours */
static void read_burst(struct reader *r, struct identity *ret)
{
	uint64_t count = read_number(r);

	if (count > ESCALATION_BURST) {
		r->bad = true;
		return;
	}
	ret->burst_count = (uint8_t)count;
	for (unsigned int i = 0; i < count; i++)
		ret->burst[i] = (uint16_t)read_number(r);
}

/* open_record - a reader of the next record's fields, its first ones read */
static struct reader open_record(struct reader *r, struct identity *ret)
{
	const unsigned char *length = read_bytes(r, 2);
	size_t n = length ? (size_t)(length[0] | length[1] << 8) : 0;
	const unsigned char *fields = read_bytes(r, n);
	struct reader in = { fields, fields ? fields + n : NULL, !fields };

	ret->archived = read_number(&in);
	ret->stage = (uint32_t)read_number(&in);
	ret->standing = (enum standing)read_number(&in);
	return in;
}

/* record_peek - the rest is passed over */
void record_peek(struct reader *r, struct identity *ret)
{
	struct reader in = open_record(r, ret);

	r->bad |= in.bad;
}

/* record_read - fields that an older version did not write are 0 */
void record_read(struct reader *r, struct identity *ret)
{
	struct reader in;

	memset(ret, 0, sizeof(*ret));
	in = open_record(r, ret);
	read_text(&in, ret->name, sizeof(ret->name));
	read_text(&in, ret->emergency_id, sizeof(ret->emergency_id));
	read_burst(&in, ret);
	ret->last_seen = read_signed(&in);
#define READ(field) ret->field = (__typeof__(ret->field))read_signed(&in);
	NUMBERS(READ)
#undef READ
#define READ(field)                                                                                \
	if (in.at < in.end)                                                                        \
		ret->field = read_moment(&in, ret->last_seen);
	MOMENTS(READ)
#undef READ
	r->bad |= in.bad;
}
