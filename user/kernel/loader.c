// SPDX-License-Identifier: BSD-2-Clause
#include "loader.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <net/if_arp.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "build/gate.skel.h"
#include "pins.h"
#include "user/base/log.h"

#define BPFFS            "/sys/fs/bpf"
#define TLS_PROGRAMS     "tls_on_"
#define TLS_SESSIONS_MAX 4096 /* about 5 MB of kernel memory */
#define BPFFS_MAGIC      0xcafe4a11

struct outside {
	char name[IF_NAMESIZE];
	char xdp_note[64]; /* why there is no XDP here, or empty */
	bool gone;         /* it was not there at the last look, and that was told */
};

struct loader {
	struct gate *gate;
	struct loader_fds fds;
	struct outside outside[LOADER_INTERFACES_MAX];
	unsigned int outside_count;
	enum xdp_mode xdp;
	char cgroup[256]; /* empty: no sockops */
	struct pins pins;
	unsigned int events_lost;
};

/* link_type - ARPHRD of an interface by name; negative errno. Asked of the network namespace
 * we are in: /sys may show another's. */
static int link_type(const char *name)
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	type = ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : request.ifr_hwaddr.sa_family;
	close(fd);
	return type;
}

/* outside_check - every interface must exist and not be loopback */
static int outside_check(struct loader *l, const struct loader_options *o, struct error *e)
{
	for (unsigned int i = 0; i < o->outside_count; i++) {
		if (!if_nametoindex(o->outside[i]))
			return error_set(
				e, -ENODEV,
				"outside: interface \"%s\" does not exist here; \"ip link\" "
				"lists those that do",
				o->outside[i]);
		if (link_type(o->outside[i]) == ARPHRD_LOOPBACK)
			return error_set(
				e, -EINVAL,
				"outside: \"%s\" is the loopback interface, which is never "
				"outside",
				o->outside[i]);
		snprintf(l->outside[i].name, IF_NAMESIZE, "%s", o->outside[i]);
	}
	l->outside_count = o->outside_count;
	return 0;
}

static void configure_ports(struct gate_config *c, const uint16_t *ports, unsigned int count,
			    enum port_kind kind)
{
	for (unsigned int i = 0; i < count && c->ports_count < PORTS_MAX; i++) {
		c->ports[c->ports_count].port = htons(ports[i]);
		c->ports[c->ports_count++].kind = kind;
	}
}

/* configure - sizes and constants, between open and load */
static void configure(struct loader *l, const struct loader_options *o)
{
	struct gate_config *c = &l->gate->rodata->gate_config;

	c->ipv6_bits = o->ipv6_bits;
	c->ipsec = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_skb_get_xfrm_state,
					   NULL) == 1;
	configure_ports(c, o->mx_ports, o->mx_count, PORT_MX);
	configure_ports(c, o->submission_ports, o->submission_count, PORT_SUBMISSION);
	bpf_map__set_max_entries(l->gate->maps.flows, o->flows_max);
	bpf_map__set_max_entries(l->gate->maps.pending, o->flows_max / 4 + 1);
	bpf_map__set_max_entries(l->gate->maps.verdicts, o->verdicts_max);
	bpf_map__set_max_entries(l->gate->maps.ranges, o->ranges_max);
}

/* configure_tls - programs and room for sight, which nobody pays for where it is off */
static void configure_tls(struct loader *l)
{
	struct bpf_program *p = NULL;

	while ((p = bpf_object__next_program(l->gate->obj, p)))
		if (!strncmp(bpf_program__name(p), TLS_PROGRAMS, strlen(TLS_PROGRAMS)))
			bpf_program__set_autoload(p, true);
	bpf_map__set_max_entries(l->gate->maps.tls_sessions, TLS_SESSIONS_MAX);
	bpf_map__set_max_entries(l->gate->maps.tls_calls, TLS_SESSIONS_MAX);
	bpf_map__set_max_entries(l->gate->maps.tls_processes, TLS_SESSIONS_MAX);
}

/* remember - descriptors of the maps that this loader's programs use */
static void remember(struct loader *l)
{
	l->fds = (struct loader_fds) {
		.settings = bpf_map__fd(l->gate->maps.settings),
		.verdicts = bpf_map__fd(l->gate->maps.verdicts),
		.ranges = bpf_map__fd(l->gate->maps.ranges),
		.flows = bpf_map__fd(l->gate->maps.flows),
		.pending = bpf_map__fd(l->gate->maps.pending),
		.counters = bpf_map__fd(l->gate->maps.counters),
		.events = bpf_map__fd(l->gate->maps.events),
		.tls_sessions = bpf_map__fd(l->gate->maps.tls_sessions),
		.replies = bpf_map__fd(l->gate->maps.replies),
		.answer_keys = bpf_map__fd(l->gate->maps.answer_keys),
		.ipsec_peers = bpf_map__fd(l->gate->maps.ipsec_peers),
		.recheck_names = bpf_map__fd(l->gate->maps.recheck_names),
	};
}

