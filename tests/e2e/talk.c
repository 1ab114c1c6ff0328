// SPDX-License-Identifier: BSD-2-Clause
/*
 * talk - a mail client's side of a connection, as written; the kernel's own TCP does the rest
 *
 *   talk ADDRESS STEP...
 *
 *   ">TEXT"  send TEXT as lines, each newline as CRLF and one after it, in one segment
 *   "+TEXT"  send TEXT as it is
 *   "<CODE"  the next reply is complete and begins with CODE
 *   acked    all that was sent is acknowledged
 *   fin      nothing more will be sent
 *   eof      the server says so too
 *   rst      end here, with a RST
 *
 * Every step has 20 seconds. Exit 0, or 1 and the step that failed.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static int fd;
static char heard[8192];
static size_t heard_bytes;

static void die(const char *step, const char *why)
{
	fprintf(stderr, "talk: %s: %s; heard \"%.60s\"\n", step, why, heard);
	exit(1);
}

static void call(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *to;
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int one = 1;

	if (getaddrinfo(address, "25", &hints, &to))
		die(address, "no address");
	fd = socket(to->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		die("connect", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(to);
}

static void say(const char *step)
{
	char text[1024];
	size_t n = 0;

	for (const char *p = step + 1; *p && n < sizeof(text) - 4; p++) {
		if (*p == '\n')
			text[n++] = '\r';
		text[n++] = *p;
	}
	if (*step == '>') {
		text[n++] = '\r';
		text[n++] = '\n';
	}
	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		die(step, strerror(errno));
}

/* reply - bytes of the first whole reply heard: its last line has a blank after the code */
static size_t reply(void)
{
	size_t at = 0;

	for (;;) {
		char *end = memchr(heard + at, '\n', heard_bytes - at);

		if (!end)
			return 0;
		if (end - (heard + at) > 3 && heard[at + 3] == ' ')
			return (size_t)(end - heard) + 1;
		at = (size_t)(end - heard) + 1;
	}
}

/* hear - more bytes; 0: the server has closed */
static ssize_t hear(const char *step)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		die(step, "nothing for 20 seconds");
	n = read(fd, heard + heard_bytes, sizeof(heard) - 1 - heard_bytes);
	if (n < 0)
		die(step, strerror(errno));
	heard_bytes += (size_t)n;
	heard[heard_bytes] = 0;
	return n;
}

static void expect(const char *step)
{
	size_t n;

	while (!(n = reply()))
		if (!hear(step))
			die(step, "the server has closed");
	if (strncmp(heard, step + 1, 3) != 0)
		die(step, "another reply");
	memmove(heard, heard + n, heard_bytes - n + 1);
	heard_bytes -= n;
}

static void acked(const char *step)
{
	int left = 1;

	for (int ms = 0; ms < PATIENCE_MS && !ioctl(fd, SIOCOUTQ, &left) && left; ms++)
		poll(NULL, 0, 1);
	if (left)
		die(step, "not acknowledged for 20 seconds");
}

static void eof(const char *step)
{
	if (heard_bytes || hear(step))
		die(step, "there is more");
}

static void rst(void)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("usage", "talk ADDRESS STEP...");
	call(argv[1]);
	for (int i = 2; i < argc; i++) {
		const char *step = argv[i];

		if (*step == '>' || *step == '+')
			say(step);
		else if (*step == '<')
			expect(step);
		else if (!strcmp(step, "acked"))
			acked(step);
		else if (!strcmp(step, "fin"))
			shutdown(fd, SHUT_WR);
		else if (!strcmp(step, "eof"))
			eof(step);
		else if (!strcmp(step, "rst"))
			rst();
		else
			die(step, "no such step");
	}
	close(fd);
	return 0;
}
