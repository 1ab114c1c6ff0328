// SPDX-License-Identifier: BSD-2-Clause
/* Catalogues from outside: looking at the one in force, verifying, taking, blocking. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_site.h"
#include "ctl_table.h"
#include "ctl_text.h"
#include "user/base/file.h"
#include "user/base/times.h"
#include "user/catalogue/update.h"

#define TEXT 256

/* text_of - the value of a key, printable */
static const char *text_of(const json_t *object, const char *key, char *buf, size_t size)
{
	return ctl_text_json(json_object_get(object, key), buf, size);
}

/* print_ranges - the builds that an emergency definition covers */
static void print_ranges(const json_t *ranges, FILE *out)
{
	char from[64], to[64];
	json_t *range;
	size_t i;

	json_array_foreach (ranges, i, range)
		fprintf(out, "%s%s to %s", i ? ", " : "  builds ",
			text_of(range, "from", from, sizeof(from)),
			text_of(range, "to", to, sizeof(to)));
	fputc('\n', out);
}

/* print_applied - the sources whose newest build it covers; NULL: nobody could say */
static void print_applied(const json_t *emergency, FILE *out)
{
	const json_t *list = json_object_get(emergency, "sources");
	char text[TEXT];
	json_t *source;
	size_t i;

	if (!json_is_array(list))
		return;
	fprintf(out, "  applies to %s source(s)",
		text_of(emergency, "sources_count", text, sizeof(text)));
	json_array_foreach (list, i, source)
		fprintf(out, "%s%s", i ? ", " : ": ", ctl_text_json(source, text, sizeof(text)));
	fputc('\n', out);
}

/* print_emergency - what, whom, until when */
static void print_emergency(const json_t *emergency, FILE *out)
{
	char id[80], action[16], minutes[16], until[32];
	bool blocked = json_is_true(json_object_get(emergency, "blocked"));
	bool active = json_is_true(json_object_get(emergency, "active"));

	fprintf(out, "emergency %s: %s, %s min of each hour",
		text_of(emergency, "id", id, sizeof(id)),
		text_of(emergency, "action", action, sizeof(action)),
		text_of(emergency, "minutes", minutes, sizeof(minutes)));
	if (json_is_string(json_object_get(emergency, "until")))
		fprintf(out, ", until %s", text_of(emergency, "until", until, sizeof(until)));
	fprintf(out, "%s\n", blocked ? "; BLOCKED by the operator" : active ? "" : "; over");
	print_ranges(json_object_get(emergency, "builds"), out);
	print_applied(emergency, out);
}

/* print_keys - who may sign the next one */
static void print_keys(const json_t *keys, FILE *out)
{
	char id[32], day[32];
	json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		fprintf(out, "trusts key %s", text_of(key, "id", id, sizeof(id)));
		if (json_is_string(json_object_get(key, "not_before")))
			fprintf(out, " from %.10s", text_of(key, "not_before", day, sizeof(day)));
		if (json_is_string(json_object_get(key, "not_after")))
			fprintf(out, " until %.10s", text_of(key, "not_after", day, sizeof(day)));
		fputs(json_is_true(json_object_get(key, "trusted")) ? "\n" : ": NOT TODAY\n", out);
	}
}

/* print_origin - where the one in force came from */
static void print_origin(const json_t *shown, FILE *out)
{
	char key[32], at[32], path[TEXT];

	if (json_is_string(json_object_get(shown, "key")))
		fprintf(out, "signed with key %s, taken at %s\n",
			text_of(shown, "key", key, sizeof(key)),
			text_of(shown, "taken_at", at, sizeof(at)));
	else
		fprintf(out, "shipped as %s\n", text_of(shown, "path", path, sizeof(path)));
}

/* print_refused - the one thing that must not be overlooked */
static void print_refused(const json_t *shown, FILE *out)
{
	const json_t *refused = json_object_get(shown, "refused");
	char at[32], why[1024];

	if (json_is_object(refused))
		fprintf(out, "REFUSED an update at %s: %s\n",
			text_of(refused, "at", at, sizeof(at)),
			text_of(refused, "why", why, sizeof(why)));
}

/* print_show - the whole of it for people */
static void print_show(const json_t *shown, FILE *out)
{
	const json_t *emergencies = json_object_get(shown, "emergencies");
	const json_t *blocked = json_object_get(shown, "blocked");
	char serial[32], as_of[32], age[32], builds[32], id[80];
	json_t *item;
	size_t i;

	fprintf(out, "serial %s of %.10s, %s days old%s, %s builds, %zu floor(s)\n",
		text_of(shown, "serial", serial, sizeof(serial)),
		text_of(shown, "as_of", as_of, sizeof(as_of)),
		text_of(shown, "age_days", age, sizeof(age)),
		json_is_true(json_object_get(shown, "stale")) ? ": TOO OLD, update it" : "",
		text_of(shown, "builds", builds, sizeof(builds)),
		json_array_size(json_object_get(shown, "floors")));
	print_origin(shown, out);
	print_keys(json_object_get(shown, "keys"), out);
	print_refused(shown, out);
	json_array_foreach (emergencies, i, item)
		print_emergency(item, out);
	json_array_foreach (blocked, i, item)
		fprintf(out, "%s%s", i ? ", " : "blocked: ", ctl_text_json(item, id, sizeof(id)));
	if (json_array_size(blocked))
		fputc('\n', out);
}

