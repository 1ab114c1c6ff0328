// SPDX-License-Identifier: BSD-2-Clause
/* The command line: what is wrong is refused with a sentence, what is right arrives whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ctl_callbacks.h"
#include "user/ctl/ctl_parse.h"
#include "user/ctl/ctl_table.h"

#define WORDS 16

/* parse - a line whose words are parted by blanks; "''" is an empty word */
static int parse(const char *line, struct ctl *ret, struct error *e)
{
	static char copy[512];
	char *argv[WORDS] = { "gatectl" };
	char *word, *rest;
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < WORDS);
		argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
	}
	memset(ret, 0xff, sizeof(*ret));
	e->text[0] = '\0';
	return ctl_parse(argc, argv, ret, e);
}

struct wrong {
	const char *line;
	const char *says; /* a part of the sentence */
};

static const struct wrong wrong_lines[] = {
	/* commands */
	{ "", "no command given" },
	{ "-j", "no command given" },
	{ "--socket /run/x", "no command given" },
	{ "statsu", "unknown command 'statsu'" },
	{ "stat", "unknown command 'stat'" },
	{ "STATUS", "unknown command 'STATUS'" },
	{ "''", "unknown command ''" },
	{ "-", "unknown command '-'" },
	{ "--", "no command given" },
	{ "-- -j", "unknown command '-j'" },
	{ "map", "map needs one of list, dump, get" },
	{ "clock", "clock needs one of advance, to" },
	{ "catalogue -j", "catalogue needs one of check" },
	{ "map show", "map: unknown command 'show'; it has list, dump, get" },
	{ "map ''", "map: unknown command ''" },
	{ "map list verdicts", "map list: 'verdicts' is one argument too many" },
	{ "dump map", "unknown command 'dump'" },
	{ "map-list", "unknown command 'map-list'" },
	/* options */
	{ "--nonsense", "unknown option '--nonsense'" },
	{ "-x status", "unknown option '-x'" },
	{ "-jh status", "unknown option '-jh'" },
	{ "--stage 2 sources", "follow the command" },
	{ "status --stage 2", "status: unknown option '--stage'; it has none but -j and -h" },
	{ "sources --stag 2", "sources: unknown option '--stag'" },
	{ "sources --stages 2", "sources: unknown option '--stages'" },
	{ "sources -s 2", "sources: unknown option '-s'" },
	{ "sources --stage", "option --stage needs a value: --stage N" },
	{ "sources --stage=", "--stage: N is empty" },
	{ "sources --stage two", "'two' is not a number from 0 to 32" },
	{ "sources --stage -1", "'-1' is not a number" },
	{ "sources --stage +1", "'+1' is not a number" },
	{ "sources --stage 1x", "'1x' is not a number" },
	{ "sources --stage 0x1", "'0x1' is not a number" },
	{ "sources --stage 1.0", "'1.0' is not a number" },
	{ "sources --stage 33", "'33' is not a number from 0 to 32" },
	{ "sources --stage 99999999999999999999", "is not a number" },
	{ "sources --stage 1 --stage 2", "option --stage is given twice" },
	{ "sources --standing old", "'old' is none of online|emergency|" },
	{ "sources --standing out", "'out' is none of" },
	{ "sources --standing outdated|current", "is none of" },
	{ "sources 192.0.2.7", "'192.0.2.7' is one argument too many" },
	{ "status --json=yes", "option --json takes no value" },
	{ "--help=yes", "option --help takes no value" },
	{ "--socket", "option --socket needs a value: --socket PATH" },
	{ "status --socket ''", "option --socket: PATH is empty" },
	{ "status --version", "--version stands alone" },
	/* addresses and ranges */
	{ "show", "show: ADDR is missing; usage: gatectl show ADDR" },
	{ "show ''", "show: ADDR is empty" },
	{ "show 192.0.2", "'192.0.2' is not an address" },
	{ "show 192.0.2.256", "'192.0.2.256' is not an address" },
	{ "show 192.0.2.07", "is not an address" },
	{ "show 192.0.2.0/24", "'192.0.2.0/24' is not an address" },
	{ "show ex01.example.org", "is not an address" },
	{ "show 2001:db8:::1", "is not an address" },
	{ "show fe80::1%eth0", "is not an address" },
	{ "show 192.0.2.7 192.0.2.8", "'192.0.2.8' is one argument too many" },
	{ "history 192.0.2.7:25", "is not an address" },
	{ "set", "set: ADDR|CIDR is missing" },
	{ "set 192.0.2.7", "set: pass|tarpit|drop is missing; usage: gatectl set ADDR|CIDR" },
	{ "set 192.0.2.7 block", "set: 'block' is none of pass|tarpit|drop" },
	{ "set drop 192.0.2.7", "'drop' is neither an address nor a range" },
	{ "set 192.0.2.0/33 drop", "is neither an address nor a range" },
	{ "set 192.0.2.0/ drop", "is neither an address nor a range" },
	{ "set 192.0.2.7/24 drop", "host bits set; for all of it say 192.0.2.0/24" },
	{ "set 2001:db8::1/32 drop", "for all of it say 2001:db8::/32" },
	{ "set 192.0.2.7 drop --style fast", "set: --style: 'fast' is none of slow|" },
	{ "set ::/0 drop", "'::/0' holds all of IPv4 too" },
	{ "set 192.0.2.7 drop --reason caf\xe9", "--reason: TEXT is not UTF-8" },
	{ "set 192.0.2.7 drop --for 2", "'2' is not a span of time" },
	{ "set 192.0.2.7 drop --for 0h", "'0h' is not a span of time" },
	{ "set 192.0.2.7 drop --for -2h", "'-2h' is not a span of time" },
	{ "set 192.0.2.7 drop --for 2h30m", "is not a span of time" },
	{ "set 192.0.2.7 drop --for 4000w", "at most 3660d" },
	{ "set 192.0.2.7 drop --reason", "option --reason needs a value" },
	{ "set 192.0.2.7 drop --reason ''", "--reason: TEXT is empty" },
	{ "set 192.0.2.7 drop please", "'please' is one argument too many" },
	{ "unset", "unset: ADDR|CIDR is missing" },
	{ "unset 192.0.2.7/24", "host bits set" },
	{ "exempt everything", "is neither an address nor a range" },
	{ "unexempt 192.0.2.0/24 --for 1h", "unknown option '--for'" },
	{ "history 192.0.2.7 --last 0", "--last" },
	{ "pause 192.0.2.7", "pause: --days N is missing" },
	{ "pause --days 5", "pause: ADDR is missing" },
	{ "pause 192.0.2.7 --days 0", "'0' is not a number from 1 to 90" },
	{ "pause 192.0.2.7 --days 91", "'91' is not a number from 1 to 90" },
	{ "pause 192.0.2.0/24 --days 5", "is not an address" },
	{ "unpause", "ADDR is missing" },
	{ "forget", "ADDR|NAME is missing" },
	{ "forget ../etc/passwd", "neither an address nor a server name" },
	{ "forget ex\x01", "neither an address nor a server name" },
	/* the rest */
	{ "mode on", "'on' is none of off|report|enforce" },
	{ "mode off now", "'now' is one argument too many" },
	{ "map dump", "map dump: NAME is missing" },
	{ "map dump events", "'events' is none of settings|" },
	{ "map dump verdict", "'verdict' is none of" },
	{ "map get verdicts", "map get: KEY is missing" },
	{ "map get verdicts 192.0.2.7 drop", "'drop' is one argument too many" },
	{ "catalogue check", "BUILD is missing" },
	{ "catalogue check 15.1.2507", "'15.1.2507' is not a build" },
	{ "catalogue check 15.1.2507.65536", "is not a build" },
	{ "catalogue check 15.1.2507.6 --at tomorrow", "--at: 'tomorrow' is not a date" },
	{ "catalogue check 15.1.2507.6 --at 2026-02-30", "is not a date" },
	{ "catalogue check 15.1.2507.6 --catalogue", "option --catalogue needs a value" },
	{ "simulate observations.jsonl", "is one argument too many" },
	{ "simulate --until", "option --until needs a value: --until DATE" },
	{ "simulate --until 35d", "'35d' is not a date" },
	{ "clock advance", "SPAN is missing" },
	{ "clock advance 35", "'35' is not a span of time" },
	{ "clock back 1d", "clock: unknown command 'back'; it has advance, to" },
	{ "clock to 1d", "'1d' is not a date" },
	{ "events --follow", "events: unknown option '--follow'" },
	{ "unload --force", "unload: unknown option '--force'" },
	{ "version 2", "'2' is one argument too many" },
	{ "completion", "bash is missing" },
	{ "completion zsh", "'zsh' is none of bash" },
	{ "help map dump now", "'now' is one argument too many" },
};

