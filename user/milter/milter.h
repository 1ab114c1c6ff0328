/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter - what a mail server says of its connections, turned into reports
 *
 * libmilter's callbacks. Of each connection the client's address, the EHLO name, whether it
 * is in TLS, and the header of its first message as far as smtp.h wants it (stamp.h); never a
 * recipient, never a body: those steps are negotiated away, and over a Unix socket the mail
 * server does not even wait for our answers to the connection and the EHLO. (Over TCP whatever the
 * mail server sends without getting an answer costs 40 ms: what it sends next waits for an
 * acknowledgement that the kernel delays.) After the top-most Received line the message is
 * accepted, which means "nothing more of it". A build is reported when it is read, a
 * connection that showed none when it ends.
 *
 * Use: milter_init() with where reports go, then smfi_register(milter_description).
 */
#ifndef BUILDGATE_MILTER_H
#define BUILDGATE_MILTER_H

#include <libmilter/mfapi.h>
#include <stdint.h>

#include "courier.h"

struct milter_stats {
	uint64_t connections;
	uint64_t builds; /* reports of a build */
	uint64_t in_tls; /* of these, read inside TLS */
};

extern struct smfiDesc milter_description;

/* milter_steps - what is asked of the mail server, SMFIP_*; by_unix: it connects to a Unix socket
 */
unsigned long milter_steps(bool by_unix);

/* milter_init - before the first connection */
void milter_init(struct courier *courier, bool by_unix);
void milter_stats(struct milter_stats *ret);

#endif
