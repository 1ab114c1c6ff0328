// SPDX-License-Identifier: BSD-2-Clause
/* The doctor's judgements: each of facts that say so, and the next step that goes with it. */
#include "tests/unit/doctor_scene.h"

#define NS 1000000000ULL

static void test_daemon(void **state)
{
	(void)state;
	doctor_daemon(&d);
	found(DOCTOR_BAD, "the daemon does not answer", "systemctl start buildgated");
	assert_int_equal(d.worst, DOCTOR_BAD);
	anew();
	tell("{'daemon':{'version':'0.1.0','started':'2026-11-21T22:51:00Z'}}");
	doctor_daemon(&d);
	found(DOCTOR_OK, "buildgated 0.1.0 runs since 2026-11-21", NULL);
	found(DOCTOR_OK, "/etc/b.yaml is good", NULL);
	found(DOCTOR_OK, "report: everything is seen", NULL);
	assert_int_equal(d.worst, DOCTOR_OK);
	anew();
	d.loaded = false;
	doctor_daemon(&d);
	found(DOCTOR_BAD, "but the gate is not loaded", "systemctl restart");
	anew();
	d.loaded = true;
	tell("{'daemon':{'version':'9.9'}}");
	doctor_daemon(&d);
	found(DOCTOR_WARN, "version 9.9", "systemctl restart");
	anew();
	d.hidden = "no permission to open it";
	doctor_daemon(&d);
	found(DOCTOR_WARN, "no permission to open it", "as root");
}

static void test_config(void **state)
{
	(void)state;
	d.config_error = "/etc/b.yaml:3: mode: 'on' is no mode";
	doctor_daemon(&d);
	found(DOCTOR_BAD, "'on' is no mode", "buildgated --check --config /etc/b.yaml");
	anew();
	d.config_error = NULL;
	config.contact[0] = '\0';
	doctor_daemon(&d);
	found(DOCTOR_NOTE, "no contact", "contact: postmaster@");
	anew();
	d.config = NULL;
	doctor_daemon(&d);
	found(DOCTOR_WARN, "there is no /etc/b.yaml", "--config FILE");
}

static void test_mode(void **state)
{
	(void)state;
	d.now_ns = 1000 * NS;
	d.settings.mode = MODE_ENFORCE;
	d.settings.lease_until_ns = 2000 * NS;
	doctor_daemon(&d);
	found(DOCTOR_OK, "enforce: verdicts are in force", NULL);
	anew();
	d.settings.enforce_until_ns = 1100 * NS;
	doctor_daemon(&d);
	found(DOCTOR_WARN, "enforce, but only until", "gatectl mode confirm");
	anew();
	d.settings.enforce_until_ns = 900 * NS;
	doctor_daemon(&d);
	found(DOCTOR_WARN, "was not confirmed", "gatectl mode enforce");
	anew();
	d.settings.enforce_until_ns = 0;
	d.settings.lease_until_ns = 900 * NS;
	doctor_daemon(&d);
	found(DOCTOR_BAD, "the lease is over", "systemctl start");
	anew();
	d.settings.mode = MODE_OFF;
	doctor_daemon(&d);
	found(DOCTOR_WARN, "off: nothing is seen", "gatectl mode report");
}

static void test_hooks(void **state)
{
	(void)state;
	hooks = json_pack("[{s:s,s:s,s:s,s:b},{s:s,s:s,s:s,s:b},{s:s,s:s,s:s,s:b},{s:s,s:n,s:b}]",
			  "hook", "ingress", "interface", "eth0", "mode", "tcx", "attached", 1,
			  "hook", "egress", "interface", "eth0", "mode", "tcx", "attached", 1,
			  "hook", "xdp", "interface", "eth0", "mode", "generic", "attached", 1,
			  "hook", "sockops", "interface", "attached", 1);
	d.hooks = hooks;
	doctor_hooks(&d);
	found(DOCTOR_OK, "eth0: TC ingress and egress run by tcx", NULL);
	found(DOCTOR_NOTE, "eth0: XDP runs generic", NULL);
	found(DOCTOR_OK, "sockops runs", NULL);
	anew();
	json_object_set_new(json_array_get(hooks, 1), "attached", json_false());
	json_array_remove(hooks, 3);
	json_array_remove(hooks, 2);
	doctor_hooks(&d);
	found(DOCTOR_BAD, "eth0: no program at TC egress", "");
	found(DOCTOR_WARN, "eth0: no XDP program", "xdp: off in /etc/b.yaml");
	found(DOCTOR_BAD, "no sockops program", "the cgroup auto exists");
	anew();
	config.xdp = XDP_MODE_OFF;
	strcpy(config.cgroup, "off");
	doctor_hooks(&d);
	found(DOCTOR_OK, "no XDP, as configured", NULL);
	assert_int_equal(json_array_size(d.findings), 2);
}

