// SPDX-License-Identifier: BSD-2-Clause
/* Help, completion and manual page say what the table says. Run from the top of the tree. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <cmocka.h>

#define CTL_REAL_HELP
#include "ctl_callbacks.h"
#include "user/ctl/ctl_parse.h"
#include "user/ctl/ctl_table.h"

/* run - a command with up to two arguments; the caller frees what it printed */
static char *run(const char *name, const char *first, const char *second, bool json, int expect)
{
	char *argv[] = { "gatectl", (char *)name, (char *)first, (char *)second };
	int argc = second ? 4 : first ? 3 : 2;
	struct error e = { "" };
	struct ctl ctl;
	char *text = NULL;
	size_t size;

	assert_int_equal(ctl_parse(argc, argv, &ctl, &e), 0);
	ctl.json = json;
	ctl.out = open_memstream(&text, &size);
	assert_int_equal(ctl.command->run(&ctl, &e), expect);
	assert_int_equal(e.text[0] != '\0', expect != 0);
	fclose(ctl.out);
	return text;
}

/* file_text - a file of the tree; skips the test where the tree is not there */
static char *file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file) {
		print_message("%s is not here; run from the top of the tree\n", path);
		skip();
	}
	if (getdelim(&text, &size, '\0', file) < 0)
		fail_msg("%s is empty", path);
	fclose(file);
	return text;
}

static void test_help_has_everything(void **state)
{
	const struct ctl_command *command;
	char *text = run("help", NULL, NULL, false, 0);
	char usage[256];
	int i;

	(void)state;
	for (command = ctl_table; command->name; command++) {
		if (!strstr(text, ctl_table_usage(command, usage, sizeof(usage))))
			fail_msg("help does not have: %s", usage);
		assert_non_null(strstr(text, command->doc));
	}
	for (i = 0; ctl_table_globals[i].name; i++)
		assert_non_null(strstr(text, ctl_table_globals[i].name));
	assert_non_null(strstr(text, "0 done, 1 failed, 2 wrong usage"));
	free(text);
}

static void test_help_of_one(void **state)
{
	char *text = run("help", "set", NULL, false, 0);

	(void)state;
	assert_int_equal(strncmp(text, "usage: gatectl set ADDR|CIDR", 28), 0);
	assert_non_null(strstr(text, "--style S"));
	assert_non_null(strstr(text, "(slow|defer|answer|silent)"));
	assert_null(strstr(text, "unset"));
	free(text);
	text = run("help", "map", "dump", false, 0);
	assert_int_equal(strncmp(text, "usage: gatectl map dump NAME\n", 29), 0);
	free(text);
	text = run("help", "map", NULL, false, 0);
	assert_non_null(strstr(text, "map list"));
	assert_non_null(strstr(text, "map get NAME KEY"));
	assert_null(strstr(text, "unload"));
	free(text);
}

static void test_help_of_none(void **state)
{
	(void)state;
	free(run("help", "nonsense", NULL, false, CTL_USAGE));
	free(run("help", "map", "nonsense", false, CTL_USAGE));
	free(run("help", "ma", NULL, false, CTL_USAGE));
	free(run("help", "set", "drop", false, CTL_USAGE));
}

static void test_help_json(void **state)
{
	char *text = run("help", NULL, NULL, true, 0);
	json_t *all = json_loads(text, 0, NULL), *commands, *set;
	size_t count = 0;

	(void)state;
	while (ctl_table[count].name)
		count++;
	commands = json_object_get(all, "commands");
	assert_int_equal(json_array_size(commands), count);
	free(text);
	json_decref(all);

	text = run("help", "set", NULL, true, 0);
	all = json_loads(text, 0, NULL);
	commands = json_object_get(all, "commands");
	assert_int_equal(json_array_size(commands), 1);
	set = json_array_get(commands, 0);
	assert_int_equal(json_array_size(json_object_get(set, "options")), 3);
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(set, "args"), 1), "words")),
			 3);
	free(text);
	json_decref(all);
}

