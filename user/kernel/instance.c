// SPDX-License-Identifier: BSD-2-Clause
#include "instance.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "build/gate.skel.h"

struct instance {
	struct gate *gate;
	struct instance_fds fds;
	volatile struct settings *settings;
	struct ring_buffer *ring;
	void (*fn)(void *arg, const struct event *event);
	void *arg;
};

static int on_event(void *context, void *data, size_t size)
{
	struct instance *i = context;

	if (size >= sizeof(struct event) && i->fn)
		i->fn(i->arg, data);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static void collect(struct instance *i)
{
	struct gate *g = i->gate;

	i->fds = (struct instance_fds) {
		.settings = bpf_map__fd(g->maps.settings),
		.verdicts = bpf_map__fd(g->maps.verdicts),
		.ranges = bpf_map__fd(g->maps.ranges),
		.flows = bpf_map__fd(g->maps.flows),
		.pending = bpf_map__fd(g->maps.pending),
		.handshakes = bpf_map__fd(g->maps.handshakes),
		.rechecks = bpf_map__fd(g->maps.rechecks),
		.recheck_names = bpf_map__fd(g->maps.recheck_names),
		.events = bpf_map__fd(g->maps.events),
		.replies = bpf_map__fd(g->maps.replies),
		.answer_keys = bpf_map__fd(g->maps.answer_keys),
		.slow_slots = bpf_map__fd(g->maps.slow_slots),
		.ipsec_peers = bpf_map__fd(g->maps.ipsec_peers),
		.xdp = bpf_program__fd(g->progs.gate_xdp),
		.ingress = bpf_program__fd(g->progs.gate_ingress),
		.egress = bpf_program__fd(g->progs.gate_egress),
		.ingress_l3 = bpf_program__fd(g->progs.gate_ingress_l3),
		.egress_l3 = bpf_program__fd(g->progs.gate_egress_l3),
	};
}

/* only_ethernet - leave out what Ethernet frames at TC do not need: verifying takes time */
static void only_ethernet(struct gate *g)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, g->obj) bpf_program__set_autoload(
		program, program == g->progs.gate_ingress || program == g->progs.gate_egress);
}

/* open_instance - all programs, or only those for Ethernet frames at TC; verdicts 0: the default */
static int open_instance(const struct gate_config *config, bool all, unsigned int verdicts,
			 struct instance **ret_instance, struct error *e)
{
	struct instance *i = calloc(1, sizeof(*i));
	int rc = -ENOMEM;

	if (!i)
		return error_set(e, -ENOMEM, "out of memory");
	libbpf_set_print(quiet);
	i->gate = gate__open();
	if (i->gate) {
		i->gate->rodata->gate_config = *config;
		if (!all)
			only_ethernet(i->gate);
		if (verdicts)
			bpf_map__set_max_entries(i->gate->maps.verdicts, verdicts);
		rc = gate__load(i->gate);
	}
	if (rc) {
		instance_close(i);
		return error_set(e, rc, "cannot load the programs: %s%s", strerror(-rc),
				 rc == -EPERM ? " (root, or CAP_BPF and CAP_NET_ADMIN, is needed)"
					      : "");
	}
	collect(i);
	i->settings =
		mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, i->fds.settings, 0);
	i->ring = ring_buffer__new(i->fds.events, on_event, i, NULL);
	if (i->settings == MAP_FAILED || !i->ring) {
		rc = -errno;
		instance_close(i);
		return error_set(e, rc, "cannot map the settings or the ring buffer: %s",
				 strerror(-rc));
	}
	i->settings->abi = ABI_VERSION;
	i->settings->mode = MODE_REPORT;
	*ret_instance = i;
	return 0;
}

/* instance_open - see instance.h */
int instance_open(const struct gate_config *config, struct instance **ret_instance, struct error *e)
{
	return open_instance(config, true, 0, ret_instance, e);
}

/* instance_open_tc - see instance.h */
int instance_open_tc(const struct gate_config *config, struct instance **ret_instance,
		     struct error *e)
{
	return open_instance(config, false, 0, ret_instance, e);
}

/* instance_open_sized - see instance.h */
int instance_open_sized(const struct gate_config *config, unsigned int verdicts,
			struct instance **ret_instance, struct error *e)
{
	return open_instance(config, true, verdicts, ret_instance, e);
}

