// SPDX-License-Identifier: BSD-2-Clause
/* The operator's list in memory, and the ranges map made from it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "decision.h"
#include "enforcer_private.h"

#define JITTER_NS 2000000000LL /* between two conversions of one moment */

struct range_entry {
	struct range_key key;
	struct range value;
	bool there; /* in the map as it should be */
};

/* enforcer_new - the decisions are read now, the maps are written by enforcer_publish_all() */
int enforcer_new(const struct enforcer_options *options, struct enforcer **ret_enforcer,
		 struct error *e)
{
	struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
	int r;

	if (!enforcer)
		return error_set(e, -ENOMEM, "enforcer: out of memory");
	enforcer->options = *options;
	r = enforcer_read_decisions(enforcer, e);
	if (r < 0) {
		enforcer_free(enforcer);
		return r;
	}
	*ret_enforcer = enforcer;
	return 0;
}

/* enforcer_free - the maps stay as they are; NULL is allowed */
void enforcer_free(struct enforcer *enforcer)
{
	if (!enforcer)
		return;
	enforcer_repair_end(enforcer);
	free(enforcer->decisions);
	free(enforcer->own);
	free(enforcer);
}

/* enforcer_use - takes effect with what is published from now on */
void enforcer_use(struct enforcer *enforcer, const struct policy *policy)
{
	enforcer_repair_end(enforcer);
	enforcer->options.policy = policy;
}

/* enforcer_styles - takes effect with what is published from now on */
void enforcer_styles(struct enforcer *enforcer, uint8_t tarpit_style, uint8_t drop_style)
{
	enforcer_repair_end(enforcer);
	enforcer->options.tarpit_style = tarpit_style;
	enforcer->options.drop_style = drop_style;
}

/* enforcer_own - one more */
int enforcer_own(struct enforcer *enforcer, const struct addr *addr, unsigned int bits)
{
	struct own_range *own = reallocarray(enforcer->own, enforcer->own_count + 1, sizeof(*own));

	if (!own)
		return -ENOMEM;
	own[enforcer->own_count++] = (struct own_range) { *addr, bits };
	enforcer->own = own;
	return 0;
}

/* enforcer_own_clear - none */
void enforcer_own_clear(struct enforcer *enforcer)
{
	free(enforcer->own);
	enforcer->own = NULL;
	enforcer->own_count = 0;
}

/* keep_decision - append to the list */
static int keep_decision(void *arg, const struct decision *decision)
{
	struct enforcer *enforcer = arg;
	struct decision *list =
		reallocarray(enforcer->decisions, enforcer->decisions_count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list[enforcer->decisions_count++] = *decision;
	enforcer->decisions = list;
	return 0;
}

/* enforcer_read_decisions - on failure the list stays as it was */
int enforcer_read_decisions(struct enforcer *enforcer, struct error *e)
{
	struct decision *old = enforcer->decisions;
	unsigned int old_count = enforcer->decisions_count;
	int r;

	enforcer->decisions = NULL;
	enforcer->decisions_count = 0;
	r = store_decision_each(enforcer->options.store, 0, false, keep_decision, enforcer, e);
	if (r >= 0) {
		free(old);
		return 0;
	}
	free(enforcer->decisions);
	enforcer->decisions = old;
	enforcer->decisions_count = old_count;
	return r == -ENOMEM ? error_set(e, r, "enforcer: out of memory") : r;
}

/* enforcer_decided - the narrowest one decides */
const struct decision *enforcer_decided(const struct enforcer *enforcer, enum decision_kind kind,
					const struct addr *addr, unsigned int bits, int64_t now)
{
	const struct decision *found = NULL;

	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];

		if (d->kind == kind && enforcer_in_force(d, now) && d->bits <= bits &&
		    range_contains(&d->addr, d->bits, addr) && (!found || d->bits > found->bits))
			found = d;
	}
	return found;
}

/* enforcer_exempts - by the operator's word, or because it is ours */
bool enforcer_exempts(const struct enforcer *enforcer, const struct addr *addr, unsigned int bits,
		      int64_t now)
{
	if (enforcer_decided(enforcer, DECISION_EXEMPT, addr, bits, now))
		return true;
	for (unsigned int i = 0; i < enforcer->own_count; i++)
		if (enforcer->own[i].bits <= bits &&
		    range_contains(&enforcer->own[i].addr, enforcer->own[i].bits, addr))
			return true;
	return false;
}

