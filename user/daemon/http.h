/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http - a few read-only pages, served from the daemon's own loop
 *
 * libmicrohttpd without threads: its epoll descriptor and its timeout are two sources of the
 * loop. Nothing can be changed here: GET and HEAD only, others get 405, unknown paths 404. A Host
 * header that names neither this host's loopback nor the configured address gets 403, so that
 * a web page elsewhere cannot read it through a browser (DNS rebinding). Connections, memory
 * and idle time are bounded.
 *
 * Call order: http_listen() early, so that a port in use is known before anything is
 * attached; http_start(); http_close().
 */
#ifndef BUILDGATE_HTTP_H
#define BUILDGATE_HTTP_H

#include <stddef.h>
#include <systemd/sd-event.h>

#include "user/config/config.h"
#include "user/base/error.h"

#define HTTP_CLIENTS_MAX 64
#define HTTP_IDLE_S      10
#define HTTP_MEMORY_MAX  16384 /* bytes per connection for request and headers */

struct http_page {
	const char *path; /* NULL: end of the table */
	const char *type; /* content type */
	/* body from malloc, owned by http from then on; NULL: 500 */
	char *(*body)(void *arg, size_t *ret_bytes);
};

struct http;

/* http_listen - bind the configured address; off gives *ret_http NULL and 0 */
int http_listen(const struct config *config, struct http **ret_http, struct error *e);

/* http_start - serve pages from this loop */
int http_start(struct http *http, sd_event *event, const struct http_page *pages, void *arg,
	       struct error *e);
void http_close(struct http *http);

/* http_host_allowed - a Host header's value, for a server that listens at `text` */
bool http_host_allowed(const char *host, const struct config_listen *listen, const char *hostname);

#endif
