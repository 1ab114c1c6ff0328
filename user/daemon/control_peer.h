/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_peer - who is at the other end of a connection, by the kernel's word
 *
 * The socket's mode already keeps others out (unixsock.h); this is the same rule once more, for
 * the day somebody changes that mode, and it gives the name that the audit trail shows.
 */
#ifndef BUILDGATE_CONTROL_PEER_H
#define BUILDGATE_CONTROL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct control_peer {
	uid_t uid;
	char who[64]; /* "root (uid 0)" */
	bool allowed; /* root, whoever we run as, or a member of the group */
};

/* control_peer_group - the number of a group; (gid_t)-1: there is none of that name */
gid_t control_peer_group(const char *name);

/* control_peer_read - of a connected socket; a negative errno */
int control_peer_read(int fd, gid_t group, struct control_peer *ret);

#endif
