// SPDX-License-Identifier: BSD-2-Clause
/* What decides, and who was judged by it: catalogue, policy, and the walk over all records. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "daemon.h"
#include "user/base/times.h"

#define NS        1000000000LL
#define BACK_S    60 /* less than this back is no step of the clock, but its discipline */
#define FACT_TEXT 512

/* catalogue_text - what tells one catalogue from another */
static const char *catalogue_text(const struct catalogue *catalogue, char *buf, size_t size)
{
	char at[TIMES_TEXT];

	snprintf(buf, size, "serial %lld of %s, %u builds", (long long)catalogue_serial(catalogue),
		 times_format(catalogue_as_of(catalogue), at), catalogue_count(catalogue));
	return buf;
}

/* judged_text - what records are judged by, in one line */
static const char *judged_text(const struct daemon *daemon, char *buf, size_t size)
{
	char catalogue[FACT_TEXT], policy[FACT_TEXT];

	snprintf(buf, size, "%.200s; %.200s; grace %lld",
		 catalogue_text(daemon->catalogue, catalogue, sizeof(catalogue)),
		 policy_text(daemon->policy, policy, sizeof(policy)),
		 (long long)daemon->config->grace_days);
	return buf;
}

/* note - a fact that has changed, with its audit entry; the same again is no entry */
static int note(struct daemon *daemon, const char *what, const char *is, const char *who,
		const char *why, struct error *e)
{
	char was[FACT_TEXT] = "";
	json_t *before, *after = json_string(is);
	struct audit audit = {
		.at = clock_wall(), .who = who, .what = what, .subject = "gate", .why = why
	};
	int rc = store_fact_get(daemon->store, what, was, sizeof(was), e);

	before = rc > 0 ? json_string(was) : json_null();
	if (rc >= 0 && strcmp(was, is)) {
		char *from = json_dumps(before, JSON_ENCODE_ANY);
		char *to = json_dumps(after, JSON_ENCODE_ANY);

		audit.before = from;
		audit.after = to;
		rc = store_audit_add(daemon->store, &audit, e);
		if (rc >= 0)
			rc = store_fact_set(daemon->store, what, is, e);
		free(from);
		free(to);
	}
	json_decref(before);
	json_decref(after);
	return rc < 0 ? rc : 0;
}

/* daemon_note_use - what is in use from now on. Until the walk is through, nothing is what all
 * records were judged by: after a crash the next daemon begins it again */
int daemon_note_use(struct daemon *daemon, const struct catalogue *catalogue,
		    const struct policy *policy, const char *who, const char *why, struct error *e)
{
	char text[FACT_TEXT];
	int rc = store_begin(daemon->store, e);

	if (rc < 0)
		return rc;
	if (catalogue)
		rc = note(daemon, "catalogue", catalogue_text(catalogue, text, sizeof(text)), who,
			  why, e);
	if (rc >= 0 && policy)
		rc = note(daemon, "policy", policy_text(policy, text, sizeof(text)), who, why, e);
	if (rc >= 0 && policy)
		rc = store_fact_set(daemon->store, "policy_used", daemon->policy_used, e);
	if (rc >= 0)
		rc = store_fact_set(daemon->store, "judged", "", e);
	return store_finish(daemon->store, rc, e);
}

/* policy_override - what "policy use" left in the store. An edit of the configuration that came
 * after it counts instead: the later word of the operator's. 1: there is one */
static int policy_override(struct daemon *daemon, const struct config *config, char *name,
			   size_t size, struct error *e)
{
	char beside[CONFIG_TEXT] = "";
	int rc = store_fact_get(daemon->store, "policy_used", name, size, e);

	if (rc <= 0 || !name[0])
		return rc < 0 ? rc : 0;
	rc = store_fact_get(daemon->store, "policy_beside", beside, sizeof(beside), e);
	if (rc < 0 || !strcmp(beside, config->policy))
		return rc < 0 ? rc : 1;
	log_info("policy: %s was edited after \"policy use %s\" and counts", config->path, name);
	return 0;
}

