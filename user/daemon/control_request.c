// SPDX-License-Identifier: BSD-2-Clause
/* One request against the table of commands. */
#include <errno.h>
#include <string.h>

#include "control.h"
#include "user/base/log.h"

/* find_command - a row of the table */
static const struct control_command *find_command(const struct control_command *commands,
						  const char *name)
{
	for (const struct control_command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static const char *const type_names[] = {
	[CONTROL_STRING] = "a string",
	[CONTROL_INTEGER] = "a whole number",
	[CONTROL_ARRAY] = "an array",
};

/* has_type - of an argument */
static bool has_type(const json_t *value, enum control_type type)
{
	switch (type) {
	case CONTROL_STRING:
		return json_is_string(value);
	case CONTROL_INTEGER:
		return json_is_integer(value);
	case CONTROL_ARRAY:
		return json_is_array(value);
	}
	return false;
}

/* check_known - every key of the request is an argument of the command, with its type */
static int check_known(const struct control_command *command, json_t *request, struct error *e)
{
	char shown[64];
	const char *key;
	json_t *value;

	json_object_foreach (request, key, value) {
		const struct control_arg *arg = command->args;

		if (!strcmp(key, "command"))
			continue;
		while (arg < command->args + CONTROL_ARGS && arg->name && strcmp(arg->name, key))
			arg++;
		if (arg == command->args + CONTROL_ARGS || !arg->name)
			return error_set(e, -EINVAL, "%s has no argument '%s'", command->name,
					 log_escape(key, shown, sizeof(shown)));
		if (!has_type(value, arg->type))
			return error_set(e, -EINVAL, "%s: '%s' must be %s", command->name, key,
					 type_names[arg->type]);
	}
	return 0;
}

/* control_request_check - the command of a line and its arguments */
const struct control_command *control_request_check(const struct control_command *commands,
						    json_t *request, struct error *e)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct control_command *command;
	char shown[64];

	if (!name) {
		error_set(e, -EINVAL, "not a request; expected {\"command\":NAME,...} on one line");
		return NULL;
	}
	command = find_command(commands, name);
	if (!command) {
		error_set(e, -ENOENT, "unknown command '%s'",
			  log_escape(name, shown, sizeof(shown)));
		return NULL;
	}
	if (check_known(command, request, e))
		return NULL;
	for (int i = 0; i < CONTROL_ARGS && command->args[i].name; i++)
		if (command->args[i].required && !json_object_get(request, command->args[i].name)) {
			error_set(e, -EINVAL, "%s needs the argument '%s'", name,
				  command->args[i].name);
			return NULL;
		}
	return command;
}

/* control_string - the table has checked the type */
const char *control_string(const struct control_request *request, const char *name)
{
	return json_string_value(json_object_get(request->args, name));
}

/* control_integer - the table has checked the type */
int64_t control_integer(const struct control_request *request, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(request->args, name);

	return value ? json_integer_value(value) : fallback;
}
