// SPDX-License-Identifier: BSD-2-Clause
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters.h"
#include "pinned.h"

/* Kernel 6.6, include/uapi/linux/bpf.h; libbpf 1.1 does not know them. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define ATTACH_TCX_EGRESS  ((enum bpf_attach_type)47)

#define LINK_PATH          128

static void link_path(enum hook hook, int ifindex, char *path)
{
	snprintf(path, LINK_PATH, PIN_DIR "/link_%s_%d", hook_name(hook), ifindex);
}

/* link_open - our pinned link, -ENOENT where there is none */
static int link_open(enum hook hook, int ifindex)
{
	char path[LINK_PATH];

	link_path(hook, ifindex, path);
	return bpf_obj_get(path);
}

/* link_target - the interface (or 1 for a cgroup) that a link is on; 0: its target is gone */
static unsigned int link_target(int fd, struct bpf_link_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &size))
		return 0;
	switch (info->type) {
	case BPF_LINK_TYPE_XDP:
		return info->xdp.ifindex;
	case BPF_LINK_TYPE_CGROUP:
		return info->cgroup.cgroup_id ? 1 : 0;
	default: /* TCX: {ifindex, attach_type} */
		return info->xdp.ifindex;
	}
}

/* link_put - create a link and pin it, or put the program into the one that is pinned */
static int link_put(int prog_fd, int target, enum hook hook, int ifindex, enum bpf_attach_type type,
		    const struct bpf_link_create_opts *opts)
{
	struct bpf_link_info info;
	char path[LINK_PATH];
	int fd, rc;

	link_path(hook, ifindex, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		rc = link_target(fd, &info) ? bpf_link_update(fd, prog_fd, NULL) : -ENOLINK;
		close(fd);
		if (!rc)
			return 0;
		unlink(path); /* its interface went away, or it is another kind of hook */
	}
	fd = bpf_link_create(prog_fd, target, type, opts);
	if (fd < 0)
		return fd;
	rc = bpf_obj_pin(fd, path);
	close(fd);
	return rc;
}

/* runs_otherwise - our link is there, and runs generic where it should be native, or so */
static bool runs_otherwise(int ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info;
	int fd = link_open(HOOK_XDP, ifindex);
	bool there;

	if (fd < 0)
		return false;
	there = link_target(fd, &info) != 0;
	close(fd);
	return there && !bpf_xdp_query(ifindex, 0, &query) &&
	       (query.attach_mode == XDP_ATTACHED_SKB) != generic;
}

/* attach_xdp - see attach.h */
int attach_xdp(int prog_fd, int ifindex, bool generic, struct error *e)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int rc;

	/* a link cannot change its mode; meanwhile TC drops what XDP would have */
	if (runs_otherwise(ifindex, generic))
		attach_remove(HOOK_XDP, ifindex, NULL);
	rc = link_put(prog_fd, ifindex, HOOK_XDP, ifindex, BPF_XDP, &opts);
	if (rc == -EEXIST)
		rc = -EBUSY;
	if (rc)
		return error_set(e, rc, "XDP: %s", strerror(-rc));
	return 0;
}

/* attach_tc - see attach.h */
int attach_tc(int prog_fd, int ifindex, enum hook hook, struct error *e)
{
	int rc = link_put(prog_fd, ifindex, hook, ifindex,
			  hook == HOOK_INGRESS ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS, NULL);

	if (rc == -EINVAL || rc == -EOPNOTSUPP) /* before 6.6 */
		rc = filters_put(prog_fd, ifindex, hook);
	if (rc)
		return error_set(e, rc, "TC %s: %s", hook_name(hook), strerror(-rc));
	return 0;
}

/* on_cgroup - our link is on this very cgroup: its id is its inode (kernel 5.5, 64 bit) */
static bool on_cgroup(int target)
{
	int fd = link_open(HOOK_SOCKOPS, 0);
	struct bpf_link_info info;
	struct stat st;
	bool same;

	if (fd < 0)
		return false;
	same = link_target(fd, &info) && !fstat(target, &st) &&
	       info.cgroup.cgroup_id == (unsigned long long)st.st_ino;
	close(fd);
	return same;
}

/* attach_cgroup - see attach.h */
int attach_cgroup(int prog_fd, const char *path, struct error *e)
{
	int target = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (target < 0)
		return error_set(e, -errno, "cgroup %s: %s", path, strerror(errno));
	/* in place where it can be; a link cannot move to another cgroup */
	if (!on_cgroup(target))
		attach_remove(HOOK_SOCKOPS, 0, NULL);
	rc = link_put(prog_fd, target, HOOK_SOCKOPS, 0, BPF_CGROUP_SOCK_OPS, NULL);
	close(target);
	if (rc)
		return error_set(e, rc, "cgroup %s: %s (is it a cgroup v2 directory?)", path,
				 strerror(-rc));
	return 0;
}

