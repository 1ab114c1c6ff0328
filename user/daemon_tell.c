// SPDX-License-Identifier: BSD-2-Clause
/* Whom the daemon tells of what has changed: the operator's program. */
#include <errno.h>
#include <string.h>

#include "daemon.h"

/* daemon_tell_changed - it is not durable yet: told when the turn is over */
void daemon_tell_changed(void *arg, const struct change *change)
{
	struct daemon *daemon = arg;

	(void)change;
	daemon->changed = true;
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
	return stage_hook_use(daemon->hook, daemon->config->on_stage_change, e);
}

/* daemon_tell_watch - also what an earlier daemon did not get round to */
int daemon_tell_watch(struct daemon *daemon, struct error *e)
{
	int rc = stage_hook_new(daemon->store, daemon->event, &daemon->hook, e);

	if (!rc)
		rc = daemon_tell_use(daemon, e);
	if (rc < 0)
		return rc;
	rc = sd_event_add_post(daemon->event, &daemon->tell, on_turn, daemon);
	return rc < 0 ? error_set(e, rc, "cannot set up the event loop: %s", strerror(-rc)) : 0;
}
