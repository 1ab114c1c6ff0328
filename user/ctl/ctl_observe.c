// SPDX-License-Identifier: BSD-2-Clause
/*
 * Telling the daemon of builds. A stream is sent on whenever nothing more has come yet, so
 * that a log that is followed arrives at once and a file in few requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/build.h"
#include "client.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_text.h"
#include "user/observer/observation.h"
#include "user/observer/stamp.h"
#include "user/observer/telling.h"

#define LINE_BYTES 65536

/* One stream of lines. */
struct input {
	const struct ctl *ctl;
	struct client *client; /* NULL: not connected */
	struct telling telling;
	size_t line_of[TELLING_MAX]; /* of each object of the batch */
	size_t line;                 /* number of the one at hand */
	size_t taken, repeated, refused, lost, skipped;
	struct error over; /* why some were lost; empty: none were */
};

/* refuse - one line, and why: on stderr, or under -j as an object of its own */
static void refuse(struct input *s, size_t line, const char *why)
{
	char text[1024];
	json_t *object;

	s->refused++;
	if (!s->ctl->json) {
		fprintf(stderr, "gatectl: line %zu: %s\n", line,
			ctl_text_line(why, text, sizeof(text)));
		return;
	}
	object = json_pack("{s:I, s:s}", "line", (json_int_t)line, "error", why);
	ctl_output_json(s->ctl->out, object);
	json_decref(object);
}

/* count - a number of the daemon's answer */
static size_t count(const json_t *result, const char *key)
{
	return (size_t)json_integer_value(json_object_get(result, key));
}

/* settle - the daemon's answer to a batch */
static void settle(struct input *s, const json_t *result)
{
	const json_t *refused = json_object_get(result, "refused");
	const char *message = json_string_value(json_object_get(result, "message"));
	json_t *row;
	size_t i;

	json_array_foreach (refused, i, row) {
		const char *why = json_string_value(json_object_get(row, "error"));
		size_t index = count(row, "index");

		refuse(s, index < TELLING_MAX ? s->line_of[index] : 0, why ? why : "refused");
	}
	s->taken += count(result, "taken");
	s->repeated += count(result, "repeated");
	s->lost += count(result, "lost");
	if (count(result, "lost") && !s->over.text[0])
		error_set(&s->over, 0, "%s", message ? message : "the daemon did not take them");
}

/* send_batch - with a connection that is made when it is needed, and made again once: the
 * daemon may have been restarted since the last line */
static int send_batch(struct input *s, struct error *e)
{
	json_t *list = s->telling.list, *result = NULL;
	int rc = 0;

	s->telling.list = NULL;
	for (int try = 0; try < 2; try++) {
		bool fresh = !s->client;

		if (fresh)
			rc = client_open(s->ctl->socket, CLIENT_TIMEOUT_S, &s->client, e);
		if (!rc) {
			s->telling.list = json_incref(list);
			rc = telling_send(&s->telling, s->client, NULL, &result, e);
		}
		if (!rc || rc == -EREMOTEIO || fresh)
			break;
		client_close(s->client);
		s->client = NULL;
		rc = 0;
	}
	json_decref(list);
	if (rc)
		return error_prefix(e, rc, "line %zu and what follows was not taken",
				    s->line_of[0]);
	settle(s, result);
	json_decref(result);
	return 0;
}

/* flush - what is in the batch */
static int flush(struct input *s, struct error *e)
{
	return telling_count(&s->telling) ? send_batch(s, e) : 0;
}

/* read_header - an object with the header itself: what the kernel programs would make of it */
static int read_header(json_t *object, struct error *e)
{
	const json_t *header = json_object_get(object, "header");
	const char *helo = json_string_value(json_object_get(object, "helo"));
	char build[BUILD_TEXT], by[NAME_BYTES];
	struct session session;

	if (!header || json_is_null(header) || json_object_get(object, "build"))
		return 0;
	if (!json_is_string(header))
		return error_set(e, -EINVAL, "key \"header\": expected a string");
	stamp_helo(&session, helo ? helo : "");
	stamp_message(&session);
	stamp_text(&session, json_string_value(header));
	stamp_bytes(&session, "\r\n", 2); /* its last line may have no end */
	stamp_end(&session);
	if (!session.build) {
		json_object_set_new(object, "type", json_string("no_build"));
		json_object_set_new(object, "family", json_string(family_name(session.family)));
		return 0;
	}
	build_format(session.build, build);
	json_object_set_new(object, "build", json_string(build));
	json_object_set_new(object, "origin", json_string(origin_name(session.origin)));
	observation_printable(by, session.text.by, sizeof(session.text.by));
	if (session.origin == ORIGIN_RECEIVED && by[0])
		json_object_set_new(object, "by", json_string(by));
	return 0;
}

/* take_object - into the batch; a full one goes first */
static int take_object(struct input *s, const struct observation *o, struct error *e)
{
	json_t *object = telling_object(o);
	int rc = 0;

	if (!telling_add(&s->telling, object)) {
		rc = flush(s, e);
		telling_add(&s->telling, object);
	}
	s->line_of[telling_count(&s->telling) - 1] = s->line;
	json_decref(object);
	return rc;
}

