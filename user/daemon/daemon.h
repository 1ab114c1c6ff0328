/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon - buildgated from its first check to its last breath
 *
 * Owns one of every box: store, catalogue, policy, loader, observer, enforcer, control socket, HTTP
 * server, and the loop that moves data between them. daemon_start() takes the steps in an
 * order in which nothing is attached before everything that can be refused has been tried;
 * when a later step fails, what this start attached is taken off again, and a gate that was
 * already there is left as it was. daemon_run() returns when a signal ends it; the gate stays
 * in the kernel. One thread, no locks.
 *
 *   daemon.c        start, stop
 *   daemon_loop.c   kernel events, time, signals, reload
 *   daemon_clock.c  the three times, the lease, and the lab clock
 *   daemon_data.c   catalogue and policy, and the walk that judges all records anew
 *   daemon_catalogue.h  which catalogue, and new ones from outside
 *   daemon_repair.c  the kernel's maps compared with the store
 *   daemon_exempt.c  what the configuration exempts, in the audit trail
 *   daemon_observe.c  what others tell of builds
 *   daemon_page.c   the report page, and the sums over time that it shows
 *   daemon_outlook.c  what the clocks are coming to, for the metrics
 *   daemon_tell.c   whom the daemon tells of what has changed
 *   commands.c      what gatectl may ask; daemon_status.c what it and Prometheus are told
 */
#ifndef BUILDGATE_DAEMON_H
#define BUILDGATE_DAEMON_H

#include <bpf/libbpf.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "user/catalogue/catalogue.h"
#include "user/config/config.h"
#include "control.h"
#include "daemon_catalogue.h"
#include "user/enforcer/enforcer.h"
#include "user/base/error.h"
#include "user/report/history.h"
#include "user/report/stage_hook.h"
#include "user/kernel/hostnet.h"
#include "http.h"
#include "user/kernel/loader.h"
#include "user/base/log.h"
#include "user/report/notice.h"
#include "user/observer/observer.h"
#include "user/report/outlook.h"
#include "operator.h"
#include "user/kernel/pinned.h"
#include "user/escalation/policy.h"
#include "user/enforcer/reply.h"
#include "user/report/report.h"
#include "user/sight/sight.h"
#include "user/observer/reporter.h"
#include "user/store/store.h"

#define DAEMON_TICK_S    30   /* at most this long between two looks at the time */
#define DAEMON_BATCH_MAX 8192 /* events in one transaction */

/* Sources whose verdict is to be published once the batch is durable. */
struct daemon_changed {
	struct addr source;
	bool recheck;
};

/* What one transaction of events came to. */
struct daemon_batch {
	unsigned int events;
	struct daemon_changed *changed;
	unsigned int changed_count, changed_room;
	json_t *lines; /* for followers; array */
	bool open;     /* the store's batch is */
	int rc;        /* first error */
	struct error e;
};

struct daemon {
	struct config *config;
	bool lab_clock;
	int state_lock, kernel_lock;
	sd_event *event;
	sd_event_source *ring_io, *ring_rest, *tick, *walk, *tell, *links, *ipsec;
	struct store *store;
	struct catalogue *catalogue;
	struct policy *policy;
	struct loader *loader;
	struct pinned *pinned;
	volatile struct settings *settings; /* of pinned */
	struct observer *observer;
	struct enforcer *enforcer;
	struct sight *sight; /* NULL: TLS sight is off */
	struct replies *replies;
	struct ring_buffer *ring;
	struct control *control;
	struct http *http;
	struct history *history;
	struct stage_hook *hook;
	struct notices *notices;
	sd_event_source *notice, *outlook_part;
	int64_t noticed; /* running time of the last walk for notices */
	bool notice_soon;
	struct outlook outlook;
	struct outlook_top top;
	int64_t outlook_began; /* running time of the last walk's beginning; 0: none yet */
	int64_t outlook_took_from, outlook_took; /* seconds of CLOCK_MONOTONIC */
	bool outlook_soon;
	bool behind;  /* more is due than one tick moves */
	bool changed; /* stages have changed that nobody was told of yet */
	struct hostnet own;
	struct daemon_batch batch;
	struct reporters reporters;
	enum mode mode;         /* as we last set or saw it; the kernel's word is the truth */
	int64_t running_before; /* running time of earlier daemons on this store */
	int64_t started;
	int64_t last_event; /* of the kernel's; 0: none yet */
	int64_t boot;       /* date of boot as the clock said last; it shows a step back */
	uint64_t walked;    /* sources that the walk under way has passed */
	char policy_used[CONFIG_TEXT]; /* by "policy use"; empty: the configured one */
	struct daemon_catalogue updates;
	bool store_ok;
	struct error store_why; /* the last thing that went wrong with it */
	uint64_t events_lost, mended;
	struct log_limit store_limit, loader_limit, reporter_limit, stage_limit;
	struct {
		sd_event_source *part;
		bool under_way;
		uint64_t drift;   /* all of it before this one */
		uint64_t took_ns; /* of kernel time, so far */
		uint64_t next_ns; /* kernel time before which the maps are not compared again */
	} repair;
};

