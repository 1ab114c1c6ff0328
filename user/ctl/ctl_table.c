// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_table.h"

#include <stdarg.h>
#include <string.h>

#include "user/escalation/policy.h"

#define SPAN_MAX    (10LL * 366 * 86400) /* ten years */
#define PAUSE_MAX   90                   /* days per source and calendar year */
#define HISTORY_MAX 10000

/* An argument, and an option, as rows of the table. */
#define ARG(n, k, ...)                                                                             \
	{                                                                                          \
		.name = n, .kind = k, __VA_ARGS__                                                  \
	}
#define OPTION(n, d, ...)                                                                          \
	{                                                                                          \
		.name = n, .doc = d, .value = ARG(__VA_ARGS__)                                     \
	}

#define ADDRESS                                                                                    \
	{                                                                                          \
		ARG("ADDR", CTL_ADDRESS)                                                           \
	}
#define RANGE                                                                                      \
	{                                                                                          \
		ARG("ADDR|CIDR", CTL_RANGE)                                                        \
	}
#define MAP                                                                                        \
	ARG("NAME", CTL_WORD,                                                                      \
	    .words = "settings|verdicts|ranges|flows|pending|handshakes|rechecks|recheck_names|"   \
		     "replies|slow_slots|ipsec_peers|counters")
#define REASON OPTION("--reason", "kept in the audit trail", "TEXT", CTL_TEXT)
#define CATALOGUE                                                                                  \
	OPTION("--catalogue", "use this catalogue, not the installed one", "FILE", CTL_FILE)

#define STANDINGS "online|emergency|unsupported|outdated|current|unknown"

