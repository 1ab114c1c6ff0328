// SPDX-License-Identifier: BSD-2-Clause
/* gate-milter - sight through TLS for mail servers that speak milter; see gate-milter(8) */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "user/milter/courier.h"
#include "user/ctl/ctl.h"
#include "user/ctl/ctl_parse.h"
#include "user/base/log.h"
#include "user/milter/milter.h"
#include "version.h"

#define EXIT_USAGE 2
#define QUEUE_MAX  1000000
#define TIMEOUT_S                                                                                  \
	7210 /* a mail server may keep a connection this long; its own limits come first */

enum {
	OPTION_CONTROL = 1,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_QUEUE,
	OPTION_LOG_FORMAT,
	OPTION_VERSION,
	OPTION_HELP
};

static const struct option options[] = {
	{ "control", required_argument, NULL, OPTION_CONTROL },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "group", required_argument, NULL, OPTION_GROUP },
	{ "queue", required_argument, NULL, OPTION_QUEUE },
	{ "log-format", required_argument, NULL, OPTION_LOG_FORMAT },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

struct arguments {
	const char *socket, *control, *user, *group;
	long long queue;
};

/* usage - to stdout when asked for, to stderr when something was wrong */
static void usage(FILE *out)
{
	fprintf(out,
		"usage: gate-milter -p SOCKET [--control PATH] [--user NAME] [--group NAME]\n"
		"                   [--queue N] [--log-format FORMAT]\n"
		"\n"
		"  -p SOCKET       where the mail server connects: unix:PATH, inet:PORT@HOST,\n"
		"                  inet6:PORT@HOST\n"
		"  --control PATH  the daemon's control socket (" CTL_SOCKET ")\n"
		"  --user NAME     become this user once the socket is there\n"
		"  --group NAME    whose members may connect to a Unix SOCKET\n"
		"  --queue N       reports that may wait for the daemon (10000)\n"
		"  --log-format FORMAT\n"
		"                  text, or logfmt: key=value pairs, where it is not the journal\n"
		"  --version       print the version\n"
		"  --help          print this\n"
		"\n"
		"exit status: 0 done, 1 failed, 2 wrong usage; see gate-milter(8)\n");
}

/* wrong - a sentence, then the usage */
static bool wrong(const char *what, const char *text, int *ret_status)
{
	fprintf(stderr, "gate-milter: %s%s\n", what, text);
	usage(stderr);
	*ret_status = EXIT_USAGE;
	return false;
}

