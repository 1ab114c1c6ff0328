/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon_catalogue - which catalogue is in force, and what becomes of those that are offered
 *
 * The shipped one is trusted by its place, a root-owned file. One from outside must be signed,
 * and its serial above every one that this gate ever had; it is kept in the state directory, so
 * that a restart uses it, until a package ships a higher one. Whatever cannot be taken is told
 * in the log, the audit trail, status and a metric, and the one in force stays: silence is what
 * hit the old servers whose mitigations ended.
 *
 *   daemon_catalogue.c   choose, take, refuse, block
 *   daemon_inbox.c       the directory in which new ones arrive
 *   daemon_emergency.c   what is told of all this
 */
#ifndef BUILDGATE_DAEMON_CATALOGUE_H
#define BUILDGATE_DAEMON_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "user/config/config.h"
#include "user/base/error.h"
#include "user/catalogue/update.h"

#define INBOX_FILE   "exchange.json"
#define BLOCKED_TEXT 4096 /* of all blocked ids together */

struct daemon;

/* Where a catalogue came from. */
struct catalogue_origin {
	char key[SIGNATURE_ID_TEXT]; /* that signed it; empty: the shipped one */
	char digest[UPDATE_DIGEST];
	int64_t taken_at; /* 0: the shipped one */
};

/* The catalogue in force beside its contents, and what was refused since. */
struct daemon_catalogue {
	struct catalogue_origin origin;
	struct catalogue_origin next; /* of one that was loaded and is not in force yet */
	struct error refused;     /* why the last one was; empty: none since the last good one */
	int64_t refused_at;       /* first time for this reason */
	uint64_t taken, refusals; /* by this daemon */
	json_t *blocked;          /* ids, an array */
	sd_event_source *inbox, *settle;
	bool inbox_lost;
};

/* daemon_catalogue_load - the shipped one of a configuration or the kept one, whichever has the
 * higher serial; the caller notes it and takes it over, or keeps it at a start */
int daemon_catalogue_load(struct daemon *daemon, const struct config *config,
			  struct catalogue **ret_catalogue, struct error *e);

/* daemon_catalogue_used - the one that was loaded last is in force from now on */
void daemon_catalogue_used(struct daemon *daemon);

/* daemon_catalogue_take - verify, check, keep and use the catalogue at path. 1: it is in force now;
 * 0: it was already; negative: refused, and that was told */
int daemon_catalogue_take(struct daemon *daemon, const char *path, const char *who,
			  struct error *e);

/* daemon_catalogue_block - an emergency definition is not to be applied, or may be again; 1: that
 * is new, 0: it was so */
int daemon_catalogue_block(struct daemon *daemon, const char *id, bool block, const char *who,
			   const char *reason, struct error *e);

void daemon_catalogue_free(struct daemon *daemon);

/* daemon_inbox_check - the configured directory is there; before anything is attached */
int daemon_inbox_check(const struct config *config, struct error *e);

/* daemon_inbox_watch - look into it now, and whenever something arrives there */
int daemon_inbox_watch(struct daemon *daemon, struct error *e);

/* daemon_inbox_tick - watch a directory again that had gone */
void daemon_inbox_tick(struct daemon *daemon);

/* daemon_inbox_look - once, soon: after the trusted keys changed */
void daemon_inbox_look(struct daemon *daemon);

/* daemon_catalogue_brief - the object in "status"; daemon_catalogue_show - all, with the sources
 * that each emergency definition is applied to */
json_t *daemon_catalogue_brief(struct daemon *daemon);
json_t *daemon_catalogue_show(struct daemon *daemon, struct error *e);

#endif
