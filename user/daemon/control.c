// SPDX-License-Identifier: BSD-2-Clause
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_peer.h"
#include "user/base/jsonrows.h"
#include "user/base/log.h"
#include "user/base/unixsock.h"

#define USEC    1000000ULL
#define OUT_MIN 4096

struct client {
	struct control *control;
	struct client *next;
	int fd;
	sd_event_source *io, *deadline;
	uid_t uid;
	char who[64];
	uint64_t active; /* the turn in which it last did something */
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
	gid_t group;
	struct client *clients;
	uint64_t turns;
	struct control_stats stats;
	struct log_limit full, slow, stranger;
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
	client->active = ++client->control->turns;
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

/* client_send - queue one object as a line, with the rows of a list where it has room for them */
static int client_send(struct client *client, const json_t *object, const struct jsontext *rows)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0, before = n;
	struct jsonrows place;
	int rc = text ? 0 : -ENOMEM;

	if (text && rows->used && jsonrows_find(text, n, &place))
		before = (size_t)(place.at - text);
	if (!rc)
		rc = client_queue(client, text, before);
	if (!rc && before < n)
		rc = client_queue(client, rows->text, rows->used);
	if (!rc)
		rc = client_queue(client, text + before, n - before);
	if (!rc)
		rc = client_queue(client, "\n", 1);
	free(text);
	return rc;
}

/* run_line - one request to its answer, and the rows that go into it; the caller owns both */
static json_t *run_line(struct client *client, const char *line, size_t n,
			struct jsontext *ret_rows)
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
	command = args ? control_request_check(control->commands, args, &e) : NULL;
	if (command) {
		request.args = args;
		memcpy(request.who, client->who, sizeof(request.who));
		result = command->run(control->arg, &request, &e);
	}
	*ret_rows = request.rows;
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
		struct jsontext rows;
		json_t *answer;

		if (!end)
			break;
		answer = run_line(client, client->in, n, &rows);
		rc = answer ? client_send(client, answer, &rows) : -ENOMEM;
		json_decref(answer);
		jsontext_free(&rows);
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
	struct jsontext none = { 0 };
	struct error e;
	json_t *answer;

	client->control->stats.errors++;
	error_set(&e, 0, "request longer than %d bytes", CONTROL_REQUEST_MAX);
	answer = json_pack("{s:s}", "error", e.text);
	if (answer && !client_send(client, answer, &none))
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

/* client_watch - put a connection into the loop */
static int client_watch(struct client *client)
{
	struct control *control = client->control;
	int rc = sd_event_add_io(control->event, &client->io, client->fd, EPOLLIN, on_client,
				 client);

	if (rc < 0)
		return rc;
	return sd_event_add_time_relative(control->event, &client->deadline, CLOCK_MONOTONIC,
					  CONTROL_REQUEST_S * USEC, 0, on_deadline, client);
}

/* Who has to make room for somebody new, first to last. */
enum claim { CLAIM_IDLE, CLAIM_IDLE_ROOT, CLAIM_BUSY, CLAIM_KEEPS };

/* claim_of - to its place, against a newcomer: only root may disturb those who wait or follow, and
 * nobody root's own */
static enum claim claim_of(const struct client *client, bool root)
{
	bool busy = client->follow || client->out_used > client->out_done;

	if (!client->uid)
		return busy || !root ? CLAIM_KEEPS : CLAIM_IDLE_ROOT;
	if (busy)
		return root ? CLAIM_BUSY : CLAIM_KEEPS;
	return CLAIM_IDLE;
}

/* make_room - the connection that has least claim to its place and rested longest is dropped, so
 * that nobody is locked out by connections that only stand there */
static bool make_room(struct control *control, bool root)
{
	struct client *victim = NULL;
	enum claim least = CLAIM_KEEPS;

	for (struct client *client = control->clients; client; client = client->next) {
		enum claim claim = claim_of(client, root);

		if (claim == CLAIM_KEEPS || claim > least)
			continue;
		if (!victim || claim < least || client->active < victim->active) {
			victim = client;
			least = claim;
		}
	}
	if (!victim)
		return false;
	log_event_limited(&control->full, LOG_LEVEL_WARNING, "control-displaced",
			  LOG_FIELDS({ "who", victim->who }),
			  "control socket: %u connections, that of %s makes room",
			  control->stats.clients, victim->who);
	control->stats.displaced++;
	client_leave(victim);
	return true;
}

/* hang_up - a connection that is not taken hears why, if it listens */
static void hang_up(struct control *control, int fd, const char *why)
{
	control->stats.refused++;
	send(fd, why, strlen(why), MSG_NOSIGNAL);
	close(fd);
}

/* client_admit - by who it is, and by how many there are; false: the connection is closed */
static bool client_admit(struct control *control, int fd, struct control_peer *ret_peer)
{
	if (control_peer_read(fd, control->group, ret_peer)) {
		close(fd);
		return false;
	}
	if (!ret_peer->allowed) {
		log_event_limited(&control->stranger, LOG_LEVEL_WARNING, "control-refused",
				  LOG_FIELDS({ "who", ret_peer->who }),
				  "control socket: %s is neither root nor in the group",
				  ret_peer->who);
		hang_up(control, fd,
			"{\"error\":\"not allowed: only root and the members of control_group may "
			"ask buildgated\"}\n");
		return false;
	}
	if (control->stats.clients < CONTROL_CLIENTS_MAX || make_room(control, !ret_peer->uid))
		return true;
	log_event_limited(&control->full, LOG_LEVEL_WARNING, "control-refused",
			  LOG_FIELDS({ "who", ret_peer->who }),
			  "control socket: %u connections in use, %s refused",
			  control->stats.clients, ret_peer->who);
	hang_up(control, fd, "{\"error\":\"too many connections in use; try again\"}\n");
	return false;
}

/* on_connect - a new client */
static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct control *control = arg;
	struct control_peer peer;
	struct client *client;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (conn < 0 || !client_admit(control, conn, &peer))
		return 0;
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(conn);
		return 0;
	}
	client->control = control;
	client->fd = conn;
	client->uid = peer.uid;
	memcpy(client->who, peer.who, sizeof(client->who));
	client->active = ++control->turns;
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
	control->group = control_peer_group(options->group);
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
		log_event_limited(&control->slow, LOG_LEVEL_WARNING, "follower-dropped",
				  LOG_FIELDS({ "who", client->who }),
				  "control socket: %s read events too slowly, dropped",
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