const struct ctl_command ctl_table[] = {
	{ .name = "status",
	  .doc = "mode, hooks, interfaces, lease, catalogue age, sources by stage",
	  .run = ctl_status },
	{ .name = "sources",
	  .options = { OPTION("--stage", "only sources at this stage; 0: no clock runs", "N",
			      CTL_NUMBER, .max = POLICY_STAGES_MAX),
		       OPTION("--standing", "only sources with such a build", "S", CTL_WORD,
			      .words = STANDINGS) },
	  .doc = "one line per source",
	  .run = ctl_sources },
	{ .name = "show", .args = ADDRESS, .doc = "everything known of a source", .run = ctl_show },
	{ .name = "history",
	  .args = { ARG("ADDR", CTL_ADDRESS, .optional = true) },
	  .options = { OPTION("--last", "without ADDR: so many entries (default 100)", "N",
			      CTL_NUMBER, .min = 1, .max = HISTORY_MAX) },
	  .doc = "audit trail of a source; without ADDR, of the whole gate",
	  .run = ctl_history },
	{ .name = "audit",
	  .options = { OPTION("--since", "only entries of this date and later", "DATE", CTL_DATE) },
	  .doc = "the whole audit trail as JSON Lines",
	  .run = ctl_audit },
	{ .name = "report",
	  .options = { OPTION("--format", "table (default), csv, json or html", "F", CTL_WORD,
			      .words = "table|csv|json|html") },
	  .doc = "servers out of date, since when, and what comes when",
	  .run = ctl_report },
	{ .name = "doctor",
	  .options = { OPTION("--config", "the file in use (the daemon's, else " CTL_CONFIG ")",
			      "FILE", CTL_FILE) },
	  .doc = "what is wrong with the gate on this host, and the next step",
	  .run = ctl_doctor },
	{ .name = "set",
	  .args = { ARG("ADDR|CIDR", CTL_RANGE),
		    ARG("pass|tarpit|drop", CTL_WORD, .words = "pass|tarpit|drop") },
	  .options = { OPTION("--style", "tarpit: slow, defer; drop: answer, silent", "S", CTL_WORD,
			      .words = "slow|defer|answer|silent"),
		       OPTION("--for", "until this span is over", "SPAN", CTL_SPAN,
			      .max = SPAN_MAX),
		       REASON },
	  .doc = "decide for the clock: pass, slow or refuse",
	  .run = ctl_set },
	{ .name = "unset",
	  .args = RANGE,
	  .options = { REASON },
	  .doc = "take back what set decided",
	  .run = ctl_change },
	{ .name = "mode",
	  .args = { ARG("off|report|enforce|confirm", CTL_WORD,
			.words = "off|report|enforce|confirm", .optional = true) },
	  .options = { OPTION("--confirm", "enforce only so long unless confirmed", "SECONDS",
			      CTL_NUMBER, .min = 1, .max = 86400),
		       REASON },
	  .doc = "show or change the mode; off needs no daemon",
	  .run = ctl_mode },
	{ .name = "pause",
	  .args = ADDRESS,
	  .options = { OPTION("--days", "how long; 90 per source and calendar year", "N",
			      CTL_NUMBER, .min = 1, .max = PAUSE_MAX, .required = true),
		       REASON },
	  .doc = "suspend clock and enforcement of a source",
	  .run = ctl_change },
	{ .name = "unpause",
	  .args = ADDRESS,
	  .options = { REASON },
	  .doc = "end a pause; unused days come back",
	  .run = ctl_change },
	{ .name = "exempt",
	  .args = RANGE,
	  .options = { REASON },
	  .doc = "never enforce on a range",
	  .run = ctl_change },
	{ .name = "unexempt",
	  .args = RANGE,
	  .options = { REASON },
	  .doc = "take back an exemption",
	  .run = ctl_change },
	{ .name = "forget",
	  .args = { ARG("ADDR|NAME", CTL_WHO) },
	  .doc = "remove all records of a source or server name",
	  .run = ctl_change },
	{ .name = "map list", .doc = "the pinned maps", .run = ctl_map_list },
	{ .name = "map dump",
	  .args = { MAP },
	  .doc = "every entry of a map, typed",
	  .run = ctl_map_dump },
	{ .name = "map get",
	  .args = { MAP, ARG("KEY", CTL_TEXT) },
	  .doc = "one entry; KEY as map dump prints it",
	  .run = ctl_map_get },
	{ .name = "catalogue check",
	  .args = { ARG("BUILD", CTL_BUILD) },
	  .options = { OPTION("--at", "judge on this date instead of now", "DATE", CTL_DATE),
		       CATALOGUE },
	  .doc = "standing of a build, why, and the next step",
	  .run = ctl_catalogue_check },
	{ .name = "catalogue show",
	  .doc = "serial, age, who signed it, emergencies and to whom they apply",
	  .run = ctl_catalogue_show },
	{ .name = "catalogue verify",
	  .args = { ARG("FILE", CTL_FILE) },
	  .options = { OPTION("--key", "trust this public key, not the configured ones", "KEY",
			      CTL_TEXT) },
	  .doc = "check FILE against FILE.minisig, and its contents",
	  .run = ctl_catalogue_verify },
	{ .name = "catalogue update",
	  .args = { ARG("FILE", CTL_FILE) },
	  .doc = "have the daemon take FILE, signed by FILE.minisig",
	  .run = ctl_catalogue_update },
	{ .name = "catalogue block",
	  .args = { ARG("ID", CTL_TEXT) },
	  .options = { REASON },
	  .doc = "do not apply an emergency definition",
	  .run = ctl_catalogue_block },
	{ .name = "catalogue unblock",
	  .args = { ARG("ID", CTL_TEXT) },
	  .options = { REASON },
	  .doc = "apply it again",
	  .run = ctl_catalogue_block },
	{ .name = "replay",
	  .args = { ARG("FILE", CTL_FILE) },
	  .options = { OPTION("--at", "judge on this date, not on each observation's own", "DATE",
			      CTL_DATE),
		       CATALOGUE,
		       OPTION("--mx", "port of mail servers in it (25)", "PORT", CTL_NUMBER,
			      .min = 1, .max = 65535),
		       OPTION("--submission", "their port for submission (587)", "PORT", CTL_NUMBER,
			      .min = 1, .max = 65535) },
	  .doc = "what a capture (pcap, pcapng) would teach the gate",
	  .run = ctl_replay },
	{ .name = "policy show",
	  .doc = "the policy in force, its table, and who chose it",
	  .run = ctl_policy_show },
	{ .name = "policy preview",
	  .args = { ARG("P", CTL_TEXT) },
	  .doc = "which sources another policy would move, changing nothing",
	  .run = ctl_policy_preview },
	{ .name = "policy use",
	  .args = { ARG("P", CTL_TEXT) },
	  .options = { REASON },
	  .doc = "use another policy from now on",
	  .run = ctl_policy_use },
	{ .name = "simulate",
	  .options = { OPTION("--policy", "name, or a path with a /", "P", CTL_TEXT),
		       OPTION("--until", "stop here; without it at the last input", "DATE",
			      CTL_DATE),
		       CATALOGUE,
		       OPTION("--then", "from DATE on by this catalogue", "DATE=FILE", CTL_TEXT) },
	  .doc = "run the clock over observations (JSON Lines) on stdin",
	  .run = ctl_simulate },
	{ .name = "observe",
	  .args = { ARG("ADDR", CTL_ADDRESS, .optional = true),
		    ARG("BUILD", CTL_BUILD, .optional = true) },
	  .options = { OPTION("--helo", "the server's name; needed where ADDR has several", "NAME",
			      CTL_TEXT),
		       { .name = "--stdin", .doc = "observations (JSON Lines) on stdin" } },
	  .doc = "tell the gate of a build that it could not see itself",
	  .run = ctl_observe },
	{ .name = "events",
	  .doc = "follow what is seen and done, one line each",
	  .run = ctl_events },
	{ .name = "clock advance",
	  .args = { ARG("SPAN", CTL_SPAN, .max = SPAN_MAX) },
	  .doc = "lab clock only: move time forward by SPAN",
	  .run = ctl_clock },
	{ .name = "clock to",
	  .args = { ARG("DATE", CTL_DATE) },
	  .doc = "lab clock only: move time forward to DATE",
	  .run = ctl_clock },
	{ .name = "unload",
	  .doc = "detach and unpin everything of ours, nothing else",
	  .run = ctl_unload },
	{ .name = "version", .doc = "version, and what it was built with", .run = ctl_version },
	{ .name = "completion",
	  .args = { ARG("bash", CTL_WORD, .words = "bash") },
	  .doc = "print the completion for a shell",
	  .run = ctl_completion },
	{ .name = "help",
	  .args = { ARG("COMMAND", CTL_TEXT, .optional = true),
		    ARG("WORD", CTL_TEXT, .optional = true) },
	  .doc = "all commands, or one in full",
	  .run = ctl_help },
	{ .name = NULL },
};

