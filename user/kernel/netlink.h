/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlink - ask rtnetlink(7) for a whole table
 *
 * One socket per question, in the network namespace we are in; what files below /sys say may be
 * another one's. Nothing is kept.
 */
#ifndef BUILDGATE_NETLINK_H
#define BUILDGATE_NETLINK_H

#include <linux/rtnetlink.h>
#include <stddef.h>

/* netlink_fn - one message of the answer */
typedef void (*netlink_fn)(void *arg, const struct nlmsghdr *message);

/* netlink_dump - type RTM_GET..., body what follows the header. 0, or a negative errno: some of
 * the answer may be missing then */
int netlink_dump(int type, const void *body, size_t bytes, netlink_fn fn, void *arg);

/* netlink_dump_from - the same of another family than NETLINK_ROUTE */
int netlink_dump_from(int family, int type, const void *body, size_t bytes, netlink_fn fn,
		      void *arg);

/* netlink_attribute - the attribute of that type among those behind a message's fixed part (of
 * fixed bytes), or NULL */
const struct rtattr *netlink_attribute(const struct nlmsghdr *message, size_t fixed,
				       unsigned short type);

/* netlink_nested - the same within an attribute */
const struct rtattr *netlink_nested(const struct rtattr *attribute, unsigned short type);

/* netlink_number - the 32 bits in an attribute; 0 for NULL and others */
unsigned int netlink_number(const struct rtattr *attribute);

#endif
