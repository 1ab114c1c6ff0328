/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observation - "this source showed this build", the one object that everything passes on
 *
 * Its JSON form is fixed (DESIGN section 6) and the same for replay, events, observe and
 * simulate. Pure conversions, no state.
 */
#ifndef BUILDGATE_OBSERVATION_H
#define BUILDGATE_OBSERVATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/catalogue/catalogue.h"
#include "user/base/error.h"

struct observation {
	int64_t at;         /* wall, seconds */
	struct addr source; /* full address of the peer whose build it is */
	uint16_t port;      /* server port, host order; 0: not known */
	uint8_t direction;  /* enum direction; 0: not known */
	uint8_t origin;     /* enum origin */
	uint8_t family;     /* of a connection without a build */
	bool tls;
	bool recheck;
	bool told;             /* by somebody else, not seen by the kernel programs */
	bool inside;           /* the source is on the inside: reported, never enforced */
	uint64_t build;        /* 0: a connection that showed no build ("no_build") */
	char helo[NAME_BYTES]; /* empty: not known */
	char by[NAME_BYTES];
	char server[NAME_BYTES]; /* the identity's name, observation_name() */
	/* filled by the observer from the catalogue: */
	struct judgement judgement;
};

/* observation_name - derive server (DESIGN section 2): `by` if the origin is received and it
 * is there, else the EHLO name; a label that carries a build removed; lower case */
void observation_name(struct observation *o);

/* observation_json - the fixed object, type "observation" or, without a build, "no_build";
 * not known is null. The caller owns it. */
json_t *observation_json(const struct observation *o);

/* observation_parse - from a JSON object of observe/simulate input: at (default `now`), source,
 * build, and helo or by suffice; other keys are ignored; e says key and what was expected */
int observation_parse(const json_t *object, int64_t now, struct observation *ret, struct error *e);

/* observation_parse_place - only `at` and `source`, which other objects have too */
int observation_parse_place(const json_t *object, int64_t now, struct observation *o,
			    struct error *e);

/* observation_from_event - a kernel event as an observation (no judgement yet). The time is
 * clock_kernel_to_wall(). Names come out as printable ASCII, what else a peer sent as \xNN. */
void observation_from_event(const struct event *event, struct observation *ret);

/* observation_printable - a name as it came from a peer, at most from_size bytes, into one of
 * NAME_BYTES: printable ASCII, what else it has as \xNN */
void observation_printable(char *to, const char *from, size_t from_size);

const char *origin_name(uint8_t origin);
const char *family_name(uint8_t family); /* "iis-smtp", "exchange-nobuild", ... */
const char *direction_name(uint8_t direction);

#endif