/* attach_one - all hooks of one outside interface; XDP may be missing, with a note why */
static int attach_one(struct loader *l, struct outside *o, struct error *e)
{
	int ifindex = if_nametoindex(o->name), rc;
	bool ethernet = link_type(o->name) == ARPHRD_ETHER;
	struct error why = {};

	if (!ifindex)
		return error_set(e, -ENODEV, "interface \"%s\" does not exist", o->name);
	rc = attach_tc(bpf_program__fd(ethernet ? l->gate->progs.gate_egress
						: l->gate->progs.gate_egress_l3),
		       ifindex, HOOK_EGRESS, e);
	if (!rc)
		rc = attach_tc(bpf_program__fd(ethernet ? l->gate->progs.gate_ingress
							: l->gate->progs.gate_ingress_l3),
			       ifindex, HOOK_INGRESS, e);
	if (rc)
		return error_prefix(e, rc, "interface \"%s\"", o->name);
	o->xdp_note[0] = 0;
	if (l->xdp == XDP_MODE_OFF || !ethernet) {
		snprintf(o->xdp_note, sizeof(o->xdp_note), "%s",
			 ethernet ? "off by configuration" : "no Ethernet header");
		return attach_remove(HOOK_XDP, ifindex, e);
	}
	if (attach_xdp(bpf_program__fd(l->gate->progs.gate_xdp), ifindex,
		       l->xdp == XDP_MODE_GENERIC, &why))
		snprintf(o->xdp_note, sizeof(o->xdp_note), "%.60s", why.text);
	return 0;
}

/* remove_others - what is attached to anything else but the outside interfaces of now */
static int remove_others(const struct loader *l, struct error *e)
{
	int keep[LOADER_INTERFACES_MAX + 1] = {};

	for (unsigned int i = 0; i < l->outside_count; i++)
		keep[i] = if_nametoindex(l->outside[i].name);
	return attach_remove_all(keep, l->outside_count, e);
}

/* attach_everything - and take away what an earlier configuration had elsewhere */
static int attach_everything(struct loader *l, struct error *e)
{
	int rc;

	for (unsigned int i = 0; i < l->outside_count; i++) {
		rc = attach_one(l, &l->outside[i], e);
		if (rc)
			return rc;
	}
	rc = remove_others(l, e);
	if (rc)
		return rc;
	if (l->cgroup[0])
		return attach_cgroup(bpf_program__fd(l->gate->progs.gate_sockops), l->cgroup, e);
	return attach_remove(HOOK_SOCKOPS, 0, e);
}

/* What libbpf says when it fails: the verifier's log ends with the reason. */
static char libbpf_said[2048];

static int keep_said(enum libbpf_print_level level, const char *format, va_list ap)
{
	char line[1 << 14], *end;
	int n;

	if (level != LIBBPF_WARN)
		return 0;
	n = vsnprintf(line, sizeof(line), format, ap);
	end = n < (int)sizeof(line) ? line + n : line + sizeof(line) - 1;
	/* the first complaint is the cause, the others follow from it; keep its last lines */
	if (!libbpf_said[0] || strstr(line, "PROG LOAD LOG"))
		snprintf(libbpf_said, sizeof(libbpf_said), "%.1024s",
			 end - line > 1024 ? end - 1024 : line);
	return 0;
}

/* load - open, configure, keep what fits of the gate that is there, load */
static int load(struct loader *l, const struct loader_options *o, struct error *e)
{
	int rc;

	libbpf_said[0] = 0;
	libbpf_set_print(keep_said);
	l->gate = gate__open();
	if (!l->gate)
		return error_set(e, -errno, "open the programs: %s", strerror(errno));
	configure(l, o);
	if (o->tls_sight)
		configure_tls(l);
	rc = pins_plan(l->gate->obj, &l->pins, e);
	if (rc)
		return rc;
	rc = gate__load(l->gate);
	if (rc)
		return error_set(e, rc, "the kernel refused the programs (%s): %.600s",
				 strerror(-rc), libbpf_said);
	remember(l);
	return pins_carry(&l->pins, e);
}

/* loader_start - see loader.h */
int loader_start(const struct loader_options *options, struct loader **ret_loader, struct error *e)
{
	struct loader *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return error_set(e, -ENOMEM, "out of memory");
	l->xdp = options->xdp;
	snprintf(l->cgroup, sizeof(l->cgroup), "%s", options->cgroup ? options->cgroup : "");
	rc = outside_check(l, options, e);
	if (!rc)
		rc = load(l, options, e);
	if (rc) {
		loader_free(l);
		return rc;
	}
	*ret_loader = l;
	return 0;
}

