// SPDX-License-Identifier: BSD-2-Clause
/* The interfaces of this network namespace, who is above whom, and where routes lead. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/kernel/netlink.h"

#define FEATURES_MAX 256

/* A list that grows while messages come. */
struct reading {
	struct doctor_links *links;
	bool full;
};

/* add_link - one interface */
static void add_link(void *arg, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const struct rtattr *name = netlink_attribute(message, sizeof(*info), IFLA_IFNAME), *kind;
	struct reading *r = arg;
	struct doctor_link *list, *link;

	if (message->nlmsg_type != RTM_NEWLINK || !name)
		return;
	list = reallocarray(r->links->list, r->links->count + 1, sizeof(*list));
	if (!list) {
		r->full = true;
		return;
	}
	r->links->list = list;
	link = &list[r->links->count++];
	*link = (struct doctor_link) {
		.index = info->ifi_index,
		.up = info->ifi_flags & IFF_UP,
		.loopback = info->ifi_flags & IFF_LOOPBACK,
		.master =
			(int)netlink_number(netlink_attribute(message, sizeof(*info), IFLA_MASTER)),
		.switched = netlink_attribute(message, sizeof(*info), IFLA_PHYS_SWITCH_ID) != NULL,
	};
	/* a link in another namespace has an index of that one */
	if (!netlink_attribute(message, sizeof(*info), IFLA_LINK_NETNSID))
		link->lower =
			(int)netlink_number(netlink_attribute(message, sizeof(*info), IFLA_LINK));
	snprintf(link->name, sizeof(link->name), "%.15s", (const char *)RTA_DATA(name));
	kind = netlink_nested(netlink_attribute(message, sizeof(*info), IFLA_LINKINFO),
			      IFLA_INFO_KIND);
	if (kind)
		snprintf(link->kind, sizeof(link->kind), "%.15s", (const char *)RTA_DATA(kind));
}

/* count_through - one route through an interface */
static void count_through(struct doctor_links *links, unsigned int index, bool whole)
{
	for (unsigned int i = 0; i < links->count; i++) {
		if ((unsigned int)links->list[i].index != index)
			continue;
		if (whole)
			links->list[i].defaults++;
		else
			links->list[i].gateways++;
	}
}

/* count_multipath - every next hop of a route that has several */
static void count_multipath(struct doctor_links *links, const struct rtattr *multipath, bool whole)
{
	const struct rtnexthop *hop = RTA_DATA(multipath);
	int left = (int)RTA_PAYLOAD(multipath);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		count_through(links, (unsigned int)hop->rtnh_ifindex, whole);
}

/* count_route - by any table: policy routing may use it */
static void count_route(void *arg, const struct nlmsghdr *message)
{
	const struct rtmsg *route = NLMSG_DATA(message);
	const struct rtattr *multipath;
	unsigned int out;

	if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST ||
	    route->rtm_flags & RTM_F_CLONED)
		return;
	out = netlink_number(netlink_attribute(message, sizeof(*route), RTA_OIF));
	multipath = netlink_attribute(message, sizeof(*route), RTA_MULTIPATH);
	if (multipath)
		count_multipath(arg, multipath, !route->rtm_dst_len);
	else if (!route->rtm_dst_len || netlink_attribute(message, sizeof(*route), RTA_GATEWAY) ||
		 netlink_attribute(message, sizeof(*route), RTA_VIA))
		count_through(arg, out, !route->rtm_dst_len);
}

/* ethtool - one question; negative errno */
static int ethtool(int fd, const char *name, void *data)
{
	struct ifreq request = { .ifr_data = data };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* feature_names - ethtool's list; how many, 0: none to be had */
static unsigned int feature_names(int fd, const char *name, char (*ret)[ETH_GSTRING_LEN])
{
	struct {
		struct ethtool_sset_info head;
		__u32 count;
	} sets = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct {
		struct ethtool_gstrings head;
		char text[FEATURES_MAX][ETH_GSTRING_LEN];
	} * strings;

	if (ethtool(fd, name, &sets) || !sets.count || sets.count > FEATURES_MAX)
		return 0;
	strings = calloc(1, sizeof(*strings));
	if (!strings)
		return 0;
	strings->head.cmd = ETHTOOL_GSTRINGS;
	strings->head.string_set = ETH_SS_FEATURES;
	strings->head.len = sets.count;
	if (ethtool(fd, name, strings))
		sets.count = 0;
	memcpy(ret, strings->text, sizeof(strings->text));
	free(strings);
	return sets.count;
}

/* offloads - which of those are on that can take packets past TC */
static void offloads(int fd, struct doctor_link *link)
{
	static const char *const past[] = { "hw-tc-offload", "l2-fwd-offload", "esp-hw-offload",
					    "macsec-hw-offload" };
	char names[FEATURES_MAX][ETH_GSTRING_LEN];
	struct {
		struct ethtool_gfeatures head;
		struct ethtool_get_features_block block[FEATURES_MAX / 32];
	} features = { .head = { .cmd = ETHTOOL_GFEATURES } };
	unsigned int count = feature_names(fd, link->name, names);
	size_t used = 0;

	features.head.size = (count + 31) / 32;
	if (!count || ethtool(fd, link->name, &features))
		return;
	for (unsigned int i = 0; i < count; i++)
		for (size_t p = 0; p < sizeof(past) / sizeof(past[0]); p++)
			if (features.block[i / 32].active >> i % 32 & 1 &&
			    !strcmp(names[i], past[p]) && used < sizeof(link->offloads))
				used += (size_t)snprintf(link->offloads + used,
							 sizeof(link->offloads) - used, "%s%s",
							 used ? ", " : "", past[p]);
}

/* doctor_links_read - from the kernel, in the network namespace we are in */
int doctor_links_read(struct doctor_links *ret, struct error *e)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct rtmsg routes = { .rtm_family = AF_UNSPEC };
	struct reading r = { .links = ret };
	int fd, rc;

	*ret = (struct doctor_links) { NULL, 0 };
	rc = netlink_dump(RTM_GETLINK, &all, sizeof(all), add_link, &r);
	if (!rc && r.full)
		rc = -ENOMEM;
	if (!rc)
		rc = netlink_dump(RTM_GETROUTE, &routes, sizeof(routes), count_route, ret);
	if (rc) {
		doctor_links_free(ret);
		return error_set(e, rc, "cannot read interfaces and routes: %s", strerror(-rc));
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned int i = 0; fd >= 0 && i < ret->count; i++)
		offloads(fd, &ret->list[i]);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* doctor_links_free - leaves an empty list */
void doctor_links_free(struct doctor_links *links)
{
	free(links->list);
	*links = (struct doctor_links) { NULL, 0 };
}
