// SPDX-License-Identifier: BSD-2-Clause
/* The loop: kernel events, time, signals and reload. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "daemon.h"
#include "user/kernel/linkwatch.h"

#define UNWELL_TICK_S    5 /* until the store works again */
#define USEC             1000000ULL
#define NS               1000000000ULL
#define DAY              86400
#define RING_REST_US     20000 /* between two readings; the ring holds 11,000 events */
#define LOOKS_PER_SECOND 4
#define PRUNE_PARTS      16 /* bounded parts of old records removed per tick */

/* daemon_store_result - a failure is told; only a write that succeeds again (keep_house) heals,
 * because reading and empty batches work on a full disk too */
int daemon_store_result(struct daemon *daemon, int rc, const struct error *e)
{
	if (rc < 0) {
		daemon->store_ok = false;
		daemon->store_why = *e;
		log_event_limited(&daemon->store_limit, LOG_LEVEL_WARNING, "store-failing",
				  LOG_FIELDS({ "why", e->text }),
				  "%s; enforcement goes on as last published", e->text);
	}
	return rc;
}

/* daemon_publish - also the observer's change function */
void daemon_publish(void *arg, const struct addr *source)
{
	struct daemon *daemon = arg;
	char text[ADDRESS_TEXT];
	struct error e = { "" };

	if (enforcer_publish(daemon->enforcer, source, clock_wall(), &e) < 0)
		log_event_limited(
			&daemon->store_limit, LOG_LEVEL_WARNING, "verdict-failed",
			LOG_FIELDS({ "source", address_format(source, text) }, { "why", e.text }),
			"verdict of %s not published: %s", text, e.text);
}

/* add_changed - remember a source until the batch is durable */
static int add_changed(struct daemon *daemon, const struct observation *o, bool recheck)
{
	struct daemon_batch *batch = &daemon->batch;
	struct daemon_changed *changed;

	if (batch->changed_count == batch->changed_room) {
		unsigned int room = batch->changed_room ? batch->changed_room * 2 : 64;

		changed = reallocarray(batch->changed, room, sizeof(*changed));
		if (!changed)
			return -ENOMEM;
		batch->changed = changed;
		batch->changed_room = room;
	}
	changed = &batch->changed[batch->changed_count++];
	changed->source = address_source(&o->source, (unsigned int)daemon->config->ipv6_prefix);
	changed->recheck = recheck;
	return 0;
}

/* daemon_batch_begin - nothing is in it yet */
void daemon_batch_begin(struct daemon *daemon)
{
	struct daemon_batch *batch = &daemon->batch;

	batch->events = batch->changed_count = 0;
	batch->lines = json_array();
	batch->rc = store_begin(daemon->store, &batch->e);
	batch->open = batch->rc >= 0;
}

/* daemon_batch_add - a first failure undoes the batch as a whole */
void daemon_batch_add(struct daemon *daemon, const struct observation *o, int rc)
{
	struct daemon_batch *batch = &daemon->batch;

	if (rc >= OBSERVER_CHANGED && add_changed(daemon, o, rc == OBSERVER_RECHECK))
		rc = error_set(&batch->e, -ENOMEM, "out of memory");
	if (rc >= OBSERVER_TAKEN && control_stats(daemon->control)->followers)
		json_array_append_new(batch->lines, observation_json(o));
	if (rc < 0)
		batch->rc = rc;
}

/* on_event - libbpf's call for one record of the ring; other than 0 ends the batch */
static int on_event(void *arg, void *data, size_t bytes)
{
	struct daemon *daemon = arg;
	struct daemon_batch *batch = &daemon->batch;
	struct observation o;

	if (bytes < sizeof(struct event)) {
		daemon->events_lost++;
		return 0;
	}
	batch->events++;
	daemon->last_event = clock_wall();
	/* after a failure: only drain */
	if (batch->rc >= 0)
		daemon_batch_add(daemon, &o,
				 observer_event(daemon->observer, data, daemon_running(daemon), &o,
						&batch->e));
	return batch->events == DAEMON_BATCH_MAX ? -EAGAIN : 0;
}

/* publish_batch - now that it is durable: verdicts, then whoever follows */
static void publish_batch(struct daemon *daemon)
{
	struct daemon_batch *batch = &daemon->batch;
	struct error e = { "" };
	json_t *line;
	size_t i;

	for (unsigned int j = 0; j < batch->changed_count; j++) {
		daemon_publish(daemon, &batch->changed[j].source);
		if (batch->changed[j].recheck)
			enforcer_recheck(daemon->enforcer, &batch->changed[j].source, &e);
	}
	json_array_foreach (batch->lines, i, line)
		control_publish(daemon->control, line);
}

