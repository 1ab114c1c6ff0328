// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the client says: the header of a message, to its top-most Received line. */
#include "bpf/smtp/clauses.h"
#include "bpf/smtp/parts.h"
#include "bpf/smtp/words.h"

/* by - "by" and a name, from a gap whose other words are `miss`; after it we are in c */
static void by(int from, int miss, const struct context *c)
{
	int s = word(from, "by", false, miss), g = gap(c);
	int first = acting(c->other, SMTP_BY_FIRST), rest = acting(c->other, SMTP_BY);

	leads(s, c, g);
	instead(first, c->other, rest);
	instead(rest, c->other, rest);
	instead(g, c->other, first);
}

/* inside - after the word that ends in s, a parenthesis with words of `list` and a number, `end`
 * after it; all else is as in c */
static void inside(int s, const struct context *c, const char *const *list, int end)
{
	struct context in = *c;
	int paren = like(c->comment), g = gap(c);

	in.gap = in.other = c->comment;
	on(g, "(", paren);
	leads(s, c, g);
	for (const char *const *w = list; *w; w++) {
		s = phrase(paren, *w, &in);
		g = gap(&in);
		leads(s, &in, g);
		on(number(g, c->comment), ")", end);
	}
}

/* received - the clauses of the top-most Received line, from the byte after its colon */
static int received(void)
{
	struct context before = context(SMTP_END_OTHER);
	struct context exchange = context(SMTP_END_NOBUILD);
	struct context again = context(SMTP_END_NOBUILD);
	struct context token = context(SMTP_END_TOKEN);
	int number_end = as(token.gap, SMTP_NUMBER_END);
	int number_line = as(token.line, SMTP_NUMBER_END);
	int number_comment = as(token.comment, SMTP_NUMBER_END);
	int number_final = as(token.end, SMTP_NUMBER_FINAL);
	int ambiguous = as(token.end, SMTP_END_NOBUILD);
	int iis = as(token.end, SMTP_END_IIS);
	int with = gap(&before), s, g;

	by(before.gap, before.other, &before);
	by(exchange.gap, exchange.other, &before);
	leads(word(before.gap, "with", false, before.other), &before, with);
	leads(word(exchange.gap, "with", false, exchange.other), &before, with);
	/* a second stamp in one line: somebody's name was made to look like one */
	on(word(token.gap, "with", false, token.other), " \t\r\n", ambiguous);
	on(word(token.gap, "by", false, token.other), " \t\r\n", ambiguous);

	for (const char *const *w = words_exchange_with; *w; w++)
		leads(phrase(with, *w, &before), &exchange, exchange.gap);
	for (const char *const *w = words_exchange_again; *w; w++)
		leads(phrase(with, *w, &before), &again, again.gap);
	for (const char *const *w = words_iis_with; *w; w++)
		on(phrase(with, *w, &before), " \t\r\n(;", iis);
	for (const char *const *w = words_exchange_paren; *w; w++) {
		int paren = like(exchange.comment);

		s = phrase(with, *w, &before);
		g = gap(&exchange);
		on(g, "(", paren);
		leads(s, &exchange, g);
		on(number(paren, exchange.comment), ")", number_end);
	}
	inside(phrase(with, "SMTP", &before), &before, words_exchange_inside, number_end);
	inside(phrase(with, "Microsoft Exchange", &before), &exchange, words_exchange_imc,
	       number_end);

	g = gap(&exchange);
	leads(word(exchange.gap, "id", false, exchange.other), &exchange, g);
	leads(word(again.gap, "id", false, again.other), &exchange, g);
	s = number(g, exchange.other);
	on(s, " \t\r", number_end);
	on(s, "\n", number_line);
	on(s, "(", number_comment);
	on(s, ";", number_final);
	return before.gap;
}

/* header - field by field */
int header(void)
{
	int start = state(-1), skip = state(-1), blanks = like(skip), empty = like(skip);
	int eoh = state(-1), name, clauses = received();

	acts(eoh, SMTP_END_OTHER);
	on_any(start, skip);
	on_any(blanks, skip);
	on_any(empty, skip);
	on(skip, "\n", start);
	on(blanks, "\n", start);
	on(empty, "\n", eoh);
	on(start, "\r", empty);
	on(start, "\n", eoh);
	name = word(start, "Received", true, skip);
	on(name, " \t", blanks);
	on(blanks, " \t", blanks);
	on(name, ":", clauses);
	on(blanks, ":", clauses);
	dotted(start);
	return start;
}