/* take_line - parse it here, where its number is known */
static int take_line(struct input *s, const char *text, size_t n, struct error *e)
{
	struct error why = { "" };
	struct observation o;
	json_error_t where;
	json_t *object;
	int rc;

	s->line++;
	if (strspn(text, " \t\r") >= n)
		return 0;
	object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		rc = error_set(&why, -EINVAL, "no JSON: %s; expected one object per line",
			       where.text);
	else
		rc = read_header(object, &why);
	if (!rc)
		rc = observation_parse(object, 0, &o, &why);
	json_decref(object);
	if (rc == -ENOMSG)
		s->skipped++;
	else if (rc)
		refuse(s, s->line, why.text);
	return rc ? 0 : take_object(s, &o, e);
}

/* A buffer of lines, of which the first may have been too long. */
struct lines {
	char *bytes;
	size_t used;
	bool skipping;
};

/* take_lines - all that are whole; at the end of input the last one need not be */
static int take_lines(struct input *s, struct lines *in, bool end, struct error *e)
{
	char *at = in->bytes, *last = in->bytes + in->used, *stop;
	int rc = 0;

	while (!rc && (stop = memchr(at, '\n', (size_t)(last - at)))) {
		*stop = '\0';
		if (!in->skipping)
			rc = take_line(s, at, (size_t)(stop - at), e);
		in->skipping = false;
		at = stop + 1;
	}
	in->used = (size_t)(last - at);
	memmove(in->bytes, at, in->used);
	if (!rc && end && in->used && !in->skipping) {
		in->bytes[in->used] = '\0';
		rc = take_line(s, in->bytes, in->used, e);
	}
	if (in->used == LINE_BYTES) {
		s->line += !in->skipping;
		if (!in->skipping)
			refuse(s, s->line, "longer than 65536 bytes; expected one object");
		in->skipping = true;
		in->used = 0;
	}
	return rc;
}

/* read_stream - to its end, or until the daemon cannot be told any more */
static int read_stream(struct input *s, int fd, struct error *e)
{
	struct lines in = { .bytes = malloc(LINE_BYTES + 1) };
	ssize_t n;
	int rc = 0;

	if (!in.bytes)
		return error_set(e, -ENOMEM, "out of memory");
	do {
		n = read(fd, in.bytes + in.used, LINE_BYTES - in.used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = error_set(e, -errno, "cannot read the input: %s", strerror(errno));
		else {
			in.used += (size_t)n;
			rc = take_lines(s, &in, n == 0, e);
		}
		if (!rc)
			rc = flush(s, e);
	} while (!rc && n);
	free(in.bytes);
	return rc;
}

/* print_summary - always, also before an error: what was taken was taken */
static void print_summary(const struct input *s)
{
	json_t *object;

	if (!s->ctl->json) {
		fprintf(s->ctl->out,
			"%zu lines: %zu taken, %zu repeated, %zu of other types, %zu refused, %zu "
			"lost\n",
			s->line, s->taken, s->repeated, s->skipped, s->refused, s->lost);
		return;
	}
	object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "type", "summary", "lines",
			   (json_int_t)s->line, "taken", (json_int_t)s->taken, "repeated",
			   (json_int_t)s->repeated, "skipped", (json_int_t)s->skipped, "refused",
			   (json_int_t)s->refused, "lost", (json_int_t)s->lost);
	ctl_output_json(s->ctl->out, object);
	json_decref(object);
}

/* observe_stream - good lines are taken whatever the others are */
static int observe_stream(const struct ctl *ctl, struct error *e)
{
	struct input *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(e, -ENOMEM, "out of memory");
	s->ctl = ctl;
	rc = read_stream(s, STDIN_FILENO, e);
	print_summary(s);
	if (!rc && s->over.text[0])
		rc = error_set(e, -EDQUOT, "%zu lines were lost: %s", s->lost, s->over.text);
	else if (!rc && s->refused)
		rc = error_set(e, -EINVAL, "%zu of %zu lines were refused", s->refused, s->line);
	json_decref(s->telling.list);
	client_close(s->client);
	free(s);
	return rc;
}

/* observe_one - the daemon finds the server's name where it has only one */
static int observe_one(const struct ctl *ctl, struct error *e)
{
	const char *helo = ctl_option(ctl, "--helo");
	json_t *request =
		json_pack("{s:s, s:[{s:s, s:s, s:s*}]}", "command", "observe", "observations",
			  "source", ctl->args[0], "build", ctl->args[1], "helo", helo);
	json_t *result = NULL, *refused;
	int rc = client_call(ctl->socket, request, &result, e);

	json_decref(request);
	if (rc)
		return rc;
	refused = json_array_get(json_object_get(result, "refused"), 0);
	if (refused)
		rc = error_set(e, -EINVAL, "%s",
			       json_string_value(json_object_get(refused, "error")));
	else if (count(result, "lost"))
		rc = error_set(e, -EDQUOT, "%s",
			       json_string_value(json_object_get(result, "message")));
	else if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		fprintf(ctl->out, "%s: %s %s\n", ctl->args[0], ctl->args[1],
			count(result, "taken")
				? "is taken"
				: "adds nothing: its server was seen within the last 60 s");
	json_decref(result);
	return rc;
}

/* ctl_observe - one of the two forms */
int ctl_observe(const struct ctl *ctl, struct error *e)
{
	bool stream = ctl_option(ctl, "--stdin");

	if (stream && (ctl->args[0] || ctl_option(ctl, "--helo")))
		return error_set(e, CTL_USAGE,
				 "observe: --stdin stands alone; the lines say source and build");
	if (!stream && (!ctl->args[0] || !ctl->args[1]))
		return error_set(e, CTL_USAGE,
				 "observe: expected ADDR BUILD, or --stdin and JSON Lines");
	return stream ? observe_stream(ctl, e) : observe_one(ctl, e);
}
