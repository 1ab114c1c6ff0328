/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_table - the one table of gatectl's commands
 *
 * Parser (ctl_parse.c), help and completion (ctl_help.c) read this table and nothing else, so
 * they cannot disagree; tests hold the manual page and the installed completion against it.
 * To add a command: a row here, a callback in ctl.h, a paragraph in docs/man/gatectl.8.
 */
#ifndef BUILDGATE_CTL_TABLE_H
#define BUILDGATE_CTL_TABLE_H

#include <stddef.h>

#include "ctl.h"

/* What an argument may be. */
enum ctl_kind {
	CTL_TEXT = 1, /* anything but nothing */
	CTL_ADDRESS,  /* 192.0.2.7 or 2001:db8::1 */
	CTL_RANGE,    /* an address or address/bits */
	CTL_WHO,      /* an address or a server name */
	CTL_WORD,     /* one of words */
	CTL_BUILD,    /* 15.1.2507.39 */
	CTL_NUMBER,   /* min .. max */
	CTL_SPAN,     /* 90s, 45m, 2h, 30d, 1w: at most max seconds */
	CTL_DATE,     /* RFC 3339, or a date alone */
	CTL_FILE,
};

struct ctl_value {
	const char *name; /* "ADDR"; NULL: no such argument, or an option without a value */
	enum ctl_kind kind;
	const char *words; /* "pass|tarpit|drop" */
	long long min, max;
	bool optional; /* an argument that may be left out */
	bool required; /* an option that may not */
};

struct ctl_option {
	const char *name;  /* "--stage" */
	const char *brief; /* "-j" or NULL */
	struct ctl_value value;
	const char *doc;
};

struct ctl_command {
	const char *name; /* "status" or "map dump" */
	struct ctl_value args[CTL_ARGS];
	struct ctl_option options[CTL_OPTIONS];
	const char *doc;
	int (*run)(const struct ctl *ctl, struct error *e);
};

/* Both end with a row without a name. */
extern const struct ctl_command ctl_table[];
extern const struct ctl_option ctl_table_globals[];

/* ctl_table_find - the command of one word, or two when second is not NULL; NULL: none */
const struct ctl_command *ctl_table_find(const char *first, const char *second);

/* ctl_table_group - the first command of which word is the first of two words, else NULL */
const struct ctl_command *ctl_table_group(const char *word);

/* ctl_table_in_group - command's first word is word */
bool ctl_table_in_group(const struct ctl_command *command, const char *word);

/* ctl_table_usage - "set ADDR|CIDR pass|tarpit|drop [--style S] ..." into buf; returns buf */
const char *ctl_table_usage(const struct ctl_command *command, char *buf, size_t size);

#endif
