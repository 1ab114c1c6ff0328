// SPDX-License-Identifier: BSD-2-Clause
/* The texts themselves: pure, from a cause and the site to bytes of one length. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/build.h"
#include "reply.h"

#define TEXT_MAX (REPLY_BYTES - 2) /* without CRLF */
#define PHRASE   1024
#define PART     256
#define LEVELS   4 /* from all there is to say down to what always fits */

/* What the lines of one set of texts share. */
struct phrases {
	char what[LEVELS][PHRASE]; /* from the build to the contact, ever shorter */
};

/* named - "Exchange Server 2016 CU23 Apr22 (15.1.2507.6)", or the number alone */
static const char *named(const struct reply_site *site, uint64_t build, bool briefly, int64_t now,
			 char *buf, size_t size)
{
	struct judgement j = { 0 };
	char number[BUILD_TEXT];

	build_format(build, number);
	if (site->catalogue && !briefly)
		catalogue_judge(site->catalogue, build, now, site->grace_days, NULL, NULL, &j);
	if (j.product)
		snprintf(buf, size, "%s%s%s (%s)", j.product, j.release ? " " : "",
			 j.release ? j.release : "", number);
	else
		snprintf(buf, size, "Exchange build %s", number);
	return buf;
}

/* minutes - how much of each hour */
static const char *minutes(const struct reply_cause *cause, char *buf, size_t size)
{
	if (cause->block_min && cause->throttle_min)
		snprintf(buf, size, "is refused %u and delayed %u minutes of every hour",
			 cause->block_min, cause->throttle_min);
	else
		snprintf(buf, size, "is %s %u minutes of every hour",
			 cause->block_min ? "refused" : "delayed",
			 cause->block_min ? cause->block_min : cause->throttle_min);
	return buf;
}

/* next_step - what the sender's side can do, by the catalogue */
static const char *next_step(const struct reply_site *site, const struct reply_cause *cause,
			     bool briefly, int64_t now, char *buf, size_t size)
{
	struct judgement j = { 0 };
	char to[PART];

	if (site->catalogue && cause->build)
		catalogue_judge(site->catalogue, cause->build, now, site->grace_days, NULL, NULL,
				&j);
	if (j.upgrade_to)
		snprintf(buf, size, "Upgrade to %s",
			 named(site, j.upgrade_to, briefly, now, to, sizeof(to)));
	else
		snprintf(buf, size, "Upgrade to a supported release");
	return buf;
}

/* make_phrases - of a build; the operator's own decision needs no reason here */
static void make_phrases(const struct reply_site *site, const struct reply_cause *cause,
			 int64_t now, struct phrases *ret)
{
	char build[PART], much[80], step[PART];

	minutes(cause, much, sizeof(much));
	for (unsigned int i = 0; i < LEVELS; i++) {
		bool briefly = i > 0;

		if (!cause->build) {
			snprintf(ret->what[i], PHRASE,
				 "by decision of its operator your mail %s; ask %s",
				 i < 2 ? much : "is refused or delayed", site->contact);
			continue;
		}
		named(site, cause->build, briefly, now, build, sizeof(build));
		next_step(site, cause, briefly, now, step, sizeof(step));
		if (i < 2)
			snprintf(ret->what[i], PHRASE,
				 "your mail server runs %s, which is out of date; its mail %s. %s. "
				 "Help: %s",
				 build, much, step, site->contact);
		else if (i == 2)
			snprintf(ret->what[i], PHRASE, "%s is out of date, %s. %s. %s", build, much,
				 step, site->contact);
		else
			snprintf(ret->what[i], PHRASE, "%s is out of date. %s", build,
				 site->contact);
	}
}

/* pad - a text of n bytes to its full length; what a reply cannot hold becomes '?' */
static void pad(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	memset(text + n, ' ', TEXT_MAX - n);
	memcpy(text + TEXT_MAX, "\r\n", 2);
}

/* put - code and host name, then the longest of the phrases that fits */
static void put(struct reply *r, enum reply_kind kind, const char *code, const char *hostname,
		const char *word, const struct phrases *phrases)
{
	char text[PHRASE * 2];
	size_t n;

	for (unsigned int i = 0; i < LEVELS; i++) {
		n = (size_t)snprintf(text, sizeof(text), "%s %s%s %s", code, hostname, word,
				     phrases->what[i]);
		if (n <= TEXT_MAX)
			break;
	}
	if (n > TEXT_MAX)
		n = TEXT_MAX;
	memcpy(r->text[kind], text, n);
	pad(r->text[kind], n);
}

/* put_general - one sentence for all levels */
static void put_general(struct reply *r, enum reply_kind kind, const char *code,
			const struct reply_site *site, const char *sentence)
{
	struct phrases phrases;

	for (unsigned int i = 0; i < LEVELS; i++)
		snprintf(phrases.what[i], PHRASE, "%s", sentence);
	put(r, kind, code, site->hostname, "", &phrases);
}

/* reply_render - RFC 5321, 4.2.3; codes in a first line are 554 and 421 (3.1, 3.8) */
void reply_render(const struct reply_site *site, const struct reply_cause *cause, int64_t now,
		  struct reply *ret)
{
	static const char later[] = "closes this connection; please try again";
	bool first = site->at_greeting;
	struct phrases phrases;

	*ret = (struct reply) { .used = 1, .at_greeting = first };
	put_general(ret, REPLY_BYE, "221 2.0.0", site, "closing the connection");
	if (!cause) {
		put_general(ret, REPLY_GREETING, "220", site, "ESMTP");
		put_general(ret, REPLY_HELLO, "250", site, "at your service");
		put_general(ret, REPLY_DEFERRAL, "421 4.3.2", site, later);
		put_general(ret, REPLY_REFUSAL, "421 4.3.2", site, later);
		return;
	}
	ret->build = cause->build;
	ret->throttle_min = cause->throttle_min;
	ret->block_min = cause->block_min;
	make_phrases(site, cause, now, &phrases);
	put(ret, REPLY_GREETING, "220", site->hostname, " ESMTP;", &phrases);
	put(ret, REPLY_HELLO, "250", site->hostname, "", &phrases);
	put(ret, REPLY_DEFERRAL, first ? "421 4.7.230" : "450 4.7.230", site->hostname, ":",
	    &phrases);
	put(ret, REPLY_REFUSAL, first ? "554 5.7.230" : "550 5.7.230", site->hostname, ":",
	    &phrases);
}