static void test_wrong_lines(void **state)
{
	size_t i, count = sizeof(wrong_lines) / sizeof(wrong_lines[0]);
	struct error e;
	struct ctl ctl;

	(void)state;
	assert_true(count >= 60);
	for (i = 0; i < count; i++) {
		called = NULL;
		if (parse(wrong_lines[i].line, &ctl, &e) != -EINVAL)
			fail_msg("accepted: gatectl %s", wrong_lines[i].line);
		if (!strstr(e.text, wrong_lines[i].says))
			fail_msg("gatectl %s: said '%s', not '%s'", wrong_lines[i].line, e.text,
				 wrong_lines[i].says);
		if (strchr(e.text, '\n') || e.text[strlen(e.text) - 1] == '.')
			fail_msg("no plain sentence: %s", e.text);
		assert_null(called);
	}
}

struct right {
	const char *line;
	const char *command;
	const char *args[CTL_ARGS];
	const char *option; /* of this option ... */
	const char *value;  /* ... the value */
};

static const struct right right_lines[] = {
	{ .line = "status", .command = "status" },
	{ .line = "sources --stage 0", .command = "sources", .option = "--stage", .value = "0" },
	{ .line = "sources --standing=outdated --stage=32",
	  .command = "sources",
	  .option = "--standing",
	  .value = "outdated" },
	{ .line = "show 2001:db8::1", .command = "show", .args = { "2001:db8::1" } },
	{ .line = "set 192.0.2.0/24 drop",
	  .command = "set",
	  .args = { "192.0.2.0/24", "drop" },
	  .option = "--style" },
	{ .line = "set --for 2h 192.0.2.7 --style slow tarpit",
	  .command = "set",
	  .args = { "192.0.2.7", "tarpit" },
	  .option = "--for",
	  .value = "2h" },
	{ .line = "set 192.0.2.7 pass --reason -",
	  .command = "set",
	  .args = { "192.0.2.7", "pass" },
	  .option = "--reason",
	  .value = "-" },
	{ .line = "set 192.0.2.7 pass --reason --json",
	  .command = "set",
	  .args = { "192.0.2.7", "pass" },
	  .option = "--reason",
	  .value = "--json" },
	{ .line = "set 192.0.2.7 pass --reason=a=b",
	  .command = "set",
	  .args = { "192.0.2.7", "pass" },
	  .option = "--reason",
	  .value = "a=b" },
	{ .line = "mode", .command = "mode", .args = { NULL } },
	{ .line = "mode off", .command = "mode", .args = { "off" } },
	{ .line = "pause 192.0.2.7 --days 90",
	  .command = "pause",
	  .args = { "192.0.2.7" },
	  .option = "--days",
	  .value = "90" },
	{ .line = "exempt 2001:db8::/32", .command = "exempt", .args = { "2001:db8::/32" } },
	{ .line = "forget ex01.example.org", .command = "forget", .args = { "ex01.example.org" } },
	{ .line = "forget -- -odd-", .command = "forget", .args = { "-odd-" } },
	{ .line = "map list", .command = "map list" },
	{ .line = "map get verdicts 192.0.2.7",
	  .command = "map get",
	  .args = { "verdicts", "192.0.2.7" } },
	{ .line = "catalogue check 15.01.2507.039 --at 2026-11-21",
	  .command = "catalogue check",
	  .args = { "15.01.2507.039" },
	  .option = "--at",
	  .value = "2026-11-21" },
	{ .line = "clock advance 35d", .command = "clock advance", .args = { "35d" } },
	{ .line = "clock to 2027-01-01T00:00:00Z",
	  .command = "clock to",
	  .args = { "2027-01-01T00:00:00Z" } },
	{ .line = "completion bash", .command = "completion", .args = { "bash" } },
	{ .line = "help", .command = "help" },
	{ .line = "-h", .command = "help" },
	{ .line = "set -h", .command = "help", .args = { "set" } },
	{ .line = "set 192.0.2.7 --help drop nonsense", .command = "help", .args = { "set" } },
	{ .line = "map -h", .command = "help", .args = { "map" } },
	{ .line = "map dump --help", .command = "help", .args = { "map dump" } },
	{ .line = "--version", .command = "version" },
	{ .line = "-j --version", .command = "version" },
};

