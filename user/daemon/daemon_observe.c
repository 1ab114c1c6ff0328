// SPDX-License-Identifier: BSD-2-Clause
/* What others tell of builds: the milter, a person, another gate. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/clock.h"
#include "daemon.h"
#include "user/kernel/route.h"
#include "user/base/times.h"

#define OBSERVE_MAX      1000         /* objects of one request */
#define OBSERVE_EARLY_S  300          /* clocks differ */
#define OBSERVE_OLDEST_S (30 * DAY_S) /* the longest that anything counts (shared) */
#define AUDIT_A_DAY      16           /* entries per reporter and source */

/* One request on its way. */
struct hearing {
	struct daemon *daemon;
	struct reporter *reporter;
	const char *who;
	int64_t now, shift; /* shift: to add to the reporter's times */
	json_t *refused;
	struct tally tally;
};

/* shift_arg - how far the reporter's clock is behind ours */
static int shift_arg(const struct control_request *request, int64_t now, int64_t *ret,
		     struct error *e)
{
	const char *text = control_string(request, "sent");
	char shown[64];
	int64_t sent;

	*ret = 0;
	if (!text)
		return 0;
	if (times_parse(text, &sent))
		return error_set(e, -EINVAL,
				 "observe: 'sent' is '%s'; expected an RFC 3339 time such as "
				 "2026-11-21T22:51:00Z",
				 log_escape(text, shown, sizeof(shown)));
	*ret = now - sent;
	return 0;
}

/* is_inside - the interface that leads there is not an outside one; who has no route is not
 * on the inside */
static bool is_inside(const struct daemon *daemon, const struct addr *addr)
{
	const struct config_interfaces *outside = &daemon->config->outside;
	int index = route_interface(addr);
	char name[IF_NAMESIZE];

	if (index <= 0 || !if_indextoname((unsigned int)index, name))
		return false;
	for (unsigned int i = 0; i < outside->count; i++)
		if (!strcmp(name, outside->list[i]))
			return false;
	return true;
}

/* is_exempt - by the config or the operator's word */
static bool is_exempt(const struct hearing *h, const struct addr *addr)
{
	const struct config_ranges *exempt = &h->daemon->config->exempt;

	for (unsigned int i = 0; i < exempt->count; i++)
		if (range_contains(&exempt->list[i].addr, exempt->list[i].bits, addr))
			return true;
	return enforcer_is_exempt(h->daemon->enforcer, addr, h->now);
}

/* check_source - about whom nobody may tell us anything */
static int check_source(const struct hearing *h, const struct observation *o, struct error *e)
{
	bool server = o->origin == ORIGIN_BANNER;
	char text[ADDRESS_TEXT];

	address_format(&o->source, text);
	if (observer_is_own(h->daemon->observer, &o->source))
		return error_set(e, -EPERM,
				 "%s is an address of this host; expected that of a peer", text);
	if (is_exempt(h, &o->source))
		return error_set(e, -EPERM,
				 "%s is exempt: nothing is kept about it (gatectl unexempt, or the "
				 "config's exempt)",
				 text);
	if (o->direction && o->build && server == (o->direction == DIRECTION_INBOUND))
		return error_set(e, -EPERM,
				 "%s spoke on the inside (direction and origin say so); expected a "
				 "source outside",
				 text);
	if (is_inside(h->daemon, &o->source))
		return error_set(e, -EPERM,
				 "%s is on the inside: no outside interface leads there; expected "
				 "a source outside",
				 text);
	return 0;
}

/* check_time - neither ahead of us nor older than anything that counts */
static int check_time(const struct hearing *h, struct observation *o, struct error *e)
{
	char at[TIMES_TEXT];

	o->at += h->shift;
	if (o->at > h->now + OBSERVE_EARLY_S)
		return error_set(e, -EINVAL, "key \"at\": %s is in the future",
				 times_format(o->at, at));
	if (o->at < h->now - OBSERVE_OLDEST_S)
		return error_set(e, -EINVAL,
				 "key \"at\": %s is more than 30 days ago; nothing that old counts",
				 times_format(o->at, at));
	if (o->at > h->now)
		o->at = h->now;
	return 0;
}

