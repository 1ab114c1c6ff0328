// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "user/base/address.h"
#include "client.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_parse.h"
#include "ctl_table.h"
#include "ctl_text.h"

/* ask - send a change, then show the daemon's sentence or, as JSON, what has changed */
static int ask(const struct ctl *ctl, const json_t *request, struct error *e)
{
	const char *message;
	char text[1024];
	json_t *result;
	int rc;

	rc = client_call(ctl->socket, request, &result, e);
	if (rc)
		return rc;
	message = json_string_value(json_object_get(result, "message"));
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		fprintf(ctl->out, "%s\n",
			message ? ctl_text_line(message, text, sizeof(text)) : "done");
	json_decref(result);
	return 0;
}

/* set_option - under its own name, a number as one */
static void set_option(json_t *request, const struct ctl_option *option, const char *text)
{
	long long number;

	if (option->value.kind == CTL_NUMBER &&
	    ctl_parse_number(text, option->value.min, option->value.max, &number) == 0)
		json_object_set_new(request, option->name + 2, json_integer(number));
	else
		json_object_set_new(request, option->name + 2, json_string(text));
}

/* make_request - the command, its first argument, and all options under their own names */
static json_t *make_request(const struct ctl *ctl, const char *key)
{
	const struct ctl_option *options = ctl->command->options;
	json_t *request = json_object();
	int i;

	json_object_set_new(request, "command", json_string(ctl->command->name));
	json_object_set_new(request, key, json_string(ctl->args[0]));
	for (i = 0; i < CTL_OPTIONS && options[i].name; i++)
		if (ctl->options[i])
			set_option(request, &options[i], ctl->options[i]);
	return request;
}

/* style_fits - style belongs to what is set */
static bool style_fits(const char *action, const char *style)
{
	if (strcmp(action, "tarpit") == 0)
		return strcmp(style, "slow") == 0 || strcmp(style, "defer") == 0;
	if (strcmp(action, "drop") == 0)
		return strcmp(style, "answer") == 0 || strcmp(style, "silent") == 0;
	return false;
}

/* ctl_set - the one change with a second argument */
int ctl_set(const struct ctl *ctl, struct error *e)
{
	const char *style = ctl_option(ctl, "--style");
	json_t *request;
	int rc;

	if (style && !style_fits(ctl->args[1], style))
		return error_set(e, CTL_USAGE,
				 "set: style %s does not go with %s (tarpit: slow or defer; drop: "
				 "answer or silent; pass: none)",
				 style, ctl->args[1]);
	request = make_request(ctl, "addr");
	json_object_set_new(request, "action", json_string(ctl->args[1]));
	rc = ask(ctl, request, e);
	json_decref(request);
	return rc;
}

/* ctl_change - unset, pause, unpause, exempt, unexempt, forget */
int ctl_change(const struct ctl *ctl, struct error *e)
{
	const char *key = "addr";
	struct addr addr;
	json_t *request;
	int rc;

	if (ctl->command->args[0].kind == CTL_WHO && address_parse(ctl->args[0], &addr))
		key = "name";
	request = make_request(ctl, key);
	rc = ask(ctl, request, e);
	json_decref(request);
	return rc;
}

/* ctl_clock - "clock advance" and "clock to" are one command of the daemon */
int ctl_clock(const struct ctl *ctl, struct error *e)
{
	json_t *request;
	int rc;

	request = json_pack("{s:s,s:s}", "command", "clock", strchr(ctl->command->name, ' ') + 1,
			    ctl->args[0]);
	rc = ask(ctl, request, e);
	json_decref(request);
	return rc;
}
