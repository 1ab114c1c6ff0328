// SPDX-License-Identifier: BSD-2-Clause
/*
 * One trial before any mail server is probed: does a process under seccomp survive a probe?
 *
 * From Linux 6.11 on the return through a probe is a system call of its own, and until 6.14 (and
 * the stable kernels of February 2025) a seccomp filter that does not know it kills the process.
 * Containers and systemd units have such filters. The version does not tell which kernel has the
 * fix, so a child of ours tries it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sight_private.h"

#define SYS_URETPROBE 335

/* tried - what the probe is put on */
__attribute__((noinline, noclone)) static int tried(int value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/* own_offset - of an address of ours in our executable; 0: not there */
static uint64_t own_offset(uint64_t address)
{
	unsigned long long from, to, offset, found = 0;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx", &from, &to, &offset) == 3 &&
		    address >= from && address < to)
			found = address - from + offset;
	if (f)
		fclose(f);
	return found;
}

/* filtered_child - as a container's process, through the probe and back */
static void filtered_child(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_URETPROBE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };

	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(0); /* nobody can have a filter here */
	_exit(tried(0));
}

/* sight_trial - see sight_private.h */
int sight_trial(const struct loader *loader, struct error *e)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = true);
	struct bpf_program *p = loader_program(loader, "tls_on_return");
	uint64_t offset = own_offset((uint64_t)(uintptr_t)tried);
	struct bpf_link *link = NULL;
	int status = 0;
	pid_t child;

	if (p && offset)
		link = bpf_program__attach_uprobe_opts(p, -1, "/proc/self/exe", offset, &options);
	if (!link)
		return error_set(e, -errno, "the kernel refuses a probe: %s", strerror(errno));
	child = fork();
	if (!child)
		filtered_child();
	if (child < 0 || waitpid(child, &status, 0) != child)
		status = -1;
	bpf_link__destroy(link);
	if (status)
		return error_set(e, -EOPNOTSUPP,
				 "this kernel kills processes under seccomp that return through a "
				 "probe (Linux 6.11 to 6.13 without the fix of 6.14); nothing is "
				 "probed");
	return 0;
}
