// SPDX-License-Identifier: BSD-2-Clause
#include "filters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

#define FILTERS_PATH PIN_DIR "/filters"
#define FILTERS_MAX  64

/* What is on record of an interface. */
struct record {
	__u32 handle[2]; /* ingress, egress; 0: no filter */
	__u32 priority[2];
	__u32 qdisc_ours;
};

static int record_map(bool create)
{
	int fd = bpf_obj_get(FILTERS_PATH);

	if (fd >= 0 || !create)
		return fd;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "filters", sizeof(int), sizeof(struct record),
			    FILTERS_MAX, NULL);
	if (fd >= 0 && bpf_obj_pin(fd, FILTERS_PATH)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static bool record_get(int ifindex, struct record *record)
{
	int fd = record_map(false), rc;

	memset(record, 0, sizeof(*record));
	if (fd < 0)
		return false;
	rc = bpf_map_lookup_elem(fd, &ifindex, record);
	close(fd);
	return !rc;
}

static int record_put(int ifindex, const struct record *record)
{
	int fd = record_map(true), rc;

	if (fd < 0)
		return fd;
	if (record->handle[0] || record->handle[1])
		rc = bpf_map_update_elem(fd, &ifindex, record, BPF_ANY);
	else
		rc = bpf_map_delete_elem(fd, &ifindex);
	close(fd);
	return rc == -ENOENT ? 0 : rc;
}

static int side(enum hook hook)
{
	return hook == HOOK_EGRESS;
}

/* tc_hook_init - the padding is cleared too: libbpf takes it for options it does not know */
static void tc_hook_init(struct bpf_tc_hook *h, int ifindex, enum hook hook)
{
	memset(h, 0, sizeof(*h));
	h->sz = sizeof(*h);
	h->ifindex = ifindex;
	h->attach_point = hook == HOOK_EGRESS ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

/* filters_put - see filters.h */
int filters_put(int prog_fd, int ifindex, enum hook hook)
{
	struct bpf_tc_hook h;
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd);
	struct record record;
	int rc;

	tc_hook_init(&h, ifindex, hook);
	record_get(ifindex, &record);
	if (filters_program(ifindex, hook)) {
		opts.handle = record.handle[side(hook)];
		opts.priority = record.priority[side(hook)];
		opts.flags = BPF_TC_F_REPLACE;
	} else {
		rc = bpf_tc_hook_create(&h);
		if (rc && rc != -EEXIST)
			return rc;
		if (!rc)
			record.qdisc_ours = 1;
	}
	rc = bpf_tc_attach(&h, &opts);
	if (rc)
		return rc;
	record.handle[side(hook)] = opts.handle;
	record.priority[side(hook)] = opts.priority;
	return record_put(ifindex, &record);
}

/* filters_program - see filters.h */
unsigned int filters_program(int ifindex, enum hook hook)
{
	struct bpf_tc_hook h;
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct record record;

	tc_hook_init(&h, ifindex, hook);
	if (!record_get(ifindex, &record) || !record.handle[side(hook)])
		return 0;
	opts.handle = record.handle[side(hook)];
	opts.priority = record.priority[side(hook)];
	return bpf_tc_query(&h, &opts) ? 0 : opts.prog_id;
}

/* count_one - a filter; the rows without a handle are chains */
static void count_one(void *arg, const struct nlmsghdr *message)
{
	int *count = arg;

	*count += ((const struct tcmsg *)NLMSG_DATA(message))->tcm_handle != 0;
}

/* count_filters - how many filters of anybody are on one side of an interface's clsact; -1 when
 * that cannot be known (then nothing is removed) */
static int count_filters(int ifindex, enum hook hook)
{
	struct tcmsg tc = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
					hook == HOOK_EGRESS ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	int count = 0;

	return netlink_dump(RTM_GETTFILTER, &tc, sizeof(tc), count_one, &count) ? -1 : count;
}

/* filters_remove - see filters.h */
int filters_remove(int ifindex, enum hook hook)
{
	struct bpf_tc_hook h;
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct record record;
	int rc = 0;

	tc_hook_init(&h, ifindex, hook);
	if (!record_get(ifindex, &record) || !record.handle[side(hook)])
		return 0;
	opts.handle = record.handle[side(hook)];
	opts.priority = record.priority[side(hook)];
	if (filters_program(ifindex, hook))
		rc = bpf_tc_detach(&h, &opts);
	if (rc && rc != -ENOENT && rc != -ENODEV)
		return rc;
	record.handle[side(hook)] = 0;
	if (!record.handle[0] && !record.handle[1] && record.qdisc_ours &&
	    !count_filters(ifindex, HOOK_INGRESS) && !count_filters(ifindex, HOOK_EGRESS)) {
		h.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&h);
	}
	return record_put(ifindex, &record);
}

/* filters_after - see filters.h */
int filters_after(int ifindex)
{
	int fd = record_map(false), next = 0;

	if (fd < 0)
		return 0;
	if (bpf_map_get_next_key(fd, ifindex ? &ifindex : NULL, &next))
		next = 0;
	close(fd);
	return next;
}

/* filters_next - see filters.h */
int filters_next(const int *keep, unsigned int keep_count)
{
	for (int ifindex = 0; (ifindex = filters_after(ifindex)) > 0;) {
		unsigned int i;

		for (i = 0; i < keep_count && keep[i] != ifindex; i++)
			;
		if (i == keep_count)
			return ifindex;
	}
	return 0;
}
