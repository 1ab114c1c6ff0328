// SPDX-License-Identifier: BSD-2-Clause
#include "user/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/base/log.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KEY_A    "RWQbd8svnDTBfCFDdRxpryzkG3M0rqSGwPXbaJI/ZNO41NimPLLIpSWy"
#define KEY_B    "RWQUGlKRAPlAZqabZRgrvoAiyCx/UxrrqLK329dLtIuMFw+KuOjWfuvK"
#define OUT      "outside: [eth0]\n"

/* parse - a text that must be good */
static struct config *parse(const char *text)
{
	struct config *config = NULL;
	struct error e = { "" };
	int rc = config_parse("test.yaml", text, strlen(text), &config, &e);

	if (rc)
		fail_msg("%s", e.text);
	return config;
}

static void test_defaults(void **state)
{
	struct config *c = parse(OUT);

	(void)state;
	assert_int_equal(c->mode, MODE_REPORT);
	assert_int_equal(c->outside.count, 1);
	assert_string_equal(c->outside.list[0], "eth0");
	assert_int_equal(c->xdp, XDP_MODE_NATIVE);
	assert_string_equal(c->cgroup, "auto");
	assert_int_equal(c->mx.count, 1);
	assert_int_equal(c->mx.list[0], 25);
	assert_int_equal(c->submission.list[0], 587);
	assert_false(c->tls_sight);
	assert_int_equal(c->tls_executables.count, 4);
	assert_int_equal(c->exempt.count, 0);
	assert_string_equal(c->contact, "");
	assert_true(strlen(c->hostname) > 0);
	assert_string_equal(c->policy, "30-10-60");
	assert_int_equal(c->catalogue_max_age, 90 * 86400);
	assert_int_equal(c->grace_days, 30);
	assert_string_equal(c->state_dir, "/var/lib/buildgate");
	assert_string_equal(c->control_socket, "/run/buildgate/control.sock");
	assert_string_equal(c->http.text, "127.0.0.1:9725");
	assert_int_equal(c->slow_delay, 10);
	assert_int_equal(c->slow_max, 10);
	assert_int_equal(c->tarpit_style, STYLE_SLOW);
	assert_int_equal(c->drop_style, STYLE_ANSWER);
	assert_int_equal(c->answer_at, ANSWER_AT_MAIL);
	assert_int_equal(c->answer_rate, 50);
	assert_int_equal(c->answer_via, ANSWER_REFLECT);
	assert_int_equal(c->recheck_interval, 3600);
	assert_int_equal(c->lease, 86400);
	assert_int_equal(c->ipv6_prefix, 64);
	assert_int_equal(c->flows_max, 65536);
	assert_int_equal(c->retention, 400 * 86400);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	config_free(c);
}

