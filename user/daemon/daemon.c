// SPDX-License-Identifier: BSD-2-Clause
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "user/base/build.h"
#include "user/base/clock.h"
#include "user/kernel/offmark.h"
#include "user/kernel/probe.h"
#include "user/base/times.h"
#include "user/version.h"

#define KERNEL_LOCK "/sys/fs/bpf"

/* lock_busy - who holds a lock, as far as its file says */
static int lock_busy(int fd, const char *path, struct error *e)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return error_set(e, -EBUSY,
			 "another buildgated is running%s%s (it holds %s); stop that one first",
			 pid[0] ? " as process " : "", pid, path);
}

/* lock_state - two daemons must not share a store; the file says who has it */
static int lock_state(struct daemon *daemon, struct error *e)
{
	const char *dir = daemon->config->state_dir;
	char path[CONFIG_TEXT + 8];
	int fd;

	if (mkdir(dir, 0750) && errno != EEXIST)
		return error_set(e, -errno, "state_dir: cannot make %s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0 &&
	    (errno == EROFS || errno == ENOSPC)) /* the store will say so, and what to do */
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, -errno, "state_dir: cannot open %s: %s", path, strerror(errno));
	daemon->state_lock = fd;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return lock_busy(fd, path, e);
	/* who holds it is only said for people */
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		log_debug("state_dir: cannot write %s: %s", path, strerror(errno));
	return 0;
}