/* parse - true: go on; else exit with *ret_status */
static bool parse(int argc, char **argv, struct arguments *args, int *ret_status)
{
	int option;

	*ret_status = EXIT_SUCCESS;
	while ((option = getopt_long(argc, argv, "p:", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			args->socket = optarg;
			break;
		case OPTION_CONTROL:
			args->control = optarg;
			break;
		case OPTION_USER:
			args->user = optarg;
			break;
		case OPTION_GROUP:
			args->group = optarg;
			break;
		case OPTION_QUEUE:
			if (ctl_parse_number(optarg, 1, QUEUE_MAX, &args->queue))
				return wrong("--queue: expected a number from 1 to 1000000, not ",
					     optarg, ret_status);
			break;
		case OPTION_LOG_FORMAT:
			if (strcmp(optarg, "text") && strcmp(optarg, "logfmt"))
				return wrong("--log-format: expected text or logfmt, not ", optarg,
					     ret_status);
			log_form(strcmp(optarg, "text") ? LOG_FORMAT_LOGFMT : LOG_FORMAT_TEXT);
			break;
		case OPTION_VERSION:
			printf("gate-milter %s\n", BUILDGATE_VERSION);
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
	if (optind < argc)
		return wrong("unexpected argument ", argv[optind], ret_status);
	if (!args->socket)
		return wrong("-p is missing: ", "expected -p unix:PATH or -p inet:PORT@HOST",
			     ret_status);
	return true;
}

/* say_counts - one line for the log */
static void say_counts(const struct courier_stats *c)
{
	struct milter_stats m;

	milter_stats(&m);
	log_event(LOG_LEVEL_INFO, "counts",
		  LOG_FIELDS({ "connections", LOG_NUMBER(m.connections) },
			     { "builds", LOG_NUMBER(m.builds) }, { "in_tls", LOG_NUMBER(m.in_tls) },
			     { "reports", LOG_NUMBER(c->put) }, { "taken", LOG_NUMBER(c->taken) },
			     { "repeated", LOG_NUMBER(c->repeated) },
			     { "refused", LOG_NUMBER(c->refused) }, { "lost", LOG_NUMBER(c->lost) },
			     { "waiting", LOG_NUMBER(c->waiting) }),
		  "%llu connections, %llu builds (%llu inside TLS); %llu reports: %llu taken, %llu "
		  "repeated, %llu refused, %llu lost, %u waiting",
		  (unsigned long long)m.connections, (unsigned long long)m.builds,
		  (unsigned long long)m.in_tls, (unsigned long long)c->put,
		  (unsigned long long)c->taken, (unsigned long long)c->repeated,
		  (unsigned long long)c->refused, (unsigned long long)c->lost, c->waiting);
}

/* on_usr1 - a thread that waits for SIGUSR1; the other signals are libmilter's */
static void *on_usr1(void *arg)
{
	struct courier_stats stats;
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (!sigwait(&set, &got)) {
		courier_stats(arg, &stats);
		say_counts(&stats);
	}
	return NULL;
}

/* unix_path - of a socket specification; NULL: it is none of a Unix socket */
static const char *unix_path(const char *spec)
{
	if (!strncmp(spec, "unix:", 5))
		return spec + 5;
	if (!strncmp(spec, "local:", 6))
		return spec + 6;
	return strchr(spec, ':') ? NULL : spec;
}

/* open_socket - bound before privileges go; libmilter takes a stale one away */
static int open_socket(const struct arguments *args, struct error *e)
{
	const char *path = unix_path(args->socket);
	const struct group *group = args->group ? getgrnam(args->group) : NULL;
	mode_t was = umask(0177);
	int rc;

	if (args->group && !group)
		return error_set(e, -ENOENT, "--group: there is no group '%s'", args->group);
	if (smfi_setconn((char *)args->socket) != MI_SUCCESS ||
	    smfi_register(milter_description) != MI_SUCCESS ||
	    smfi_settimeout(TIMEOUT_S) != MI_SUCCESS)
		return error_set(e, -EINVAL, "cannot set up the milter at '%s'", args->socket);
	rc = smfi_opensocket(true);
	umask(was);
	if (rc != MI_SUCCESS)
		return error_set(e, -EADDRNOTAVAIL,
				 "cannot listen at '%s': expected unix:PATH in a directory that is "
				 "there, or inet:PORT@HOST that is free (syslog says more)",
				 args->socket);
	if (path && group && (chown(path, (uid_t)-1, group->gr_gid) || chmod(path, 0660)))
		return error_set(e, -errno, "--group: cannot give %s to %s: %s", path, args->group,
				 strerror(errno));
	return 0;
}

/* become - with all groups of the user: the control socket may be open to one of them */
static int become(const char *name, const char *socket, struct error *e)
{
	const struct passwd *row = getpwnam(name);
	const char *path = unix_path(socket);

	if (!row)
		return error_set(e, -ENOENT, "--user: there is no user '%s'", name);
	if (path && chown(path, row->pw_uid, (gid_t)-1))
		return error_set(e, -errno, "--user: cannot give %s to %s: %s", path, name,
				 strerror(errno));
	if (initgroups(name, row->pw_gid) || setgid(row->pw_gid) || setuid(row->pw_uid))
		return error_set(e, -errno, "--user: cannot become %s: %s", name, strerror(errno));
	return 0;
}

/* serve - until a signal ends it; what waits is sent, and the counts are said */
static int serve(const struct arguments *args, struct error *e)
{
	struct courier_options to = { .socket = args->control, .max = (unsigned int)args->queue };
	struct courier *courier = NULL;
	struct courier_stats stats;
	pthread_t usr1;
	int rc;

	rc = courier_new(&to, &courier, e);
	if (rc)
		return rc;
	milter_init(courier, unix_path(args->socket));
	rc = pthread_create(&usr1, NULL, on_usr1, courier);
	if (rc) {
		courier_close(courier, NULL);
		return error_set(e, -rc, "cannot start a thread: %s", strerror(rc));
	}
	log_event(LOG_LEVEL_INFO, "start",
		  LOG_FIELDS({ "version", BUILDGATE_VERSION }, { "socket", args->socket }),
		  "version %s, listening at %s", BUILDGATE_VERSION, args->socket);
	sd_notify(0, "READY=1");
	rc = smfi_main() == MI_SUCCESS ? 0
				       : error_set(e, -EIO,
						   "the milter library gave up (syslog "
						   "says why)");
	sd_notify(0, "STOPPING=1");
	pthread_cancel(usr1);
	pthread_join(usr1, NULL);
	courier_close(courier, &stats);
	say_counts(&stats);
	return rc;
}

int main(int argc, char **argv)
{
	struct arguments args = { .control = CTL_SOCKET, .queue = COURIER_QUEUE };
	struct error e = { "" };
	sigset_t set;
	int status, rc;

	if (!parse(argc, argv, &args, &status))
		return status;
	log_open("gate-milter", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	json_object_seed(0); /* before there are threads */
	rc = open_socket(&args, &e);
	if (!rc && args.user)
		rc = become(args.user, args.socket, &e);
	if (!rc)
		rc = serve(&args, &e);
	if (rc)
		log_error("%s", e.text);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
