// SPDX-License-Identifier: BSD-2-Clause
/* Where the texts are, and the keys. */
#include "reply.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HASH_ROOM (2 * REPLIES_MAX) /* half full at most; a power of two */

struct slot {
	struct reply_cause cause;
	bool used, asked;
};

struct replies {
	int replies_fd, keys_fd;
	struct reply_site site;
	struct slot slots[REPLIES_MAX]; /* 0: the general texts */
	uint16_t hash[HASH_ROOM];       /* of causes, to indices; 0: free */
	bool starved;
	int64_t rotated; /* running time; -1: not in this life */
};

/* hash_of - where to begin looking */
static uint32_t hash_of(const struct reply_cause *c)
{
	uint64_t h = (c->build ^ (uint64_t)c->throttle_min << 40 ^ (uint64_t)c->block_min << 24) *
		     0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 40) & (HASH_ROOM - 1);
}

static bool same_cause(const struct reply_cause *a, const struct reply_cause *b)
{
	return a->build == b->build && a->throttle_min == b->throttle_min &&
	       a->block_min == b->block_min;
}

/* place_of - in the hash: that of the cause, or the free one where it would go */
static uint16_t *place_of(struct replies *r, const struct reply_cause *cause)
{
	uint32_t i = hash_of(cause);

	while (r->hash[i] && !same_cause(&r->slots[r->hash[i]].cause, cause))
		i = (i + 1) & (HASH_ROOM - 1);
	return &r->hash[i];
}

/* rehash - from the slots */
static void rehash(struct replies *r)
{
	memset(r->hash, 0, sizeof(r->hash));
	for (uint16_t i = 1; i < REPLIES_MAX; i++)
		if (r->slots[i].used)
			*place_of(r, &r->slots[i].cause) = i;
}

/* write_texts - a reader in between sees a text half new: its checksum is then wrong, the
 * client's copy lost, and sent again */
static int write_texts(struct replies *r, uint32_t index, int64_t now)
{
	struct reply reply;

	reply_render(&r->site, index ? &r->slots[index].cause : NULL, now, &reply);
	return bpf_map_update_elem(r->replies_fd, &index, &reply, BPF_ANY);
}

/* fresh_key - one that nobody can guess; the daemon starts after the kernel's pool is filled */
static int fresh_key(__u64 key[2], struct error *e)
{
	if (getrandom(key, 16, 0) != 16)
		return error_set(e, -errno, "cannot get a random key for the answerer: %s",
				 strerror(errno));
	return 0;
}

/* put_keys - both at once; the map's reader takes them word by word */
static int put_keys(struct replies *r, const struct answer_keys *keys, struct error *e)
{
	uint32_t zero = 0;
	int rc = bpf_map_update_elem(r->keys_fd, &zero, keys, BPF_ANY);

	return rc ? error_set(e, rc, "answer_keys map: %s", strerror(-rc)) : 0;
}

/* adopt_keys - connections that were answered with the old ones go on */
static int adopt_keys(struct replies *r, struct error *e)
{
	struct answer_keys keys = { 0 };
	uint32_t zero = 0;
	int rc = bpf_map_lookup_elem(r->keys_fd, &zero, &keys);

	if (rc)
		return error_set(e, rc, "answer_keys map: %s", strerror(-rc));
	if (keys.key[0][0] | keys.key[0][1])
		return 0;
	rc = fresh_key(keys.key[0], e);
	return rc ? rc : put_keys(r, &keys, e);
}

/* adopt_texts - verdicts point at them */
static int adopt_texts(struct replies *r, struct error *e)
{
	struct reply reply;

	for (uint32_t i = 1; i < REPLIES_MAX; i++) {
		struct reply_cause cause;
		int rc = bpf_map_lookup_elem(r->replies_fd, &i, &reply);

		if (rc)
			return error_set(e, rc, "replies map: %s", strerror(-rc));
		if (!reply.used)
			continue;
		cause = (struct reply_cause) { reply.build, reply.throttle_min, reply.block_min };
		r->slots[i] = (struct slot) { .cause = cause, .used = true };
	}
	rehash(r);
	return 0;
}

