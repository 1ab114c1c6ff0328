// SPDX-License-Identifier: BSD-2-Clause
/* To whom, when, and in which words: the half of notice that needs nobody. */
#include "notice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/times.h"

/* notice_domain - names come from strangers: only what a host name may be made of */
int notice_domain(const char *name, char buf[NOTICE_DOMAIN])
{
	static const char *const local[] = { "local",    "localdomain", "lan",  "internal",
					     "intranet", "home",        "corp", "invalid" };
	const char *first = strchr(name, '.'), *last = strrchr(name, '.');

	if (!first || strlen(name) >= NOTICE_DOMAIN || last[1] == '\0' || strstr(name, "..") ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(name) ||
	    strchr("-.", name[0]))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (!strcmp(last + 1, local[i]))
			return -EINVAL;
	if (last[1] >= '0' && last[1] <= '9') /* an address */
		return -EINVAL;
	snprintf(buf, NOTICE_DOMAIN, "%s", first == last ? name : first + 1);
	return 0;
}

/* first_of - the first stage that slows, or refuses; 0: none does */
static unsigned int first_of(const struct policy *policy, bool block)
{
	for (unsigned int i = 0; i < policy->stages_count; i++)
		if (block ? policy->stages[i].block_min : policy->stages[i].throttle_min)
			return i + 1;
	return 0;
}

/* begins - when that falls due; 0: never, or the clock stands still */
static int64_t begins(const struct policy *policy, const struct identity *identity, bool block)
{
	unsigned int stage = first_of(policy, block);

	return stage ? escalation_stage_due(policy, identity, stage) : 0;
}

/* near - in the days before a moment; afterwards it is too late to warn */
static bool near(int64_t at, int64_t now)
{
	return at && now < at && now >= at - NOTICE_BEFORE_S;
}

/* notice_due - the first report has no end: it may be late */
unsigned int notice_due(const struct policy *policy, const struct identity *identity, int64_t now)
{
	unsigned int due = 0;

	if (!identity->stage || !identity->running_since)
		return 0;
	due |= 1U << NOTICE_REPORTED;
	if (near(begins(policy, identity, false), now))
		due |= 1U << NOTICE_THROTTLE;
	if (near(begins(policy, identity, true), now))
		due |= 1U << NOTICE_BLOCK;
	return due;
}

/* put_header - dates in the words of RFC 5322; auto-generated, so that nobody answers it */
static void put_header(FILE *f, const struct notice *n, const struct notice_settings *s)
{
	static const char *const subjects[] = {
		[NOTICE_REPORTED] = "your Exchange server is out of date",
		[NOTICE_THROTTLE] = "mail from your Exchange server will be slowed",
		[NOTICE_BLOCK] = "mail from your Exchange server will be refused",
	};
	time_t at = (time_t)n->now;
	char date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&at, &tm));
	fprintf(f, "Date: %s\nFrom: %s\nTo: postmaster@%s\n", date, s->from, n->domain);
	fprintf(f, "Subject: %s: %s\n", n->identity->name, subjects[n->kind]);
	fprintf(f, "Message-ID: <buildgate.%lld.%lld@%s>\n", (long long)n->now, (long long)n->id,
		s->hostname);
	fputs("Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
	      "Content-Type: text/plain; charset=us-ascii\n\n",
	      f);
}

/* put_server - which one, and what is wrong with it */
static void put_server(FILE *f, const struct notice *n, const struct notice_settings *s)
{
	const struct identity *id = n->identity;
	char source[ADDRESS_TEXT], build[BUILD_TEXT], date[TIMES_TEXT];

	fprintf(f,
		"To the postmaster of %s:\n\n%s receives mail from an Exchange server of yours "
		"that is out of date.\n\n",
		n->domain, s->hostname);
	fprintf(f, "  Server:   %s\n  Address:  %s\n  Build:    %s", id->name,
		address_format(&id->source, source), build_format(id->build, build));
	if (n->judgement->product)
		fprintf(f, " (%s%s%s)", n->judgement->product, n->judgement->release ? " " : "",
			n->judgement->release ? n->judgement->release : "");
	fprintf(f, "\n  Standing: %s\n  Since:    %s\n\n", standing_name(id->standing),
		times_format_date(id->first_outdated, date));
}

/* put_dates - what happens when; true only of what will happen */
static void put_dates(FILE *f, const struct notice *n)
{
	int64_t slowed = begins(n->policy, n->identity, false);
	int64_t refused = begins(n->policy, n->identity, true);
	unsigned int stage = first_of(n->policy, false);
	char date[TIMES_TEXT];

	if (n->shared) {
		fputs("Other senders share its address, so nothing is slowed or refused at "
		      "present.\n\n",
		      f);
		return;
	}
	if (slowed)
		fprintf(f, "  From %s its mail is slowed, %u minutes of every hour at first.\n",
			times_format_date(slowed, date), n->policy->stages[stage - 1].throttle_min);
	stage = first_of(n->policy, true);
	if (refused)
		fprintf(f, "  From %s its mail is refused, %u minutes of every hour%s.\n",
			times_format_date(refused, date), n->policy->stages[stage - 1].block_min,
			n->policy->stages[stage - 1].block_min < 60 ? " at first" : "");
	if (n->report_mode && (slowed || refused))
		fputs("  (At present this host only reports; the dates hold once it enforces.)\n",
		      f);
	fputc('\n', f);
}

/* notice_text - plain words, lines short enough for every mail system */
char *notice_text(const struct notice *n, const struct notice_settings *s)
{
	char build[BUILD_TEXT], *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	put_header(f, n, s);
	put_server(f, n, s);
	put_dates(f, n);
	if (n->judgement->upgrade_to)
		fprintf(f, "Next step: upgrade it to %s or newer.\n",
			build_format(n->judgement->upgrade_to, build));
	else
		fputs("Next step: replace it by a supported version.\n", f);
	fprintf(f,
		"As soon as a mail shows the newer build, all of this ends at once.\n\n"
		"Questions: %s\nThis is sent once; answers to it are not read.\n",
		s->contact);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
