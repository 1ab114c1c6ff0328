// SPDX-License-Identifier: BSD-2-Clause
/* What the gate knows and keeps: catalogue, store, and what it saw last. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/base/times.h"
#include "user/catalogue/catalogue.h"
#include "user/kernel/pinned.h"

#define DAY     86400
#define KEY_DAY 30 /* a key that ends sooner wants a successor */
#define MIB     (1024 * 1024)
#define FREE    (100ULL * MIB)

#define UPDATE                                                                                     \
	"systemctl enable --now buildgate-fetch.timer, or gatectl catalogue update FILE with a "   \
	"newer one"

/* judge_age - of the one in force, or of the installed one when nobody says which that is */
static void judge_age(struct doctor *d, const char *which, int64_t serial, int64_t as_of,
		      const char *signer)
{
	int64_t days = (d->now - as_of) / DAY, max = d->config ? d->config->catalogue_max_age : 0;
	char day[TIMES_TEXT];

	times_format_date(as_of, day);
	if (max && d->now - as_of > max) {
		doctor_say(d, "catalogue", DOCTOR_WARN,
			   "%s, serial %" PRId64 " of %s, is %" PRId64
			   " days old: builds that came "
			   "since are judged as if they were current",
			   which, serial, day, days);
		doctor_next(d, UPDATE);
	} else {
		doctor_say(d, "catalogue", DOCTOR_OK,
			   "%s is serial %" PRId64 " of %s, %" PRId64 " days old, %s", which,
			   serial, day, days, signer);
	}
}

/* judge_installed - without a daemon */
static void judge_installed(struct doctor *d)
{
	struct catalogue *catalogue;
	struct error e;

	if (!d->config)
		return;
	if (catalogue_load(d->config->catalogue, &catalogue, &e)) {
		doctor_say(d, "catalogue", DOCTOR_BAD, "%s", e.text);
		doctor_next(d, "install the package again, or name another in catalogue: in %s",
			    d->config_path);
		return;
	}
	judge_age(d, "the installed catalogue", catalogue_serial(catalogue),
		  catalogue_as_of(catalogue), "trusted by its place");
	catalogue_free(catalogue);
}

/* judge_keys - without one that is good, nothing new can be taken */
static void judge_keys(struct doctor *d)
{
	unsigned int good = 0, later = 0;

	if (!d->config)
		return;
	for (unsigned int i = 0; i < d->config->catalogue_keys.count; i++) {
		const struct signature_key *key = &d->config->catalogue_keys.list[i];

		good += (!key->not_before || key->not_before <= d->now) &&
			(!key->not_after || key->not_after > d->now);
		later += !key->not_after || key->not_after > d->now + KEY_DAY * DAY;
	}
	if (!d->config->catalogue_keys.count) {
		doctor_say(d, "catalogue", DOCTOR_NOTE,
			   "no key is trusted: a newer catalogue comes with packages only");
		doctor_next(d, "name who may sign one in catalogue_keys: in %s", d->config_path);
	} else if (!good || !later) {
		doctor_say(d, "catalogue", DOCTOR_WARN, "no trusted key is good %s",
			   good ? "for 30 more days" : "today");
		doctor_next(d, "name the next key in catalogue_keys: in %s", d->config_path);
	} else {
		doctor_say(d, "catalogue", DOCTOR_OK, "%u key(s) may sign the next one", good);
	}
}

/* judge_refused - silence is what hit the old servers */
static void judge_refused(struct doctor *d, const json_t *catalogue)
{
	const json_t *refused = json_object_get(catalogue, "refused");
	const char *at = doctor_text(refused, "at"), *why = doctor_text(refused, "why");

	if (json_is_object(refused)) {
		doctor_say(d, "catalogue", DOCTOR_BAD, "an update was refused at %s: %s",
			   at ? at : "-", why ? why : "-");
		doctor_next(d, "gatectl catalogue verify FILE says what is wrong with a file; then "
			       "gatectl catalogue update FILE");
	}
	if (json_is_true(json_object_get(catalogue, "inbox_lost"))) {
		doctor_say(d, "catalogue", DOCTOR_BAD, "the directory for new catalogues has gone");
		doctor_next(d,
			    "make the directory of catalogue_dir: again, or take the key out of %s",
			    d->config_path);
	}
}

/* doctor_catalogue - see doctor_private.h */
void doctor_catalogue(struct doctor *d)
{
	const json_t *catalogue = json_object_get(d->status, "catalogue");
	const char *as_of = doctor_text(catalogue, "as_of"), *key = doctor_text(catalogue, "key");
	char signer[80];
	int64_t at;

	if (as_of && !times_parse(as_of, &at)) {
		if (key)
			snprintf(signer, sizeof(signer), "signed with key %s", key);
		else
			strcpy(signer, "trusted by its place");
		judge_age(d, "the catalogue", doctor_number(catalogue, "serial"), at, signer);
		judge_refused(d, catalogue);
	} else {
		judge_installed(d);
	}
	judge_keys(d);
}

