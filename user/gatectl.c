// SPDX-License-Identifier: BSD-2-Clause
/*
 * gatectl - look at the gate and change it; see gatectl(8)
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage. Under -j errors are JSON on stdout.
 */
#include <signal.h>
#include <stdio.h>

#include "user/ctl/ctl.h"
#include "user/ctl/ctl_output.h"
#include "user/ctl/ctl_parse.h"

/* refuse - the sentence; the whole help when nothing was said that could be wrong */
static int refuse(const struct ctl *ctl, int argc, const struct error *e)
{
	struct ctl help = { .out = stderr };

	ctl_output_error(ctl->json, e->text);
	if (argc == 1)
		ctl_help(&help, NULL);
	return 2;
}

int main(int argc, char *argv[])
{
	struct ctl ctl = { .out = stdout };
	struct error e = { "" };
	int rc;

	/* A reader that has seen enough ("| head") ends us without a word. */
	signal(SIGPIPE, SIG_DFL);

	if (ctl_parse(argc, argv, &ctl, &e))
		return refuse(&ctl, argc, &e);
	rc = ctl.command->run(&ctl, &e);
	if (!rc || rc == CTL_UNWELL) {
		int written = ctl_output_finish(stdout, &e);

		rc = written ? written : rc;
	}
	if (rc && rc != CTL_UNWELL)
		ctl_output_error(ctl.json, e.text);
	return rc == CTL_USAGE ? 2 : rc ? 1 : 0;
}