/* in_map - a decision that the kernel must find by range */
static bool in_map(const struct enforcer *enforcer, const struct decision *d, int64_t now)
{
	if (!enforcer_in_force(d, now))
		return false;
	if (d->kind == DECISION_EXEMPT)
		return true;
	/* inside an exemption the map would prefer the longer prefix */
	return d->kind == DECISION_SET && !enforcer_exact(enforcer, d) &&
	       !enforcer_exempts(enforcer, &d->addr, d->bits, now);
}

/* own_in_map - only where something could reach it: a `set` around it, or a source larger
 * than it. Else the map stays empty, and the kernel spares its look-up */
static bool own_in_map(const struct enforcer *enforcer, const struct own_range *own, int64_t now)
{
	if (own->bits > enforcer_source_bits(enforcer, &own->addr))
		return true;
	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];

		if (d->kind == DECISION_SET && !enforcer_exact(enforcer, d) &&
		    enforcer_in_force(d, now) &&
		    range_overlaps(&d->addr, d->bits, &own->addr, own->bits))
			return true;
	}
	return false;
}

/* range_of - a decision as the map's value */
static struct range range_of(const struct enforcer *enforcer, const struct decision *d, int64_t now)
{
	struct reply_cause cause = { .throttle_min = d->action == ACTION_TARPIT ? 60 : 0,
				     .block_min = d->action == ACTION_DROP ? 60 : 0 };
	struct range range = { .action = ACTION_PASS };

	if (d->until)
		range.valid_until_ns = clock_wall_to_kernel(d->until);
	if (d->kind != DECISION_SET)
		return range;
	range.action = d->action;
	range.style = d->style;
	if (!range.style && d->action == ACTION_TARPIT)
		range.style = enforcer->options.tarpit_style;
	if (!range.style && d->action == ACTION_DROP)
		range.style = enforcer->options.drop_style;
	if (cause.throttle_min || cause.block_min)
		range.reply = replies_index(enforcer->options.replies, &cause, now);
	return range;
}

/* wanted_ranges - what the map should hold; *ret from malloc. Returns the count */
static int wanted_ranges(const struct enforcer *enforcer, int64_t now, struct range_entry **ret)
{
	size_t most = enforcer->decisions_count + enforcer->own_count;
	struct range_entry *list = calloc(most + 1, sizeof(*list));
	int count = 0;

	if (!list)
		return -ENOMEM;
	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		const struct decision *d = &enforcer->decisions[i];

		if (in_map(enforcer, d, now))
			list[count++] = (struct range_entry) {
				.key = { d->bits, d->addr },
				.value = range_of(enforcer, d, now),
			};
	}
	for (unsigned int i = 0; i < enforcer->own_count; i++) {
		const struct own_range *own = &enforcer->own[i];

		if (own_in_map(enforcer, own, now))
			list[count++] = (struct range_entry) {
				.key = { own->bits, own->addr },
				.value = { .action = ACTION_PASS },
			};
	}
	*ret = list;
	return count;
}

/* same_range - apart from hits, and the jitter of converted times */
static bool same_range(const struct range *a, const struct range *b)
{
	int64_t apart = (int64_t)(a->valid_until_ns - b->valid_until_ns);

	return a->action == b->action && a->style == b->style && a->reply == b->reply &&
	       !a->valid_until_ns == !b->valid_until_ns && apart < JITTER_NS && apart > -JITTER_NS;
}

/* settle - one key of the map: still wanted as it is, wanted otherwise, or not at all */
static bool settle(struct enforcer *enforcer, const struct range_key *key, struct range_entry *list,
		   int count)
{
	struct range live;
	bool wanted = false;

	for (int i = 0; i < count; i++) {
		if (memcmp(&list[i].key, key, sizeof(*key)))
			continue;
		wanted = true;
		if (bpf_map_lookup_elem(enforcer->options.ranges_fd, key, &live))
			continue;
		list[i].there = same_range(&live, &list[i].value);
		list[i].value.hits = live.hits;
	}
	return wanted;
}

