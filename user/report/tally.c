// SPDX-License-Identifier: BSD-2-Clause
#include "tally.h"

#include <stdlib.h>

/* slot_of - where the build is, or would be; numbers of a build lie 16 bits apart */
static unsigned int slot_of(const struct tally_builds *tally, uint64_t build)
{
	unsigned int slot = (unsigned int)(build * 0x9e3779b97f4a7c15ULL >> 53);

	while (tally->slots[slot].build && tally->slots[slot].build != build)
		slot = (slot + 1) % TALLY_SLOTS;
	return slot;
}

/* tally_add - a new build only while there is room */
void tally_add(struct tally_builds *tally, uint64_t build, uint64_t count)
{
	unsigned int slot = slot_of(tally, build);

	if (!tally->slots[slot].build) {
		if (tally->used == TALLY_MAX) {
			tally->others += count;
			return;
		}
		tally->used++;
		tally->slots[slot].build = build;
	}
	tally->slots[slot].count += count;
}

/* by_count - greatest first; equal ones in a fixed order */
static int by_count(const void *a, const void *b)
{
	const struct history_point *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->key < y->key ? 1 : x->key > y->key ? -1 : 0;
}

/* tally_top - a copy is sorted, the table stays */
unsigned int tally_top(const struct tally_builds *tally, struct history_point *ret,
		       unsigned int max)
{
	struct history_point all[TALLY_MAX];
	unsigned int count = 0, kept;
	uint64_t others = tally->others;

	for (unsigned int i = 0; i < TALLY_SLOTS; i++)
		if (tally->slots[i].build)
			all[count++] = (struct history_point) { 0, tally->slots[i].build,
								tally->slots[i].count };
	qsort(all, count, sizeof(all[0]), by_count);
	kept = count < max ? count : max - 1;
	for (unsigned int i = 0; i < kept; i++)
		ret[i] = all[i];
	for (unsigned int i = kept; i < count; i++)
		others += all[i].count;
	if (others)
		ret[kept++] = (struct history_point) { 0, 0, others };
	return kept;
}