static void test_right_lines(void **state)
{
	size_t i;
	struct error e;
	struct ctl ctl;
	int a;

	(void)state;
	for (i = 0; i < sizeof(right_lines) / sizeof(right_lines[0]); i++) {
		const struct right *right = &right_lines[i];

		if (parse(right->line, &ctl, &e))
			fail_msg("gatectl %s: %s", right->line, e.text);
		assert_string_equal(ctl.command->name, right->command);
		for (a = 0; a < CTL_ARGS; a++) {
			if (right->args[a])
				assert_string_equal(ctl.args[a], right->args[a]);
			else
				assert_null(ctl.args[a]);
		}
		if (right->option && right->value)
			assert_string_equal(ctl_option(&ctl, right->option), right->value);
		else if (right->option)
			assert_null(ctl_option(&ctl, right->option));
	}
}

static void test_globals(void **state)
{
	struct error e;
	struct ctl ctl;

	(void)state;
	assert_int_equal(parse("status", &ctl, &e), 0);
	assert_false(ctl.json);
	assert_string_equal(ctl.socket, "/run/buildgate/control.sock");
	assert_int_equal(parse("-j status", &ctl, &e), 0);
	assert_true(ctl.json);
	assert_int_equal(parse("map --socket=/run/x dump settings --json", &ctl, &e), 0);
	assert_true(ctl.json);
	assert_string_equal(ctl.socket, "/run/x");
	assert_string_equal(ctl.command->name, "map dump");
}

