// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/smtp/automaton.h"

struct automaton automaton;

/* row - the moves of a state */
static int *row(int s)
{
	return automaton.next[s];
}

/* state - a new state where every byte leads to `other` */
int state(int other)
{
	int s = automaton.states;

	if (s == STATES_MAX) {
		fprintf(stderr, "smtp_gen: more than %d states; raise STATES_MAX\n", STATES_MAX);
		exit(1);
	}
	automaton.states++;
	on_any(s, other < 0 ? s : other);
	return s;
}

/* like - a copy of a state's moves */
int like(int model)
{
	int s = state(-1);

	become(s, model);
	return s;
}

/* acting - a copy with an action of its own */
int acting(int model, enum smtp_action act)
{
	int s = like(model);

	acts(s, act);
	return s;
}

/* as - like acting(), for moves the model gets later too; settled in table.c */
int as(int model, enum smtp_action act)
{
	int s = acting(model, act);

	automaton.model_of[s] = 1 + model;
	return s;
}

/* acts - give a state its action */
void acts(int s, enum smtp_action act)
{
	automaton.action[s] = act;
}

/* become - copy moves over those of a state */
void become(int s, int model)
{
	memcpy(row(s), row(model), sizeof(automaton.next[0]));
}

/* on - lead some bytes */
void on(int s, const char *bytes, int target)
{
	for (; *bytes; bytes++)
		row(s)[(unsigned char)*bytes] = target;
}

/* on_any - lead all bytes */
void on_any(int s, int target)
{
	for (int c = 0; c < 256; c++)
		row(s)[c] = target;
}

/* on_letter - lead a letter */
void on_letter(int s, char letter, bool fold, int target)
{
	row(s)[(unsigned char)letter] = target;
	if (fold && letter >= 'a' && letter <= 'z')
		row(s)[letter - 'a' + 'A'] = target;
	if (fold && letter >= 'A' && letter <= 'Z')
		row(s)[letter - 'A' + 'a'] = target;
}

/* instead - redirect the moves to a state */
void instead(int s, int old, int target)
{
	for (int c = 0; c < 256; c++)
		if (row(s)[c] == old)
			row(s)[c] = target;
}

/* after - one move */
int after(int s, char byte)
{
	return row(s)[(unsigned char)byte];
}

/* word - a word byte by byte; a move that a word before made is told from one that was always
 * there by where `miss` goes */
int word(int from, const char *text, bool fold, int miss)
{
	int s = from;

	for (; *text; text++) {
		int t = after(s, *text);

		if (t == after(miss, *text) || t == from || t == miss) {
			t = like(miss);
			on_letter(s, *text, fold, t);
		}
		s = t;
	}
	return s;
}

/* number - four parts and their dots */
int number(int from, int miss)
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
