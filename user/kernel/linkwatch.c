// SPDX-License-Identifier: BSD-2-Clause
#include "linkwatch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* linkwatch_open - see linkwatch.h */
int linkwatch_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
						    RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), rc;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* linkwatch_drain - ENOBUFS says that messages were lost, and clears it */
void linkwatch_drain(int fd)
{
	char message[8192];

	while (recv(fd, message, sizeof(message), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
}
