/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recheck_name.h - a blocked source shows a name at EHLO that it had not before
 *
 * Several servers may stand behind one address, and the one recheck of an interval is taken by
 * whichever of them calls next. The answerer hears their names while it refuses them: one it has
 * not met makes the next recheck due at once, so that this server is seen without waiting. Due is
 * the source's next connection, whoever opens it; until it is used nobody of it gets a 550
 * (answer_verdict()), so the mail that brought the new name is tried again.
 *
 * Owns the map recheck_names: per source the hashes of its last names. The first name of all is
 * only remembered. A source is granted RECHECK_NAMES of these rechecks in an interval, or one that
 * makes names up would get through at will; a name that comes when they are used up is not
 * remembered, and has its turn in the next interval.
 */
#ifndef BUILDGATE_RECHECK_NAME_H
#define BUILDGATE_RECHECK_NAME_H

#include "bpf/answer_packet.h"
#include "bpf/siphash.h"

#define RECHECK_NAMES   4 /* granted to a source in a recheck interval */
#define RECHECK_NAME_AT 5 /* where the name stands: behind "EHLO " */

/* A name on its way through SipHash. */
struct recheck_hash {
	struct answer_scratch *sc; /* holds the line */
	__u64 v[4];
	__u64 word;
};

/* hash_byte - of the name, in small letters; its place is counted by the loop alone, a counter of
 * our own would have the verifier go through every length */
static long hash_byte(__u32 i, void *context)
{
	struct recheck_hash *h = context;
	__u64 byte = h->sc->bytes[(RECHECK_NAME_AT + i) & (ANSWER_LINE - 1)];

	if (byte <= ' ')
		return 1;
	if (byte >= 'A' && byte <= 'Z')
		byte |= 0x20;
	h->word |= byte << 8 * (i & 7);
	if ((i & 7) == 7) {
		siphash_word(h->v, h->word);
		h->word = 0;
	}
	return 0;
}

/* recheck_hash - of the name in a line of `end` bytes with its LF; 0: there is none */
static __always_inline __u64 recheck_hash(const struct names_met *met, __u32 end)
{
	__u32 zero = 0, steps;
	struct recheck_hash h = { .sc = bpf_map_lookup_elem(&answer_scratch, &zero) };

	if (!h.sc || end <= RECHECK_NAME_AT || end > ANSWER_LINE ||
	    h.sc->bytes[RECHECK_NAME_AT - 1] != ' ')
		return 0;
	siphash_begin(h.v, met->key);
	steps = bpf_loop(end - RECHECK_NAME_AT, hash_byte, &h, 0); /* what ends it included */
	if (steps < 2)
		return 0;
	siphash_word(h.v, h.word | (__u64)(steps - 1) << 56);
	return siphash_end(h.v) ?: 1;
}

/* recheck_names_of - of this source, begun where there are none */
static __always_inline struct names_met *recheck_names_of(const struct addr *source)
{
	struct names_met *met = bpf_map_lookup_elem(&recheck_names, source);
	struct names_met none = {};

	if (met)
		return met;
	none.key[0] = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	none.key[1] = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	bpf_map_update_elem(&recheck_names, source, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&recheck_names, source);
}

/* recheck_granted - one more in this interval, if there is one left */
static __always_inline bool recheck_granted(struct names_met *met, __u64 now, __u64 interval_ns)
{
	if (now - met->since_ns >= interval_ns) {
		met->since_ns = now;
		met->granted = 0;
	}
	return __sync_fetch_and_add(&met->granted, met->granted < RECHECK_NAMES) < RECHECK_NAMES;
}

/*
 * recheck_name - the answerer refuses this source for good (no recheck is due or open), and has
 * read its whole EHLO line of `end` bytes. Rechecks begin with the first that fell due in this
 * block: only then, and until the block ends, an attempt was let through (pending_since_ns).
 * hits_recheck would not do, it counts over all blocks.
 */
STEP int recheck_name(const struct packet *p, __u32 end)
{
	struct settings *s = gate_settings();
	struct names_met *met;
	struct addr source;
	struct verdict *v;
	__u64 hash, now;

	if (!p || !s)
		return 0;
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (!v || !v->recheck_at_ns)
		return 0;
	met = recheck_names_of(&source);
	hash = met ? recheck_hash(met, end) : 0;
	if (!hash)
		return 0;
	for (int i = 0; i < NAMES_KEPT; i++)
		if (met->name[i] == hash)
			return 0;
	if (met->met && v->pending_since_ns) {
		now = gate_now(s);
		if (!recheck_granted(met, now, READ_ONCE(s->recheck_interval_ns)))
			return 0;
		v->pending = 0;
		v->recheck_at_ns = now;
		count(HOOK_INGRESS, REASON_RECHECK_NAME);
	}
	met->name[__sync_fetch_and_add(&met->met, 1) & (NAMES_KEPT - 1)] = hash;
	return 0;
}

#endif
