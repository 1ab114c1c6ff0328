// SPDX-License-Identifier: BSD-2-Clause
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_FIRST     65536
#define LINE_MAX_BYTES (1UL << 30) /* beyond a million sources in one answer */

struct client {
	int fd;
	int timeout_s;
	char *buf;
	size_t size;
	size_t used; /* bytes in buf */
	size_t line; /* of these, the line handed out last */
};

/* client_from_fd - with an empty buffer */
int client_from_fd(int fd, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->fd = fd;
	client->timeout_s = CLIENT_TIMEOUT_S;
	*ret_client = client;
	return 0;
}

/* client_close - NULL is allowed */
void client_close(struct client *client)
{
	if (!client)
		return;
	close(client->fd);
	free(client->buf);
	free(client);
}

/* cannot_reach - what to do depends on why */
static int cannot_reach(const char *path, int error, struct error *e)
{
	if (error == EACCES || error == EPERM)
		return error_set(e, -error,
				 "cannot reach buildgated at %s: %s; run as root or as a member of "
				 "the socket's group",
				 path, strerror(error));
	return error_set(
		e, -error,
		"cannot reach buildgated at %s: %s; start it, or use map dump, which needs "
		"no daemon",
		path, strerror(error));
}

/* set_timeout - for one direction (connecting counts as sending); 0 seconds is for ever */
static void set_timeout(int fd, int direction, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, direction, &tv, sizeof(tv));
}

/* client_open - connect to the Unix socket at path */
int client_open(const char *path, int timeout_s, struct client **ret_client, struct error *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(e, -ENAMETOOLONG,
				 "path of the control socket is too long (at most %zu bytes): %s",
				 sizeof(addr.sun_path) - 1, path);
	strcpy(addr.sun_path, path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(e, -errno, "cannot make a socket: %s", strerror(errno));
	set_timeout(fd, SO_SNDTIMEO, timeout_s);
	rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	if (rc) {
		close(fd);
		return cannot_reach(path, rc == -EAGAIN ? ETIMEDOUT : -rc, e);
	}
	rc = client_from_fd(fd, ret_client);
	if (rc) {
		close(fd);
		return error_set(e, rc, "out of memory");
	}
	(*ret_client)->timeout_s = timeout_s;
	return 0;
}

/* send_all - MSG_NOSIGNAL: a daemon that went away is an error, not a death */
static int send_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* send_line - one request */
static int send_line(struct client *client, const json_t *request, struct error *e)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int rc;

	if (!text)
		return error_set(e, -EINVAL, "request cannot be written as JSON (text not UTF-8)");
	rc = send_all(client->fd, text, strlen(text));
	if (!rc)
		rc = send_all(client->fd, "\n", 1);
	free(text);
	/* hung up on already: the reason, if it gave one, is waiting to be read */
	if (rc && rc != -EPIPE)
		return error_set(e, rc, "cannot send to buildgated: %s", strerror(-rc));
	return 0;
}

/* make_room - for at least one more byte */
static int make_room(struct client *client)
{
	size_t size = client->size ? client->size * 2 : LINE_FIRST;
	char *buf;

	if (client->used < client->size)
		return 0;
	if (size > LINE_MAX_BYTES)
		return -EMSGSIZE;
	buf = realloc(client->buf, size);
	if (!buf)
		return -ENOMEM;
	client->buf = buf;
	client->size = size;
	return 0;
}

/* fill - read once more; 0 when bytes came */
static int fill(struct client *client)
{
	ssize_t n;
	int rc;

	rc = make_room(client);
	if (rc)
		return rc;
	do
		n = recv(client->fd, client->buf + client->used, client->size - client->used, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET)) /* reset: it ended with our request unread */
		return -ENODATA;
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	client->used += (size_t)n;
	return 0;
}

