// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * smtp_gen - writes smtp_table.h, the automaton that bpf/smtp.h walks
 *
 * Runs on the build host. One table serves both directions of a conversation, with a start row
 * for each thing that may come next: a command line, a header block, the greeting, a reply. A
 * state whose number is FIRST_ACTION or above calls an action when a byte leads into it; the
 * others, nearly all bytes, cost two loads and a compare. What is looked for is in words.c.
 */
#include "bpf/smtp/automaton.h"
#include "bpf/smtp/parts.h"

int main(void)
{
	int command = commands(), head = header(), reply = replies();

	automaton_print(command, head, greeting(reply), reply);
	return 0;
}