static void test_every_key(void **state)
{
	struct config *c = parse("# all of them\n"
				 "mode: enforce\n"
				 "outside: [eth0, eth1.100]\n"
				 "xdp: off\n"
				 "cgroup: /sys/fs/cgroup/mail.slice\n"
				 "ports: {mx: [25, 2525], submission: []}\n"
				 "tls_sight: on\n"
				 "tls_executables: [/opt/mta/smtpd]\n"
				 "exempt: [192.0.2.7, 198.51.100.0/24, '2001:db8::/32']\n"
				 "contact: postmaster@example.org, +49 30 1234\n"
				 "hostname: mx.example.org\n"
				 "policy: /etc/buildgate/mine.yaml\n"
				 "policy_dir: /etc/buildgate/policy\n"
				 "catalogue: /srv/exchange.json\n"
				 "catalogue_max_age: 30d\n"
				 "catalogue_keys: [" KEY_A ",\n"
				 "  {key: " KEY_B ", not_before: 2026-01-01, not_after: "
				 "2026-01-31}]\n"
				 "catalogue_dir: /srv/inbox\n"
				 "grace_days: 0\n"
				 "state_dir: /srv/state\n"
				 "control_socket: /srv/c.sock\n"
				 "control_group: adm\n"
				 "http: '[2001:db8::1]:80'\n"
				 "http_open: yes\n"
				 "slow_delay: 1s\n"
				 "recheck_interval: 10m\n"
				 "lease: 2h\n"
				 "ipv6_prefix: 56\n"
				 "flows_max: 1024\n"
				 "verdicts_max: 1000000\n"
				 "ranges_max: 64\n"
				 "retention: 30d\n"
				 "log_level: debug\n");
	struct addr net;

	(void)state;
	assert_int_equal(c->mode, MODE_ENFORCE);
	assert_int_equal(c->catalogue_keys.count, 2);
	assert_int_equal(c->catalogue_keys.list[0].not_after, 0);
	/* both days are good ones */
	assert_int_equal(c->catalogue_keys.list[1].not_after - c->catalogue_keys.list[1].not_before,
			 31 * 86400);
	assert_string_equal(c->catalogue_dir, "/srv/inbox");
	assert_string_equal(c->outside.list[1], "eth1.100");
	assert_int_equal(c->xdp, XDP_MODE_OFF);
	assert_string_equal(c->cgroup, "/sys/fs/cgroup/mail.slice");
	assert_int_equal(c->mx.list[1], 2525);
	assert_int_equal(c->submission.count, 0);
	assert_true(c->tls_sight);
	assert_int_equal(c->tls_executables.count, 1);
	assert_string_equal(c->tls_executables.list[0], "/opt/mta/smtpd");
	assert_int_equal(c->exempt.count, 3);
	assert_int_equal(c->exempt.list[0].bits, 128);
	assert_int_equal(c->exempt.list[1].bits, 120);
	assert_int_equal(address_parse("198.51.100.0", &net), 0);
	assert_memory_equal(&c->exempt.list[1].addr, &net, sizeof(net));
	assert_string_equal(c->contact, "postmaster@example.org, +49 30 1234");
	assert_int_equal(c->grace_days, 0);
	assert_int_equal(c->http.addr.ss_family, AF_INET6);
	assert_true(c->http_open);
	assert_int_equal(c->recheck_interval, 600);
	assert_int_equal(c->verdicts_max, 1000000);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	config_free(c);
}

