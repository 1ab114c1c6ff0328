// SPDX-License-Identifier: BSD-2-Clause
#include "notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PART 64 /* sources looked at per step */

struct notices {
	struct store *store;
	struct runner *runner;
	struct notice_settings settings;
	struct notices_stats stats;
	void (*wake)(void *arg);
	void *arg;
	bool walking, waiting;
	struct addr walked;
};

/* on_done - what sendmail did not take may come again with the next walk; one that was killed
 * may have been sent */
static void on_done(void *arg, int64_t id, enum runner_result result)
{
	struct notices *n = arg;
	struct error e = { "" };

	if (result == RUNNER_DONE)
		n->stats.sent++;
	else
		n->stats.failed++;
	if (result == RUNNER_FAILED && store_notice_drop(n->store, id, &e) < 0)
		log_debug("notice: %s", e.text);
	if (n->waiting) {
		n->waiting = false;
		n->wake(n->arg);
	}
}

/* notices_new - off */
int notices_new(struct store *store, sd_event *event, void (*wake)(void *arg), void *arg,
		struct notices **ret_notices, struct error *e)
{
	struct notices *n = calloc(1, sizeof(*n));
	struct runner_options options = {
		.event = event,
		.what = "notify",
		.slots = NOTICE_SLOTS,
		.limit_ms = NOTICE_LIMIT_MS,
		.done = on_done,
		.arg = n,
	};
	int rc;

	if (!n)
		return error_set(e, -ENOMEM, "notify: out of memory");
	n->store = store;
	n->wake = wake;
	n->arg = arg;
	rc = runner_new(&options, &n->runner, e);
	if (rc) {
		free(n);
		return rc;
	}
	*ret_notices = n;
	return 0;
}

/* notices_free - NULL is allowed */
void notices_free(struct notices *n)
{
	if (!n)
		return;
	runner_free(n->runner);
	free(n);
}

/* notices_use - the texts stay the caller's */
void notices_use(struct notices *n, const struct notice_settings *settings)
{
	n->settings = *settings;
}

/* notices_stats - since notices_new() */
const struct notices_stats *notices_stats(const struct notices *n)
{
	return &n->stats;
}

/* notices_walk - nothing to do while it is off */
void notices_walk(struct notices *n)
{
	n->walking = n->settings.enabled;
	memset(&n->walked, 0, sizeof(n->walked));
}

/* hand_over - to sendmail; the null sender, and a recipient that is no option */
static int hand_over(struct notices *n, const struct notice *notice)
{
	char to[NOTICE_DOMAIN + 16], *text = notice_text(notice, &n->settings);
	const char *argv[] = { n->settings.sendmail, "-i", "-f", "<>", to, NULL };
	int rc;

	if (!text)
		return -ENOMEM;
	snprintf(to, sizeof(to), "postmaster@%s", notice->domain);
	rc = runner_start(n->runner, argv, text, strlen(text), notice->id);
	free(text);
	return rc;
}

/* send - the last of the kinds in `due` that its domain has not had; all of them are had then. In
 * the store first */
static int send(struct notices *n, struct notice *notice, unsigned int due, struct error *e)
{
	int newest = 0, rc = store_begin(n->store, e);

	if (rc < 0)
		return rc;
	for (int kind = NOTICE_REPORTED; rc >= 0 && kind <= NOTICE_BLOCK; kind++) {
		struct store_notice entry = { notice->domain, kind, &notice->identity->source,
					      notice->identity->name, notice->now };

		if (!(due & 1U << kind))
			continue;
		rc = store_notice_add(n->store, &entry, &notice->id, e);
		newest = rc > 0 ? kind : newest;
	}
	rc = store_finish(n->store, rc, e);
	if (rc < 0 || !newest)
		return rc < 0 ? rc : 0;
	notice->kind = (enum notice_kind)newest;
	if (hand_over(n, notice)) {
		n->stats.failed++;
		return store_notice_drop(n->store, notice->id, e);
	}
	return 0;
}

/* wanted - what is due and the domain has not had */
static int wanted(struct notices *n, const char *domain, unsigned int *due, struct error *e)
{
	for (int kind = NOTICE_REPORTED; kind <= NOTICE_BLOCK; kind++) {
		int rc = *due & 1U << kind ? store_notice_known(n->store, domain, kind, e) : 0;

		if (rc < 0)
			return rc;
		if (rc)
			*due &= ~(1U << kind);
	}
	return 0;
}

/* one - a server name; 1: no slot is free, it has to come again */
static int one(struct notices *n, const struct report *report, const struct identity *identity,
	       const struct enforced *enforced, struct error *e)
{
	unsigned int due = notice_due(report->policy, identity, report->now);
	char domain[NOTICE_DOMAIN];
	struct judgement judgement;
	struct notice notice = {
		.domain = domain,
		.identity = identity,
		.policy = report->policy,
		.judgement = &judgement,
		.report_mode = report->mode == MODE_REPORT,
		.shared = enforced->clock.shared,
		.now = report->now,
	};
	int rc;

	if (enforced->clock.shared) /* what will not happen is not announced */
		due &= 1U << NOTICE_REPORTED;
	if (!due)
		return 0;
	if (notice_domain(identity->name, domain)) {
		n->stats.refused++;
		return 0;
	}
	rc = wanted(n, domain, &due, e);
	if (rc < 0 || !due)
		return rc;
	if (!runner_room(n->runner))
		return 1;
	catalogue_judge(report->catalogue, identity->build, report->now, report->grace_days,
			store_seen, report->store, &judgement);
	return send(n, &notice, due, e);
}

/* visit - the names of a source that is neither exempt nor paused nor our own */
static int visit(struct notices *n, const struct report *report, const struct addr *addr,
		 struct error *e)
{
	struct enforced enforced;
	struct source source;
	int rc = store_source_load(n->store, addr, &source, e);

	if (rc < 0)
		return rc;
	enforcer_decide(report->enforcer, &source, report->mode, report->now, &enforced);
	rc = 0;
	if (!enforced.exempt && !enforced.paused_until && !enforced.clock.inside)
		for (unsigned int i = 0; !rc && i < source.count; i++)
			rc = one(n, report, &source.identities[i], &enforced, e);
	source_clear(&source);
	return rc;
}

/* notices_step - a source that has to wait is where the next step begins */
int notices_step(struct notices *n, const struct report *report, struct error *e)
{
	struct addr addrs[PART], last = n->walked;
	unsigned int count;
	int seen, rc = 0;

	if (!n->walking || !n->settings.enabled || report->mode == MODE_OFF)
		return 0;
	seen = store_source_clocked(n->store, &last, addrs, PART, &count, e);
	if (seen < 0)
		return seen;
	for (unsigned int i = 0; i < count; i++) {
		rc = visit(n, report, &addrs[i], e);
		if (rc) {
			n->waiting = rc > 0;
			return rc < 0 ? rc : 0;
		}
		n->walked = addrs[i];
	}
	n->walked = last;
	n->walking = seen == PART;
	return n->walking;
}
