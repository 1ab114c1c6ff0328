// SPDX-License-Identifier: BSD-2-Clause
#include "offmark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maps/abi.h"

#define LINK PIN_DIR "/state"
#define MARK "mode-off"

/* offmark_tell - a link that is right is left alone */
int offmark_tell(const char *state_dir, struct error *e)
{
	char dir[PATH_MAX], now[PATH_MAX];
	ssize_t n = readlink(LINK, now, sizeof(now) - 1);

	if (!realpath(state_dir, dir))
		return error_set(e, -errno, "%s: %s", state_dir, strerror(errno));
	if (n > 0 && (size_t)n == strlen(dir) && !memcmp(now, dir, (size_t)n))
		return 0;
	if (n > 0)
		unlink(LINK);
	if (symlink(dir, LINK))
		return error_set(e, -errno, LINK ": %s", strerror(errno));
	return 0;
}

/* offmark_put - the file, then its name */
int offmark_put(struct error *e)
{
	int dir = open(LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, rc = 0;

	if (dir < 0)
		return error_set(e, -errno, "the state directory (" LINK "): %s", strerror(errno));
	fd = openat(dir, MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || fsync(fd) || fsync(dir))
		rc = error_set(e, -errno, LINK "/" MARK ": %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	close(dir);
	return rc;
}

/* offmark_found - see offmark.h */
bool offmark_found(const char *state_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" MARK, state_dir);
	return !access(path, F_OK);
}

/* offmark_clear - none is there as a rule */
void offmark_clear(const char *state_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" MARK, state_dir);
	unlink(path);
}
