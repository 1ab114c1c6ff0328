// SPDX-License-Identifier: BSD-2-Clause
/* knock - SYNs to ADDRESS PORT, one after the other from every source port, some thousand a second,
 * until SIGTERM; then says how many went out */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FIRST_PORT 10000
#define LAST_PORT  60000
#define PAUSE_NS   100000

static volatile sig_atomic_t over;

static void on_term(int signal)
{
	(void)signal;
	over = 1;
}

static unsigned int sum(unsigned int sum, const void *bytes, size_t size)
{
	const unsigned short *words = bytes;

	for (size_t i = 0; i < size / 2; i++)
		sum += words[i];
	return sum;
}

/* checksum - over the pseudo header (RFC 9293, 3.1) and a header without options */
static unsigned short checksum(struct in_addr from, struct in_addr to, const struct tcphdr *h)
{
	unsigned int total = sum(htons(IPPROTO_TCP) + htons(sizeof(*h)), &from, sizeof(from));

	total = sum(sum(total, &to, sizeof(to)), h, sizeof(*h));
	total = (total >> 16) + (total & 0xffff);
	return (unsigned short)~(total + (total >> 16));
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET }, from;
	socklen_t size = sizeof(from);
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_TCP), udp = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned long sent = 0;

	if (argc != 3 || raw < 0 || udp < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	signal(SIGTERM, on_term);
	to.sin_port = htons(9); /* only to learn our own address */
	if (connect(udp, (struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(udp, (struct sockaddr *)&from, &size))
		return 1;
	to.sin_port = 0;
	for (unsigned short port = FIRST_PORT; !over; port++) {
		struct tcphdr h = { .source = htons(port),
				    .dest = htons((unsigned short)atoi(argv[2])),
				    .seq = htonl((unsigned int)sent),
				    .doff = sizeof(h) / 4,
				    .syn = 1,
				    .window = htons(64000) };

		h.check = checksum(from.sin_addr, to.sin_addr, &h);
		if (sendto(raw, &h, sizeof(h), 0, (struct sockaddr *)&to, sizeof(to)) > 0)
			sent++;
		if (port == LAST_PORT)
			port = FIRST_PORT;
		nanosleep(&pause, NULL);
	}
	printf("%lu\n", sent);
	return 0;
}
