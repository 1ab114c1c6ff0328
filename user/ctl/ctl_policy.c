// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_text.h"
#include "user/escalation/preview.h"

/* request_of - a path is made absolute: the daemon stands elsewhere */
static int request_of(const struct ctl *ctl, const char *command, json_t **ret_request,
		      struct error *e)
{
	const char *name = ctl->args[0], *reason = ctl_option(ctl, "--reason");
	char path[PATH_MAX];

	if (name && strchr(name, '/')) {
		if (!realpath(name, path))
			return error_set(e, -errno, "policy '%s': %s", name, strerror(errno));
		name = path;
	}
	*ret_request = json_pack("{s:s}", "command", command);
	if (name)
		json_object_set_new(*ret_request, "policy", json_string(name));
	if (reason)
		json_object_set_new(*ret_request, "reason", json_string(reason));
	return *ret_request ? 0 : error_set(e, -ENOMEM, "out of memory");
}

/* ask - the daemon's answer to a command about policies; `after`: see preview.h, or NULL */
static int ask(const struct ctl *ctl, const char *command, const json_t *after, json_t **ret_result,
	       struct error *e)
{
	json_t *request = NULL;
	int rc = request_of(ctl, command, &request, e);

	if (!rc && after)
		json_object_set(request, "after", (json_t *)after);
	if (!rc)
		rc = client_call(ctl->socket, request, ret_result, e);
	json_decref(request);
	return rc;
}

/* text_of - a string of the answer, made safe to print */
static const char *text_of(const json_t *object, const char *key, char *buf, size_t size)
{
	return ctl_text_json(json_object_get(object, key), buf, size);
}

/* print_rows - an array as a table */
static void print_rows(const struct ctl_column *columns, const json_t *array, FILE *out)
{
	struct ctl_rows rows;
	json_t *row;
	size_t i;

	ctl_rows_init(&rows, columns);
	json_array_foreach (array, i, row)
		ctl_rows_add_object(&rows, row);
	ctl_rows_print(&rows, out);
	ctl_rows_free(&rows);
}

/* print_policy - whose choice it is, whom it acts on, and the table */
static void print_policy(const json_t *policy, FILE *out)
{
	static const struct ctl_column stages[] = {
		{ .head = "STAGE", .key = "stage", .right = true },
		{ .head = "FROM DAY", .key = "day", .right = true },
		{ .head = "SLOW/H", .key = "throttle_min", .right = true },
		{ .head = "BLOCK/H", .key = "block_min", .right = true },
		{ .head = "ASSUMED", .key = "assumed" },
		{ .head = NULL },
	};
	static const struct ctl_column floors[] = {
		{ .head = "PRODUCT", .key = "product" },
		{ .head = "CU", .key = "cu" },
		{ .head = "BUILDS BELOW", .key = "min_build" },
		{ .head = "FROM", .key = "from" },
		{ .head = NULL },
	};
	static const struct ctl_column products[] = {
		{ .head = "ONLY PRODUCT", .key = "product" },
		{ .head = "FROM", .key = "start" },
		{ .head = NULL },
	};
	char name[128], from[64], file[512];
	json_t *word;
	size_t i;

	fprintf(out, "%s, chosen by %s (%s)\nacts on builds that are",
		text_of(policy, "name", name, sizeof(name)),
		text_of(policy, "from", from, sizeof(from)),
		text_of(policy, "file", file, sizeof(file)));
	json_array_foreach (json_object_get(policy, "act_on"), i, word)
		fprintf(out, "%s %s", i ? "," : "", ctl_text_json(word, name, sizeof(name)));
	fputs("\n\n", out);
	print_rows(stages, json_object_get(policy, "stages"), out);
	if (json_array_size(json_object_get(policy, "products"))) {
		fputc('\n', out);
		print_rows(products, json_object_get(policy, "products"), out);
	}
	if (json_array_size(json_object_get(policy, "floors"))) {
		fputc('\n', out);
		print_rows(floors, json_object_get(policy, "floors"), out);
	}
	if (json_is_true(json_object_get(policy, "judging")))
		fputs("\nthe records are being judged anew\n", out);
}

/* ctl_policy_show - the one in force */
int ctl_policy_show(const struct ctl *ctl, struct error *e)
{
	json_t *result;
	int rc = ask(ctl, "policy-show", NULL, &result, e);

	if (rc)
		return rc;
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		print_policy(result, ctl->out);
	json_decref(result);
	return 0;
}

/* print_preview - the numbers, then names */
static void print_preview(const json_t *preview, FILE *out)
{
	static const struct ctl_column moves[] = {
		{ .head = "FROM STAGE", .key = "from", .right = true },
		{ .head = "TO STAGE", .key = "to", .right = true },
		{ .head = "SOURCES", .key = "sources", .right = true },
		{ .head = NULL },
	};
	static const struct ctl_column named[] = {
		{ .head = "SOURCE", .key = "source" },
		{ .head = "SERVER", .key = "server" },
		{ .head = "BUILD", .key = "build" },
		{ .head = "FROM", .key = "from", .right = true },
		{ .head = "TO", .key = "to", .right = true },
		{ .head = "SLOW/H", .key = "throttle_min", .right = true },
		{ .head = "BLOCK/H", .key = "block_min", .right = true },
		{ .head = "HEADS TO", .key = "heads_to", .right = true },
		{ .head = NULL },
	};
	const json_t *lines = json_object_get(preview, "named");
	char name[128], a[32], b[32];

	fprintf(out, "With %s, %s of %s sources would move at once.\n",
		text_of(preview, "policy", name, sizeof(name)),
		text_of(preview, "moved", a, sizeof(a)), text_of(preview, "sources", b, sizeof(b)));
	fprintf(out, "%s server names would begin to count as out of date, %s would cease to.\n",
		text_of(preview, "begin", a, sizeof(a)), text_of(preview, "end", b, sizeof(b)));
	if (!json_array_size(lines))
		return;
	fputc('\n', out);
	print_rows(moves, json_object_get(preview, "moves"), out);
	fputc('\n', out);
	print_rows(named, lines, out);
	if (json_is_true(json_object_get(preview, "cut")))
		fprintf(out, "only the first %zu are named\n", json_array_size(lines));
}

/* ask_preview - part after part, between which the daemon does its work */
static int ask_preview(const struct ctl *ctl, json_t **ret_sum, struct error *e)
{
	json_t *sum, *part;
	int rc = ask(ctl, "policy-preview", NULL, &sum, e);

	if (rc)
		return rc;
	while (!rc && json_is_string(json_object_get(sum, "next"))) {
		rc = ask(ctl, "policy-preview", json_object_get(sum, "next"), &part, e);
		if (rc)
			break;
		preview_add(sum, part);
		json_decref(part);
	}
	json_object_del(sum, "next");
	if (rc)
		json_decref(sum);
	else
		*ret_sum = sum;
	return rc;
}

/* ctl_policy_preview - nothing is changed */
int ctl_policy_preview(const struct ctl *ctl, struct error *e)
{
	json_t *result;
	int rc = ask_preview(ctl, &result, e);

	if (rc)
		return rc;
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		print_preview(result, ctl->out);
	json_decref(result);
	return 0;
}

/* ctl_policy_use - the daemon's sentence */
int ctl_policy_use(const struct ctl *ctl, struct error *e)
{
	char text[1024];
	json_t *result;
	int rc = ask(ctl, "policy-use", NULL, &result, e);

	if (rc)
		return rc;
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		fprintf(ctl->out, "%s\n", text_of(result, "message", text, sizeof(text)));
	json_decref(result);
	return 0;
}