/* known_name - the one server name of a source, "[address]" for a source without any */
static int known_name(const struct hearing *h, const char *text, char *buf, size_t size,
		      struct error *e)
{
	unsigned int bits = (unsigned int)h->daemon->config->ipv6_prefix, named = 0;
	struct source source;
	struct addr addr;
	int rc;

	if (address_parse(text, &addr))
		return 0; /* observation_parse() says so */
	addr = address_source(&addr, bits);
	rc = store_source_load(h->daemon->store, &addr, &source, e);
	if (rc < 0)
		return rc;
	snprintf(buf, size, "[%s]", text);
	for (unsigned int i = 0; i < source.count; i++)
		if (source.identities[i].build && !named++)
			snprintf(buf, size, "%s", source.identities[i].name);
	source_clear(&source);
	if (named > 1)
		return error_set(e, -EINVAL,
				 "%s has shown builds under %u server names (%s, ...); say which "
				 "one is meant (--helo NAME, or the key \"helo\")",
				 text, named, buf);
	return 0;
}

/* name_it - an observation that names no server is about the only one there is */
static int name_it(const struct hearing *h, json_t *object, struct error *e)
{
	const char *source = json_string_value(json_object_get(object, "source"));
	char name[NAME_BYTES];
	int rc;

	if (!source || !json_object_get(object, "build") || json_object_get(object, "helo") ||
	    json_object_get(object, "by"))
		return 0;
	name[0] = '\0';
	rc = known_name(h, source, name, sizeof(name), e);
	if (!rc && name[0])
		json_object_set_new(object, "helo", json_string(name));
	return rc;
}

/* read_told - one object, checked; -EINVAL and the like: refused */
static int read_told(const struct hearing *h, json_t *object, struct observation *ret,
		     struct error *e)
{
	int rc = name_it(h, object, e);

	if (!rc)
		rc = observation_parse(object, h->now - h->shift, ret, e);
	if (!rc && !ret->server[0])
		rc = error_set(e, -EINVAL,
			       "key \"helo\" is missing: a connection counts by its EHLO name");
	if (!rc)
		rc = check_time(h, ret, e);
	if (!rc)
		rc = check_source(h, ret, e);
	ret->told = true;
	return rc;
}

/* audit_told - who said what of whom, once a day and with a limit: a reporter cannot fill the
 * trail */
static int audit_told(const struct hearing *h, const struct observation *o, struct error *e)
{
	unsigned int bits = (unsigned int)h->daemon->config->ipv6_prefix;
	struct addr source = address_source(&o->source, bits);
	char subject[ADDRESS_TEXT], build[BUILD_TEXT], why[64];
	json_t *after =
		json_pack("{s:o, s:s}", "build",
			  o->build ? json_string(build_format(o->build, build)) : json_null(),
			  "server", o->server);
	char *text = after ? json_dumps(after, JSON_COMPACT) : NULL;
	struct audit audit = {
		.at = h->now,
		.who = h->who,
		.what = "observe",
		.subject = address_format(&source, subject),
		.why = why,
		.after = text,
	};
	int rc;

	json_decref(after);
	if (!text)
		return error_set(e, -ENOMEM, "out of memory");
	snprintf(why, sizeof(why), "told, %s%s",
		 o->build ? origin_name(o->origin) : "a connection without a build",
		 o->tls ? ", in TLS" : "");
	rc = store_audit_new(h->daemon->store, &audit, h->now - h->now % DAY_S, AUDIT_A_DAY, e);
	free(text);
	return rc < 0 ? rc : 0;
}

/* refuse - a sentence for one object */
static void refuse(struct hearing *h, size_t index, const struct error *e)
{
	h->tally.told[TOLD_REFUSED]++;
	json_array_append_new(
		h->refused, json_pack("{s:I, s:s}", "index", (json_int_t)index, "error", e->text));
}