/* daemon_batch_end - all of it, or nothing and why */
int daemon_batch_end(struct daemon *daemon)
{
	struct daemon_batch *batch = &daemon->batch;

	if (batch->open)
		batch->rc = store_finish(daemon->store, batch->rc, &batch->e);
	if (daemon_store_result(daemon, batch->rc, &batch->e) >= 0)
		publish_batch(daemon);
	if (batch->rc >= 0)
		daemon_store_result(daemon, store_check(daemon->store, &batch->e), &batch->e);
	json_decref(batch->lines);
	batch->lines = NULL;
	return batch->rc < 0 ? batch->rc : 0;
}

/* take_events - one transaction of what the kernel has; what it cannot keep is counted as lost,
 * because leaving it would only fill the ring */
static void take_events(struct daemon *daemon)
{
	daemon_batch_begin(daemon);
	ring_buffer__consume(daemon->ring);
	if (daemon_batch_end(daemon))
		daemon->events_lost += daemon->batch.events;
}

/* on_ring - what comes after a while of nothing is taken at once; then the ring has a rest, so that
 * under load the daemon is not woken, and does not commit, for every mail */
static int on_ring(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)revents;
	take_events(daemon);
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	sd_event_source_set_time_relative(daemon->ring_rest, RING_REST_US);
	sd_event_source_set_enabled(daemon->ring_rest, SD_EVENT_ONESHOT);
	return 0;
}

/* on_rested - what came meanwhile makes the ring ready again */
static int on_rested(sd_event_source *source, uint64_t usec, void *arg)
{
	struct daemon *daemon = arg;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(daemon->ring_io, SD_EVENT_ON);
	return 0;
}

/* own_ranges - the enforcer's list: the host's, its gateways', and the config's exemptions */
static int own_ranges(struct daemon *daemon)
{
	const struct config_ranges *exempt = &daemon->config->exempt;
	int rc = 0;

	observer_own_clear(daemon->observer);
	enforcer_own_clear(daemon->enforcer);
	for (unsigned int i = 0; !rc && i < daemon->own.count; i++) {
		rc = enforcer_own(daemon->enforcer, &daemon->own.list[i].addr, 128);
		/* a gateway is not enforced, but its mail may well be somebody's */
		if (!rc && !daemon->own.list[i].gateway)
			rc = observer_own(daemon->observer, &daemon->own.list[i].addr, 128);
	}
	for (unsigned int i = 0; !rc && i < exempt->count; i++)
		rc = enforcer_own(daemon->enforcer, &exempt->list[i].addr, exempt->list[i].bits);
	return rc;
}

/* daemon_own - addresses come and go while a host runs */
int daemon_own(struct daemon *daemon, bool force, struct error *e)
{
	struct hostnet now;
	int rc = hostnet_read(&now);

	if (rc)
		return error_set(e, rc, "cannot read this host's addresses: %s", strerror(-rc));
	if (!force && !memcmp(&now, &daemon->own, sizeof(now)))
		return 0;
	daemon->own = now;
	rc = own_ranges(daemon);
	if (rc)
		return error_set(
			e, rc,
			"too many addresses and ranges that are never enforced (%u of this "
			"host, %u in exempt:)",
			now.count, daemon->config->exempt.count);
	return enforcer_reload(daemon->enforcer, clock_wall(), e);
}

/* mend - attachments that have gone, for example with an interface that came back */
static void mend(struct daemon *daemon)
{
	struct error e = { "" };
	int mended = loader_check(daemon->loader, &e);

	if (mended < 0)
		log_event_limited(&daemon->loader_limit, LOG_LEVEL_WARNING, "hooks-failed",
				  LOG_FIELDS({ "why", e.text }), "hooks: %s", e.text);
	else if (mended)
		log_event(LOG_LEVEL_WARNING, "hooks-mended",
			  LOG_FIELDS({ "count", LOG_NUMBER(mended) }),
			  "hooks: %d had gone and are attached again", mended);
	if (mended > 0)
		daemon->mended += (uint64_t)mended;
}

/* look_own - an address of this host must not be refused because it is new */
static void look_own(struct daemon *daemon)
{
	struct error e = { "" };

	if (daemon_own(daemon, false, &e) < 0)
		log_limited(&daemon->loader_limit, "%s", e.text);
}

/* on_links - an interface came or went, or an address: not only at the next tick */
static int on_links(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct daemon *daemon = arg;

	(void)source;
	(void)revents;
	linkwatch_drain(fd);
	mend(daemon);
	look_own(daemon);
	return 0;
}

/* watch_links - a host where interfaces come and go all the time must not keep us busy */
static int watch_links(struct daemon *daemon)
{
	int fd = linkwatch_open(), rc;

	if (fd < 0)
		return fd;
	rc = sd_event_add_io(daemon->event, &daemon->links, fd, EPOLLIN, on_links, daemon);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	sd_event_source_set_io_fd_own(daemon->links, true);
	return sd_event_source_set_ratelimit(daemon->links, USEC, LOOKS_PER_SECOND);
}

