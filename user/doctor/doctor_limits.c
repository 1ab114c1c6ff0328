// SPDX-License-Identifier: BSD-2-Clause
/* What may run out: locked memory on old kernels, the daemon's memory, places in maps. */
#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/kernel/pinned.h"

#define SECTION  "limits"
#define MIB      (1024 * 1024)
#define LOCK_MIN (512ULL * MIB) /* all maps at their default sizes */
#define FULL_PCT 80
#define KEY_MAX  64

/* old_kernel - before 5.11 maps were charged to RLIMIT_MEMLOCK, since then to the cgroup */
static bool old_kernel(const struct doctor *d)
{
	char release[64];
	int major = 0, minor = 0;

	if (!doctor_read(d, "/proc/sys/kernel/osrelease", release, sizeof(release)) ||
	    sscanf(release, "%d.%d", &major, &minor) != 2)
		return false;
	return major < 5 || (major == 5 && minor < 11);
}

/* read_memlock - the soft limit of the process that loads maps */
static uint64_t read_memlock(const struct doctor *d, int64_t pid)
{
	char path[64], line[256], soft[32] = "unlimited";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/limits", pid);
	f = doctor_open(d, path);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Max locked memory %31s", soft) == 1)
			break;
	if (f)
		fclose(f);
	return soft[0] == 'u' ? UINT64_MAX : strtoull(soft, NULL, 10);
}

/* read_memory - a number of the daemon's cgroup; 0: not known, UINT64_MAX: "max" */
static uint64_t read_memory(const struct doctor *d, int64_t pid, const char *file)
{
	char path[64], line[512] = "", full[1024], text[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/cgroup", pid);
	f = doctor_open(d, path);
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "0::", 3))
		line[0] = '\0';
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	snprintf(full, sizeof(full), "/sys/fs/cgroup%s/%s", line[0] ? line + 3 : "/-", file);
	if (!doctor_read(d, full, text, sizeof(text)))
		return 0;
	return text[0] == 'm' ? UINT64_MAX : strtoull(text, NULL, 10);
}

/* count_fill - of the pinned map, key by key; one that changes meanwhile may be miscounted */
static void count_fill(struct doctor_fill *fill)
{
	struct bpf_map_info info = { 0 };
	__u32 bytes = sizeof(info);
	char key[2][KEY_MAX];
	int fd = pinned_map(fill->name, NULL), i = 0;

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &bytes) && info.key_size <= KEY_MAX) {
		fill->max = info.max_entries;
		while (fill->entries < fill->max &&
		       !bpf_map_get_next_key(fd, fill->entries ? key[i] : NULL, key[!i])) {
			fill->entries++;
			i = !i;
		}
	}
	close(fd);
}

/* read_fill - from the daemon, which keeps count, else from the kernel */
static void read_fill(const struct doctor *d, struct doctor_fill *fill)
{
	const json_t *map = json_object_get(json_object_get(d->status, "maps"), fill->name);

	fill->entries = doctor_number(map, "entries");
	fill->max = doctor_number(map, "max_entries");
	if (!fill->max && d->loaded && !d->hidden)
		count_fill(fill);
}

/* doctor_limits - of the running daemon */
void doctor_limits(struct doctor *d)
{
	int64_t pid = doctor_number(json_object_get(d->status, "daemon"), "pid");
	struct doctor_limits l = {
		.memlock_counts = old_kernel(d),
		.memlock = pid ? read_memlock(d, pid) : UINT64_MAX,
		.memory_max = pid ? read_memory(d, pid, "memory.max") : 0,
		.memory_used = pid ? read_memory(d, pid, "memory.current") : 0,
		.fill = { { .name = "verdicts", .key = "verdicts_max" },
			  { .name = "ranges", .key = "ranges_max" } },
	};

	for (size_t i = 0; i < sizeof(l.fill) / sizeof(l.fill[0]); i++)
		read_fill(d, &l.fill[i]);
	doctor_limits_judge(d, &l);
}

/* judge_memory - maps are charged to whoever loads them */
static void judge_memory(struct doctor *d, const struct doctor_limits *l)
{
	if (l->memlock_counts && l->memlock < LOCK_MIN) {
		doctor_say(d, SECTION, DOCTOR_BAD,
			   "this kernel charges maps to locked memory, and buildgated may lock "
			   "%" PRIu64 " MiB only",
			   (uint64_t)l->memlock / MIB);
		doctor_next(d, "set LimitMEMLOCK=infinity in buildgated.service and restart it");
	} else if (!l->memlock_counts) {
		doctor_say(d, SECTION, DOCTOR_OK,
			   "maps are charged to the cgroup: the memlock limit does not matter");
	}
	if (!l->memory_max || l->memory_max == UINT64_MAX)
		return;
	if (l->memory_used / FULL_PCT * 100 < l->memory_max) {
		doctor_say(d, SECTION, DOCTOR_OK, "buildgated uses %" PRIu64 " of %" PRIu64 " MiB",
			   l->memory_used / MIB, l->memory_max / MIB);
	} else {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "buildgated uses %" PRIu64 " of the %" PRIu64 " MiB it may have",
			   l->memory_used / MIB, l->memory_max / MIB);
		doctor_next(d, "raise MemoryMax of buildgated.service");
	}
}

/* doctor_limits_judge - and the maps that refuse what does not fit */
void doctor_limits_judge(struct doctor *d, const struct doctor_limits *l)
{
	judge_memory(d, l);
	for (size_t i = 0; i < sizeof(l->fill) / sizeof(l->fill[0]); i++) {
		const struct doctor_fill *fill = &l->fill[i];
		bool full = fill->max && fill->entries * 100 >= fill->max * FULL_PCT;

		if (!fill->max)
			continue;
		doctor_say(d, SECTION, full ? DOCTOR_WARN : DOCTOR_OK,
			   "the map %s has %" PRId64 " of %" PRId64 " places taken", fill->name,
			   fill->entries, fill->max);
		if (full)
			doctor_next(d, "raise %s in %s and restart buildgated", fill->key,
				    d->config_path);
	}
}
