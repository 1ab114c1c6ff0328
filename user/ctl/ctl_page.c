// SPDX-License-Identifier: BSD-2-Clause
/* report --format html: the daemon's page as a file, by the daemon's own writer. */
#include <errno.h>
#include <stdlib.h>

#include "client.h"
#include "ctl.h"
#include "ctl_page.h"
#include "user/report/page.h"

/* put - a part of the page; it is ours to free */
static int put(char *text, FILE *out, struct error *e)
{
	int rc = text ? 0 : error_set(e, -ENOMEM, "out of memory");

	if (!rc && fputs(text, out) == EOF)
		rc = error_set(e, -EIO, "cannot write the page");
	free(text);
	return rc;
}

/* next_part - place is what the last answer said; NULL: the first */
static int next_part(struct client *client, const json_t *place, json_t **ret_part, struct error *e)
{
	json_t *request =
		json_pack("{s:s, s:s*}", "command", "page", "place", json_string_value(place));
	int rc = client_ask(client, request, ret_part, e);

	json_decref(request);
	return rc;
}

/* put_parts - all of the page but its end; *ret_complete: no source was left out */
static int put_parts(struct client *client, FILE *out, bool *ret_complete, struct error *e)
{
	json_t *part = NULL, *next, *place = NULL;
	unsigned int rows = 0;
	int rc;

	do {
		rc = next_part(client, place, &next, e);
		json_decref(part);
		part = rc ? NULL : next;
		if (!rc && !place)
			rc = put(page_begin(json_object_get(part, "head")), out, e);
		if (!rc)
			rc = put(page_rows(json_object_get(part, "sources"), &rows), out, e);
		place = json_object_get(part, "place");
	} while (!rc && json_is_string(place) && rows < PAGE_SOURCES_MAX);
	*ret_complete = !json_is_string(place);
	json_decref(part);
	return rc;
}

/* ctl_page - nothing is written unless the daemon answers */
int ctl_page(const struct ctl *ctl, struct error *e)
{
	struct client *client;
	bool complete;
	json_t *tail;
	int rc = client_open(ctl->socket, CLIENT_TIMEOUT_S, &client, e);

	if (rc)
		return rc;
	rc = put_parts(client, ctl->out, &complete, e);
	client_close(client);
	if (rc)
		return rc;
	tail = page_tail(complete, NULL);
	rc = put(page_end(tail), ctl->out, e);
	json_decref(tail);
	return rc;
}
