// SPDX-License-Identifier: BSD-2-Clause
/* The greeting and the replies of a server. */
#include <string.h>

#include "maps/abi.h"
#include "tests/fuzz/reference.h"

#define GAP " \t\r("

static const char *const product_words[] = {
	"Server", "SE",        "Internet",   "Mail",       "Service",  "Connector", "SMTP", "ESMTP",
	"Edge",   "Transport", "build",      "Build",      "version",  "Version",   "RTM",  "Pack",
	"Rollup", "Update",    "Cumulative", "Enterprise", "Standard", NULL,
};
static const char *const update_words[] = { "CU", "SP", "RU", NULL };
static const char *const exchange_keywords[] = {
	"X-ANONYMOUSTLS", "X-EXPS", "X-LINK2STATE", "XEXCH50",    "XRDST",    "XSHADOW",
	"XSHADOWREQUEST", "XOORG",  "XPROXY",       "XPROXYFROM", "XPROXYTO", NULL,
};

/* followed - is the byte at p there, and one of set? */
static bool followed(const char *p, const char *end, const char *set)
{
	return p < end && *p && strchr(set, *p);
}

/* line_over - the line's end was seen: an Exchange that did not say its build */
static void line_over(const char *at, const char *end, struct reference *r)
{
	if (reference_span(at, end, "\n", false) < end)
		reference_family(r, FAMILY_EXCHANGE_NOBUILD);
}

/* known - a word that may stand before the build; returns where it ends, or NULL */
static const char *known(const char *at, const char *end)
{
	const char *p = reference_span(at, end, "0123456789", true);

	if (p > at && followed(p, end, " \t\r"))
		return p;
	for (size_t i = 0; update_words[i]; i++) {
		if (!reference_is(at, end, update_words[i], false))
			continue;
		p = reference_span(at + 2, end, "0123456789", true);
		if (followed(p, end, " \t\r"))
			return p;
	}
	for (size_t i = 0; product_words[i]; i++) {
		p = at + strlen(product_words[i]);
		if (reference_is(at, end, product_words[i], false) && followed(p, end, GAP))
			return p;
	}
	return NULL;
}

/* exchange - after "Microsoft Exchange": known words, then the build */
static void exchange(const char *at, const char *end, struct reference *r)
{
	const char *start = at;
	uint64_t build;
	size_t n;

	for (;;) {
		const char *next;

		at = reference_span(at, end, GAP, true);
		n = reference_number(at, end, ".", &build);
		if (n && followed(at + n, end, " \t\r\n),;"))
			break;
		next = known(at, end);
		if (!next) {
			line_over(start, end, r);
			return;
		}
		at = next;
	}
	reference_family(r, FAMILY_EXCHANGE_NOBUILD);
	if (reference_product(build)) {
		r->build = build;
		r->family = FAMILY_EXCHANGE;
	}
}

/* mail_service - after "Microsoft ESMTP MAIL": Windows where "Version:" comes; returns where
 * other words may go on, or NULL */
static const char *mail_service(const char *at, const char *end, struct reference *r)
{
	for (;;) {
		at = reference_span(at, end, " \t\r,", true);
		if (at == end || *at == '\n') {
			line_over(at, end, r);
			return NULL;
		}
		if (reference_is(at, end, "Version:", false)) {
			reference_family(r, FAMILY_IIS_SMTP);
			at += strlen("Version:");
			return at < end && *at != '\n' ? at + 1 : at;
		}
		at = reference_span(at, end, " \t\r,\n", false);
	}
}

/* microsoft - after "Microsoft "; returns where other words go on, or NULL */
static const char *microsoft(const char *at, const char *end, struct reference *r)
{
	const char *p = NULL;

	if (reference_is(at, end, "Exchange", false)) {
		p = at + strlen("Exchange");
		if (!followed(p, end, GAP "\n"))
			return p;
		exchange(p, end, r);
		return NULL;
	}
	if (reference_is(at, end, "ESMTP ", false))
		p = at + strlen("ESMTP ");
	else if (reference_is(at, end, "SMTP ", false))
		p = at + strlen("SMTP ");
	if (!p || !reference_is(p, end, "MAIL", false))
		return p ? p : at;
	p += strlen("MAIL");
	return followed(p, end, " \r,\n") ? mail_service(p, end, r) : p;
}

/* words - the text of a greeting's line, up to `end`, which is after its line end */
static void words(const char *at, const char *end, struct reference *r)
{
	while (at && at < end) {
		at = reference_span(at, end, GAP, true);
		if (reference_is(at, end, "Microsoft ", false)) {
			at += strlen("Microsoft");
			at = microsoft(reference_span(at, end, " ", true), end, r);
		}
		/* the rest of a word nobody knows */
		if (at)
			at = reference_span(at, end, GAP "\n", false);
		if (at && at < end && *at == '\n')
			return;
	}
}

/* keyword - a line of a reply */
static void keyword(const char *at, const char *end, struct reference *r, bool *hello)
{
	if (!reference_is(at, end, "250-", false) && !reference_is(at, end, "250 ", false))
		return;
	at += 4;
	for (size_t i = 0; exchange_keywords[i]; i++)
		if (reference_is(at, end, exchange_keywords[i], true) &&
		    followed(at + strlen(exchange_keywords[i]), end, " =\r\n")) {
			reference_family(r, FAMILY_EXCHANGE_NOBUILD);
			return;
		}
	if (reference_is(at, end, "TURN", true) && followed(at + 4, end, " \r\n")) {
		if (*hello)
			reference_family(r, FAMILY_IIS_SMTP);
		return;
	}
	at = reference_span(at, end, " ", false);
	if (reference_is(at, end, " Hello [", false))
		*hello = true;
}

/* reference_server - lines that say 220 are the greeting, those that follow are replies */
void reference_server(const char *bytes, size_t n, struct reference *r)
{
	const char *at = bytes, *end = bytes + n;
	bool hello = false, greets = true;

	memset(r, 0, sizeof(*r));
	for (bool first = true; at < end; first = false) {
		const char *line = at, *host;
		bool says = reference_is(line, end, "220 ", false) ||
			    reference_is(line, end, "220-", false);

		at = reference_span(at, end, "\n", false);
		at = at < end ? at + 1 : end;
		greets = greets && (says || first);
		if (!greets) {
			keyword(line, at, r, &hello);
			continue;
		}
		if (!says)
			continue;
		host = line + 4;
		if (first) {
			const char *host_end = reference_span(host, at, GAP "\n", false);

			reference_copy(r->helo, host, host_end);
			host = host_end;
		}
		words(host, at, r);
	}
}
