// SPDX-License-Identifier: BSD-2-Clause
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/address.h"

#define ANSWER_BYTES 4096

/* A question: the route to one address. */
struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attribute;
	__u8 addr[16];
};

/* ask - IPv4 in its own family: a mapped address has no route */
static int ask(int fd, const struct addr *addr)
{
	unsigned int bytes = address_is_ipv4(addr) ? 4 : 16;
	struct question q = {
		.head = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = bytes == 4 ? AF_INET : AF_INET6,
			   .rtm_dst_len = (unsigned char)(bytes * 8) },
		.attribute = { .rta_len = (unsigned short)RTA_LENGTH(bytes), .rta_type = RTA_DST },
	};

	memcpy(q.addr, addr->b + 16 - bytes, bytes);
	q.head.nlmsg_len = (__u32)(offsetof(struct question, addr) + bytes);
	return send(fd, &q, q.head.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* interface_of - the attribute of an answer that names it */
static int interface_of(struct nlmsghdr *head)
{
	struct rtmsg *route = NLMSG_DATA(head);
	unsigned int left = RTM_PAYLOAD(head);
	int index = 0;

	for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF)
			memcpy(&index, RTA_DATA(a), sizeof(index));
	return index;
}

/* answer - an error says that there is no route, or why it could not be looked for */
static int answer(int fd)
{
	union {
		struct nlmsghdr head;
		char bytes[ANSWER_BYTES];
	} in;
	ssize_t n = recv(fd, &in, sizeof(in), 0);
	struct nlmsgerr *why;

	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&in.head, (size_t)n))
		return -EBADMSG;
	if (in.head.nlmsg_type != NLMSG_ERROR)
		return interface_of(&in.head);
	why = NLMSG_DATA(&in.head);
	switch (why->error) {
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EACCES: /* a prohibiting route, and one that is a black hole */
	case -EINVAL:
		return 0;
	}
	return why->error;
}

/* route_interface - one question, one answer */
int route_interface(const struct addr *addr)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;

	if (fd < 0)
		return -errno;
	rc = ask(fd, addr);
	if (!rc)
		rc = answer(fd);
	close(fd);
	return rc;
}
