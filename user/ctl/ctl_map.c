// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_table.h"
#include "ctl_text.h"

#define BATCH     4096
#define BATCH_MAX (1U << 20)
#define SENTENCE  512

/* ctl_view_open - one copy of the settings serves the whole command */
int ctl_view_open(struct ctl_view *ret_view, struct pinned **ret_pinned, struct error *e)
{
	volatile struct settings *settings;
	struct pinned *pinned;
	int rc;

	rc = pinned_open(&pinned, e);
	if (rc)
		return rc;
	settings = pinned_settings(pinned);
	ret_view->settings = *settings;
	clock_init(ret_view->settings.clock_offset_ns);
	ret_view->now_ns = clock_kernel_ns();
	if (ret_pinned)
		*ret_pinned = pinned;
	else
		pinned_close(pinned);
	return 0;
}

/* A map being walked. */
struct walk {
	const struct ctl_entry_map *map;
	int fd;
	uint32_t key_bytes, value_bytes;
};

/* open_map - the pinned map, and what the kernel says of it; a descriptor */
static int open_map(const char *name, struct bpf_map_info *ret, struct error *e)
{
	uint32_t bytes = sizeof(*ret);
	int fd = pinned_map(name, e), rc;

	memset(ret, 0, sizeof(*ret));
	if (fd < 0 || !bpf_obj_get_info_by_fd(fd, ret, &bytes))
		return fd;
	rc = error_set(e, -errno, "cannot read about the map %s: %s", name, strerror(errno));
	close(fd);
	return rc;
}

/* open_walk - the pinned map, checked to hold what its row says */
static int open_walk(const char *name, struct walk *ret, struct error *e)
{
	const struct ctl_entry_map *map = ctl_entry_map(name);
	struct bpf_map_info info;
	int fd = open_map(name, &info, e);

	if (fd < 0)
		return fd;
	if ((map->key_bytes && info.key_size != map->key_bytes) ||
	    (map->value_bytes && info.value_size != map->value_bytes)) {
		close(fd);
		return error_set(e, -EPROTO,
				 "the map %s has another layout; use the gatectl of the version "
				 "that is loaded",
				 name);
	}
	*ret = (struct walk) { map, fd, info.key_size, info.value_size };
	return 0;
}

typedef void (*walk_fn)(void *arg, const struct walk *walk, const void *key, const void *value);

/* walk_all - in batches: entry by entry a map that changes meanwhile could be walked for ever.
 * A hash bucket must fit into a batch, so it grows when the kernel says that it does not. */
static int walk_all(const struct walk *walk, walk_fn fn, void *arg, struct error *e)
{
	uint8_t at[256], next[256];
	uint32_t size = BATCH, count, i;
	char *keys = NULL, *values = NULL;
	bool first = true;
	int rc = -ENOSPC;

	do {
		if (rc == -ENOSPC) {
			free(keys);
			free(values);
			keys = calloc(size, walk->key_bytes);
			values = calloc(size, (walk->value_bytes + 7) / 8 * 8);
			if (!keys || !values) {
				rc = -ENOMEM;
				break;
			}
		}
		count = size;
		rc = bpf_map_lookup_batch(walk->fd, first ? NULL : at, next, keys, values, &count,
					  NULL);
		if (rc == -ENOSPC && size < BATCH_MAX) {
			size *= 4;
			continue;
		}
		if (rc && rc != -ENOENT)
			break;
		for (i = 0; i < count; i++)
			fn(arg, walk, keys + (size_t)i * walk->key_bytes,
			   values + (size_t)i * walk->value_bytes);
		memcpy(at, next, sizeof(at));
		first = false;
	} while (rc == 0 || rc == -ENOSPC);
	free(keys);
	free(values);
	if (rc == -ENOENT)
		return 0;
	return error_set(e, rc, "cannot read the map %s: %s", walk->map->name, strerror(-rc));
}

