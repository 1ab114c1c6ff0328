// SPDX-License-Identifier: BSD-2-Clause
#include "milter.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/observer/observation.h"
#include "user/observer/stamp.h"

/* Steps that we need not hear of; over a Unix socket also DATA, of which Postfix sends the
 * macros all the same, and steps of which it need not wait for the answer. */
#define NOT_WANTED (SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOUNKNOWN)
#define BY_UNIX    (SMFIP_NODATA | SMFIP_NR_CONN | SMFIP_NR_HELO)

/* One connection. */
struct conn {
	unsigned long steps; /* negotiated */
	struct observation o;
	struct session session;
	bool message; /* a header has begun */
	bool read;    /* and ended: later messages of the connection do not count */
	bool told;    /* a build was reported */
};

static struct courier *courier;
static unsigned long wanted; /* what is asked of the mail server */
static struct {
	atomic_uint_fast64_t connections, builds, in_tls;
} counts;

/* milter_steps - and the value of a header with the blanks it came with */
unsigned long milter_steps(bool by_unix)
{
	return NOT_WANTED | SMFIP_HDR_LEADSPC | (by_unix ? BY_UNIX : 0);
}

/* milter_init - by_unix: see milter_steps() */
void milter_init(struct courier *to, bool by_unix)
{
	courier = to;
	wanted = milter_steps(by_unix);
}

/* milter_stats - of all connections so far */
void milter_stats(struct milter_stats *ret)
{
	ret->connections = counts.connections;
	ret->builds = counts.builds;
	ret->in_tls = counts.in_tls;
}

/* go_on - the answer to a step, or none where none is waited for */
static sfsistat go_on(const struct conn *conn, unsigned long step)
{
	return conn && conn->steps & step ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* set_source - false: not by TCP, so nobody's */
static bool set_source(struct addr *to, const struct sockaddr *from)
{
	memset(to, 0, sizeof(*to));
	if (from && from->sa_family == AF_INET) {
		to->b[10] = to->b[11] = 0xff;
		memcpy(to->b + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return true;
	}
	if (from && from->sa_family == AF_INET6) {
		memcpy(to, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
		       sizeof(*to));
		return true;
	}
	return false;
}

/* symbol - a macro of the mail server's, NULL when it is not there or empty */
static const char *symbol(SMFICTX *ctx, const char *name)
{
	const char *text = smfi_getsymval(ctx, (char *)name);

	return text && *text ? text : NULL;
}

/* tell - what is known now; the rest of the observation is the daemon's to find out */
static void tell(struct conn *conn, uint64_t build, uint8_t origin)
{
	struct observation *o = &conn->o;

	o->at = time(NULL);
	o->build = build;
	o->origin = origin;
	o->family = conn->session.family ? conn->session.family : FAMILY_UNKNOWN;
	observation_printable(o->by, origin == ORIGIN_RECEIVED ? conn->session.text.by : "",
			      NAME_BYTES);
	if (build) {
		conn->told = true;
		counts.builds++;
		counts.in_tls += o->tls;
	}
	courier_put(courier, o);
}

/* on_negotiate - only what we need, in the fewest round trips */
static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
			     unsigned long more, unsigned long most, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_more,
			     unsigned long *ret_most)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	(void)actions;
	(void)more;
	(void)most;
	*ret_actions = *ret_more = *ret_most = 0;
	*ret_steps = steps & wanted;
	if (!conn || smfi_setpriv(ctx, conn) != MI_SUCCESS) {
		free(conn);
		*ret_steps = steps & NOT_WANTED;
		return SMFIS_CONTINUE;
	}
	conn->steps = *ret_steps;
	return SMFIS_CONTINUE;
}

/* conn_of - made here where the mail server speaks a protocol without negotiation */
static struct conn *conn_of(SMFICTX *ctx)
{
	struct conn *conn = smfi_getpriv(ctx);

