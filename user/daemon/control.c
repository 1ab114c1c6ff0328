// SPDX-License-Identifier: BSD-2-Clause
#include "control.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/log.h"
#include "user/base/unixsock.h"

#define USEC    1000000ULL
#define OUT_MIN 4096

struct client {
	struct control *control;
	struct client *next;
	int fd;
	sd_event_source *io, *deadline;
	char who[64];
	bool follow;
	size_t in_used;
	char *out; /* waiting to be written: out[out_done .. out_used) */
	size_t out_size, out_used, out_done;
	char in[CONTROL_REQUEST_MAX];
};

struct control {
	int fd;
	char path[108];
	sd_event *event;
	sd_event_source *io;
	const struct control_command *commands;
	void *arg;
	struct client *clients;
	struct control_stats stats;
	struct log_limit full, slow;
};

/* client_free - everything of one connection */
static void client_free(struct client *client)
{
	sd_event_source_disable_unref(client->io);
	sd_event_source_disable_unref(client->deadline);
	close(client->fd);
	free(client->out);
	free(client);
}

/* client_leave - take a connection out of the list and free it */
static void client_leave(struct client *client)
{
	struct control *control = client->control;
	struct client **p = &control->clients;

	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	control->stats.clients--;
	control->stats.followers -= client->follow;
	client_free(client);
}

/* client_progress - the client did something useful: its time starts anew */
static void client_progress(struct client *client)
{
	if (client->follow)
		sd_event_source_set_enabled(client->deadline, SD_EVENT_OFF);
	else
		sd_event_source_set_time_relative(client->deadline, CONTROL_REQUEST_S * USEC);
}

/* client_queue - append bytes to what waits to be written; -ENOMEM leaves it as it was */
static int client_queue(struct client *client, const char *bytes, size_t n)
{
	size_t size = client->out_size ? client->out_size : OUT_MIN;
	char *out;

	if (client->out_done) { /* room at the front first */
		memmove(client->out, client->out + client->out_done,
			client->out_used - client->out_done);
		client->out_used -= client->out_done;
		client->out_done = 0;
	}
	while (size < client->out_used + n)
		size *= 2;
	if (size > client->out_size) {
		out = realloc(client->out, size);
		if (!out)
			return -ENOMEM;
		client->out = out;
		client->out_size = size;
	}
	memcpy(client->out + client->out_used, bytes, n);
	client->out_used += n;
	return 0;
}