/* What the functions of a walk share. */
struct dump {
	const struct ctl_view *view;
	bool json;
	struct ctl_array array;
	struct ctl_rows rows;
	const char *key; /* map get: this entry only */
	json_t *found;
};

/* entry_json - one entry by its map's row */
static json_t *entry_json(const struct dump *dump, const struct walk *walk, const void *key,
			  const void *value)
{
	return walk->map->json(key, walk->key_bytes, value, walk->value_bytes, dump->view);
}

/* dump_entry - print or collect one entry */
static void dump_entry(void *arg, const struct walk *walk, const void *key, const void *value)
{
	struct dump *dump = arg;
	json_t *object = entry_json(dump, walk, key, value);

	if (!object)
		return; /* a place without a value: only arrays have such */
	if (dump->json)
		ctl_array_add(&dump->array, object);
	else
		ctl_rows_add_object(&dump->rows, object);
	json_decref(object);
}

/* dump_entries - verdicts, ranges, flows, pending */
static int dump_entries(const struct ctl *ctl, const struct ctl_view *view, struct error *e)
{
	struct dump dump = { .view = view, .json = ctl->json };
	struct walk walk;
	int rc;

	rc = open_walk(ctl->args[0], &walk, e);
	if (rc)
		return rc;
	ctl_rows_init(&dump.rows, walk.map->columns);
	if (ctl->json)
		ctl_array_begin(&dump.array, ctl->out);
	rc = walk_all(&walk, dump_entry, &dump, e);
	close(walk.fd);
	if (ctl->json)
		ctl_array_end(&dump.array);
	else if (ctl_rows_print(&dump.rows, ctl->out) && !rc)
		rc = error_set(e, -ENOMEM, "out of memory: some entries are not shown; use -j");
	ctl_rows_free(&dump.rows);
	return rc;
}

/* print_pairs - an object as "key  value" lines */
static void print_pairs(json_t *object, FILE *out)
{
	const char *key;
	json_t *value;
	char text[256];

	json_object_foreach (object, key, value)
		fprintf(out, "%-20s  %s\n", key, ctl_text_json(value, text, sizeof(text)));
}

/* counted - some hook has counted the reason */
static bool counted(const struct counters counters[HOOK_MAX], unsigned int reason)
{
	unsigned int hook;

	for (hook = 0; hook < HOOK_MAX; hook++)
		if (counters[hook].count[reason])
			return true;
	return false;
}

/* print_counters - for people a row per reason that has happened */
static void print_counters(const struct counters counters[HOOK_MAX], FILE *out)
{
	struct ctl_rows rows;
	unsigned int reason;
	json_t *object;

	ctl_rows_init(&rows, ctl_entry_counter_columns);
	for (reason = 1; reason < REASON_MAX; reason++) {
		if (!counted(counters, reason))
			continue;
		object = ctl_entry_counter(counters, reason);
		ctl_rows_add_object(&rows, object);
		json_decref(object);
	}
	ctl_rows_print(&rows, out);
	ctl_rows_free(&rows);
}

/* dump_counters - as JSON all of them */
static int dump_counters(const struct ctl *ctl, struct pinned *pinned, struct error *e)
{
	struct counters counters[HOOK_MAX];
	json_t *array;
	int rc;

	rc = pinned_counters(pinned, counters);
	if (rc)
		return error_set(e, rc, "cannot read the map counters: %s", strerror(-rc));
	if (!ctl->json) {
		print_counters(counters, ctl->out);
		return 0;
	}
	array = ctl_entry_counters(counters);
	ctl_output_json(ctl->out, array);
	json_decref(array);
	return 0;
}

/* get_counter - one reason by its name */
static int get_counter(const struct ctl *ctl, struct pinned *pinned, struct error *e)
{
	struct counters counters[HOOK_MAX];
	unsigned int reason = 1;
	json_t *object;
	int rc;

	while (reason < REASON_MAX && strcmp(reason_name(reason), ctl->args[1]) != 0)
		reason++;
	if (reason == REASON_MAX)
		return error_set(e, CTL_USAGE, "map get counters: no reason is called '%s'",
				 ctl->args[1]);
	rc = pinned_counters(pinned, counters);
	if (rc)
		return error_set(e, rc, "cannot read the map counters: %s", strerror(-rc));
	object = ctl_entry_counter(counters, reason);
	if (ctl->json)
		ctl_output_json(ctl->out, object);
	else
		print_pairs(object, ctl->out);
	json_decref(object);
	return 0;
}