/* daemon_start - all steps up to a working gate; takes config over. 0 without a daemon: a signal
 * ended it while it waited for its store */
int daemon_start(struct config *config, bool lab_clock, struct daemon **ret_daemon,
		 struct error *e);

/* daemon_run - the loop; 0: ended by a signal */
int daemon_run(struct daemon *daemon, struct error *e);
void daemon_stop(struct daemon *daemon);

/* daemon_tell_new - say so if the store was made by this open */
void daemon_tell_new(const struct store *store, const char *path);

/* ---- daemon_wait.c ---- */

/* daemon_wait_store - renew the lease of the gate in the kernel until the store can be opened
 * (whole: and every page of it is good): 0; 1: ended by a signal; negative: there is no gate. e
 * says why it cannot be used */
int daemon_wait_store(const struct config *config, bool lab_clock, bool whole, struct error *e);

/* ---- daemon_loop.c ---- */

/* daemon_tick_by - something has an end that may come before the next look at the time */
void daemon_tick_by(struct daemon *daemon);

/* daemon_watch - signals, kernel events and time into the loop */
int daemon_watch(struct daemon *daemon, struct error *e);

/* daemon_own - read the host's addresses again when they changed; force: in any case */
int daemon_own(struct daemon *daemon, bool force, struct error *e);

/* daemon_unfit - a map of the kernel that is full is told, and no reason to stop: what fits is in
 * it. Other results are returned as they are. */
int daemon_unfit(int rc, const struct error *e);

/* daemon_publish - this source's verdict; a failure is logged and comes up again */
void daemon_publish(void *daemon, const struct addr *source);

/* daemon_store_result - keep and tell whether the store can be written; returns rc */
int daemon_store_result(struct daemon *daemon, int rc, const struct error *e);

/* daemon_batch_begin, _add, _end - one transaction of observations. add takes what the observer
 * returned for one; end makes them durable, then publishes verdicts and tells followers; on
 * failure (batch.e says why) nothing of it happened */
void daemon_batch_begin(struct daemon *daemon);
void daemon_batch_add(struct daemon *daemon, const struct observation *o, int rc);
int daemon_batch_end(struct daemon *daemon);

/* ---- daemon_observe.c ---- */

/* daemon_observe - the control command "observe" */
json_t *daemon_observe(void *daemon, struct control_request *request, struct error *e);

/* ---- daemon_clock.c ---- */

/* daemon_clock_init - the three times from what the store kept */
int daemon_clock_init(struct daemon *daemon, struct error *e);

/* daemon_ipsec - peers under an IPsec policy as they are now; daemon_ipsec_watch() from now on */
void daemon_ipsec(struct daemon *daemon);
int daemon_ipsec_watch(struct daemon *daemon);

/* daemon_settings - lease, offset and the config's words into the settings map */
void daemon_settings(struct daemon *daemon);

/* daemon_replies - the answerer's texts by the present configuration and catalogue */
int daemon_replies(struct daemon *daemon, struct error *e);

/* daemon_running - running time of all daemons on this store */
int64_t daemon_running(const struct daemon *daemon);

