// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole verdicts map, made equal to the store.
 *
 * The sources come out of the store one by one and go into the map some thousand per call; only
 * what the map held before is kept in memory meanwhile (enforcer_live.h).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer_live.h"

/* One publication. */
struct publication {
	struct enforcer *enforcer;
	int64_t now;
	struct live live;
	uint32_t used; /* entries in live.keys and live.values, on their way into the map */
	bool mapped;   /* there is a map */
	size_t wanted, changed, removed;
	uint32_t slow;
	int failed; /* errno of an entry that did not fit */
	struct error *e;
};

/* flush - in one call; what it left undone is done one by one, so that a full map costs only
 * those that do not fit */
static void flush(struct publication *p)
{
	uint32_t put = p->used;

	if (!p->used)
		return;
	if (bpf_map_update_batch(p->enforcer->options.verdicts_fd, p->live.keys, p->live.values,
				 &put, NULL))
		put = put < p->used ? put : 0;
	enforcer_changed(p->enforcer);
	p->enforcer->stats.published += put;
	for (uint32_t i = put; i < p->used; i++) {
		int r = enforcer_put(p->enforcer, &p->live.keys[i], &p->live.values[i], p->e);

		p->failed = r < 0 ? r : p->failed;
	}
	p->changed += p->used;
	p->used = 0;
}

/* put - one verdict that there should be; nothing is written that is there already */
static void put(struct publication *p, const struct addr *addr, struct verdict *verdict)
{
	struct live_entry *entry;

	if (!p->mapped)
		return;
	p->wanted++;
	p->slow += verdict->throttle_s > 0;
	entry = live_find(&p->live, addr);
	if (entry) {
		entry->met = true;
		enforcer_keep_live(&entry->verdict, verdict);
		if (!memcmp(&entry->verdict, verdict, sizeof(*verdict)))
			return;
	}
	p->live.keys[p->used] = *addr;
	p->live.values[p->used++] = *verdict;
	if (p->used == LIVE_BATCH)
		flush(p);
}

/* put_source - a source of the store, if it has a verdict */
static int put_source(void *arg, const struct source *source)
{
	struct publication *p = arg;
	struct verdict verdict;

	if (enforcer_want(p->enforcer, source, p->now, &verdict))
		put(p, &source->addr, &verdict);
	return 0;
}

/* clocked - put_source() has seen it */
static bool clocked(const struct source *source)
{
	for (unsigned int i = 0; i < source->count; i++)
		if (source->identities[i].stage)
			return true;
	return false;
}

/* put_sets - sources whose clock does not run, and that the operator spoke of */
static int put_sets(struct publication *p)
{
	struct enforcer *enforcer = p->enforcer;

	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];
		struct verdict verdict;
		struct source source;
		int r;

		if (d->kind != DECISION_SET || !enforcer_exact(enforcer, d))
			continue;
		r = store_source_load(enforcer->options.store, &d->addr, &source, p->e);
		if (r < 0)
			return r;
		if (!clocked(&source) && enforcer_want(enforcer, &source, p->now, &verdict))
			put(p, &d->addr, &verdict);
		source_clear(&source);
	}
	return 0;
}

/* drop_rest - what the map held and nobody wants */
static int drop_rest(struct publication *p)
{
	for (size_t i = 0; i < p->live.count; i++) {
		int r;

		if (p->live.at[i].met)
			continue;
		r = enforcer_drop(p->enforcer, &p->live.at[i].addr, p->e);
		if (r < 0)
			return r;
		p->removed += r > 0;
		p->enforcer->stats.drift += !p->enforcer->published;
	}
	return 0;
}

/* publish - from the store into the map; without a map only to find the texts in use */
static int publish(struct publication *p)
{
	static const struct store_filter filter = { .clocked = true };
	int r;

	do
		r = p->mapped ? live_read(&p->live, p->enforcer->options.verdicts_fd, p->e) : 0;
	while (r > 0);
	if (r >= 0)
		r = store_source_each(p->enforcer->options.store, &filter, put_source, p, p->e);
	if (r >= 0)
		r = put_sets(p);
	if (r < 0 || !p->mapped)
		return r;
	flush(p);
	return drop_rest(p);
}

/* account - what the map holds now */
static void account(struct publication *p, size_t failed)
{
	struct enforcer *enforcer = p->enforcer;

	enforcer->stats.entries = p->wanted - failed;
	if (enforcer->options.settings)
		enforcer->options.settings->tarpits = p->slow;
	enforcer->published = true;
}

/* publish_map - *ret_again: some did not fit and others have gone since */
static int publish_map(struct enforcer *enforcer, int64_t now, bool *ret_again, struct error *e)
{
	uint64_t failed = enforcer->stats.failed;
	struct publication p = { .enforcer = enforcer,
				 .now = now,
				 .mapped = enforcer->options.verdicts_fd >= 0,
				 .e = e };
	int r = publish(&p);

	if (p.mapped && r >= 0)
		account(&p, enforcer->stats.failed - failed);
	*ret_again = r >= 0 && p.failed && p.removed;
	if (r >= 0)
		r = p.failed ? p.failed : (int)(p.removed + p.changed);
	live_free(&p.live);
	return r;
}

/* enforcer_publish_all - ranges first, so that a new exemption is there before a verdict goes */
int enforcer_publish_all(struct enforcer *enforcer, int64_t now, struct error *e)
{
	bool again;
	int full, r;

	enforcer_repair_end(enforcer);
	replies_mark(enforcer->options.replies);
	full = enforcer_write_ranges(enforcer, now, e);
	r = publish_map(enforcer, now, &again, e);
	if (again)
		r = publish_map(enforcer, now, &again, e);
	if (r >= 0)
		replies_sweep(enforcer->options.replies);
	return r >= 0 && full < 0 ? full : r;
}