/* lock_kernel - nor may two with different stores share the pins, which are in one place */
static int lock_kernel(struct daemon *daemon, struct error *e)
{
	daemon->kernel_lock = open(KERNEL_LOCK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (daemon->kernel_lock < 0)
		return error_set(e, -errno, "cannot open " KERNEL_LOCK ": %s", strerror(errno));
	if (flock(daemon->kernel_lock, LOCK_EX | LOCK_NB))
		return error_set(e, -EBUSY,
				 "another buildgated is running with another state_dir (it "
				 "holds " KERNEL_LOCK "); stop that one first");
	return 0;
}

/* check_host - privileges first: without them the other answers would be wrong */
static int check_host(struct daemon *daemon, struct error *e)
{
	const struct config_interfaces *outside = &daemon->config->outside;
	int rc = probe_privileges(e);

	if (!rc)
		rc = probe_kernel(strcmp(daemon->config->cgroup, "off") != 0, e);
	for (unsigned int i = 0; !rc && i < outside->count; i++)
		rc = probe_interface(outside->list[i], e);
	return rc;
}

/* open_or_wait - while a gate is in the kernel, a store that cannot be used is no reason to let it
 * lapse; 1: ended while waiting */
static int open_or_wait(struct daemon *daemon, const char *path, struct error *e)
{
	int rc, waited;

	while ((rc = store_open(path, &daemon->store, e)) < 0) {
		waited = daemon_wait_store(daemon->config, daemon->lab_clock, false, e);
		if (waited)
			return waited < 0 ? rc : waited;
	}
	return rc;
}

/* daemon_tell_new - an empty store where there has been one is never passed over in silence */
void daemon_tell_new(const struct store *store, const char *path)
{
	struct pinned *pinned;

	if (!store_is_new(store))
		return;
	if (pinned_open(&pinned, NULL)) {
		log_info("store: %s is new and empty", path);
		return;
	}
	pinned_close(pinned);
	log_warning("store: %s was not there and begins EMPTY, although a gate is in the kernel: "
		    "all clocks begin anew, and what they had published is withdrawn; to go on "
		    "instead, stop buildgated and put a copy of the store back",
		    path);
}

/* open_store - with a first write, so that a full disk is found before anything is attached */
static int open_store(struct daemon *daemon, struct error *e)
{
	char path[CONFIG_TEXT + 16];
	int rc;

	snprintf(path, sizeof(path), "%s/buildgate.db", daemon->config->state_dir);
	rc = open_or_wait(daemon, path, e);
	if (rc)
		return rc;
	daemon_tell_new(daemon->store, path);
	rc = daemon_clock_init(daemon, e);
	if (rc >= 0)
		rc = store_number_set(daemon->store, "started", clock_wall(), e);
	if (rc >= 0)
		rc = history_new(daemon->store, &daemon->history, e);
	daemon->store_ok = rc >= 0;
	return rc < 0 ? rc : 0;
}

/* bind_sockets - both may be in use by somebody else */
static int bind_sockets(struct daemon *daemon, struct error *e)
{
	struct control_options options = {
		.path = daemon->config->control_socket,
		.group = daemon->config->control_group,
		.commands = commands_table,
		.arg = daemon,
	};
	int rc = control_listen(&options, &daemon->control, e);

	return rc ? rc : http_listen(daemon->config, &daemon->http, e);
}

/* loader_options_of - the config in the loader's words; cgroup stays the caller's */
static struct loader_options loader_options_of(const struct config *config, const char *cgroup)
{
	struct loader_options options = {
		.outside_count = config->outside.count,
		.xdp = config->xdp,
		.cgroup = cgroup[0] ? cgroup : NULL,
		.mx_count = config->mx.count,
		.submission_count = config->submission.count,
		.ipv6_bits = (unsigned int)config->ipv6_prefix,
		.flows_max = (unsigned int)config->flows_max,
		.verdicts_max = (unsigned int)config->verdicts_max,
		.ranges_max = (unsigned int)config->ranges_max,
		.tls_sight = config->tls_sight,
	};

	for (unsigned int i = 0; i < config->outside.count; i++)
		options.outside[i] = config->outside.list[i];
	memcpy(options.mx_ports, config->mx.list, sizeof(options.mx_ports));
	memcpy(options.submission_ports, config->submission.list, sizeof(options.submission_ports));
	return options;
}

/* load_gate - into the kernel, but a gate that is there goes on as it is */
static int load_gate(struct daemon *daemon, struct error *e)
{
	const struct loader_fds *fds;
	struct loader_options options;
	char cgroup[CONFIG_TEXT];
	int rc = config_cgroup(daemon->config, "/proc/self/mountinfo", cgroup, sizeof(cgroup), e);

	if (rc)
		return rc;
	options = loader_options_of(daemon->config, cgroup);
	rc = loader_start(&options, &daemon->loader, e);
	if (rc)
		return rc;
	fds = loader_maps(daemon->loader);
	rc = pinned_of(fds->settings, fds->counters, &daemon->pinned, e);
	if (!rc)
		daemon->settings = pinned_settings(daemon->pinned);
	return rc;
}

/* attach_gate - the one step that changes what becomes of packets */
static int attach_gate(struct daemon *daemon, struct error *e)
{
	int rc = loader_attach(daemon->loader, e);

	daemon->events_lost += loader_events_lost(daemon->loader);
	return rc ? rc : offmark_tell(daemon->config->state_dir, e);
}

/* without_contact - the store says enforce, and a refused sender would have nobody to turn to */
static int without_contact(struct daemon *daemon, struct error *e)
{
	struct operator op = { .store = daemon->store,
			       .now = clock_wall(),
			       .who = "buildgated",
			       .reason = "the configuration has no contact" };

	log_warning("mode is report now: the store says enforce, but %s has no contact",
		    daemon->config->path);
	daemon->mode = MODE_REPORT;
	return operator_mode(&op, MODE_ENFORCE, MODE_REPORT, MODE_REPORT, e);
}

/* first_mode - what the store says, on a new store the config; but "off", said while no daemon
 * ran, stays off, over a reboot too, and nobody is refused without a contact to turn to */
static int first_mode(struct daemon *daemon, struct error *e)
{
	const struct config *config = daemon->config;
	bool found = loader_found(daemon->loader) != PINS_NONE;
	char word[16] = "";
	int rc = store_fact_get(daemon->store, "mode", word, sizeof(word), e);
	enum mode mode = rc > 0 ? operator_mode_parse(word) : config->mode;

	if (rc < 0)
		return rc;
	daemon->mode = mode ? mode : MODE_REPORT;
	if (daemon->mode == MODE_ENFORCE && !config->contact[0])
		rc = without_contact(daemon, e);
	if (rc < 0)
		return rc;
	if ((found && daemon->settings->mode == MODE_OFF) || offmark_found(config->state_dir)) {
		daemon->settings->mode = MODE_OFF;
		daemon->settings->enforce_until_ns = 0;
	} else if (found && daemon->settings->enforce_until_ns) {
		/* unconfirmed: the kernel has the deadline, the store the word for after it */
		daemon->mode = daemon->settings->mode;
		daemon_mode(daemon);
		return 0;
	} else {
		daemon->settings->mode = daemon->mode;
	}
	return store_fact_set(daemon->store, "mode", operator_mode_name(daemon_mode(daemon)), e);
}

/* make_boxes - observer, replies and enforcer on top of store and maps */
static int make_boxes(struct daemon *daemon, struct error *e)
{
	const struct loader_fds *fds = loader_maps(daemon->loader);
	struct observer_options observer = {
		.store = daemon->store,
		.catalogue = daemon->catalogue,
		.policy = daemon->policy,
		.grace_days = daemon->config->grace_days,
		.ipv6_bits = (unsigned int)daemon->config->ipv6_prefix,
		.change = daemon_tell_changed,
		.change_arg = daemon,
	};
	struct enforcer_options enforcer = {
		.store = daemon->store,
		.policy = daemon->policy,
		.verdicts_fd = fds->verdicts,
		.ranges_fd = fds->ranges,
		.names_fd = fds->recheck_names,
		.settings = daemon->settings,
		.ipv6_bits = (unsigned int)daemon->config->ipv6_prefix,
		.recheck_interval = daemon->config->recheck_interval,
		.tarpit_style = (uint8_t)daemon->config->tarpit_style,
		.drop_style = (uint8_t)daemon->config->drop_style,
	};
	int rc = observer_new(&observer, &daemon->observer, e);

	if (!rc)
		rc = replies_open(fds->replies, fds->answer_keys, &daemon->replies, e);
	if (!rc)
		rc = daemon_replies(daemon, e);
	enforcer.replies = daemon->replies;
	return rc ? rc : enforcer_new(&enforcer, &daemon->enforcer, e);
}

/* daemon_unfit - see daemon.h */
int daemon_unfit(int rc, const struct error *e)
{
	if (rc != -E2BIG && rc != -EXFULL)
		return rc;
	log_warning("%s", e->text);
	return 0;
}

/* publish_all - times before verdicts, verdicts before the mode that enforces them */
static int publish_all(struct daemon *daemon, struct error *e)
{
	int rc;

	daemon_settings(daemon);
	rc = daemon_note_exempt(daemon, daemon->config, "exempt: found at start", e);
	if (rc >= 0)
		rc = daemon_unfit(daemon_own(daemon, true, e), e);
	if (rc >= 0)
		rc = daemon_walk_missing(daemon, e);
	if (rc >= 0)
		rc = daemon_move(daemon, e);
	/* a record that was judged by something else has its verdict published by the walk; until
	 * then the verdict that was there stands, and if it cannot, the one by the old judgement */
	if (rc >= 0 &&
	    (observer_walking(daemon->observer) != OBSERVER_WALK_JUDGE ||
	     (loader_found(daemon->loader) == PINS_OTHER && !loader_verdicts_kept(daemon->loader))))
		rc = daemon_unfit(enforcer_publish_all(daemon->enforcer, clock_wall(), e), e);
	if (rc >= 0)
		rc = first_mode(daemon, e);
	return rc < 0 ? rc : 0;
}

/* watch_tls - only where the operator wants it */
static int watch_tls(struct daemon *daemon, struct error *e)
{
	struct sight_options options = {
		.loader = daemon->loader,
		.executables = daemon->config->tls_executables.list,
		.count = daemon->config->tls_executables.count,
	};
	int rc = 0;

	if (daemon->config->tls_sight)
		rc = sight_start(&options, daemon->event, &daemon->sight, e);
	return rc ? error_prefix(e, rc, "tls_sight") : 0;
}

/* serve - from here on others can see us */
static int serve(struct daemon *daemon, struct error *e)
{
	int rc = sd_event_new(&daemon->event);

	if (rc < 0)
		return error_set(e, rc, "cannot make an event loop: %s", strerror(-rc));
	rc = daemon_watch(daemon, e);
	if (!rc)
		rc = daemon_inbox_watch(daemon, e);
	if (!rc)
		rc = daemon_tell_watch(daemon, e);
	if (!rc)
		rc = watch_tls(daemon, e);
	if (!rc)
		rc = http_start(daemon->http, daemon->event, daemon_pages, daemon, e);
	if (!rc)
		rc = control_start(daemon->control, daemon->event, e);
	return rc;
}

/* The order of a start: all that can be refused comes before attach_gate, and so does every
 * verdict. */
static int (*const steps[])(struct daemon *daemon, struct error *e) = {
	check_host, lock_state,  lock_kernel, open_store, daemon_load_data, bind_sockets, load_gate,
	make_boxes, publish_all, attach_gate, serve,
};

/* take_back - a start that failed leaves the kernel as it found it */
static void take_back(struct daemon *daemon)
{
	struct error e = { "" };

	if (!daemon->loader || loader_found(daemon->loader) != PINS_NONE)
		return;
	if (loader_unload(&e))
		log_error("cannot take back what was attached: %s", e.text);
}

/* start_once - config stays the caller's on failure */
static int start_once(struct config *config, bool lab_clock, struct daemon **ret_daemon,
		      struct error *e)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int rc = 0;

	if (!daemon)
		return error_set(e, -ENOMEM, "out of memory");
	daemon->config = config;
	daemon->lab_clock = lab_clock;
	daemon->state_lock = daemon->kernel_lock = -1;
	for (size_t i = 0; !rc && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](daemon, e);
	if (rc) {
		take_back(daemon);
		daemon->config = NULL;
		daemon_stop(daemon);
		return rc;
	}
	*ret_daemon = daemon;
	return 0;
}