static void test_json_is_known_before_the_error(void **state)
{
	struct error e;
	struct ctl ctl;

	(void)state;
	assert_int_equal(parse("nonsense -j", &ctl, &e), -EINVAL);
	assert_true(ctl.json);
	assert_int_equal(parse("forget nonsense/ -- -j", &ctl, &e), -EINVAL);
	assert_false(ctl.json);
}

static void test_flag(void **state)
{
	struct error e;
	struct ctl ctl;

	(void)state;
	assert_int_equal(parse("observe --stdin", &ctl, &e), 0);
	assert_non_null(ctl_option(&ctl, "--stdin"));
	assert_null(ctl.args[0]);
	assert_int_equal(parse("observe --stdin -j", &ctl, &e), 0);
	assert_int_equal(parse("observe --stdin=yes", &ctl, &e), -EINVAL);
	assert_string_equal(e.text, "observe: option --stdin takes no value");
	assert_int_equal(parse("observe --stdin --stdin", &ctl, &e), -EINVAL);
	assert_int_equal(parse("observe 192.0.2.7 15.1", &ctl, &e), -EINVAL);
}

static void test_table(void **state)
{
	const struct ctl_command *command;
	struct error e;
	struct ctl ctl;
	int i;

	(void)state;
	for (command = ctl_table; command->name; command++) {
		assert_non_null(command->run);
		assert_non_null(command->doc);
		assert_ptr_equal(ctl_table_find(command->name, NULL),
				 strchr(command->name, ' ') ? NULL : command);
		for (i = 0; i < CTL_ARGS && command->args[i].name; i++)
			assert_int_not_equal(command->args[i].kind, 0);
		for (i = 0; i < CTL_OPTIONS && command->options[i].name; i++) {
			/* one without a value may always be left out */
			assert_true(command->options[i].value.name ||
				    !command->options[i].value.required);
			assert_int_equal(strncmp(command->options[i].name, "--", 2), 0);
		}
	}
	assert_int_equal(parse("clock advance 1h", &ctl, &e), 0);
	ctl.command->run(&ctl, &e);
	assert_string_equal(called, "ctl_clock");
}

static void test_usage(void **state)
{
	char usage[256];

	(void)state;
	assert_string_equal(ctl_table_usage(ctl_table_find("set", NULL), usage, sizeof(usage)),
			    "set ADDR|CIDR pass|tarpit|drop [--style S] [--for SPAN] "
			    "[--reason TEXT]");
	assert_string_equal(ctl_table_usage(ctl_table_find("pause", NULL), usage, sizeof(usage)),
			    "pause ADDR --days N [--reason TEXT]");
	assert_string_equal(ctl_table_usage(ctl_table_find("mode", NULL), usage, sizeof(usage)),
			    "mode [off|report|enforce|confirm] [--confirm SECONDS] "
			    "[--reason TEXT]");
	assert_string_equal(ctl_table_usage(ctl_table_find("map", "get"), usage, sizeof(usage)),
			    "map get NAME KEY");
}

static void test_number(void **state)
{
	long long number = -1;

	(void)state;
	assert_int_equal(ctl_parse_number("0", 0, 9, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(ctl_parse_number("9", 0, 9, &number), 0);
	assert_int_equal(number, 9);
	assert_int_equal(ctl_parse_number("10", 0, 9, &number), -EINVAL);
	assert_int_equal(ctl_parse_number(" 1", 0, 9, &number), -EINVAL);
	assert_int_equal(ctl_parse_number("1 ", 0, 9, &number), -EINVAL);
	assert_int_equal(ctl_parse_number("", 0, 9, &number), -EINVAL);
	assert_int_equal(number, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_right_lines),
		cmocka_unit_test(test_globals),
		cmocka_unit_test(test_json_is_known_before_the_error),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_flag),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
