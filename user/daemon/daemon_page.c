// SPDX-License-Identifier: BSD-2-Clause
/* The report page, and the sums over time that it shows. */
#include "user/base/clock.h"
#include "daemon.h"

#define DAY 86400

/* daemon_history - the counters as they are, and a part of the records */
void daemon_history(struct daemon *daemon)
{
	struct counters counters[HOOK_MAX];
	bool read = !pinned_counters(daemon->pinned, counters);
	struct error e = { "" };
	int rc = history_tick(daemon->history, read ? counters : NULL, clock_wall(),
			      daemon->config->retention / DAY, &e);

	daemon_store_result(daemon, rc, &e);
}
