// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the client says: commands (RFC 5321, 4.1; BDAT is RFC 3030). */
#include "bpf/smtp/automaton.h"
#include "bpf/smtp/parts.h"

/* build_label - a label that carries a build, b15-1-2507-39 or build-15.1.2507.39: at `label` or
 * where the name begins, after `blanks`. Other labels are `in`. A number that is followed by a
 * dot, a blank, a line end leads to built[0], [1], [2]. */
static void build_label(int blanks, int in, int label, const int built[3])
{
	int b = acting(in, SMTP_HELO), s = b, d, first, spelled;

	on_letter(label, 'b', true, b);
	for (const char *p = "uild"; *p; p++) {
		int t = acting(in, SMTP_HELO);

		on_letter(s, *p, true, t);
		s = t;
	}
	d = acting(in, SMTP_HELO); /* the dash of build-15-... */
	on(s, "-_", d);
	first = acting(in, SMTP_HELO_DIGIT_FIRST);
	spelled = acting(in, SMTP_HELO_SPELLED);
	on(b, DIGITS, first);
	on(s, DIGITS, spelled);
	on(d, DIGITS, spelled);
	for (int i = 0; i < 4; i++) {
		int digit = acting(in, SMTP_HELO_DIGIT);

		on(i ? d : first, DIGITS, digit);
		on(i ? d : spelled, DIGITS, digit);
		on(digit, DIGITS, digit);
		if (i < 3) {
			d = acting(in, SMTP_HELO_DASH);
			on(d, ".", label);
			if (!i) {
				on(first, "-._", d);
				on(spelled, "-._", d);
			}
			on(digit, "-._", d);
		} else {
			on(digit, ".", built[0]);
			on(digit, " \t\r", built[1]);
			on(digit, "\n", built[2]);
		}
	}
	/* the first label begins at the first byte of the name */
	first = acting(b, SMTP_HELO_FIRST);
	on_letter(blanks, 'b', true, first);
}

/* ehlo - from the blank after the verb: the name */
static void ehlo(int verb, int skip, int line)
{
	int blanks = like(skip), in = state(-1), label = state(-1);
	int end = as(skip, SMTP_EHLO), end_line = as(line, SMTP_EHLO);
	int built[3], first;

	built[1] = as(skip, SMTP_EHLO_BUILD);
	built[2] = as(line, SMTP_EHLO_BUILD);
	on(verb, " \t", blanks);
	on(blanks, " \t", blanks);
	acts(in, SMTP_HELO);
	acts(label, SMTP_HELO);
	on(in, ".", label);
	on(in, " \t\r", end);
	on(in, "\n", end_line);
	become(label, in);
	first = acting(in, SMTP_HELO_FIRST);
	instead(blanks, skip, first);
	on(blanks, "\r", skip);
	on(blanks, ".", as(label, SMTP_HELO_FIRST));
	built[0] = as(label, SMTP_HELO_BUILD);
	build_label(blanks, in, label, built);
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

/* bdat - BDAT, a size, perhaps LAST */
static void bdat(int line, int skip)
{
	int s = word(line, "BDAT", true, skip), blanks = like(skip);
	int first = acting(skip, SMTP_CHUNK_FIRST), digit = acting(skip, SMTP_CHUNK);
	int rest = like(skip), end = as(line, SMTP_BDAT);
	int last, done = like(skip), end_last = as(line, SMTP_BDAT_LAST);

	on(s, " \t", blanks);
	on(blanks, " \t", blanks);
	on(blanks, DIGITS, first);
	on(first, DIGITS, digit);
	on(digit, DIGITS, digit);
	on(first, " \t\r", rest);
	on(digit, " \t\r", rest);
	on(rest, " \t\r", rest);
	on(first, "\n", end);
	on(digit, "\n", end);
	on(rest, "\n", end);
	last = word(rest, "LAST", true, skip);
	on(last, " \t\r", done);
	on(done, " \t\r", done);
	on(last, "\n", end_last);
	on(done, "\n", end_last);
}

/* commands - the verbs that matter */
int commands(void)
{
	int line = state(-1), skip = state(-1);

	on(skip, "\n", line);
	on_any(line, skip);
	on(line, "\n", line);
	ehlo(word(line, "EHLO", true, skip), skip, line);
	ehlo(word(line, "HELO", true, skip), skip, line);
	plain(line, "DATA", SMTP_DATA, skip);
	bdat(line, skip);
	plain(line, "STARTTLS", SMTP_STARTTLS, skip);
	plain(line, "X-ANONYMOUSTLS", SMTP_STARTTLS, skip);
	plain(line, "RSET", SMTP_RSET, skip);
	return line;
}
