// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl_text.h"

#define CELL_BYTES 512
#define GAP        2
#define FIT_MIN    10 /* of a column on a narrow terminal */

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

/* terminal_width - of a terminal in columns; 0: out is none, and nothing is ever cut */
static size_t terminal_width(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* ctl_rows_fit - the widest column gives first, none becomes narrower than can be read */
void ctl_rows_fit(struct ctl_rows *rows, size_t width)
{
	size_t total = GAP * (rows->count - 1), over;
	unsigned int i, widest;

	for (i = 0; i < rows->count; i++)
		total += rows->width[i];
	while (total > width) {
		for (widest = i = 0; i < rows->count; i++)
			if (rows->width[i] > rows->width[widest])
				widest = i;
		if (rows->width[widest] <= FIT_MIN)
			return;
		over = total - width;
		if (over > rows->width[widest] - FIT_MIN)
			over = rows->width[widest] - FIT_MIN;
		/* not all at once from one: the next widest has its share too */
		over = (over + 1) / 2;
		rows->width[widest] -= over;
		total -= over;
	}
}

/* cut - a cell wider than its column ends in ".."; never within a character */
static const char *cut(const char *text, size_t width, char *buf)
{
	size_t n = strlen(text);

	if (n <= width || width < 2 || width >= CELL_BYTES)
		return text;
	for (n = width - 2; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	memcpy(buf, text, n);
	strcpy(buf + n, "..");
	return buf;
}

/* print_cell - padded, but no blanks at the end of a line */
static void print_cell(const struct ctl_rows *rows, unsigned int column, const char *text,
		       FILE *out)
{
	int width = (int)rows->width[column];
	char buf[CELL_BYTES + 1];

	text = cut(text, rows->width[column], buf);
	if (rows->columns[column].right)
		fprintf(out, "%*s", width, text);
	else if (column + 1 < rows->count)
		fprintf(out, "%-*s", width, text);
	else
		fputs(text, out);
	if (column + 1 < rows->count)
		fprintf(out, "%*s", GAP, "");
}

/* print_head - once */
static void print_head(const struct ctl_rows *rows, FILE *out)
{
	fputs(ctl_output_color(out, CTL_BOLD), out);
	for (unsigned int i = 0; i < rows->count; i++)
		print_cell(rows, i, rows->columns[i].head, out);
	fprintf(out, "%s\n", ctl_output_color(out, CTL_PLAIN));
}

/* ctl_rows_print - the head too when there are no rows: it says what was looked for */
int ctl_rows_print(struct ctl_rows *rows, FILE *out)
{
	const char *at = rows->cells, *end = rows->cells + rows->used;
	size_t width = terminal_width(out);
	unsigned int i;

	if (width)
		ctl_rows_fit(rows, width);
	if (!rows->headed)
		print_head(rows, out);
	while (at < end) {
		for (i = 0; i < rows->count; i++) {
			print_cell(rows, i, at, out);
			at += strlen(at) + 1;
		}
		fputc('\n', out);
	}
	return rows->full ? -ENOMEM : 0;
}

/* ctl_rows_next - the widths stay */
void ctl_rows_next(struct ctl_rows *rows)
{
	rows->used = 0;
	rows->headed = true;
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

/* next_line - of an array */
static void next_line(struct ctl_array *array)
{
	fputs(array->any ? ",\n" : "\n", array->out);
	array->any = true;
}

/* ctl_array_add - the array does not keep item */
void ctl_array_add(struct ctl_array *array, const json_t *item)
{
	next_line(array);
	json_dumpf(item, array->out, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* ctl_array_add_text - an item that is JSON already */
void ctl_array_add_text(struct ctl_array *array, const char *text, size_t bytes)
{
	next_line(array);
	fwrite(text, 1, bytes, array->out);
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
