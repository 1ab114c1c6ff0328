// SPDX-License-Identifier: BSD-2-Clause
/* The report page, and the sums over time that it shows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "daemon.h"
#include "user/base/clock.h"
#include "user/report/page.h"

#define DAY       86400
#define STEP_ROWS 16 /* sources read at once for a reader of the page */

/* daemon_history - the counters as they are, and a part of the records */
void daemon_history(struct daemon *daemon)
{
	struct counters counters[HOOK_MAX];
	bool read = !pinned_counters(daemon->pinned, counters);
	struct error e = { "" };
	int rc = history_tick(daemon->history, read ? counters : NULL, clock_wall(),
			      daemon->config->retention / DAY, &e);

	daemon_store_result(daemon, rc, &e);
}

/* The page on its way to one reader: a part of it, made when the last one has left. */
struct reading {
	struct daemon *daemon;
	struct store_place place;
	unsigned int rows;
	enum { PAGE_ROWS, PAGE_END, PAGE_OVER } next;
	bool complete;
	struct error e; /* why it ends early; empty: it does not */
	char *text;     /* the part: text[done .. bytes) is still to leave */
	size_t bytes, done;
};

/* about - what the page says of the daemon */
static struct page_about about(const struct daemon *daemon)
{
	return (struct page_about) { daemon->config->hostname, daemon->config->catalogue_max_age };
}

/* make_begin - the head; without it there is no page */
static char *make_begin(struct reading *reading)
{
	struct report report = daemon_report(reading->daemon);
	struct page_about us = about(reading->daemon);
	json_t *head = page_head(&report, &us, &reading->e);
	char *text = head ? page_begin(head) : NULL;

	json_decref(head);
	return text;
}

static void page_close(void *arg)
{
	struct reading *reading = arg;

	free(reading->text);
	free(reading);
}

/* page_open - with its first part */
static void *page_open(void *daemon)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return NULL;
	reading->daemon = daemon;
	reading->text = make_begin(reading);
	if (!reading->text) {
		page_close(reading);
		return NULL;
	}
	reading->bytes = strlen(reading->text);
	return reading;
}

/* make_rows - some more sources; an error is told on the page, which then ends */
static char *make_rows(struct reading *reading)
{
	struct report report = daemon_report(reading->daemon);
	unsigned int room = PAGE_SOURCES_MAX - reading->rows;
	json_t *sources = page_sources(&report, &reading->place,
				       room < STEP_ROWS ? room : STEP_ROWS, &reading->e);
	char *text = page_rows(sources, &reading->rows);

	reading->complete = sources && !json_array_size(sources);
	if (!sources || reading->complete || reading->rows >= PAGE_SOURCES_MAX)
		reading->next = PAGE_END;
	json_decref(sources);
	return text;
}

/* make_end - a page that is full may be complete all the same */
static char *make_end(struct reading *reading)
{
	struct store_place place = reading->place;
	struct addr one;
	json_t *tail;
	char *text;

	if (!reading->complete && !reading->e.text[0])
		reading->complete =
			!store_source_ranked(reading->daemon->store, &place, &one, 1, &reading->e);
	tail = page_tail(reading->complete, reading->e.text[0] ? reading->e.text : NULL);
	text = page_end(tail);
	json_decref(tail);
	reading->next = PAGE_OVER;
	return text;
}

/* page_read - short work: the gate waits while it is done */
static ssize_t page_read(void *arg, char *buf, size_t size)
{
	static char *(*const make[])(struct reading *) = { make_rows, make_end };
	struct reading *reading = arg;
	size_t n;

	while (reading->done == reading->bytes) {
		if (reading->next == PAGE_OVER)
			return 0;
		free(reading->text);
		reading->text = make[reading->next](reading);
		if (!reading->text)
			return -ENOMEM;
		reading->done = 0;
		reading->bytes = strlen(reading->text);
	}
	n = reading->bytes - reading->done;
	if (n > size)
		n = size;
	memcpy(buf, reading->text + reading->done, n);
	reading->done += n;
	return (ssize_t)n;
}

const struct http_page daemon_pages[] = {
	{ .path = "/metrics",
	  .type = "text/plain; version=0.0.4; charset=utf-8",
	  .body = daemon_metrics },
	{ .path = "/",
	  .type = "text/html; charset=utf-8",
	  .open = page_open,
	  .read = page_read,
	  .close = page_close,
	  .security = page_security },
	{ 0 },
};

/* command_page - the same in parts, for gatectl */
json_t *command_page(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct report report = daemon_report(daemon);
	struct page_about us = about(daemon);
	const char *from = control_string(request, "place");
	struct store_place place = { 0 };
	char text[PAGE_PLACE_TEXT];
	json_t *head = NULL, *sources;
	bool more;

	if (from && page_place_parse(from, &place)) {
		error_set(e, -EINVAL, "'place' must be what the last part said");
		return NULL;
	}
	if (!from) {
		head = page_head(&report, &us, e);
		if (!head)
			return NULL;
	}
	sources = page_sources(&report, &place, PAGE_PART, e);
	if (!sources) {
		json_decref(head);
		return NULL;
	}
	more = json_array_size(sources) == PAGE_PART;
	return json_pack("{s:o*, s:o, s:s?}", "head", head, "sources", sources, "place",
			 more ? page_place_text(&place, text) : NULL);
}