static void test_kernel(void **state)
{
	struct doctor_kernel k = { .release = "6.1.0-40",
				   .btf = true,
				   .xdp = 1,
				   .classifier = 1,
				   .sockops = 1,
				   .ringbuf = 1,
				   .loop = 1,
				   .jit = 1,
				   .uprobes = true };

	(void)state;
	doctor_kernel_judge(&d, &k);
	found(DOCTOR_OK, "Linux 6.1.0-40: BTF, XDP, TC by clsact filters", NULL);
	found(DOCTOR_OK, "the JIT is on", NULL);
	found(DOCTOR_OK, "uprobes are there", NULL);
	assert_int_equal(d.worst, DOCTOR_OK);
	anew();
	k.btf = false;
	k.loop = 0;
	k.jit = 0;
	k.uprobes = false;
	k.stats = true;
	doctor_kernel_judge(&d, &k);
	found(DOCTOR_BAD, "has no BTF", "6.1 or newer");
	found(DOCTOR_BAD, "has no bpf_loop", "6.1 or newer");
	found(DOCTOR_WARN, "the JIT is off", "sysctl net.core.bpf_jit_enable=1");
	found(DOCTOR_NOTE, "no uprobes", "gate-milter");
	found(DOCTOR_NOTE, "bpf_stats_enabled", "sysctl kernel.bpf_stats_enabled=0");
	anew();
	k.confidential = true;
	k.sockops = -EPERM; /* could not be tried: no reproach */
	doctor_kernel_judge(&d, &k);
	found(DOCTOR_NOTE, "lockdown", "gate-milter");
	anew();
	memset(&k, 0, sizeof(k)); /* nothing is there, but nobody could look */
	k.btf = true;
	k.untried = "missing privilege: CAP_BPF";
	doctor_kernel_judge(&d, &k);
	found(DOCTOR_WARN, "could not be tried: missing privilege: CAP_BPF", "as root");
	assert_int_equal(d.worst, DOCTOR_WARN);
}

static void test_mounts(void **state)
{
	struct doctor_mounts m = { .bpffs = true };

	(void)state;
	doctor_mounts_judge(&d, &m);
	found(DOCTOR_OK, "bpffs is at", NULL);
	found(DOCTOR_BAD, "cgroup2 is not mounted", "mount -t cgroup2");
	found(DOCTOR_NOTE, "tracefs is not mounted; only TLS sight", "mount -t tracefs");
	anew();
	m.bpffs = false;
	strcpy(m.cgroup2, "/sys/fs/cgroup");
	strcpy(m.tracefs, "/sys/kernel/tracing");
	strcpy(config.cgroup, "/sys/fs/cgroup/mail");
	doctor_mounts_judge(&d, &m);
	found(DOCTOR_BAD, "no bpffs", "mount -t bpf bpf /sys/fs/bpf");
	found(DOCTOR_BAD, "cgroup /sys/fs/cgroup/mail is not there", "cgroup: auto");
	found(DOCTOR_OK, "tracefs is at", NULL);
	anew();
	m.cgroup_there = true;
	doctor_mounts_judge(&d, &m);
	found(DOCTOR_OK, "cgroup2 is at /sys/fs/cgroup", NULL);
	strcpy(config.cgroup, "off");
	doctor_mounts_judge(&d, &m);
	found(DOCTOR_OK, "cgroup2 is not needed", NULL);
}

static void test_limits(void **state)
{
	struct doctor_limits l = { .memlock = 64 << 20,
				   .memory_max = UINT64_MAX,
				   .fill = { { "verdicts", "verdicts_max", 79, 100 },
					     { "ranges", "ranges_max", 0, 0 } } };

	(void)state;
	doctor_limits_judge(&d, &l);
	found(DOCTOR_OK, "memlock limit does not matter", NULL);
	found(DOCTOR_OK, "verdicts has 79 of 100", NULL);
	assert_int_equal(json_array_size(d.findings), 2);
	anew();
	l.memlock_counts = true;
	l.fill[0].entries = 80;
	l.memory_max = 100 << 20;
	l.memory_used = 90 << 20;
	doctor_limits_judge(&d, &l);
	found(DOCTOR_BAD, "may lock 64 MiB only", "LimitMEMLOCK=infinity");
	found(DOCTOR_WARN, "verdicts has 80 of 100", "raise verdicts_max in /etc/b.yaml");
	found(DOCTOR_WARN, "uses 90 of the 100 MiB", "MemoryMax");
}

