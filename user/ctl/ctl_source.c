// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "client.h"
#include "ctl.h"
#include "ctl_list.h"
#include "ctl_map.h"
#include "ctl_output.h"
#include "ctl_parse.h"
#include "ctl_sight.h"
#include "ctl_text.h"

/* text_of - a string of an object, or NULL */
static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* names_of - "ex01.example.org +2": the first identity and how many more */
static json_t *names_of(const json_t *identities)
{
	const char *name = text_of(json_array_get(identities, 0), "name");
	size_t count = json_array_size(identities);

	if (!name)
		return json_null();
	if (count == 1)
		return json_string(name);
	return json_sprintf("%s +%zu", name, count - 1);
}

/* source_row - one source and its first identity in one flat object */
static json_t *source_row(const json_t *source)
{
	static const char *const of_identity[] = { "build", "product", "standing", "last_seen" };
	json_t *identities = json_object_get(source, "identities");
	json_t *row = json_copy((json_t *)source);
	json_t *first = json_array_get(identities, 0);
	size_t i;

	json_object_set_new(row, "name", names_of(identities));
	for (i = 0; i < sizeof(of_identity) / sizeof(of_identity[0]); i++)
		json_object_set(row, of_identity[i], json_object_get(first, of_identity[i]));
	return row;
}

/* print_sight - what the list may leave out; a daemon that does not say is no failure */
static void print_sight(const struct ctl *ctl)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *status = NULL;
	char text[512];

	if (!client_call(ctl->socket, request, &status, NULL) &&
	    *ctl_sight_text(status, text, sizeof(text)))
		fprintf(ctl->out, "sources: %s\n", text);
	json_decref(status);
	json_decref(request);
}

/* ctl_sources - the filters are the daemon's */
int ctl_sources(const struct ctl *ctl, struct error *e)
{
	static const struct ctl_column columns[] = {
		{ .head = "SOURCE", .key = "source" },
		{ .head = "NAME", .key = "name" },
		{ .head = "BUILD", .key = "build" },
		{ .head = "PRODUCT", .key = "product" },
		{ .head = "STANDING", .key = "standing" },
		{ .head = "STAGE", .key = "stage", .right = true },
		{ .head = "VERDICT", .key = "verdict" },
		{ .head = "SLOW/H", .key = "throttle_min", .right = true },
		{ .head = "BLOCK/H", .key = "block_min", .right = true },
		{ .head = "NEXT STAGE", .key = "next_stage_at" },
		{ .head = "LAST SEEN", .key = "last_seen" },
		{ .head = NULL },
	};
	const char *stage = ctl_option(ctl, "--stage"), *standing = ctl_option(ctl, "--standing");
	json_t *request = json_pack("{s:s}", "command", "sources");
	long long number;
	int rc;

	if (stage && ctl_parse_number(stage, 0, UINT32_MAX, &number) == 0)
		json_object_set_new(request, "stage", json_integer(number));
	if (standing)
		json_object_set_new(request, "standing", json_string(standing));
	if (ctl->json)
		rc = ctl_list_json(ctl, request, e);
	else
		rc = ctl_list_rows(ctl, request, columns, source_row, e);
	json_decref(request);
	if (!rc && !ctl->json && !stage && !standing)
		print_sight(ctl);
	return rc;
}

/* What the kernel does with a source. */
struct live {
	bool found;
	struct ctl_view view;
	struct addr source;
	struct verdict verdict;
};

/* look - without permission or entry there is just nothing found */
static void look(const char *text, struct live *ret)
{
	struct addr addr;

	ret->found = ctl_view_open(&ret->view, NULL, NULL) == 0 &&
		     address_parse(text, &addr) == 0 &&
		     ctl_map_look(&addr, &ret->source, &ret->verdict, NULL) == 1;
}

/* live_json - null when nothing was found */
static json_t *live_json(const struct live *live)
{
	char text[ADDRESS_TEXT];

	if (!live->found)
		return json_null();
	return ctl_verdict_json(address_format(&live->source, text), &live->verdict, &live->view);
}

/* print_note - "  head text" when the key is there and neither null nor false */
static void print_note(const json_t *source, const char *key, const char *head, FILE *out)
{
	json_t *value = json_object_get(source, key);
	char text[512];

	if (!value || json_is_null(value) || json_is_false(value))
		return;
	if (json_is_true(value))
		fprintf(out, "  %s\n", head);
	else
		fprintf(out, "  %s %s\n", head, ctl_text_json(value, text, sizeof(text)));
}

/* print_identities - one row per server name */
static void print_identities(const json_t *source, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ .head = "NAME", .key = "name" },
		{ .head = "BUILD", .key = "build" },
		{ .head = "PRODUCT", .key = "product" },
		{ .head = "STANDING", .key = "standing" },
		{ .head = "STAGE", .key = "stage", .right = true },
		{ .head = "FIRST OUTDATED", .key = "first_outdated" },
		{ .head = "LAST SEEN", .key = "last_seen" },
		{ .head = NULL },
	};
	json_t *identities = json_object_get(source, "identities"), *identity;
	struct ctl_rows rows;
	size_t i;

	if (!json_array_size(identities))
		return;
	ctl_rows_init(&rows, columns);
	json_array_foreach (identities, i, identity)
		ctl_rows_add_object(&rows, identity);
	fputc('\n', out);
	ctl_rows_print(&rows, out);
	ctl_rows_free(&rows);
}

