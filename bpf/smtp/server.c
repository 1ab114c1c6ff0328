// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the server says: its greeting and its replies. */
#include "bpf/smtp/automaton.h"
#include "bpf/smtp/parts.h"
#include "bpf/smtp/words.h"

/* text - two states, between words and in a word nobody looks for, of a line that ends in
 * `end`; `blanks` separate words */
static int text(int end, const char *blanks, int *ret_other)
{
	int g = state(-1), other = state(-1);

	on(other, blanks, g);
	on(other, "\n", end);
	become(g, other);
	*ret_other = other;
	return g;
}

/* microsoft_mail - "Microsoft ESMTP MAIL Service": Windows where "Version:" follows, Exchange
 * 2007 or newer where the line ends without */
static void microsoft_mail(int from, int other, int reply)
{
	int nobuild = as(reply, SMTP_BANNER_NOBUILD), iis = state(-1);
	int mail_other, mail = text(nobuild, " \t\r,", &mail_other);

	acts(iis, SMTP_BANNER_IIS);
	on_any(iis, other);
	on(iis, "\n", reply);
	on(word(mail, "Version", false, mail_other), ":", iis);
	for (const char *const *w = words_mail_service; *w; w++) {
		int s = word(from, *w, false, other), g = like(other);

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
	on_any(foreign, foreign);
	on(foreign, "\n", nobuild);
	s = word(from, "Exchange", false, other);
	on(s, " \t\r(", exchange);
	on(s, "\n", nobuild);
	for (const char *const *w = words_exchange_banner; *w; w++)
		on(word(exchange, *w, false, foreign), " \t\r(", exchange);
	for (const char *const *w = words_exchange_update; *w; w++) {
		s = word(exchange, *w, false, foreign);
		on(s, DIGITS, s);
		on(s, " \t\r", exchange);
	}
	s = number(exchange, foreign);
	on(s, " \t\r),;", end);
	on(s, "\n", end_line);
	/* "2016" begins as a number does and has no dot */
	s = after(exchange, '0');
	on(s, " \t\r", exchange);
	on(after(s, '0'), " \t\r", exchange);
}

/* tells - after a word that ends in s, at one of `blanks` or the line's end, `act` is called */
static void tells(int s, const char *blanks, enum smtp_action act, int skip, int line)
{
	on(s, blanks, as(skip, act));
	on(s, "\n", as(line, act));
}

/* replies - codes, and keywords of a 250 */
int replies(void)
{
	int line = state(-1), skip = state(-1), first = state(-1), keyword, hello = state(-1);

	on_any(line, skip);
	on_any(hello, skip);
	on(line, "\n", line);
	on(skip, "\n", line);
	on(first, "\n", line);
	on(hello, "\n", line);
	on(first, " ", hello);
	keyword = like(first);
	tells(word(line, "354", false, skip), " -\r", SMTP_REPLY_354, skip, line);
	tells(word(line, "220", false, skip), " -\r", SMTP_REPLY_220, skip, line);
	on(line, "45", as(skip, SMTP_REPLY_REFUSED));
	on(word(line, "250", false, skip), " -", keyword);
	/* "host Hello [192.0.2.7]" is how Microsoft's servers begin this reply, others name you */
	on(word(hello, "Hello ", false, skip), "[", as(skip, SMTP_KEYWORD_HELLO));
	for (const char *const *w = words_exchange_keyword; *w; w++)
		tells(word(keyword, *w, true, first), " =\r", SMTP_KEYWORD_EXCHANGE, skip, line);
	for (const char *const *w = words_iis_keyword; *w; w++)
		tells(word(keyword, *w, true, first), " \r", SMTP_KEYWORD_IIS, skip, line);
	return line;
}

/* host - at h, the byte after the code: the server's name; other bytes go as `words` and its
 * `other` do */
static void host(int h, int words, int other)
{
	int first = acting(other, SMTP_HOST_FIRST);
	int rest = acting(other, SMTP_HOST);

	instead(first, other, rest);
	instead(rest, other, rest);
	become(h, words);
	instead(h, other, first);
}

/* greeting - 220, a host, a product */
int greeting(int reply)
{
	int line = state(-1), skip = state(-1), h = state(-1), s, next;
	int more = state(-1), other, words = text(more, " \t\r(", &other);

	on_any(line, skip);
	on(line, "\n", more);
	on(skip, "\n", more);
	host(h, words, other);
	on(word(line, "220", false, skip), " -", h);

	/* what comes after a line of the greeting: like `reply`, but 220 goes on with text */
	become(more, reply);
	s = more;
	for (const char *p = "220"; *p; p++, s = next) {
		const char byte[] = { *p, 0 };

		next = like(after(s, *p));
		on(s, byte, next);
	}
	on(s, " -", words);

	s = word(words, "Microsoft", false, other);
	next = like(other);
	on(s, " ", next);
	on(next, " ", next);
	microsoft_mail(next, other, more);
	microsoft_exchange(next, other, more);
	return line;
}