/* ctl_map_dump - settings and counters are no sets of entries */
int ctl_map_dump(const struct ctl *ctl, struct error *e)
{
	struct pinned *pinned;
	struct ctl_view view;
	json_t *object;
	int rc;

	rc = ctl_view_open(&view, &pinned, e);
	if (rc)
		return rc;
	if (strcmp(ctl->args[0], "settings") == 0) {
		object = ctl_entry_settings(&view);
		if (ctl->json)
			ctl_output_json(ctl->out, object);
		else
			print_pairs(object, ctl->out);
		json_decref(object);
	} else if (strcmp(ctl->args[0], "counters") == 0) {
		rc = dump_counters(ctl, pinned, e);
	} else {
		rc = dump_entries(ctl, &view, e);
	}
	pinned_close(pinned);
	return rc;
}

/* ctl_map_look - the length of an IPv6 source is the daemon's choice and not in any map: take
 * the longest prefix that has an entry */
int ctl_map_look(const struct addr *addr, struct addr *ret_source, struct verdict *ret,
		 struct error *e)
{
	unsigned int bits, shortest = address_is_ipv4(addr) ? 128 : 32;
	struct walk walk;
	int rc;

	rc = open_walk("verdicts", &walk, e);
	if (rc)
		return rc;
	for (bits = 128; bits >= shortest; bits--) {
		*ret_source = *addr;
		address_mask(ret_source, bits);
		if (bpf_map_lookup_elem(walk.fd, ret_source, ret) == 0) {
			rc = 1;
			break;
		}
	}
	close(walk.fd);
	return rc;
}