/* damaged - it is the store, not a catalogue or what else may be no good */
static bool damaged(const struct config *config, struct error *e)
{
	char path[CONFIG_TEXT + 16];
	struct error why = { "" };
	struct store *store;
	int rc;

	snprintf(path, sizeof(path), "%s/buildgate.db", config->state_dir);
	rc = store_open(path, &store, &why);
	if (!rc) {
		rc = store_whole(store, &why);
		store_close(store);
	}
	if (rc < 0)
		*e = why;
	return rc < 0;
}

/* daemon_start - a large store is opened without a look at every page, and its damage found by
 * whoever comes upon it */
int daemon_start(struct config *config, bool lab_clock, struct daemon **ret_daemon, struct error *e)
{
	int rc, waited;

	while ((rc = start_once(config, lab_clock, ret_daemon, e)) == -EBADMSG &&
	       damaged(config, e)) {
		waited = daemon_wait_store(config, lab_clock, true, e);
		if (waited) {
			rc = waited < 0 ? rc : waited;
			break;
		}
	}
	if (rc)
		config_free(config);
	return rc < 0 ? rc : 0;
}

/* log_start - what an operator looks for in the journal after a start */
static void log_start(const struct daemon *daemon)
{
	static const char *const how[] = {
		[PINS_NONE] = "gate loaded",
		[PINS_SAME] = "gate adopted",
		[PINS_OTHER] = "gate replaced",
	};
	const struct config_interfaces *outside = &daemon->config->outside;

	log_event(LOG_LEVEL_INFO, "start",
		  LOG_FIELDS({ "version", BUILDGATE_VERSION },
			     { "mode", operator_mode_name(daemon->mode) },
			     { "gate", how[loader_found(daemon->loader)] + strlen("gate ") }),
		  "version %s, mode %s, %s, %u interface(s) outside, catalogue of %u builds",
		  BUILDGATE_VERSION, operator_mode_name(daemon->mode),
		  how[loader_found(daemon->loader)], outside->count,
		  catalogue_count(daemon->catalogue));
	for (unsigned int i = 0; daemon->config->xdp != XDP_MODE_OFF && i < outside->count; i++) {
		const char *note = loader_xdp_note(daemon->loader, i);

		if (note[0])
			log_event(LOG_LEVEL_WARNING, "no-xdp",
				  LOG_FIELDS({ "interface", outside->list[i] }, { "why", note }),
				  "no XDP on %s (%s): TC drops there, later and at more cost",
				  outside->list[i], note);
	}
}

