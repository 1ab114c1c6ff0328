// SPDX-License-Identifier: BSD-2-Clause
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_address.h"

#define ACCEPTS_MAX                                                                                \
	16 /* per turn: fewer than there are places, so that who asks at once is heard */
#define PART_BYTES 16384

/* One connection; MHD owns the descriptor. */
struct client {
	TAILQ_ENTRY(client) entry;
	int fd;
	bool busy; /* an answer is on its way */
};

TAILQ_HEAD(clients, client);

struct http {
	int fd;
	struct config_listen listen;
	char hostname[CONFIG_TEXT];
	struct MHD_Daemon *mhd;
	sd_event_source *listening, *io, *timer;
	const struct http_page *pages;
	void *arg;
	struct clients clients; /* whoever was served or came last is last */
	unsigned int clients_count, streams_count;
};

/* A page on its way in parts. */
struct reading {
	struct http *http;
	const struct http_page *page;
	void *state;
};

/* client_of - what we know of a connection; NULL: there was no memory for it */
static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* on_connection - MHD has taken a connection, or is done with it */
static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *http = arg;
	struct client *client = *context;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!client)
			return;
		TAILQ_REMOVE(&http->clients, client, entry);
		http->clients_count--;
		free(client);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	client = info ? calloc(1, sizeof(*client)) : NULL;
	if (!client)
		return;
	client->fd = info->connect_fd;
	*context = client;
	TAILQ_INSERT_TAIL(&http->clients, client, entry);
	http->clients_count++;
}

/* on_completed - its answer has left, or never will */
static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct http *http = arg;
	struct client *client = client_of(connection);

	(void)state;
	(void)code;
	if (!client)
		return;
	client->busy = false;
	TAILQ_REMOVE(&http->clients, client, entry);
	TAILQ_INSERT_TAIL(&http->clients, client, entry);
}

/* add_headers - what every answer says; a browser may show it to whoever asked, and no more */
static void add_headers(struct MHD_Response *response, const char *type, const char *security)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(response, "Content-Security-Policy", security);
}

/* send_off - queue a response and let go of it; NULL: out of memory */
static enum MHD_Result send_off(struct MHD_Connection *connection, unsigned int status,
				struct MHD_Response *response)
{
	struct client *client = client_of(connection);
	enum MHD_Result rc;

	if (!response)
		return MHD_NO;
	if (client)
		client->busy = true;
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

#define NOTHING "default-src 'none'; frame-ancestors 'none'"

/* security_of - of a page */
static const char *security_of(const struct http_page *page)
{
	return page->security ? page->security() : NOTHING;
}

/* refuse - one line of text says why */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status, char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	add_headers(response, "text/plain", NOTHING);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return send_off(connection, status, response);
}

/* serve_body - a page made at once */
static enum MHD_Result serve_body(struct http *http, struct MHD_Connection *connection,
				  const struct http_page *page)
{
	struct MHD_Response *response;
	size_t bytes = 0;
	char *body = page->body(http->arg, &bytes);

	if (!body)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot be made\n");
	response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(body);
	else
		add_headers(response, page->type, security_of(page));
	return send_off(connection, MHD_HTTP_OK, response);
}

/* read_part - the next bytes of a page in parts */
static ssize_t read_part(void *arg, uint64_t at, char *buf, size_t size)
{
	struct reading *reading = arg;
	ssize_t n = reading->page->read(reading->state, buf, size);

	(void)at;
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return n ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

/* free_reading - MHD is done with it, however it ended */
static void free_reading(void *arg)
{
	struct reading *reading = arg;

	reading->page->close(reading->state);
	reading->http->streams_count--;
	free(reading);
}

/* serve_parts - a page made bit by bit */
static enum MHD_Result serve_parts(struct http *http, struct MHD_Connection *connection,
				   const struct http_page *page)
{
	struct MHD_Response *response;
	struct reading *reading;

	if (http->streams_count >= HTTP_STREAMS_MAX)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "too many readers at once\n");
	reading = calloc(1, sizeof(*reading));
	if (reading)
		reading->state = page->open(http->arg);
	if (!reading || !reading->state) {
		free(reading);
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot be made\n");
	}
	reading->http = http;
	reading->page = page;
	http->streams_count++;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PART_BYTES, read_part,
						     reading, free_reading);
	if (!response)
		free_reading(reading);
	else
		add_headers(response, page->type, security_of(page));
	return send_off(connection, MHD_HTTP_OK, response);
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
	return page->body ? serve_body(http, connection, page)
			  : serve_parts(http, connection, page);
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

/* make_room - the connection that has been without an answer for the longest is hung up */
static void make_room(struct http *http)
{
	struct client *client, *oldest = TAILQ_FIRST(&http->clients);

	TAILQ_FOREACH(client, &http->clients, entry)
	{
		if (client->busy)
			continue;
		oldest = client;
		break;
	}
	if (!oldest)
		return;
	shutdown(oldest->fd, SHUT_RDWR);
	MHD_run(http->mhd); /* sees that it is over, and closes it */
}

/* on_listening - new connections; each may have its request in it already */
static int on_listening(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct http *http = arg;
	struct sockaddr_storage peer;
	socklen_t n;
	int conn;

	(void)source;
	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		n = sizeof(peer);
		conn = accept4(fd, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (conn < 0)
			break;
		if (http->clients_count >= HTTP_CLIENTS_MAX)
			make_room(http);
		/* also closes what it does not take */
		MHD_add_connection(http->mhd, conn, (struct sockaddr *)&peer, n);
	}
	run(http);
	return 0;
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
	http->fd = http_bind(&config->http, e);
	if (http->fd < 0) {
		rc = http->fd;
		free(http);
		return rc;
	}
	TAILQ_INIT(&http->clients);
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
	/* two more than we let in: one that is on its way out has still to be closed */
	http->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, http,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CLIENTS_MAX + 2, MHD_OPTION_CONNECTION_TIMEOUT,
		HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, http, MHD_OPTION_END);
	info = http->mhd ? MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return error_set(e, -EIO, "http: libmicrohttpd does not start at %s",
				 http->listen.text);
	rc = sd_event_add_io(event, &http->io, info->epoll_fd, EPOLLIN, on_io, http);
	if (rc >= 0)
		rc = sd_event_add_io(event, &http->listening, http->fd, EPOLLIN, on_listening,
				     http);
	if (rc >= 0)
		rc = sd_event_add_time_relative(event, &http->timer, CLOCK_MONOTONIC, 0, 0,
						on_timer, http);
	if (rc < 0)
		return error_set(e, rc, "http: %s", strerror(-rc));
	return 0;
}

/* http_close - NULL is allowed */
void http_close(struct http *http)
{
	if (!http)
		return;
	sd_event_source_disable_unref(http->listening);
	sd_event_source_disable_unref(http->io);
	sd_event_source_disable_unref(http->timer);
	if (http->mhd)
		MHD_stop_daemon(http->mhd);
	close(http->fd);
	free(http);
}