/* keep_house - what needs doing now and then, each independent of the others */
static void keep_house(struct daemon *daemon)
{
	struct error e = { "" };
	int rc;

	rc = store_number_set(daemon->store, "running", daemon_running(daemon), &e);
	if (rc >= 0)
		rc = store_check(daemon->store, &e);
	if (rc >= 0)
		rc = daemon_walk_tick(daemon, &e);
	if (daemon_store_result(daemon, rc, &e) >= 0 && !daemon->store_ok) {
		daemon->store_ok = true;
		log_event(LOG_LEVEL_INFO, "store-works", NULL, "store: works again");
	}
	for (int i = 0; rc >= 0 && i < PRUNE_PARTS; i++) {
		rc = store_prune(daemon->store, clock_wall(), daemon->config->retention / DAY, &e);
		daemon_store_result(daemon, rc, &e);
		if (!rc)
			break;
	}
	mend(daemon);
	daemon_ipsec(daemon);
	daemon_inbox_tick(daemon);
	look_own(daemon);
}

/* keep_answering - another key, and texts by today's date; room for those that found none */
static void keep_answering(struct daemon *daemon)
{
	struct error e = { "" };
	int rc = replies_tick(daemon->replies, clock_running(), clock_wall(), &e);

	if (rc > 0 && replies_starved(daemon->replies))
		rc = enforcer_publish_all(daemon->enforcer, clock_wall(), &e);
	if (rc < 0)
		log_limited(&daemon->loader_limit, "answerer: %s", e.text);
}

/* next_tick - at the next due moment or the end of an unconfirmed mode, but soon */
static uint64_t next_tick(struct daemon *daemon)
{
	uint64_t until_ns = daemon->settings->enforce_until_ns, kernel_ns = clock_kernel_ns();
	int64_t now = clock_wall(), due, wait = daemon->store_ok ? DAEMON_TICK_S : UNWELL_TICK_S;

	if (daemon->behind) /* in the next turn, after whoever else wants something */
		return 1;
	if (store_next_due(daemon->store, &due, NULL) > 0 && due > now && due - now < wait)
		wait = due - now;
	due = enforcer_next_end(daemon->enforcer, now);
	if (due && due - now < wait)
		wait = due - now;
	if (until_ns > kernel_ns && (until_ns - kernel_ns) / NS < (uint64_t)wait)
		wait = (int64_t)((until_ns - kernel_ns) / NS) + 1;
	return (uint64_t)wait * USEC;
}

/* daemon_tick_by - see daemon.h */
void daemon_tick_by(struct daemon *daemon)
{
	sd_event_source_set_time_relative(daemon->tick, next_tick(daemon));
}

/* on_tick - the lease first: it must be renewed whatever else fails */
static int on_tick(sd_event_source *source, uint64_t usec, void *arg)
{
	struct daemon *daemon = arg;
	struct error e = { "" };

	(void)usec;
	daemon_settings(daemon);
	daemon_mode(daemon);
	daemon_move(daemon, &e);
	keep_answering(daemon);
	daemon_repair_tick(daemon);
	keep_house(daemon);
	daemon_tell_tick(daemon);
	daemon_history(daemon);
	daemon_outlook_tick(daemon);
	sd_event_source_set_time_relative(source, next_tick(daemon));
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* on_end - SIGTERM and SIGINT: the gate stays, only we go */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	const char *name = info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";
	struct daemon *daemon = arg;

	(void)source;
	sd_notify(0, "STOPPING=1");
	log_event(LOG_LEVEL_INFO, "end", LOG_FIELDS({ "signal", name }),
		  "%s: ending; the gate stays in the kernel (gatectl unload takes it away)", name);
	return sd_event_exit(daemon->event, 0);
}

/* note_reload - what is durable before anything is taken over */
static int note_reload(struct daemon *daemon, const struct config *config,
		       const struct catalogue *catalogue, const struct policy *policy,
		       struct error *e)
{
	int rc = store_begin(daemon->store, e);

	if (rc >= 0) {
		rc = daemon_note_exempt(daemon, config, "exempt: reload", e);
		if (rc >= 0)
			rc = daemon_note_use(daemon, catalogue, policy, "buildgated", "reload", e);
		rc = store_finish(daemon->store, rc, e);
	}
	return daemon_store_result(daemon, rc, e) < 0 ? rc : 0;
}

