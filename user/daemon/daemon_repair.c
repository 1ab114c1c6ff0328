// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's maps are what the store says, whoever was at them: compared a part per turn of the
 * loop, now and then. */
#include "daemon.h"
#include "user/base/clock.h"

#define REPAIR_SHARE 200 /* of the time at most one part goes into comparing */

/* through - where there is so much that it takes long, it is looked at so much more seldom */
static void through(struct daemon *daemon, uint64_t drift)
{
	daemon->repair.next_ns = clock_kernel_ns() + REPAIR_SHARE * daemon->repair.took_ns;
	daemon->repair.under_way = false;
	if (drift)
		log_warning("verdicts: %llu of the kernel's maps were not as the store has them, "
			    "and are again",
			    (unsigned long long)drift);
}

/* on_repair - one part. What is due by now happens first, or it would look like drift */
static int on_repair(sd_event_source *source, void *arg)
{
	struct daemon *daemon = arg;
	struct error e = { "" };
	uint64_t began;
	int rc;

	if (observer_walking(daemon->observer) == OBSERVER_WALK_JUDGE)
		return 0; /* the next look at the time comes back to it */
	if (daemon_move(daemon, &e) < 0)
		return 0;
	if (daemon->behind)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	began = clock_kernel_ns();
	rc = enforcer_repair(daemon->enforcer, clock_wall(), &e);
	daemon->repair.took_ns += clock_kernel_ns() - began;
	if (rc > 0)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (rc < 0)
		log_limited(&daemon->loader_limit, "verdicts: %s", e.text);
	through(daemon, enforcer_stats(daemon->enforcer)->drift - daemon->repair.drift);
	return 0;
}

/* daemon_repair_tick - begin one, or go on with one that had to wait */
void daemon_repair_tick(struct daemon *daemon)
{
	if (clock_kernel_ns() < daemon->repair.next_ns)
		return;
	if (!daemon->repair.under_way) {
		daemon->repair.under_way = true;
		daemon->repair.took_ns = 0;
		daemon->repair.drift = enforcer_stats(daemon->enforcer)->drift;
	}
	sd_event_source_set_enabled(daemon->repair.part, SD_EVENT_ONESHOT);
}

/* daemon_repair_watch - behind everything else that the loop has to do */
int daemon_repair_watch(struct daemon *daemon)
{
	int rc = sd_event_add_defer(daemon->event, &daemon->repair.part, on_repair, daemon);

	if (rc >= 0)
		rc = sd_event_source_set_priority(daemon->repair.part, SD_EVENT_PRIORITY_IDLE);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(daemon->repair.part, SD_EVENT_OFF);
	return rc;
}
