// SPDX-License-Identifier: BSD-2-Clause
#include "client.h"
#include "ctl.h"
#include "ctl_output.h"

/* print_part - the entries of one answer, and where the next one begins */
static json_t *print_part(const struct ctl *ctl, const json_t *result)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(result, "entries"), i, entry)
		ctl_output_json(ctl->out, entry);
	return json_object_get(result, "next");
}

/* ctl_audit - part by part: neither side holds all of it */
int ctl_audit(const struct ctl *ctl, struct error *e)
{
	const char *since = ctl_option(ctl, "--since");
	json_t *request = json_pack("{s:s,s:s*}", "command", "audit", "since", since);
	json_t *result = NULL, *next;
	struct client *client = NULL;
	bool more = true;
	int rc = client_open(ctl->socket, CLIENT_TIMEOUT_S, &client, e);

	while (!rc && more) {
		rc = client_ask(client, request, &result, e);
		if (rc)
			break;
		next = print_part(ctl, result);
		more = json_is_integer(next);
		if (more)
			json_object_set(request, "after", next);
		rc = ctl_output_finish(ctl->out, e);
		json_decref(result);
	}
	client_close(client);
	json_decref(request);
	return rc;
}