/* drop_unwanted - walk the map; a deleted key cannot lead on, so its successor is asked first */
static void drop_unwanted(struct enforcer *enforcer, struct range_entry *list, int count)
{
	int fd = enforcer->options.ranges_fd;
	struct range_key key, next;
	int more = bpf_map_get_next_key(fd, NULL, &next);

	while (!more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		if (settle(enforcer, &key, list, count))
			continue;
		bpf_map_delete_elem(fd, &key);
		enforcer->stats.drift += enforcer->repairing;
	}
}

/* put_ranges - those that pass, or the others; returns how many had no place, the last error in
 * *ret_failed */
static uint64_t put_ranges(struct enforcer *enforcer, const struct range_entry *list, int count,
			   bool passing, int *ret_failed)
{
	uint64_t unfit = 0;

	for (int i = 0; i < count; i++) {
		int r;

		if (list[i].there || (list[i].value.action == ACTION_PASS) != passing)
			continue;
		r = bpf_map_update_elem(enforcer->options.ranges_fd, &list[i].key, &list[i].value,
					BPF_ANY);
		unfit += r < 0;
		enforcer->stats.drift += r >= 0 && enforcer->repairing;
		*ret_failed = r < 0 ? r : *ret_failed;
	}
	return unfit;
}

/* enforcer_write_ranges - what is there already is left alone, its hits too. Exemptions come
 * first: where the map is full, the error is on the side of passing */
int enforcer_write_ranges(struct enforcer *enforcer, int64_t now, struct error *e)
{
	struct range_entry *list;
	int count, failed = 0;
	uint64_t unfit;

	if (enforcer->options.ranges_fd < 0)
		return 0;
	count = wanted_ranges(enforcer, now, &list);
	if (count < 0)
		return error_set(e, count, "enforcer: out of memory");
	drop_unwanted(enforcer, list, count);
	unfit = put_ranges(enforcer, list, count, true, &failed);
	unfit += put_ranges(enforcer, list, count, false, &failed);
	free(list);
	enforcer->stats.unfit = unfit;
	enforcer->stats.failed += unfit;
	if (enforcer->options.settings)
		enforcer->options.settings->ranges = (uint32_t)count;
	enforcer_changed(enforcer);
	if (!unfit)
		return 0;
	if (failed != -ENOSPC && failed != -E2BIG)
		return error_set(e, failed, "ranges map: %s", strerror(-failed));
	return error_set(e, -EXFULL,
			 "the ranges map is full, %llu of %d are not in force: remove ranges, or "
			 "raise ranges_max in the configuration",
			 (unsigned long long)unfit, count);
}

/* same_ranges - the two lists agree in everything that concerns more than one source */
static bool same_ranges(const struct enforcer *enforcer, const struct decision *old,
			unsigned int old_count)
{
	unsigned int i = 0, j = 0, count = enforcer->decisions_count;

	for (;; i++, j++) {
		while (i < old_count && enforcer_exact(enforcer, &old[i]))
			i++;
		while (j < count && enforcer_exact(enforcer, &enforcer->decisions[j]))
			j++;
		if (i == old_count || j == count)
			return i == old_count && j == count;
		if (memcmp(&old[i], &enforcer->decisions[j], sizeof(*old)))
			return false;
	}
}

/* own_fingerprint - the daemon hands all its addresses in again when one may have changed */
static uint64_t own_fingerprint(const struct enforcer *enforcer)
{
	uint64_t hash = 14695981039346656037ULL;

	for (unsigned int i = 0; i < enforcer->own_count; i++) {
		const struct own_range *own = &enforcer->own[i];

		for (size_t j = 0; j < sizeof(own->addr.b); j++)
			hash = (hash ^ own->addr.b[j]) * 1099511628211ULL;
		hash = (hash ^ own->bits) * 1099511628211ULL;
	}
	return hash;
}

/* publish_list - each single source that the list is about */
static int publish_list(struct enforcer *enforcer, const struct decision *list, unsigned int count,
			int64_t now, struct error *e)
{
	int changed = 0, r;

	for (unsigned int i = 0; i < count; i++) {
		if (!enforcer_exact(enforcer, &list[i]))
			continue;
		r = enforcer_publish(enforcer, &list[i].addr, now, e);
		if (r < 0)
			return r;
		changed += r;
	}
	return changed;
}