/* hear - one object into the batch */
static void hear(struct hearing *h, size_t index, json_t *object)
{
	struct daemon *daemon = h->daemon;
	struct observation o;
	struct error e = { "" };
	int rc;

	if (daemon->batch.rc < 0)
		return;
	rc = read_told(h, object, &o, &e);
	if (rc) {
		refuse(h, index, &e);
		return;
	}
	rc = audit_told(h, &o, &daemon->batch.e);
	if (rc >= 0)
		rc = observer_take(daemon->observer, &o, h->now, daemon_running(daemon),
				   &daemon->batch.e);
	daemon_batch_add(daemon, &o, rc);
	if (rc > OBSERVER_DROPPED) {
		h->tally.told[TOLD_TAKEN]++;
		h->tally.origin[o.build ? o.origin : 0]++;
	} else if (rc == OBSERVER_DROPPED) {
		h->tally.told[TOLD_REPEATED]++;
	}
}

/* lose - what is not even looked at */
static void lose(struct hearing *h, size_t n)
{
	h->tally.told[TOLD_LOST] += n;
	log_event_limited(
		&h->daemon->reporter_limit, LOG_LEVEL_WARNING, "observe-limit",
		LOG_FIELDS({ "who", h->who }, { "lost", LOG_NUMBER(n) }),
		"observe: %s is over the limit of %lld a minute (observe_rate), %zu not taken",
		h->who, (long long)h->daemon->config->observe_rate, n);
}

/* answer - the counts, and in words */
static json_t *answer(struct hearing *h)
{
	const uint64_t *told = h->tally.told;
	char message[256];
	int used;

	used = snprintf(message, sizeof(message), "%llu taken, %llu repeated, %llu refused",
			(unsigned long long)told[TOLD_TAKEN],
			(unsigned long long)told[TOLD_REPEATED],
			(unsigned long long)told[TOLD_REFUSED]);
	if (told[TOLD_LOST])
		snprintf(message + used, sizeof(message) - (size_t)used,
			 ", %llu lost: over the limit of %lld a minute (observe_rate)",
			 (unsigned long long)told[TOLD_LOST],
			 (long long)h->daemon->config->observe_rate);
	return json_pack("{s:s, s:I, s:I, s:O, s:I}", "message", message, "taken",
			 (json_int_t)told[TOLD_TAKEN], "repeated", (json_int_t)told[TOLD_REPEATED],
			 "refused", h->refused, "lost", (json_int_t)told[TOLD_LOST]);
}

/* hear_all - as one transaction */
static json_t *hear_all(struct hearing *h, json_t *list, struct error *e)
{
	struct daemon *daemon = h->daemon;
	size_t count = json_array_size(list), allowed, i;
	json_t *object;
	int rc;

	allowed = (size_t)reporter_allow(h->reporter, (int64_t)count, daemon->config->observe_rate,
					 daemon_running(daemon));
	if (allowed < count)
		lose(h, count - allowed);
	daemon_batch_begin(daemon);
	json_array_foreach (list, i, object)
		if (i < allowed)
			hear(h, i, object);
	rc = daemon_batch_end(daemon);
	if (rc) /* none of it happened */
		h->tally = (struct tally) { .told = { [TOLD_LOST] = count } };
	reporters_add(&daemon->reporters, h->reporter, &h->tally);
	if (!rc)
		return answer(h);
	error_set(e, rc, "%s", daemon->batch.e.text);
	return NULL;
}

/* daemon_observe - bounded by its size, then by the reporter's limit */
json_t *daemon_observe(void *arg, struct control_request *request, struct error *e)
{
	json_t *list = json_object_get(request->args, "observations"), *result = NULL;
	struct daemon *daemon = arg;
	struct hearing h = {
		.daemon = daemon,
		.who = request->who,
		.now = clock_wall(),
		.refused = json_array(),
	};

	if (json_array_size(list) > OBSERVE_MAX)
		error_set(e, -E2BIG, "observe: %zu observations at once; expected at most %d",
			  json_array_size(list), OBSERVE_MAX);
	else if (!shift_arg(request, h.now, &h.shift, e)) {
		h.reporter = reporters_find(&daemon->reporters, request->who, h.now);
		result = hear_all(&h, list, e);
	}
	json_decref(h.refused);
	return result;
}