/* Each row: a file, and what its one error must contain, the place first. */
static const struct {
	const char *text, *place, *says;
} bad[] = {
	/* the file as a whole */
	{ "", "t:1: outside:", "the file is empty" },
	{ "# nothing\n", "t:1: outside:", "the file is empty" },
	{ "mode: report\n", "t:1: outside:", "is missing; expected a list of interface names" },
	{ "just words\n", "t:1: ", "not a mapping" },
	{ "- a\n- b\n", "t:1: ", "not a mapping" },
	{ OUT "mode: [report\n", "t:3: ", "not YAML" },
	{ OUT "\tmode: report\n", "t:2: ", "not YAML" },
	{ OUT "mode: 'report\n", "t:3: ", "scalar that begins in line 2" },
	{ OUT "contact: *nobody\n", "t:2: ", "not YAML" },
	{ OUT "---\nmode: off\n", "t:3: ", "a second document" },
	{ OUT "[a]: b\n", "t:2: ", "where a key belongs" },
	{ OUT "? {a: b}\n: c\n", "t:2: ", "where a key belongs" },
	/* keys */
	{ OUT "modus: report\n", "t:2: unknown key 'modus'", "expected 'mode'?" },
	{ "outsid: [eth0]\n", "t:1: unknown key 'outsid'", "expected 'outside'?" },
	{ OUT "\n\ncolour: red\n", "t:4: unknown key 'colour'", "buildgate.yaml(5)" },
	{ OUT "'': red\n", "t:2: unknown key ''", "expected" },
	{ OUT "Mode: report\n", "t:2: unknown key 'Mode'", "expected 'mode'?" },
	{ OUT "\"a\\nb\": 1\n", "t:2: unknown key 'a\\x0ab'", "expected" },
	{ OUT "mode: off\nxdp: off\nmode: off\n", "t:4: mode:", "stands already in line 2" },
	{ OUT "ports: {mx: [25], mx: [26]}\n", "t:2: mx:", "stands already" },
	{ OUT "ports: {mtx: [25]}\n", "t:2: unknown key 'mtx' in ports", "expected 'mx'?" },
	/* words and flags */
	{ OUT "mode: on\n", "t:2: mode:", "'on' is none of the words; expected off, report" },
	{ OUT "mode:\n", "t:2: mode:", "no value" },
	{ OUT "mode: ~\n", "t:2: mode:", "no value" },
	{ OUT "mode: [off]\n", "t:2: mode:", "a list where one value belongs" },
	{ OUT "mode: {off: 1}\n", "t:2: mode:", "a mapping where one value belongs" },
	{ OUT "mode: enforce\n", "t:2: mode:", "needs the key contact" },
	{ OUT "xdp: fast\n", "t:2: xdp:", "expected native, generic or off" },
	{ OUT "log_level: loud\n", "t:2: log_level:", "expected error, warning, info or debug" },
	{ OUT "http_open: maybe\n", "t:2: http_open:", "neither true nor false" },
	/* interfaces */
	{ "outside: eth0\n", "t:1: outside:", "not a list; expected a list of interface names" },
	{ "outside: []\n", "t:1: outside:", "the list is empty" },
	{ "outside: [lo]\n", "t:1: outside:", "lo carries" },
	{ "outside:\n- eth0\n- eth1\n- eth0\n", "t:4: outside:", "'eth0' stands twice" },
	{ "outside: [interface-name-16]\n", "t:1: outside:", "not an interface name" },
	{ "outside: [a/b]\n", "t:1: outside:", "not an interface name" },
	{ "outside: ['a b']\n", "t:1: outside:", "not an interface name" },
	{ "outside: [[eth0]]\n", "t:1: outside:", "a list where one value belongs" },
	/* TLS sight */
	{ OUT "tls_sight: maybe\n", "t:2: tls_sight:", "expected on or off" },
	{ OUT "tls_executables: /usr/sbin/exim4\n", "t:2: tls_executables:", "not a list" },
	{ OUT "tls_executables: [exim4]\n", "t:2: tls_executables:", "does not begin with '/'" },
	{ OUT "tls_executables: [[/usr/sbin/exim4]]\n", "t:2: tls_executables:", "a list where" },
	/* ports */
	{ OUT "ports: [25]\n", "t:2: ports:", "not a mapping" },
	{ OUT "ports: {mx: 25}\n", "t:2: mx:", "not a list" },
	{ OUT "ports: {mx: []}\n", "t:2: mx:", "the list is empty" },
	{ OUT "ports: {mx: [0]}\n", "t:2: mx:", "'0' is not a port" },
	{ OUT "ports: {mx: [65536]}\n", "t:2: mx:", "'65536' is not a port" },
	{ OUT "ports: {mx: [smtp]}\n", "t:2: mx:", "'smtp' is not a port" },
	{ OUT "ports:\n  mx:\n  - 25\n  - 25\n", "t:5: mx:", "port 25 stands twice" },
	{ OUT "ports: {mx: [1,2,3,4,5,6,7,8,9]}\n", "t:2: mx:", "9 entries, at most 8 fit" },
	{ OUT "ports: {mx: [25], submission: [25]}\n", "t:2: ports:", "both mx and submission" },
	/* ranges */
	{ OUT "exempt: 192.0.2.0/24\n", "t:2: exempt:", "not a list" },
	{ OUT "exempt: [192.0.2.1/24]\n", "t:2: exempt:", "has host bits set" },
	{ OUT "exempt:\n- 192.0.2.1\n- 192.0.2\n", "t:4: exempt:", "'192.0.2' is not a range" },
	{ OUT "exempt: [192.0.2.0/33]\n", "t:2: exempt:", "is not a range" },
	{ OUT "exempt: [example.org]\n", "t:2: exempt:", "is not a range" },
	/* texts and paths */
	{ OUT "contact: ''\n", "t:2: contact:", "no value" },
	{ OUT "contact: \"a\\r\\nb\"\n", "t:2: contact:", "other than printable ASCII" },
	{ OUT "contact: \"a\\0b\"\n", "t:2: contact:", "a NUL byte" },
	{ OUT "contact: gr\xc3\xbc\xc3\x9f@example.org\n", "t:2: contact:", "printable ASCII" },
	{ OUT "hostname: mx_example\n", "t:2: hostname:", "is not a host name" },
	{ OUT "hostname: .example.org\n", "t:2: hostname:", "is not a host name" },
	{ OUT "state_dir: var/lib\n", "t:2: state_dir:", "does not begin with '/'" },
	{ OUT "policy: mine/policy.yaml\n", "t:2: policy:", "does not begin with '/'" },
	{ OUT "policy: ..\n", "t:2: policy:", "is not the name of a policy" },
	{ OUT "catalogue_keys: x\n", "t:2: catalogue_keys:", "not a list; expected a list of" },
	{ OUT "catalogue_keys: [x]\n", "t:2: catalogue_keys:", "'x' is not a public key" },
	{ OUT "catalogue_keys: [[]]\n", "t:2: catalogue_keys:", "" },
	{ OUT "catalogue_keys: [{}]\n", "t:2: catalogue_keys:", "the key itself is missing" },
	{ OUT "catalogue_keys: [{kye: x}]\n", "t:2: catalogue_keys:", "unknown word 'kye'" },
	{ OUT "catalogue_keys: [" KEY_A "," KEY_A "]\n",
	  "t:2: catalogue_keys:", "stands there twice" },
	{ OUT "catalogue_keys: [{key: " KEY_A ", not_before: soon}]\n",
	  "t:2: catalogue_keys:", "'soon' is not a day" },
	{ OUT "catalogue_keys: [{key: " KEY_A ", not_before: 2026-02-01, not_after: "
	      "2026-01-31}]\n",
	  "t:2: catalogue_keys:", "not_after is before not_before" },
	{ OUT "catalogue_dir: inbox\n", "t:2: catalogue_dir:", "expected an absolute path" },
	{ OUT "catalogue: exchange.json\n", "t:2: catalogue:", "expected an absolute path" },
	{ OUT "cgroup: on\n", "t:2: cgroup:", "expected auto, off or the path" },
	/* numbers and spans */
	{ OUT "grace_days: -1\n", "t:2: grace_days:", "'-1' is not a whole number" },
	{ OUT "grace_days: 3.5\n", "t:2: grace_days:", "'3.5' is not a whole number" },
	{ OUT "grace_days: 366\n", "t:2: grace_days:", "366 is out of range; expected a number" },
	{ OUT "flows_max: 1e6\n", "t:2: flows_max:", "not a whole number" },
	{ OUT "flows_max: 99999999999999999999\n", "t:2: flows_max:", "not a whole number" },
	{ OUT "ipv6_prefix: 129\n", "t:2: ipv6_prefix:", "out of range" },
	{ OUT "slow_delay: 10\n", "t:2: slow_delay:", "'10' is not a time span" },
	{ OUT "slow_delay: 200s\n", "t:2: slow_delay:", "200s is out of range; expected a time" },
	{ OUT "answer_via: back\n", "t:2: answer_via:", "expected reflect or route" },
	{ OUT "slow_max: 0\n", "t:2: slow_max:", "expected a number from 1 to 1024" },
	{ OUT "lease: 1m\n", "t:2: lease:", "out of range" },
	{ OUT "retention: forever\n", "t:2: retention:", "is not a time span" },
	/* http */
	{ OUT "http: 9725\n", "t:2: http:", "is not an address with a port" },
	{ OUT "http: 127.0.0.1:0\n", "t:2: http:", "is not an address with a port" },
	{ OUT "http: localhost:9725\n", "t:2: http:", "'localhost' is not an address" },
	{ OUT "http: '::1:9725'\n", "t:2: http:", "is not an address with a port" },
	{ OUT "http: 192.0.2.1:9725\n", "t:2: http:", "is not a loopback address" },
	{ OUT "http: '[2001:db8::1]:9725'\n", "t:2: http:", "http_open: true" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct config *config = NULL;
		struct error e = { "" };
		int rc = config_parse("t", bad[i].text, strlen(bad[i].text), &config, &e);

		if (!rc || config)
			fail_msg("row %zu was taken: %s", i, bad[i].text);
		if (strncmp(e.text, bad[i].place, strlen(bad[i].place)) ||
		    !strstr(e.text, bad[i].says))
			fail_msg("row %zu: '%s'", i, e.text);
		assert_null(strchr(e.text, '\n'));
	}
}