/* show_here - without the daemon: the installed one, which need not be the one in force */
static int show_here(json_t **ret_shown, struct error *e)
{
	struct catalogue *catalogue;
	struct ctl_site site;
	int rc = ctl_site_load(CTL_CONFIG, &site, e);

	if (!rc)
		rc = catalogue_load(site.catalogue, &catalogue, e);
	if (rc)
		return error_prefix(e, rc, "the daemon does not answer, nor is one installed here");
	clock_init(0);
	*ret_shown = catalogue_summary(catalogue, clock_wall());
	json_object_set_new(*ret_shown, "path", json_string(site.catalogue));
	catalogue_free(catalogue);
	return 0;
}

/* print_result - JSON, or as the printer has it */
static void print_result(const struct ctl *ctl, json_t *result,
			 void (*print)(const json_t *result, FILE *out))
{
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		print(result, ctl->out);
	json_decref(result);
}

/* ctl_catalogue_show - the daemon's; the installed one where none runs */
int ctl_catalogue_show(const struct ctl *ctl, struct error *e)
{
	json_t *request = json_pack("{s:s}", "command", "catalogue-show"), *result;
	int rc = client_call(ctl->socket, request, &result, e);

	json_decref(request);
	if (rc && rc != -EREMOTEIO)
		rc = show_here(&result, e);
	if (!rc)
		print_result(ctl, result, print_show);
	return rc;
}

/* option_key - the key itself, or minisign's .pub file with it */
static int option_key(const char *text, struct signature_keys *keys, struct error *e)
{
	char *file = NULL, *line = NULL;
	size_t bytes;
	int rc;

	keys->count = 1;
	if (!signature_key(text, &keys->list[0], e))
		return 0;
	if (!strchr(text, '/') && !strchr(text, '.'))
		return -EINVAL;
	rc = file_read(text, SIGNATURE_FILE_MAX, &file, &bytes, e);
	if (rc)
		return rc;
	line = strchr(file, '\n');
	if (line)
		line[1 + strcspn(line + 1, "\r\n")] = '\0';
	rc = signature_key(line ? line + 1 : file, &keys->list[0], e);
	free(file);
	return rc;
}

/* print_verified - one line */
static void print_verified(const json_t *result, FILE *out)
{
	char file[TEXT], key[32], serial[32], as_of[32], builds[32], comment[600];

	fprintf(out, "%s is good: serial %s of %.10s, %s builds, signed with key %s: %s\n",
		text_of(result, "file", file, sizeof(file)),
		text_of(result, "serial", serial, sizeof(serial)),
		text_of(result, "as_of", as_of, sizeof(as_of)),
		text_of(result, "builds", builds, sizeof(builds)),
		text_of(result, "key", key, sizeof(key)),
		text_of(result, "comment", comment, sizeof(comment)));
}

/* ctl_catalogue_verify - by the same function as the daemon's; it alone knows which serial was
 * the highest */
int ctl_catalogue_verify(const struct ctl *ctl, struct error *e)
{
	const char *key = ctl_option(ctl, "--key");
	struct update update = { 0 };
	struct ctl_site site;
	char comment[600];
	json_t *result;
	int rc;

	rc = key ? option_key(key, &site.keys, e) : ctl_site_load(CTL_CONFIG, &site, e);
	clock_init(0);
	if (!rc)
		rc = update_read(ctl->args[0], &site.keys, clock_wall(), &update, e);
	if (rc)
		return rc;
	result = catalogue_summary(update.catalogue, clock_wall());
	json_object_set_new(result, "file", json_string(ctl->args[0]));
	json_object_set_new(result, "key", json_string(update.key));
	json_object_set_new(result, "comment",
			    json_string(ctl_text_line(update.comment, comment, sizeof(comment))));
	update_clear(&update);
	print_result(ctl, result, print_verified);
	return 0;
}

/* print_message - the daemon's sentence */
static void print_message(const json_t *result, FILE *out)
{
	char text[1024];

	fprintf(out, "%s\n", text_of(result, "message", text, sizeof(text)));
}

/* ask - a change */
static int ask(const struct ctl *ctl, json_t *request, struct error *e)
{
	json_t *result;
	int rc = client_call(ctl->socket, request, &result, e);

	json_decref(request);
	if (!rc)
		print_result(ctl, result, print_message);
	return rc;
}

/* ctl_catalogue_update - the daemon is somewhere else: it needs the whole path */
int ctl_catalogue_update(const struct ctl *ctl, struct error *e)
{
	char path[PATH_MAX];

	if (!realpath(ctl->args[0], path))
		return error_set(e, -errno, "%s: %s", ctl->args[0], strerror(errno));
	return ask(ctl, json_pack("{s:s,s:s}", "command", "catalogue-update", "file", path), e);
}

/* ctl_catalogue_block - and unblock */
int ctl_catalogue_block(const struct ctl *ctl, struct error *e)
{
	const char *reason = ctl_option(ctl, "--reason");
	bool block = !strcmp(ctl->command->name, "catalogue block");
	json_t *request =
		json_pack("{s:s,s:s}", "command", block ? "catalogue-block" : "catalogue-unblock",
			  "id", ctl->args[0]);

	if (reason)
		json_object_set_new(request, "reason", json_string(reason));
	return ask(ctl, request, e);
}
