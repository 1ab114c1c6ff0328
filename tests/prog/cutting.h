/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutting - what a cut sends: the answer as a packet of its own, and the RST that is left
 *
 * A test run really transmits the answer, on lo; open_loop() makes a network namespace whose lo
 * can be read. sent_back() takes the answer from there, reset() checks the frame that goes on.
 */
#ifndef BUILDGATE_TESTS_CUTTING_H
#define BUILDGATE_TESTS_CUTTING_H

#include "tests/prog/answered.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int lo; /* what is sent there */

/* open_loop - group set-up */
static inline int open_loop(void **state)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int one = 1;

	if (geteuid() || unshare(CLONE_NEWNET)) {
		puts("skipped: no network namespace of one's own");
		exit(77);
	}
	lo = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	at.sll_ifindex = if_nametoindex("lo");
	if (lo < 0 || ioctl(lo, SIOCSIFFLAGS, &up) ||
	    setsockopt(lo, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(lo, (void *)&at, sizeof(at)))
		return -1;
	fcntl(lo, F_SETFL, O_NONBLOCK);
	return open_gate(state);
}

/* sent_back - the answer that went out by lo, into c->last; false: there was none */
static inline bool sent_back(struct caller *c)
{
	ssize_t n = recv(lo, c->out, sizeof(c->out), 0);

	if (n < 0)
		return false;
	c->t.out_bytes = n;
	take(c);
	return true;
}

/* reset - the frame that the program left is a RST from the client at this place, and right */
static inline void reset(struct caller *c, uint32_t seq)
{
	size_t segment, at, address;
	uint8_t pseudo[40];

	at = link_bytes(&c->t) + (c->t.ipv6 ? 40 : 20);
	segment = c->t.out_bytes - at;
	assert_int_equal(segment, 20);
	assert_memory_equal(c->out, c->frame, link_bytes(&c->t));
	address = host(&c->t, true, pseudo);
	host(&c->t, false, pseudo + address);
	assert_memory_equal(c->out + at - 2 * address, pseudo, 2 * address);
	put32(pseudo + 2 * address, segment);
	if (!c->t.ipv6)
		assert_int_equal(fold16(sum16(c->out + at - 20, 20, 0)), 0xffff);
	assert_int_equal(fold16(sum16(c->out + at, segment, sum16(pseudo, 2 * address + 4, 6))),
			 0xffff);
	assert_int_equal(get16(c->out + at), c->t.client_port);
	assert_int_equal(get16(c->out + at + 2), c->t.server_port);
	assert_int_equal(get32(c->out + at + 4), seq);
	assert_int_equal(c->out[at + 12], 0x50);
	assert_int_equal(c->out[at + 13], RST | ACK);
}

#endif
