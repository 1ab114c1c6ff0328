// SPDX-License-Identifier: BSD-2-Clause
/*
 * The completion is made whole from the table, so it needs neither gatectl nor bash-completion
 * at the time it runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "ctl_output.h"
#include "ctl_table.h"

/* called for every option once */
typedef void (*option_fn)(const struct ctl_option *option, FILE *out);

/* same_before - an option of that name was in an earlier row */
static bool same_before(const struct ctl_command *command, int place)
{
	const struct ctl_command *other;
	int i;

	for (other = ctl_table; other <= command; other++)
		for (i = 0; i < CTL_OPTIONS && other->options[i].name; i++) {
			if (other == command && i == place)
				return false;
			if (strcmp(other->options[i].name, command->options[place].name) == 0)
				return true;
		}
	return false;
}

/* each_option - every name once */
static void each_option(option_fn fn, FILE *out)
{
	const struct ctl_command *command;
	int i;

	for (i = 0; ctl_table_globals[i].name; i++)
		fn(&ctl_table_globals[i], out);
	for (command = ctl_table; command->name; command++)
		for (i = 0; i < CTL_OPTIONS && command->options[i].name; i++)
			if (!same_before(command, i))
				fn(&command->options[i], out);
}

/* takes_value - a pattern of the options that swallow the next word */
static void takes_value(const struct ctl_option *option, FILE *out)
{
	if (option->value.name)
		fprintf(out, "%s|", option->name);
}

/* print_words - "a|b|c" with blanks between */
static void print_words(const char *words, FILE *out)
{
	for (; *words; words++)
		fputc(*words == '|' ? ' ' : *words, out);
}

/* value_case - what may stand behind an option */
static void value_case(const struct ctl_option *option, FILE *out)
{
	if (!option->value.name)
		return;
	fprintf(out, "\t%s)\n", option->name);
	if (option->value.words) {
		fprintf(out, "\t\twords='");
		print_words(option->value.words, out);
		fprintf(out, "'\n");
	} else if (option->value.kind == CTL_FILE) {
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n");
		fprintf(out, "\t\treturn\n");
	} else {
		fprintf(out, "\t\treturn\n");
	}
	fprintf(out, "\t\t;;\n");
}

/* first_word - the length of a command's first word */
static int first_word(const struct ctl_command *command)
{
	return (int)strcspn(command->name, " ");
}

/* starts_group - the first row of those that share their first of two words */
static bool starts_group(const struct ctl_command *command)
{
	int n = first_word(command);

	if (!command->name[n])
		return false;
	return command == ctl_table || strncmp(command[-1].name, command->name, (size_t)n + 1) != 0;
}

/* print_groups - "map|clock" with fn's separator */
static void print_groups(const char *between, FILE *out)
{
	const struct ctl_command *command;
	const char *sep = "";

	for (command = ctl_table; command->name; command++) {
		if (!starts_group(command))
			continue;
		fprintf(out, "%s%.*s", sep, first_word(command), command->name);
		sep = between;
	}
}

/* print_firsts - every command's first word once */
static void print_firsts(FILE *out)
{
	const struct ctl_command *command;
	const char *sep = "";

	for (command = ctl_table; command->name; command++) {
		if (command->name[first_word(command)] && !starts_group(command))
			continue;
		fprintf(out, "%s%.*s", sep, first_word(command), command->name);
		sep = " ";
	}
}

/* group_cases - the second words of each group */
static void group_cases(FILE *out)
{
	const struct ctl_command *command, *other;
	int n;

	for (command = ctl_table; command->name; command++) {
		if (!starts_group(command))
			continue;
		n = first_word(command);
		fprintf(out, "\t%.*s:0) words='", n, command->name);
		for (other = command; other->name; other++)
			if (strncmp(other->name, command->name, (size_t)n + 1) == 0)
				fprintf(out, "%s%s", other == command ? "" : " ",
					other->name + n + 1);
		fprintf(out, "' ;;\n");
	}
}

/* argument_cases - arguments that are one of some words */
static void argument_cases(FILE *out)
{
	const struct ctl_command *command;
	int i;

	for (command = ctl_table; command->name; command++) {
		for (i = 0; i < CTL_ARGS && command->args[i].name; i++) {
			if (!command->args[i].words)
				continue;
			fprintf(out, "\t'%s:%d') words='", command->name, i);
			print_words(command->args[i].words, out);
			fprintf(out, "' ;;\n");
		}
	}
	fprintf(out, "\thelp:0) words='");
	print_firsts(out);
	fprintf(out, "' ;;\n");
}

/* option_cases - the options of each command that has some */
static void option_cases(FILE *out)
{
	const struct ctl_command *command;
	int i;

	for (command = ctl_table; command->name; command++) {
		if (!command->options[0].name)
			continue;
		fprintf(out, "\t\t'%s') words+=' ", command->name);
		for (i = 0; i < CTL_OPTIONS && command->options[i].name; i++)
			fprintf(out, "%s%s", i ? " " : "", command->options[i].name);
		fprintf(out, "' ;;\n");
	}
}

/* print_script - one function; $command is what was typed so far, $n its arguments */
static void print_script(FILE *out)
{
	int i;

	fprintf(out, "# bash completion for gatectl; made by: gatectl completion bash\n\n"
		     "_gatectl()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		     "\tlocal command='' words='' n=0 i\n\n"
		     "\tCOMPREPLY=()\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	each_option(takes_value, out);
	fprintf(out, "=)\n\t\t\t((i++))\n\t\t\t;;\n\t\t-*) ;;\n\t\t*)\n"
		     "\t\t\tcase $command in\n"
		     "\t\t\t'') command=${COMP_WORDS[i]} ;;\n\t\t\t");
	print_groups("|", out);
	fprintf(out, ") command+=\" ${COMP_WORDS[i]}\" ;;\n"
		     "\t\t\t*) ((n++)) ;;\n"
		     "\t\t\tesac\n\t\t\t;;\n\t\tesac\n\tdone\n\n"
		     "\tcase $prev in\n");
	each_option(value_case, out);
	fprintf(out, "\tesac\n"
		     "\tif [ -n \"$words\" ]; then\n"
		     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		     "\t\treturn\n\tfi\n\n"
		     "\tcase $command:$n in\n\t:0) words='");
	print_firsts(out);
	fprintf(out, "' ;;\n");
	group_cases(out);
	argument_cases(out);
	fprintf(out, "\tesac\n"
		     "\tif [[ $cur == -* ]]; then\n\t\twords='");
	for (i = 0; ctl_table_globals[i].name; i++)
		fprintf(out, "%s%s%s%s", i ? " " : "",
			ctl_table_globals[i].brief ? ctl_table_globals[i].brief : "",
			ctl_table_globals[i].brief ? " " : "", ctl_table_globals[i].name);
	fprintf(out, "'\n\t\tcase $command in\n");
	option_cases(out);
	fprintf(out, "\t\tesac\n\tfi\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n\n"
		     "complete -F _gatectl gatectl\n");
}

/* ctl_completion - under -j the same text as a string */
int ctl_completion(const struct ctl *ctl, struct error *e)
{
	char *text = NULL;
	size_t size = 0;
	json_t *object;
	FILE *script;

	if (!ctl->json) {
		print_script(ctl->out);
		return 0;
	}
	script = open_memstream(&text, &size);
	if (!script)
		return error_set(e, -ENOMEM, "out of memory");
	print_script(script);
	fclose(script);
	object = json_pack("{s:s,s:s}", "shell", ctl->args[0], "script", text);
	ctl_output_json(ctl->out, object);
	json_decref(object);
	free(text);
	return 0;
}