static void test_clock(void **state)
{
	struct doctor_clock c = { .synchronized = true, .max_error_us = 1000 };

	(void)state;
	doctor_clock_judge(&d, &c);
	found(DOCTOR_OK, "is synchronized", NULL);
	anew();
	c.max_error_us = 90 * 1000000LL;
	doctor_clock_judge(&d, &c);
	found(DOCTOR_WARN, "may be wrong by 90 s", "chronyc");
	anew();
	c.synchronized = false;
	doctor_clock_judge(&d, &c);
	found(DOCTOR_WARN, "not synchronized", "timedatectl set-ntp true");
	anew();
	c.lab = true;
	doctor_clock_judge(&d, &c);
	found(DOCTOR_NOTE, "a lab clock", "without --lab-clock");
}

static void test_programs(void **state)
{
	struct doctor_chain tc = { .hook = "ingress", .interface = "eth0", .count = 1 };
	struct doctor_chain xdp = { .hook = "xdp", .interface = "eth0", .count = 1 };

	(void)state;
	tc.list[0] = (struct doctor_program) { .id = 7, .ours = true };
	doctor_programs_judge(&d, &tc);
	assert_null(d.findings); /* nobody else: nothing to say */
	tc.list[tc.count++] = (struct doctor_program) { .name = "flower filter", .filter = true };
	doctor_programs_judge(&d, &tc);
	found(DOCTOR_NOTE, "eth0 ingress: ours (id 7), then flower filter", NULL);
	anew();
	tc.list[1] = tc.list[0];
	tc.list[0] = (struct doctor_program) { .id = 5, .name = "cil_from_netdev" };
	doctor_programs_judge(&d, &tc);
	found(DOCTOR_NOTE, "cil_from_netdev (id 5), then ours (id 7); what runs before ours",
	      "bpftool prog show id 5");
	anew();
	xdp.list[0] = (struct doctor_program) { .id = 9, .name = "xdp_lb" };
	doctor_programs_judge(&d, &xdp);
	found(DOCTOR_WARN, "eth0 xdp: xdp_lb (id 9) runs where the gate would",
	      "ip link set dev eth0 xdp off");
}

/* link - one more in the list */
static struct doctor_link *link_(struct doctor_links *links, const char *name, const char *kind)
{
	struct doctor_link *link = &links->list[links->count++];

	memset(link, 0, sizeof(*link));
	strcpy(link->name, name);
	strcpy(link->kind, kind);
	link->index = (int)links->count;
	link->up = true;
	return link;
}

static void test_paths(void **state)
{
	struct doctor_link list[8], *eth0, *eth1, *other;
	struct doctor_links links = { list, 0 };

	(void)state;
	eth0 = link_(&links, "eth0", "");
	eth1 = link_(&links, "eth1", "");
	eth0->outside = true;
	eth0->defaults = 1;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_OK, "all default routes pass the gate", NULL);
	anew();
	eth1->defaults = 1;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_WARN, "through eth1, which is not outside",
	      "add eth1 to outside: in /etc/b.yaml");
	anew();
	eth1->defaults = 0;
	eth1->gateways = 3;
	eth0->up = false;
	eth0->switched = true;
	strcpy(eth0->offloads, "hw-tc-offload");
	doctor_paths_judge(&d, &links);
	found(DOCTOR_NOTE, "3 routes lead over gateways behind eth1", "add eth1");
	found(DOCTOR_WARN, "eth0 is down", "ip link set dev eth0 up");
	found(DOCTOR_NOTE, "switch chip", "bridge link show");
	found(DOCTOR_NOTE, "hw-tc-offload is on", "ethtool -K eth0 hw-tc-offload off");
	anew();

	/* a bridge over both, with the default route on it: its outer port is enough */
	*eth0 = (struct doctor_link) { .name = "eth0", .index = 1, .up = true, .outside = true };
	*eth1 = (struct doctor_link) { .name = "eth1", .index = 2, .up = true };
	other = link_(&links, "br0", "bridge");
	other->defaults = 1;
	eth0->master = eth1->master = other->index;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_OK, "eth0 is a port of the bridge br0", NULL);
	found(DOCTOR_OK, "all default routes", NULL);
	anew();
	other->outside = true;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_BAD, "br0 and eth0 are both outside", "leave eth0 only");
	anew();
	eth0->outside = false;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_WARN, "br0 is a bridge", "its outer port");
	anew();

	/* a bond needs all its ports; a VLAN on it is covered with it */
	strcpy(other->kind, "bond");
	strcpy(other->name, "bond0");
	other->outside = false;
	eth0->outside = true;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_WARN, "through bond0, which is not outside", "add bond0");
	anew();
	eth1->outside = true;
	other = link_(&links, "bond0.7", "vlan");
	other->lower = 3;
	other->defaults = 1;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_OK, "all default routes", NULL);
	anew();
	other->outside = true;
	doctor_paths_judge(&d, &links);
	found(DOCTOR_BAD, "bond0.7 and eth0 are both outside", "leave eth0 only");
}

