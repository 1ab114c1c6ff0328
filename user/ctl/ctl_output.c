// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_text.h"

#define CELL_BYTES 512
#define GAP        2

/* ctl_rows_init - widths start with the heads */
void ctl_rows_init(struct ctl_rows *rows, const struct ctl_column *columns)
{
	memset(rows, 0, sizeof(*rows));
	rows->columns = columns;
	while (rows->count < CTL_COLUMNS && columns[rows->count].head) {
		rows->width[rows->count] = strlen(columns[rows->count].head);
		rows->count++;
	}
}

/* ctl_rows_free - leaves an empty table */
void ctl_rows_free(struct ctl_rows *rows)
{
	free(rows->cells);
	ctl_rows_init(rows, rows->columns);
}

/* add_cell - copy text and widen its column */
static bool add_cell(struct ctl_rows *rows, unsigned int column, const char *text)
{
	size_t n = strlen(text) + 1;

	if (rows->used + n > rows->size) {
		size_t size = (rows->size + n + 4096) * 2;
		char *cells = realloc(rows->cells, size);

		if (!cells)
			return false;
		rows->cells = cells;
		rows->size = size;
	}
	memcpy(rows->cells + rows->used, text, n);
	rows->used += n;
	if (n - 1 > rows->width[column])
		rows->width[column] = n - 1;
	return true;
}

/* ctl_rows_add - a row that does not fit into memory is left out whole */
void ctl_rows_add(struct ctl_rows *rows, const char *const *cells)
{
	size_t used = rows->used;
	unsigned int i;

	for (i = 0; i < rows->count; i++) {
		if (!add_cell(rows, i, cells[i])) {
			rows->used = used;
			rows->full = true;
			return;
		}
	}
}

/* ctl_rows_add_object - keys that are not there show as "-" */
void ctl_rows_add_object(struct ctl_rows *rows, const json_t *object)
{
	char text[CTL_COLUMNS][CELL_BYTES];
	const char *cells[CTL_COLUMNS];
	unsigned int i;

	for (i = 0; i < rows->count; i++)
		cells[i] = ctl_text_json(json_object_get(object, rows->columns[i].key), text[i],
					 sizeof(text[i]));
	ctl_rows_add(rows, cells);
}

/* print_cell - padded, but no blanks at the end of a line */
static void print_cell(const struct ctl_rows *rows, unsigned int column, const char *text,
		       FILE *out)
{
	int width = (int)rows->width[column];

	if (rows->columns[column].right)
		fprintf(out, "%*s", width, text);
	else if (column + 1 < rows->count)
		fprintf(out, "%-*s", width, text);
	else
		fputs(text, out);
	if (column + 1 < rows->count)
		fprintf(out, "%*s", GAP, "");
	else
		fputc('\n', out);
}

/* ctl_rows_print - the head too when there are no rows: it says what was looked for */
int ctl_rows_print(const struct ctl_rows *rows, FILE *out)
{
	const char *at = rows->cells, *end = rows->cells + rows->used;
	unsigned int i;

	for (i = 0; i < rows->count; i++)
		print_cell(rows, i, rows->columns[i].head, out);
	while (at < end) {
		for (i = 0; i < rows->count; i++) {
			print_cell(rows, i, at, out);
			at += strlen(at) + 1;
		}
	}
	return rows->full ? -ENOMEM : 0;
}

/* ctl_output_json - compact: for programs */
void ctl_output_json(FILE *out, const json_t *value)
{
	json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
	fputc('\n', out);
}

/* ctl_array_begin - the items follow, one per line */
void ctl_array_begin(struct ctl_array *array, FILE *out)
{
	array->out = out;
	array->any = false;
	fputc('[', out);
}

/* ctl_array_add - the array does not keep item */
void ctl_array_add(struct ctl_array *array, const json_t *item)
{
	fputs(array->any ? ",\n" : "\n", array->out);
	json_dumpf(item, array->out, JSON_COMPACT | JSON_ENCODE_ANY);
	array->any = true;
}

/* ctl_array_end - close it */
void ctl_array_end(struct ctl_array *array)
{
	fputs(array->any ? "\n]\n" : "]\n", array->out);
}

/* ctl_output_color - see ctl_output.h */
const char *ctl_output_color(FILE *out, const char *sequence)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd) || (no && *no) || (term && !strcmp(term, "dumb")))
		return "";
	return sequence;
}

/* ctl_output_error - text is ours or the daemon's, with what a peer chose inside: escape */
void ctl_output_error(bool json, const char *text)
{
	char shown[2048];
	json_t *object;

	if (!json) {
		fprintf(stderr, "gatectl: %s\n", ctl_text_line(text, shown, sizeof(shown)));
		return;
	}
	object = json_pack("{s:s}", "error", text);
	if (!object)
		object = json_pack("{s:s}", "error", ctl_text_line(text, shown, sizeof(shown)));
	ctl_output_json(stdout, object);
	json_decref(object);
}

/* ctl_output_finish - a full disk must not look like success */
int ctl_output_finish(FILE *out, struct error *e)
{
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	return error_set(e, errno ? -errno : -EIO, "cannot write the output: %s",
			 strerror(errno ? errno : EIO));
}
