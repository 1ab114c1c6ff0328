/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * smtp_gen - writes smtp_table.h, the automaton that bpf/smtp.h walks
 *
 * Runs on the build host. The automaton is built from the words below by small helpers, so
 * that adding a pattern is adding a line: see "The words" and CONTRIBUTING.md.
 *
 * One table serves both directions of a conversation, with a start row for each thing that
 * may come next: a command line, a header block, the greeting, a reply. A state whose number
 * is FIRST_ACTION or above calls an action when a byte leads into it; the others, nearly all
 * bytes, cost two loads and a compare.
 *
 * Folding (RFC 5322, 2.2.3) is part of the table: between two words of a header any run of
 * blanks and line ends that goes on with a blank is one gap. Where a line end is followed by
 * something else the header is over.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/smtp_action.h"

#define STATES_MAX  2048 /* before equal ones are joined */
#define ROWS_MAX    910  /* an index must fit 16 bits */
#define CLASSES_MAX 72

static int next[STATES_MAX][256];
static enum smtp_action action[STATES_MAX];
static int model_of[STATES_MAX]; /* goes where that state goes, when all is known; 0: none */
static int states;

/* state - a new state where every byte leads to `other` (-1: to itself) */
static int state(int other)
{
	if (states == STATES_MAX) {
		fprintf(stderr, "smtp_gen: more than %d states\n", STATES_MAX);
		exit(1);
	}
	for (int c = 0; c < 256; c++)
		next[states][c] = other < 0 ? states : other;
	return states++;
}

/* like - a new state that goes where `model` goes */
static int like(int model)
{
	int s = state(-1);

	memcpy(next[s], next[model], sizeof(next[s]));
	return s;
}

/* acting - a new state like `model` that calls `act` when it is entered */
static int acting(int model, enum smtp_action act)
{
	int s = like(model);

	action[s] = act;
	return s;
}

/* as - a state that calls `act` when it is entered and then is `model`, words that are added
 * to it later included */
static int as(int model, enum smtp_action act)
{
	int s = acting(model, act);

	model_of[s] = model;
	return s;
}

/* on - each of bytes leads from s to target */
static void on(int s, const char *bytes, int target)
{
	for (; *bytes; bytes++)
		next[s][(unsigned char)*bytes] = target;
}

/* on_letter - a letter, in both cases when fold is set */
static void on_letter(int s, char letter, bool fold, int target)
{
	next[s][(unsigned char)letter] = target;
	if (fold && letter >= 'a' && letter <= 'z')
		next[s][letter - 'a' + 'A'] = target;
	if (fold && letter >= 'A' && letter <= 'Z')
		next[s][letter - 'A' + 'a'] = target;
}

#define DIGITS "0123456789"

/* word - the state after `text`, starting at `from`; every other byte goes where `miss` goes.
 * Words with a common beginning share it. */
static int word(int from, const char *text, bool fold, int miss)
{
	int s = from;

	for (; *text; text++) {
		int t = next[s][(unsigned char)*text];

		if (t == next[miss][(unsigned char)*text] || t == from || t == miss) {
			t = like(miss);
			on_letter(s, *text, fold, t);
		}
		s = t;
	}
	return s;
}

/*
 * A context is where we are in a header: between words (gap), just after a line end
 * (line), in a word nobody looks for (other), in a comment (RFC 5322, 3.2.2; nested ones
 * count to two). `end` is entered when the clauses are over: at ';' or where a line does not
 * go on.
 */
struct context {
	int gap, line, other, end;
	int comment, comment_line, nested, nested_line;
};

/* dotted - the state after a line end may be followed by a dot that transparency added
 * (RFC 5321, 4.5.2); the action puts that right where no dot is added (BDAT) */
static void dotted(int line)
{
	int ordinary = next[line]['.'];
	int dot = acting(line, SMTP_DOT);

	on(dot, ".", ordinary);
	on(line, ".", dot);
}

/* gap - the two states of a gap (in and after a line end); words that begin in it are added
 * by the caller, all else is as in c */
static int gap(const struct context *c)
{
	int g = like(c->other), line = state(c->end);

	on(g, " \t\r", g);
	on(g, "\n", line);
	on(line, " \t", g);
	dotted(line);
	return g;
}

