/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_parse - from argv to a struct ctl, or one sentence that says what is wrong
 *
 * Strict: whole words, every argument checked against its kind before anything is done,
 * nothing ignored. Options may stand anywhere after the command they belong to, global ones
 * anywhere; "--" ends options. "-h" behind a command is "help COMMAND", "--version" is "version".
 */
#ifndef BUILDGATE_CTL_PARSE_H
#define BUILDGATE_CTL_PARSE_H

#include <stdint.h>

#include "ctl.h"
#include "ctl_table.h"

/*
 * ctl_parse - fill ret from argv (argv[0] is skipped). -EINVAL: e says why; ret->json is right
 * all the same, so that the error can be printed as asked. ret->out is not touched.
 */
int ctl_parse(int argc, char *const argv[], struct ctl *ret, struct error *e);

/* ctl_parse_number - decimal digits only, min .. max */
int ctl_parse_number(const char *text, long long min, long long max, long long *ret);

/* ctl_parse_value - text is what value describes; -EINVAL with a sentence otherwise */
int ctl_parse_value(const struct ctl_value *value, const char *text, struct error *e);

#endif