/* instance_close - see instance.h */
void instance_close(struct instance *instance)
{
	if (!instance)
		return;
	ring_buffer__free(instance->ring);
	if (instance->settings && instance->settings != MAP_FAILED)
		munmap((void *)instance->settings, getpagesize());
	if (instance->gate)
		gate__destroy(instance->gate);
	free(instance);
}

/* instance_fds - see instance.h */
const struct instance_fds *instance_fds(const struct instance *instance)
{
	return &instance->fds;
}

/* instance_settings - see instance.h */
volatile struct settings *instance_settings(struct instance *instance)
{
	return instance->settings;
}

/* instance_clock - see instance.h */
void instance_clock(struct instance *instance, uint64_t kernel_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	instance->settings->clock_offset_ns =
		(int64_t)(kernel_ns - ((uint64_t)now.tv_sec * 1000000000 + now.tv_nsec));
}

/* instance_run - see instance.h */
int instance_run(int program, const void *frame, size_t bytes, void *ret_frame, size_t *ret_bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = bytes, .repeat = 1,
		    .data_out = ret_frame, .data_size_out = ret_frame ? *ret_bytes : 0);
	int rc = bpf_prog_test_run_opts(program, &opts);

	if (rc)
		return -1000 + rc;
	if (ret_frame)
		*ret_bytes = opts.data_size_out;
	return opts.retval;
}

/* instance_feed - see instance.h */
int instance_feed(struct instance *instance, enum hook hook, const void *frame, size_t bytes)
{
	int program = hook == HOOK_XDP       ? instance->fds.xdp
		      : hook == HOOK_INGRESS ? instance->fds.ingress
					     : instance->fds.egress;

	return instance_run(program, frame, bytes, NULL, NULL);
}

/* put - an entry into a map, or with value NULL out of it */
static int put(int map, const void *key, const void *value)
{
	return value ? bpf_map_update_elem(map, key, value, BPF_ANY)
		     : bpf_map_delete_elem(map, key);
}

/* instance_verdict - see instance.h */
int instance_verdict(struct instance *instance, const struct addr *source,
		     const struct verdict *verdict)
{
	if (verdict && verdict->throttle_s)
		instance->settings->tarpits = 1;
	return put(instance->fds.verdicts, source, verdict);
}

/* instance_range - see instance.h */
int instance_range(struct instance *instance, const struct range_key *key,
		   const struct range *range)
{
	if (range)
		instance->settings->ranges = 1;
	return put(instance->fds.ranges, key, range);
}

/* instance_counters - see instance.h */
int instance_counters(struct instance *instance, struct counters ret_counters[HOOK_MAX])
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(instance->gate->maps.counters);
	struct counters *each;

	if (cpus < 1)
		return cpus;
	each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	memset(ret_counters, 0, HOOK_MAX * sizeof(*ret_counters));
	for (__u32 hook = 0; hook < HOOK_MAX; hook++) {
		if (bpf_map_lookup_elem(fd, &hook, each))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			for (int r = 0; r < REASON_MAX; r++)
				ret_counters[hook].count[r] += each[cpu].count[r];
	}
	free(each);
	return 0;
}

/* instance_events - see instance.h */
int instance_events(struct instance *instance, void (*fn)(void *arg, const struct event *event),
		    void *arg)
{
	instance->fn = fn;
	instance->arg = arg;
	return ring_buffer__consume(instance->ring);
}

/* instance_verifier_counts - see instance.h */
int instance_verifier_counts(const struct gate_config *config, char *out, size_t bytes,
			     struct error *e)
{
	static char log[16][4096];
	struct gate *g = gate__open();
	struct bpf_program *p;
	int n = 0, rc;
	size_t used = 0;

	if (!g)
		return error_set(e, -errno, "cannot open the programs");
	g->rodata->gate_config = *config;
	bpf_object__for_each_program(p, g->obj)
	{
		bpf_program__set_log_level(p, 4); /* statistics only */
		bpf_program__set_log_buf(p, log[n], sizeof(log[n]));
		n++;
	}
	rc = gate__load(g);
	n = 0;
	out[0] = 0;
	bpf_object__for_each_program(p, g->obj)
	{
		const char *at = strstr(log[n++], "processed ");

		if (at && used < bytes)
			used += snprintf(out + used, bytes - used, "%s %u\n", bpf_program__name(p),
					 (unsigned int)strtoul(at + 10, NULL, 10));
	}
	gate__destroy(g);
	return rc ? error_set(e, rc, "cannot load the programs: %s", strerror(-rc)) : 0;
}
