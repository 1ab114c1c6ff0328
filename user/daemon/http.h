/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http - a few read-only pages, served from the daemon's own loop
 *
 * libmicrohttpd without threads: its epoll descriptor and its timeout are two sources of the
 * loop, the listening socket is a third. Nothing can be changed here: GET and HEAD only, others
 * get 405, unknown paths 404, and a Host header that is not ours 403 (http_address.h). Every
 * answer forbids browsers to do anything with it but show it; a page may allow itself more.
 *
 * Connections, memory and idle time are bounded, and whoever asks is served before those who only
 * hold a connection: the oldest of these makes room for a new one.
 *
 * A page is made at once (body), or in parts (open, read, close), each small, between which the
 * loop does its other work; at most HTTP_STREAMS_MAX at a time, further ones get 503.
 *
 * Call order: http_listen() early, so that a port in use is known before anything is
 * attached; http_start(); http_close().
 */
#ifndef BUILDGATE_HTTP_H
#define BUILDGATE_HTTP_H

#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "user/base/error.h"
#include "user/config/config.h"

#define HTTP_CLIENTS_MAX 64
#define HTTP_STREAMS_MAX 8
#define HTTP_IDLE_S      10
#define HTTP_MEMORY_MAX  16384 /* bytes per connection for request and headers */

struct http_page {
	const char *path; /* NULL: end of the table */
	const char *type; /* content type */
	/* body from malloc, owned by http from then on; NULL: 500 */
	char *(*body)(void *arg, size_t *ret_bytes);
	/* instead of body: NULL: 500; read gives at most size bytes, 0 at the end, and a negative
	 * number where it cannot go on, which cuts the connection */
	void *(*open)(void *arg);
	ssize_t (*read)(void *stream, char *buf, size_t size);
	void (*close)(void *stream);
	/* the Content-Security-Policy; NULL: nothing is allowed */
	const char *(*security)(void);
};

struct http;

/* http_listen - bind the configured address; off gives *ret_http NULL and 0 */
int http_listen(const struct config *config, struct http **ret_http, struct error *e);

/* http_start - serve pages from this loop */
int http_start(struct http *http, sd_event *event, const struct http_page *pages, void *arg,
	       struct error *e);
void http_close(struct http *http);

#endif