/* daemon_load_policy - the one in force for a configuration */
int daemon_load_policy(struct daemon *daemon, const struct config *config,
		       struct policy **ret_policy, struct error *e)
{
	char name[CONFIG_TEXT];
	int rc, used = policy_override(daemon, config, name, sizeof(name), e);

	if (used < 0)
		return used;
	rc = policy_load(used ? name : config->policy, config->policy_dir, ret_policy, e);
	if (rc && used)
		error_prefix(e, rc, "chosen with \"gatectl policy use\"");
	if (!rc)
		snprintf(daemon->policy_used, sizeof(daemon->policy_used), "%s", used ? name : "");
	return rc;
}

/* daemon_load_data - at start, before there is anything to judge */
int daemon_load_data(struct daemon *daemon, struct error *e)
{
	const struct config *config = daemon->config;
	int rc = daemon_inbox_check(config, e);

	if (!rc)
		rc = daemon_catalogue_load(daemon, config, &daemon->catalogue, e);
	if (!rc)
		daemon_catalogue_used(daemon);
	if (!rc)
		rc = daemon_load_policy(daemon, config, &daemon->policy, e);
	if (!rc && clock_wall() - catalogue_as_of(daemon->catalogue) > config->catalogue_max_age)
		log_event(LOG_LEVEL_WARNING, "catalogue-stale",
			  LOG_FIELDS({ "serial", LOG_NUMBER(catalogue_serial(daemon->catalogue)) }),
			  "catalogue: serial %lld is older than %lld days; builds it does not "
			  "know are never accused, update it",
			  (long long)catalogue_serial(daemon->catalogue),
			  (long long)(config->catalogue_max_age / 86400));
	return rc;
}

/* daemon_take_over - what is replaced is freed */
void daemon_take_over(struct daemon *daemon, struct catalogue *catalogue, struct policy *policy)
{
	struct error e = { "" };

	observer_use(daemon->observer, catalogue, policy);
	if (policy)
		enforcer_use(daemon->enforcer, policy);
	if (catalogue) {
		struct catalogue *old = daemon->catalogue;

		daemon->catalogue = catalogue;
		daemon_catalogue_used(daemon);
		if (daemon_replies(daemon, &e))
			log_limited(&daemon->loader_limit, "%s", e.text);
		catalogue_free(old);
	}
	if (policy) {
		policy_free(daemon->policy);
		daemon->policy = policy;
	}
	daemon_walk(daemon, OBSERVER_WALK_JUDGE);
}

/* daemon_use_policy - the configured one needs no override */
int daemon_use_policy(struct daemon *daemon, const char *name, const char *who, const char *why,
		      struct error *e)
{
	const struct config *config = daemon->config;
	char was[CONFIG_TEXT];
	struct policy *policy = NULL;
	int rc = policy_load(name, config->policy_dir, &policy, e);

	if (rc)
		return rc;
	memcpy(was, daemon->policy_used, sizeof(was));
	snprintf(daemon->policy_used, sizeof(daemon->policy_used), "%s",
		 strcmp(name, config->policy) ? name : "");
	rc = store_begin(daemon->store, e);
	if (rc >= 0) {
		rc = store_fact_set(daemon->store, "policy_beside", config->policy, e);
		if (rc >= 0)
			rc = daemon_note_use(daemon, NULL, policy, who, why, e);
		rc = store_finish(daemon->store, rc, e);
	}
	if (daemon_store_result(daemon, rc, e) < 0) {
		memcpy(daemon->policy_used, was, sizeof(was));
		policy_free(policy);
		return rc;
	}
	daemon_take_over(daemon, NULL, policy);
	return 0;
}

/* daemon_walk - the walk begins in the next turns of the loop */
void daemon_walk(struct daemon *daemon, enum observer_walk kind)
{
	observer_walk_start(daemon->observer, kind);
	daemon->walked = 0;
	if (daemon->walk)
		sd_event_source_set_enabled(daemon->walk, SD_EVENT_ONESHOT);
}

/* daemon_walk_missing - at start: who was not judged by what is in use now, or lived in a time
 * that is yet to come */
