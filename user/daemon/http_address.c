// SPDX-License-Identifier: BSD-2-Clause
#include "http_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* split_host - the host part of "name", "name:port" or "[v6]:port" */
static bool split_host(const char *text, char *buf, size_t size)
{
	size_t n;

	if (text[0] == '[') {
		text++;
		n = strcspn(text, "]");
		if (text[n] != ']' || (text[n + 1] && text[n + 1] != ':'))
			return false;
	} else {
		n = strcspn(text, ":");
	}
	if (!n || n >= size)
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return true;
}

/* is_literal - an IP address; *ret_any: the one that stands for all, *ret_loopback: ours */
static bool is_literal(const char *host, bool *ret_any, bool *ret_loopback)
{
	struct in6_addr in6;
	struct in_addr in4;

	if (inet_pton(AF_INET, host, &in4) == 1) {
		*ret_any = in4.s_addr == INADDR_ANY;
		*ret_loopback = ntohl(in4.s_addr) >> 24 == 127;
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6) == 1) {
		*ret_any = IN6_IS_ADDR_UNSPECIFIED(&in6);
		*ret_loopback = IN6_IS_ADDR_LOOPBACK(&in6);
		return true;
	}
	return false;
}

/* http_host_allowed - names can be made to point here by anybody; addresses cannot */
bool http_host_allowed(const char *host, const struct config_listen *listen, const char *hostname)
{
	bool any, loopback, listen_any, listen_loopback;
	char name[CONFIG_TEXT], ours[64];

	if (!split_host(host, name, sizeof(name)))
		return false;
	split_host(listen->text, ours, sizeof(ours));
	is_literal(ours, &listen_any, &listen_loopback);
	if (!strcasecmp(name, "localhost"))
		return true;
	if (is_literal(name, &any, &loopback))
		return loopback || listen_any || !strcasecmp(name, ours);
	return !listen_loopback && !strcasecmp(name, hostname);
}

/* http_bind - our own socket, because MHD would not say what went wrong */
int http_bind(const struct config_listen *listen_at, struct error *e)
{
	const struct sockaddr *addr = (const struct sockaddr *)&listen_at->addr;
	socklen_t n = addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						  : sizeof(struct sockaddr_in);
	int fd, one = 1, rc;

	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(e, -errno, "http: cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!bind(fd, addr, n) && !listen(fd, SOMAXCONN))
		return fd;
	rc = -errno;
	close(fd);
	if (rc == -EADDRINUSE)
		return error_set(e, rc,
				 "http: %s is in use by another program; configure another port "
				 "(http: 127.0.0.1:9726) or http: off",
				 listen_at->text);
	return error_set(e, rc, "http: cannot listen at %s: %s", listen_at->text, strerror(-rc));
}