/* replies_open - see reply.h */
int replies_open(int replies_fd, int keys_fd, struct replies **ret_replies, struct error *e)
{
	struct replies *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set(e, -ENOMEM, "out of memory");
	r->replies_fd = replies_fd;
	r->keys_fd = keys_fd;
	r->rotated = -1;
	r->slots[0].used = true;
	rc = adopt_texts(r, e);
	if (!rc)
		rc = adopt_keys(r, e);
	if (rc) {
		replies_free(r);
		return rc;
	}
	*ret_replies = r;
	return 0;
}

/* replies_free - the maps stay as they are; NULL is allowed */
void replies_free(struct replies *replies)
{
	free(replies);
}

/* replies_use - general texts first: without them nothing is answered */
int replies_use(struct replies *replies, const struct reply_site *site, int64_t now,
		struct error *e)
{
	replies->site = *site;
	for (uint32_t i = 0; i < REPLIES_MAX; i++) {
		int rc = replies->slots[i].used ? write_texts(replies, i, now) : 0;

		if (rc)
			return error_set(e, rc, "replies map: %s", strerror(-rc));
	}
	return 0;
}

/* replies_index - the texts are in the map before anybody learns their place */
uint16_t replies_index(struct replies *replies, const struct reply_cause *cause, int64_t now)
{
	uint16_t *place, i = 1;

	if (!replies)
		return 0;
	place = place_of(replies, cause);
	if (*place) {
		replies->slots[*place].asked = true;
		return *place;
	}
	while (i < REPLIES_MAX && replies->slots[i].used)
		i++;
	if (i == REPLIES_MAX) {
		replies->starved = true;
		return 0;
	}
	replies->slots[i] = (struct slot) { .cause = *cause, .used = true, .asked = true };
	if (write_texts(replies, i, now)) {
		replies->slots[i].used = false;
		return 0;
	}
	*place = i;
	return i;
}

/* replies_mark - a walk begins; NULL is allowed */
void replies_mark(struct replies *replies)
{
	for (uint32_t i = 1; replies && i < REPLIES_MAX; i++)
		replies->slots[i].asked = false;
}

/* replies_sweep - it is over. The texts stay in the map until their place is used again: a
 * connection under way may still be read them */
void replies_sweep(struct replies *replies)
{
	if (!replies)
		return;
	for (uint32_t i = 1; i < REPLIES_MAX; i++)
		replies->slots[i].used &= replies->slots[i].asked;
	replies->starved = false;
	rehash(replies);
}

/* replies_starved - see reply.h */
bool replies_starved(const struct replies *replies)
{
	return replies && replies->starved;
}

/* rotate - the present key first into the previous one's place: at no moment is a connection
 * under way without its key */
static int rotate(struct replies *r, struct error *e)
{
	struct answer_keys keys = { 0 };
	uint32_t zero = 0;
	int rc = bpf_map_lookup_elem(r->keys_fd, &zero, &keys);

	if (rc)
		return error_set(e, rc, "answer_keys map: %s", strerror(-rc));
	memcpy(keys.key[1], keys.key[0], sizeof(keys.key[1]));
	rc = put_keys(r, &keys, e);
	if (!rc)
		rc = fresh_key(keys.key[0], e);
	return rc ? rc : put_keys(r, &keys, e);
}

/* replies_tick - how old an adopted key is nobody knows: it gets a whole life again */
int replies_tick(struct replies *replies, int64_t running, int64_t now, struct error *e)
{
	int rc;

	if (replies->rotated < 0)
		replies->rotated = running;
	if (running - replies->rotated < REPLY_KEY_S)
		return 0;
	rc = rotate(replies, e);
	if (!rc)
		rc = replies_use(replies, &replies->site, now, e);
	if (rc)
		return rc;
	replies->rotated = running;
	return 1;
}
