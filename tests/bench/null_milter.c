// SPDX-License-Identifier: BSD-2-Clause
/*
 * null_milter - what libmilter and the mail server's side of it cost by themselves
 *
 * Asks the mail server for the steps that gate-milter asks for, looks at nothing and accepts
 * each mail at its first header line: the least that a milter which wants one costs. For
 * `scripts/bench mail`.
 *
 *   null_milter SOCKET
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/milter/milter.h"

static unsigned long wanted, agreed;

static sfsistat go_on(unsigned long step)
{
	return agreed & step ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
			     unsigned long more, unsigned long most, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_more,
			     unsigned long *ret_most)
{
	(void)ctx;
	(void)actions;
	(void)more;
	(void)most;
	*ret_actions = *ret_more = *ret_most = 0;
	*ret_steps = agreed = steps & wanted;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *from)
{
	(void)ctx;
	(void)host;
	(void)from;
	return go_on(SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	(void)name;
	return go_on(SMFIP_NR_HELO);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_ACCEPT;
}

int main(int argc, char **argv)
{
	struct smfiDesc description = {
		.xxfi_name = "null_milter",
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_header = on_header,
		.xxfi_negotiate = on_negotiate,
	};

	if (argc != 2) {
		fprintf(stderr, "usage: null_milter SOCKET\n");
		return 2;
	}
	wanted = milter_steps(!strncmp(argv[1], "unix:", 5));
	if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(description) != MI_SUCCESS ||
	    smfi_opensocket(true) != MI_SUCCESS)
		return EXIT_FAILURE;
	return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