/* loader_attach - see loader.h */
int loader_attach(struct loader *loader, struct error *e)
{
	int rc = pins_take(&loader->pins, e);

	if (!rc)
		rc = attach_everything(loader, e);
	if (rc) {
		if (loader->pins.found == PINS_NONE)
			loader_unload(NULL);
		return rc;
	}
	loader->events_lost = pins_over(&loader->pins);
	pins_close(&loader->pins);
	return 0;
}

/* loader_free - see loader.h */
void loader_free(struct loader *loader)
{
	if (!loader)
		return;
	pins_close(&loader->pins);
	if (loader->gate)
		gate__destroy(loader->gate);
	free(loader);
}

/* loader_maps - see loader.h */
const struct loader_fds *loader_maps(const struct loader *loader)
{
	return &loader->fds;
}

/* loader_program - see loader.h */
struct bpf_program *loader_program(const struct loader *loader, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(loader->gate->obj, name);

	return p && bpf_program__fd(p) >= 0 ? p : NULL;
}

/* loader_found - see loader.h */
enum pins_found loader_found(const struct loader *loader)
{
	return loader->pins.found;
}

/* loader_verdicts_kept - see loader.h */
bool loader_verdicts_kept(const struct loader *loader)
{
	return loader->pins.found != PINS_NONE && loader->pins.abi == ABI_VERSION;
}

/* loader_events_lost - see loader.h */
unsigned int loader_events_lost(const struct loader *loader)
{
	return loader->events_lost;
}

/* loader_xdp_note - see loader.h */
const char *loader_xdp_note(const struct loader *loader, unsigned int interface)
{
	return loader->outside[interface].xdp_note;
}

/* loader_expected - TC on both sides everywhere, XDP where it could be had, and sockops */
unsigned int loader_expected(const struct loader *loader)
{
	unsigned int count = loader->cgroup[0] != '\0';

	for (unsigned int i = 0; i < loader->outside_count; i++)
		count += 2 + !loader->outside[i].xdp_note[0];
	return count;
}

/* look - at one outside interface; 1 if it had to be attached again */
static int look(struct loader *l, struct outside *o, struct error *e)
{
	int ifindex = if_nametoindex(o->name), rc;

	if (!ifindex) {
		if (!o->gone)
			log_event(LOG_LEVEL_WARNING, "interface-gone",
				  LOG_FIELDS({ "interface", o->name }),
				  "interface %s is gone: nothing is seen there until it is back",
				  o->name);
		o->gone = true;
		return 0;
	}
	if (attach_alive(HOOK_INGRESS, ifindex) && attach_alive(HOOK_EGRESS, ifindex) &&
	    (o->xdp_note[0] || attach_alive(HOOK_XDP, ifindex)))
		return 0;
	rc = attach_one(l, o, e);
	if (rc)
		return rc;
	o->gone = false;
	return 1;
}

/* loader_check - see loader.h */
int loader_check(struct loader *loader, struct error *e)
{
	int mended = 0, failed = 0, rc;

	if (access(PIN_DIR "/settings", F_OK))
		return error_set(e, -ENOENT, "the gate was unloaded by somebody else");
	for (unsigned int i = 0; i < loader->outside_count; i++) {
		rc = look(loader, &loader->outside[i], e);
		if (rc < 0)
			failed = rc; /* the others may be mended all the same */
		else
			mended += rc;
	}
	/* a service's cgroup is made anew when the service is started again */
	if (loader->cgroup[0] && !attach_alive(HOOK_SOCKOPS, 0) && !access(loader->cgroup, F_OK)) {
		rc = attach_cgroup(bpf_program__fd(loader->gate->progs.gate_sockops),
				   loader->cgroup, e);
		if (rc)
			failed = rc;
		else
			mended++;
	}
	/* an interface that came back has another number: its old links lead nowhere */
	if (mended && !failed)
		failed = remove_others(loader, e);
	return failed ? failed : mended;
}

/* loader_unload - see loader.h */
int loader_unload(struct error *e)
{
	DIR *dir;
	struct dirent *entry;
	int rc;

	/* first of all: a daemon that is running must not attach again what goes away here */
	unlink(PIN_DIR "/settings");
	rc = attach_remove_all(NULL, 0, e);
	if (rc)
		return rc;
	dir = opendir(PIN_DIR);
	if (!dir)
		return errno == ENOENT ? 0 : error_set(e, -errno, PIN_DIR ": %s", strerror(errno));
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) && !rc)
			rc = error_set(e, -errno, PIN_DIR "/%s: %s", entry->d_name,
				       strerror(errno));
	closedir(dir);
	if (!rc && rmdir(PIN_DIR))
		rc = error_set(e, -errno, PIN_DIR ": %s", strerror(errno));
	return rc;
}

/* loader_hooks - see loader.h */
json_t *loader_hooks(struct error *e)
{
	if (access(PIN_DIR "/settings", F_OK)) {
		error_set(e, -ENOENT, "the gate is not loaded: there is no " PIN_DIR "/settings");
		return NULL;
	}
	return attach_list();
}