static void test_ports(void **state)
{
	struct doctor_ports p = { .list = { 25, 587, 2525 }, .count = 2 };

	(void)state;
	doctor_ports_judge(&d, &p);
	found(DOCTOR_OK, "a server listens on port 25", NULL);
	assert_int_equal(json_array_size(d.findings), 1);
	p.count = 3;
	doctor_ports_judge(&d, &p);
	found(DOCTOR_NOTE, "a server listens on port 2525", "add 2525 to mx");
	anew();
	p.count = 0;
	doctor_ports_judge(&d, &p);
	found(DOCTOR_WARN, "no server on this host listens on port 25", "cgroup: off");
	anew();
	p.count = 1;
	config.mx.list[0] = 2600;
	doctor_ports_judge(&d, &p);
	found(DOCTOR_WARN, "port 25, which the gate does not look at", "add 25 to mx");
	anew();
	p.transit = true;
	doctor_ports_judge(&d, &p);
	found(DOCTOR_OK, "mail servers are behind this host", NULL);
}

static void test_catalogue(void **state)
{
	(void)state;
	tell("{'catalogue':{'as_of':'2026-12-20T00:00:00Z','serial':12,'key':'4F1A'}}");
	d.now = 1798761600; /* 2027-01-01 */
	doctor_catalogue(&d);
	found(DOCTOR_OK, "serial 12 of 2026-12-20, 12 days old, signed with key 4F1A", NULL);
	found(DOCTOR_NOTE, "no key is trusted", "catalogue_keys");
	anew();
	d.now += 100 * 86400;
	config.catalogue_keys.count = 1;
	config.catalogue_keys.list[0].not_after = d.now + 10 * 86400;
	tell("{'catalogue':{'as_of':'2026-12-20T00:00:00Z','serial':12,'key':null,"
	     "'refused':{'at':'2027-01-02T00:00:00Z','why':'no trusted key'},'inbox_lost':true}}");
	doctor_catalogue(&d);
	found(DOCTOR_WARN, "is 112 days old", "buildgate-fetch.timer");
	found(DOCTOR_BAD, "refused at 2027-01-02T00:00:00Z: no trusted key", "catalogue verify");
	found(DOCTOR_BAD, "directory for new catalogues has gone", "catalogue_dir");
	found(DOCTOR_WARN, "no trusted key is good for 30 more days", "name the next key");
	anew();
	d.status = NULL;
	strcpy(config.catalogue, "maps/catalogue/exchange.json");
	doctor_catalogue(&d);
	found(DOCTOR_WARN, "the installed catalogue", "buildgate-fetch.timer");
	anew();
	strcpy(config.catalogue, "/nowhere.json");
	doctor_catalogue(&d);
	found(DOCTOR_BAD, "/nowhere.json", "install the package again");
}

static void test_store(void **state)
{
	struct doctor_store s = { .path = "/var/lib/buildgate/buildgate.db",
				  .there = true,
				  .readable = true,
				  .sqlite = true,
				  .bytes = 3 << 20,
				  .free_bytes = 1ULL << 40,
				  .total_bytes = 1ULL << 41 };

	(void)state;
	tell("{'daemon':{'store_ok':true}}");
	doctor_store_judge(&d, &s);
	found(DOCTOR_OK, "has 3 MiB", NULL);
	anew();
	s.free_bytes = 20 << 20;
	tell("{'daemon':{'store_ok':false}}");
	doctor_store_judge(&d, &s);
	found(DOCTOR_BAD, "cannot use", "journalctl");
	found(DOCTOR_WARN, "only 20 MiB are free", "make room");
	anew();
	s.there = false;
	tell("{'daemon':{'store_ok':true}}");
	doctor_store_judge(&d, &s);
	found(DOCTOR_BAD, "there is no /var/lib", "systemctl restart");
}

