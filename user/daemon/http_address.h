/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_address - where the HTTP server listens, and by which names it may be called
 *
 * Pure but for the socket that http_bind() makes. A page elsewhere can make any name point at
 * this host (DNS rebinding), so a server on loopback answers to loopback addresses and
 * "localhost" alone, and one that listens elsewhere also to its own address and hostname.
 */
#ifndef BUILDGATE_HTTP_ADDRESS_H
#define BUILDGATE_HTTP_ADDRESS_H

#include <stdbool.h>

#include "user/base/error.h"
#include "user/config/config.h"

/* http_host_allowed - a Host header's value, for a server that listens at `listen` */
bool http_host_allowed(const char *host, const struct config_listen *listen, const char *hostname);

/* http_bind - a listening, non-blocking descriptor, or a negative errno */
int http_bind(const struct config_listen *listen_at, struct error *e);

#endif
