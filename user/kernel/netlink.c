// SPDX-License-Identifier: BSD-2-Clause
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX   64
#define READ_BYTES 32768

/* send_question - header and body in one message */
static int send_question(int fd, int type, const void *body, size_t bytes)
{
	struct {
		struct nlmsghdr header;
		char body[BODY_MAX];
	} question = { .header = { .nlmsg_type = (__u16)type,
				   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	if (bytes > BODY_MAX)
		return -EMSGSIZE;
	if (bytes)
		memcpy(question.body, body, bytes);
	question.header.nlmsg_len = (__u32)NLMSG_LENGTH(bytes);
	return send(fd, &question, question.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* take - the messages of one read; 1: the answer is complete */
static int take(const char *answer, ssize_t n, netlink_fn fn, void *arg)
{
	const struct nlmsghdr *m;

	for (m = (const void *)answer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return 1;
		if (m->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
		fn(arg, m);
	}
	return 0;
}

/* netlink_dump_from - see netlink.h */
int netlink_dump_from(int family, int type, const void *body, size_t bytes, netlink_fn fn,
		      void *arg)
{
	char answer[READ_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), rc;

	if (fd < 0)
		return -errno;
	rc = send_question(fd, type, body, bytes);
	while (!rc) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		rc = n < 0 ? -errno : n == 0 ? -EBADMSG : take(answer, n, fn, arg);
	}
	close(fd);
	return rc < 0 ? rc : 0;
}

/* netlink_dump - see netlink.h */
int netlink_dump(int type, const void *body, size_t bytes, netlink_fn fn, void *arg)
{
	return netlink_dump_from(NETLINK_ROUTE, type, body, bytes, fn, arg);
}

/* find - among attributes that take so many bytes */
static const struct rtattr *find(const struct rtattr *a, unsigned int left, unsigned short type)
{
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

/* netlink_attribute - see netlink.h */
const struct rtattr *netlink_attribute(const struct nlmsghdr *message, size_t fixed,
				       unsigned short type)
{
	const char *data = NLMSG_DATA(message);

	if (message->nlmsg_len < NLMSG_SPACE(fixed))
		return NULL;
	return find((const void *)(data + NLMSG_ALIGN(fixed)),
		    (unsigned int)(message->nlmsg_len - NLMSG_SPACE(fixed)), type);
}

/* netlink_nested - see netlink.h */
const struct rtattr *netlink_nested(const struct rtattr *attribute, unsigned short type)
{
	return attribute ? find(RTA_DATA(attribute), RTA_PAYLOAD(attribute), type) : NULL;
}

/* netlink_number - see netlink.h */
unsigned int netlink_number(const struct rtattr *attribute)
{
	unsigned int number = 0;

	if (attribute && RTA_PAYLOAD(attribute) == sizeof(number))
		memcpy(&number, RTA_DATA(attribute), sizeof(number));
	return number;
}
