// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/smtp/clauses.h"

/* dotted - a dot after a line end */
void dotted(int line)
{
	int ordinary = after(line, '.');
	int dot = acting(line, SMTP_DOT);

	on(dot, ".", ordinary);
	on(line, ".", dot);
}

/* gap - two states: in it, and after a line end in it */
int gap(const struct context *c)
{
	int g = like(c->other), line = state(c->end);

	on(g, " \t\r", g);
	on(g, "\n", line);
	on(line, " \t", g);
	dotted(line);
	return g;
}

/* comment - `in` is inside a comment, `line` after a line end in it */
static void comment(int in, int line, int closed)
{
	on(in, ")", closed);
	on(in, "\n", line);
	on(line, " \t", in);
	dotted(line);
}

/* context - the eight states of a context */
struct context context(enum smtp_action end)
{
	struct context c;

	c.end = state(-1);
	acts(c.end, end);
	c.gap = state(-1);
	c.other = state(-1);
	c.line = state(c.end);
	c.comment = state(-1);
	c.comment_line = state(c.end);
	c.nested = state(-1);
	c.nested_line = state(c.end);

	on(c.other, " \t\r", c.gap);
	on(c.other, "\n", c.line);
	on(c.other, "(", c.comment);
	on(c.other, ";", c.end);
	become(c.gap, c.other);
	on(c.line, " \t", c.gap);
	dotted(c.line);
	on(c.comment, "(", c.nested);
	comment(c.comment, c.comment_line, c.gap);
	comment(c.nested, c.nested_line, c.comment);
	return c;
}

/* leads - what may follow a word */
void leads(int s, const struct context *c, int to)
{
	on(s, " \t\r", to);
	on(s, "\n", after(to, '\n'));
	on(s, "(", after(to, '('));
	on(s, ";", after(c->other, ';'));
}

/* phrase - words and the gaps between them; where another phrase with the same beginning has made a
 * gap, that is used */
int phrase(int from, const char *text, const struct context *c)
{
	char *words = strdup(text), *save = NULL;
	int s = from;

	if (!words) {
		perror("smtp_gen");
		exit(1);
	}
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (s != from) {
			if (after(s, ' ') == c->gap)
				leads(s, c, gap(c));
			s = after(s, ' ');
		}
		s = word(s, w, false, c->other);
	}
	free(words);
	return s;
}
