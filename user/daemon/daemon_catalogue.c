// SPDX-License-Identifier: BSD-2-Clause
#include "daemon_catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "daemon.h"

#define KEPT_TEXT 512
#define DAY_S     86400

/* kept_dir - below the state directory, which is root's */
static void kept_dir(const struct daemon *daemon, char buf[UPDATE_PATH])
{
	snprintf(buf, UPDATE_PATH, "%s/catalogue", daemon->config->state_dir);
}

/* audit - one entry about the catalogue; ids and paths are the subject */
static int audit(struct daemon *daemon, const char *who, const char *what, const char *subject,
		 const char *why, struct error *e)
{
	struct audit entry = {
		.at = clock_wall(), .who = who, .what = what, .subject = subject, .why = why
	};

	return store_audit_add(daemon->store, &entry, e);
}

/* refuse - told once per reason: an hourly fetch may bring the same file again and again */
static int refuse(struct daemon *daemon, const char *who, const char *path, int rc,
		  const struct error *e)
{
	struct daemon_catalogue *c = &daemon->updates;
	struct error store = { "" };

	c->refusals++;
	if (!strcmp(c->refused.text, e->text))
		return rc;
	c->refused = *e;
	c->refused_at = clock_wall();
	log_event(LOG_LEVEL_ERROR, "catalogue-refused",
		  LOG_FIELDS({ "path", path }, { "who", who }, { "why", e->text }),
		  "catalogue: refused, serial %lld stays in force: %s",
		  (long long)catalogue_serial(daemon->catalogue), e->text);
	if (audit(daemon, who, "catalogue-refused", path, e->text, &store) < 0 ||
	    store_fact_set(daemon->store, "catalogue_refused", e->text, &store) < 0 ||
	    store_number_set(daemon->store, "catalogue_refused_at", c->refused_at, &store) < 0)
		daemon_store_result(daemon, -EIO, &store);
	return rc;
}

/* read_blocked - the operator's list, over restarts too */
static int read_blocked(struct daemon *daemon, struct error *e)
{
	char text[BLOCKED_TEXT] = "[]";
	int rc = store_fact_get(daemon->store, "catalogue_blocked", text, sizeof(text), e);

	if (rc < 0)
		return rc;
	json_decref(daemon->updates.blocked);
	daemon->updates.blocked = json_loads(text, 0, NULL);
	if (!json_is_array(daemon->updates.blocked))
		return error_set(e, -EBADMSG,
				 "store: fact \"catalogue_blocked\" is \"%.100s\", "
				 "expected a list of ids",
				 text);
	return 0;
}

/* apply_blocked - to a catalogue that was just loaded */
static void apply_blocked(struct daemon *daemon, struct catalogue *catalogue)
{
	json_t *id;
	size_t i;

	json_array_foreach (daemon->updates.blocked, i, id)
		catalogue_block(catalogue, json_string_value(id), true);
}

/* read_refused - what an earlier daemon had to refuse is not forgotten by a restart */
static int read_refused(struct daemon *daemon, struct error *e)
{
	struct daemon_catalogue *c = &daemon->updates;
	int rc = store_fact_get(daemon->store, "catalogue_refused", c->refused.text,
				sizeof(c->refused.text), e);

	if (rc > 0)
		rc = store_number_get(daemon->store, "catalogue_refused_at", &c->refused_at, e);
	return rc < 0 ? rc : 0;
}

/* What the store remembers of the kept catalogue. */
struct kept {
	int64_t serial; /* 0: none */
	int64_t taken_at;
	char key[SIGNATURE_ID_TEXT];
	char digest[UPDATE_DIGEST];
};

/* read_kept - one fact, so that it is whole */
static int read_kept(struct daemon *daemon, struct kept *ret, struct error *e)
{
	char text[KEPT_TEXT] = "";
	long long serial, taken_at;
	int rc = store_fact_get(daemon->store, "catalogue_kept", text, sizeof(text), e);

	*ret = (struct kept) { 0 };
	if (rc <= 0)
		return rc;
	if (sscanf(text, "%lld %lld %16s %64s", &serial, &taken_at, ret->key, ret->digest) != 4)
		return error_set(e, -EBADMSG, "store: fact \"catalogue_kept\" is \"%s\"", text);
	ret->serial = serial;
	ret->taken_at = taken_at;
	return 0;
}