	if (conn)
		return conn;
	conn = calloc(1, sizeof(*conn));
	if (conn && smfi_setpriv(ctx, conn) == MI_SUCCESS)
		return conn;
	free(conn);
	return NULL;
}

/* on_connect - mail handed in on the host itself has no address, and no source */
static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *from)
{
	struct conn *conn = conn_of(ctx);
	const char *port = symbol(ctx, "{daemon_port}");
	struct observation o = { .direction = DIRECTION_INBOUND };

	(void)host;
	if (!conn || !set_source(&o.source, from)) {
		if (conn)
			conn->read = true;
		return go_on(conn, SMFIP_NR_CONN);
	}
	o.port = port && atoi(port) > 0 && atoi(port) <= UINT16_MAX ? (uint16_t)atoi(port) : 0;
	conn->o = o;
	counts.connections++;
	return go_on(conn, SMFIP_NR_CONN);
}

/* on_helo - again after STARTTLS, and then it is that one which counts */
static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct conn *conn = conn_of(ctx);
	uint64_t build;

	if (!conn || !name || conn->message || conn->read)
		return go_on(conn, SMFIP_NR_HELO);
	conn->o.tls = symbol(ctx, "{tls_version}") != NULL;
	observation_printable(conn->o.helo, name, NAME_BYTES - 1);
	build = stamp_helo(&conn->session, name);
	if (build && !conn->told)
		tell(conn, build, ORIGIN_EHLO);
	return go_on(conn, SMFIP_NR_HELO);
}

/* message_of - the first message of the connection begins, if it has not */
static void message_of(struct conn *conn)
{
	if (conn->message)
		return;
	conn->message = true;
	stamp_message(&conn->session);
}

/* message_over - all that we want of this message, and of this connection, is there */
static sfsistat message_over(SMFICTX *ctx, struct conn *conn)
{
	conn->read = true;
	conn->o.tls = conn->o.tls || symbol(ctx, "{tls_version}");
	stamp_end(&conn->session);
	if (conn->session.build && conn->session.origin == ORIGIN_RECEIVED)
		tell(conn, conn->session.build, ORIGIN_RECEIVED);
	return SMFIS_ACCEPT;
}

/* on_header - of the first message, up to the top-most Received line. It is here that the mail
 * server waits for an answer, because what follows is spared: the other headers, and all of
 * them of a later message but one. */
static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct conn *conn = conn_of(ctx);

	if (!conn || conn->read)
		return SMFIS_ACCEPT;
	message_of(conn);
	stamp_bytes(&conn->session, name, strlen(name));
	/* without SMFIP_HDR_LEADSPC libmilter has taken one blank away */
	stamp_bytes(&conn->session, ": ", conn->steps & SMFIP_HDR_LEADSPC ? 1 : 2);
	stamp_text(&conn->session, value);
	stamp_bytes(&conn->session, "\r\n", 2);
	if (conn->session.done || !strcasecmp(name, "Received"))
		return message_over(ctx, conn);
	return SMFIS_CONTINUE;
}

/* on_eoh - no Received line at all */
static sfsistat on_eoh(SMFICTX *ctx)
{
	struct conn *conn = conn_of(ctx);

	if (!conn || conn->read)
		return SMFIS_ACCEPT;
	message_of(conn);
	return message_over(ctx, conn);
}

/* on_close - a connection that showed no build is worth a word where it said a name */
static sfsistat on_close(SMFICTX *ctx)
{
	struct conn *conn = smfi_getpriv(ctx);

	if (!conn)
		return SMFIS_CONTINUE;
	if (!conn->told && conn->o.helo[0])
		tell(conn, 0, 0);
	smfi_setpriv(ctx, NULL);
	free(conn);
	return SMFIS_CONTINUE;
}

struct smfiDesc milter_description = {
	.xxfi_name = "gate-milter",
	.xxfi_version = SMFI_VERSION,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_header = on_header,
	.xxfi_eoh = on_eoh,
	.xxfi_close = on_close,
	.xxfi_negotiate = on_negotiate,
};
