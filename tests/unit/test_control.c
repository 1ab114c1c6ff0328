// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/log.h"

static char path[64], who[64];
static sd_event *event;
static struct control *control;
static struct error e;

static json_t *echo(void *arg, struct control_request *request, struct error *err)
{
	(void)arg;
	(void)err;
	snprintf(who, sizeof(who), "%s", request->who);
	return json_pack("{s:s?,s:I}", "text", control_string(request, "text"), "number",
			 (json_int_t)control_integer(request, "number", -1));
}

static json_t *refuse(void *arg, struct control_request *request, struct error *err)
{
	(void)arg;
	(void)request;
	error_set(err, -EINVAL, "no \"%s\"", "luck");
	return NULL;
}

static json_t *follow(void *arg, struct control_request *request, struct error *err)
{
	(void)arg;
	(void)err;
	request->follow = true;
	return json_null();
}

static json_t *big(void *arg, struct control_request *request, struct error *err)
{
	json_t *array = json_array();

	(void)arg;
	(void)request;
	(void)err;
	for (int i = 0; i < 200000; i++)
		json_array_append_new(array, json_integer(i));
	return array;
}

/* list - rows that are text already */
static json_t *list(void *arg, struct control_request *request, struct error *err)
{
	(void)arg;
	(void)err;
	for (int i = 0; i < 3; i++)
		jsontext_integer(&request->rows, NULL, i);
	return json_pack("{s:[], s:s}", "rows", "next", "3");
}

static const struct control_command commands[] = {
	{ "echo",
	  echo,
	  { { "text", CONTROL_STRING, true }, { "number", CONTROL_INTEGER, false } } },
	{ "refuse", refuse, { { 0 } } },
	{ "follow", follow, { { 0 } } },
	{ "big", big, { { 0 } } },
	{ "list", list, { { 0 } } },
	{ 0 },
};
static const struct control_options options = { path, "no-such-group", commands, NULL };

static int setup(void **state)
{
	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	snprintf(path, sizeof(path), "/tmp/test_control.%d/sock", getpid());
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(control_listen(&options, &control, &e), 0);
	assert_int_equal(control_start(control, event, &e), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	control_close(control);
	assert_int_not_equal(access(path, F_OK), 0); /* the socket is removed */
	sd_event_unref(event);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return 0;
}

/* turn - let the loop do all it can at once */
static void turn(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static int dial(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	turn();
	return fd;
}

/* ask - send bytes; what came back */
static const char *ask(int fd, const char *bytes)
{
	static char answer[8192];
	ssize_t n;

	if (send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) < 0)
		return "gone";
	turn();
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		return n == 0 ? "closed" : "nothing";
	answer[n] = '\0';
	return answer;
}

static void test_requests(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "{\"command\":\"echo\",\"text\":\"a\\nb\"}\n",
		  "{\"ok\":true,\"result\":{\"text\":\"a\\nb\",\"number\":-1}}\n" },
		{ "{\"command\":\"echo\",\"text\":\"\",\"number\":7}\n",
		  "{\"ok\":true,\"result\":{\"text\":\"\",\"number\":7}}\n" },
		{ "{\"command\":\"list\"}\n",
		  "{\"ok\":true,\"result\":{\"rows\":[0,1,2],\"next\":\"3\"}}\n" },
		{ "{\"command\":\"refuse\"}\n", "{\"error\":\"no \\\"luck\\\"\"}\n" },
		{ "{\"command\":\"echo\"}\n", "{\"error\":\"echo needs the argument 'text'\"}\n" },
		{ "{\"command\":\"echo\",\"text\":1}\n",
		  "{\"error\":\"echo: 'text' must be a string\"}\n" },
		{ "{\"command\":\"echo\",\"text\":\"\",\"number\":1.5}\n",
		  "{\"error\":\"echo: 'number' must be a whole number\"}\n" },
		{ "{\"command\":\"echo\",\"texts\":\"\"}\n",
		  "{\"error\":\"echo has no argument 'texts'\"}\n" },
		{ "{\"command\":\"dance\"}\n", "{\"error\":\"unknown command 'dance'\"}\n" },
		{ "{\"command\":3}\n", "{\"error\":\"not a request; expected "
				       "{\\\"command\\\":NAME,...} on one line\"}\n" },
		{ "[]\n", "{\"error\":\"not a request" },
		{ "{\"command\":\"echo\",\"command\":\"echo\"}\n", "{\"error\":\"not JSON at" },
		{ "hello\n", "{\"error\":\"not JSON at" },
		{ "\n", "{\"error\":\"not JSON at" },
	};
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *answer = ask(fd, rows[i].line);

		if (strncmp(answer, rows[i].answer, strlen(rows[i].answer)))
			fail_msg("row %zu: %s", i, answer);
	}
	assert_int_equal(control_stats(control)->requests, 14);
	assert_int_equal(control_stats(control)->errors, 11);
	close(fd);
}

static void test_cut_and_joined(void **state)
{
	int fd = dial();

	(void)state;
	assert_string_equal(ask(fd, "{\"command\":\"ref"), "nothing");
	assert_string_equal(ask(fd, "use\"}\n"), "{\"error\":\"no \\\"luck\\\"\"}\n");
	assert_string_equal(ask(fd, "{\"command\":\"refuse\"}\n{\"command\":\"refuse\"}\n"),
			    "{\"error\":\"no \\\"luck\\\"\"}\n{\"error\":\"no \\\"luck\\\"\"}\n");
	close(fd);
}

