/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_record - the bytes of one source's records, as they lie in the database
 *
 * A sequence of numbers in 7 bits per byte, small ones short, and of texts with their length in
 * front. Each record begins with its own length: a later version appends fields, and an older
 * record reads as if they were 0. Moments are kept as distances from the record's last_seen.
 *
 * Pure functions. A writer never writes past its end: `full` says that something did not fit. A
 * reader never reads past its end: `bad` says that the bytes cannot come from us.
 */
#ifndef BUILDGATE_STORE_RECORD_H
#define BUILDGATE_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/escalation/escalation.h"

/* What one record and one source need at most. */
#define RECORD_BYTES  1024
#define RECORDS_BYTES (ESCALATION_NAMES_MAX * RECORD_BYTES)

struct writer {
	unsigned char *at, *end;
	bool full;
};

struct reader {
	const unsigned char *at, *end;
	bool bad;
};

void write_number(struct writer *w, uint64_t value);
void write_signed(struct writer *w, int64_t value);
void write_bytes(struct writer *w, const void *bytes, size_t n);
void write_text(struct writer *w, const char *text); /* cut at 255 bytes */

uint64_t read_number(struct reader *r);
int64_t read_signed(struct reader *r);
const unsigned char *read_bytes(struct reader *r, size_t n); /* NULL: not there */
void read_text(struct reader *r, char *buf, size_t size);

void record_write(struct writer *w, const struct identity *identity);

/* record_read - the next one; its `source` is the caller's to fill */
void record_read(struct reader *r, struct identity *ret);

/* record_peek - only archived, stage and standing of the next one; the other fields stay as they
 * are */
void record_peek(struct reader *r, struct identity *ret);

#endif
