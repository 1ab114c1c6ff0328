// SPDX-License-Identifier: BSD-2-Clause
#include "ipsec.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linkwatch.h"
#include "netlink.h"
#include "user/base/address.h"

/* The list while it is made. */
struct reading {
	struct range_key *list;
	unsigned int count;
	bool full;
};

/* ipsec_watch - see ipsec.h */
int ipsec_watch(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = 1U << (XFRMNLGRP_POLICY - 1) };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_XFRM), rc;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* ipsec_drain - see ipsec.h */
void ipsec_drain(int fd)
{
	linkwatch_drain(fd);
}

/* add - one range, once */
static void add(struct reading *r, const void *address, int family, unsigned int bits)
{
	struct range_key key = { .prefix_bits = bits };

	if (family == AF_INET) {
		key.prefix_bits += 96;
		key.addr.b[10] = key.addr.b[11] = 0xff;
		memcpy(key.addr.b + 12, address, 4);
	} else {
		memcpy(key.addr.b, address, 16);
	}
	if (key.prefix_bits > 128)
		return;
	address_mask(&key.addr, key.prefix_bits);
	for (unsigned int i = 0; i < r->count; i++)
		if (!memcmp(&r->list[i], &key, sizeof(key)))
			return;
	if (r->count < IPSEC_MAX)
		r->list[r->count++] = key;
	else
		r->full = true;
}

/* binds - the policy is met by mail on an outside interface */
static bool binds(const struct nlmsghdr *message, const struct xfrm_userpolicy_info *policy)
{
	const struct rtattr *mark = netlink_attribute(message, sizeof(*policy), XFRMA_MARK);
	const struct rtattr *templates = netlink_attribute(message, sizeof(*policy), XFRMA_TMPL);

	if (policy->dir > XFRM_POLICY_FWD) /* of single sockets, those of key daemons */
		return false;
	if (policy->sel.proto && policy->sel.proto != IPPROTO_TCP)
		return false;
	if (mark && RTA_PAYLOAD(mark) >= sizeof(struct xfrm_mark) &&
	    ((const struct xfrm_mark *)RTA_DATA(mark))->m)
		return false;
	if (netlink_number(netlink_attribute(message, sizeof(*policy), XFRMA_IF_ID)))
		return false;
	return policy->action == XFRM_POLICY_BLOCK ||
	       (templates && RTA_PAYLOAD(templates) >= sizeof(struct xfrm_user_tmpl));
}

/* add_policy - the side that is not ours, by the policy's direction */
static void add_policy(void *arg, const struct nlmsghdr *message)
{
	const struct xfrm_userpolicy_info *policy = NLMSG_DATA(message);
	struct reading *r = arg;
	bool out;

	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY ||
	    message->nlmsg_len < NLMSG_SPACE(sizeof(*policy)) || !binds(message, policy))
		return;
	out = policy->dir == XFRM_POLICY_OUT;
	add(r, out ? &policy->sel.daddr : &policy->sel.saddr, policy->sel.family,
	    out ? policy->sel.prefixlen_d : policy->sel.prefixlen_s);
}

/* ipsec_read - see ipsec.h */
int ipsec_read(struct range_key ret[IPSEC_MAX])
{
	struct reading r = { .list = ret };
	int rc = netlink_dump_from(NETLINK_XFRM, XFRM_MSG_GETPOLICY, NULL, 0, add_policy, &r);

	if (rc < 0)
		return rc;
	if (!r.full)
		return (int)r.count;
	memset(ret, 0, sizeof(ret[0])); /* the map's keys hold IPv4 as a part of IPv6 */
	return 1;
}

/* listed - the key is one of these */
static bool listed(const struct range_key *list, int count, const struct range_key *key)
{
	for (int i = 0; i < count; i++)
		if (!memcmp(&list[i], key, sizeof(*key)))
			return true;
	return false;
}

/* take_out - one that is not listed any more; 0: there is none */
static int take_out(int map, const struct range_key *list, int count)
{
	struct range_key key;
	bool first = true;

	while (!bpf_map_get_next_key(map, first ? NULL : &key, &key)) {
		first = false;
		if (!listed(list, count, &key))
			return bpf_map_delete_elem(map, &key) ? -errno : 1;
	}
	return 0;
}

/* ipsec_publish - see ipsec.h */
int ipsec_publish(int map)
{
	struct range_key *list = calloc(IPSEC_MAX, sizeof(*list));
	int count, rc = 0;

	if (!list)
		return -ENOMEM;
	count = ipsec_read(list);
	for (int i = 0; i < count && !rc; i++)
		if (bpf_map_update_elem(map, &list[i], &(__u32) { 1 }, BPF_ANY))
			rc = -errno;
	while (count >= 0 && !rc) {
		rc = take_out(map, list, count);
		if (rc != 1)
			break;
		rc = 0;
	}
	free(list);
	return rc < 0 ? rc : count;
}