static struct context context(enum smtp_action end)
{
	struct context c;

	c.end = state(-1);
	action[c.end] = end;
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
	memcpy(next[c.gap], next[c.other], sizeof(next[c.gap]));
	on(c.line, " \t", c.gap);
	dotted(c.line);
	on(c.comment, ")", c.gap);
	on(c.comment, "(", c.nested);
	on(c.comment, "\n", c.comment_line);
	on(c.comment_line, " \t", c.comment);
	dotted(c.comment_line);
	on(c.nested, ")", c.comment);
	on(c.nested, "\n", c.nested_line);
	on(c.nested_line, " \t", c.nested);
	dotted(c.nested_line);
	return c;
}

/* leads - after the word that ends in s, blanks, line ends, comments and ';' go where they go
 * in context c; blanks to `to` */
static void leads(int s, const struct context *c, int to)
{
	on(s, " \t\r", to);
	on(s, "\n", next[to]['\n']);
	on(s, "(", next[to]['(']);
	on(s, ";", next[c->other][';']);
}

/* phrase - words with gaps between them, from a gap; `c` is where a mismatch belongs */
static int phrase(int from, const char *text, const struct context *c)
{
	char *words = strdup(text), *save = NULL;
	int s = from;

	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (s != from) {
			if (next[s][' '] == c->gap)
				leads(s, c, gap(c));
			s = next[s][' '];
		}
		s = word(s, w, false, c->other);
	}
	free(words);
	return s;
}

/*
 * number - four numbers with dots from `from`; the digits call SMTP_NUMBER. Bytes that do not
 * belong lead where `miss` leads. Returns the state inside the fourth number.
 */
static int number(int from, int miss)
{
	int part = acting(miss, SMTP_NUMBER_FIRST), rest = acting(miss, SMTP_NUMBER);

	on(from, DIGITS, part);
	on(part, DIGITS, rest);
	on(rest, DIGITS, rest);
	for (int i = 1; i < 4; i++) {
		int dot = acting(miss, SMTP_NUMBER_DOT), digit = acting(miss, SMTP_NUMBER);

		on(part, ".", dot);
		on(rest, ".", dot);
		on(dot, DIGITS, digit);
		on(digit, DIGITS, digit);
		part = rest = digit;
	}
	return rest;
}

/* --- what the sender says: commands --------------------------------------------------------- */

/* ehlo - from the blank after the verb: the name, and a label in it that carries a build
 * (b15-1-2507-39, build-15.1.2507.39) */
static void ehlo(int verb, int skip, int line)
{
	int blanks = like(skip), in = state(-1), label = state(-1), b, d, s;
	int end = as(skip, SMTP_EHLO), end_line = as(line, SMTP_EHLO);
	int built = as(skip, SMTP_EHLO_BUILD), built_line = as(line, SMTP_EHLO_BUILD);
	int first, built_label;

	on(verb, " \t", blanks);
	on(blanks, " \t", blanks);
	action[in] = SMTP_HELO;
	action[label] = SMTP_HELO;
	on(in, ".", label);
	on(in, " \t\r", end);
	on(in, "\n", end_line);
	memcpy(next[label], next[in], sizeof(next[in]));
	first = acting(in, SMTP_HELO_FIRST);
	for (int c = 0; c < 256; c++)
		if (next[blanks][c] == skip && c != '\r')
			next[blanks][c] = first;
	built_label = as(label, SMTP_HELO_BUILD);

	b = acting(in, SMTP_HELO);
	on_letter(label, 'b', true, b);
	s = b;
	for (const char *p = "uild"; *p; p++) {
		int t = acting(in, SMTP_HELO);

		on_letter(s, *p, true, t);
		s = t;
	}
	d = acting(in, SMTP_HELO); /* the dash of build-15-... */
	on(s, "-_", d);
	for (int i = 0; i < 4; i++) {
		int digit = acting(in, SMTP_HELO_DIGIT), lead = digit;

		if (i == 0) {
			lead = acting(in, SMTP_HELO_DIGIT_FIRST);
			on(b, DIGITS, lead);
			on(s, DIGITS, lead);
		}
		on(d, DIGITS, lead);
		on(lead, DIGITS, digit);
		on(digit, DIGITS, digit);
		if (i < 3) {
			d = acting(in, SMTP_HELO_DASH);
			on(d, ".", label);
			on(lead, "-._", d);
			on(digit, "-._", d);
		} else {
			on(digit, ".", built_label);
			on(digit, " \t\r", built);
			on(digit, "\n", built_line);
		}
	}
	/* the first label begins at the first byte of the name */
	s = acting(b, SMTP_HELO_FIRST);
	on_letter(blanks, 'b', true, s);
}