/* load_kept - the kept one if it counts for more than the shipped one. When it cannot be read the
 * shipped one has to do: a gate that does not start judges nobody */
static int load_kept(struct daemon *daemon, int64_t shipped, struct kept *kept, struct update *ret,
		     struct error *e)
{
	char dir[UPDATE_PATH];
	struct error why = { "" };
	int rc = read_kept(daemon, kept, e);

	if (rc || kept->serial <= shipped)
		return rc;
	kept_dir(daemon, dir);
	rc = update_kept(dir, kept->serial, kept->digest, ret, &why);
	if (!rc)
		return 1;
	log_event(LOG_LEVEL_ERROR, "catalogue-lost", LOG_FIELDS({ "why", why.text }),
		  "catalogue: the one that was taken is lost, going on with the shipped one, "
		  "serial %lld: %s; take it again with gatectl catalogue update",
		  (long long)shipped, why.text);
	daemon->updates.refused = why;
	daemon->updates.refused_at = clock_wall();
	return 0;
}

/* comes_from - where the next one in force came from */
static void comes_from(struct daemon *daemon, const struct update *update, int64_t taken_at)
{
	struct catalogue_origin *next = &daemon->updates.next;

	memcpy(next->digest, update->digest, sizeof(next->digest));
	memcpy(next->key, update->key, sizeof(next->key));
	next->taken_at = taken_at;
}

/* daemon_catalogue_used - a load that came to nothing leaves the origin as it was */
void daemon_catalogue_used(struct daemon *daemon)
{
	daemon->updates.origin = daemon->updates.next;
}

/* raise_seen - the highest serial that was ever in force never goes back */
static int raise_seen(struct daemon *daemon, int64_t serial, int64_t *ret_seen, struct error *e)
{
	int64_t seen = 0;
	int rc = store_number_get(daemon->store, "catalogue_seen", &seen, e);

	if (rc >= 0 && serial > seen)
		rc = store_number_set(daemon->store, "catalogue_seen", seen = serial, e);
	*ret_seen = seen;
	return rc < 0 ? rc : 0;
}

/* warn_keys - before the last key ends, not after */
static void warn_keys(const struct config *config)
{
	int64_t now = clock_wall();
	unsigned int later = 0;

	for (unsigned int i = 0; i < config->catalogue_keys.count; i++) {
		const struct signature_key *key = &config->catalogue_keys.list[i];

		later += !key->not_after || key->not_after > now + 30 * DAY_S;
	}
	if (config->catalogue_keys.count && !later)
		log_event(LOG_LEVEL_WARNING, "catalogue-keys", NULL,
			  "catalogue: no trusted key is good for 30 more days; name the next one "
			  "in catalogue_keys, or no update can be taken");
}

/* daemon_catalogue_load - the package's is read first: it must be good in any case */
int daemon_catalogue_load(struct daemon *daemon, const struct config *config,
			  struct catalogue **ret_catalogue, struct error *e)
{
	struct update shipped = { 0 }, kept = { 0 }, *use = &shipped;
	struct kept memory;
	int64_t seen;
	int rc = update_shipped(config->catalogue, &shipped, e);

	if (!rc)
		rc = read_blocked(daemon, e);
	if (!rc)
		rc = read_refused(daemon, e);
	if (!rc)
		rc = load_kept(daemon, catalogue_serial(shipped.catalogue), &memory, &kept, e);
	if (rc > 0) {
		use = &kept;
		memcpy(kept.key, memory.key, sizeof(kept.key));
	}
	if (rc >= 0)
		rc = raise_seen(daemon, catalogue_serial(use->catalogue), &seen, e);
	if (!rc) {
		comes_from(daemon, use, use == &kept ? memory.taken_at : 0);
		*ret_catalogue = use->catalogue;
		use->catalogue = NULL;
		apply_blocked(daemon, *ret_catalogue);
		warn_keys(config);
	}
	update_clear(&shipped);
	update_clear(&kept);
	return rc;
}

