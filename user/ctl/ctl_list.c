// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_list.h"

#include <errno.h>

#include "client.h"

/* ask - for one part. Between two the daemon may have hung up: whoever reads on in a pager rests
 * longer than it keeps an idle connection, and where the list goes on stands in the request */
static int ask(const struct ctl *ctl, struct client **client, const json_t *request, bool first,
	       json_t **ret_part, struct jsonrows *ret_rows, struct error *e)
{
	int rc = client_ask_rows(*client, request, ret_part, ret_rows, e);

	if (rc != -ENODATA || first)
		return rc;
	client_close(*client);
	*client = NULL;
	rc = client_open(ctl->socket, CLIENT_TIMEOUT_S, client, e);
	return rc ? rc : client_ask_rows(*client, request, ret_part, ret_rows, e);
}

/* ctl_list - `next` of one part is where the other begins */
int ctl_list(const struct ctl *ctl, json_t *request, ctl_list_fn fn, void *arg, struct error *e)
{
	struct client *client = NULL;
	bool first = true, more = true;
	int rc = client_open(ctl->socket, CLIENT_TIMEOUT_S, &client, e);

	while (!rc && more) {
		struct jsonrows rows = { NULL, NULL };
		json_t *part, *next;

		rc = ask(ctl, &client, request, first, &part, &rows, e);
		if (rc)
			break;
		first = false;
		next = json_object_get(part, "next");
		more = json_is_string(next);
		if (more)
			json_object_set(request, "after", next);
		json_decref(part);
		rc = fn(arg, &rows, e);
		if (!rc && rows.at != rows.end)
			rc = error_set(e, -EPROTO, "buildgated answered a row that is no JSON");
	}
	client_close(client);
	return rc;
}

/* An array on its way. */
struct items {
	struct ctl_array array;
	bool begun;
};

/* add_json - a ctl_list_fn; the array opens when there is an answer, not an error */
static int add_json(void *arg, struct jsonrows *rows, struct error *e)
{
	struct items *items = arg;
	FILE *out = items->array.out;
	const char *text;
	size_t bytes;

	if (!items->begun)
		ctl_array_begin(&items->array, out);
	items->begun = true;
	while (jsonrows_next(rows, &text, &bytes))
		ctl_array_add_text(&items->array, text, bytes);
	return ctl_output_finish(out, e);
}

/* ctl_list_json - as it comes; one that ends early is an array all the same */
int ctl_list_json(const struct ctl *ctl, json_t *request, struct error *e)
{
	struct items items = { .array = { .out = ctl->out } };
	int rc = ctl_list(ctl, request, add_json, &items, e);

	if (items.begun)
		ctl_array_end(&items.array);
	return rc;
}

/* A table on its way. */
struct table {
	struct ctl_rows rows;
	ctl_list_row_fn row;
	FILE *out;
};

/* add_rows - a ctl_list_fn */
static int add_rows(void *arg, struct jsonrows *rows, struct error *e)
{
	struct table *table = arg;
	json_t *item, *row;

	while ((item = jsonrows_read(rows))) {
		row = table->row(item);
		ctl_rows_add_object(&table->rows, row);
		json_decref(row);
		json_decref(item);
	}
	if (ctl_rows_print(&table->rows, table->out))
		return error_set(e, -ENOMEM, "out of memory: some rows are not shown; use -j");
	ctl_rows_next(&table->rows);
	return ctl_output_finish(table->out, e);
}

/* ctl_list_rows - part after part under one head */
int ctl_list_rows(const struct ctl *ctl, json_t *request, const struct ctl_column *columns,
		  ctl_list_row_fn row, struct error *e)
{
	struct table table = { .row = row, .out = ctl->out };
	int rc;

	ctl_rows_init(&table.rows, columns);
	rc = ctl_list(ctl, request, add_rows, &table, e);
	ctl_rows_free(&table.rows);
	return rc;
}
