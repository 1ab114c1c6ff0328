// SPDX-License-Identifier: BSD-2-Clause
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct http {
	int fd;
	struct config_listen listen;
	char hostname[CONFIG_TEXT];
	struct MHD_Daemon *mhd;
	sd_event_source *io, *timer;
	const struct http_page *pages;
	void *arg;
};

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

/* answer - a short text, or a page's body that MHD frees */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *type, char *body, size_t bytes, bool owned)
{
	struct MHD_Response *response;
	enum MHD_Result rc;

	response = MHD_create_response_from_buffer(
		bytes, body, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);
	if (!response) {
		if (owned)
			free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

/* refuse - one line of text says why */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status, char *text)
{
	return answer(connection, status, "text/plain", text, strlen(text), false);
}

/* find_page - a row of the table */
static const struct http_page *find_page(const struct http *http, const char *path)
{
	for (const struct http_page *page = http->pages; page->path; page++)
		if (!strcmp(page->path, path))
			return page;
	return NULL;
}

/* on_request - MHD calls it with the headers, again for each part of a body, and at the end; an
 * answer is due at the first call for what is refused, whatever body may follow */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_bytes, void **state)
{
	static char seen; /* its address marks a request whose headers were taken */
	struct http *http = arg;
	const struct http_page *page = find_page(http, url);
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	size_t bytes = 0;
	char *body;

	(void)version;
	(void)upload;
	*upload_bytes = 0;
	if (host && !http_host_allowed(host, &http->listen, http->hostname))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "foreign Host header\n");
	if (!page)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	body = page->body(http->arg, &bytes);
	if (!body)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot be made\n");
	return answer(connection, MHD_HTTP_OK, page->type, body, bytes, true);
}

/* run - let MHD do what it can, then ask when it wants to be called again */
static void run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(http->mhd);
	if (MHD_get_timeout(http->mhd, &ms) == MHD_YES) {
		sd_event_source_set_time_relative(http->timer, ms * 1000);
		sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
	} else {
		sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
	}
}

/* on_io - a connection wants something */
static int on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	run(arg);
	return 0;
}

/* on_timer - a connection has idled too long */
static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	run(arg);
	return 0;
}

/* bind_address - our own socket, because MHD would not say what went wrong */
static int bind_address(const struct config_listen *listen_at, struct error *e)
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

/* http_listen - clients that connect now wait until http_start() */
int http_listen(const struct config *config, struct http **ret_http, struct error *e)
{
	struct http *http;
	int rc;

	if (config->http.off) {
		*ret_http = NULL;
		return 0;
	}
	http = calloc(1, sizeof(*http));
	if (!http)
		return error_set(e, -ENOMEM, "out of memory");
	http->listen = config->http;
	memcpy(http->hostname, config->hostname, sizeof(http->hostname));
	http->fd = bind_address(&config->http, e);
	if (http->fd < 0) {
		rc = http->fd;
		free(http);
		return rc;
	}
	*ret_http = http;
	return 0;
}

/* http_start - NULL (http: off) is allowed */
int http_start(struct http *http, sd_event *event, const struct http_page *pages, void *arg,
	       struct error *e)
{
	const union MHD_DaemonInfo *info;
	int rc;

	if (!http)
		return 0;
	http->pages = pages;
	http->arg = arg;
	http->mhd = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, http->fd,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_MAX,
		MHD_OPTION_END);
	info = http->mhd ? MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return error_set(e, -EIO, "http: libmicrohttpd does not start at %s",
				 http->listen.text);
	rc = sd_event_add_io(event, &http->io, info->epoll_fd, EPOLLIN, on_io, http);
	if (rc >= 0)
		rc = sd_event_add_time_relative(event, &http->timer, CLOCK_MONOTONIC, 0, 0,
						on_timer, http);
	if (rc < 0)
		return error_set(e, rc, "http: %s", strerror(-rc));
	return 0;
}

/* http_close - MHD closes the listening socket with the rest; NULL is allowed */
void http_close(struct http *http)
{
	if (!http)
		return;
	sd_event_source_disable_unref(http->io);
	sd_event_source_disable_unref(http->timer);
	if (http->mhd)
		MHD_stop_daemon(http->mhd);
	else
		close(http->fd);
	free(http);
}