int daemon_walk_missing(struct daemon *daemon, struct error *e)
{
	char was[2 * FACT_TEXT] = "", is[2 * FACT_TEXT];
	int64_t wall = 0;
	int rc = store_fact_get(daemon->store, "judged", was, sizeof(was), e);

	if (rc >= 0)
		rc = store_number_get(daemon->store, "wall", &wall, e);
	if (rc < 0)
		return rc;
	if (strcmp(was, judged_text(daemon, is, sizeof(is)))) {
		rc = daemon_note_use(daemon, daemon->catalogue, daemon->policy, "buildgated",
				     "found at start", e);
		daemon_walk(daemon, OBSERVER_WALK_JUDGE);
	} else if (clock_wall() + BACK_S < wall) {
		log_warning("the system clock stands %lld s before the last moment on record",
			    (long long)(wall - clock_wall()));
		daemon_walk(daemon, OBSERVER_WALK_DUE);
	}
	return rc < 0 ? rc : 0;
}

/* walk_done - the map may hold what no record explains: made equal once more */
static void walk_done(struct daemon *daemon)
{
	char text[2 * FACT_TEXT];
	struct error e = { "" };
	int rc = daemon_unfit(enforcer_publish_all(daemon->enforcer, clock_wall(), &e), &e);

	if (rc >= 0)
		rc = store_fact_set(daemon->store, "judged",
				    judged_text(daemon, text, sizeof(text)), &e);
	daemon_store_result(daemon, rc, &e);
	log_event(
		LOG_LEVEL_INFO, "judged",
		LOG_FIELDS({ "sources", LOG_NUMBER(daemon->walked) },
			   { "policy", daemon->policy->name }),
		"records: all of %llu sources looked at anew, by policy %s and the catalogue of %u "
		"builds",
		(unsigned long long)daemon->walked, daemon->policy->name,
		catalogue_count(daemon->catalogue));
}

/* on_walk - one part per turn of the loop; after an error the next tick tries again */
static int on_walk(sd_event_source *source, void *arg)
{
	struct daemon *daemon = arg;
	struct error e = { "" };
	int count = observer_walk_step(daemon->observer, clock_wall(), daemon_running(daemon),
				       daemon_publish, daemon, &e);

	if (daemon_store_result(daemon, count, &e) < 0)
		return 0;
	daemon->walked += (uint64_t)count;
	if (!count)
		walk_done(daemon);
	return count ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

/* daemon_walk_watch - behind everything else that the loop has to do */
int daemon_walk_watch(struct daemon *daemon)
{
	bool waiting = observer_walking(daemon->observer);
	int rc = sd_event_add_defer(daemon->event, &daemon->walk, on_walk, daemon);

	if (rc >= 0)
		rc = sd_event_source_set_priority(daemon->walk, SD_EVENT_PRIORITY_IDLE);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(daemon->walk,
						 waiting ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	daemon->boot = INT64_MIN;
	return rc;
}

/* daemon_walk_tick - go on with a walk that an error stopped; find a clock that was set back: by
 * the date of boot, which a lab clock does not move */
int daemon_walk_tick(struct daemon *daemon, struct error *e)
{
	int64_t now = clock_wall(), boot = now - (int64_t)(clock_kernel_ns() / NS);

	if (daemon->boot > INT64_MIN && boot + BACK_S <= daemon->boot) {
		log_event(LOG_LEVEL_WARNING, "clock-back",
			  LOG_FIELDS({ "seconds", LOG_NUMBER(daemon->boot - boot) }),
			  "the system clock went back by %lld s; every record looks at it again",
			  (long long)(daemon->boot - boot));
		daemon_walk(daemon, OBSERVER_WALK_DUE);
		daemon->boot = boot;
	}
	if (boot > daemon->boot)
		daemon->boot = boot;
	if (observer_walking(daemon->observer))
		sd_event_source_set_enabled(daemon->walk, SD_EVENT_ONESHOT);
	return store_number_set(daemon->store, "wall", now, e);
}
