// SPDX-License-Identifier: BSD-2-Clause
/* Whom the daemon tells of what has changed: the operator's program, and postmasters. */
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "user/base/address.h"

#define NOTICE_EVERY_S 3600 /* between two looks for notices that are due by time alone */
#define NOTICE_SOON_S  60   /* and after a change of a stage */

/* daemon_tell_changed - it is not durable yet: told when the turn is over */
void daemon_tell_changed(void *arg, const struct change *change)
{
	struct daemon *daemon = arg;
	char source[ADDRESS_TEXT], name[NAME_BYTES];

	/* a sender decides when; ten a minute are told, the audit trail has them all */
	log_event_limited(
		&daemon->stage_limit, LOG_LEVEL_INFO, "stage",
		LOG_FIELDS({ "source", address_format(&change->identity->source, source) },
			   { "server", log_escape(change->identity->name, name, sizeof(name)) },
			   { "stage", LOG_NUMBER(change->to) }, { "was", LOG_NUMBER(change->from) },
			   { "why", change->why }),
		"%s (%s): stage %u now (was %u): %s", source, name, change->to, change->from,
		change->why);
	daemon->changed = daemon->notice_soon = true;
	daemon_outlook_changed(daemon);
}

/* on_notice - one part per turn of the loop, behind everything else in it */
static int on_notice(sd_event_source *source, void *arg)
{
	struct daemon *daemon = arg;
	struct report report = daemon_report(daemon);
	struct error e = { "" };
	int rc = notices_step(daemon->notices, &report, &e);

	daemon_store_result(daemon, rc, &e);
	return rc > 0 ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

/* wake - a program has ended: the walk that waited for it goes on */
static void wake(void *arg)
{
	struct daemon *daemon = arg;

	sd_event_source_set_enabled(daemon->notice, SD_EVENT_ONESHOT);
}

/* daemon_tell_tick - a walk over all sources now and then */
void daemon_tell_tick(struct daemon *daemon)
{
	int64_t running = daemon_running(daemon);
	int64_t wait = daemon->notice_soon ? NOTICE_SOON_S : NOTICE_EVERY_S;

	if (!daemon->config->notify.enabled ||
	    (daemon->noticed && running - daemon->noticed < wait))
		return;
	daemon->noticed = running;
	daemon->notice_soon = false;
	notices_walk(daemon->notices);
	wake(daemon);
}

/* on_turn - runs after whatever else the loop had to do in this turn */
static int on_turn(sd_event_source *source, void *arg)
{
	struct daemon *daemon = arg;
	struct error e = { "" };

	(void)source;
	if (!daemon->changed)
		return 0;
	daemon->changed = false;
	if (daemon_store_result(daemon, stage_hook_flush(daemon->hook, &e), &e) < 0)
		daemon->changed = true;
	return 0;
}

/* daemon_tell_use - a path that cannot be run is found when it is */
int daemon_tell_use(struct daemon *daemon, struct error *e)
{
	const struct config *config = daemon->config;
	struct notice_settings settings = {
		.enabled = config->notify.enabled,
		.from = config->notify.from,
		.sendmail = config->notify.sendmail,
		.hostname = config->hostname,
		.contact = config->contact,
	};

	notices_use(daemon->notices, &settings);
	daemon->notice_soon = true;
	return stage_hook_use(daemon->hook, config->on_stage_change, e);
}

/* watch_notices - the source of their walk, off until there is one */
static int watch_notices(struct daemon *daemon)
{
	int rc = sd_event_add_defer(daemon->event, &daemon->notice, on_notice, daemon);

	if (rc >= 0)
		rc = sd_event_source_set_priority(daemon->notice, SD_EVENT_PRIORITY_IDLE);
	return rc < 0 ? rc : sd_event_source_set_enabled(daemon->notice, SD_EVENT_OFF);
}

/* daemon_tell_watch - also what an earlier daemon did not get round to */
int daemon_tell_watch(struct daemon *daemon, struct error *e)
{
	int rc = stage_hook_new(daemon->store, daemon->event, &daemon->hook, e);

	if (!rc)
		rc = notices_new(daemon->store, daemon->event, wake, daemon, &daemon->notices, e);
	if (!rc)
		rc = daemon_tell_use(daemon, e);
	if (rc < 0)
		return rc;
	rc = sd_event_add_post(daemon->event, &daemon->tell, on_turn, daemon);
	if (rc >= 0)
		rc = watch_notices(daemon);
	return rc < 0 ? error_set(e, rc, "cannot set up the event loop: %s", strerror(-rc)) : 0;
}
