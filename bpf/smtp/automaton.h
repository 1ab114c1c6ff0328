/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * automaton - states and their moves, while the table of bpf/smtp.h is being made
 *
 * The language in which commands.c, header.c and server.c are written. A state is a number.
 * Every byte leads from it to some state, and it may have an action, which bpf/smtp.h carries
 * out whenever a byte leads into it. States are made alike to others and then changed, so that
 * a file says only what is special about a place; that is also why the names here are short
 * and have no prefix.
 *
 * automaton_print() comes last: it joins states that nobody can tell apart and writes the table.
 * What does not fit ends the build with a sentence.
 */
#ifndef BUILDGATE_SMTP_AUTOMATON_H
#define BUILDGATE_SMTP_AUTOMATON_H

#include <stdbool.h>

#include "bpf/smtp_action.h"

#define STATES_MAX 2048 /* before equal ones are joined */
#define DIGITS     "0123456789"

/* state - a new state where every byte leads to `other` (-1: to itself) */
int state(int other);

/* like - a new state that goes where `model` goes now */
int like(int model);

/* acting - a new state like `model` that calls `act` when it is entered */
int acting(int model, enum smtp_action act);

/* as - a state that calls `act` when it is entered and then is `model`, words that are added
 * to it later included */
int as(int model, enum smtp_action act);

/* acts - s calls `act` when it is entered */
void acts(int s, enum smtp_action act);

/* become - s goes where `model` goes now */
void become(int s, int model);

/* on - each of bytes leads from s to target */
void on(int s, const char *bytes, int target);

/* on_any - every byte leads from s to target */
void on_any(int s, int target);

/* on_letter - a letter leads from s to target, in both cases when fold is set */
void on_letter(int s, char letter, bool fold, int target);

/* instead - the bytes that lead from s to `old` lead to target */
void instead(int s, int old, int target);

/* after - where a byte leads from s */
int after(int s, char byte);

/* word - the state after `text`, starting at `from`; every other byte goes where `miss` goes.
 * Words with a common beginning share it. */
int word(int from, const char *text, bool fold, int miss);

/* number - four numbers with dots from `from`; the digits call SMTP_NUMBER. Bytes that do not
 * belong lead where `miss` leads. Returns the state inside the fourth number. */
int number(int from, int miss);

/* automaton_print - write the table; the rows of the four states are where reading may begin */
void automaton_print(int command, int header, int greeting, int reply);

/* What table.c makes the table of. */
struct automaton {
	int next[STATES_MAX][256];
	enum smtp_action action[STATES_MAX];
	int model_of[STATES_MAX]; /* 1 + the state whose moves it gets when all is known; 0: none */
	int states;
};

extern struct automaton automaton;

#endif