/* plain - a verb without argument that matters: `act` is called at its line end */
static void plain(int line, const char *verb, enum smtp_action act, int skip)
{
	int s = word(line, verb, true, skip), blanks = like(skip), end = as(line, act);

	on(s, " \t\r", blanks);
	on(blanks, " \t\r", blanks);
	on(s, "\n", end);
	on(blanks, "\n", end);
}

static void bdat(int line, int skip)
{
	int s = word(line, "BDAT", true, skip), blanks = like(skip);
	int first = acting(skip, SMTP_CHUNK_FIRST), digit = acting(skip, SMTP_CHUNK);
	int after = like(skip), end = as(line, SMTP_BDAT);
	int last, done = like(skip), end_last = as(line, SMTP_BDAT_LAST);

	on(s, " \t", blanks);
	on(blanks, " \t", blanks);
	on(blanks, DIGITS, first);
	on(first, DIGITS, digit);
	on(digit, DIGITS, digit);
	on(first, " \t\r", after);
	on(digit, " \t\r", after);
	on(after, " \t\r", after);
	on(first, "\n", end);
	on(digit, "\n", end);
	on(after, "\n", end);
	last = word(after, "LAST", true, skip);
	on(last, " \t\r", done);
	on(done, " \t\r", done);
	on(last, "\n", end_last);
	on(done, "\n", end_last);
}

static int commands(void)
{
	int line = state(-1), skip = state(-1);

	on(skip, "\n", line);
	for (int c = 0; c < 256; c++)
		next[line][c] = c == '\n' ? line : skip;
	ehlo(word(line, "EHLO", true, skip), skip, line);
	ehlo(word(line, "HELO", true, skip), skip, line);
	plain(line, "DATA", SMTP_DATA, skip);
	bdat(line, skip);
	plain(line, "STARTTLS", SMTP_STARTTLS, skip);
	plain(line, "X-ANONYMOUSTLS", SMTP_STARTTLS, skip);
	plain(line, "RSET", SMTP_RSET, skip);
	return line;
}

/* --- what the sender says: header of a message ---------------------------------------------- */

/* The words. Each is looked for after "with" of the top-most Received line (facts.md, 4, 5). */
static const char *const exchange_with[] = {
	/* an id follows, comments may stand between */
	"Microsoft SMTP Server",
	"mapi",
	"ShadowRedundancy",
	"MailboxResubmission by AntispamTT",
};
static const char *const exchange_paren[] = {
	/* the number stands in a parenthesis of its own */
	"Internet Mail Service",
};
static const char *const exchange_inside[] = {
	/* after "SMTP": the number stands inside a parenthesis, after these words */
	"Microsoft Exchange Internet Mail Service Version",
	"Microsoft Exchange Server Internet Mail Connector Version",
};
static const char *const iis_with[] = { "Microsoft SMTPSVC" };

#define ALL(i, list) (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++)

/* by - "by" and a name, from a gap whose other words are `miss`; after it we are in c */
static void by(int from, int miss, const struct context *c)
{
	int s = word(from, "by", false, miss), g = gap(c);
	int first = acting(c->other, SMTP_BY_FIRST), rest = acting(c->other, SMTP_BY);

	leads(s, c, g);
	for (int ch = 0; ch < 256; ch++)
		if (next[first][ch] == c->other) {
			next[first][ch] = rest;
			next[rest][ch] = rest;
			next[g][ch] = first;
		}
}

