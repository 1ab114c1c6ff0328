// SPDX-License-Identifier: BSD-2-Clause
#include "control_peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* control_peer_group - asked once, at start: a group made later needs a restart */
gid_t control_peer_group(const char *name)
{
	const struct group *row = name && name[0] ? getgrnam(name) : NULL;

	return row ? row->gr_gid : (gid_t)-1;
}

/* user_name - from the local file alone: a name service on the network could stop the loop */
static void user_name(uid_t uid, char *buf, size_t size)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *row;

	snprintf(buf, size, "uid %u", (unsigned int)uid);
	if (!f)
		return;
	while ((row = fgetpwent(f)))
		if (row->pw_uid == uid) {
			snprintf(buf, size, "%s (uid %u)", row->pw_name, (unsigned int)uid);
			break;
		}
	fclose(f);
}

/* in_groups - among the supplementary groups it had when it connected */
static bool in_groups(int fd, gid_t group)
{
	socklen_t n = 0;
	gid_t *list;
	bool found = false;

	/* the first call says how much room it wants */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) || errno != ERANGE)
		return false;
	list = malloc(n);
	if (list && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &n))
		for (size_t i = 0; !found && i < n / sizeof(*list); i++)
			found = list[i] == group;
	free(list);
	return found;
}

/* control_peer_read - as it was when it connected */
int control_peer_read(int fd, gid_t group, struct control_peer *ret)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
		return -errno;
	ret->uid = peer.uid;
	user_name(peer.uid, ret->who, sizeof(ret->who));
	ret->allowed = peer.uid == 0 || peer.uid == geteuid();
	if (!ret->allowed && group != (gid_t)-1)
		ret->allowed = peer.gid == group || in_groups(fd, group);
	return 0;
}