/* doctor_store - by its file; opening it is the daemon's alone */
void doctor_store(struct doctor *d)
{
	struct doctor_store s = { .there = false };
	char full[600], magic[16] = "";
	struct statvfs fs;
	struct stat st;
	FILE *f;

	if (!d->config)
		return;
	snprintf(s.path, sizeof(s.path), "%s/buildgate.db", d->config->state_dir);
	snprintf(full, sizeof(full), "%s%s", d->root, s.path);
	s.there = !stat(full, &st);
	s.bytes = s.there ? (uint64_t)st.st_size : 0;
	f = doctor_open(d, s.path);
	s.readable = f != NULL;
	s.sqlite = f && fread(magic, 1, sizeof(magic), f) == sizeof(magic) &&
		   !memcmp(magic, "SQLite format 3", sizeof(magic));
	if (f)
		fclose(f);
	snprintf(full, sizeof(full), "%s%s", d->root, d->config->state_dir);
	if (!statvfs(full, &fs)) {
		s.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		s.total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	doctor_store_judge(d, &s);
}

/* doctor_store_judge - what cannot be written is lost, what cannot be read too */
void doctor_store_judge(struct doctor *d, const struct doctor_store *s)
{
	const json_t *self = json_object_get(d->status, "daemon");
	const char *why = doctor_text(self, "store_error");

	if (json_is_false(json_object_get(self, "store_ok"))) {
		doctor_say(
			d, "store", DOCTOR_BAD,
			"buildgated cannot use %s: nothing new is learnt, enforcement goes on as "
			"last published",
			s->path);
		if (why)
			doctor_next(d, "%s", why);
		else
			doctor_next(d, "journalctl -u buildgated -g store says why");
	} else if (!s->there) {
		doctor_say(d, "store", d->status ? DOCTOR_BAD : DOCTOR_NOTE, "there is no %s yet",
			   s->path);
		doctor_next(d, d->status ? "it was removed: systemctl restart buildgated"
					 : "it is made when buildgated is started first");
	} else if (s->readable && s->bytes && !s->sqlite) {
		doctor_say(d, "store", DOCTOR_BAD, "%s is damaged: it is no database", s->path);
		doctor_next(d, "put a copy of it back, or move it away to begin anew");
	} else {
		doctor_say(d, "store", DOCTOR_OK, "%s has %" PRIu64 " MiB", s->path,
			   s->bytes / MIB);
	}
	if (s->total_bytes && s->free_bytes < FREE) {
		doctor_say(d, "store", DOCTOR_WARN, "only %" PRIu64 " MiB are free beside %s",
			   s->free_bytes / MIB, s->path);
		doctor_next(d, "make room, or shorten retention: in %s", d->config_path);
	}
}

/* doctor_events - what the kernel counted since the gate was loaded */
void doctor_events(struct doctor *d)
{
	struct counters counters[HOOK_MAX];
	struct doctor_events v = { .counted = false };
	struct pinned *pinned;

	if (d->loaded && !d->hidden && !pinned_open(&pinned, NULL)) {
		v.counted = !pinned_counters(pinned, counters);
		pinned_close(pinned);
	}
	for (unsigned int hook = 0; v.counted && hook < HOOK_MAX; hook++)
		for (unsigned int r = 0; r < REASON_MAX; r++)
			v.count[r] += counters[hook].count[r];
	doctor_events_judge(d, &v);
}

/* judge_last - a gate that sees nothing looks healthy otherwise */
static void judge_last(struct doctor *d, const json_t *self)
{
	const char *text = doctor_text(self, "last_event");
	int64_t at;

	if (!self)
		return;
	if (!text || times_parse(text, &at)) {
		doctor_say(d, "events", DOCTOR_NOTE,
			   "no mail connection has ended since buildgated was started");
		doctor_next(d, "send a mail through this host, then gatectl map dump counters");
	} else if (d->now - at > DAY) {
		doctor_say(d, "events", DOCTOR_WARN,
			   "the last mail connection was seen %" PRId64 " h ago, at %s",
			   (d->now - at) / 3600, text);
		doctor_next(d, "see whether mail still crosses the outside interfaces: gatectl map "
			       "dump counters");
	} else {
		doctor_say(d, "events", DOCTOR_OK, "the last mail connection was seen at %s", text);
	}
}

/* doctor_events_judge - losses, and conversations of which only one half crosses this host */
void doctor_events_judge(struct doctor *d, const struct doctor_events *v)
{
	const json_t *self = json_object_get(d->status, "daemon");
	int64_t lost = doctor_number(self, "events_lost");
	uint64_t followed = v->count[REASON_FLOW_NEW], one_way = v->count[REASON_ONE_WAY];

	judge_last(d, self);
	if (lost) {
		doctor_say(d, "events", DOCTOR_WARN,
			   "%" PRId64
			   " events did not reach the store since buildgated was started",
			   lost);
		doctor_next(d, "journalctl -u buildgated -g store says why");
	}
	if (!v->counted)
		return;
	if (v->count[REASON_EVENT_LOST]) {
		doctor_say(d, "events", DOCTOR_NOTE,
			   "%" PRIu64 " events were lost in the kernel since the gate was loaded",
			   v->count[REASON_EVENT_LOST]);
		doctor_next(d, "if it grows, buildgated gets too little CPU: systemctl status "
			       "buildgated");
	}
	if (one_way > 10 && one_way * 4 > followed) {
		doctor_say(d, "events", DOCTOR_WARN,
			   "%" PRIu64 " of %" PRIu64
			   " connections crossed this host in one direction "
			   "only: no build can be read in them",
			   one_way, followed);
		doctor_next(d,
			    "name every uplink in outside: in %s, or put the gate where both "
			    "directions pass",
			    d->config_path);
	}
}
