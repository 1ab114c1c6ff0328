/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice - tell the postmaster of a server's domain what will happen, before it does
 *
 * Off unless the operator turns it on. A domain gets at most one notice when a server of it is
 * first reported, one in the 7 days before its mail is slowed, and one in the 7 days before it
 * is refused; where two are due at once, the later one's words stand for both. That it was sent
 * is in the store before the mail is handed over: a crash costs a notice, it never doubles one.
 *
 * The mail goes to the local sendmail program (runner.h: no shell, bounded in time and number)
 * with the null sender, so that a bounce goes nowhere. Without a free slot the walk waits.
 *
 * Call order: notices_new(), notices_use() with each configuration, notices_walk() when somebody
 * may be due, notices_step() while it returns more than 0, notices_free(). The pure half,
 * notice_domain() to notice_text(), needs none of that.
 */
#ifndef BUILDGATE_NOTICE_H
#define BUILDGATE_NOTICE_H

#include <systemd/sd-event.h>

#include "user/base/error.h"
#include "report.h"
#include "user/base/runner.h"
#include "user/store/store.h"

#define NOTICE_BEFORE_S (7 * DAY_S)
#define NOTICE_SLOTS    2
#define NOTICE_LIMIT_MS 30000
#define NOTICE_DOMAIN   256

/* Which notice; also in the store. */
enum notice_kind { NOTICE_REPORTED = 1, NOTICE_THROTTLE, NOTICE_BLOCK };

/* What the configuration says. Texts are the configuration's. */
struct notice_settings {
	bool enabled;
	const char *from;     /* address in the From line */
	const char *sendmail; /* path of the program */
	const char *hostname, *contact;
};

/* notice_domain - of a server name: without its first label where two or more remain. -EINVAL:
 * no name that mail could be sent to */
int notice_domain(const char *name, char buf[NOTICE_DOMAIN]);

/* notice_due - bits 1 << kind for the notices whose time it is */
unsigned int notice_due(const struct policy *policy, const struct identity *identity, int64_t now);

/* What a notice tells. */
struct notice {
	enum notice_kind kind;
	const char *domain;
	const struct identity *identity;
	const struct policy *policy;
	const struct judgement *judgement;
	bool report_mode, shared;
	int64_t now, id;
};

/* notice_text - the mail, header and all; the caller frees it. NULL: out of memory */
char *notice_text(const struct notice *notice, const struct notice_settings *settings);

struct notices;

/* wake - called when a walk that waited for a slot can go on */
int notices_new(struct store *store, sd_event *event, void (*wake)(void *arg), void *arg,
		struct notices **ret_notices, struct error *e);
void notices_free(struct notices *notices);
void notices_use(struct notices *notices, const struct notice_settings *settings);

/* notices_walk - from the first source (again) */
void notices_walk(struct notices *notices);

/* notices_step - one bounded part: 1: call again; 0: over, off, or waiting for a slot */
int notices_step(struct notices *notices, const struct report *report, struct error *e);

struct notices_stats {
	uint64_t sent, failed, refused; /* refused: a name that is no domain to write to */
};
const struct notices_stats *notices_stats(const struct notices *notices);

#endif
