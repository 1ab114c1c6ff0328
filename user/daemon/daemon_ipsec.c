// SPDX-License-Identifier: BSD-2-Clause
/* Peers under an IPsec policy get no answers: the daemon keeps the list of them as it is now. */
#include <unistd.h>

#include "daemon.h"
#include "user/base/log.h"
#include "user/kernel/ipsec.h"

#define USEC             1000000ULL
#define LOOKS_PER_SECOND 10

/* daemon_ipsec - see daemon.h */
void daemon_ipsec(struct daemon *daemon)
{
	int count = ipsec_publish(loader_maps(daemon->loader)->ipsec_peers);

	if (count < 0 || (uint32_t)count == daemon->settings->ipsec)
		return; /* no IPsec in this kernel, or nothing new */
	daemon->settings->ipsec = (uint32_t)count;
	log_info("ipsec: %d range(s) of peers under a policy; the gate answers none of them",
		 count);
}

/* on_policies - not only at the next tick */
static int on_policies(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)revents;
	ipsec_drain(fd);
	daemon_ipsec(arg);
	return 0;
}

/* daemon_ipsec_watch - see daemon.h */
int daemon_ipsec_watch(struct daemon *daemon)
{
	int fd = ipsec_watch(), rc;

	daemon_ipsec(daemon);
	if (fd < 0)
		return 0;
	rc = sd_event_add_io(daemon->event, &daemon->ipsec, fd, EPOLLIN, on_policies, daemon);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	sd_event_source_set_io_fd_own(daemon->ipsec, true);
	return sd_event_source_set_ratelimit(daemon->ipsec, USEC, LOOKS_PER_SECOND);
}
