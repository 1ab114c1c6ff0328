/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_daemon - a control socket that gives one answer to everything, or another one from the
 * second time on
 *
 * mock.path is where it listens between start_daemon() and stop_daemon(); mock.request is the
 * last line it was sent, complete as soon as the client has its answer.
 */
#ifndef TESTS_CTL_DAEMON_H
#define TESTS_CTL_DAEMON_H

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	char dir[32], path[64];
	int fd;
	pthread_t thread;
	const char *answer; /* NULL: close without one */
	const char *then;   /* from the second connection on */
	char request[512];  /* the last one */
} mock = { .fd = -1 };

/* serve - one connection after the other until the listening socket is shut down */
static void *serve(void *arg)
{
	size_t used;
	ssize_t n;
	int fd;

	(void)arg;
	while ((fd = accept(mock.fd, NULL, NULL)) >= 0) {
		for (used = 0; used < sizeof(mock.request) - 1; used += (size_t)n) {
			n = read(fd, mock.request + used, sizeof(mock.request) - 1 - used);
			if (n <= 0 || memchr(mock.request + used, '\n', (size_t)n)) {
				used += n > 0 ? (size_t)n : 0;
				break;
			}
		}
		mock.request[used] = '\0';
		if (mock.answer && used)
			dprintf(fd, "%s\n", mock.answer);
		mock.answer = mock.then;
		close(fd);
	}
	return NULL;
}

/* start_listening - with a thread that serves mock.fd */
static void start_listening(void *(*thread)(void *))
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(addr.sun_path, mock.path);
	mock.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(mock.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(mock.fd, 8), 0);
	assert_int_equal(pthread_create(&mock.thread, NULL, thread, NULL), 0);
}

/* start_daemon_then - with one answer, and then another */
static inline void start_daemon_then(const char *answer, const char *then)
{
	mock.answer = answer;
	mock.then = then;
	mock.request[0] = '\0';
	start_listening(serve);
}

/* start_daemon - with one answer to everything */
static inline void start_daemon(const char *answer)
{
	start_daemon_then(answer, answer);
}

static void stop_daemon(void)
{
	if (mock.fd < 0)
		return;
	shutdown(mock.fd, SHUT_RDWR);
	pthread_join(mock.thread, NULL);
	close(mock.fd);
	unlink(mock.path);
	mock.fd = -1;
}

#endif
