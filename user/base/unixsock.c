// SPDX-License-Identifier: BSD-2-Clause
#include "unixsock.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* make_parent - the directory of the socket, when it is missing */
static int make_parent(const char *path, struct error *e)
{
	char dir[108];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		return error_set(e, -errno, "cannot make %s: %s", dir, strerror(errno));
	return 0;
}

/* clear_leftover - remove the socket of a dead daemon, and nothing else */
static int clear_leftover(const struct sockaddr_un *addr, struct error *e)
{
	struct stat st;
	int fd, rc;

	if (lstat(addr->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(e, -EEXIST,
				 "%s is there and is not a socket; "
				 "remove it or configure another path",
				 addr->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -errno : connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	if (fd >= 0)
		close(fd);
	if (!rc)
		return error_set(e, -EADDRINUSE,
				 "another daemon answers at %s; "
				 "stop it first",
				 addr->sun_path);
	unlink(addr->sun_path);
	return 0;
}

/* set_owner - root and the group; without the group, root alone */
static int set_owner(const char *path, const char *group, struct error *e)
{
	const struct group *row = group && group[0] ? getgrnam(group) : NULL;

	if (row && chown(path, (uid_t)-1, row->gr_gid))
		return error_set(e, -errno, "cannot give %s to group %s: %s", path, group,
				 strerror(errno));
	if (chmod(path, 0660))
		return error_set(e, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
	return 0;
}

/* bind_socket - nobody can connect before the owner is right */
static int bind_socket(int fd, const struct sockaddr_un *addr, const char *group, struct error *e)
{
	mode_t was = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;

	umask(was);
	if (rc)
		return error_set(e, rc, "cannot bind %s: %s", addr->sun_path, strerror(-rc));
	rc = set_owner(addr->sun_path, group, e);
	if (!rc && listen(fd, SOMAXCONN))
		rc = error_set(e, -errno, "cannot listen at %s: %s", addr->sun_path,
			       strerror(errno));
	if (rc)
		unlink(addr->sun_path);
	return rc;
}

/* unixsock_listen - all steps; the path exists only on success */
int unixsock_listen(const char *path, const char *group, struct error *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(e, -ENAMETOOLONG, "%s is longer than a socket path may be", path);
	strcpy(addr.sun_path, path);
	rc = make_parent(path, e);
	if (!rc)
		rc = clear_leftover(&addr, e);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(e, -errno, "cannot make a socket: %s", strerror(errno));
	rc = bind_socket(fd, &addr, group, e);
	if (rc)
		close(fd);
	return rc ? rc : fd;
}