/* is_lost - it was taken once, and its file has gone since: the very same may come back */
static bool is_lost(struct daemon *daemon, const struct update *update)
{
	int64_t serial = catalogue_serial(update->catalogue);
	struct kept kept;

	return !read_kept(daemon, &kept, NULL) && kept.serial == serial &&
	       !strcmp(kept.digest, update->digest) && catalogue_serial(daemon->catalogue) < serial;
}

/* check_serial - above all that were ever in force; 1: it is the one in force */
static int check_serial(struct daemon *daemon, const char *path, const struct update *update,
			struct error *e)
{
	int64_t serial = catalogue_serial(update->catalogue), seen;
	int rc = raise_seen(daemon, catalogue_serial(daemon->catalogue), &seen, e);

	if (rc)
		return rc;
	if (serial == catalogue_serial(daemon->catalogue) &&
	    !strcmp(update->digest, daemon->updates.origin.digest))
		return 1;
	if (serial > seen || is_lost(daemon, update))
		return 0;
	return error_set(e, -EINVAL,
			 "%s: has serial %lld, expected one above %lld, the highest that was in "
			 "force here",
			 path, (long long)serial, (long long)seen);
}

/* remember - everything a restart needs, durable with the audit entry or not at all */
static int remember(struct daemon *daemon, const struct update *update, int64_t now,
		    struct error *e)
{
	int64_t serial = catalogue_serial(update->catalogue);
	char text[KEPT_TEXT];
	int rc;

	snprintf(text, sizeof(text), "%lld %lld %s %s", (long long)serial, (long long)now,
		 update->key, update->digest);
	rc = store_fact_set(daemon->store, "catalogue_kept", text, e);
	if (rc >= 0)
		rc = store_number_set(daemon->store, "catalogue_seen", serial, e);
	if (rc >= 0)
		rc = store_fact_set(daemon->store, "catalogue_refused", "", e);
	return rc < 0 ? rc : 0;
}

/* use - files, store, then memory */
static int use(struct daemon *daemon, const char *path, struct update *update, const char *who,
	       struct error *e)
{
	int64_t now = clock_wall();
	char dir[UPDATE_PATH], why[UPDATE_PATH + 128], shown[128];
	int rc;

	kept_dir(daemon, dir);
	rc = update_keep(update, dir, e);
	if (rc)
		return rc;
	snprintf(why, sizeof(why), "%s, signed with key %s: %s", path, update->key,
		 log_escape(update->comment, shown, sizeof(shown)));
	apply_blocked(daemon, update->catalogue);
	rc = store_begin(daemon->store, e);
	if (rc < 0)
		return rc;
	rc = remember(daemon, update, now, e);
	if (rc >= 0)
		rc = daemon_note_use(daemon, update->catalogue, NULL, who, why, e);
	rc = store_finish(daemon->store, rc, e);
	if (daemon_store_result(daemon, rc, e) < 0)
		return rc;
	comes_from(daemon, update, now);
	daemon->updates.taken++;
	daemon->updates.refused.text[0] = '\0';
	log_event(LOG_LEVEL_INFO, "catalogue",
		  LOG_FIELDS({ "serial", LOG_NUMBER(catalogue_serial(update->catalogue)) },
			     { "was", LOG_NUMBER(catalogue_serial(daemon->catalogue)) },
			     { "who", who }),
		  "catalogue: serial %lld is in force now (was %lld), %u builds, %s",
		  (long long)catalogue_serial(update->catalogue),
		  (long long)catalogue_serial(daemon->catalogue),
		  catalogue_count(update->catalogue), why);
	daemon_take_over(daemon, update->catalogue, NULL);
	update->catalogue = NULL;
	update_forget(dir, catalogue_serial(daemon->catalogue));
	return 1;
}

