// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole verdicts map, made equal to the store.
 *
 * The sources come out of the store one by one and go into the map some thousand per call; only
 * what the map held before is kept in memory meanwhile, to be compared and found again.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer_private.h"
#include "user/base/address.h"

#define BATCH 4096 /* entries per system call; far above a bucket of the map */

/* An entry that the map held. */
struct entry {
	struct addr addr;
	struct verdict verdict;
	bool met; /* somebody wants it */
};

/* What the map held, found by address: slots hold an index + 1. */
struct live {
	struct entry *at;
	size_t count, room;
	uint32_t *slots;
	uint32_t mask;
};

/* One publication. */
struct publication {
	struct enforcer *enforcer;
	int64_t now;
	struct live live;
	struct addr *keys; /* BATCH entries on their way into the map */
	struct verdict *values;
	uint32_t used;
	size_t wanted, changed, removed;
	uint32_t slow;
	int failed; /* errno of an entry that did not fit */
	struct error *e;
};

/* add_entry - append, growing by doubling */
static int add_entry(struct live *live, const struct addr *addr, const struct verdict *v)
{
	if (live->count == live->room) {
		size_t room = live->room ? live->room * 2 : BATCH;
		struct entry *at = reallocarray(live->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		live->at = at;
		live->room = room;
	}
	live->at[live->count++] = (struct entry) { *addr, *v, false };
	return 0;
}

/* slot_of - of this address, or the empty one where it belongs */
static uint32_t *slot_of(const struct live *live, const struct addr *addr)
{
	uint32_t i = address_hash(addr) & live->mask;

	while (live->slots[i] &&
	       memcmp(&live->at[live->slots[i] - 1].addr, addr, sizeof(*addr)) != 0)
		i = (i + 1) & live->mask;
	return &live->slots[i];
}

/* find_live - NULL: the map did not hold it */
static struct entry *find_live(const struct live *live, const struct addr *addr)
{
	uint32_t index = live->count ? *slot_of(live, addr) : 0;

	return index ? &live->at[index - 1] : NULL;
}

/* index_live - at most half of the slots are taken */
static int index_live(struct live *live)
{
	uint32_t slots = BATCH;

	if (!live->count)
		return 0;
	while (slots < live->count * 2)
		slots *= 2;
	live->slots = calloc(slots, sizeof(*live->slots));
	if (!live->slots)
		return -ENOMEM;
	live->mask = slots - 1;
	for (size_t i = 0; i < live->count; i++)
		*slot_of(live, &live->at[i].addr) = (uint32_t)i + 1;
	return 0;
}

/* read_map - all that it holds */
static int read_map(struct publication *p)
{
	uint32_t token = 0, count;
	bool first = true;
	int r = 0;

	while (!r) {
		count = BATCH;
		r = bpf_map_lookup_batch(p->enforcer->options.verdicts_fd, first ? NULL : &token,
					 &token, p->keys, p->values, &count, NULL);
		if (r < 0 && r != -ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++)
			if (add_entry(&p->live, &p->keys[i], &p->values[i]) < 0)
				r = -ENOMEM;
		first = false;
	}
	if (r == -ENOENT)
		r = index_live(&p->live);
	return r < 0 ? error_set(p->e, r, "verdicts map cannot be read: %s", strerror(-r)) : 0;
}

/* flush - in one call; what it left undone is done one by one, so that a full map costs only
 * those that do not fit */
static void flush(struct publication *p)
{
	uint32_t put = p->used;

	if (!p->used)
		return;
	if (bpf_map_update_batch(p->enforcer->options.verdicts_fd, p->keys, p->values, &put, NULL))
		put = put < p->used ? put : 0;
	enforcer_changed(p->enforcer);
	p->enforcer->stats.published += put;
	for (uint32_t i = put; i < p->used; i++) {
		int r = enforcer_put(p->enforcer, &p->keys[i], &p->values[i], p->e);

		p->failed = r < 0 ? r : p->failed;
	}
	p->changed += p->used;
	p->used = 0;
}

/* put - one verdict that there should be; nothing is written that is there already */
static void put(struct publication *p, const struct addr *addr, struct verdict *verdict)
{
	struct entry *entry = p->keys ? find_live(&p->live, addr) : NULL;

	if (!p->keys)
		return;
	p->wanted++;
	p->slow += verdict->throttle_s > 0;
	if (entry) {
		entry->met = true;
		enforcer_keep_live(&entry->verdict, verdict);
		if (!memcmp(&entry->verdict, verdict, sizeof(*verdict)))
			return;
	}
	p->enforcer->stats.drift += p->enforcer->repairing;
	p->keys[p->used] = *addr;
	p->values[p->used++] = *verdict;
	if (p->used == BATCH)
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
		p->enforcer->stats.drift += p->enforcer->repairing || !p->enforcer->published;
	}
	return 0;
}

/* publish - from the store into the map; without a map only to find the texts in use */
static int publish(struct publication *p)
{
	static const struct store_filter filter = { .clocked = true };
	int r = p->keys ? read_map(p) : 0;

	if (r >= 0)
		r = store_source_each(p->enforcer->options.store, &filter, put_source, p, p->e);
	if (r >= 0)
		r = put_sets(p);
	if (r < 0 || !p->keys)
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
	struct publication p = { .enforcer = enforcer, .now = now, .e = e };
	int r = 0;

	if (enforcer->options.verdicts_fd >= 0) {
		p.keys = calloc(BATCH, sizeof(*p.keys));
		p.values = calloc(BATCH, sizeof(*p.values));
		if (!p.keys || !p.values)
			r = error_set(e, -ENOMEM, "enforcer: out of memory");
	}
	if (!r)
		r = publish(&p);
	if (p.keys && r >= 0)
		account(&p, enforcer->stats.failed - failed);
	*ret_again = r >= 0 && p.failed && p.removed;
	if (r >= 0)
		r = p.failed ? p.failed : (int)(p.removed + p.changed);
	free(p.live.at);
	free(p.live.slots);
	free(p.keys);
	free(p.values);
	return r;
}

/* enforcer_publish_all - ranges first, so that a new exemption is there before a verdict goes */
int enforcer_publish_all(struct enforcer *enforcer, int64_t now, struct error *e)
{
	bool again;
	int full, r;

	replies_mark(enforcer->options.replies);
	full = enforcer_write_ranges(enforcer, now, e);
	r = publish_map(enforcer, now, &again, e);
	if (again)
		r = publish_map(enforcer, now, &again, e);
	if (r >= 0)
		replies_sweep(enforcer->options.replies);
	return r >= 0 && full < 0 ? full : r;
}

/* enforcer_repair - what has no place in a full map is missing every time, and no drift */
int enforcer_repair(struct enforcer *enforcer, int64_t now, struct error *e)
{
	struct enforcer_stats *stats = &enforcer->stats;
	uint64_t drift = stats->drift, failed = stats->failed;
	int r;

	enforcer->repairing = true;
	r = enforcer_publish_all(enforcer, now, e);
	enforcer->repairing = false;
	failed = stats->failed - failed;
	stats->drift -= failed > stats->unfit ? failed - stats->unfit : 0;
	return r < 0 ? r : (int)(stats->drift - drift);
}
