// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_caller - a crowd of mail clients that are all refused
 *
 *   bench_caller ADDRESS CONNECTIONS AT_ONCE
 *
 * Each greets, asks to send a mail, is refused, says goodbye and waits for the server to hang up.
 * Prints connections per second; 1 and what went wrong where one was not refused. The kernel
 * measures what its programs take meanwhile (BPF_STATS_RUN_TIME).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE_MAX 1000
#define PATIENCE_MS 10000

/* What is said to each reply, and what reply must come before it. */
static const struct {
	const char *code, *next;
} steps[] = {
	{ "220", "EHLO mail.old.example.org\r\n" },
	{ "250", "MAIL FROM:<user@old.example.org>\r\n" },
	{ "550", "QUIT\r\n" },
	{ "221", NULL }, /* then it hangs up */
};

struct call {
	int fd;
	unsigned int step;
	size_t bytes; /* of the reply so far */
	char reply[2048];
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static struct call calls[AT_ONCE_MAX];
static unsigned int to_begin, open_now, refused;
static int poll_fd;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_caller: %s: %s\n", what, why);
	exit(1);
}

static void begin(struct call *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->step = 0;
	c->bytes = 0;
	if (c->fd < 0 ||
	    (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) && errno != EINPROGRESS))
		die("connect", strerror(errno));
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
	to_begin--;
	open_now++;
}

/* complete - the reply's last line is there: a blank after its code */
static bool complete(const struct call *c)
{
	const char *line = c->reply, *next;

	if (c->bytes < 5 || c->reply[c->bytes - 1] != '\n')
		return false;
	while ((next = strchr(line, '\n')) && next[1])
		line = next + 1;
	return line[3] == ' ';
}

static void hung_up(struct call *c)
{
	if (c->step != 4)
		die("the server hung up before", steps[c->step].code);
	close(c->fd);
	open_now--;
	refused++;
	if (to_begin)
		begin(c);
}

static void hear(struct call *c)
{
	ssize_t n = read(c->fd, c->reply + c->bytes, sizeof(c->reply) - 1 - c->bytes);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("read", strerror(errno));
	if (n == 0) {
		hung_up(c);
		return;
	}
	c->bytes += (size_t)n;
	c->reply[c->bytes] = 0;
	if (!complete(c))
		return;
	if (c->step == 4 || strncmp(c->reply, steps[c->step].code, 3) != 0)
		die("unexpected reply", c->reply);
	c->bytes = 0;
	if (steps[c->step].next &&
	    write(c->fd, steps[c->step].next, strlen(steps[c->step].next)) < 0)
		die("write", strerror(errno));
	c->step++;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned int at_once = argc == 4 ? (unsigned int)atoi(argv[3]) : 0;
	struct epoll_event events[64];
	double from;

	if (!at_once || at_once > AT_ONCE_MAX || !inet_aton(argv[1], &server.sin_addr))
		die("usage", "bench_caller ADDRESS CONNECTIONS AT_ONCE (1 to 1000)");
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		die("BPF_ENABLE_STATS", strerror(errno));
	server.sin_port = htons(25);
	to_begin = (unsigned int)atoi(argv[2]);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	from = seconds();
	for (unsigned int i = 0; i < at_once && to_begin; i++)
		begin(&calls[i]);
	while (open_now) {
		int n = epoll_wait(poll_fd, events, 64, PATIENCE_MS);

		if (n <= 0)
			die("no answer", n ? strerror(errno) : "for 10 seconds");
		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
	}
	printf("%.0f\n", refused / (seconds() - from));
	return 0;
}
