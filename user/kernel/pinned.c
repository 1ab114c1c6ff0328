// SPDX-License-Identifier: BSD-2-Clause
#include "pinned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pinned {
	int counters;
	uint32_t counters_bytes; /* of one hook and CPU, as the pinned map has it */
	int cpus;
	void *page; /* the settings map */
	size_t page_bytes;
};

struct reason_row {
	const char *name, *kind, *text;
};

/* The names in lower case are the JSON key and the metric label. */
static const struct reason_row rows[REASON_MAX] = {
#define X(number, name, kind, text) [number] = { #name, #kind, text },
	REASON_LIST(X)
#undef X
};

/* lower - a name or kind of the list in lower case; made once, kept */
static const char *lower(const char *upper, char *buf, size_t size)
{
	size_t i;

	if (buf[0])
		return buf;
	for (i = 0; upper[i] && i < size - 1; i++)
		buf[i] = upper[i] >= 'A' && upper[i] <= 'Z' ? upper[i] + 0x20 : upper[i];
	return buf;
}

/* reason_name - "unknown" for numbers that are not in the list */
const char *reason_name(unsigned int reason)
{
	static char names[REASON_MAX][32];

	if (reason >= REASON_MAX || !rows[reason].name)
		return "unknown";
	return lower(rows[reason].name, names[reason], sizeof(names[0]));
}

/* reason_kind - "none" for what is not counted */
const char *reason_kind(unsigned int reason)
{
	static char kinds[REASON_MAX][8];

	if (reason >= REASON_MAX || !rows[reason].kind)
		return "none";
	return lower(rows[reason].kind, kinds[reason], sizeof(kinds[0]));
}

/* reason_text - the sentence of the list */
const char *reason_text(unsigned int reason)
{
	if (reason >= REASON_MAX || !rows[reason].text)
		return "";
	return rows[reason].text;
}

/* hook_name - the label of a hook */
const char *hook_name(unsigned int hook)
{
	static const char *const names[HOOK_MAX] = {
		[HOOK_XDP] = "xdp",         [HOOK_INGRESS] = "ingress", [HOOK_EGRESS] = "egress",
		[HOOK_SOCKOPS] = "sockops", [HOOK_TLS] = "tls",
	};

	return hook < HOOK_MAX ? names[hook] : "unknown";
}

/* pinned_map - -ENOENT says in words that the gate is not there */
int pinned_map(const char *name, struct error *e)
{
	char path[sizeof(PIN_DIR) + 32];
	int fd;

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_set(e, -ENOENT,
				 "the gate is not loaded (no %s); start buildgated first", path);
	if (errno == EPERM || errno == EACCES)
		return error_set(e, -EPERM, "no permission to open %s; run as root or with CAP_BPF",
				 path);
	return error_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
}

/* map_settings - the page of the settings map */
static int map_settings(struct pinned *pinned, int fd, struct error *e)
{
	struct bpf_map_info info = { 0 };
	uint32_t info_bytes = sizeof(info);
	void *page;

	if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) ||
	    info.value_size < sizeof(struct settings))
		return error_set(e, -EINVAL,
				 PIN_DIR "/settings is not a settings map of this version");
	page = mmap(NULL, pinned->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(e, -errno, "cannot map " PIN_DIR "/settings: %s", strerror(errno));
	pinned->page = page;
	return 0;
}

/* take_counters - the size of their values; fd is the pinned's own from here on */
static int take_counters(struct pinned *pinned, int fd, struct error *e)
{
	struct bpf_map_info info = { 0 };
	uint32_t info_bytes = sizeof(info);

	pinned->counters = fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes))
		return error_set(e, -errno, "cannot read about " PIN_DIR "/counters: %s",
				 strerror(errno));
	pinned->counters_bytes = (info.value_size + 7) / 8 * 8;
	pinned->cpus = libbpf_num_possible_cpus();
	if (pinned->cpus < 1)
		return error_set(e, -EINVAL, "cannot tell the number of CPUs");
	return 0;
}

/* pinned_of - see pinned.h */
int pinned_of(int settings_fd, int counters_fd, struct pinned **ret_pinned, struct error *e)
{
	struct pinned *pinned = calloc(1, sizeof(*pinned));
	int own, rc;

	if (!pinned)
		return error_set(e, -ENOMEM, "out of memory");
	pinned->counters = -1;
	pinned->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	rc = map_settings(pinned, settings_fd, e);
	if (!rc) {
		own = fcntl(counters_fd, F_DUPFD_CLOEXEC, 0);
		rc = own < 0 ? error_set(e, -errno, "counters map: %s", strerror(errno))
			     : take_counters(pinned, own, e);
	}
	if (rc) {
		pinned_close(pinned);
		return rc;
	}
	*ret_pinned = pinned;
	return 0;
}

/* pinned_open - settings and counters; everything else is opened by who needs it */
int pinned_open(struct pinned **ret_pinned, struct error *e)
{
	int settings = pinned_map("settings", e), counters, rc;

	if (settings < 0)
		return settings;
	counters = pinned_map("counters", e);
	rc = counters < 0 ? counters : pinned_of(settings, counters, ret_pinned, e);
	if (counters >= 0)
		close(counters);
	close(settings);
	if (!rc && pinned_settings(*ret_pinned)->abi != ABI_VERSION) {
		rc = error_set(e, -EPROTO,
			       "the loaded gate has layout version %u, this program %u; use the "
			       "programs of one version",
			       pinned_settings(*ret_pinned)->abi, ABI_VERSION);
		pinned_close(*ret_pinned);
		*ret_pinned = NULL;
	}
	return rc;
}

/* pinned_close - NULL is allowed */
void pinned_close(struct pinned *pinned)
{
	if (!pinned)
		return;
	if (pinned->page)
		munmap(pinned->page, pinned->page_bytes);
	if (pinned->counters >= 0)
		close(pinned->counters);
	free(pinned);
}

/* pinned_settings - the first value of the page */
volatile struct settings *pinned_settings(struct pinned *pinned)
{
	return pinned->page;
}

/* pinned_slowed - see pinned.h */
int pinned_slowed(uint64_t now_ns)
{
	int fd = pinned_map("slow_slots", NULL), n = 0;
	struct slow_slot slot;

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < SLOTS_MAX; i++)
		n += !bpf_map_lookup_elem(fd, &i, &slot) && slot.until_ns > now_ns;
	close(fd);
	return n;
}

/* pinned_counters - a map of an older list has fewer slots; those missing count 0 */
int pinned_counters(struct pinned *pinned, struct counters ret_counters[HOOK_MAX])
{
	size_t slots = pinned->counters_bytes / sizeof(uint64_t);
	struct counters sums[HOOK_MAX] = { 0 };
	uint64_t *values;
	int rc = 0;

	values = calloc((size_t)pinned->cpus, pinned->counters_bytes);
	if (!values)
		return -ENOMEM;
	for (uint32_t hook = 0; hook < HOOK_MAX && !rc; hook++) {
		if (bpf_map_lookup_elem(pinned->counters, &hook, values))
			rc = -errno;
		for (size_t i = 0; !rc && i < slots * (size_t)pinned->cpus; i++)
			if (i % slots < REASON_MAX)
				sums[hook].count[i % slots] += values[i];
	}
	free(values);
	if (!rc)
		memcpy(ret_counters, sums, sizeof(sums));
	return rc;
}