/* received - the clauses of the top-most Received line, from the byte after its colon */
static int received(void)
{
	struct context before = context(SMTP_END_OTHER);
	struct context exchange = context(SMTP_END_NOBUILD);
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

	for
		ALL(i, exchange_with)
	leads(phrase(with, exchange_with[i], &before), &exchange, exchange.gap);
	for
		ALL(i, iis_with)
	on(phrase(with, iis_with[i], &before), " \t\r\n(;", iis);
	for
		ALL(i, exchange_paren)
		{
			int paren = like(exchange.comment);

			s = phrase(with, exchange_paren[i], &before);
			g = gap(&exchange);
			on(g, "(", paren);
			leads(s, &exchange, g);
			on(number(paren, exchange.comment), ")", number_end);
		}

	struct context inside = before;
	int paren = like(before.comment);

	inside.gap = inside.other = before.comment;
	g = gap(&before);
	on(g, "(", paren);
	leads(phrase(with, "SMTP", &before), &before, g);
	for
		ALL(i, exchange_inside)
		{
			s = phrase(paren, exchange_inside[i], &inside);
			g = gap(&inside);
			leads(s, &inside, g);
			on(number(g, before.comment), ")", number_end);
		}

	g = gap(&exchange);
	leads(word(exchange.gap, "id", false, exchange.other), &exchange, g);
	s = number(g, exchange.other);
	on(s, " \t\r", number_end);
	on(s, "\n", number_line);
	on(s, "(", number_comment);
	on(s, ";", number_final);
	return before.gap;
}