/* daemon_mode - the kernel's word; what changed behind our back is taken over and audited */
enum mode daemon_mode(struct daemon *daemon);

/* daemon_set_mode - durable first, then the kernel's word. confirm_s > 0: enforce until that many
 * seconds from now only, unless daemon_confirm_mode() comes; the kernel keeps the deadline */
int daemon_set_mode(struct daemon *daemon, enum mode mode, int64_t confirm_s, const char *who,
		    const char *why, struct error *e);
int daemon_confirm_mode(struct daemon *daemon, const char *who, struct error *e);

/* daemon_move - what is due at this moment happens, as much as fits a turn of the loop (then
 * `behind` says that there is more); returns moves or -errno */
int daemon_move(struct daemon *daemon, struct error *e);

/* daemon_advance - lab clock: to `target` through every due moment in order */
int daemon_advance(struct daemon *daemon, int64_t target, struct error *e);

/* ---- daemon_data.c ---- */

/* daemon_load_data - catalogue and policy at start; daemon_load_policy - that in force for a
 * configuration: "policy use" counts until the key policy: is edited */
int daemon_load_data(struct daemon *daemon, struct error *e);
int daemon_load_policy(struct daemon *daemon, const struct config *config,
		       struct policy **ret_policy, struct error *e);

/* daemon_note_use, daemon_take_over - another catalogue or policy (NULL keeps the present one) from
 * now on: what is durable before, and what cannot fail after. Every record is judged anew in the
 * turns of the loop that follow */
int daemon_note_use(struct daemon *daemon, const struct catalogue *catalogue,
		    const struct policy *policy, const char *who, const char *why, struct error *e);
void daemon_take_over(struct daemon *daemon, struct catalogue *catalogue, struct policy *policy);

/* daemon_use_policy - both for a policy by name, kept over restarts */
int daemon_use_policy(struct daemon *daemon, const char *name, const char *who, const char *why,
		      struct error *e);

/* daemon_walk - look at all records anew, a part per turn of the loop */
void daemon_walk(struct daemon *daemon, enum observer_walk kind);
int daemon_walk_missing(struct daemon *daemon, struct error *e); /* at start, if need be */
int daemon_walk_watch(struct daemon *daemon);
int daemon_walk_tick(struct daemon *daemon, struct error *e);

/* ---- daemon_repair.c ---- */

/* daemon_repair_watch, _tick - the kernel's maps compared with the store, a part per turn */
int daemon_repair_watch(struct daemon *daemon);
void daemon_repair_tick(struct daemon *daemon);

/* ---- daemon_exempt.c ---- */

/* daemon_note_exempt - each range that has come to the list of a configuration, or left it, since
 * the last call on this store gets its entry in the audit trail */
int daemon_note_exempt(struct daemon *daemon, const struct config *config, const char *why,
		       struct error *e);

/* ---- daemon_page.c ---- */

/* daemon_history - a look at what the charts show; a failure is logged and comes up again */
void daemon_history(struct daemon *daemon);
extern const struct http_page daemon_pages[];

/* ---- daemon_tell.c ---- */

/* daemon_tell_watch - after each turn of the loop, whoever wants to know is told of its changes */
int daemon_tell_watch(struct daemon *daemon, struct error *e);

/* daemon_tell_use - as the configuration says now; daemon_tell_changed - the observer's function */
int daemon_tell_use(struct daemon *daemon, struct error *e);
void daemon_tell_tick(struct daemon *daemon); /* whose notice has come due by time alone */
void daemon_tell_changed(void *daemon, const struct change *change);

/* ---- daemon_outlook.c ---- */

/* daemon_outlook_watch, _tick - the walks behind some metrics; _changed - a stage has */
int daemon_outlook_watch(struct daemon *daemon);
void daemon_outlook_tick(struct daemon *daemon);
void daemon_outlook_changed(struct daemon *daemon);

/* ---- daemon_status.c, commands.c ---- */

struct report daemon_report(struct daemon *daemon);
json_t *daemon_status(struct daemon *daemon, struct error *e);
char *daemon_metrics(void *daemon, size_t *ret_bytes);
extern const struct control_command commands_table[];

#endif
