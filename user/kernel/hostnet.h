/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostnet - the addresses that are this host's own, and those of its gateways
 *
 * Neither is ever enforced, whatever a build in their mail says: cutting off one's own uplink
 * or one's own mail is never what is meant. Read anew each time; nothing is kept.
 */
#ifndef BUILDGATE_HOSTNET_H
#define BUILDGATE_HOSTNET_H

#include <stdbool.h>

#include "maps/abi.h"

#define HOSTNET_MAX 512

struct hostnet {
	struct {
		struct addr addr;
		bool gateway;
	} list[HOSTNET_MAX];
	unsigned int count; /* what does not fit is left out: loopback comes first */
};

/* hostnet_read - sorted, so that two readings compare bytewise; 0 or a negative errno */
int hostnet_read(struct hostnet *ret);

/* hostnet_gateway4, hostnet_gateway6 - the gateway in a line of /proc/net/route and of
 * /proc/net/ipv6_route; false: that line has none */
bool hostnet_gateway4(const char *line, struct addr *ret);
bool hostnet_gateway6(const char *line, struct addr *ret);

#endif
