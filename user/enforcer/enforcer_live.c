// SPDX-License-Identifier: BSD-2-Clause
#include "enforcer_live.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"

#define INDEX_PART 65536 /* entries entered per call */

/* add_entry - append, growing by doubling */
static int add_entry(struct live *live, const struct addr *addr, const struct verdict *v)
{
	if (live->count == live->room) {
		size_t room = live->room ? live->room * 2 : LIVE_BATCH;
		struct live_entry *at = reallocarray(live->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		live->at = at;
		live->room = room;
	}
	live->at[live->count++] = (struct live_entry) { *addr, *v, false };
	live->slow += v->throttle_s > 0;
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

/* live_find - see enforcer_live.h */
struct live_entry *live_find(const struct live *live, const struct addr *addr)
{
	uint32_t index = live->slots ? *slot_of(live, addr) : 0;

	return index ? &live->at[index - 1] : NULL;
}

/* index_part - some more entries; at most half of the slots are taken */
static int index_part(struct live *live)
{
	uint32_t slots = LIVE_BATCH;

	if (!live->slots) {
		while (slots < live->count * 2)
			slots *= 2;
		live->slots = calloc(slots, sizeof(*live->slots));
		if (!live->slots)
			return -ENOMEM;
		live->mask = slots - 1;
	}
	for (int i = 0; i < INDEX_PART && live->indexed < live->count; i++, live->indexed++)
		*slot_of(live, &live->at[live->indexed].addr) = (uint32_t)live->indexed + 1;
	return live->indexed < live->count;
}

/* read_part - one batch of the map; -ENOENT: it was the last */
static int read_part(struct live *live, int verdicts_fd)
{
	uint32_t count = LIVE_BATCH;
	int r = bpf_map_lookup_batch(verdicts_fd, live->begun ? &live->token : NULL, &live->token,
				     live->keys, live->values, &count, NULL);

	if (r < 0 && r != -ENOENT)
		return r;
	for (uint32_t i = 0; i < count; i++)
		if (add_entry(live, &live->keys[i], &live->values[i]) < 0)
			return -ENOMEM;
	live->begun = true;
	return r;
}

/* live_read - first all entries, then the index over them */
int live_read(struct live *live, int verdicts_fd, struct error *e)
{
	int r = 0;

	if (!live->keys) {
		live->keys = calloc(LIVE_BATCH, sizeof(*live->keys));
		live->values = calloc(LIVE_BATCH, sizeof(*live->values));
		if (!live->keys || !live->values)
			return error_set(e, -ENOMEM, "enforcer: out of memory");
	}
	if (!live->whole) {
		r = read_part(live, verdicts_fd);
		live->whole = r == -ENOENT;
		r = live->whole || !r ? 1 : r;
	} else if (live->count) {
		r = index_part(live);
	}
	return r < 0 ? error_set(e, r, "verdicts map cannot be read: %s", strerror(-r)) : r;
}

/* live_free - nothing is held */
void live_free(struct live *live)
{
	free(live->at);
	free(live->keys);
	free(live->values);
	free(live->slots);
	*live = (struct live) { 0 };
}
