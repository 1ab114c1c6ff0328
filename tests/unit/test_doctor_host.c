// SPDX-License-Identifier: BSD-2-Clause
/* What the doctor reads of a host that is a folder, and of its mail server's own limits. */
#include "tests/unit/doctor_scene.h"

/* write_file - below the tree, with the folders on the way */
static void write_file(const char *root, const char *path, const char *text)
{
	char full[512], *slash;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* remove_tree - what write_file() made */
static void remove_tree(const char *root)
{
	char command[600];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

static void test_mail(void **state)
{
	char root[] = "/tmp/test_doctor.XXXXXX";
	struct doctor_mta mta;

	(void)state;
	assert_non_null(mkdtemp(root));
	d.root = root;
	assert_int_equal(doctor_mail_postfix(&d, "88", &mta), -1);
	write_file(root, "/proc/88/root/etc/postfix/main.cf",
		   "# default_process_limit = 7\nmyhostname = mx\n"
		   "default_process_limit = 40\nsmtpd_client_connection_count_limit=$other\n");
	assert_int_equal(doctor_mail_postfix(&d, "88", &mta), 0);
	assert_int_equal(mta.sessions, 40);
	assert_int_equal(mta.per_client, 50);
	write_file(root, "/proc/88/root/etc/postfix/master.cf",
		   "smtp      inet  n       -       y       -       30      smtpd\n"
		   "  -o maxproc=3\nsmtp unix - - y - 9 smtp\n");
	assert_int_equal(doctor_mail_postfix(&d, "88", &mta), 0);
	assert_int_equal(mta.sessions, 30);

	write_file(root, "/proc/88/root/etc/exim4/exim4.conf", "smtp_accept_max = 64\n");
	assert_int_equal(doctor_mail_exim(&d, "88", &mta), 0);
	assert_int_equal(mta.sessions, 64);
	assert_int_equal(mta.per_client, 0);

	assert_int_equal(doctor_mail_opensmtpd(&d, "88", &mta), -1);
	write_file(root, "/proc/88/limits",
		   "Limit                     Soft Limit   Hard Limit   Units\n"
		   "Max processes             7750         7750         processes\n"
		   "Max open files            1024         524288       files\n"
		   "Max locked memory         1048576      1048576      bytes\n");
	assert_int_equal(doctor_mail_opensmtpd(&d, "88", &mta), 0);
	assert_int_equal(mta.sessions, 507);
	assert_int_equal(mta.per_client, 0);
	remove_tree(root);

	mta = (struct doctor_mta) { .name = "Postfix",
				    .sessions = 100,
				    .per_client = 30,
				    .key = "default_process_limit",
				    .client_key = "smtpd_client_connection_count_limit" };
	config.slow_max = 10;
	doctor_mail_judge(&d, &mta);
	found(DOCTOR_OK, "100 sessions, of which slowed sources may hold 10", NULL);
	anew();
	config.slow_max = 60;
	doctor_mail_judge(&d, &mta);
	found(DOCTOR_WARN,
	      "100 sessions (default_process_limit), of which slowed sources may hold 60",
	      "set slow_max in /etc/b.yaml to 25 or less");
	anew();
	config.slow_max = 10;
	mta.per_client = 1;
	doctor_mail_judge(&d, &mta);
	found(DOCTOR_NOTE, "takes 1 session of a client", "to 3 or more");
	anew();
	config.tarpit_style = STYLE_DEFER;
	doctor_mail_judge(&d, &mta);
	found(DOCTOR_OK, "defer occupies none", NULL);
}

/* link_to - a symbolic link below the tree */
static void link_to(const char *root, const char *path, const char *target)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(symlink(target, full), 0);
}

/* process - of this program, with this title, in the network of whoever looks */
static void process(const char *root, const char *pid, const char *exe, const char *title)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	write_file(root, path, title);
	snprintf(path, sizeof(path), "/proc/%s/limits", pid);
	write_file(root, path, "Max open files 1024 1024 files\n");
	snprintf(path, sizeof(path), "/proc/%s/ns/-", pid);
	write_file(root, path, "");
	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	link_to(root, path, "net:[4026531840]");
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	link_to(root, path, exe);
}

