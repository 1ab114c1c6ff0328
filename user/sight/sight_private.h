/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight_private - what the files of sight share: sight.c (the looking, the account),
 * sight_probe.c (one file: its calls, its probes), sight_trial.c (is this kernel fit?)
 */
#ifndef BUILDGATE_SIGHT_PRIVATE_H
#define BUILDGATE_SIGHT_PRIVATE_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sight.h"
#include "sight_elf.h"

#define SIGHT_LINKS_MAX 24

/* What of a TLS library's work a file shows; a mail server is covered when it shows all. */
enum sight_role {
	SIGHT_READ = 1 << 0,
	SIGHT_WRITE = 1 << 1,
	SIGHT_BIND = 1 << 2,
	SIGHT_ALL = SIGHT_READ | SIGHT_WRITE | SIGHT_BIND,
};

enum sight_library { SIGHT_OPENSSL, SIGHT_GNUTLS, SIGHT_POSTFIX, SIGHT_LIBRARIES };

/* What files of one mail server show together. */
struct sight_shown {
	unsigned int roles[SIGHT_LIBRARIES]; /* enum sight_role */
	bool pointer;                        /* some call goes through a pointer: it has no place */
};

/* A probed file. */
struct sight_file {
	dev_t dev;
	ino_t ino;
	char name[SIGHT_NAME]; /* "/smtpd": the end of its path */
	bool seen;             /* by the scan that runs */
	struct sight_shown shown;
	struct sight_elf elf;
	struct bpf_link *links[SIGHT_LINKS_MAX];
	unsigned int link_count;
};

/* sight_probe - read the file at fd and set its probes; on failure none stay */
int sight_probe(const struct loader *loader, int fd, bool executable, struct sight_file *file,
		struct error *e);

/* sight_trial - may processes be probed on this kernel at all? */
int sight_trial(const struct loader *loader, struct error *e);

/* sight_release - take its probes away */
void sight_release(struct sight_file *file);

#endif
