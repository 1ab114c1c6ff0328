// SPDX-License-Identifier: BSD-2-Clause
/* When the walks of outlook.h are made: often enough to be true, seldom enough to cost nothing. */
#include "daemon.h"

#include <time.h>

#include "user/base/clock.h"

#define EVERY_S 3600 /* dates come nearer by themselves */
#define SOON_S  60   /* after a change of a stage */
#define SHARE   50   /* a walk that took a second waits this many before the next */

/* daemon_outlook_changed - a stage has: soon again */
void daemon_outlook_changed(struct daemon *daemon)
{
	daemon->outlook_soon = true;
}

/* monotonic - what a walk takes must not depend on a lab clock */
static int64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* on_outlook - one part per turn of the loop, behind everything else in it */
static int on_outlook(sd_event_source *source, void *arg)
{
	struct daemon *daemon = arg;
	struct report report = daemon_report(daemon);
	struct error e = { "" };
	int rc = outlook_step(&daemon->outlook, &report, &e);

	if (rc < 0)
		log_limited(&daemon->loader_limit, "outlook: %s", e.text);
	if (rc <= 0)
		rc = outlook_top_step(&daemon->top, loader_maps(daemon->loader)->verdicts,
				      (uint64_t)daemon->config->verdicts_max);
	if (rc > 0)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	daemon->outlook_took = monotonic() - daemon->outlook_took_from;
	return 0;
}

/* daemon_outlook_tick - begin again when it is time */
void daemon_outlook_tick(struct daemon *daemon)
{
	int64_t now = clock_running(), wait = daemon->outlook_took * SHARE;
	int64_t every =
		daemon->outlook_soon || daemon->config->metrics_top_sources ? SOON_S : EVERY_S;

	if (daemon->outlook.walking || daemon->top.walking ||
	    (daemon->outlook_began && now - daemon->outlook_began < (wait > every ? wait : every)))
		return;
	daemon->outlook_began = now ? now : 1;
	daemon->outlook_took_from = monotonic();
	daemon->outlook_soon = false;
	outlook_begin(&daemon->outlook);
	outlook_top_begin(&daemon->top, (unsigned int)daemon->config->metrics_top_sources);
	sd_event_source_set_enabled(daemon->outlook_part, SD_EVENT_ONESHOT);
}

/* daemon_outlook_watch - its source in the loop, off until a walk begins */
int daemon_outlook_watch(struct daemon *daemon)
{
	int rc = sd_event_add_defer(daemon->event, &daemon->outlook_part, on_outlook, daemon);

	if (rc >= 0)
		rc = sd_event_source_set_priority(daemon->outlook_part, SD_EVENT_PRIORITY_IDLE);
	return rc < 0 ? rc : sd_event_source_set_enabled(daemon->outlook_part, SD_EVENT_OFF);
}