const struct ctl_option ctl_table_globals[] = {
	{ .name = "--json", .brief = "-j", .doc = "print JSON, errors too" },
	OPTION("--socket", "control socket (" CTL_SOCKET ")", "PATH", CTL_FILE),
	{ .name = "--help", .brief = "-h", .doc = "help, also behind a command" },
	{ .name = "--version", .doc = "same as version" },
	{ .name = NULL },
};

/* ctl_table_in_group - word is followed by a space in the name */
bool ctl_table_in_group(const struct ctl_command *command, const char *word)
{
	size_t n = strlen(word);

	return strncmp(command->name, word, n) == 0 && command->name[n] == ' ';
}

/* ctl_table_group - first command of the group */
const struct ctl_command *ctl_table_group(const char *word)
{
	const struct ctl_command *command;

	for (command = ctl_table; command->name; command++)
		if (ctl_table_in_group(command, word))
			return command;
	return NULL;
}

/* ctl_table_find - by whole words only: a prefix that is unique today need not be tomorrow */
const struct ctl_command *ctl_table_find(const char *first, const char *second)
{
	const struct ctl_command *command;

	for (command = ctl_table; command->name; command++) {
		if (!second && strcmp(command->name, first) == 0 && !strchr(first, ' '))
			return command;
		if (second && ctl_table_in_group(command, first) &&
		    strcmp(command->name + strlen(first) + 1, second) == 0)
			return command;
	}
	return NULL;
}

/* append - printf to the end of buf, cut at size */
static void append(char *buf, size_t size, const char *format, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, format);
	vsnprintf(buf + used, size - used, format, ap);
	va_end(ap);
}

/* ctl_table_usage - what may be left out stands in brackets */
const char *ctl_table_usage(const struct ctl_command *command, char *buf, size_t size)
{
	int i;

	snprintf(buf, size, "%s", command->name);
	for (i = 0; i < CTL_ARGS && command->args[i].name; i++)
		append(buf, size, command->args[i].optional ? " [%s]" : " %s",
		       command->args[i].name);
	for (i = 0; i < CTL_OPTIONS && command->options[i].name; i++) {
		const struct ctl_option *option = &command->options[i];

		if (option->value.name)
			append(buf, size, option->value.required ? " %s %s" : " [%s %s]",
			       option->name, option->value.name);
		else
			append(buf, size, " [%s]", option->name);
	}
	return buf;
}
