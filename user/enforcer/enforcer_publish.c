// SPDX-License-Identifier: BSD-2-Clause
/* One entry of the verdicts map, kept equal to what the store says of its source. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "enforcer_private.h"

#define NS 1000000000LL
/* A wall moment in kernel time differs a little each time it is converted. */
#define JITTER_NS (2 * NS)

/* about_same - two conversions of one moment; 0 means "none" and is only like itself */
static bool about_same(uint64_t a, uint64_t b)
{
	int64_t apart = (int64_t)(a - b);

	return a == b || (a && b && apart < JITTER_NS && apart > -JITTER_NS);
}

/* enforcer_keep_live - the recheck only while the block goes on */
void enforcer_keep_live(const struct verdict *live, struct verdict *want)
{
	bool same_maker = !((live->flags ^ want->flags) & VERDICT_CLOCK);

	want->hits_slowed = live->hits_slowed;
	want->hits_dropped = live->hits_dropped;
	want->hits_recheck = live->hits_recheck;
	want->told = live->told;
	want->unread = live->unread;
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

/* enforcer_put - 1, or why it could not be written */
int enforcer_put(struct enforcer *enforcer, const struct addr *addr, const struct verdict *want,
		 struct error *e)
{
	int r = bpf_map_update_elem(enforcer->options.verdicts_fd, addr, want, BPF_ANY);

	if (r < 0)
		return refused(enforcer, r, e);
	enforcer_changed(enforcer);
	enforcer->stats.published++;
	return 1;
}

/* enforcer_drop - 0: it was not there */
int enforcer_drop(struct enforcer *enforcer, const struct addr *addr, struct error *e)
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

/* enforcer_want_of - as the store has it; 1: there is one */
int enforcer_want_of(struct enforcer *enforcer, const struct addr *addr, int64_t now,
		     struct verdict *ret, struct error *e)
{
	struct source source;
	int r = store_source_load(enforcer->options.store, addr, &source, e);

	if (r < 0)
		return r;
	r = enforcer_want(enforcer, &source, now, ret);
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
	int r = enforcer_want_of(enforcer, source, now, &verdict, e);

	if (r < 0 || enforcer->options.verdicts_fd < 0)
		return r < 0 ? r : 0;
	there = enforcer_look(enforcer, source, &live);
	if (!r && !there)
		return 0;
	if (!r) {
		r = enforcer_drop(enforcer, source, e);
		enforcer->stats.entries -= r > 0;
		count_slow(enforcer, r > 0 && live.throttle_s, false);
		return r;
	}
	if (there) {
		enforcer_keep_live(&live, &verdict);
		if (!memcmp(&live, &verdict, sizeof(live)))
			return 0;
	}
	r = enforcer_put(enforcer, source, &verdict, e);
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
	return enforcer_put(enforcer, source, &live, e);
}

/* enforcer_forget - see enforcer.h */
void enforcer_forget(struct enforcer *enforcer, const struct addr *source)
{
	if (enforcer->options.names_fd >= 0)
		bpf_map_delete_elem(enforcer->options.names_fd, source); /* mostly not there */
}
