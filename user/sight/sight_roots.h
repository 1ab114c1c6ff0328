/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight_roots - the file trees that processes of this host live in: its own, chroots, containers
 *
 * A tree is reached through /proc/PID/root of one process that lives there. Trees of other user
 * namespaces are left alone: whoever made one decides what is in it, down to file systems that
 * never answer. Paths are resolved inside a tree and cannot lead out of it.
 */
#ifndef BUILDGATE_SIGHT_ROOTS_H
#define BUILDGATE_SIGHT_ROOTS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define SIGHT_ROOTS_MAX 256

struct sight_root {
	int fd;         /* O_PATH */
	char name[128]; /* "/", a chroot's path, or "container of process PID" */
	dev_t dev;
	ino_t ino, space; /* of the directory; of the mount namespace */
};

struct sight_roots {
	struct sight_root list[SIGHT_ROOTS_MAX];
	unsigned int count;
	unsigned int foreign; /* processes in other user namespaces */
	bool full;            /* there are more */
};

/* sight_roots_open - all trees of `proc` ("/proc"), our own first; -errno */
int sight_roots_open(const char *proc, struct sight_roots *ret);
void sight_roots_close(struct sight_roots *roots);

/* sight_root_open - a regular file in a tree, read-only; -errno. -EPERM: not root's alone to
 * write, so what is in it is anybody's word */
int sight_root_open(const struct sight_root *root, const char *path, struct stat *ret_stat);

/* sight_mapped - a process of `proc` still has the file mapped; `name` is the end of its path */
bool sight_mapped(const char *proc, dev_t dev, ino_t ino, const char *name);

#endif
