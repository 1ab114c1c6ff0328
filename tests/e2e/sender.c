// SPDX-License-Identifier: BSD-2-Clause
/*
 * sender - one attempt to deliver one mail, as a mail server makes it, with pauses in between
 *
 *   sender SOURCE SERVER ID HOW SEED
 *
 * HOW: plain (one command per round trip), pipelined (RFC 2920), bdat (RFC 3030), halves (each
 * line in two segments). Pauses come from SEED. Prints what became of it and where:
 *
 *   delivered | bounced | deferred | hung   STAGE   the last reply, or errno's sentence
 *
 * A reply decides by its first digit, as in RFC 5321, 4.2.1. Every reply is waited for; one that
 * does not come within LIMIT_S on a connection that stands is "hung", which no gate may do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_S    4  /* a SYN that is dropped is an honest "try later" */
#define LIMIT_S      30 /* of a reply; the tests' slow_delay is 1 s */
#define PAUSE_MAX_MS 60

static char reply[2048];
static bool halves;
static int fd;
/* once the last reply was read, what comes on that connection changes nothing any more */
static struct {
	const char *fate, *stage;
	char words[256];
} over;

static _Noreturn void end(const char *fate, const char *stage, const char *words)
{
	printf("%s %s %.*s\n", fate, stage, (int)strcspn(words, "\r\n"), words);
	exit(0);
}

static _Noreturn void gone(const char *stage)
{
	if (over.fate)
		end(over.fate, over.stage, over.words);
	end("deferred", stage, errno ? strerror(errno) : "closed by the server");
}

static void pause_some(void)
{
	long ms = random() % (PAUSE_MAX_MS + 1);
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

/* last_line - the reply is complete: its last line has a blank after the code (RFC 5321, 4.2) */
static bool last_line(size_t n)
{
	size_t start = n;

	if (n < 5 || reply[n - 1] != '\n')
		return false;
	for (start = n - 1; start && reply[start - 1] != '\n'; start--)
		;
	return n - start >= 5 && reply[start + 3] == ' ';
}

/* hear - one reply; replies of a group that were read together are kept for the next call */
static int hear(const char *stage)
{
	static char more[2048];
	static size_t kept;
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		while (kept && !last_line(n)) {
			reply[n++] = more[0];
			memmove(more, more + 1, --kept);
		}
		reply[n] = '\0';
		if (last_line(n))
			return reply[0];
		if (poll(&p, 1, LIMIT_S * 1000) == 0)
			end("hung", stage, "no reply");
		errno = 0;
		got = recv(fd, more, sizeof(more) - n - 1, 0);
		if (got <= 0)
			gone(stage);
		kept = (size_t)got;
	}
}

static void put(const char *stage, const char *text, size_t size)
{
	errno = 0;
	if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
		gone(stage);
}

/* tell - one line or more, as one segment or two */
static void tell(const char *stage, const char *text)
{
	size_t size = strlen(text), first = halves ? size / 2 : 0;

	pause_some();
	if (first) {
		put(stage, text, first);
		pause_some();
	}
	put(stage, text + first, size - first);
}

/* leave - the mail's fate is known: QUIT, and one reply or the end of the connection */
static _Noreturn void leave(const char *fate, const char *stage)
{
	over.fate = fate;
	over.stage = stage;
	snprintf(over.words, sizeof(over.words), "%.255s", reply);
	tell("quit", "QUIT\r\n");
	hear("quit");
	end(over.fate, over.stage, over.words);
}

/* judge - 2 and 3 go on; anything else is the mail's fate */
static void judge(const char *stage)
{
	int digit = hear(stage);

	if (digit == '5')
		leave("bounced", stage);
	if (digit != '2' && digit != '3')
		leave("deferred", stage);
}

static void ask(const char *stage, const char *text)
{
	tell(stage, text);
	judge(stage);
}

/* address_of - port 0 for one's own; IPv6 where there is a colon */
static socklen_t address_of(const char *text, in_port_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (void *)ret;
	struct sockaddr_in *four = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (strchr(text, ':')) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		inet_pton(AF_INET6, text, &six->sin6_addr);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	inet_pton(AF_INET, text, &four->sin_addr);
	return sizeof(*four);
}

static void reach(const char *source, const char *server)
{
	struct timeval limit = { .tv_sec = CONNECT_S }; /* of connect(), too */
	struct sockaddr_storage from, to;
	socklen_t size = address_of(source, 0, &from);

	address_of(server, 25, &to);
	fd = socket(from.ss_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (bind(fd, (struct sockaddr *)&from, size) || connect(fd, (struct sockaddr *)&to, size))
		gone("connect");
	limit.tv_sec = LIMIT_S;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

#define MAIL "MAIL FROM:<user@old.example.org>\r\n"
#define RCPT "RCPT TO:<user@edge.example.org>\r\n"
#define DATA "DATA\r\n"

static void hand_over(const char *how, const char *message)
{
	char chunk[1024];

	if (!strcmp(how, "pipelined")) {
		tell("group", MAIL RCPT DATA);
		judge("mail");
		judge("rcpt");
		judge("data");
	} else {
		ask("mail", MAIL);
		ask("rcpt", RCPT);
	}
	if (!strcmp(how, "bdat")) {
		snprintf(chunk, sizeof(chunk), "BDAT %zu\r\n%s", strlen(message), message);
		ask("bdat", chunk);
		ask("dot", "BDAT 0 LAST\r\n");
		return;
	}
	if (strcmp(how, "pipelined"))
		ask("data", DATA);
	tell("message", message);
	ask("dot", ".\r\n");
}

int main(int argc, char **argv)
{
	char message[512];

	if (argc != 6)
		return 2;
	srandom((unsigned int)atoi(argv[5]));
	halves = !strcmp(argv[4], "halves");
	snprintf(message, sizeof(message),
		 "Message-ID: <%s@lab.example.org>\r\nFrom: user@old.example.org\r\n"
		 "Subject: moment\r\n\r\nHello.\r\n",
		 argv[3]);
	pause_some();
	reach(argv[1], argv[2]);
	judge("greeting");
	ask("ehlo", "EHLO mail.old.example.org\r\n");
	/* what was not offered is not used */
	if (!strstr(reply, !strcmp(argv[4], "bdat") ? "CHUNKING" : "PIPELINING"))
		argv[4] = "plain";
	hand_over(argv[4], message);
	leave("delivered", "dot");
}
