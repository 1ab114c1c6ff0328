// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>

#include "bpf/smtp/words.h"

/* --- the top-most Received line, after "with" ------------------------------------------------ */

/* "id" and a build follow, comments may stand between */
const char *const words_exchange_with[] = {
	"Microsoft SMTP Server",
	"mapi",
	"ShadowRedundancy",
	NULL,
};

/* the same, and the "by" that may follow names no host: "MailboxResubmission by AntispamTT" */
const char *const words_exchange_again[] = { "MailboxResubmission", NULL };

/* the build stands in a parenthesis of its own */
const char *const words_exchange_paren[] = { "Internet Mail Service", NULL };

/* after "SMTP": the build stands inside a parenthesis, after these words */
const char *const words_exchange_inside[] = {
	"Microsoft Exchange Internet Mail Service Version",
	"Microsoft Exchange Internet Mail Connector Version",
	"Microsoft Exchange Server Internet Mail Service Version",
	"Microsoft Exchange Server Internet Mail Connector Version",
	NULL,
};

/* after "Microsoft Exchange": the same; it was the only stamp of Exchange 4.0 */
const char *const words_exchange_imc[] = { "IMC", NULL };

/* what follows is the version of Windows */
const char *const words_iis_with[] = { "Microsoft SMTPSVC", NULL };

/* --- the greeting of a server ---------------------------------------------------------------- */

/* may stand between "Microsoft Exchange" and a build; any other word makes the number foreign */
const char *const words_exchange_banner[] = {
	"Server",  "SE",      "Internet",   "Mail",      "Service",    "Connector",
	"SMTP",    "ESMTP",   "Edge",       "Transport", "build",      "Build",
	"version", "Version", "Enterprise", "Standard",  "Cumulative", "Update",
	"Pack",    "Rollup",  "RTM",        NULL,
};

/* the same, with a number at once: CU23 */
const char *const words_exchange_update[] = { "CU", "SP", "RU", NULL };

/* between "Microsoft" and "MAIL Service" */
const char *const words_mail_service[] = { "ESMTP", "SMTP", NULL };

/* --- the reply to EHLO ----------------------------------------------------------------------- */

/* only Exchange offers these */
const char *const words_exchange_keyword[] = {
	"X-ANONYMOUSTLS", "X-EXPS", "X-LINK2STATE", "XEXCH50",    "XRDST",    "XSHADOW",
	"XSHADOWREQUEST", "XOORG",  "XPROXY",       "XPROXYFROM", "XPROXYTO", NULL,
};

/* only Windows' SMTP service does, where the reply begins as Microsoft's do */
const char *const words_iis_keyword[] = { "TURN", NULL };
