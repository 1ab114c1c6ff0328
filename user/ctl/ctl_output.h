/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_output - what gatectl prints: JSON values, aligned rows, errors
 *
 * JSON is written by jansson, one value per line; an array is opened, filled item by item
 * and closed, so that a long one needs no memory. Rows are collected, because the width of a
 * column is known last. On a terminal columns are fitted to its width and heads stand out;
 * elsewhere nothing is ever cut or coloured. Every cell made from JSON is escaped: a peer's name
 * cannot steer the terminal.
 */
#ifndef BUILDGATE_CTL_OUTPUT_H
#define BUILDGATE_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "user/base/error.h"

#define CTL_COLUMNS 16

/* A column: its head, and the key of a JSON object that fills it. */
struct ctl_column {
	const char *head; /* NULL ends the list */
	const char *key;
	bool right; /* numbers */
};

struct ctl_rows {
	const struct ctl_column *columns;
	unsigned int count;
	size_t width[CTL_COLUMNS];
	char *cells; /* one after the other, NUL between */
	size_t used, size;
	bool full;   /* memory ran out: some rows are missing */
	bool headed; /* the head is printed */
};

void ctl_rows_init(struct ctl_rows *rows, const struct ctl_column *columns);
void ctl_rows_free(struct ctl_rows *rows);

/* ctl_rows_add - one row; cells has as many texts as there are columns */
void ctl_rows_add(struct ctl_rows *rows, const char *const *cells);

/* ctl_rows_add_object - one row from the columns' keys */
void ctl_rows_add_object(struct ctl_rows *rows, const json_t *object);

/* ctl_rows_fit - narrow the columns until a row is at most so wide; what no longer fits is cut */
void ctl_rows_fit(struct ctl_rows *rows, size_t width);

/* ctl_rows_print - head and rows, fitted to the terminal if out is one; -ENOMEM when some had to be
 * left out */
int ctl_rows_print(struct ctl_rows *rows, FILE *out);

/* ctl_rows_next - what was printed goes; more rows may be added, and printed under the same head */
void ctl_rows_next(struct ctl_rows *rows);

/* ctl_output_json - value on one line, keys in the order they were set */
void ctl_output_json(FILE *out, const json_t *value);

/* An array written as it comes. */
struct ctl_array {
	FILE *out;
	bool any;
};

void ctl_array_begin(struct ctl_array *array, FILE *out);
void ctl_array_add(struct ctl_array *array, const json_t *item);
void ctl_array_add_text(struct ctl_array *array, const char *text, size_t bytes);
void ctl_array_end(struct ctl_array *array);

/* Ways to make text stand out on a terminal. */
#define CTL_PLAIN  "\033[0m"
#define CTL_BOLD   "\033[1m"
#define CTL_RED    "\033[1;31m"
#define CTL_YELLOW "\033[1;33m"

/* ctl_output_color - the sequence, or "" where out is no terminal or NO_COLOR is set */
const char *ctl_output_color(FILE *out, const char *sequence);

/* ctl_output_error - {"error":...} to stdout under -j, else a line to stderr */
void ctl_output_error(bool json, const char *text);

/* ctl_output_finish - flush; -EIO and so on when it could not be written */
int ctl_output_finish(FILE *out, struct error *e);

#endif