/* daemon_run - what happened while we started is in the ring already */
int daemon_run(struct daemon *daemon, struct error *e)
{
	int rc;

	log_start(daemon);
	sd_notify(0, "READY=1");
	rc = sd_event_loop(daemon->event);
	if (rc < 0)
		return error_set(e, rc, "event loop: %s", strerror(-rc));
	/* the running time since the last tick */
	store_number_set(daemon->store, "running", daemon_running(daemon), NULL);
	return 0;
}

/* daemon_stop - in the reverse order of the start; NULL is allowed */
void daemon_stop(struct daemon *daemon)
{
	if (!daemon)
		return;
	control_close(daemon->control);
	http_close(daemon->http);
	notices_free(daemon->notices);
	sd_event_source_disable_unref(daemon->notice);
	sd_event_source_disable_unref(daemon->outlook_part);
	stage_hook_free(daemon->hook);
	sd_event_source_disable_unref(daemon->tell);
	sd_event_source_disable_unref(daemon->walk);
	sd_event_source_disable_unref(daemon->repair.part);
	sd_event_source_disable_unref(daemon->links);
	sd_event_source_disable_unref(daemon->ipsec);
	sight_stop(daemon->sight);
	sd_event_source_disable_unref(daemon->tick);
	sd_event_source_disable_unref(daemon->ring_io);
	sd_event_source_disable_unref(daemon->ring_rest);
	ring_buffer__free(daemon->ring);
	daemon_catalogue_free(daemon);
	sd_event_unref(daemon->event);
	enforcer_free(daemon->enforcer);
	replies_free(daemon->replies);
	observer_free(daemon->observer);
	pinned_close(daemon->pinned);
	loader_free(daemon->loader);
	policy_free(daemon->policy);
	catalogue_free(daemon->catalogue);
	history_free(daemon->history);
	store_close(daemon->store);
	free(daemon->batch.changed);
	config_free(daemon->config);
	if (daemon->kernel_lock >= 0)
		close(daemon->kernel_lock);
	if (daemon->state_lock >= 0)
		close(daemon->state_lock);
	free(daemon);
}
