// SPDX-License-Identifier: BSD-2-Clause
/* The kernel: its version, and each feature in words. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/kernel/probe.h"

#define SECTION     "kernel"
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define LOOPBACK    1

/* has_tcx - the question alone is refused by kernels before 6.6 */
static bool has_tcx(void)
{
	__u32 ids[1], count = 1;
	int rc = bpf_prog_query(LOOPBACK, TCX_INGRESS, 0, NULL, ids, &count);

	return rc != -EINVAL && rc != -EPERM;
}

/* tried - libbpf loads something small: 1 it works, 0 it does not, below 0 it could not try */
static int tried(enum bpf_prog_type type)
{
	return libbpf_probe_bpf_prog_type(type, NULL);
}

/* there - a file below root */
static bool there(const struct doctor *d, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	return access(full, F_OK) == 0;
}

/* jited - a program of ours runs as machine code: the sysctl shows in the first network namespace
 * only. Below 0: there is none to ask */
static int jited(const struct doctor *d)
{
	struct bpf_prog_info info = { 0 };
	__u32 bytes = sizeof(info);
	int64_t id = doctor_number(json_array_get(d->hooks, 0), "program_id");
	int fd = id ? bpf_prog_get_fd_by_id((__u32)id) : -1, rc;

	if (fd < 0)
		return -1;
	rc = bpf_obj_get_info_by_fd(fd, &info, &bytes) ? -1 : info.jited_prog_len != 0;
	close(fd);
	return rc;
}

/* try - what needs privileges: without them everything would seem to be missing */
static void try(struct doctor_kernel *k)
{
	k->xdp = tried(BPF_PROG_TYPE_XDP);
	k->classifier = tried(BPF_PROG_TYPE_SCHED_CLS);
	k->sockops = tried(BPF_PROG_TYPE_SOCK_OPS);
	k->ringbuf = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL);
	k->loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL);
	k->tcx = has_tcx();
}

/* doctor_kernel - ask it */
void doctor_kernel(struct doctor *d)
{
	struct doctor_kernel k = { .jit = -1 };
	struct error missing;
	char text[128];

	if (!doctor_read(d, "/proc/sys/kernel/osrelease", k.release, sizeof(k.release)))
		strcpy(k.release, "?");
	k.btf = there(d, "/sys/kernel/btf/vmlinux");
	if (probe_privileges(&missing))
		k.untried = missing.text;
	else
		try(&k);
	if (doctor_read(d, "/proc/sys/net/core/bpf_jit_enable", text, sizeof(text)))
		sscanf(text, "%d", &k.jit);
	else
		k.jit = jited(d);
	k.uprobes = there(d, "/sys/bus/event_source/devices/uprobe/type");
	k.confidential = doctor_read(d, "/sys/kernel/security/lockdown", text, sizeof(text)) &&
			 strstr(text, "[confidentiality]");
	k.stats = doctor_read(d, "/proc/sys/kernel/bpf_stats_enabled", text, sizeof(text)) &&
		  text[0] == '1';
	doctor_kernel_judge(d, &k);
}

/* judge_missing - the features without which nothing loads */
static bool judge_missing(struct doctor *d, const struct doctor_kernel *k)
{
	const struct {
		int there;
		const char *feature;
	} rows[] = {
		{ k->btf, "BTF type information (CONFIG_DEBUG_INFO_BTF)" },
		{ k->xdp, "XDP programs" },
		{ k->classifier, "TC programs (CONFIG_NET_CLS_BPF)" },
		{ k->sockops, "sockops programs (CONFIG_CGROUP_BPF)" },
		{ k->ringbuf, "BPF ring buffer (5.8)" },
		{ k->loop, "bpf_loop (5.17)" },
	};
	bool missing = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].there || (i && k->untried))
			continue;
		doctor_say(d, SECTION, DOCTOR_BAD, "Linux %s has no %s", k->release,
			   rows[i].feature);
		doctor_next(d, "boot a kernel 6.1 or newer of your distribution");
		missing = true;
	}
	return missing;
}

/* doctor_kernel_judge - what is there in one line, what is not in one each */
void doctor_kernel_judge(struct doctor *d, const struct doctor_kernel *k)
{
	bool missing = judge_missing(d, k);

	if (k->untried) {
		doctor_say(d, SECTION, DOCTOR_WARN, "what Linux %s can do could not be tried: %s",
			   k->release, k->untried);
		doctor_next(d, "run gatectl doctor as root");
	} else if (!missing) {
		doctor_say(
			d, SECTION, DOCTOR_OK,
			"Linux %s: BTF, XDP, TC by %s, sockops on cgroups, ring buffer, bpf_loop",
			k->release, k->tcx ? "TCX links" : "clsact filters (TCX came with 6.6)");
	}
	if (k->jit == 0) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "the JIT is off: every packet costs about ten times as much");
		doctor_next(d, "sysctl net.core.bpf_jit_enable=1");
	} else if (k->jit > 0) {
		doctor_say(d, SECTION, DOCTOR_OK, "the JIT is on");
	}
	if (k->confidential) {
		doctor_say(d, SECTION, DOCTOR_NOTE,
			   "lockdown is confidentiality: TLS sight cannot read processes");
		doctor_next(d, "use gate-milter for what is inside TLS");
	} else {
		doctor_say(d, SECTION, k->uprobes ? DOCTOR_OK : DOCTOR_NOTE,
			   k->uprobes ? "uprobes are there, for TLS sight"
				      : "no uprobes (CONFIG_UPROBE_EVENTS): TLS sight cannot work");
		if (!k->uprobes)
			doctor_next(d, "use gate-milter for what is inside TLS");
	}
	if (k->stats) {
		doctor_say(
			d, SECTION, DOCTOR_NOTE,
			"bpf_stats_enabled is on: the run of every program is timed, which costs");
		doctor_next(d, "sysctl kernel.bpf_stats_enabled=0 when nobody measures");
	}
}