/* daemon_catalogue_take - what is there twice is no failure: a fetch comes every hour */
int daemon_catalogue_take(struct daemon *daemon, const char *path, const char *who, struct error *e)
{
	struct update update = { 0 };
	int rc = update_read(path, &daemon->config->catalogue_keys, clock_wall(), &update, e);

	if (!rc)
		rc = check_serial(daemon, path, &update, e);
	if (!rc)
		rc = use(daemon, path, &update, who, e);
	else if (rc == 1)
		rc = 0;
	update_clear(&update);
	return rc < 0 ? refuse(daemon, who, path, rc, e) : rc;
}

/* find_blocked - index in the list, or -1 */
static int find_blocked(const struct daemon *daemon, const char *id)
{
	json_t *blocked;
	size_t i;

	json_array_foreach (daemon->updates.blocked, i, blocked)
		if (!strcmp(json_string_value(blocked), id))
			return (int)i;
	return -1;
}

/* check_id - that it can be one */
static int check_id(const char *id, struct error *e)
{
	char shown[80];

	if (catalogue_id_fits(id))
		return 0;
	return error_set(e, -EINVAL,
			 "'%s' is not the id of an emergency definition; expected at most 64 "
			 "characters, without a space",
			 log_escape(id, shown, sizeof(shown)));
}

/* keep_blocked - the new list and its audit entry */
static int keep_blocked(struct daemon *daemon, const char *id, bool block, const char *who,
			const char *reason, struct error *e)
{
	char *text = json_dumps(daemon->updates.blocked, JSON_COMPACT);
	int rc = store_begin(daemon->store, e);

	if (rc < 0 || !text || strlen(text) >= BLOCKED_TEXT) {
		free(text);
		if (rc < 0)
			return rc;
		return store_finish(daemon->store, error_set(e, -E2BIG, "too many ids are blocked"),
				    e);
	}
	rc = store_fact_set(daemon->store, "catalogue_blocked", text, e);
	if (rc >= 0)
		rc = audit(daemon, who, block ? "catalogue-block" : "catalogue-unblock", id, reason,
			   e);
	if (rc >= 0)
		rc = daemon_note_use(daemon, NULL, NULL, who, reason, e);
	free(text);
	return daemon_store_result(daemon, store_finish(daemon->store, rc, e), e);
}

/* daemon_catalogue_block - also an id that no catalogue has yet: it may come tomorrow */
int daemon_catalogue_block(struct daemon *daemon, const char *id, bool block, const char *who,
			   const char *reason, struct error *e)
{
	int at = find_blocked(daemon, id), rc = check_id(id, e);

	if (rc)
		return rc;
	if (block == (at >= 0))
		return 0;
	if (block)
		json_array_append_new(daemon->updates.blocked, json_string(id));
	else
		json_array_remove(daemon->updates.blocked, (size_t)at);
	rc = keep_blocked(daemon, id, block, who, reason, e);
	if (rc < 0) {
		struct error again = { "" };

		if (read_blocked(daemon, &again) < 0)
			log_event(LOG_LEVEL_ERROR, "store", LOG_FIELDS({ "why", again.text }), "%s",
				  again.text);
		return rc;
	}
	catalogue_block(daemon->catalogue, id, block);
	log_event(LOG_LEVEL_INFO, block ? "emergency-blocked" : "emergency-unblocked",
		  LOG_FIELDS({ "id", id }, { "who", who }),
		  "catalogue: emergency definition %s is %s, by %s", id,
		  block ? "blocked" : "no longer blocked", who);
	daemon_take_over(daemon, NULL, NULL);
	return 1;
}

/* daemon_catalogue_free - NULLs are fine */
void daemon_catalogue_free(struct daemon *daemon)
{
	sd_event_source_disable_unref(daemon->updates.inbox);
	sd_event_source_disable_unref(daemon->updates.settle);
	json_decref(daemon->updates.blocked);
}
