/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply - what the answerer tells the senders it refuses, and the keys it does it with
 *
 * Owns the maps replies and answer_keys. One set of texts per cause: a build, and the minutes
 * per hour that its stage says. A text begins with the operator's host name, names the build,
 * the minutes, the next step and the contact, and is padded to REPLY_BYTES; index 0 holds the
 * general ones, which ask to try again on another connection.
 *
 * Both maps are pinned. A daemon adopts what an earlier one left: verdicts that it has not looked
 * at yet still point at texts of their own cause, and answered connections go on. Keys are
 * replaced every hour, the one before stays valid for another.
 *
 * Call order: replies_open(), replies_use() whenever what the texts are made of has changed,
 * replies_index() for each verdict before it is published, replies_tick() now and then. Between
 * replies_mark() and replies_sweep() stands a walk over all verdicts that asks for the index of
 * each: those nobody asked for are free again.
 */
#ifndef BUILDGATE_REPLY_H
#define BUILDGATE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/catalogue/catalogue.h"
#include "user/base/error.h"

#define REPLY_KEY_S 3600 /* life of a key, and then again as the previous one */

/* What texts are made of, apart from their cause. The strings stay their owner's. */
struct reply_site {
	const char *hostname;
	const char *contact;
	const struct catalogue *catalogue;
	int64_t grace_days;
	bool at_greeting; /* refuse in the first line */
};

/* Why a sender is refused; build 0: the operator said so. */
struct reply_cause {
	uint64_t build;
	uint16_t throttle_min, block_min;
};

/* reply_render - all texts of a cause, as they are at `now`; no cause (NULL): the general ones */
void reply_render(const struct reply_site *site, const struct reply_cause *cause, int64_t now,
		  struct reply *ret);

struct replies;

/* replies_open - adopt what is in the maps; make a key if there is none */
int replies_open(int replies_fd, int keys_fd, struct replies **ret_replies, struct error *e);
void replies_free(struct replies *replies);

/* replies_use - all texts anew, in their places. site is copied, its strings are not */
int replies_use(struct replies *replies, const struct reply_site *site, int64_t now,
		struct error *e);

/* replies_index - where the texts of a cause are, put there if need be; 0: no room, or the map
 * cannot be written. NULL replies: 0 */
uint16_t replies_index(struct replies *replies, const struct reply_cause *cause, int64_t now);

/* replies_mark, replies_sweep - find and free the texts that nobody asks for */
void replies_mark(struct replies *replies);
void replies_sweep(struct replies *replies);

/* replies_starved - some cause got the general texts for want of room, since the last sweep */
bool replies_starved(const struct replies *replies);

/* replies_tick - hourly by `running` (seconds of a clock that nobody sets): another key, and texts
 * by today's catalogue; 1: it was time */
int replies_tick(struct replies *replies, int64_t running, int64_t now, struct error *e);

#endif