/* header - the block line by line, to the first Received or the empty line */
static int header(void)
{
	int start = state(-1), skip = state(-1), blanks = like(skip), empty = like(skip);
	int eoh = state(-1), name, clauses = received();

	action[eoh] = SMTP_END_OTHER;
	for (int c = 0; c < 256; c++)
		next[start][c] = next[blanks][c] = next[empty][c] = skip;
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

/* --- what the server says ------------------------------------------------------------------- */

/* Words that may stand between "Microsoft Exchange" and a build in a greeting. */
static const char *const exchange_banner[] = {
	"Server", "SE",   "Internet",  "Mail",  "Service", "Connector", "SMTP",
	"ESMTP",  "Edge", "Transport", "build", "Build",   "version",   "Version",
};
static const char *const mail_service[] = { "ESMTP", "SMTP" };
/* EHLO keywords that only Exchange offers, and one that only Windows' SMTP service does */
static const char *const exchange_keyword[] = {
	"X-ANONYMOUSTLS", "X-EXPS", "X-LINK2STATE", "XEXCH50", "XRDST", "XSHADOW", "XSHADOWREQUEST",
};
static const char *const iis_keyword[] = { "TURN" };

/* text - two states, between words and in a word nobody looks for, of a line that ends in
 * `end`; `blanks` separate words */
static int text(int end, const char *blanks, int *ret_other)
{
	int g = state(-1), other = state(-1);

	on(other, blanks, g);
	on(other, "\n", end);
	memcpy(next[g], next[other], sizeof(next[0]));
	*ret_other = other;
	return g;
}

/* microsoft_mail - "Microsoft ESMTP MAIL Service": Windows where "Version:" follows, Exchange
 * 2007 or newer where the line ends without */
static void microsoft_mail(int from, int other, int reply)
{
	int nobuild = as(reply, SMTP_BANNER_NOBUILD), iis = state(-1);
	int mail_other, mail = text(nobuild, " \t\r,", &mail_other);

	action[iis] = SMTP_BANNER_IIS;
	for (int c = 0; c < 256; c++)
		next[iis][c] = other;
	on(iis, "\n", reply);
	on(word(mail, "Version", false, mail_other), ":", iis);
	for
		ALL(i, mail_service)
		{
			int s = word(from, mail_service[i], false, other), g = like(other);

			on(s, " ", g);
			s = word(g, "MAIL", false, other);
			on(s, " \r,", mail);
			on(s, "\n", nobuild);
		}
}

/* microsoft_exchange - "Microsoft Exchange", known words, a build */
static void microsoft_exchange(int from, int other, int reply)
{
	int nobuild = as(reply, SMTP_BANNER_NOBUILD), foreign;
	int exchange = text(nobuild, " \t\r(", &foreign);
	int end = as(foreign, SMTP_BANNER_TOKEN), end_line = as(reply, SMTP_BANNER_TOKEN), s;

	/* only known words: a foreign one in between makes the number somebody else's */
	for (int c = 0; c < 256; c++)
		next[foreign][c] = c == '\n' ? nobuild : foreign;
	s = word(from, "Exchange", false, other);
	on(s, " \t\r(", exchange);
	on(s, "\n", nobuild);
	for
		ALL(i, exchange_banner)
	on(word(exchange, exchange_banner[i], false, foreign), " \t\r(", exchange);
	s = word(exchange, "CU", false, foreign);
	on(s, DIGITS, s);
	on(s, " \t\r", exchange);
	s = number(exchange, foreign);
	on(s, " \t\r),;", end);
	on(s, "\n", end_line);
	/* "2016" begins as a number does and has no dot */
	s = next[exchange]['0'];
	on(s, " \t\r", exchange);
	on(next[s]['0'], " \t\r", exchange);
}

/* replies - reply lines after the greeting: the codes and EHLO keywords that matter */
static int replies(void)
{
	int line = state(-1), skip = state(-1), first = state(-1), keyword, hello = state(-1);

	for (int c = 0; c < 256; c++)
		next[line][c] = next[hello][c] = skip;
	on(line, "\n", line);
	on(skip, "\n", line);
	on(first, "\n", line);
	on(hello, "\n", line);
	on(first, " ", hello);
	keyword = like(first);
	on(word(line, "354", false, skip), " -\r", as(skip, SMTP_REPLY_354));
	on(word(line, "220", false, skip), " -\r", as(skip, SMTP_REPLY_220));
	on(line, "45", as(skip, SMTP_REPLY_REFUSED));
	on(word(line, "250", false, skip), " -", keyword);
	/* "host Hello [192.0.2.7]" is how Microsoft's servers begin this reply, others name you */
	on(word(hello, "Hello ", false, skip), "[", as(skip, SMTP_KEYWORD_HELLO));
	for
		ALL(i, exchange_keyword)
	on(word(keyword, exchange_keyword[i], true, first), " \r", as(skip, SMTP_KEYWORD_EXCHANGE));
	for
		ALL(i, iis_keyword)
	on(word(keyword, iis_keyword[i], true, first), " \r", as(skip, SMTP_KEYWORD_IIS));
	return line;
}

/* greeting - the first reply: the server's host, and what it says after it; the lines that
 * follow are replies, and text again where they say 220 */
static int greeting(int reply)
{
	int line = state(-1), skip = state(-1), host = state(-1), first, rest, s;
	int after = state(-1), other, words = text(after, " \t\r(", &other), g;

	for (int c = 0; c < 256; c++)
		next[line][c] = skip;
	on(line, "\n", after);
	on(skip, "\n", after);

	first = acting(other, SMTP_HOST_FIRST);
	rest = acting(other, SMTP_HOST);
	for (int c = 0; c < 256; c++)
		if (next[other][c] == other)
			next[first][c] = next[rest][c] = rest;
	for (int c = 0; c < 256; c++)
		next[host][c] = next[other][c] == other ? first : next[words][c];
	on(word(line, "220", false, skip), " -", host);

	/* what comes after a line of the greeting: like `reply`, but 220 goes on with text */
	memcpy(next[after], next[reply], sizeof(next[0]));
	s = after;
	for (const char *p = "220"; *p; p++) {
		int t = like(next[s][(unsigned char)*p]);

		next[s][(unsigned char)*p] = t;
		s = t;
	}
	on(s, " -", words);

	s = word(words, "Microsoft", false, other);
	g = like(other);
	on(s, " ", g);
	on(g, " ", g);
	microsoft_mail(g, other, after);
	microsoft_exchange(g, other, after);
	return line;
}

/* --- output --------------------------------------------------------------------------------- */

static int number_of[STATES_MAX], rows[ROWS_MAX], rows_count, first_action, classes;
static unsigned char class[256];

/* settle - give every `as` state its model's moves */
static void settle(void)
{
	for (int s = 0; s < states; s++) {
		int model = s;

		while (model_of[model])
			model = model_of[model];
		memcpy(next[s], next[model], sizeof(next[s]));
	}
}

/* join - states that nobody can tell apart become one (Moore's refinement): group[] ends with
 * a number per group; returns how many there are */
static int join(int group[])
{
	int count = 0, before, leader[STATES_MAX], fresh[STATES_MAX];

	for (int s = 0; s < states; s++)
		group[s] = action[s];
	do {
		before = count;
		count = 0;
		for (int s = 0; s < states; s++) {
			int g;

			for (g = 0; g < count; g++) {
				int l = leader[g], c;

				if (group[l] != group[s])
					continue;
				for (c = 0; c < 256; c++)
					if (group[next[l][c]] != group[next[s][c]])
						break;
				if (c == 256)
					break;
			}
			if (g == count)
				leader[count++] = s;
			fresh[s] = g;
		}
		memcpy(group, fresh, sizeof(fresh));
	} while (count != before);
	return count;
}

/* renumber - one row per group, those without an action first */
static void renumber(void)
{
	static int group[STATES_MAX], row[STATES_MAX];
	int count = join(group);

	if (count > ROWS_MAX) {
		fprintf(stderr, "smtp_gen: %d states, %d fit\n", count, ROWS_MAX);
		exit(1);
	}
	memset(row, -1, sizeof(row));
	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			first_action = rows_count;
		for (int s = 0; s < states; s++) {
			if ((action[s] != SMTP_NONE) != pass || row[group[s]] >= 0)
				continue;
			rows[rows_count] = s;
			row[group[s]] = rows_count++;
		}
	}
	for (int s = 0; s < states; s++)
		number_of[s] = row[group[s]];
}

