// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "client.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_text.h"

/* cell - a key's value, padded; "-" when there is none */
static void cell(const json_t *object, const char *key, int width, FILE *out)
{
	char text[256];

	fprintf(out, "%-*s  ", width,
		ctl_text_json(json_object_get(object, key), text, sizeof(text)));
}

/* print_event - an observation reads as a row; what is no observation shows all its keys */
static void print_event(const json_t *event, FILE *out)
{
	const char *type = json_string_value(json_object_get(event, "type")), *key;
	char text[256];
	json_t *value;

	cell(event, "at", 20, out);
	if (type && strcmp(type, "observation") == 0) {
		cell(event, "source", 15, out);
		cell(event, "server", 28, out);
		cell(event, "build", 14, out);
		cell(event, "standing", 11, out);
		fprintf(out, "%s\n",
			ctl_text_json(json_object_get(event, "origin"), text, sizeof(text)));
		return;
	}
	fputs(type ? ctl_text_line(type, text, sizeof(text)) : "-", out);
	json_object_foreach ((json_t *)event, key, value)
		if (strcmp(key, "at") != 0 && strcmp(key, "type") != 0 && !json_is_null(value))
			fprintf(out, "  %s=%s", key, ctl_text_json(value, text, sizeof(text)));
	fputc('\n', out);
}

/* follow - until the daemon ends or nobody reads any more */
static int follow(const struct ctl *ctl, struct client *client, struct error *e)
{
	json_t *event;
	int rc;

	for (;;) {
		rc = client_next(client, &event, e);
		if (rc)
			return rc;
		if (ctl->json)
			ctl_output_json(ctl->out, event);
		else
			print_event(event, ctl->out);
		json_decref(event);
		rc = ctl_output_finish(ctl->out, e);
		if (rc)
			return rc;
	}
}

/* ctl_events - each line leaves at once, so that it can be piped */
int ctl_events(const struct ctl *ctl, struct error *e)
{
	json_t *request = json_pack("{s:s}", "command", "events"), *result = NULL;
	struct client *client = NULL;
	int rc;

	rc = client_open(ctl->socket, CLIENT_TIMEOUT_S, &client, e);
	if (!rc)
		rc = client_ask(client, request, &result, e);
	if (!rc)
		rc = follow(ctl, client, e);
	client_close(client);
	json_decref(result);
	json_decref(request);
	return rc;
}
