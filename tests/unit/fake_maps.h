/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_maps - the verdicts and ranges maps in plain memory
 *
 * Defines the libbpf calls that the enforcer makes; the program's own definitions win over
 * those of the shared library. Descriptors FAKE_VERDICTS and FAKE_RANGES, and the answerer's two
 * arrays as FAKE_REPLIES and FAKE_KEYS; any other is EBADF.
 */
#ifndef BUILDGATE_TEST_FAKE_MAPS_H
#define BUILDGATE_TEST_FAKE_MAPS_H

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "maps/abi.h"

#define FAKE_VERDICTS 1000
#define FAKE_RANGES   1001
#define FAKE_REPLIES  1002
#define FAKE_KEYS     1003
#define FAKE_ENTRIES  64

struct fake_map {
	size_t key_bytes, value_bytes;
	unsigned int count, room, writes;
	unsigned char keys[FAKE_ENTRIES][32];
	unsigned char values[FAKE_ENTRIES][128];
};

static struct fake_map fake_verdicts, fake_ranges;
static struct reply fake_replies[REPLIES_MAX];
static struct answer_keys fake_keys;

/* fake_reset - empty maps, room for all */
static inline void fake_reset(void)
{
	fake_verdicts = (struct fake_map) { .key_bytes = sizeof(struct addr),
					    .value_bytes = sizeof(struct verdict),
					    .room = FAKE_ENTRIES };
	fake_ranges = (struct fake_map) { .key_bytes = sizeof(struct range_key),
					  .value_bytes = sizeof(struct range),
					  .room = FAKE_ENTRIES };
	memset(fake_replies, 0, sizeof(fake_replies));
	memset(&fake_keys, 0, sizeof(fake_keys));
}

/* fake_array - copy an element of one of the arrays; false: the descriptor is none of them */
static inline bool fake_array(int fd, const void *key, void *to, const void *from)
{
	uint32_t index = *(const uint32_t *)key;
	void *element = fd == FAKE_REPLIES ? (void *)&fake_replies[index] : &fake_keys;
	size_t bytes = fd == FAKE_REPLIES ? sizeof(fake_replies[0]) : sizeof(fake_keys);

	if (fd != FAKE_REPLIES && fd != FAKE_KEYS)
		return false;
	memcpy(to ? to : element, from ? from : element, bytes);
	return true;
}

/* fake_map - by descriptor */
static inline struct fake_map *fake_map(int fd)
{
	return fd == FAKE_VERDICTS ? &fake_verdicts : fd == FAKE_RANGES ? &fake_ranges : NULL;
}

/* fake_find - index of a key, or count */
static inline unsigned int fake_find(const struct fake_map *m, const void *key)
{
	unsigned int i = 0;

	while (i < m->count && memcmp(m->keys[i], key, m->key_bytes))
		i++;
	return i;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	struct fake_map *m = fake_map(fd);
	unsigned int i = m ? fake_find(m, key) : 0;

	if (fake_array(fd, key, value, NULL))
		return 0;
	if (!m || i == m->count)
		return m ? -ENOENT : -EBADF;
	memcpy(value, m->values[i], m->value_bytes);
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct fake_map *m = fake_map(fd);
	unsigned int i = m ? fake_find(m, key) : 0;

	(void)flags;
	if (fake_array(fd, key, NULL, value))
		return 0;
	if (!m || i >= m->room)
		return m ? -E2BIG : -EBADF;
	memcpy(m->keys[i], key, m->key_bytes);
	memcpy(m->values[i], value, m->value_bytes);
	m->count += i == m->count;
	m->writes++;
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	struct fake_map *m = fake_map(fd);
	unsigned int i = m ? fake_find(m, key) : 0;

	if (!m || i == m->count)
		return m ? -ENOENT : -EBADF;
	m->count--;
	memcpy(m->keys[i], m->keys[m->count], sizeof(m->keys[i]));
	memcpy(m->values[i], m->values[m->count], sizeof(m->values[i]));
	m->writes++;
	return 0;
}

int bpf_map_get_next_key(int fd, const void *key, void *next)
{
	struct fake_map *m = fake_map(fd);
	unsigned int i = m && key ? fake_find(m, key) + 1 : 0;

	if (!m || i >= m->count)
		return m ? -ENOENT : -EBADF;
	memcpy(next, m->keys[i], m->key_bytes);
	return 0;
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	struct fake_map *m = fake_map(fd);
	__u32 from = in ? *(__u32 *)in : 0, n = 0;

	(void)opts;
	for (; from + n < m->count && n < *count; n++) {
		memcpy((char *)keys + n * m->key_bytes, m->keys[from + n], m->key_bytes);
		memcpy((char *)values + n * m->value_bytes, m->values[from + n], m->value_bytes);
	}
	*count = n;
	*(__u32 *)out = from + n;
	return from + n >= m->count ? -ENOENT : 0;
}

int bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	struct fake_map *m = fake_map(fd);
	__u32 n = *count;
	int r = 0;

	(void)opts;
	for (*count = 0; *count < n && !r; *count += !r)
		r = bpf_map_update_elem(fd, (const char *)keys + *count * m->key_bytes,
					(const char *)values + *count * m->value_bytes, 0);
	return r;
}

#endif