static void test_peer(void **state)
{
	char expected[64];
	int fd = dial();

	(void)state;
	ask(fd, "{\"command\":\"echo\",\"text\":\"\"}\n");
	snprintf(expected, sizeof(expected), "uid %u", (unsigned int)getuid());
	assert_non_null(strstr(who, expected));
	close(fd);
}

static void test_follow(void **state)
{
	json_t *object = json_pack("{s:i}", "n", 1);
	int fd = dial(), other = dial();

	(void)state;
	assert_string_equal(ask(fd, "{\"command\":\"follow\"}\n"),
			    "{\"ok\":true,\"result\":null}\n");
	assert_int_equal(control_stats(control)->followers, 1);
	control_publish(control, object);
	assert_string_equal(ask(fd, "ignored\n"), "{\"n\":1}\n");
	assert_string_equal(ask(other, "{\"command\":\"refuse\"}\n"),
			    "{\"error\":\"no \\\"luck\\\"\"}\n");
	close(fd);
	turn();
	assert_int_equal(control_stats(control)->followers, 0);
	assert_int_equal(control_stats(control)->clients, 1);
	close(other);
	turn();
	json_decref(object);
}

static void test_slow_follower(void **state)
{
	json_t *object;
	char text[60000];
	int fd = dial();

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	object = json_pack("{s:s}", "t", text);
	ask(fd, "{\"command\":\"follow\"}\n");
	for (int i = 0; i < 60 && control_stats(control)->followers; i++)
		control_publish(control, object);
	assert_int_equal(control_stats(control)->followers, 0);
	assert_int_equal(control_stats(control)->dropped, 1);
	json_decref(object);
	close(fd);
}

static void test_long_request(void **state)
{
	static char text[CONTROL_REQUEST_MAX];
	static const char refused[] = "{\"error\":\"request longer than 65536 bytes\"}\n";
	char answer[128];
	int fd = dial();

	(void)state;
	memset(text, ' ', sizeof(text));
	assert_int_equal(send(fd, text, sizeof(text), MSG_NOSIGNAL), sizeof(text));
	turn();
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), strlen(refused));
	assert_memory_equal(answer, refused, strlen(refused));
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 0);
	close(fd);
}

/* an answer beyond the socket's buffer leaves in parts, and the next request waits for it */
static void test_big_answer(void **state)
{
	static char buf[1 << 16];
	size_t total = 0, lines = 0;
	int fd = dial();
	ssize_t n;

	(void)state;
	assert_int_equal(send(fd, "{\"command\":\"big\"}\n{\"command\":\"refuse\"}\n", 39, 0), 39);
	for (int i = 0; i < 1000 && lines < 2; i++) {
		turn();
		n = recv(fd, buf, sizeof(buf), 0);
		for (ssize_t j = 0; j < n; j++)
			lines += buf[j] == '\n';
		total += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(lines, 2);
	assert_true(total > 1000000);
	close(fd);
}

/* connections that only stand there make room, the one that rested longest first */
static void test_idle_make_room(void **state)
{
	static const char line[] = "{\"command\":\"refuse\"}\n";
	static const char answer[] = "{\"error\":\"no \\\"luck\\\"\"}\n";
	int fds[CONTROL_CLIENTS_MAX + 2];

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = dial();
	assert_string_equal(ask(fds[0], line), answer); /* now fds[1] is the oldest */
	fds[CONTROL_CLIENTS_MAX] = dial();
	assert_string_equal(ask(fds[CONTROL_CLIENTS_MAX], line), answer);
	assert_string_equal(ask(fds[1], line), "gone");
	assert_string_equal(ask(fds[0], line), answer);
	ask(fds[2], "{\"comm"); /* a request that never ends is rest, too */
	fds[CONTROL_CLIENTS_MAX + 1] = dial();
	assert_string_equal(ask(fds[2], line), "gone");
	assert_int_equal(control_stats(control)->clients, CONTROL_CLIENTS_MAX);
	assert_int_equal(control_stats(control)->displaced, 2);
	assert_int_equal(control_stats(control)->refused, 0);
	for (int i = 0; i < CONTROL_CLIENTS_MAX + 2; i++)
		close(fds[i]);
	turn();
	assert_int_equal(control_stats(control)->clients, 0);
}

/* those that follow keep their places against their equals */
static void test_too_many(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 1];

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial();
		ask(fds[i], "{\"command\":\"follow\"}\n");
	}
	fds[CONTROL_CLIENTS_MAX] = dial();
	assert_string_equal(ask(fds[CONTROL_CLIENTS_MAX], "x"), "gone");
	assert_int_equal(control_stats(control)->followers, CONTROL_CLIENTS_MAX);
	assert_int_equal(control_stats(control)->refused, 1);
	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	turn();
	assert_int_equal(control_stats(control)->clients, 0);
}

static void test_place(void **state)
{
	struct control *second = NULL;
	struct control_options other = options;
	struct stat st;
	char file[80];
	int fd;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(control_listen(&options, &second, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "another daemon answers"));

	snprintf(file, sizeof(file), "%s.file", path);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	close(fd);
	other.path = file;
	assert_int_equal(control_listen(&other, &second, &e), -EEXIST);
	assert_non_null(strstr(e.text, "is not a socket"));
	assert_int_equal(unlink(file), 0);

	/* a socket that nobody listens at is a leftover */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", file);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(control_listen(&other, &second, &e), 0);
	control_close(second);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_requests),   T(test_cut_and_joined), T(test_peer),
		T(test_follow),     T(test_slow_follower),  T(test_long_request),
		T(test_big_answer), T(test_too_many),       T(test_idle_make_room),
		T(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