/* seconds_of - minutes of the daemon's object */
static unsigned int seconds_of(const json_t *source, const char *key)
{
	json_int_t minutes = json_integer_value(json_object_get(source, key));

	return minutes > 0 && minutes <= 60 ? (unsigned int)minutes * 60 : 0;
}

/* print_clause - ", head text" when the key is there and not null */
static void print_clause(const json_t *source, const char *key, const char *head, FILE *out)
{
	json_t *value = json_object_get(source, key);
	char text[128];

	if (value && !json_is_null(value))
		fprintf(out, "%s %s", head, ctl_text_json(value, text, sizeof(text)));
}

/* print_sentence - what is done, what happens now, where the clock stands, what comes next */
static void print_sentence(const char *asked, const json_t *source, const struct live *live,
			   FILE *out)
{
	const char *name = text_of(source, "source");
	char text[128], hour[64], now[96];

	fputs(ctl_text_line(name ? name : asked, text, sizeof(text)), out);
	if (live->found)
		fprintf(out, " is %s (now: %s)",
			ctl_text_hour(live->verdict.throttle_s, live->verdict.block_s, hour,
				      sizeof(hour)),
			ctl_verdict_now_text(&live->verdict, &live->view, now, sizeof(now)));
	else if (!json_array_size(json_object_get(source, "identities")))
		fputs(" has not been seen with a build", out);
	else
		fprintf(out, " is %s",
			ctl_text_hour(seconds_of(source, "throttle_min"),
				      seconds_of(source, "block_min"), hour, sizeof(hour)));
	if (json_integer_value(json_object_get(source, "stage")) > 0) {
		print_clause(source, "stage", ", stage", out);
		print_clause(source, "stage_since", " since", out);
		print_clause(source, "next_stage_at", ", next stage at", out);
		print_clause(source, "blocked_from", ", blocked from", out);
		print_clause(source, "upgrade_to", " unless upgraded to", out);
	}
	fputc('\n', out);
}

/* print_source - the sentence, what explains it, and who it is */
static void print_source(const char *asked, const json_t *source, const struct live *live,
			 FILE *out)
{
	const char *why = text_of(source, "why");

	print_sentence(asked, source, live, out);
	print_note(source, "by", "decided by", out);
	if (why && why[0])
		print_note(source, "why", "because", out);
	print_note(source, "until", "until", out);
	print_note(source, "evidence_at", "evidence of", out);
	print_note(source, "paused_until", "paused until", out);
	print_note(source, "exempt", "exempt", out);
	print_note(source, "shared", "shared with other senders: reported, not enforced", out);
	print_note(source, "emergency", "an emergency definition matches", out);
	print_note(source, "inside", "on the inside: reported, never enforced", out);
	print_identities(source, out);
}

/* ctl_show - the daemon's record, and beside it the kernel's */
int ctl_show(const struct ctl *ctl, struct error *e)
{
	json_t *request = json_pack("{s:s,s:s}", "command", "show", "addr", ctl->args[0]);
	json_t *result;
	struct live live;
	int rc;

	rc = client_call(ctl->socket, request, &result, e);
	json_decref(request);
	if (rc)
		return rc;
	look(ctl->args[0], &live);
	if (ctl->json) {
		json_object_set_new(result, "kernel", live_json(&live));
		ctl_output_json(ctl->out, result);
	} else {
		print_source(ctl->args[0], result, &live, ctl->out);
	}
	json_decref(result);
	return 0;
}

/* history_request - of one source, or of all that happened */
static json_t *history_request(const struct ctl *ctl)
{
	const char *last = ctl_option(ctl, "--last");
	json_t *request = json_pack("{s:s}", "command", "history");

	if (ctl->args[0])
		json_object_set_new(request, "addr", json_string(ctl->args[0]));
	else if (last)
		json_object_set_new(request, "last", json_integer(strtol(last, NULL, 10)));
	return request;
}

/* ctl_history - oldest first, as the daemon has it */
int ctl_history(const struct ctl *ctl, struct error *e)
{
	static const struct ctl_column columns[] = {
		{ .head = "SUBJECT", .key = "subject" }, /* left out where it is always the same */
		{ .head = "AT", .key = "at" },
		{ .head = "WHO", .key = "who" },
		{ .head = "WHAT", .key = "what" },
		{ .head = "BEFORE", .key = "before" },
		{ .head = "AFTER", .key = "after" },
		{ .head = "WHY", .key = "why" },
		{ .head = NULL },
	};
	json_t *request = history_request(ctl), *result, *entry;
	struct ctl_rows rows;
	size_t i;
	int rc;

	rc = client_call(ctl->socket, request, &result, e);
	json_decref(request);
	if (rc)
		return rc;
	ctl_rows_init(&rows, ctl->args[0] ? columns + 1 : columns);
	json_array_foreach (result, i, entry)
		ctl_rows_add_object(&rows, entry);
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		ctl_rows_print(&rows, ctl->out);
	ctl_rows_free(&rows);
	json_decref(result);
	return 0;
}
