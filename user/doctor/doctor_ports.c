// SPDX-License-Identifier: BSD-2-Clause
/* Ports: does somebody listen where the gate looks, and does it look where somebody listens? */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"

#define SECTION "ports"
#define LISTEN  0x0a

/* local - 127.0.0.0/8 and ::1 as /proc/net prints words in memory order */
static bool local(const char *addr)
{
	unsigned int word;

	if (strlen(addr) == 8)
		return sscanf(addr, "%8x", &word) == 1 && ntohl(word) >> 24 == 127;
	return !strcmp(addr, "00000000000000000000000001000000");
}

/* add_listeners - proc_net_tcp(5); a busy host has other lines by the million, mail ports few */
static void add_listeners(const struct doctor *d, const char *path, struct doctor_ports *p)
{
	FILE *f = doctor_open(d, path);
	unsigned int port, state;
	char line[512], addr[40];

	while (f && fgets(line, sizeof(line), f) && p->count < DOCTOR_LISTENERS) {
		if (sscanf(line, " %*[^:]: %39[0-9A-F]:%x %*s %x", addr, &port, &state) != 3 ||
		    state != LISTEN || local(addr))
			continue;
		p->list[p->count++] = (uint16_t)port;
	}
	if (f)
		fclose(f);
}

/* doctor_ports - of this network namespace */
void doctor_ports(struct doctor *d)
{
	struct doctor_ports p = { .count = 0 };

	p.transit = d->config && !strcmp(d->config->cgroup, "off");
	add_listeners(d, "/proc/net/tcp", &p);
	add_listeners(d, "/proc/net/tcp6", &p);
	doctor_ports_judge(d, &p);
}

/* listens - somebody does, for others than this host */
static bool listens(const struct doctor_ports *p, uint16_t port)
{
	for (unsigned int i = 0; i < p->count; i++)
		if (p->list[i] == port)
			return true;
	return false;
}

/* listed - the gate looks there */
static bool listed(const struct config_ports *ports, uint16_t port)
{
	for (unsigned int i = 0; i < ports->count; i++)
		if (ports->list[i] == port)
			return true;
	return false;
}

/* judge_unwatched - mail that comes where the gate does not look */
static void judge_unwatched(struct doctor *d, const struct doctor_ports *p)
{
	static const uint16_t usual[] = { 25, 587, 2525 };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (!listens(p, usual[i]) || listed(&d->config->mx, usual[i]) ||
		    listed(&d->config->submission, usual[i]))
			continue;
		doctor_say(d, SECTION, usual[i] == 25 ? DOCTOR_WARN : DOCTOR_NOTE,
			   "a server listens on port %u, which the gate does not look at",
			   usual[i]);
		doctor_next(d, "add %u to %s in ports: in %s and restart buildgated", usual[i],
			    usual[i] == 587 ? "submission" : "mx", d->config_path);
	}
}

/* doctor_ports_judge - mx ports are where enforcement happens */
void doctor_ports_judge(struct doctor *d, const struct doctor_ports *p)
{
	unsigned int silent = 0;

	if (!d->config)
		return;
	if (p->transit) {
		doctor_say(d, SECTION, DOCTOR_OK,
			   "cgroup is off: mail servers are behind this host");
		return;
	}
	for (unsigned int i = 0; i < d->config->mx.count; i++) {
		uint16_t port = d->config->mx.list[i];

		silent += !listens(p, port);
		if (listens(p, port))
			doctor_say(d, SECTION, DOCTOR_OK, "a server listens on port %u", port);
	}
	if (silent == d->config->mx.count) {
		doctor_say(d, SECTION, DOCTOR_WARN, "no server on this host listens on port %u",
			   d->config->mx.list[0]);
		doctor_next(d,
			    "start the mail server, or say cgroup: off in %s if it is behind "
			    "this host",
			    d->config_path);
	}
	judge_unwatched(d, p);
}
