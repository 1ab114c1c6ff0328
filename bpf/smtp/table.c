// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table: states that are alike joined, numbered so that those with an action are last and
 * before them those that only wait for a line's end, and bytes that all of them treat alike in one
 * column. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/smtp/automaton.h"

#define ROWS_MAX    910 /* an index must fit 16 bits */
#define CLASSES_MAX 72

static struct automaton *const a = &automaton;
static int number_of[STATES_MAX]; /* the row of a state */
static int rows[ROWS_MAX];        /* a state of each row */
static int rows_count, first_dull, first_action, classes;
static unsigned char class[256];

/* settle - give every `as` state its model's moves */
static void settle(void)
{
	for (int s = 0; s < a->states; s++) {
		int model = s;

		while (a->model_of[model])
			model = a->model_of[model] - 1;
		become(s, model);
	}
}

/* same_moves - do two states lead to the same groups? */
static bool same_moves(const int group[], int s, int t)
{
	for (int c = 0; c < 256; c++)
		if (group[a->next[s][c]] != group[a->next[t][c]])
			return false;
	return true;
}

/* refine - split groups whose members lead to different groups; returns how many there are */
static int refine(int group[])
{
	static int leader[STATES_MAX], fresh[STATES_MAX];
	int count = 0, g;

	for (int s = 0; s < a->states; s++) {
		for (g = 0; g < count; g++)
			if (group[leader[g]] == group[s] && same_moves(group, leader[g], s))
				break;
		if (g == count)
			leader[count++] = s;
		fresh[s] = g;
	}
	memcpy(group, fresh, sizeof(fresh));
	return count;
}

/* join - states that nobody can tell apart get one number in group[] (Moore's refinement, from
 * their actions on); returns how many there are */
static int join(int group[])
{
	int count = 0, before;

	for (int s = 0; s < a->states; s++)
		group[s] = a->action[s];
	do {
		before = count;
		count = refine(group);
	} while (count != before);
	return count;
}

/* kind - which third of the rows a state is in: 0, 1 (it stays where it is until the line ends),
 * 2 (it has an action) */
static int kind(const int group[], int s)
{
	if (a->action[s] != SMTP_NONE)
		return 2;
	for (int c = 0; c < 256; c++)
		if ((group[a->next[s][c]] == group[s]) == (c == '\n'))
			return 0;
	return 1;
}

/* renumber - one row per group, by kind */
static void renumber(void)
{
	static int group[STATES_MAX], row[STATES_MAX];
	int count = join(group);

	if (count > ROWS_MAX) {
		fprintf(stderr, "smtp_gen: %d states, %d fit; take words out\n", count, ROWS_MAX);
		exit(1);
	}
	memset(row, -1, sizeof(row));
	for (int pass = 0; pass < 3; pass++) {
		if (pass)
			*(pass == 1 ? &first_dull : &first_action) = rows_count;
		for (int s = 0; s < a->states; s++) {
			if (row[group[s]] >= 0 || kind(group, s) != pass)
				continue;
			rows[rows_count] = s;
			row[group[s]] = rows_count++;
		}
	}
	for (int s = 0; s < a->states; s++)
		number_of[s] = row[group[s]];
}

/* classify - bytes that every state treats alike share a column */
static void classify(void)
{
	for (int c = 0; c < 256; c++) {
		int same, s;

		for (same = 0; same < c; same++) {
			for (s = 0; s < a->states && a->next[s][c] == a->next[s][same]; s++)
				;
			if (s == a->states)
				break;
		}
		class[c] = same < c ? class[same] : classes++;
	}
	if (classes > CLASSES_MAX) {
		fprintf(stderr, "smtp_gen: %d classes of bytes, %d fit; raise CLASSES_MAX\n",
			classes, CLASSES_MAX);
		exit(1);
	}
}

/* print_row - where each class of bytes leads from row n */
static void print_row(int n)
{
	for (int c = 0; c < 256; c++) {
		int same;

		for (same = 0; same < c && class[same] != class[c]; same++)
			;
		if (same == c)
			printf("[%d]=%d,", n * CLASSES_MAX + class[c],
			       number_of[a->next[rows[n]][c]] * CLASSES_MAX);
	}
	printf("\n");
}

/* automaton_print - see automaton.h */
void automaton_print(int command, int header, int greeting, int reply)
{
	settle();
	renumber();
	classify();
	printf("/* made by bpf/smtp/: %d rows, %d classes of bytes */\n", rows_count, classes);
	printf("#define SMTP_CLASSES %d\n", CLASSES_MAX);
	printf("#define SMTP_FIRST_DULL %d\n", first_dull * CLASSES_MAX);
	printf("#define SMTP_FIRST_ACTION %d\n", first_action * CLASSES_MAX);
	printf("#define SMTP_ROW_COMMAND %d\n", number_of[command] * CLASSES_MAX);
	printf("#define SMTP_ROW_HEADER %d\n", number_of[header] * CLASSES_MAX);
	printf("#define SMTP_ROW_GREETING %d\n", number_of[greeting] * CLASSES_MAX);
	printf("#define SMTP_ROW_REPLY %d\n", number_of[reply] * CLASSES_MAX);
	printf("static const __u8 smtp_class[256] = {");
	for (int c = 0; c < 256; c++)
		printf("%s%d,", c % 24 ? "" : "\n", class[c]);
	printf("\n};\nstatic const __u8 smtp_action_of[1024] = {");
	for (int n = 0; n < rows_count; n++)
		printf("%s%d,", n % 24 ? "" : "\n", a->action[rows[n]]);
	printf("\n};\nstatic const __u16 smtp_table[65536] = {\n");
	for (int n = 0; n < rows_count; n++)
		print_row(n);
	printf("};\n");
}
