// SPDX-License-Identifier: BSD-2-Clause
/*
 * A start with a store that cannot be used: the gate in the kernel goes on as it was left, and its
 * lease with it, until the store can be used again. Nothing is read, learnt or decided meanwhile,
 * and whoever asks hears why.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "commands.h"
#include "daemon.h"
#include "user/base/clock.h"
#include "user/base/times.h"
#include "user/version.h"

#define NS         1000000000LL
#define USEC       1000000ULL
#define TRY_S      2 /* between two looks at the store */
#define COMMANDS   64
#define WAIT_ENDED 1 /* by a signal */

struct waiting {
	const struct config *config;
	bool lab_clock;
	bool whole; /* it could be opened, and was damaged further in: every page is looked at */
	struct stat looked; /* the file as it was then */
	char path[CONFIG_TEXT + 16];
	struct error why; /* why the store cannot be used, as of the last look */
	struct pinned *pinned;
	sd_event *event;
	struct control *control;
	struct http *http;
	struct control_command commands[COMMANDS];
};

/* refuse - any other command */
static json_t *refuse(void *arg, struct control_request *request, struct error *e)
{
	const struct waiting *w = arg;

	(void)request;
	error_set(e, -EIO, "nothing can be changed or shown without the store: %s", w->why.text);
	return NULL;
}

/* status - what is known without a store */
static json_t *status(void *arg, struct control_request *request, struct error *e)
{
	const struct waiting *w = arg;
	char at[TIMES_TEXT];

	(void)request;
	(void)e;
	return json_pack("{s:s, s:n, s:n, s:n, s:n, s:{s:s, s:i, s:s, s:b, s:s, s:b}}", "at",
			 times_format(clock_wall(), at), "catalogue", "policy", "sources", "sight",
			 "daemon", "version", BUILDGATE_VERSION, "pid", (int)getpid(), "config",
			 w->config->path, "store_ok", 0, "store_error", w->why.text, "lab_clock",
			 (int)w->lab_clock);
}

/* metrics - the two that an alert would look for */
static char *metrics(void *arg, size_t *ret_bytes)
{
	const struct waiting *w = arg;
	char *text = NULL;
	int n = asprintf(&text,
			 "# TYPE buildgate_store_healthy gauge\nbuildgate_store_healthy 0\n"
			 "# TYPE buildgate_lease_remaining_seconds gauge\n"
			 "buildgate_lease_remaining_seconds %lld\n",
			 (long long)w->config->lease);

	*ret_bytes = n > 0 ? (size_t)n : 0;
	return n > 0 ? text : NULL;
}

/* fill_commands - every command is known, and all but two are refused */
static void fill_commands(struct waiting *w)
{
	for (size_t i = 0; i < COMMANDS - 1 && commands_table[i].name; i++) {
		w->commands[i] = commands_table[i];
		if (!strcmp(commands_table[i].name, "status"))
			w->commands[i].run = status;
		else if (strcmp(commands_table[i].name, "ping"))
			w->commands[i].run = refuse;
	}
}

/* renew - the one word that keeps what is in the kernel in force */
static void renew(const struct waiting *w)
{
	pinned_settings(w->pinned)->lease_until_ns =
		clock_kernel_ns() + (uint64_t)(w->config->lease * NS);
}

/* changed - another file, or written to, since it was looked at last */
static bool changed(struct waiting *w)
{
	struct stat was = w->looked;

	if (stat(w->path, &w->looked))
		memset(&w->looked, 0, sizeof(w->looked));
	return w->looked.st_ino != was.st_ino || w->looked.st_size != was.st_size ||
	       w->looked.st_mtim.tv_sec != was.st_mtim.tv_sec ||
	       w->looked.st_mtim.tv_nsec != was.st_mtim.tv_nsec;
}

/* usable - the store can be opened, and is whole where that is in doubt; a large one takes long to
 * look through, and need not be while nobody mends it */
static bool usable(struct waiting *w)
{
	struct store *store;
	bool whole;

	if (w->whole && !changed(w))
		return false;
	if (store_open(w->path, &store, &w->why))
		return false;
	daemon_tell_new(store, w->path); /* the start that goes on finds it there */
	whole = !w->whole || !store_whole(store, &w->why);
	store_close(store);
	if (!whole) /* opening it wrote to it */
		changed(w);
	return whole;
}

/* on_try - the lease first; then whether the store can be used by now */
static int on_try(sd_event_source *source, uint64_t usec, void *arg)
{
	struct waiting *w = arg;

	(void)usec;
	renew(w);
	if (usable(w)) {
		log_info("store: can be used now, the start goes on");
		return sd_event_exit(w->event, 0);
	}
	sd_event_source_set_time_relative(source, TRY_S * USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* on_end - the gate stays */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct waiting *w = arg;

	(void)source;
	(void)info;
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(w->event, WAIT_ENDED);
}

/* watch - signals, time, and whoever asks; a port in use is no reason to let the lease run out */
static int watch(struct waiting *w)
{
	static const struct http_page pages[] = {
		{ .path = "/metrics", .type = "text/plain; version=0.0.4", .body = metrics }, { 0 }
	};
	const struct config *config = w->config;
	struct control_options options = { .path = config->control_socket,
					   .group = config->control_group,
					   .commands = w->commands,
					   .arg = w };
	struct error e = { "" };
	int rc = sd_event_new(&w->event);

	if (rc >= 0)
		rc = sd_event_add_signal(w->event, NULL, SIGTERM, on_end, w);
	if (rc >= 0)
		rc = sd_event_add_signal(w->event, NULL, SIGINT, on_end, w);
	if (rc >= 0)
		rc = sd_event_add_time_relative(w->event, NULL, CLOCK_BOOTTIME, TRY_S * USEC, 0,
						on_try, w);
	if (rc >= 0)
		rc = sd_event_set_watchdog(w->event, true);
	if (rc < 0)
		return rc;
	fill_commands(w);
	if (control_listen(&options, &w->control, &e) || control_start(w->control, w->event, &e))
		log_warning("%s", e.text);
	if (http_listen(config, &w->http, &e) || http_start(w->http, w->event, pages, w, &e))
		log_warning("%s", e.text);
	return 0;
}

/* release - all but what is pinned */
static void release(struct waiting *w)
{
	control_close(w->control);
	http_close(w->http);
	sd_event_unref(w->event);
	pinned_close(w->pinned);
}

/* daemon_wait_store - see daemon.h */
int daemon_wait_store(const struct config *config, bool lab_clock, bool whole, struct error *e)
{
	struct waiting w = { .config = config, .lab_clock = lab_clock, .whole = whole, .why = *e };
	int rc;

	if (pinned_open(&w.pinned, NULL))
		return -ENOENT;
	snprintf(w.path, sizeof(w.path), "%s/buildgate.db", config->state_dir);
	changed(&w);
	clock_init((int64_t)pinned_settings(w.pinned)->clock_offset_ns);
	renew(&w);
	log_error("%s; enforcement goes on as last published, nothing is learnt or decided until "
		  "the store can be used",
		  e->text);
	rc = watch(&w);
	if (rc >= 0) {
		sd_notifyf(0, "READY=1\nSTATUS=waiting for the store: %s", e->text);
		rc = sd_event_loop(w.event);
		sd_notify(0, "STATUS=");
	}
	release(&w);
	return rc;
}
