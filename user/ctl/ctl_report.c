// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "ctl.h"
#include "ctl_list.h"
#include "ctl_output.h"
#include "ctl_page.h"
#include "ctl_text.h"

static const struct ctl_column columns[] = {
	{ .head = "SERVER", .key = "server" },
	{ .head = "SOURCE", .key = "source" },
	{ .head = "BUILD", .key = "build" },
	{ .head = "PRODUCT", .key = "product" },
	{ .head = "FIRST DETECTED", .key = "first_detected" },
	{ .head = "RECOMMENDED", .key = "recommended_builds" },
	{ .head = "SLOWED FROM", .key = "throttle_date" },
	{ .head = "REFUSED FROM", .key = "block_date" },
	{ .head = "STAGE", .key = "stage", .right = true },
	{ .head = "NEXT SLOW/H", .key = "next_stage_throttle_min", .right = true },
	{ .head = "NEXT BLOCK/H", .key = "next_stage_block_min", .right = true },
	{ .head = "NEXT STAGE", .key = "next_stage_date" },
	{ .head = "READS WHY", .key = "reason_read" },
	{ .head = NULL },
};

/* put_cell - quoted where RFC 4180 wants it. A text that a spreadsheet would take for a formula
 * gets an apostrophe in front: names are what strangers call themselves */
static void put_cell(const char *text, FILE *out)
{
	bool formula = text[0] && strchr("=+-@", text[0]);
	bool quote = formula || strpbrk(text, ",\"\r\n");

	if (quote)
		fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	if (quote)
		fputc('"', out);
}

/* put_value - a list as words, null as nothing */
static void put_value(const json_t *value, FILE *out)
{
	char text[512] = "";
	const json_t *item;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach (value, i, item)
			fprintf(out, "%s%s", i ? " " : "", json_string_value(item));
		return;
	}
	if (json_is_string(value))
		ctl_text_line(json_string_value(value), text, sizeof(text));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "true" : "false");
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	put_cell(text, out);
}

/* A table for spreadsheets, on its way. */
struct csv {
	FILE *out;
	bool headed;
};

/* print_csv - the keys of the JSON as the first line, once the daemon has answered */
static int print_csv(void *arg, struct jsonrows *rows, struct error *e)
{
	struct csv *csv = arg;
	FILE *out = csv->out;
	json_t *row;

	for (const struct ctl_column *c = columns; !csv->headed && c->head; c++)
		fprintf(out, "%s%s", c->key, c[1].head ? "," : "\r\n");
	csv->headed = true;
	while ((row = jsonrows_read(rows))) {
		for (const struct ctl_column *c = columns; c->head; c++) {
			if (c != columns)
				fputc(',', out);
			put_value(json_object_get(row, c->key), out);
		}
		fputs("\r\n", out);
		json_decref(row);
	}
	return ctl_output_finish(out, e);
}

/* table_row - days without their hours: they are planned with, not measured by */
static json_t *table_row(const json_t *row)
{
	json_t *copy = json_copy((json_t *)row), *value;
	const char *key;

	json_object_foreach ((json_t *)row, key, value) {
		size_t n = strlen(key);

		if (json_is_string(value) &&
		    (!strcmp(key, "first_detected") || (n > 5 && !strcmp(key + n - 5, "_date"))))
			json_object_set_new(copy, key,
					    json_sprintf("%.10s", json_string_value(value)));
	}
	value = json_object_get(row, "reason_read");
	if (json_is_boolean(value))
		json_object_set_new(copy, "reason_read",
				    json_string(json_is_true(value) ? "yes" : "never"));
	value = json_array_get(json_object_get(row, "recommended_builds"), 0);
	json_object_set_new(copy, "recommended_builds", value ? json_incref(value) : json_null());
	return copy;
}

/* ctl_report - -j is --format json */
int ctl_report(const struct ctl *ctl, struct error *e)
{
	const char *format = ctl_option(ctl, "--format");
	struct csv csv = { .out = ctl->out };
	json_t *request;
	int rc;

	if (!ctl->json && format && !strcmp(format, "html"))
		return ctl_page(ctl, e);
	request = json_pack("{s:s}", "command", "report");
	if (ctl->json || (format && !strcmp(format, "json")))
		rc = ctl_list_json(ctl, request, e);
	else if (format && !strcmp(format, "csv"))
		rc = ctl_list(ctl, request, print_csv, &csv, e);
	else
		rc = ctl_list_rows(ctl, request, columns, table_row, e);
	json_decref(request);
	return rc;
}