/* client_flush - write what the socket takes; -errno: the client is gone */
static int client_flush(struct client *client)
{
	ssize_t n;

	while (client->out_done < client->out_used) {
		n = send(client->fd, client->out + client->out_done,
			 client->out_used - client->out_done, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			return -errno;
		client->out_done += (size_t)n;
		client_progress(client);
	}
	if (client->out_done < client->out_used)
		/* one answer at a time: a follower is still watched for its leaving */
		return sd_event_source_set_io_events(client->io, client->follow ? EPOLLIN | EPOLLOUT
										: EPOLLOUT);
	client->out_used = client->out_done = 0;
	return sd_event_source_set_io_events(client->io, EPOLLIN);
}

/* client_send - queue one object as a line */
static int client_send(struct client *client, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	int rc;

	if (!text)
		return -ENOMEM;
	rc = client_queue(client, text, strlen(text));
	if (!rc)
		rc = client_queue(client, "\n", 1);
	free(text);
	return rc;
}

/* find_command - a row of the table */
static const struct control_command *find_command(const struct control *control, const char *name)
{
	for (const struct control_command *c = control->commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static const char *const type_names[] = {
	[CONTROL_STRING] = "a string",
	[CONTROL_INTEGER] = "a whole number",
	[CONTROL_ARRAY] = "an array",
};

/* has_type - of an argument */
static bool has_type(const json_t *value, enum control_type type)
{
	switch (type) {
	case CONTROL_STRING:
		return json_is_string(value);
	case CONTROL_INTEGER:
		return json_is_integer(value);
	case CONTROL_ARRAY:
		return json_is_array(value);
	}
	return false;
}

/* check_known - every key of the request is an argument of the command, with its type */
static int check_known(const struct control_command *command, json_t *request, struct error *e)
{
	char shown[64];
	const char *key;
	json_t *value;

	json_object_foreach (request, key, value) {
		const struct control_arg *arg = command->args;

		if (!strcmp(key, "command"))
			continue;
		while (arg < command->args + CONTROL_ARGS && arg->name && strcmp(arg->name, key))
			arg++;
		if (arg == command->args + CONTROL_ARGS || !arg->name)
			return error_set(e, -EINVAL, "%s has no argument '%s'", command->name,
					 log_escape(key, shown, sizeof(shown)));
		if (!has_type(value, arg->type))
			return error_set(e, -EINVAL, "%s: '%s' must be %s", command->name, key,
					 type_names[arg->type]);
	}
	return 0;
}

/* check_request - the command of a line and its arguments */
static const struct control_command *check_request(const struct control *control, json_t *request,
						   struct error *e)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct control_command *command;
	char shown[64];

	if (!name) {
		error_set(e, -EINVAL, "not a request; expected {\"command\":NAME,...} on one line");
		return NULL;
	}
	command = find_command(control, name);
	if (!command) {
		error_set(e, -ENOENT, "unknown command '%s'",
			  log_escape(name, shown, sizeof(shown)));
		return NULL;
	}
	if (check_known(command, request, e))
		return NULL;
	for (int i = 0; i < CONTROL_ARGS && command->args[i].name; i++)
		if (command->args[i].required && !json_object_get(request, command->args[i].name)) {
			error_set(e, -EINVAL, "%s needs the argument '%s'", name,
				  command->args[i].name);
			return NULL;
		}
	return command;
}

/* run_line - one request to its answer; the caller owns it */
static json_t *run_line(struct client *client, const char *line, size_t n)
{
	struct control *control = client->control;
	struct control_request request = { 0 };
	const struct control_command *command;
	json_error_t where;
	json_t *args, *result = NULL;
	struct error e = { "" };

	control->stats.requests++;
	args = json_loadb(line, n, JSON_REJECT_DUPLICATES, &where);
	if (!args)
		error_set(&e, -EINVAL, "not JSON at byte %d: %s", where.position, where.text);
	command = args ? check_request(control, args, &e) : NULL;
	if (command) {
		request.args = args;
		memcpy(request.who, client->who, sizeof(request.who));
		result = command->run(control->arg, &request, &e);
	}
	json_decref(args);
	if (!result) {
		control->stats.errors++;
		return json_pack("{s:s}", "error", e.text[0] ? e.text : "out of memory");
	}
	if (request.follow) {
		client->follow = true;
		control->stats.followers++;
	}
	return json_pack("{s:b,s:o}", "ok", true, "result", result);
}

/* client_lines - answer whole lines, one at a time, until an answer has to wait */
static int client_lines(struct client *client)
{
	int rc = 0;

	while (!rc && !client->follow && client->out_used == client->out_done) {
		char *end = memchr(client->in, '\n', client->in_used);
		size_t n = end ? (size_t)(end - client->in) : 0;
		json_t *answer;

		if (!end)
			break;
		answer = run_line(client, client->in, n);
		rc = answer ? client_send(client, answer) : -ENOMEM;
		json_decref(answer);
		client->in_used -= n + 1;
		memmove(client->in, end + 1, client->in_used);
		client_progress(client);
		if (!rc)
			rc = client_flush(client);
	}
	return rc;
}

/* refuse_long - the line will not end any more within the limit: say so, and hang up */
static int refuse_long(struct client *client)
{
	struct error e;
	json_t *answer;

	client->control->stats.errors++;
	error_set(&e, 0, "request longer than %d bytes", CONTROL_REQUEST_MAX);
	answer = json_pack("{s:s}", "error", e.text);
	if (answer && !client_send(client, answer))
		client_flush(client);
	json_decref(answer);
	return -EMSGSIZE;
}

/* client_read - take in what is there; -errno: the client is gone or to be dropped */
static int client_read(struct client *client)
{
	ssize_t n;

	/* a follower has nothing more to ask; only its leaving matters */
	if (client->follow)
		client->in_used = 0;
	n = recv(client->fd, client->in + client->in_used, sizeof(client->in) - client->in_used, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	client->in_used += (size_t)n;
	if (!client->follow && client->in_used == sizeof(client->in) &&
	    !memchr(client->in, '\n', client->in_used))
		return refuse_long(client);
	return 0;
}

/* on_client - the loop's call for one connection */
static int on_client(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct client *client = arg;
	int rc = 0;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT)
		rc = client_flush(client);
	if (!rc && revents & EPOLLIN)
		rc = client_read(client);
	if (!rc && revents & (EPOLLERR | EPOLLHUP) && !(revents & EPOLLIN))
		rc = -ECONNRESET;
	if (!rc)
		rc = client_lines(client);
	if (rc < 0)
		client_leave(client);
	return 0;
}

/* on_deadline - it took too long */
static int on_deadline(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	client_leave(arg);
	return 0;
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

/* client_watch - put a connection into the loop */
static int client_watch(struct client *client)
{
	struct control *control = client->control;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(peer);
	int rc;

	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
		return -errno;
	user_name(peer.uid, client->who, sizeof(client->who));
	rc = sd_event_add_io(control->event, &client->io, client->fd, EPOLLIN, on_client, client);
	if (rc < 0)
		return rc;
	return sd_event_add_time_relative(control->event, &client->deadline, CLOCK_MONOTONIC,
					  CONTROL_REQUEST_S * USEC, 0, on_deadline, client);
}

/* on_connect - a new client, if there is room for one */
static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct control *control = arg;
	struct client *client;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (conn < 0)
		return 0;
	client = control->stats.clients < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		control->stats.refused++;
		log_limited(&control->full, "control socket: %u connections, one more refused",
			    control->stats.clients);
		close(conn);
		return 0;
	}
	client->control = control;
	client->fd = conn;
	if (client_watch(client) < 0) {
		client_free(client);
		return 0;
	}
	client->next = control->clients;
	control->clients = client;
	control->stats.clients++;
	return 0;
}

/* control_listen - clients that connect now wait until control_start() */
int control_listen(const struct control_options *options, struct control **ret_control,
		   struct error *e)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return error_set(e, -ENOMEM, "out of memory");
	control->commands = options->commands;
	control->arg = options->arg;
	control->fd = unixsock_listen(options->path, options->group, e);
	if (control->fd < 0) {
		int rc = control->fd;

		free(control);
		return error_prefix(e, rc, "control_socket");
	}
	snprintf(control->path, sizeof(control->path), "%s", options->path);
	*ret_control = control;
	return 0;
}