/* get_verdict - in words, or as the object of map dump */
static int get_verdict(const struct ctl *ctl, const struct ctl_view *view, struct error *e)
{
	char text[ADDRESS_TEXT], sentence[SENTENCE];
	struct verdict verdict;
	struct addr addr, source;
	json_t *object;
	int rc;

	if (address_parse(ctl->args[1], &addr))
		return error_set(e, CTL_USAGE, "map get verdicts: '%s' is not an address",
				 ctl->args[1]);
	rc = ctl_map_look(&addr, &source, &verdict, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(e, -ENOENT, "%s has no verdict: it passes", ctl->args[1]);
	address_format(&source, text);
	if (!ctl->json) {
		fprintf(ctl->out, "%s\n",
			ctl_verdict_sentence(text, &verdict, view, sentence, sizeof(sentence)));
		return 0;
	}
	object = ctl_verdict_json(text, &verdict, view);
	ctl_output_json(ctl->out, object);
	json_decref(object);
	return 0;
}

/* find_entry - keep the one whose key reads like the one asked for */
static void find_entry(void *arg, const struct walk *walk, const void *key, const void *value)
{
	struct dump *dump = arg;
	const char *text;
	json_t *object;
	char buf[256];

	if (dump->found)
		return;
	object = entry_json(dump, walk, key, value);
	text = ctl_text_json(json_object_get(object, walk->map->key), buf, sizeof(buf));
	if (object && strcmp(text, dump->key) == 0)
		dump->found = json_incref(object);
	json_decref(object);
}

/* get_entry - of ranges, flows, pending: by the text of its key */
static int get_entry(const struct ctl *ctl, const struct ctl_view *view, struct error *e)
{
	struct dump dump = { .view = view, .key = ctl->args[1] };
	struct walk walk;
	int rc;

	rc = open_walk(ctl->args[0], &walk, e);
	if (rc)
		return rc;
	rc = walk_all(&walk, find_entry, &dump, e);
	close(walk.fd);
	if (!rc && !dump.found)
		rc = error_set(e, -ENOENT, "the map %s has no entry %s", ctl->args[0],
			       ctl->args[1]);
	else if (!rc && ctl->json)
		ctl_output_json(ctl->out, dump.found);
	else if (!rc)
		print_pairs(dump.found, ctl->out);
	json_decref(dump.found);
	return rc;
}

/* get_setting - one word of the settings */
static int get_setting(const struct ctl *ctl, const struct ctl_view *view, struct error *e)
{
	json_t *all = ctl_entry_settings(view);
	json_t *value = json_object_get(all, ctl->args[1]), *object;
	char text[64];
	int rc = 0;

	if (!value) {
		rc = error_set(e, CTL_USAGE, "map get settings: no setting is called '%s'",
			       ctl->args[1]);
	} else if (ctl->json) {
		object = json_pack("{s:O}", ctl->args[1], value);
		ctl_output_json(ctl->out, object);
		json_decref(object);
	} else {
		fprintf(ctl->out, "%s\n", ctl_text_json(value, text, sizeof(text)));
	}
	json_decref(all);
	return rc;
}

/* ctl_map_get - each kind of map has its kind of key */
int ctl_map_get(const struct ctl *ctl, struct error *e)
{
	struct pinned *pinned;
	struct ctl_view view;
	int rc;

	rc = ctl_view_open(&view, &pinned, e);
	if (rc)
		return rc;
	if (strcmp(ctl->args[0], "settings") == 0)
		rc = get_setting(ctl, &view, e);
	else if (strcmp(ctl->args[0], "counters") == 0)
		rc = get_counter(ctl, pinned, e);
	else if (strcmp(ctl->args[0], "verdicts") == 0)
		rc = get_verdict(ctl, &view, e);
	else
		rc = get_entry(ctl, &view, e);
	pinned_close(pinned);
	return rc;
}

/* map_json - what the kernel says of one pinned map */
static int map_json(const char *name, json_t **ret_object, struct error *e)
{
	struct bpf_map_info info;
	int fd = open_map(name, &info, e);

	if (fd < 0)
		return fd;
	close(fd);
	*ret_object = json_pack("{s:s,s:s,s:I,s:s,s:I,s:I,s:I}", "name", name, "type",
				libbpf_bpf_map_type_str(info.type), "id", (json_int_t)info.id,
				"kernel_name", info.name, "key_bytes", (json_int_t)info.key_size,
				"value_bytes", (json_int_t)info.value_size, "max_entries",
				(json_int_t)info.max_entries);
	return 0;
}

/* ctl_map_list - every map that the gate pins */
int ctl_map_list(const struct ctl *ctl, struct error *e)
{
	static const char *const names[] = { "settings",    "verdicts",     "ranges",
					     "flows",       "pending",      "handshakes",
					     "rechecks",    "replies",      "answer_keys",
					     "counters",    "events",       "slow_slots",
					     "ipsec_peers", "recheck_names" };
	static const struct ctl_column columns[] = {
		{ .head = "NAME", .key = "name" },
		{ .head = "TYPE", .key = "type" },
		{ .head = "ID", .key = "id", .right = true },
		{ .head = "KEY BYTES", .key = "key_bytes", .right = true },
		{ .head = "VALUE BYTES", .key = "value_bytes", .right = true },
		{ .head = "MAX ENTRIES", .key = "max_entries", .right = true },
		{ .head = NULL },
	};
	json_t *array = json_array(), *object = NULL;
	struct ctl_rows rows;
	int rc = 0;
	size_t i;

	ctl_rows_init(&rows, columns);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rc = map_json(names[i], &object, e);
		if (rc)
			break;
		ctl_rows_add_object(&rows, object);
		json_array_append_new(array, object);
	}
	if (!rc && ctl->json)
		ctl_output_json(ctl->out, array);
	else if (!rc)
		ctl_rows_print(&rows, ctl->out);
	ctl_rows_free(&rows);
	json_decref(array);
	return rc;
}