static void test_long_socket_path(void **state)
{
	struct config *config = NULL;
	struct error e = { "" };
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), OUT "control_socket: /%0120d\n", 0);
	assert_int_equal(config_parse("t", text, strlen(text), &config, &e), -EINVAL);
	assert_non_null(strstr(e.text, "t:2: control_socket: 121 characters"));
}

static void test_no_file(void **state)
{
	struct config *config = NULL;
	struct error e = { "" };

	(void)state;
	assert_int_equal(config_load("/nowhere/buildgate.yaml", &config, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nowhere/buildgate.yaml: cannot be opened"));
	assert_int_equal(config_load("/", &config, &e), -EIO);
	assert_null(config);
}

static void test_shipped_file(void **state)
{
	struct config *config = NULL;
	struct error e = { "" };

	(void)state;
	if (config_load("packaging/buildgate.yaml", &config, &e))
		fail_msg("%s", e.text);
	assert_int_equal(config->mode, MODE_REPORT);
	config_free(config);
}

static void test_manual_page(void **state)
{
	static char page[32768];
	FILE *f = fopen("docs/man/buildgate.yaml.5", "r");
	char bold[64], marked[80];
	const char *key;

	(void)state;
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (unsigned int i = 0; (key = config_key_name(i)); i++) {
		snprintf(bold, sizeof(bold), ".TP\n.B %s\n", key);
		snprintf(marked, sizeof(marked), ".TP\n.BR %s \" (", key);
		if (!strstr(page, bold) && !strstr(page, marked))
			fail_msg("%s is not in the manual page", key);
	}
}

static void test_keep(void **state)
{
	struct config *was = parse(OUT "ports: {mx: [26]}\nlease: 1h\n");
	struct config *is = parse("outside: [eth1]\nlease: 2h\n");

	(void)state;
	config_keep(is, was);
	assert_string_equal(is->outside.list[0], "eth0");
	assert_int_equal(is->mx.list[0], 26);
	assert_int_equal(is->lease, 7200);
	config_free(was);
	config_free(is);
}

static void test_changed(void **state)
{
	struct config *a = parse(OUT "exempt: [192.0.2.1]\nlease: 1h\n");
	struct config *b = parse("outside: [eth1]\nlease: 1h\nports: {mx: [26]}\n");
	bool restart = false;

	(void)state;
	assert_null(config_changed(a, a, 0, &restart));
	assert_string_equal(config_changed(a, b, 0, &restart), "outside");
	assert_true(restart);
	assert_string_equal(config_changed(a, b, 1, &restart), "exempt");
	assert_false(restart);
	assert_string_equal(config_changed(a, b, 2, &restart), "mx");
	assert_true(restart);
	assert_null(config_changed(a, b, 3, &restart));
	config_free(a);
	config_free(b);
}

static void test_cgroup(void **state)
{
	static const char hybrid[] =
		"24 29 0:22 / /sys rw,nosuid - sysfs sysfs rw\n"
		"31 24 0:27 / /sys/fs/cgroup ro,nosuid shared:4 - tmpfs tmpfs ro,mode=755\n"
		"33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"32 31 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
	struct config *c = parse(OUT);
	char path[] = "/tmp/test_config.XXXXXX", buf[64];
	struct error e = { "" };
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, hybrid, sizeof(hybrid) - 1), sizeof(hybrid) - 1);
	assert_int_equal(config_cgroup(c, path, buf, sizeof(buf), &e), 0);
	assert_string_equal(buf, "/sys/fs/cgroup/unified");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(config_cgroup(c, path, buf, sizeof(buf), &e), -ENOENT);
	assert_non_null(strstr(e.text, "no cgroup v2 is mounted"));
	strcpy(c->cgroup, "off");
	assert_int_equal(config_cgroup(c, "/nowhere", buf, sizeof(buf), &e), 0);
	assert_string_equal(buf, "");
	strcpy(c->cgroup, "/cg/mail");
	assert_int_equal(config_cgroup(c, "/nowhere", buf, sizeof(buf), &e), 0);
	assert_string_equal(buf, "/cg/mail");
	close(fd);
	unlink(path);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),         cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_errors),           cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_long_socket_path), cmocka_unit_test(test_shipped_file),
		cmocka_unit_test(test_changed),          cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_manual_page),      cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