/* enforcer_reload - a changed range may touch any source, a changed source only itself */
int enforcer_reload(struct enforcer *enforcer, int64_t now, struct error *e)
{
	unsigned int old_count = enforcer->decisions_count;
	struct decision *old = calloc(old_count + 1, sizeof(*old));
	uint64_t own = own_fingerprint(enforcer);
	int before, after, full, r;

	if (!old)
		return error_set(e, -ENOMEM, "enforcer: out of memory");
	if (old_count)
		memcpy(old, enforcer->decisions, old_count * sizeof(*old));
	r = enforcer_read_decisions(enforcer, e);
	if (r >= 0 && (own != enforcer->own_known || !same_ranges(enforcer, old, old_count))) {
		enforcer->own_known = own;
		r = enforcer_publish_all(enforcer, now, e);
	} else if (r >= 0) {
		full = enforcer_write_ranges(enforcer, now, e);
		r = before = publish_list(enforcer, old, old_count, now, e);
		if (r >= 0)
			r = after = publish_list(enforcer, enforcer->decisions,
						 enforcer->decisions_count, now, e);
		if (r >= 0)
			r = full < 0 ? full : before + after;
	}
	free(old);
	return r;
}

/* left_to_clock - the records of a paused source stand still: the clock must start them again
 * at the right moment, and ends the pause with that (observer_tick()). It never comes for archived
 * ones */
static int left_to_clock(struct enforcer *enforcer, const struct decision *d, struct error *e)
{
	struct source source;
	int r;

	if (d->kind != DECISION_PAUSE)
		return 0;
	r = store_source_load(enforcer->options.store, &d->addr, &source, e);
	if (r <= 0)
		return r;
	r = 0;
	for (unsigned int i = 0; i < source.count; i++)
		r |= source.identities[i].paused_at && !source.identities[i].archived;
	source_clear(&source);
	return r;
}

/* end_decision - its time is over: into history, with a word in the audit trail */
static int end_decision(struct enforcer *enforcer, const struct decision *d, struct error *e)
{
	static const char *const words[] = {
		[DECISION_SET] = "unset",
		[DECISION_EXEMPT] = "unexempt",
		[DECISION_PAUSE] = "unpause",
		[DECISION_SHARED] = "unset",
	};
	char subject[ADDRESS_TEXT];
	struct audit audit = {
		.at = d->until,
		.who = "clock",
		.what = words[d->kind],
		.subject = enforcer_exact(enforcer, d) ? address_format(&d->addr, subject)
						       : range_format(&d->addr, d->bits, subject),
		.why = "its time is over",
	};
	json_t *before = decision_json(d);
	char *was = before ? json_dumps(before, JSON_COMPACT) : NULL;
	int r = left_to_clock(enforcer, d, e);

	audit.before = was;
	json_decref(before);
	if (!r) {
		r = store_decision_end(enforcer->options.store, d->kind, &d->addr, d->bits,
				       d->until, e);
		/* the clock may have ended a pause already */
		if (r > 0)
			r = store_audit_add(enforcer->options.store, &audit, e);
	}
	free(was);
	return r < 0 ? r : 0;
}

/* enforcer_next_end - 0: no decision in force has an end */
int64_t enforcer_next_end(const struct enforcer *enforcer, int64_t now)
{
	int64_t next = 0;

	for (unsigned int i = 0; i < enforcer->decisions_count; i++) {
		int64_t until = enforcer->decisions[i].until;

		if (until > now && (!next || until < next))
			next = until;
	}
	return next;
}

/* enforcer_tick - what has no end, or not yet, costs nothing */
int enforcer_tick(struct enforcer *enforcer, int64_t now, struct error *e)
{
	struct store *store = enforcer->options.store;
	unsigned int over = 0;
	int r;

	for (unsigned int i = 0; i < enforcer->decisions_count; i++)
		over += !enforcer_in_force(&enforcer->decisions[i], now);
	if (!over)
		return 0;
	r = store_begin(store, e);
	if (r < 0)
		return r;
	for (unsigned int i = 0; r >= 0 && i < enforcer->decisions_count; i++)
		if (!enforcer_in_force(&enforcer->decisions[i], now))
			r = end_decision(enforcer, &enforcer->decisions[i], e);
	r = store_finish(store, r, e);
	return r < 0 ? r : enforcer_reload(enforcer, now, e);
}
