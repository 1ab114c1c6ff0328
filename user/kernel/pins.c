// SPDX-License-Identifier: BSD-2-Clause
#include "pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Until a map takes over a name it has this one beside it; bpffs wants no dots. */
#define NEXT      "next_"
#define PATH_SIZE 128

enum carried {
	CARRIED_EARLY = 1, /* before the daemon fills in the rest */
	CARRIED_LATE,      /* the programs write it: at the last moment */
	CARRIED_NEVER,
};

enum from {
	FROM_SAME_ABI = 1,
	FROM_SAME_SIZE, /* in whatever version */
	FROM_ANY,       /* values that only ever grow at their end */
};

static const struct row {
	const char *name;
	enum carried carried;
	enum from from;
} rows[PINS_MAX] = {
	{ "settings", CARRIED_EARLY, FROM_ANY },
	{ "verdicts", CARRIED_EARLY, FROM_SAME_ABI },
	{ "ranges", CARRIED_EARLY, FROM_SAME_ABI },
	{ "replies", CARRIED_EARLY, FROM_SAME_ABI },
	{ "answer_keys", CARRIED_EARLY, FROM_SAME_SIZE },
	{ "ipsec_peers", CARRIED_EARLY, FROM_SAME_ABI },
	{ "flows", CARRIED_LATE, FROM_SAME_ABI },
	{ "pending", CARRIED_LATE, FROM_SAME_ABI },
	{ "handshakes", CARRIED_LATE, FROM_SAME_ABI },
	{ "rechecks", CARRIED_LATE, FROM_SAME_ABI },
	{ "recheck_names", CARRIED_LATE, FROM_SAME_ABI },
	{ "slow_slots", CARRIED_LATE, FROM_SAME_ABI },
	{ "counters", CARRIED_LATE, FROM_ANY },
	{ "events", CARRIED_NEVER, FROM_SAME_ABI },
};

enum { SETTINGS = 0, EVENTS = PINS_MAX - 1 };

static void pin_path(const char *prefix, const struct row *row, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, PIN_DIR "/%s%s", prefix, row->name);
}

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return fd < 0 ? -ENOENT : bpf_obj_get_info_by_fd(fd, info, &size);
}

/* pinned_abi - what the settings say; 0 where they say nothing */
static __u32 pinned_abi(int fd)
{
	struct bpf_map_info info;
	__u32 key = 0, abi = 0;
	void *value;

	if (map_info(fd, &info) || info.value_size < sizeof(abi))
		return 0;
	value = calloc(1, info.value_size);
	if (value && !bpf_map_lookup_elem(fd, &key, value))
		memcpy(&abi, value, sizeof(abi));
	free(value);
	return abi;
}

/* fits - the pinned map is as this version would make it */
static bool fits(const struct pins *pins, const struct row *row, const struct pin *pin)
{
	struct bpf_map_info info;

	if (map_info(pin->old, &info) || (pins->abi != ABI_VERSION && row != &rows[SETTINGS]))
		return false;
	return info.type == bpf_map__type(pin->map) &&
	       info.key_size == bpf_map__key_size(pin->map) &&
	       info.value_size == bpf_map__value_size(pin->map) &&
	       info.max_entries == bpf_map__max_entries(pin->map);
}

/* pins_plan - what is kept is given to libbpf, which makes the rest */
int pins_plan(struct bpf_object *object, struct pins *ret, struct error *e)
{
	unsigned int kept = 0, there = 0;
	char path[PATH_SIZE];

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < PINS_MAX; i++) {
		pin_path("", &rows[i], path);
		ret->pin[i].map = bpf_object__find_map_by_name(object, rows[i].name);
		ret->pin[i].old = bpf_obj_get(path);
		there += ret->pin[i].old >= 0;
	}
	ret->abi = pinned_abi(ret->pin[SETTINGS].old);
	for (unsigned int i = 0; i < PINS_MAX; i++) {
		struct pin *pin = &ret->pin[i];
		int rc;

		if (!fits(ret, &rows[i], pin))
			continue;
		rc = bpf_map__reuse_fd(pin->map, pin->old);
		if (rc)
			return error_set(e, rc, PIN_DIR "/%s cannot be kept: %s", rows[i].name,
					 strerror(-rc));
		pin->kept = true;
		kept++;
	}
	ret->found = !there ? PINS_NONE : kept == PINS_MAX ? PINS_SAME : PINS_OTHER;
	return 0;
}