/* test_running - OpenSMTPD is one of its processes, and nobody else's smtpd */
static void test_running(void **state)
{
	char root[] = "/tmp/test_doctor.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	d.root = root;
	config.slow_max = 10;
	process(root, "self", "/usr/sbin/gatectl", "gatectl");
	process(root, "71", "/usr/sbin/smtpd", "smtpd: queue");
	process(root, "72", "/usr/lib/postfix/sbin/smtpd", "smtpd -n smtp -t inet dispatcher");
	doctor_mail(&d);
	found(DOCTOR_OK, "no Postfix, Exim or OpenSMTPD runs here", NULL);
	anew();
	process(root, "73", "/usr/sbin/smtpd", "smtpd: pony express");
	process(root, "74", "/usr/sbin/smtpd", "smtpd: dispatcher");
	doctor_mail(&d);
	found(DOCTOR_OK, "OpenSMTPD has 507 sessions, of which slowed sources may hold 10", NULL);
	anew();
	config.slow_max = 600;
	doctor_mail(&d);
	found(DOCTOR_WARN, "OpenSMTPD has 507 sessions (half of \"Max open files\")",
	      "set slow_max in /etc/b.yaml to 126 or less");
	remove_tree(root);
}

/* test_tree - the looking functions read a host that is a folder */
static void test_tree(void **state)
{
	char root[] = "/tmp/test_doctor.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	d.root = root;
	write_file(root, "/proc/self/mountinfo",
		   "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
		   "31 23 0:27 / /sys/fs/bpf rw shared:9 - bpf bpf rw\n");
	write_file(root, "/proc/net/tcp",
		   "  sl  local_address rem_address   st tx_queue\n"
		   "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000\n"
		   "   1: 00000000:0A23 00000000:0000 0A 00000000:00000000\n"
		   "   2: 00000000:0050 0100007F:1234 01 00000000:00000000\n");
	write_file(root, "/proc/net/tcp6",
		   "  sl\n   0: 00000000000000000000000001000000:0019 "
		   "00000000000000000000000000000000:0000 0A 0\n");
	write_file(root, "/var/lib/buildgate/buildgate.db", "not a database at all");
	write_file(root, "/proc/sys/kernel/osrelease", "5.10.0\n");
	write_file(root, "/proc/77/limits",
		   "Max locked memory         1048576   1048576   bytes\n");
	write_file(root, "/proc/77/cgroup", "0::/system.slice/buildgated.service\n");
	write_file(root, "/sys/fs/cgroup/system.slice/buildgated.service/memory.max", "2097152\n");
	write_file(root, "/sys/fs/cgroup/system.slice/buildgated.service/memory.current",
		   "2097152\n");
	tell("{'daemon':{'pid':77},'maps':{'ranges':{'entries':9,'max_entries':10}}}");
	doctor_mounts(&d);
	found(DOCTOR_OK, "bpffs is at", NULL);
	found(DOCTOR_OK, "cgroup2 is at /sys/fs/cgroup", NULL);
	found(DOCTOR_NOTE, "tracefs", "mount -t tracefs");
	doctor_ports(&d); /* port 25 on loopback only, 2595 for all */
	found(DOCTOR_WARN, "no server on this host listens on port 25", "start the mail server");
	doctor_limits(&d);
	found(DOCTOR_BAD, "may lock 1 MiB only", "LimitMEMLOCK");
	found(DOCTOR_WARN, "uses 2 of the 2 MiB", "MemoryMax");
	found(DOCTOR_WARN, "ranges has 9 of 10", "ranges_max");
	doctor_store(&d);
	found(DOCTOR_BAD, "is damaged", "put a copy of it back");
	doctor_mail(&d);
	found(DOCTOR_OK, "no Postfix, Exim or OpenSMTPD runs here", NULL);
	remove_tree(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mail),
		TEST(test_running),
		TEST(test_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
