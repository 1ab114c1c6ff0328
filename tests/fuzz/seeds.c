// SPDX-License-Identifier: BSD-2-Clause
/*
 * seeds - write the rows of tests/unit/smtp_rows.h and smtp_talk_rows.h as a seed corpus
 *
 *   seeds DIRECTORY
 *
 * Each file is what a side says, after the two bytes that fuzz_differential wants; fuzz_smtp
 * reads them as the beginning of a line.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/smtp_talk_rows.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* seed - one file; 0 or -1 */
static int seed(const char *directory, const char *name, size_t number, const struct row *r,
		int chunked)
{
	char path[4096];
	int ok;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%03zu%s", directory, name, number,
		 chunked ? "-bdat" : "");
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(r->kind >= GREETING ? "1." : "0.", f);
	if (chunked)
		fprintf(f, "BDAT %zu LAST\r\n", strlen(r->text) + 4);
	else if (r->kind <= CHUNKED)
		fputs("DATA\r\n", f);
	else if (r->kind == REPLY)
		fputs("220 mx.example.net\r\n", f);
	fprintf(f, "%s%s", r->text, r->kind <= CHUNKED ? "\r\nx\n" : "");
	ok = !ferror(f);
	return fclose(f) || !ok ? -1 : 0;
}

int main(int argc, char **argv)
{
	int bad = argc != 2;

	for (size_t i = 0; !bad && i < COUNT(header_rows); i++) {
		bad = seed(argv[1], "header", i, &header_rows[i], 0) ||
		      seed(argv[1], "header", i, &header_rows[i], 1);
	}
	for (size_t i = 0; !bad && i < COUNT(talk_rows); i++)
		bad = seed(argv[1], "talk", i, &talk_rows[i], 0);
	if (bad)
		fprintf(stderr, argc == 2 ? "seeds: cannot write into %s\n" : "usage: seeds DIR\n",
			argc == 2 ? argv[1] : "");
	return bad;
}