/* control_start - from now on the loop answers */
int control_start(struct control *control, sd_event *event, struct error *e)
{
	int rc = sd_event_add_io(event, &control->io, control->fd, EPOLLIN, on_connect, control);

	if (rc < 0)
		return error_set(e, rc, "control socket: %s", strerror(-rc));
	control->event = event;
	return 0;
}

/* control_close - the path is ours as long as the socket is bound */
void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_leave(control->clients);
	sd_event_source_disable_unref(control->io);
	unlink(control->path);
	close(control->fd);
	free(control);
}

/* publish_to - one follower; false: it reads too slowly or is gone */
static bool publish_to(struct client *client, const char *text, size_t n)
{
	if (client->out_used - client->out_done + n + 1 > CONTROL_FOLLOWER_MAX)
		return false;
	return !client_queue(client, text, n) && !client_queue(client, "\n", 1) &&
	       client_flush(client) >= 0;
}

/* control_publish - encoded once for all */
void control_publish(struct control *control, const json_t *object)
{
	struct client *client, *next;
	char *text;

	if (!control->stats.followers)
		return;
	text = json_dumps(object, JSON_COMPACT);
	for (client = text ? control->clients : NULL; client; client = next) {
		next = client->next;
		if (!client->follow || publish_to(client, text, strlen(text)))
			continue;
		control->stats.dropped++;
		log_limited(&control->slow, "control socket: %s read events too slowly, dropped",
			    client->who);
		client_leave(client);
	}
	free(text);
}

/* control_stats - live */
const struct control_stats *control_stats(const struct control *control)
{
	return &control->stats;
}

/* control_string - the table has checked the type */
const char *control_string(const struct control_request *request, const char *name)
{
	return json_string_value(json_object_get(request->args, name));
}

/* control_integer - the table has checked the type */
int64_t control_integer(const struct control_request *request, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(request->args, name);

	return value ? json_integer_value(value) : fallback;
}
