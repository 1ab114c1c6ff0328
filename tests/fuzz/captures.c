// SPDX-License-Identifier: BSD-2-Clause
/*
 * captures - a seed corpus for fuzz_capture: a conversation in each format and link type
 *
 *   captures DIRECTORY
 */
#include "tests/prog/tape.h"

int main(int argc, char **argv)
{
	static const unsigned int links[] = { 1, 0, 12, 101, 108, 113, 276, 105 };
	char path[4096];

	for (unsigned int i = 0; argc == 2 && i < sizeof(links) / sizeof(links[0]) * 6; i++) {
		struct tape *tape = tape_new(i & 1);

		tape->t.tags = links[i / 6] == 1 ? i % 3 : 0;
		tape->t.tcp_options = i % 4 * 4;
		tape->t.partial_checksum = i % 5 == 0;
		tape->snap = i % 7 ? 0 : 60;
		tape_conversation(tape, &(struct lines) { .bdat = i % 2 });
		snprintf(path, sizeof(path), "%s/%u-%u.pcap", argv[1], links[i / 6], i % 6);
		tape_save(tape, path, i % 6 / 2, links[i / 6]);
		tape_free(tape);
	}
	if (argc != 2)
		fputs("usage: captures DIRECTORY\n", stderr);
	return argc != 2;
}
