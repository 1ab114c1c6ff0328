/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enforcer_private - what the enforcer's own files share
 *
 * enforcer.c decides (pure); enforcer_publish.c keeps the verdicts map equal to the decisions,
 * enforcer_all.c all of it at once, enforcer_ranges.c the ranges map and the operator's list;
 * enforcer_repair.c compares, part by part.
 */
#ifndef BUILDGATE_ENFORCER_PRIVATE_H
#define BUILDGATE_ENFORCER_PRIVATE_H

#include "enforcer.h"

struct own_range {
	struct addr addr;
	unsigned int bits;
};

struct enforcer {
	struct enforcer_options options;
	struct enforcer_stats stats;
	struct decision *decisions; /* those in force when last read from the store */
	unsigned int decisions_count;
	struct own_range *own;
	unsigned int own_count;
	uint64_t own_known;    /* fingerprint of the own ranges that the map was made with */
	bool published;        /* the map was made equal to the store once */
	bool repairing;        /* what differs in the ranges map now is drift */
	struct repair *repair; /* the comparison under way; NULL: none */
};

/* source_bits - length of the source that an address belongs to */
unsigned int enforcer_source_bits(const struct enforcer *enforcer, const struct addr *addr);

/* enforcer_in_force - by its time */
bool enforcer_in_force(const struct decision *decision, int64_t now);

/* enforcer_exact - it is about one source, not about a range */
bool enforcer_exact(const struct enforcer *enforcer, const struct decision *decision);

/* enforcer_read_decisions - from the store into memory */
int enforcer_read_decisions(struct enforcer *enforcer, struct error *e);

/* enforcer_want - the map's value for a source, whatever the mode; false: no entry.
 * enforcer_want_of - the same by address, from the store; 1: there is one */
bool enforcer_want(const struct enforcer *enforcer, const struct source *source, int64_t now,
		   struct verdict *ret);
int enforcer_want_of(struct enforcer *enforcer, const struct addr *addr, int64_t now,
		     struct verdict *ret, struct error *e);

/* enforcer_keep_live - take over into `want` what the kernel wrote into the live entry */
void enforcer_keep_live(const struct verdict *live, struct verdict *want);

/* enforcer_put, enforcer_drop - one entry into the map, or out of it; 1: the map changed */
int enforcer_put(struct enforcer *enforcer, const struct addr *addr, const struct verdict *want,
		 struct error *e);
int enforcer_drop(struct enforcer *enforcer, const struct addr *addr, struct error *e);

/* enforcer_repair_end - a comparison under way is given up: something else is wanted now */
void enforcer_repair_end(struct enforcer *enforcer);

/* enforcer_write_ranges - make the ranges map equal to the decisions in force */
int enforcer_write_ranges(struct enforcer *enforcer, int64_t now, struct error *e);

/* enforcer_changed - behind every change of the maps: the programs ask anew, also in a flood */
static inline void enforcer_changed(struct enforcer *enforcer)
{
	if (enforcer->options.settings)
		enforcer->options.settings->decided++;
}

#endif
