// SPDX-License-Identifier: BSD-2-Clause
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* read_all - one byte more than max is asked for, so that a file that grows is noticed */
static ssize_t read_all(int fd, char *text, size_t max)
{
	size_t n = 0;
	ssize_t r;

	while (n <= max) {
		r = read(fd, text + n, max + 1 - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* read_open - of an open file */
static int read_open(int fd, const char *path, size_t max, char **ret_text, size_t *ret_bytes,
		     struct error *e)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st))
		return error_set(e, -errno, "%s: cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(e, -EINVAL, "%s: is not a regular file", path);
	if ((uintmax_t)st.st_size > max)
		return error_set(e, -EFBIG, "%s: is too big; expected at most %zu bytes", path,
				 max);
	text = malloc(max + 2);
	if (!text)
		return error_set(e, -ENOMEM, "%s: out of memory", path);
	n = read_all(fd, text, max);
	if (n < 0 || (size_t)n > max) {
		free(text);
		return n < 0 ? error_set(e, (int)n, "%s: cannot be read: %s", path,
					 strerror((int)-n))
			     : error_set(e, -EFBIG, "%s: is too big; expected at most %zu bytes",
					 path, max);
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_bytes = (size_t)n;
	return 0;
}

/* file_read - O_NONBLOCK: a FIFO must not hold us up before we know that it is one */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_bytes, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;

	if (fd < 0)
		return error_set(e, -errno, "%s: cannot be opened: %s", path, strerror(errno));
	rc = read_open(fd, path, max, ret_text, ret_bytes, e);
	close(fd);
	return rc;
}

/* write_all - and on the disk */
static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

/* sync_dir - the new name too */
static int sync_dir(const char *path)
{
	char dir[PATH_MAX];
	int fd, rc;

	snprintf(dir, sizeof(dir), "%s", path);
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}

/* file_write - beside it, then over it */
int file_write(const char *path, const void *data, size_t bytes, struct error *e)
{
	char beside[PATH_MAX];
	int fd, rc;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return error_set(e, -ENAMETOOLONG, "%s: the name is too long", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_set(e, -errno, "%s: cannot be made: %s", beside, strerror(errno));
	rc = write_all(fd, data, bytes);
	close(fd);
	if (!rc && rename(beside, path))
		rc = -errno;
	if (!rc)
		return sync_dir(path)
			       ? error_set(e, -EIO, "%s: its directory cannot be synced", path)
			       : 0;
	unlink(beside);
	return error_set(e, rc, "%s: cannot be written: %s", path, strerror(-rc));
}
