// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_parse.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/times.h"

/* ctl_parse_number - strtoll() alone would take blanks, signs and an empty text */
int ctl_parse_number(const char *text, long long min, long long max, long long *ret)
{
	long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || *end || number < min || number > max)
		return -EINVAL;
	*ret = number;
	return 0;
}

/* word_listed - text is one of "a|b|c" */
static bool word_listed(const char *words, const char *text)
{
	size_t n = strlen(text);
	const char *at;

	if (strchr(text, '|'))
		return false;
	for (at = words; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (n && strncmp(at, text, n) == 0 && (at[n] == '|' || !at[n]))
			return true;
	}
	return false;
}

/* check_range - say which range was meant when only the host bits are wrong */
static int check_range(const char *text, struct error *e)
{
	char meant[ADDRESS_TEXT], addr_text[ADDRESS_TEXT];
	struct addr addr;
	unsigned int bits;
	const char *slash;
	int rc;

	rc = range_parse(text, &addr, &bits);
	if (rc == -EDOM)
		return error_set(e, -EINVAL,
				 "range '%s' holds all of IPv4 too; for all of IPv6 say 2000::/3, "
				 "for all of IPv4 0.0.0.0/0",
				 text);
	if (rc != -ERANGE)
		return rc ? error_set(e, -EINVAL,
				      "'%s' is neither an address nor a range (192.0.2.7, "
				      "192.0.2.0/24, 2001:db8::/32)",
				      text)
			  : 0;
	slash = strchr(text, '/');
	snprintf(addr_text, sizeof(addr_text), "%.*s", (int)(slash - text), text);
	if (address_parse(addr_text, &addr))
		return error_set(e, -EINVAL, "range '%s' has host bits set", text);
	bits = (unsigned int)atoi(slash + 1) + (address_is_ipv4(&addr) ? 96 : 0);
	address_mask(&addr, bits);
	return error_set(e, -EINVAL, "range '%s' has host bits set; for all of it say %s", text,
			 range_format(&addr, bits, meant));
}

/* check_text - what JSON cannot carry would be lost on its way to the daemon */
static int check_text(const struct ctl_value *value, const char *text, struct error *e)
{
	json_t *string = json_string(text);

	if (!string)
		return error_set(e, -EINVAL, "%s is not UTF-8", value->name);
	json_decref(string);
	return 0;
}

/* check_name - a server name: what an EHLO argument may be, but no option and no path */
static bool check_name(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (!isgraph((unsigned char)text[i]) || text[i] == '/')
			return false;
	return i > 0 && i < NAME_BYTES;
}

/* check_number - with the bounds in the sentence */
static int check_number(const struct ctl_value *value, const char *text, struct error *e)
{
	long long number;

	if (ctl_parse_number(text, value->min, value->max, &number))
		return error_set(e, -EINVAL, "'%s' is not a number from %lld to %lld", text,
				 value->min, value->max);
	return 0;
}

/* check_span - at most value->max seconds */
static int check_span(const struct ctl_value *value, const char *text, struct error *e)
{
	int64_t seconds;

	if (times_parse_span(text, &seconds) || seconds > value->max)
		return error_set(e, -EINVAL,
				 "'%s' is not a span of time (90s, 45m, 2h, 30d, 1w; at most "
				 "%lldd)",
				 text, value->max / 86400);
	return 0;
}

/* ctl_parse_value - one kind, one sentence */
int ctl_parse_value(const struct ctl_value *value, const char *text, struct error *e)
{
	struct addr addr;
	int64_t at;

	if (!text[0])
		return error_set(e, -EINVAL, "%s is empty", value->name);
	switch (value->kind) {
	case CTL_TEXT:
		return check_text(value, text, e);
	case CTL_FILE:
		return 0;
	case CTL_ADDRESS:
		if (address_parse(text, &addr))
			return error_set(e, -EINVAL,
					 "'%s' is not an address (192.0.2.7 or 2001:db8::1)", text);
		return 0;
	case CTL_RANGE:
		return check_range(text, e);
	case CTL_WHO:
		if (!check_name(text))
			return error_set(e, -EINVAL, "'%s' is neither an address nor a server name",
					 text);
		return 0;
	case CTL_WORD:
		if (!word_listed(value->words, text))
			return error_set(e, -EINVAL, "'%s' is none of %s", text, value->words);
		return 0;
	case CTL_BUILD:
		if (!build_parse(text))
			return error_set(e, -EINVAL, "'%s' is not a build (15.1.2507.39)", text);
		return 0;
	case CTL_NUMBER:
		return check_number(value, text, e);
	case CTL_SPAN:
		return check_span(value, text, e);
	case CTL_DATE:
		if (times_parse(text, &at))
			return error_set(e, -EINVAL,
					 "'%s' is not a date (2026-11-21 or 2026-11-21T10:00:00Z)",
					 text);
		return 0;
	}
	return error_set(e, -EINVAL, "'%s' cannot be used", text);
}