/* reload_data - catalogue and policy are read anew even when their names are the same */
static int reload_data(struct daemon *daemon, const struct config *config, struct error *e)
{
	struct catalogue *catalogue = NULL;
	struct policy *policy = NULL;
	int rc = daemon_catalogue_load(daemon, config, &catalogue, e);

	if (!rc)
		rc = daemon_load_policy(daemon, config, &policy, e);
	if (!rc)
		rc = note_reload(daemon, config, catalogue, policy, e);
	if (!rc) {
		daemon_take_over(daemon, catalogue, policy);
		return 0;
	}
	catalogue_free(catalogue);
	policy_free(policy);
	return rc;
}

/* log_changes - key by key, what is taken now and what at the next start */
static void log_changes(const struct config *was, const struct config *is)
{
	const char *key;
	bool restart;

	for (unsigned int i = 0; (key = config_changed(was, is, i, &restart)); i++)
		log_event(LOG_LEVEL_INFO, "reload-key",
			  LOG_FIELDS({ "key", key }, { "restart", restart ? "yes" : "no" }),
			  "reload: %s %s", key,
			  restart ? "has changed and is taken at the next start" : "is taken now");
}

/* reload - all of the new file or nothing */
static int reload(struct daemon *daemon, struct error *e)
{
	struct config *config = NULL, *old;
	int rc = config_load(daemon->config->path, &config, e);

	if (!rc && daemon_mode(daemon) == MODE_ENFORCE && !config->contact[0])
		rc = error_set(e, -EINVAL,
			       "%s: contact: is missing, and mode enforce needs it; expected "
			       "contact: postmaster@example.org",
			       config->path);
	if (!rc)
		rc = reload_data(daemon, config, e);
	if (rc) {
		config_free(config);
		return rc;
	}
	log_changes(daemon->config, config);
	config_keep(config, daemon->config);
	old = daemon->config;
	daemon->config = config;
	rc = daemon_replies(daemon, e);
	config_free(old);
	if (rc)
		return rc;
	enforcer_styles(daemon->enforcer, (uint8_t)config->tarpit_style,
			(uint8_t)config->drop_style);
	log_form(config->log_format);
	log_open("buildgated", config->log_level);
	daemon_inbox_look(daemon); /* the trusted keys may be others now */
	daemon_settings(daemon);
	/* the verdicts come with the walk that daemon_take_over() began */
	rc = daemon_tell_use(daemon, e);
	if (rc >= 0)
		rc = daemon_own(daemon, true, e);
	return rc < 0 ? rc : 0;
}

/* on_reload - SIGHUP */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	struct error e = { "" };
	struct timespec ts;

	(void)source;
	(void)info;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)ts.tv_sec * USEC + (unsigned long long)ts.tv_nsec / 1000);
	if (reload(daemon, &e))
		log_event(LOG_LEVEL_ERROR, "reload-failed", LOG_FIELDS({ "why", e.text }),
			  "reload: %s; going on with the old configuration", e.text);
	else
		log_event(LOG_LEVEL_INFO, "reload", NULL, "reload: done");
	sd_notify(0, "READY=1");
	return 0;
}

/* daemon_watch - every source of the loop but the two servers */
int daemon_watch(struct daemon *daemon, struct error *e)
{
	int rc;

	daemon->ring =
		ring_buffer__new(loader_maps(daemon->loader)->events, on_event, daemon, NULL);
	if (!daemon->ring)
		return error_set(e, -errno, "cannot read the events map: %s", strerror(errno));
	rc = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_end, daemon);
	if (rc >= 0)
		rc = sd_event_add_signal(daemon->event, NULL, SIGINT, on_end, daemon);
	if (rc >= 0)
		rc = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload, daemon);
	if (rc >= 0)
		rc = sd_event_add_io(daemon->event, &daemon->ring_io,
				     ring_buffer__epoll_fd(daemon->ring), EPOLLIN, on_ring, daemon);
	if (rc >= 0)
		rc = sd_event_add_time_relative(daemon->event, &daemon->ring_rest, CLOCK_MONOTONIC,
						0, 1000, on_rested, daemon);
	if (rc >= 0)
		rc = sd_event_add_time_relative(daemon->event, &daemon->tick, CLOCK_BOOTTIME, 0, 0,
						on_tick, daemon);
	if (rc >= 0)
		rc = watch_links(daemon);
	if (rc >= 0)
		rc = daemon_ipsec_watch(daemon);
	if (rc >= 0)
		rc = daemon_walk_watch(daemon);
	if (rc >= 0)
		rc = daemon_repair_watch(daemon);
	if (rc >= 0)
		rc = daemon_outlook_watch(daemon);
	if (rc >= 0)
		rc = sd_event_set_watchdog(daemon->event, true);
	if (rc < 0)
		return error_set(e, rc, "cannot set up the event loop: %s", strerror(-rc));
	return 0;
}