/* copy_entry - the part of a value that both maps have; of each CPU, where there is one each */
static int copy_entry(int from, int to, const struct bpf_map_info *old,
		      const struct bpf_map_info *new, const void *key)
{
	bool percpu = old->type == BPF_MAP_TYPE_PERCPU_ARRAY;
	size_t parts = percpu ? (size_t)libbpf_num_possible_cpus() : 1;
	size_t was = percpu ? (old->value_size + 7) / 8 * 8 : old->value_size;
	size_t is = percpu ? (new->value_size + 7) / 8 * 8 : new->value_size;
	char *value = calloc(parts, was), *copy = calloc(parts, is);
	int rc = value && copy ? bpf_map_lookup_elem(from, key, value) : -ENOMEM;

	for (size_t i = 0; !rc && i < parts; i++)
		memcpy(copy + i * is, value + i * was, was < is ? was : is);
	if (!rc)
		rc = bpf_map_update_elem(to, key, copy, BPF_ANY);
	free(value);
	free(copy);
	return rc;
}

/* copy_map - what went away meanwhile or does not fit in any more is left out */
static int copy_map(int from, int to, const struct bpf_map_info *old,
		    const struct bpf_map_info *new)
{
	char key[sizeof(struct flow_key)], next[sizeof(struct flow_key)];
	void *last = NULL;
	int rc = 0;

	if (old->key_size > sizeof(key))
		return 0;
	for (__u32 left = old->max_entries; rc != -ENOMEM && left; left--) {
		if (bpf_map_get_next_key(from, last, next))
			return 0;
		rc = copy_entry(from, to, old, new, next);
		memcpy(key, next, old->key_size);
		last = key;
	}
	return rc == -ENOMEM ? rc : 0;
}

/* understood - what stands in the old map means the same in the new one */
static bool understood(const struct pins *pins, const struct row *row,
		       const struct bpf_map_info *old, const struct bpf_map_info *new)
{
	if (old->type != new->type || old->key_size != new->key_size)
		return false;
	if (row->from == FROM_ANY)
		return true;
	return old->value_size == new->value_size &&
	       (row->from == FROM_SAME_SIZE || pins->abi == ABI_VERSION);
}

/* carry - into the maps that were made anew, as far as their contents are understood */
static int carry(struct pins *pins, enum carried when, struct error *e)
{
	for (unsigned int i = 0; i < PINS_MAX; i++) {
		struct pin *pin = &pins->pin[i];
		struct bpf_map_info old, new;
		int rc;

		if (rows[i].carried != when || pin->kept || map_info(pin->old, &old))
			continue;
		if (map_info(bpf_map__fd(pin->map), &new) ||
		    !understood(pins, &rows[i], &old, &new))
			continue;
		rc = copy_map(pin->old, bpf_map__fd(pin->map), &old, &new);
		if (rc)
			return error_set(e, rc, PIN_DIR "/%s cannot be carried over: %s",
					 rows[i].name, strerror(-rc));
	}
	return 0;
}

/* pins_carry - see pins.h */
int pins_carry(struct pins *pins, struct error *e)
{
	return carry(pins, CARRIED_EARLY, e);
}

/* name_map - the name goes from one map to the other at once */
static int name_map(const struct row *row, int fd, struct error *e)
{
	char next[PATH_SIZE], path[PATH_SIZE];

	pin_path(NEXT, row, next);
	pin_path("", row, path);
	unlink(next); /* of a start that was interrupted */
	if (bpf_obj_pin(fd, next) || rename(next, path))
		return error_set(e, -errno, "pin %s: %s", path, strerror(errno));
	return 0;
}

/* tell_abi - one word, beside those that others may write at the same time */
static int tell_abi(int fd, struct error *e)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	volatile struct settings *settings =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (settings == MAP_FAILED)
		return error_set(e, -errno, "settings map: %s", strerror(errno));
	settings->abi = ABI_VERSION;
	munmap((void *)settings, size);
	return 0;
}

/* pins_take - the settings first: from the first packet on there is a kill switch */
int pins_take(struct pins *pins, struct error *e)
{
	int rc = carry(pins, CARRIED_LATE, e);

	if (!rc && mkdir(PIN_DIR, 0700) && errno != EEXIST)
		rc = error_set(e, -errno, PIN_DIR ": %s", strerror(errno));
	for (unsigned int i = 0; !rc && i < PINS_MAX; i++)
		if (!pins->pin[i].kept)
			rc = name_map(&rows[i], bpf_map__fd(pins->pin[i].map), e);
	return rc ? rc : tell_abi(bpf_map__fd(pins->pin[SETTINGS].map), e);
}

static int count_event(void *arg, void *data, size_t size)
{
	(void)data;
	(void)size;
	++*(unsigned int *)arg;
	return 0;
}

/* pins_over - see pins.h */
unsigned int pins_over(struct pins *pins)
{
	const struct pin *pin = &pins->pin[EVENTS];
	unsigned int lost = 0;
	struct ring_buffer *ring;

	if (pin->kept || pin->old < 0)
		return 0;
	ring = ring_buffer__new(pin->old, count_event, &lost, NULL);
	if (ring)
		ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return lost;
}

/* pins_close - see pins.h */
void pins_close(struct pins *pins)
{
	for (unsigned int i = 0; i < PINS_MAX; i++) {
		if (pins->pin[i].old > 0)
			close(pins->pin[i].old);
		pins->pin[i].old = -1;
	}
}
