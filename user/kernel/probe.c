// SPDX-License-Identifier: BSD-2-Clause
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define BPFFS      "/sys/fs/bpf"
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static const struct {
	unsigned int number;
	const char *name;
	bool admin_will_do; /* CAP_SYS_ADMIN stands for it too */
} needed[] = {
	{ CAP_BPF, "CAP_BPF", true },
	{ CAP_PERFMON, "CAP_PERFMON", true },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", false },
};

/* has - one capability in a set */
static bool has(uint64_t set, unsigned int number)
{
	return set >> number & 1;
}

/* probe_missing - in words */
bool probe_missing(uint64_t effective, char *buf, int size)
{
	int used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has(effective, needed[i].number) ||
		    (needed[i].admin_will_do && has(effective, CAP_SYS_ADMIN)))
			continue;
		used += snprintf(buf + used, (size_t)(size - used), "%s%s", used ? ", " : "",
				 needed[i].name);
		if (used >= size)
			break;
	}
	return used > 0;
}

/* probe_privileges - from /proc, which needs no library */
int probe_privileges(struct error *e)
{
	char line[256], missing[80];
	uint64_t effective = 0;
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return error_set(e, -errno, "cannot read /proc/self/status: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	fclose(f);
	if (!probe_missing(effective, missing, sizeof(missing)))
		return 0;
	return error_set(e, -EPERM,
			 "missing privilege: %s; run as root, or give the service these "
			 "capabilities",
			 missing);
}

/* lacks - one sentence for every kernel feature */
static int lacks(struct error *e, const char *feature, const char *since)
{
	struct utsname host = { 0 };

	uname(&host);
	return error_set(e, -ENOTSUP,
			 "this kernel (%s) has no %s, which buildgate needs; it is in %s",
			 host.release, feature, since);
}

/* check_bpffs - pins need it */
static int check_bpffs(struct error *e)
{
	struct statfs fs;

	if (!statfs(BPFFS, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		return 0;
	return error_set(e, -ENOTSUP,
			 "no bpf file system at " BPFFS "; mount it: mount -t bpf bpf " BPFFS);
}

/* probe_kernel - each feature tried for real, with throw-away maps and programs */
int probe_kernel(bool sockops, struct error *e)
{
	static const struct {
		enum bpf_prog_type type;
		const char *feature, *since;
	} types[] = {
		{ BPF_PROG_TYPE_XDP, "XDP programs", "Linux 4.8 and newer" },
		{ BPF_PROG_TYPE_SCHED_CLS, "TC classifier programs",
		  "Linux 4.1 and newer with CONFIG_NET_CLS_BPF" },
		{ BPF_PROG_TYPE_SOCK_OPS, "sockops programs",
		  "Linux 4.13 and newer with CONFIG_CGROUP_BPF" },
	};

	if (access(KERNEL_BTF, R_OK))
		return lacks(e, "BTF type information (" KERNEL_BTF ")",
			     "kernels built with CONFIG_DEBUG_INFO_BTF");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((types[i].type != BPF_PROG_TYPE_SOCK_OPS || sockops) &&
		    libbpf_probe_bpf_prog_type(types[i].type, NULL) == 0)
			return lacks(e, types[i].feature, types[i].since);
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 0)
		return lacks(e, "BPF ring buffer", "Linux 5.8 and newer");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL) == 0)
		return lacks(e, "bpf_loop helper", "Linux 5.17 and newer");
	return check_bpffs(e);
}

/* probe_interface - by name, in this network namespace */
int probe_interface(const char *name, struct error *e)
{
	if (if_nametoindex(name))
		return 0;
	return error_set(
		e, -ENODEV,
		"outside: there is no interface '%s' on this host; \"ip link\" lists those "
		"there are",
		name);
}
