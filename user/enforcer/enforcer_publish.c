// SPDX-License-Identifier: BSD-2-Clause
/* The verdicts map, kept equal to the decisions. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "enforcer_private.h"

#define BATCH 4096 /* entries per system call; far above a bucket of the map */
#define NS    1000000000LL
/* A wall moment in kernel time differs a little each time it is converted. */
#define JITTER_NS (2 * NS)

struct entry {
	struct addr addr;
	struct verdict verdict;
};

struct entries {
	struct entry *at;
	size_t count, room;
};

/* add_entry - append, growing by doubling */
static int add_entry(struct entries *entries, const struct addr *addr, const struct verdict *v)
{
	if (entries->count == entries->room) {
		size_t room = entries->room ? entries->room * 2 : BATCH;
		struct entry *at = reallocarray(entries->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		entries->at = at;
		entries->room = room;
	}
	entries->at[entries->count++] = (struct entry) { *addr, *v };
	return 0;
}

/* by_addr - order of entries, for qsort() and bsearch() */
static int by_addr(const void *a, const void *b)
{
	return memcmp(&((const struct entry *)a)->addr, &((const struct entry *)b)->addr,
		      sizeof(struct addr));
}

/* about_same - two conversions of one moment; 0 means "none" and is only like itself */
static bool about_same(uint64_t a, uint64_t b)
{
	int64_t apart = (int64_t)(a - b);

	return a == b || (a && b && apart < JITTER_NS && apart > -JITTER_NS);
}

/* keep_live - take over what the kernel wrote; the recheck only while the block goes on */
static void keep_live(const struct verdict *live, struct verdict *want)
{
	bool same_maker = !((live->flags ^ want->flags) & VERDICT_CLOCK);

	want->hits_slowed = live->hits_slowed;
	want->hits_dropped = live->hits_dropped;
	want->hits_recheck = live->hits_recheck;
	if (about_same(live->valid_until_ns, want->valid_until_ns))
		want->valid_until_ns = live->valid_until_ns;
	if (!live->block_s || !want->block_s || !same_maker || !live->recheck_at_ns)
		return;
	want->recheck_at_ns = live->recheck_at_ns;
	want->recheck_open_ns = live->recheck_open_ns;
	want->pending_since_ns = live->pending_since_ns;
	want->pending = live->pending;
}

/* refused - the map took it not; full is the one thing a person can change */
static int refused(struct enforcer *enforcer, int r, struct error *e)
{
	enforcer->stats.failed++;
	if (r == -E2BIG || r == -ENOSPC)
		return error_set(e, r,
				 "the verdicts map is full: the source is not enforced; raise its "
				 "size in the configuration and restart");
	return error_set(e, r, "verdicts map: %s", strerror(-r));
}

/* put_entry - one entry into the map */
static int put_entry(struct enforcer *enforcer, const struct addr *addr, const struct verdict *want,
		     struct error *e)
{
	int r = bpf_map_update_elem(enforcer->options.verdicts_fd, addr, want, BPF_ANY);

	if (r < 0)
		return refused(enforcer, r, e);
	enforcer_changed(enforcer);
	enforcer->stats.published++;
	return 1;
}

/* drop_entry - one entry out of it; 0: it was not there */
static int drop_entry(struct enforcer *enforcer, const struct addr *addr, struct error *e)
{
	int r = bpf_map_delete_elem(enforcer->options.verdicts_fd, addr);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return refused(enforcer, r, e);
	enforcer_changed(enforcer);
	enforcer->stats.removed++;
	return 1;
}

/* count_slow - settings.tarpits: without any the programs look for none */
static void count_slow(struct enforcer *enforcer, bool was, bool is)
{
	if (enforcer->options.settings)
		enforcer->options.settings->tarpits += (uint32_t)is - (uint32_t)was;
}

/* enforcer_look - a copy of what the programs use now */
int enforcer_look(const struct enforcer *enforcer, const struct addr *source, struct verdict *ret)
{
	if (enforcer->options.verdicts_fd < 0)
		return 0;
	return bpf_map_lookup_elem(enforcer->options.verdicts_fd, source, ret) == 0;
}

/* want - the source's entry as the store has it; 1: there is one */
static int want(struct enforcer *enforcer, const struct addr *addr, int64_t now,
		struct verdict *ret, struct error *e)
{
	struct enforced enforced;
	struct source source;
	int r = store_source_load(enforcer->options.store, addr, &source, e);

	if (r < 0)
		return r;
	enforcer_decide(enforcer, &source, MODE_ENFORCE, now, &enforced);
	r = enforcer_verdict(enforcer, addr, &enforced, ret);
	source_clear(&source);
	return r;
}

/* enforcer_publish - nothing is written that is there already: a write would race the kernel's
 * own counting for nothing */
int enforcer_publish(struct enforcer *enforcer, const struct addr *source, int64_t now,
		     struct error *e)
{
	struct verdict verdict, live;
	bool there;
	int r = want(enforcer, source, now, &verdict, e);

	if (r < 0 || enforcer->options.verdicts_fd < 0)
		return r < 0 ? r : 0;
	there = enforcer_look(enforcer, source, &live);
	if (!r) {
		r = drop_entry(enforcer, source, e);
		enforcer->stats.entries -= r > 0;
		count_slow(enforcer, r > 0 && there && live.throttle_s, false);
		return r;
	}
	if (there) {
		keep_live(&live, &verdict);
		if (!memcmp(&live, &verdict, sizeof(live)))
			return 0;
	}
	r = put_entry(enforcer, source, &verdict, e);
	enforcer->stats.entries += r > 0 && !there;
	if (r > 0)
		count_slow(enforcer, there && live.throttle_s, verdict.throttle_s);
	return r;
}

/* enforcer_recheck - the kernel gives the slot to the next connection that asks */
int enforcer_recheck(struct enforcer *enforcer, const struct addr *source, struct error *e)
{
	struct verdict live;

	if (!enforcer_look(enforcer, source, &live) || !live.block_s || !live.recheck_at_ns)
		return 0;
	live.recheck_at_ns = clock_kernel_ns();
	return put_entry(enforcer, source, &live, e);
}

/* read_map - the whole map, sorted by address */
static int read_map(const struct enforcer *enforcer, struct entries *ret, struct error *e)
{
	struct addr *keys = calloc(BATCH, sizeof(*keys));
	struct verdict *values = calloc(BATCH, sizeof(*values));
	uint32_t token = 0, count;
	bool first = true;
	int r = keys && values ? 0 : -ENOMEM;

	while (!r) {
		count = BATCH;
		r = bpf_map_lookup_batch(enforcer->options.verdicts_fd, first ? NULL : &token,
					 &token, keys, values, &count, NULL);
		if (r < 0 && r != -ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++)
			if (add_entry(ret, &keys[i], &values[i]) < 0)
				r = -ENOMEM;
		first = false;
	}
	free(keys);
	free(values);
	if (r < 0 && r != -ENOENT)
		return error_set(e, r, "verdicts map cannot be read: %s", strerror(-r));
	if (ret->count)
		qsort(ret->at, ret->count, sizeof(*ret->at), by_addr);
	return 0;
}

/* What store_source_each() gathers. */
struct gathering {
	struct enforcer *enforcer;
	struct entries *entries;
	int64_t now;
};

/* gather - a source's entry, if it has one */
static int gather(void *arg, const struct source *source)
{
	struct gathering *g = arg;
	struct enforced enforced;
	struct verdict verdict;

	enforcer_decide(g->enforcer, source, MODE_ENFORCE, g->now, &enforced);
	if (!enforcer_verdict(g->enforcer, &source->addr, &enforced, &verdict))
		return 0;
	return add_entry(g->entries, &source->addr, &verdict);
}

/* gather_sets - sources that only the operator spoke of */
static int gather_sets(struct gathering *g, struct error *e)
{
	size_t sorted = g->entries->count;
	int r;

	for (unsigned int i = 0; i < g->enforcer->decisions_count; i++) {
		const struct decision *d = &g->enforcer->decisions[i];
		struct entry entry = { .addr = d->addr };

		if (d->kind != DECISION_SET || !enforcer_exact(g->enforcer, d))
			continue;
		if (sorted && bsearch(&entry, g->entries->at, sorted, sizeof(entry), by_addr))
			continue;
		r = want(g->enforcer, &d->addr, g->now, &entry.verdict, e);
		if (r > 0)
			r = add_entry(g->entries, &entry.addr, &entry.verdict);
		if (r < 0)
			return r;
	}
	if (g->entries->count > sorted)
		qsort(g->entries->at, g->entries->count, sizeof(*g->entries->at), by_addr);
	return 0;
}

/* read_store - every entry there should be, sorted by address */
static int read_store(struct enforcer *enforcer, int64_t now, struct entries *ret, struct error *e)
{
	static const struct store_filter filter = { .clocked = true };
	struct gathering g = { enforcer, ret, now };
	int r = store_source_each(enforcer->options.store, &filter, gather, &g, e);

	if (r == -ENOMEM)
		return error_set(e, r, "enforcer: out of memory");
	return r < 0 ? r : gather_sets(&g, e);
}

/* put_entries - in as few calls as possible; what a call left undone is done one by one, so
 * that a full map costs only those that do not fit */
static int put_entries(struct enforcer *enforcer, const struct entries *changed, struct error *e)
{
	struct addr *keys = calloc(BATCH, sizeof(*keys));
	struct verdict *values = calloc(BATCH, sizeof(*values));
	int failed = keys && values ? 0 : error_set(e, -ENOMEM, "enforcer: out of memory");

	for (size_t done = 0; !(failed == -ENOMEM) && done < changed->count;) {
		uint32_t n = 0, put;

		for (; n < BATCH && done + n < changed->count; n++) {
			keys[n] = changed->at[done + n].addr;
			values[n] = changed->at[done + n].verdict;
		}
		put = n;
		if (bpf_map_update_batch(enforcer->options.verdicts_fd, keys, values, &put, NULL))
			put = put < n ? put : 0;
		enforcer_changed(enforcer);
		enforcer->stats.published += put;
		for (uint32_t i = put; i < n; i++) {
			int r = put_entry(enforcer, &keys[i], &values[i], e);

			failed = r < 0 ? r : failed;
		}
		done += n;
	}
	free(keys);
	free(values);
	return failed;
}

/* merge - walk both sorted lists: what differs goes to `changed`, what nobody wants goes away.
 * Returns the number of entries removed */
static int merge(struct enforcer *enforcer, const struct entries *live, struct entries *wanted,
		 struct entries *changed, struct error *e)
{
	size_t i = 0, j = 0;
	int removed = 0, r = 0;

	while (r >= 0 && (i < live->count || j < wanted->count)) {
		int order = i == live->count     ? 1
			    : j == wanted->count ? -1
						 : by_addr(&live->at[i], &wanted->at[j]);

		if (order < 0) {
			r = drop_entry(enforcer, &live->at[i++].addr, e);
			removed += r > 0;
			enforcer->stats.drift += enforcer->repairing || !enforcer->published;
			continue;
		}
		if (!order)
			keep_live(&live->at[i].verdict, &wanted->at[j].verdict);
		if (order ||
		    memcmp(&live->at[i].verdict, &wanted->at[j].verdict, sizeof(struct verdict))) {
			r = add_entry(changed, &wanted->at[j].addr, &wanted->at[j].verdict);
			enforcer->stats.drift += enforcer->repairing;
		}
		i += !order;
		j++;
	}
	return r < 0 ? r : removed;
}

/* enforcer_publish_all - ranges first, so that a new exemption is there before a verdict goes */
int enforcer_publish_all(struct enforcer *enforcer, int64_t now, struct error *e)
{
	struct entries live = { 0 }, wanted = { 0 }, changed = { 0 };
	uint64_t failed = enforcer->stats.failed;
	uint32_t slow = 0;
	int removed = 0, full, r;

	replies_mark(enforcer->options.replies);
	full = enforcer_write_ranges(enforcer, now, e);
	r = read_store(enforcer, now, &wanted, e);
	if (r < 0 || enforcer->options.verdicts_fd < 0)
		goto out;
	r = read_map(enforcer, &live, e);
	if (r >= 0)
		r = removed = merge(enforcer, &live, &wanted, &changed, e);
	if (r >= 0)
		r = put_entries(enforcer, &changed, e);
	enforcer->stats.entries = wanted.count - (enforcer->stats.failed - failed);
	for (size_t i = 0; i < wanted.count; i++)
		slow += wanted.at[i].verdict.throttle_s > 0;
	if (enforcer->options.settings)
		enforcer->options.settings->tarpits = slow;
	enforcer->published = true;
	if (r >= 0)
		replies_sweep(enforcer->options.replies);
	if (r >= 0)
		r = full < 0 ? full : removed + (int)changed.count;
out:
	free(live.at);
	free(wanted.at);
	free(changed.at);
	return r;
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