/* read_line - the next line, without its end, as a view into the buffer */
static int read_line(struct client *client, const char **ret_text, size_t *ret_size)
{
	size_t seen = 0;
	char *end;
	int rc;

	if (client->line) {
		client->used -= client->line;
		memmove(client->buf, client->buf + client->line, client->used);
		client->line = 0;
	}
	for (;;) {
		end = client->used > seen ? memchr(client->buf + seen, '\n', client->used - seen)
					  : NULL;
		if (end)
			break;
		seen = client->used;
		rc = fill(client);
		if (rc)
			return rc;
	}
	client->line = (size_t)(end - client->buf) + 1;
	*ret_text = client->buf;
	*ret_size = client->line - 1;
	return 0;
}

/* without - the answer with no rows between its brackets, as text; NULL: out of memory */
static char *without(const char *text, size_t size, const struct jsonrows *rows, size_t *ret_size)
{
	size_t before = (size_t)(rows->at - text), behind = size - (size_t)(rows->end - text);
	char *rest = malloc(before + behind);

	if (!rest)
		return NULL;
	memcpy(rest, text, before);
	memcpy(rest + before, rows->end, behind);
	*ret_size = before + behind;
	return rest;
}

/* read_object - a line that must be a JSON object; with ret_rows without its rows, if it has any */
static int read_object(struct client *client, json_t **ret_object, struct jsonrows *ret_rows,
		       struct error *e)
{
	char *rest = NULL;
	const char *text;
	json_t *object;
	size_t size;
	int rc;

	rc = read_line(client, &text, &size);
	if (rc == -ENODATA)
		return error_set(e, rc, "buildgated closed the connection");
	if (rc == -ETIMEDOUT)
		return error_set(e, rc, "buildgated has not answered for %d s", client->timeout_s);
	if (rc)
		return error_set(e, rc, "cannot read from buildgated: %s", strerror(-rc));
	if (ret_rows && jsonrows_find(text, size, ret_rows)) {
		rest = without(text, size, ret_rows, &size);
		if (!rest)
			return error_set(e, -ENOMEM, "out of memory");
	}
	object = json_loadb(rest ? rest : text, size, 0, NULL);
	free(rest);
	if (!json_is_object(object)) {
		json_decref(object);
		return error_set(e, -EPROTO,
				 "buildgated answered something that is no JSON object");
	}
	*ret_object = object;
	return 0;
}

/* client_ask_rows - one request, one answer; without rows there are none */
int client_ask_rows(struct client *client, const json_t *request, json_t **ret_result,
		    struct jsonrows *ret_rows, struct error *e)
{
	json_t *answer, *result;
	const char *refused;
	int rc;

	set_timeout(client->fd, SO_RCVTIMEO, client->timeout_s);
	rc = send_line(client, request, e);
	if (!rc)
		rc = read_object(client, &answer, ret_rows, e);
	if (rc)
		return rc;

	refused = json_string_value(json_object_get(answer, "error"));
	if (refused) {
		rc = error_set(e, -EREMOTEIO, "%s", refused);
	} else if (!json_is_true(json_object_get(answer, "ok"))) {
		rc = error_set(e, -EPROTO, "buildgated answered neither \"ok\" nor \"error\"");
	} else {
		result = json_object_get(answer, "result");
		*ret_result = result ? json_incref(result) : json_null();
	}
	json_decref(answer);
	return rc;
}

/* client_ask - all of the answer is read */
int client_ask(struct client *client, const json_t *request, json_t **ret_result, struct error *e)
{
	return client_ask_rows(client, request, ret_result, NULL, e);
}

/* client_call_within - for the commands that ask once */
int client_call_within(const char *path, int timeout_s, const json_t *request, json_t **ret_result,
		       struct error *e)
{
	struct client *client;
	int rc;

	rc = client_open(path, timeout_s, &client, e);
	if (rc)
		return rc;
	rc = client_ask(client, request, ret_result, e);
	client_close(client);
	return rc;
}

/* client_call - with the usual patience */
int client_call(const char *path, const json_t *request, json_t **ret_result, struct error *e)
{
	return client_call_within(path, CLIENT_TIMEOUT_S, request, ret_result, e);
}

/* client_next - no time limit: nothing may happen for days */
int client_next(struct client *client, json_t **ret_line, struct error *e)
{
	set_timeout(client->fd, SO_RCVTIMEO, 0);
	return read_object(client, ret_line, NULL, e);
}
