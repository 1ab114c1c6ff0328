/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor_private - what the doctor's files share, and the facts that each judges
 *
 * doctor_say() adds a finding; doctor_next() behind it says the one next step. A finding that needs
 * something done has one. Looking functions take a struct doctor, judging ones facts too.
 */
#ifndef BUILDGATE_DOCTOR_PRIVATE_H
#define BUILDGATE_DOCTOR_PRIVATE_H

#include <net/if.h>
#include <stddef.h>

#include "doctor.h"
#include "maps/reasons.h"
#include "user/base/error.h"

#define DOCTOR_INTERFACES (LOADER_INTERFACES_MAX)

void doctor_say(struct doctor *d, const char *section, enum doctor_level level, const char *format,
		...) __attribute__((format(printf, 4, 5)));
void doctor_next(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* doctor_read - the first bytes of a file below root, without the newline; false: not there */
bool doctor_read(const struct doctor *d, const char *path, char *buf, size_t size);

/* doctor_open - a file below root, or NULL */
FILE *doctor_open(const struct doctor *d, const char *path);

/* doctor_outside - the outside interfaces: of the configuration, else those with hooks. Returns
 * how many */
unsigned int doctor_outside(const struct doctor *d, char ret[DOCTOR_INTERFACES][IF_NAMESIZE]);

/* doctor_hook - the row of a hook on an interface (NULL: sockops), or NULL */
const json_t *doctor_hook(const struct doctor *d, const char *hook, const char *interface);

/* Strings and numbers of JSON that may not be there. */
const char *doctor_text(const json_t *object, const char *key); /* printable ASCII, or NULL */
int64_t doctor_number(const json_t *object, const char *key);   /* 0: not there */

/* ---- doctor_daemon.c, doctor_hooks.c ---- */

void doctor_daemon(struct doctor *d);
void doctor_hooks(struct doctor *d);

/* ---- doctor_kernel.c ---- */

struct doctor_kernel {
	char release[64];
	const char *untried; /* why the following could not be tried; NULL: they were */
	bool btf, tcx;
	int xdp, classifier, sockops, ringbuf, loop; /* 1 there, 0 not, below 0 not known */
	int jit;                                     /* bpf_jit_enable; below 0 not known */
	bool uprobes;                                /* without help of tracefs */
	bool confidential;                           /* lockdown */
	bool stats;                                  /* bpf_stats_enabled */
};
void doctor_kernel(struct doctor *d);
void doctor_kernel_judge(struct doctor *d, const struct doctor_kernel *k);

/* ---- doctor_mounts.c ---- */

struct doctor_mounts {
	bool bpffs;        /* at /sys/fs/bpf */
	char cgroup2[128]; /* first place; empty: nowhere */
	char tracefs[128];
	bool cgroup_there; /* the configured directory is there */
};
void doctor_mounts(struct doctor *d);
void doctor_mounts_judge(struct doctor *d, const struct doctor_mounts *m);

/* ---- doctor_limits.c ---- */

struct doctor_limits {
	bool memlock_counts; /* a kernel before 5.11 */
	uint64_t memlock;    /* of the daemon; UINT64_MAX: none */
	uint64_t memory_max; /* of its cgroup; UINT64_MAX: none, 0: not known */
	uint64_t memory_used;
	struct doctor_fill {
		const char *name, *key; /* of the map, and of the configuration */
		int64_t entries, max;   /* max 0: not known */
	} fill[2];
};
void doctor_limits(struct doctor *d);
void doctor_limits_judge(struct doctor *d, const struct doctor_limits *l);

/* ---- doctor_clock.c ---- */

struct doctor_clock {
	bool synchronized;
	int64_t max_error_us;
	int64_t kernel_offset_s; /* of a lab clock */
	bool lab;
};
void doctor_clock(struct doctor *d);
void doctor_clock_judge(struct doctor *d, const struct doctor_clock *c);

/* ---- doctor_programs.c ---- */

#define DOCTOR_PROGRAMS 32

struct doctor_program {
	unsigned int id;
	char name[32]; /* empty: not known */
	bool ours;
	bool filter; /* a TC filter, behind all TCX programs */
};

/* Programs at one hook, in the order in which they run. */
struct doctor_chain {
	const char *hook, *interface; /* NULL: the cgroup */
	struct doctor_program list[DOCTOR_PROGRAMS];
	unsigned int count;
};
void doctor_programs(struct doctor *d);
void doctor_programs_judge(struct doctor *d, const struct doctor_chain *chain);

/* ---- doctor_links.c looks, doctor_paths.c judges ---- */

struct doctor_link {
	char name[IF_NAMESIZE];
	char kind[16]; /* "bridge", "bond", "vlan", "" */
	int index, master, lower;
	bool up, loopback, outside;
	bool switched;         /* a port of a switch chip */
	unsigned int defaults; /* default routes through it */
	unsigned int gateways; /* other routes with a gateway */
	char offloads[128];    /* that may take packets past TC; empty: none is on */
};
struct doctor_links {
	struct doctor_link *list;
	unsigned int count;
};
int doctor_links_read(struct doctor_links *ret, struct error *e);
void doctor_links_free(struct doctor_links *links);
void doctor_paths(struct doctor *d);
void doctor_paths_judge(struct doctor *d, const struct doctor_links *links);

/* ---- doctor_answers.c ---- */

struct doctor_answers {
	struct {
		char name[IF_NAMESIZE];
		int type; /* ARPHRD; negative: not known */
	} interface[DOCTOR_INTERFACES];
	unsigned int count;
	bool route; /* by the routing table */
	int ipsec;  /* ranges under a policy; negative: not known */
};
void doctor_answers(struct doctor *d);
void doctor_answers_judge(struct doctor *d, const struct doctor_answers *a);

/* ---- doctor_mail.c: the mail server's limits and the ports ---- */

/* What holds a server's sessions, and so how many the tarpit may hold. */
struct doctor_mta {
	char name[32];      /* "Postfix" */
	char path[256];     /* where its limits stand */
	int64_t sessions;   /* in all; 0: no limit known */
	int64_t per_client; /* of one address; 0: no limit */
	const char *key, *client_key;
};
void doctor_mail(struct doctor *d);
/* what a process is limited to, in its own root; -1: that is not known */
int doctor_mail_postfix(const struct doctor *d, const char *pid, struct doctor_mta *ret);
int doctor_mail_exim(const struct doctor *d, const char *pid, struct doctor_mta *ret);
int doctor_mail_opensmtpd(const struct doctor *d, const char *pid, struct doctor_mta *ret);
void doctor_mail_judge(struct doctor *d, const struct doctor_mta *mta);

#define DOCTOR_LISTENERS 512

struct doctor_ports {
	uint16_t list[DOCTOR_LISTENERS]; /* somebody listens, not on loopback only */
	unsigned int count;
	bool transit; /* no mail server on this host is meant to listen */
};
void doctor_ports(struct doctor *d);
void doctor_ports_judge(struct doctor *d, const struct doctor_ports *p);

/* ---- doctor_state.c: what the gate knows and keeps ---- */

void doctor_catalogue(struct doctor *d);

struct doctor_store {
	char path[512];
	bool there, readable, sqlite;
	uint64_t bytes, free_bytes, total_bytes;
};
void doctor_store(struct doctor *d);
void doctor_store_judge(struct doctor *d, const struct doctor_store *s);

/* What the kernel counted of connections, all hooks. */
struct doctor_events {
	bool counted; /* the counters could be read */
	uint64_t count[REASON_MAX];
};
void doctor_events(struct doctor *d);
void doctor_events_judge(struct doctor *d, const struct doctor_events *v);

/* ---- doctor_tls.c ---- */

void doctor_tls(struct doctor *d);

#endif
