// SPDX-License-Identifier: BSD-2-Clause
/* File systems that must be mounted. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_private.h"

#define SECTION "mounts"

/* keep - the first place where a file system is */
static void keep(char *to, size_t size, const char *place)
{
	if (!to[0])
		snprintf(to, size, "%.120s", place);
}

/* read_mounts - proc(5): fields 5 the place, and the type behind the " - " */
static void read_mounts(struct doctor *d, struct doctor_mounts *m)
{
	FILE *f = doctor_open(d, "/proc/self/mountinfo");
	char line[4096], place[1024], type[64];
	const char *dash;

	while (f && fgets(line, sizeof(line), f)) {
		dash = strstr(line, " - ");
		if (!dash || sscanf(line, "%*s %*s %*s %*s %1023s", place) != 1 ||
		    sscanf(dash, " - %63s", type) != 1)
			continue;
		if (!strcmp(type, "bpf") && !strcmp(place, "/sys/fs/bpf"))
			m->bpffs = true;
		else if (!strcmp(type, "cgroup2"))
			keep(m->cgroup2, sizeof(m->cgroup2), place);
		else if (!strcmp(type, "tracefs"))
			keep(m->tracefs, sizeof(m->tracefs), place);
	}
	if (f)
		fclose(f);
}

/* doctor_mounts - by the table of this process, which is the host's */
void doctor_mounts(struct doctor *d)
{
	struct doctor_mounts m = { 0 };
	char path[512];

	read_mounts(d, &m);
	if (d->config && d->config->cgroup[0] == '/') {
		snprintf(path, sizeof(path), "%s%s", d->root, d->config->cgroup);
		m.cgroup_there = access(path, F_OK) == 0;
	}
	doctor_mounts_judge(d, &m);
}

/* judge_cgroup - where sockops is to be attached */
static void judge_cgroup(struct doctor *d, const struct doctor_mounts *m)
{
	const char *wanted = d->config ? d->config->cgroup : "auto";

	if (!strcmp(wanted, "off")) {
		doctor_say(d, SECTION, DOCTOR_OK, "cgroup2 is not needed: cgroup is off");
	} else if (!m->cgroup2[0]) {
		doctor_say(d, SECTION, DOCTOR_BAD, "cgroup2 is not mounted anywhere");
		doctor_next(
			d, "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or say cgroup: off if no mail "
			   "server runs on this host; then systemctl restart buildgated");
	} else if (wanted[0] == '/' && !m->cgroup_there) {
		doctor_say(d, SECTION, DOCTOR_BAD, "the configured cgroup %s is not there", wanted);
		doctor_next(d,
			    "start the mail server whose cgroup it is, or say cgroup: auto in %s",
			    d->config_path);
	} else {
		doctor_say(d, SECTION, DOCTOR_OK, "cgroup2 is at %s", m->cgroup2);
	}
}

/* doctor_mounts_judge - bpffs, cgroup2, tracefs */
void doctor_mounts_judge(struct doctor *d, const struct doctor_mounts *m)
{
	bool sight = d->config && d->config->tls_sight;

	if (m->bpffs) {
		doctor_say(d, SECTION, DOCTOR_OK, "bpffs is at /sys/fs/bpf");
	} else {
		doctor_say(d, SECTION, DOCTOR_BAD,
			   "no bpffs at /sys/fs/bpf: the gate cannot be pinned there");
		doctor_next(d, "mount -t bpf bpf /sys/fs/bpf, then systemctl restart buildgated");
	}
	judge_cgroup(d, m);
	if (m->tracefs[0]) {
		doctor_say(d, SECTION, DOCTOR_OK, "tracefs is at %s", m->tracefs);
		return;
	}
	/* whether sight works all the same is said by its own findings */
	doctor_say(d, SECTION, DOCTOR_NOTE, "tracefs is not mounted%s",
		   sight ? ", which older kernels need for TLS sight"
			 : "; only TLS sight needs it, which is off");
	doctor_next(d, "mount -t tracefs tracefs /sys/kernel/tracing");
}