/* attach_alive - see attach.h */
bool attach_alive(enum hook hook, int ifindex)
{
	struct bpf_link_info info;
	int fd = link_open(hook, ifindex);
	bool alive;

	if (fd < 0)
		return filters_program(ifindex, hook) != 0;
	alive = link_target(fd, &info) != 0;
	close(fd);
	return alive;
}

/* attach_remove - see attach.h */
int attach_remove(enum hook hook, int ifindex, struct error *e)
{
	char path[LINK_PATH];
	int fd = link_open(hook, ifindex), rc;

	if (fd < 0) {
		rc = filters_remove(ifindex, hook);
		if (rc)
			return error_set(e, rc, "TC %s of interface %d: %s", hook_name(hook),
					 ifindex, strerror(-rc));
		return 0;
	}
	/* a daemon may hold the link open: detach, do not only unpin */
	rc = bpf_link_detach(fd);
	close(fd);
	if (rc && rc != -ENOLINK && rc != -EOPNOTSUPP)
		return error_set(e, rc, "detach %s of interface %d: %s", hook_name(hook), ifindex,
				 strerror(-rc));
	link_path(hook, ifindex, path);
	if (unlink(path))
		return error_set(e, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* link_parse - hook and ifindex from the name of a pin; false for other names */
static bool link_parse(const char *name, enum hook *hook, int *ifindex)
{
	for (int h = 0; h < HOOK_MAX; h++) {
		char format[32];
		int end = 0;

		snprintf(format, sizeof(format), "link_%s_%%d%%n", hook_name(h));
		if (sscanf(name, format, ifindex, &end) == 1 && end && !name[end]) {
			*hook = h;
			return true;
		}
	}
	return false;
}

static bool kept(int ifindex, const int *keep, unsigned int keep_count)
{
	for (unsigned int i = 0; i < keep_count; i++)
		if (keep[i] == ifindex)
			return true;
	return false;
}

/* attach_remove_all - see attach.h */
int attach_remove_all(const int *keep, unsigned int keep_count, struct error *e)
{
	DIR *dir = opendir(PIN_DIR);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : error_set(e, -errno, PIN_DIR ": %s", strerror(errno));
	while ((entry = readdir(dir))) {
		enum hook hook;
		int ifindex, one;

		if (!link_parse(entry->d_name, &hook, &ifindex))
			continue;
		if (kept(ifindex, keep, keep_count) || (hook == HOOK_SOCKOPS && keep_count))
			continue;
		one = attach_remove(hook, ifindex, e);
		if (one && !rc)
			rc = one;
	}
	closedir(dir);
	for (int ifindex; (ifindex = filters_next(keep, keep_count)) > 0;) {
		filters_remove(ifindex, HOOK_INGRESS);
		filters_remove(ifindex, HOOK_EGRESS);
	}
	return rc;
}

static json_t *hook_json(enum hook hook, int ifindex, const char *mode, unsigned int program,
			 bool attached)
{
	char name[IF_NAMESIZE] = "";

	if (hook != HOOK_SOCKOPS)
		if_indextoname(ifindex, name);
	return json_pack("{s:s, s:o, s:i, s:s, s:o, s:b}", "hook", hook_name(hook), "interface",
			 name[0] ? json_string(name) : json_null(), "ifindex", ifindex, "mode",
			 mode, "program_id", program ? json_integer(program) : json_null(),
			 "attached", attached);
}

/* link_mode - how a link runs, in a word */
static const char *link_mode(enum hook hook, int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (hook == HOOK_SOCKOPS)
		return "cgroup";
	if (hook != HOOK_XDP)
		return "tcx";
	if (bpf_xdp_query(ifindex, 0, &query))
		return "unknown";
	return query.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
}

/* attach_list - see attach.h */
json_t *attach_list(void)
{
	json_t *list = json_array();
	DIR *dir = opendir(PIN_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct bpf_link_info info;
		enum hook hook;
		int ifindex, fd;
		bool alive;

		if (!link_parse(entry->d_name, &hook, &ifindex))
			continue;
		fd = link_open(hook, ifindex);
		if (fd < 0)
			continue;
		alive = link_target(fd, &info) != 0;
		json_array_append_new(list, hook_json(hook, ifindex, link_mode(hook, ifindex),
						      info.prog_id, alive));
		close(fd);
	}
	if (dir)
		closedir(dir);
	for (int ifindex = 0; (ifindex = filters_after(ifindex)) > 0;)
		for (enum hook hook = HOOK_INGRESS; hook <= HOOK_EGRESS; hook++) {
			unsigned int program = filters_program(ifindex, hook);

			json_array_append_new(
				list, hook_json(hook, ifindex, "clsact", program, program != 0));
		}
	return list;
}
