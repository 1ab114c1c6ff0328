// SPDX-License-Identifier: BSD-2-Clause
/*
 * The directory in which new catalogues arrive: exchange.json and exchange.json.minisig, put
 * there by a program that need not be trusted. They come as two files in any order, so after
 * every arrival the inbox rests for a moment, and what lies there then is looked at.
 */
#include "daemon_catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon.h"

#define SETTLE_USEC 1000000ULL
#define ARRIVALS    (IN_CLOSE_WRITE | IN_MOVED_TO)
#define WHO         "inbox"

/* inbox_path - where the file would be */
static const char *inbox_path(const struct daemon *daemon, const char *suffix, char *buf,
			      size_t size)
{
	snprintf(buf, size, "%s/" INBOX_FILE "%s", daemon->config->catalogue_dir, suffix);
	return buf;
}

/* on_settled - both files are there, and nothing arrived for a moment */
static int on_settled(sd_event_source *source, uint64_t usec, void *arg)
{
	struct daemon *daemon = arg;
	char path[CONFIG_TEXT + 32], beside[CONFIG_TEXT + 32];
	struct error e = { "" };

	(void)source;
	(void)usec;
	if (access(inbox_path(daemon, "", path, sizeof(path)), F_OK))
		return 0;
	if (access(inbox_path(daemon, UPDATE_SUFFIX, beside, sizeof(beside)), F_OK))
		log_warning("catalogue: %s waits for its signature, %s", path, beside);
	else
		daemon_catalogue_take(daemon, path, WHO, &e);
	return 0;
}

/* daemon_inbox_look - later arrivals put it off again */
void daemon_inbox_look(struct daemon *daemon)
{
	sd_event_source *settle = daemon->updates.settle;

	if (settle && sd_event_source_set_time_relative(settle, SETTLE_USEC) >= 0)
		sd_event_source_set_enabled(settle, SD_EVENT_ONESHOT);
}

/* on_arrival - only our two names matter; a directory that goes takes its watch with it */
static int on_arrival(sd_event_source *source, const struct inotify_event *event, void *arg)
{
	struct daemon *daemon = arg;

	(void)source;
	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
		if (!daemon->updates.inbox_lost)
			log_event(LOG_LEVEL_ERROR, "catalogue-dir-gone",
				  LOG_FIELDS({ "path", daemon->config->catalogue_dir }),
				  "catalogue_dir: %s has gone; no catalogue is taken from there "
				  "until it is back",
				  daemon->config->catalogue_dir);
		daemon->updates.inbox_lost = true;
	} else if (event->mask & IN_Q_OVERFLOW ||
		   (event->len && !strncmp(event->name, INBOX_FILE, strlen(INBOX_FILE)))) {
		daemon_inbox_look(daemon);
	}
	return 0;
}

/* watch - the directory itself, never through a link at its end */
static int watch(struct daemon *daemon)
{
	return sd_event_add_inotify(
		daemon->event, &daemon->updates.inbox, daemon->config->catalogue_dir,
		ARRIVALS | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR, on_arrival, daemon);
}

/* daemon_inbox_check - a directory that is not there is a typo now, and silence later */
int daemon_inbox_check(const struct config *config, struct error *e)
{
	const char *dir = config->catalogue_dir;

	if (dir[0] && access(dir, R_OK | X_OK))
		return error_set(e, -errno,
				 "catalogue_dir: %s: %s; expected the directory in which new "
				 "catalogues arrive",
				 dir, strerror(errno));
	if (dir[0] && !config->catalogue_keys.count)
		log_warning("catalogue_dir: %s is watched, but no key is trusted: nothing from "
			    "there can be taken; see catalogue_keys in buildgate.yaml(5)",
			    dir);
	return 0;
}

/* daemon_inbox_watch - what arrived while no daemon ran is looked at too */
int daemon_inbox_watch(struct daemon *daemon, struct error *e)
{
	int rc;

	if (!daemon->config->catalogue_dir[0])
		return 0;
	rc = sd_event_add_time_relative(daemon->event, &daemon->updates.settle, CLOCK_MONOTONIC, 0,
					0, on_settled, daemon);
	if (rc >= 0)
		rc = watch(daemon);
	if (rc < 0)
		return error_set(e, rc, "catalogue_dir: cannot watch %s: %s",
				 daemon->config->catalogue_dir, strerror(-rc));
	return 0;
}

/* daemon_inbox_tick - back again? */
void daemon_inbox_tick(struct daemon *daemon)
{
	if (!daemon->updates.inbox_lost)
		return;
	daemon->updates.inbox = sd_event_source_disable_unref(daemon->updates.inbox);
	if (watch(daemon) < 0)
		return;
	daemon->updates.inbox_lost = false;
	log_event(LOG_LEVEL_INFO, "catalogue-dir-back",
		  LOG_FIELDS({ "path", daemon->config->catalogue_dir }),
		  "catalogue_dir: %s is back", daemon->config->catalogue_dir);
	daemon_inbox_look(daemon);
}
