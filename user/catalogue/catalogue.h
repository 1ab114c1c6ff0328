/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalogue - what is known of builds: products, updates, support, and what they add up to
 *
 * Owns the parsed catalogue file (maps/catalogue/exchange.json). Call order:
 * catalogue_load() once or at each update; catalogue_judge() any number of times;
 * catalogue_free(). A loaded catalogue never changes, so it may be shared and swapped; only
 * which of its emergency definitions are blocked is the operator's.
 */
#ifndef BUILDGATE_CATALOGUE_H
#define BUILDGATE_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/base/error.h"

enum standing {
	STANDING_UNKNOWN = 1, /* line not listed */
	STANDING_ONLINE,      /* Exchange Online: always passed */
	STANDING_EMERGENCY,   /* an active emergency definition matches */
	STANDING_UNSUPPORTED, /* product or CU past its end of support */
	STANDING_OUTDATED,    /* an update of its CU is out for longer than the grace */
	STANDING_CURRENT,
	STANDING_MAX
};

/* standing_name - "unsupported"; the JSON word */
const char *standing_name(enum standing standing);

/* standing_parse - 0 when the word is none */
enum standing standing_parse(const char *word);

struct catalogue;

/* What the catalogue says of one build on one date. Strings live as long as the catalogue. */
struct judgement {
	enum standing standing;
	const char *product; /* "Exchange Server 2016"; NULL: line not listed */
	const char *release; /* "CU23 May24HU"; NULL: not known */
	int64_t released;    /* 0: not known */
	uint64_t listed;     /* the catalogue's build that decides for this one (bracketing) */
	uint64_t upgrade_to; /* the one next step; 0: none */
	bool ahead_of_catalogue;
	const char *emergency; /* id of the definition that matches, or NULL */
	bool tarpit;           /* what it wants: slow down, else refuse ... */
	unsigned int minutes;  /* ... for so many minutes of each hour ... */
	int64_t until;         /* ... until this moment; INT64_MAX: no end */
	enum standing apart;   /* the standing without it */
};

/*
 * Facts only this gate can know: an update counts for "outdated" when the catalogue marks it
 * seen_on_wire, or this returns true (the gate confirmed that build or a higher one of the
 * same CU from 3 sources; DESIGN section 7). NULL function: never.
 */
typedef bool (*catalogue_seen_fn)(void *arg, uint64_t build, uint64_t below);

/* catalogue_load - parse and check path; on failure *ret_catalogue is untouched and e says
 * file, place, what was expected */
int catalogue_load(const char *path, struct catalogue **ret_catalogue, struct error *e);

/* catalogue_parse - the same for a text of `bytes` that is called `name` in errors */
int catalogue_parse(const char *name, const char *text, size_t bytes,
		    struct catalogue **ret_catalogue, struct error *e);
void catalogue_free(struct catalogue *catalogue);

/* catalogue_id_fits - id can be that of an emergency definition: up to 64 printable characters,
 * none of them a space, a quote or a backslash */
bool catalogue_id_fits(const char *id);

/* catalogue_block - an emergency definition is not to be applied, or is again; false: there is
 * none of this id */
bool catalogue_block(struct catalogue *catalogue, const char *id, bool block);

/* catalogue_summary - serial, age, counts, floors and emergency definitions as JSON ("catalogue
 * show"); the caller owns it */
json_t *catalogue_summary(const struct catalogue *catalogue, int64_t at);

/* catalogue_as_of - the moment the catalogue's list ends; catalogue_serial - its serial */
int64_t catalogue_as_of(const struct catalogue *catalogue);
int64_t catalogue_serial(const struct catalogue *catalogue);

/* catalogue_emergencies - how many definitions are in force at `at` */
unsigned int catalogue_emergencies(const struct catalogue *catalogue, int64_t at);
unsigned int catalogue_count(const struct catalogue *catalogue);

/* catalogue_judge - standing of build at moment `at` (DESIGN section 7, first match wins) */
void catalogue_judge(const struct catalogue *catalogue, uint64_t build, int64_t at,
		     int64_t grace_days, catalogue_seen_fn seen, void *seen_arg,
		     struct judgement *ret);

/* catalogue_check - the JSON object of "catalogue check -j" (DESIGN section 6), with reasons
 * in words; the caller owns it */
json_t *catalogue_check(const struct catalogue *catalogue, uint64_t build, int64_t at,
			int64_t grace_days, catalogue_seen_fn seen, void *seen_arg);

/* catalogue_upgrades - builds to recommend for build at `at`, best first; returns how many
 * (the column "recommended builds" of the report) */
unsigned int catalogue_upgrades(const struct catalogue *catalogue, uint64_t build, int64_t at,
				uint64_t *ret_builds, unsigned int max);

#endif
