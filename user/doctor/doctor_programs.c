// SPDX-License-Identifier: BSD-2-Clause
/* Programs of others at our hooks, and the order in which they run. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/kernel/netlink.h"

#define SECTION     "programs"
#define TCX_INGRESS ((enum bpf_attach_type)46) /* 6.6; libbpf 1.1 does not know it */
#define TCX_EGRESS  ((enum bpf_attach_type)47)

/* name_of - as whoever loaded it called it; programs of ours are known by their ids */
static void name_of(unsigned int id, char *buf, size_t size)
{
	struct bpf_prog_info info = { 0 };
	__u32 bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes))
		snprintf(buf, size, "%s", info.name);
	if (fd >= 0)
		close(fd);
}

/* is_ours - some hook of ours runs it */
static bool is_ours(const struct doctor *d, unsigned int id)
{
	const json_t *hook;
	size_t i;

	json_array_foreach (d->hooks, i, hook)
		if (doctor_number(hook, "program_id") == id)
			return true;
	return false;
}

/* add - at the end of the chain */
static void add(const struct doctor *d, struct doctor_chain *chain, unsigned int id, bool filter)
{
	struct doctor_program *p = &chain->list[chain->count];

	if (chain->count == DOCTOR_PROGRAMS)
		return;
	*p = (struct doctor_program) { .id = id, .filter = filter, .ours = is_ours(d, id) };
	if (id)
		name_of(id, p->name, sizeof(p->name));
	chain->count++;
}

/* add_queried - programs of one kind at an interface or cgroup, as the kernel runs them */
static void add_queried(const struct doctor *d, struct doctor_chain *chain, int target,
			enum bpf_attach_type type, unsigned int flags)
{
	__u32 ids[DOCTOR_PROGRAMS], count = DOCTOR_PROGRAMS;

	if (bpf_prog_query(target, type, flags, NULL, ids, &count))
		return;
	for (__u32 i = 0; i < count; i++)
		add(d, chain, ids[i], false);
}

/* Filters of one side of an interface, before they are sorted. */
struct filters {
	struct {
		unsigned int priority, id;
		char kind[32];
	} list[DOCTOR_PROGRAMS];
	unsigned int count;
};

/* keep_filter - one message of the dump; other kinds than bpf have no program id */
static void keep_filter(void *arg, const struct nlmsghdr *message)
{
	const struct tcmsg *tc = NLMSG_DATA(message);
	const struct rtattr *kind = netlink_attribute(message, sizeof(*tc), TCA_KIND);
	const struct rtattr *options = netlink_attribute(message, sizeof(*tc), TCA_OPTIONS);
	struct filters *f = arg;

	if (!tc->tcm_handle || !kind || f->count == DOCTOR_PROGRAMS)
		return;
	f->list[f->count].priority = tc->tcm_info >> 16;
	f->list[f->count].id = netlink_number(netlink_nested(options, TCA_BPF_ID));
	snprintf(f->list[f->count].kind, sizeof(f->list[0].kind), "%.*s filter", 20,
		 (const char *)RTA_DATA(kind));
	f->count++;
}

/* by_priority - for qsort; the lowest number runs first */
static int by_priority(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* add_filters - they run after every TCX program of the same side */
static void add_filters(const struct doctor *d, struct doctor_chain *chain, int index, bool egress)
{
	struct tcmsg tc = {
		.tcm_ifindex = index,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	struct filters f = { .count = 0 };

	netlink_dump(RTM_GETTFILTER, &tc, sizeof(tc), keep_filter, &f);
	qsort(f.list, f.count, sizeof(f.list[0]), by_priority);
	for (unsigned int i = 0; i < f.count; i++) {
		add(d, chain, f.list[i].id, true);
		if (!f.list[i].id)
			snprintf(chain->list[chain->count - 1].name, sizeof(chain->list[0].name),
				 "%s", f.list[i].kind);
	}
}

/* look_at - the three hooks of one interface */
static void look_at(struct doctor *d, const char *name)
{
	struct doctor_chain xdp = { .hook = "xdp", .interface = name };
	struct doctor_chain ingress = { .hook = "ingress", .interface = name };
	struct doctor_chain egress = { .hook = "egress", .interface = name };
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int index = (int)if_nametoindex(name);

	if (!index)
		return;
	if (!bpf_xdp_query(index, 0, &query) && query.prog_id)
		add(d, &xdp, query.prog_id, false);
	add_queried(d, &ingress, index, TCX_INGRESS, 0);
	add_filters(d, &ingress, index, false);
	add_queried(d, &egress, index, TCX_EGRESS, 0);
	add_filters(d, &egress, index, true);
	doctor_programs_judge(d, &xdp);
	doctor_programs_judge(d, &ingress);
	doctor_programs_judge(d, &egress);
}

/* doctor_programs - every outside interface, and the cgroup */
void doctor_programs(struct doctor *d)
{
	char names[DOCTOR_INTERFACES][IF_NAMESIZE];
	unsigned int count = doctor_outside(d, names);
	struct doctor_chain sockops = { .hook = "sockops", .interface = NULL };
	struct error e;
	char path[256], mountinfo[] = "/proc/self/mountinfo";
	int fd;

	for (unsigned int i = 0; i < count; i++)
		look_at(d, names[i]);
	if (!d->config || config_cgroup(d->config, mountinfo, path, sizeof(path), &e) || !path[0])
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	add_queried(d, &sockops, fd, BPF_CGROUP_SOCK_OPS, BPF_F_QUERY_EFFECTIVE);
	close(fd);
	doctor_programs_judge(d, &sockops);
}

/* order - "foreign_tc (31), ours (42), flower filter" */
static void order(const struct doctor_chain *chain, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < chain->count && used < size; i++) {
		const struct doctor_program *p = &chain->list[i];

		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", then " : "",
					 p->ours      ? "ours"
					 : p->name[0] ? p->name
						      : "one without a name");
		if (p->id && used < size)
			used += (size_t)snprintf(buf + used, size - used, " (id %u)", p->id);
	}
}

/* doctor_programs_judge - nobody else: nothing to say. XDP has one place only */
void doctor_programs_judge(struct doctor *d, const struct doctor_chain *chain)
{
	const char *where = chain->interface ? chain->interface : "cgroup";
	const struct doctor_program *first = NULL; /* of others, before ours */
	bool others = false, ours = false;
	char text[512];

	for (unsigned int i = 0; i < chain->count; i++) {
		if (!chain->list[i].ours && !ours && !first)
			first = &chain->list[i];
		others |= !chain->list[i].ours;
		ours |= chain->list[i].ours;
	}
	if (!others)
		return;
	order(chain, text, sizeof(text));
	if (!strcmp(chain->hook, "xdp")) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "%s xdp: %s runs where the gate would; what it drops or redirects, the "
			   "gate "
			   "never sees",
			   where, text);
		doctor_next(
			d,
			"ip link set dev %s xdp off if it is not needed, else xdp: off in %s; then "
			"systemctl restart buildgated",
			where, d->config_path);
		return;
	}
	doctor_say(d, SECTION, DOCTOR_NOTE, "%s %s: %s%s", where, chain->hook, text,
		   first && ours && strcmp(chain->hook, "sockops")
			   ? "; what runs before ours may drop or redirect mail unseen"
			   : "");
	if (first && ours && first->id)
		doctor_next(d, "see what it does: bpftool prog show id %u", first->id);
}
