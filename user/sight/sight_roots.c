// SPDX-License-Identifier: BSD-2-Clause
#include "sight_roots.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* known - the tree is in the list */
static bool known(const struct sight_roots *roots, const struct sight_root *root)
{
	for (unsigned int i = 0; i < roots->count; i++)
		if (roots->list[i].dev == root->dev && roots->list[i].ino == root->ino &&
		    roots->list[i].space == root->space)
			return true;
	return false;
}

/* name_root - as people would call it */
static void name_root(const char *dir, const char *process, bool same_space,
		      struct sight_root *root)
{
	char link[512];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/root", dir);
	n = readlink(link, root->name, sizeof(root->name) - 1);
	root->name[n > 0 ? n : 0] = '\0';
	if (n <= 0 || !same_space)
		snprintf(root->name, sizeof(root->name), "container of process %.20s", process);
}

/* add_root - the tree of one process, unless it is known or not ours to look into */
static void add_root(struct sight_roots *roots, const char *proc, const char *process)
{
	struct sight_root root = { .fd = -1 };
	char dir[256], path[512];
	struct stat self, other;

	snprintf(dir, sizeof(dir), "%s/%s", proc, process);
	snprintf(path, sizeof(path), "%s/ns/user", dir);
	if (stat("/proc/self/ns/user", &self) || stat(path, &other))
		return;
	if (self.st_ino != other.st_ino) {
		roots->foreign++;
		return;
	}
	snprintf(path, sizeof(path), "%s/ns/mnt", dir);
	if (stat("/proc/self/ns/mnt", &self) || stat(path, &other))
		return;
	root.space = other.st_ino;
	snprintf(path, sizeof(path), "%s/root/", dir);
	root.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root.fd < 0)
		return;
	if (fstat(root.fd, &other)) {
		close(root.fd);
		return;
	}
	root.dev = other.st_dev;
	root.ino = other.st_ino;
	if (known(roots, &root) || roots->count == SIGHT_ROOTS_MAX) {
		roots->full = roots->full || !known(roots, &root);
		close(root.fd);
		return;
	}
	name_root(dir, process, self.st_ino == root.space, &root);
	roots->list[roots->count++] = root;
}

/* sight_roots_open - a process that ends while we look is no error */
int sight_roots_open(const char *proc, struct sight_roots *ret)
{
	DIR *dir = opendir(proc);
	struct dirent *entry;

	memset(ret, 0, sizeof(*ret));
	if (!dir)
		return -errno;
	add_root(ret, "/proc", "self");
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_root(ret, proc, entry->d_name);
	closedir(dir);
	return 0;
}

/* sight_roots_close - and forget */
void sight_roots_close(struct sight_roots *roots)
{
	for (unsigned int i = 0; i < roots->count; i++)
		close(roots->list[i].fd);
	roots->count = 0;
}

/* sight_root_open - O_NONBLOCK: a pipe by that name must not hold us up */
int sight_root_open(const struct sight_root *root, const char *path, struct stat *ret_stat)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how)), rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_stat))
		rc = -errno;
	else if (!S_ISREG(ret_stat->st_mode))
		rc = -ENOEXEC;
	else if (ret_stat->st_uid != 0 || ret_stat->st_mode & (S_IWGRP | S_IWOTH))
		rc = -EPERM;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

/* line_maps - a line of /proc/PID/maps is of this file: by its numbers, or, where a stacked file
 * system shows others there, because a file of that name is gone from its place */
static bool line_maps(const char *line, dev_t dev, ino_t ino, const char *name)
{
	const char *gone = strstr(line, " (deleted)");
	unsigned int major_number, minor_number;
	size_t length = strlen(name);
	uint64_t number;

	if (gone && (size_t)(gone - line) > length && !strncmp(gone - length, name, length))
		return true;
	return sscanf(line, "%*s %*s %*s %x:%x %" SCNu64, &major_number, &minor_number, &number) ==
		       3 &&
	       number == ino && makedev(major_number, minor_number) == dev;
}

/* sight_mapped - one process is enough */
bool sight_mapped(const char *proc, dev_t dev, ino_t ino, const char *name)
{
	DIR *dir = opendir(proc);
	struct dirent *entry;
	char path[512], line[4096];
	bool found = false;
	FILE *f;

	while (dir && !found && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%s/maps", proc, entry->d_name);
		f = fopen(path, "re");
		while (f && !found && fgets(line, sizeof(line), f))
			found = line_maps(line, dev, ino, name);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}
