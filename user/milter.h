/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter - what a mail server says of its connections, turned into reports
 *
 * libmilter's callbacks. Of each connection the client's address, the EHLO name, whether it
 * is in TLS, and the header of its first message as far as smtp.h wants it (stamp.h); never a
 * recipient, never a body: those steps are negotiated away, and where the mail server can,
 * it does not even wait for our answers. After the header of a message it is accepted, which
 * means "nothing more from us". A build is reported when it is read, a connection that
 * showed none when it ends.
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

void milter_init(struct courier *courier);
void milter_stats(struct milter_stats *ret);

#endif
