// SPDX-License-Identifier: BSD-2-Clause
/* buildgated - the daemon's command line; everything else is in daemon.c */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/daemon/daemon.h"
#include "user/daemon/metrics.h"
#include "user/kernel/probe.h"
#include "version.h"

#define EXIT_USAGE 2

enum {
	OPTION_CONFIG = 1,
	OPTION_CHECK,
	OPTION_LAB_CLOCK,
	OPTION_METRICS,
	OPTION_VERSION,
	OPTION_HELP
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "lab-clock", no_argument, NULL, OPTION_LAB_CLOCK },
	{ "metrics", no_argument, NULL, OPTION_METRICS },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

struct arguments {
	const char *config;
	bool check, lab_clock;
};

/* usage - to stdout when asked for, to stderr when something was wrong */
static void usage(FILE *out)
{
	fprintf(out, "usage: buildgated [--config FILE] [--check] [--lab-clock]\n"
		     "\n"
		     "  --config FILE  read this configuration (" CONFIG_PATH ")\n"
		     "  --check        check configuration, catalogue and policy, then exit\n"
		     "  --lab-clock    let \"gatectl clock\" move the time; never on a real host\n"
		     "  --metrics      print a table of all metrics (Markdown)\n"
		     "  --version      print the version\n"
		     "  --help         print this\n"
		     "\n"
		     "exit status: 0 done, 1 failed, 2 wrong usage; see buildgated(8)\n");
}

/* parse - 0: go on; else exit with *ret_status */
static bool parse(int argc, char **argv, struct arguments *args, int *ret_status)
{
	int option;

	*ret_status = EXIT_SUCCESS;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			args->config = optarg;
			break;
		case OPTION_CHECK:
			args->check = true;
			break;
		case OPTION_LAB_CLOCK:
			args->lab_clock = true;
			break;
		case OPTION_METRICS:
			metrics_reference(stdout);
			return false;
		case OPTION_VERSION:
			printf("buildgated %s\n", BUILDGATE_VERSION);
			return false;
		case OPTION_HELP:
			usage(stdout);
			return false;
		default: /* getopt has said what is wrong */
			usage(stderr);
			*ret_status = EXIT_USAGE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "buildgated: unexpected argument '%s'\n", argv[optind]);
	usage(stderr);
	*ret_status = EXIT_USAGE;
	return false;
}

/* check - all that a start would read, and nothing that it would change */
static int check(const struct config *config, struct error *e)
{
	struct catalogue *catalogue = NULL;
	struct policy *policy = NULL;
	int rc = daemon_inbox_check(config, e);

	if (!rc)
		rc = catalogue_load(config->catalogue, &catalogue, e);
	if (!rc)
		rc = policy_load(config->policy, config->policy_dir, &policy, e);
	for (unsigned int i = 0; !rc && i < config->outside.count; i++)
		rc = probe_interface(config->outside.list[i], e);
	if (!rc)
		printf("%s: good, mode %s, %u interface(s) outside, policy %s, catalogue of %u "
		       "builds\n",
		       config->path, operator_mode_name(config->mode), config->outside.count,
		       policy->name, catalogue_count(catalogue));
	policy_free(policy);
	catalogue_free(catalogue);
	return rc;
}

/* block_signals - they are read as events; a peer that hangs up is an errno, not a signal */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* serve - start, run, stop */
static int serve(struct config *config, bool lab_clock, struct error *e)
{
	struct daemon *daemon = NULL;
	int rc;

	block_signals();
	rc = daemon_start(config, lab_clock, &daemon, e);
	if (!rc && daemon)
		rc = daemon_run(daemon, e);
	daemon_stop(daemon);
	return rc;
}

int main(int argc, char **argv)
{
	struct arguments args = { .config = CONFIG_PATH };
	struct config *config = NULL;
	struct error e = { "" };
	int status, rc;

	if (!parse(argc, argv, &args, &status))
		return status;
	log_open("buildgated", LOG_LEVEL_INFO);
	rc = config_load(args.config, &config, &e);
	if (!rc && args.check) {
		rc = check(config, &e);
		config_free(config);
	} else if (!rc) {
		log_form(config->log_format);
		log_open("buildgated", config->log_level);
		rc = serve(config, args.lab_clock, &e);
	}
	if (rc)
		log_error("%s", e.text);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
