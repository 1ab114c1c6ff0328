// SPDX-License-Identifier: BSD-2-Clause
#include "hostnet.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* from_in4 - as ::ffff:a.b.c.d */
static struct addr from_in4(struct in_addr in4)
{
	struct addr addr = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(addr.b + 12, &in4, sizeof(in4));
	return addr;
}

/* add - each address once; our own comes before a gateway of the same address */
static void add(struct hostnet *net, const struct addr *addr, bool gateway)
{
	for (unsigned int i = 0; i < net->count; i++)
		if (!memcmp(&net->list[i].addr, addr, sizeof(*addr)))
			return;
	if (net->count == HOSTNET_MAX)
		return;
	net->list[net->count].addr = *addr;
	net->list[net->count++].gateway = gateway;
}

/* add_own - what the interfaces have */
static int add_own(struct hostnet *net)
{
	struct ifaddrs *all, *i;

	if (getifaddrs(&all))
		return -errno;
	for (i = all; i; i = i->ifa_next) {
		struct addr addr;

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			addr = from_in4(((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr);
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(&addr, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr,
			       sizeof(addr));
		else
			continue;
		add(net, &addr, false);
	}
	freeifaddrs(all);
	return 0;
}

/* hostnet_gateway4 - the kernel prints the word as it lies in memory */
bool hostnet_gateway4(const char *line, struct addr *ret)
{
	struct in_addr gateway;
	unsigned int flags;

	if (sscanf(line, "%*s %*x %x %x", &gateway.s_addr, &flags) != 2)
		return false;
	if (!(flags & RTF_GATEWAY) || !gateway.s_addr)
		return false;
	*ret = from_in4(gateway);
	return true;
}

/* hostnet_gateway6 - destination, length, source, length, gateway, metric, counts, flags */
bool hostnet_gateway6(const char *line, struct addr *ret)
{
	unsigned int flags, byte;
	char hex[33];

	if (sscanf(line, "%*32s %*x %*32s %*x %32s %*x %*x %*x %x", hex, &flags) != 2 ||
	    strlen(hex) != 32 || !(flags & RTF_GATEWAY))
		return false;
	for (int i = 0; i < 16; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		ret->b[i] = (__u8)byte;
	}
	return !IN6_IS_ADDR_UNSPECIFIED((const struct in6_addr *)(const void *)ret);
}

/* add_gateways - a host without IPv6 has no such file */
static void add_gateways(struct hostnet *net, const char *path,
			 bool (*gateway)(const char *line, struct addr *ret))
{
	FILE *f = fopen(path, "re");
	char line[256];
	struct addr addr;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (gateway(line, &addr))
			add(net, &addr, true);
	fclose(f);
}

/* by_addr - for qsort */
static int by_addr(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

/* hostnet_read - all of them */
int hostnet_read(struct hostnet *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = add_own(ret);
	if (rc)
		return rc;
	add_gateways(ret, "/proc/net/route", hostnet_gateway4);
	add_gateways(ret, "/proc/net/ipv6_route", hostnet_gateway6);
	qsort(ret->list, ret->count, sizeof(ret->list[0]), by_addr);
	return 0;
}
