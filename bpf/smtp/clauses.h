/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clauses - the inside of a header field: words, gaps, comments (RFC 5322, 2.2.3 and 3.2.2)
 *
 * Folding is part of the table: between two words any run of blanks and line ends that goes on
 * with a blank is one gap. Where a line end is followed by something else the field is over.
 */
#ifndef BUILDGATE_SMTP_CLAUSES_H
#define BUILDGATE_SMTP_CLAUSES_H

#include "bpf/smtp/automaton.h"

/*
 * A context is where we are in a header: between words (gap), just after a line end
 * (line), in a word nobody looks for (other), in a comment (nested ones count to two).
 * `end` is entered when the clauses are over: at ';' or where a line does not go on.
 */
struct context {
	int gap, line, other, end;
	int comment, comment_line, nested, nested_line;
};

/* context - the states of a new context, whose end calls `end` */
struct context context(enum smtp_action end);

/* gap - a gap in c of its own: words that begin in it are added by the caller, all else is as
 * in c */
int gap(const struct context *c);

/* leads - after the word that ends in s, blanks, line ends, comments and ';' go where they go
 * in context c; blanks to `to` */
void leads(int s, const struct context *c, int to);

/* phrase - the state after words with gaps between them, from a gap; `c` is where a mismatch
 * belongs */
int phrase(int from, const char *text, const struct context *c);

/* dotted - the state after a line end may be followed by a dot that transparency added
 * (RFC 5321, 4.5.2); the action puts that right where no dot is added (BDAT) */
void dotted(int line);

#endif