/* The state of one pass over argv. */
struct parser {
	struct ctl *ctl;
	char *const *argv;
	int argc;
	int i;             /* the word being looked at */
	const char *group; /* "map" while its second word is awaited */
	int args;          /* arguments taken */
	bool plain;        /* "--" was seen */
	bool help;
	bool version;
};

/* find_option - a row of options that word names, with or without "=value" */
static const struct ctl_option *find_option(const struct ctl_option *options, int count,
					    const char *word)
{
	size_t n = strcspn(word, "=");
	int i;

	for (i = 0; i < count && options[i].name; i++) {
		if (strlen(options[i].name) == n && strncmp(options[i].name, word, n) == 0)
			return &options[i];
		if (options[i].brief && strcmp(options[i].brief, word) == 0)
			return &options[i];
	}
	return NULL;
}

/* option_value - what follows '=' or is the next word; NULL with e set when there is none */
static const char *option_value(struct parser *p, const struct ctl_option *option, struct error *e)
{
	const char *equals = strchr(p->argv[p->i], '=');

	if (equals)
		return equals + 1;
	if (p->i + 1 >= p->argc) {
		error_set(e, -EINVAL, "option %s needs a value: %s %s", option->name, option->name,
			  option->value.name);
		return NULL;
	}
	return p->argv[++p->i];
}

/* take_global - one of ctl_table_globals */
static int take_global(struct parser *p, const struct ctl_option *option, struct error *e)
{
	if (option->value.name) {
		p->ctl->socket = option_value(p, option, e);
		if (!p->ctl->socket)
			return -EINVAL;
		if (ctl_parse_value(&option->value, p->ctl->socket, e))
			return error_prefix(e, -EINVAL, "option %s", option->name);
		return 0;
	}
	if (strchr(p->argv[p->i], '='))
		return error_set(e, -EINVAL, "option %s takes no value", option->name);
	if (strcmp(option->name, "--json") == 0)
		p->ctl->json = true;
	else if (strcmp(option->name, "--help") == 0)
		p->help = true;
	else
		p->version = true;
	return 0;
}

/* unknown_option - name the options that there are */
static int unknown_option(struct parser *p, const char *word, struct error *e)
{
	const struct ctl_command *command = p->ctl->command;

	if (!command)
		return error_set(
			e, -EINVAL,
			"unknown option '%s' (a command's own options follow the command); "
			"see gatectl help",
			word);
	if (!command->options[0].name)
		return error_set(e, -EINVAL, "%s: unknown option '%s'; it has none but -j and -h",
				 command->name, word);
	return error_set(e, -EINVAL, "%s: unknown option '%s'; see gatectl help %s", command->name,
			 word, command->name);
}

/* take_option - argv[i] begins with '-' */
static int take_option(struct parser *p, struct error *e)
{
	const struct ctl_command *command = p->ctl->command;
	const char *word = p->argv[p->i];
	const struct ctl_option *option;
	const char **slot;

	option = find_option(ctl_table_globals, 8, word);
	if (option)
		return take_global(p, option, e);
	option = command ? find_option(command->options, CTL_OPTIONS, word) : NULL;
	if (!option)
		return unknown_option(p, word, e);

	slot = &p->ctl->options[option - command->options];
	if (*slot)
		return error_set(e, -EINVAL, "%s: option %s is given twice", command->name,
				 option->name);
	if (!option->value.name) {
		*slot = option->name; /* given: that is all it can say */
		return strchr(word, '=') ? error_set(e, -EINVAL, "%s: option %s takes no value",
						     command->name, option->name)
					 : 0;
	}
	*slot = option_value(p, option, e);
	if (!*slot)
		return error_prefix(e, -EINVAL, "%s", command->name);
	if (ctl_parse_value(&option->value, *slot, e))
		return error_prefix(e, -EINVAL, "%s: %s", command->name, option->name);
	return 0;
}

/* group_words - "list, dump, get" into buf */
static const char *group_words(const char *group, char *buf, size_t size)
{
	const struct ctl_command *command;
	size_t used = 0;

	buf[0] = '\0';
	for (command = ctl_table; command->name && used < size; command++)
		if (ctl_table_in_group(command, group))
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 command->name + strlen(group) + 1);
	return buf;
}

