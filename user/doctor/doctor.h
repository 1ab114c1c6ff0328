/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor - is this host fit for the gate, does the gate see all mail, and what is to be done?
 *
 * Each kind of finding has a file: doctor_kernel.c, doctor_mounts.c and so on. A file's looking
 * function gathers facts and hands them to its judging function, which only adds findings: so
 * tests judge facts of their own (doctor_private.h). Nothing is changed, and nothing needs the
 * daemon: what only it knows is left out when it does not answer.
 *
 * Call order: fill a struct doctor; doctor_look(); read findings; doctor_free(). What the
 * pointers point to stays the caller's.
 */
#ifndef BUILDGATE_DOCTOR_H
#define BUILDGATE_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/config/config.h"

enum doctor_level {
	DOCTOR_OK = 1,
	DOCTOR_NOTE, /* worth knowing, nothing that must be done */
	DOCTOR_WARN, /* something needs doing */
	DOCTOR_BAD,  /* the gate does not do what it is there for */
};

struct doctor {
	const char *root; /* before every path that is read: "", or a test's tree */
	const char *config_path;
	const struct config *config; /* NULL: not there or not good */
	const char *config_error;    /* why it is not good; NULL: it is, or is not there */
	const json_t *status;        /* the daemon's answer to "status"; NULL: none */
	const char *silence;         /* what it means that there is none */
	bool loaded;                 /* the gate's maps are pinned ... */
	const char *hidden;          /* ... but why they may not be looked at; NULL: they may */
	struct settings settings;    /* of the loaded gate */
	const json_t *hooks;         /* loader_hooks(); NULL: not known */
	uint64_t now_ns;             /* kernel time */
	int64_t now;                 /* wall */
	json_t *findings;            /* array of {"section","level","ok","finding","next"} */
	enum doctor_level worst;
};

/* doctor_look - all of it; findings in the order in which a person would look */
void doctor_look(struct doctor *doctor);
void doctor_free(struct doctor *doctor);

/* doctor_level_name - "ok", "note", "warn", "bad" */
const char *doctor_level_name(enum doctor_level level);

#endif