/* classify - bytes that every state treats alike share a column */
static void classify(void)
{
	for (int c = 0; c < 256; c++) {
		int same, s;

		for (same = 0; same < c; same++) {
			for (s = 0; s < states && next[s][c] == next[s][same]; s++)
				;
			if (s == states)
				break;
		}
		class[c] = same < c ? class[same] : classes++;
	}
	if (classes > CLASSES_MAX) {
		fprintf(stderr, "smtp_gen: %d classes of bytes, %d fit\n", classes, CLASSES_MAX);
		exit(1);
	}
}

static void print(int command, int head, int greet, int reply)
{
	printf("/* made by bpf/smtp_gen.c: %d rows, %d classes of bytes */\n", rows_count, classes);
	printf("#define SMTP_CLASSES %d\n", CLASSES_MAX);
	printf("#define SMTP_FIRST_ACTION %d\n", first_action * CLASSES_MAX);
	printf("#define SMTP_ROW_COMMAND %d\n", number_of[command] * CLASSES_MAX);
	printf("#define SMTP_ROW_HEADER %d\n", number_of[head] * CLASSES_MAX);
	printf("#define SMTP_ROW_GREETING %d\n", number_of[greet] * CLASSES_MAX);
	printf("#define SMTP_ROW_REPLY %d\n", number_of[reply] * CLASSES_MAX);
	printf("static const __u8 smtp_class[256] = {");
	for (int c = 0; c < 256; c++)
		printf("%s%d,", c % 24 ? "" : "\n", class[c]);
	printf("\n};\nstatic const __u8 smtp_action_of[1024] = {");
	for (int n = 0; n < rows_count; n++)
		printf("%s%d,", n % 24 ? "" : "\n", action[rows[n]]);
	printf("\n};\nstatic const __u16 smtp_table[65536] = {\n");
	for (int n = 0; n < rows_count; n++) {
		for (int c = 0; c < 256; c++) {
			int same;

			for (same = 0; same < c && class[same] != class[c]; same++)
				;
			if (same == c)
				printf("[%d]=%d,", n * CLASSES_MAX + class[c],
				       number_of[next[rows[n]][c]] * CLASSES_MAX);
		}
		printf("\n");
	}
	printf("};\n");
}

int main(void)
{
	int command = commands(), head = header(), reply = replies();
	int greet = greeting(reply);

	settle();
	renumber();
	classify();
	print(command, head, greet, reply);
	return 0;
}
