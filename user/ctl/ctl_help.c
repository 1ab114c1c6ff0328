// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/libbpf.h>
#include <string.h>

#include "ctl.h"
#include "ctl_output.h"
#include "ctl_table.h"
#include "user/version.h"
#include "maps/abi.h"

#define USAGE_WIDTH 40

/* print_usage - the usage of one command, and what it does beside or below it */
static void print_usage(const struct ctl_command *command, FILE *out)
{
	char usage[256];

	ctl_table_usage(command, usage, sizeof(usage));
	if (strlen(usage) <= USAGE_WIDTH)
		fprintf(out, "  %-*s  %s\n", USAGE_WIDTH, usage, command->doc);
	else
		fprintf(out, "  %s\n  %*s  %s\n", usage, USAGE_WIDTH, "", command->doc);
}

/* print_options - name, value, meaning */
static void print_options(const struct ctl_option *options, int count, FILE *out)
{
	char left[64];
	int i;

	for (i = 0; i < count && options[i].name; i++) {
		snprintf(left, sizeof(left), "%s%s%s%s%s", options[i].brief ? options[i].brief : "",
			 options[i].brief ? ", " : "", options[i].name,
			 options[i].value.name ? " " : "",
			 options[i].value.name ? options[i].value.name : "");
		fprintf(out, "  %-22s  %s", left, options[i].doc);
		if (options[i].value.words)
			fprintf(out, " (%s)", options[i].value.words);
		fputc('\n', out);
	}
}

/* print_all - every command, then the global options */
static void print_all(FILE *out)
{
	const struct ctl_command *command;

	fprintf(out, "usage: gatectl [-j] [--socket PATH] COMMAND ...\n\n");
	for (command = ctl_table; command->name; command++)
		print_usage(command, out);
	fprintf(out, "\n");
	print_options(ctl_table_globals, CTL_OPTIONS, out);
	fprintf(out, "\nExit status: 0 done, 1 failed, 2 wrong usage. See gatectl(8).\n");
}

/* print_command - one command in full */
static void print_command(const struct ctl_command *command, FILE *out)
{
	char usage[256];

	fprintf(out, "usage: gatectl %s\n\n%s\n", ctl_table_usage(command, usage, sizeof(usage)),
		command->doc);
	if (command->options[0].name) {
		fprintf(out, "\n");
		print_options(command->options, CTL_OPTIONS, out);
	}
}

/* words_json - "a|b" as ["a","b"], null when there are none */
static json_t *words_json(const char *words)
{
	json_t *array;
	size_t n;

	if (!words)
		return json_null();
	for (array = json_array(); *words; words += n + (words[n] == '|')) {
		n = strcspn(words, "|");
		json_array_append_new(array, json_stringn(words, n));
	}
	return array;
}

/* options_json - of a command, or the global ones */
static json_t *options_json(const struct ctl_option *options)
{
	json_t *array = json_array();
	int i;

	for (i = 0; i < CTL_OPTIONS && options[i].name; i++)
		json_array_append_new(
			array, json_pack("{s:s,s:s?,s:s?,s:o,s:b,s:s}", "name", options[i].name,
					 "short", options[i].brief, "value", options[i].value.name,
					 "words", words_json(options[i].value.words), "required",
					 options[i].value.required, "doc", options[i].doc));
	return array;
}

/* command_json - one row of the table */
static json_t *command_json(const struct ctl_command *command)
{
	json_t *args = json_array();
	char usage[256];
	int i;

	for (i = 0; i < CTL_ARGS && command->args[i].name; i++)
		json_array_append_new(args,
				      json_pack("{s:s,s:o,s:b}", "name", command->args[i].name,
						"words", words_json(command->args[i].words),
						"optional", command->args[i].optional));
	return json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", command->name, "usage",
			 ctl_table_usage(command, usage, sizeof(usage)), "doc", command->doc,
			 "args", args, "options", options_json(command->options));
}

/* in_topic - command is the one asked for, or in its group; NULL asks for all */
static bool in_topic(const struct ctl_command *command, const char *topic)
{
	return !topic || strcmp(command->name, topic) == 0 || ctl_table_in_group(command, topic);
}

/* print_topic - the commands of one topic, as JSON or text */
static void print_topic(const struct ctl *ctl, const char *topic)
{
	json_t *commands = json_array(), *object;
	const struct ctl_command *command;

	for (command = ctl_table; command->name; command++) {
		if (!in_topic(command, topic))
			continue;
		if (ctl->json)
			json_array_append_new(commands, command_json(command));
		else if (topic && strcmp(command->name, topic) == 0)
			print_command(command, ctl->out);
		else if (topic)
			print_usage(command, ctl->out);
	}
	if (ctl->json) {
		object = json_pack("{s:O,s:o}", "commands", commands, "options",
				   options_json(ctl_table_globals));
		ctl_output_json(ctl->out, object);
		json_decref(object);
	} else if (!topic) {
		print_all(ctl->out);
	}
	json_decref(commands);
}

/* ctl_help - "help", "help set", "help map", "help map dump" */
int ctl_help(const struct ctl *ctl, struct error *e)
{
	const char *first = ctl->args[0], *second = ctl->args[1];
	const struct ctl_command *command;
	char topic[64];

	if (!first) {
		print_topic(ctl, NULL);
		return 0;
	}
	snprintf(topic, sizeof(topic), "%s%s%s", first, second ? " " : "", second ? second : "");
	for (command = ctl_table; command->name; command++) {
		if (in_topic(command, topic)) {
			print_topic(ctl, topic);
			return 0;
		}
	}
	return error_set(e, CTL_USAGE, "no command '%s' to help with; gatectl help lists them",
			 topic);
}

/* ctl_version - what a bug report needs */
int ctl_version(const struct ctl *ctl, struct error *e)
{
	json_t *object;

	(void)e;
	if (!ctl->json) {
		fprintf(ctl->out, "gatectl %s (map layout %d, libbpf %d.%d, jansson %s)\n",
			BUILDGATE_VERSION, ABI_VERSION, libbpf_major_version(),
			libbpf_minor_version(), jansson_version_str());
		return 0;
	}
	object = json_pack("{s:s,s:i,s:s,s:s}", "version", BUILDGATE_VERSION, "abi", ABI_VERSION,
			   "libbpf", libbpf_version_string(), "jansson", jansson_version_str());
	ctl_output_json(ctl->out, object);
	json_decref(object);
	return 0;
}
