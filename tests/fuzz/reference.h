/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reference - what a conversation shows, read slowly
 *
 * Written from the grammar and not from the automaton: it has all bytes before it, looks ahead
 * and searches as it likes. The fuzzers and tests hold the line machine against it. A pattern
 * that is added to bpf/smtp/words.c is added here too.
 *
 * A client's DATA is answered 354 and its STARTTLS refused. Where the bytes end too early the
 * answer is what was certain by then.
 */
#ifndef BUILDGATE_TESTS_REFERENCE_H
#define BUILDGATE_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reference {
	uint64_t build; /* the newest; 0: none */
	int family;     /* enum family of maps/abi.h; 0: nothing said */
	bool stamped;   /* the build is from a Received line, and `by` is set */
	char helo[128]; /* EHLO name, or the host that greets, as far as it was said */
	char by[128];
};

/* reference_client, reference_server - all that a side said */
void reference_client(const char *bytes, size_t n, struct reference *r);
void reference_server(const char *bytes, size_t n, struct reference *r);

/* --- between the files of the reference ------------------------------------------------------ */

/* reference_header - a header's first bytes; `stuffed` says whether dots were added. True where
 * that decides. */
bool reference_header(const char *bytes, size_t n, bool stuffed, struct reference *r);

/* reference_number - four numbers with any of `separators` between, at the start of `at`;
 * returns its length, 0 where there is none. *build is 0 where it cannot be one. */
size_t reference_number(const char *at, const char *end, const char *separators, uint64_t *build);

/* reference_product - is this the number of an Exchange, and not of Windows? */
bool reference_product(uint64_t build);

/* reference_family - families only get stronger */
void reference_family(struct reference *r, int family);

/* reference_copy - the first bytes of a name */
void reference_copy(char name[128], const char *from, const char *to);

/* reference_span - where the run of bytes out of (or, not `in`, outside) `set` ends */
const char *reference_span(const char *at, const char *end, const char *set, bool in);

/* reference_is - do the bytes begin with this word? */
bool reference_is(const char *at, const char *end, const char *word, bool fold);

#endif
