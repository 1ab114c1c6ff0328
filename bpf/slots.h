/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slots.h - how many sessions are slowed at a time
 *
 * Owns the map slow_slots. A slowed session holds one of slow_max slots, and a source at most two
 * of them, so the tarpit never eats the mail server's own. slots_full() asks for a connection
 * attempt, slot_hold() takes or keeps one for a flow, slot_free() gives it back at the flow's
 * end. Only a flow takes one, never a SYN: a stranger who forges addresses takes none.
 *
 * A slot names its flow by the time of its birth, and is nobody's from until_ns on: the end of
 * the window, or SLOT_LIFE after the session's last new bytes. So a flow that is lost frees its
 * slot, and one that speaks again finds out that it has none any more.
 */
#ifndef BUILDGATE_SLOTS_H
#define BUILDGATE_SLOTS_H

#include "bpf/gate.h"

#define SLOTS_PER_SOURCE 2
#define SLOT_LIFE        (600 * 1000000000ULL) /* more than any mail server waits (RFC 5321) */

/* What a walk over the slots looks for, and finds. */
struct slots_seen {
	struct addr source;
	__u64 now;
	__u32 taken; /* by anybody */
	__u32 own;   /* by the source */
	__u32 free;  /* index + 1 of one that is nobody's */
};

static long slots_look_at(__u32 i, void *context)
{
	struct slots_seen *seen = context;
	struct slow_slot *slot = bpf_map_lookup_elem(&slow_slots, &i);

	if (!slot)
		return 1;
	if (READ_ONCE(slot->until_ns) <= seen->now) {
		seen->free = i + 1;
		return 0;
	}
	seen->taken++;
	if (slot->source.w[0] == seen->source.w[0] && slot->source.w[1] == seen->source.w[1] &&
	    slot->source.w[2] == seen->source.w[2] && slot->source.w[3] == seen->source.w[3])
		seen->own++;
	return 0;
}

/* slots_max - as configured */
static __always_inline __u32 slots_max(void)
{
	struct settings *s = gate_settings();
	__u32 n = s ? READ_ONCE(s->slow_max) : 0;

	return n < SLOTS_MAX ? n : SLOTS_MAX;
}

/* slots_full - another session of this source would find no slot */
STEP int slots_full(const struct addr *source, __u64 now)
{
	struct slots_seen seen = { .now = now };

	if (!source)
		return 0;
	seen.source = *source;
	bpf_loop(slots_max(), slots_look_at, &seen, 0);
	return !seen.free || seen.own >= SLOTS_PER_SOURCE;
}

/* slot_own - the slot that this flow holds, or NULL */
static __always_inline struct slow_slot *slot_own(const struct flow *f, __u64 now)
{
	__u32 index = f->slot - 1;
	struct slow_slot *slot;

	if (!f->slot)
		return NULL;
	slot = bpf_map_lookup_elem(&slow_slots, &index);
	return slot && slot->flow_ns == f->born_ns && slot->until_ns > now ? slot : NULL;
}

/* slot_take - one for a flow that has none; 0: there is none left */
static __always_inline int slot_take(struct flow *f, const struct addr *source, __u64 now,
				     __u64 until)
{
	struct slots_seen seen = { .source = *source, .now = now };
	struct slow_slot *slot;
	__u32 index;
	__u64 was;

	bpf_loop(slots_max(), slots_look_at, &seen, 0);
	if (!seen.free || seen.own >= SLOTS_PER_SOURCE)
		return 0;
	index = seen.free - 1;
	slot = bpf_map_lookup_elem(&slow_slots, &index);
	if (!slot)
		return 0;
	was = slot->until_ns;
	if (was > now || __sync_val_compare_and_swap(&slot->until_ns, was, until) != was)
		return 0; /* another CPU was faster; the next bytes try again */
	slot->source = *source;
	slot->flow_ns = f->born_ns;
	f->slot = seen.free;
	/* two CPUs may have found room for one each: then neither keeps it */
	seen = (struct slots_seen) { .source = *source, .now = now };
	bpf_loop(slots_max(), slots_look_at, &seen, 0);
	if (seen.own <= SLOTS_PER_SOURCE)
		return 1;
	slot->until_ns = 0;
	f->slot = 0;
	return 0;
}

/* slot_hold - the session is slowed, `left_ns` of its window remain: 1 while it has a slot */
STEP int slot_hold(struct flow *f, const struct addr *source, __u64 now, __u64 left_ns)
{
	struct addr of;
	struct slow_slot *slot;

	if (!f || !source)
		return 0;
	if (left_ns > SLOT_LIFE)
		left_ns = SLOT_LIFE;
	slot = slot_own(f, now);
	if (slot) {
		slot->until_ns = now + left_ns;
		return 1;
	}
	of = *source;
	return slot_take(f, &of, now, now + left_ns);
}

/* slot_free - the flow ends, or is not slowed any more */
STEP int slot_free(struct flow *f)
{
	struct slow_slot *slot = f ? slot_own(f, 0) : NULL;

	if (slot)
		slot->until_ns = 0;
	if (f)
		f->slot = 0;
	return 0;
}

#endif