/* take_command - the first word, or the second of a group */
static int take_command(struct parser *p, const char *word, struct error *e)
{
	char words[80];

	if (p->group) {
		p->ctl->command = ctl_table_find(p->group, word);
		if (!p->ctl->command)
			return error_set(e, -EINVAL, "%s: unknown command '%s'; it has %s",
					 p->group, word,
					 group_words(p->group, words, sizeof(words)));
		return 0;
	}
	p->ctl->command = ctl_table_find(word, NULL);
	if (p->ctl->command)
		return 0;
	if (!ctl_table_group(word))
		return error_set(e, -EINVAL, "unknown command '%s'; gatectl help lists them", word);
	p->group = word;
	return 0;
}

/* take_word - a command or one of its arguments */
static int take_word(struct parser *p, struct error *e)
{
	const struct ctl_command *command = p->ctl->command;
	const char *word = p->argv[p->i];
	const struct ctl_value *value;

	if (!command)
		return take_command(p, word, e);
	if (p->args == CTL_ARGS || !command->args[p->args].name)
		return error_set(e, -EINVAL,
				 "%s: '%s' is one argument too many; see gatectl help %s",
				 command->name, word, command->name);
	value = &command->args[p->args];
	if (ctl_parse_value(value, word, e))
		return error_prefix(e, -EINVAL, "%s", command->name);
	p->ctl->args[p->args++] = word;
	return 0;
}

/* finish - turn -h and --version into commands, and look for what is missing */
static int finish(struct parser *p, struct error *e)
{
	const struct ctl_command *command = p->ctl->command;
	char text[256];
	int i;

	if (p->version && !command && !p->group) {
		p->ctl->command = ctl_table_find("version", NULL);
		return 0;
	}
	if (!command && p->group)
		return error_set(e, -EINVAL, "%s needs one of %s behind it", p->group,
				 group_words(p->group, text, sizeof(text)));
	if (!command)
		return error_set(e, -EINVAL, "no command given; gatectl help lists them");
	if (p->version)
		return error_set(e, -EINVAL, "%s: --version stands alone", command->name);

	if (p->args < CTL_ARGS && command->args[p->args].name && !command->args[p->args].optional)
		return error_set(e, -EINVAL, "%s: %s is missing; usage: gatectl %s", command->name,
				 command->args[p->args].name,
				 ctl_table_usage(command, text, sizeof(text)));
	for (i = 0; i < CTL_OPTIONS && command->options[i].name; i++)
		if (command->options[i].value.required && !p->ctl->options[i])
			return error_set(e, -EINVAL, "%s: %s %s is missing; usage: gatectl %s",
					 command->name, command->options[i].name,
					 command->options[i].value.name,
					 ctl_table_usage(command, text, sizeof(text)));
	return 0;
}

/* ask_help - what was read so far becomes the argument of help */
static void ask_help(struct parser *p)
{
	const char *about = p->ctl->command ? p->ctl->command->name : p->group;

	p->ctl->command = ctl_table_find("help", NULL);
	memset(p->ctl->args, 0, sizeof(p->ctl->args));
	memset(p->ctl->options, 0, sizeof(p->ctl->options));
	p->ctl->args[0] = about;
}

/* json_asked - looked up ahead, so that an error in an earlier word is printed as JSON too */
static bool json_asked(int argc, char *const argv[])
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* ctl_parse - one pass; the first thing wrong ends it */
int ctl_parse(int argc, char *const argv[], struct ctl *ret, struct error *e)
{
	struct parser p = { .ctl = ret, .argv = argv, .argc = argc };
	int rc;

	ret->command = NULL;
	memset(ret->args, 0, sizeof(ret->args));
	memset(ret->options, 0, sizeof(ret->options));
	ret->socket = CTL_SOCKET;
	ret->json = json_asked(argc, argv);

	for (p.i = 1; p.i < argc; p.i++) {
		if (!p.plain && strcmp(argv[p.i], "--") == 0) {
			p.plain = true;
			continue;
		}
		if (!p.plain && argv[p.i][0] == '-' && argv[p.i][1])
			rc = take_option(&p, e);
		else
			rc = take_word(&p, e);
		if (rc)
			return rc;
		if (p.help) {
			ask_help(&p);
			return 0;
		}
	}
	return finish(&p, e);
}

/* ctl_option - by name, so that the order in the table means nothing to callbacks */
const char *ctl_option(const struct ctl *ctl, const char *name)
{
	int i;

	for (i = 0; i < CTL_OPTIONS && ctl->command->options[i].name; i++)
		if (strcmp(ctl->command->options[i].name, name) == 0)
			return ctl->options[i];
	return NULL;
}