static void test_version(void **state)
{
	char *text = run("version", NULL, NULL, false, 0);
	json_t *object;

	(void)state;
	assert_int_equal(strncmp(text, "gatectl ", 8), 0);
	free(text);
	text = run("version", NULL, NULL, true, 0);
	object = json_loads(text, 0, NULL);
	assert_true(json_is_string(json_object_get(object, "version")));
	assert_true(json_is_integer(json_object_get(object, "abi")));
	json_decref(object);
	free(text);
}

static void test_completion_is_installed(void **state)
{
	char *made = run("completion", "bash", NULL, false, 0);
	char *installed = file_text("packaging/completion/gatectl");

	(void)state;
	if (strcmp(made, installed) != 0)
		fail_msg("packaging/completion/gatectl is old: write it anew with "
			 "build/gatectl completion bash");
	free(made);
	free(installed);
}

/* complete - what bash offers for a line typed so far, blank-separated */
static char *complete(const char *line)
{
	char command[512], *text = NULL;
	size_t size = 0;
	FILE *bash;

	snprintf(command, sizeof(command),
		 "bash -c '. packaging/completion/gatectl; COMP_WORDS=(%s); "
		 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gatectl; echo \"${COMPREPLY[*]}\"'",
		 line);
	bash = popen(command, "r");
	assert_non_null(bash);
	assert_true(getline(&text, &size, bash) > 0);
	pclose(bash);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void test_completion_works(void **state)
{
	static const struct {
		const char *line, *offers;
	} rows[] = {
		{ "gatectl sta", "status" },
		{ "gatectl -j un", "unset unpause unexempt unload" },
		{ "gatectl ma", "map" },
		{ "gatectl map \"\"", "list dump get" },
		{ "gatectl map dump ver", "verdicts" },
		{ "gatectl --socket /run/x map get fl", "flows" },
		{ "gatectl map list \"\"", "" },
		{ "gatectl set 192.0.2.7 \"\"", "pass tarpit drop" },
		{ "gatectl set 192.0.2.7 drop --style si", "silent" },
		{ "gatectl set 192.0.2.7 --style silent d", "drop" },
		{ "gatectl sources --st", "--stage --standing" },
		{ "gatectl sources --standing un", "unsupported unknown" },
		{ "gatectl sources --stage \"\"", "" },
		{ "gatectl clock \"\"", "advance to" },
		{ "gatectl help ca", "catalogue" },
		{ "gatectl --so", "--socket" },
		{ "gatectl show \"\"", "" },
	};

	(void)state;
	free(file_text("packaging/completion/gatectl"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *offers = complete(rows[i].line);

		if (strcmp(offers, rows[i].offers) != 0)
			fail_msg("%s: offers '%s', not '%s'", rows[i].line, offers, rows[i].offers);
		free(offers);
	}
}

/* without_escapes - a manual page writes "-" as "\-", and changes fonts with "\fB" */
static void without_escapes(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == 'f' && text[2])
			text += 2;
		else if (text[0] != '\\' || text[1] != '-')
			*to++ = *text;
	}
	*to = '\0';
}

static void test_manual_has_everything(void **state)
{
	char *manual = file_text("docs/man/gatectl.8");
	const struct ctl_command *command;
	char usage[256], line[300];
	int i;

	(void)state;
	without_escapes(manual);
	for (command = ctl_table; command->name; command++) {
		snprintf(line, sizeof(line), "\n.B %s\n",
			 ctl_table_usage(command, usage, sizeof(usage)));
		if (!strstr(manual, line))
			fail_msg("docs/man/gatectl.8 has no line '.B %s'", usage);
	}
	for (i = 0; ctl_table_globals[i].name; i++)
		assert_non_null(strstr(manual, ctl_table_globals[i].name));
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_has_everything),
		cmocka_unit_test(test_help_of_one),
		cmocka_unit_test(test_help_of_none),
		cmocka_unit_test(test_help_json),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_completion_is_installed),
		cmocka_unit_test(test_completion_works),
		cmocka_unit_test(test_manual_has_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