static void test_events(void **state)
{
	struct doctor_events v = { .counted = true };

	(void)state;
	d.now = 1798761600; /* 2027-01-01 */
	tell("{'daemon':{'events_lost':0,'last_event':null}}");
	doctor_events_judge(&d, &v);
	found(DOCTOR_NOTE, "no mail connection has ended", "send a mail");
	anew();
	tell("{'daemon':{'events_lost':0,'last_event':'2026-12-31T23:00:00Z'}}");
	doctor_events_judge(&d, &v);
	found(DOCTOR_OK, "was seen at 2026-12-31T23:00:00Z", NULL);
	assert_int_equal(d.worst, DOCTOR_OK);
	anew();
	v.count[REASON_FLOW_NEW] = 100;
	v.count[REASON_ONE_WAY] = 60;
	v.count[REASON_EVENT_LOST] = 4;
	tell("{'daemon':{'events_lost':5,'last_event':'2026-12-30T22:00:00Z'}}");
	doctor_events_judge(&d, &v);
	found(DOCTOR_WARN, "was seen 26 h ago", "gatectl map dump counters");
	found(DOCTOR_WARN, "5 events did not reach the store", "journalctl");
	found(DOCTOR_NOTE, "4 events were lost in the kernel", "systemctl status");
	found(DOCTOR_WARN, "60 of 100 connections", "every uplink");
}

static void test_tls(void **state)
{
	(void)state;
	tell("{'tls_sight':{'on':false,'reads':'Nothing.'}}");
	doctor_tls(&d);
	found(DOCTOR_NOTE, "TLS sight is off. Nothing.", "tls_sight: on in /etc/b.yaml");
	anew();
	tell("{'tls_sight':{'on':true,'why':'of this kernel','needs':['CAP_BPF','CAP_X']}}");
	doctor_tls(&d);
	found(DOCTOR_BAD, "does NOT work: of this kernel", "CAP_BPF, CAP_X");
	anew();
	tell("{'tls_sight':{'on':true,'reads':'This.','why':null,'needs':['CAP_BPF'],"
	     "'covered':[{'executable':'/usr/sbin/exim4','root':'/','library':'libgnutls.so.30'}],"
	     "'not_covered':[{'executable':'/usr/sbin/smtpd','root':'/srv','why':'it has none'}],"
	     "'absent':['/opt/mta'],'foreign':3,'incomplete':true}}");
	doctor_tls(&d);
	found(DOCTOR_OK, "TLS sight is on. This. It needs CAP_BPF", NULL);
	found(DOCTOR_OK, "covers /usr/sbin/exim4 of /, libgnutls.so.30", NULL);
	found(DOCTOR_WARN, "does NOT cover /usr/sbin/smtpd of /srv: it has none", "gate-milter");
	found(DOCTOR_NOTE, "not on this host: /opt/mta", NULL);
	found(DOCTOR_NOTE, "3 process(es) of other user namespaces", NULL);
	found(DOCTOR_WARN, "more mail servers than", "gate-milter");
}

/* test_answers - where answers go, and who gets none */
static void test_answers(void **state)
{
	struct doctor_answers a = {
		.interface = { { "eth0", 1 }, { "wg0", 65534 }, { "ib0", 32 }, { "gone0", -1 } },
		.count = 4,
		.ipsec = -1
	};

	(void)state;
	doctor_answers_judge(&d, &a);
	found(DOCTOR_OK, "eth0: Ethernet; answers go back the way the packet came", NULL);
	found(DOCTOR_OK, "wg0: no link header; answers go back", NULL);
	found(DOCTOR_WARN, "ib0: link type 32 is not understood", "in outside:");
	anew();
	a.route = true;
	a.ipsec = 2;
	a.count = 1;
	doctor_answers_judge(&d, &a);
	found(DOCTOR_OK, "answers go by the routing table", NULL);
	found(DOCTOR_NOTE, "2 range(s) of peers are under a policy and get no answers", NULL);
}

/* test_hostile - names of interfaces and programs do not steer a terminal */
static void test_hostile(void **state)
{
	struct doctor_chain tc = { .hook = "ingress", .interface = "eth0", .count = 1 };

	(void)state;
	tc.list[0] = (struct doctor_program) { .id = 5, .name = "\033[2Jx\n" };
	doctor_programs_judge(&d, &tc);
	found(DOCTOR_NOTE, "\\x1b[2Jx\\x0a (id 5)", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_daemon),   TEST(test_config), TEST(test_mode),   TEST(test_hooks),
		TEST(test_kernel),   TEST(test_mounts), TEST(test_limits), TEST(test_clock),
		TEST(test_programs), TEST(test_paths),  TEST(test_ports),  TEST(test_catalogue),
		TEST(test_store),    TEST(test_events), TEST(test_tls),    TEST(test_answers),
		TEST(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
