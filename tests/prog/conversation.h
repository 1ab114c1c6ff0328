/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conversation - SMTP connections made of real frames, fed to the real programs
 *
 * A talk is one connection between a client and a server, one of them outside. say() sends
 * bytes of a side in a frame of its own (both sides' sequence numbers move on by themselves,
 * checksums are right); frame() builds any single segment, with whatever is wrong about it.
 * The gate sees frames of the outside peer at ingress and the others at egress.
 */
#ifndef BUILDGATE_TESTS_CONVERSATION_H
#define BUILDGATE_TESTS_CONVERSATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/base/build.h"
#include "user/kernel/instance.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct talk {
	struct instance *gate;
	bool ipv6;
	bool outbound; /* the server is outside */
	uint16_t client_port, server_port;
	uint32_t client_host, server_host; /* last part of the address */
	uint16_t client_net;               /* /64 of an IPv6 client */
	uint32_t client_seq, server_seq;   /* next to be sent */
	/* what single frames get, for tests of the packet layer */
	unsigned int tags;           /* VLAN tags in the frame */
	unsigned int ip_options;     /* bytes, IPv4 */
	unsigned int ip6_extensions; /* destination options headers of 8 bytes */
	unsigned int tcp_options;    /* bytes of NOPs */
	unsigned int padding;        /* bytes after the segment */
	uint8_t ttl;                 /* hops left; 0: 64 */
	bool no_link;                /* no Ethernet header: see host() */
	bool bad_checksum;
	bool partial_checksum;
	uint8_t *out; /* where the frame as the program left it goes, or NULL */
	size_t out_bytes;
	/* another way to a hook than a test run, or NULL */
	int (*through)(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes);
	int last; /* what the program returned for the last frame */
};

struct seen {
	unsigned int tokens, conns;
	struct event token, conn;
};

static inline uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	return sum;
}

static inline uint16_t fold16(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/*
 * host - address of a side: 192.0.2.N / 198.51.100.N, 2001:db8:c:NET::N / 2001:db8:5::N.
 * Test runs take the protocol from where an Ethernet header would have it, in a frame without
 * one too: there it is in the middle of the source address, 8.0.2.N, 2001:db8:86dd::N.
 */
static inline size_t host(const struct talk *t, bool client, uint8_t *p)
{
	uint32_t n = client ? t->client_host : t->server_host;

	if (!t->ipv6) {
		put32(p, (client ? 0xc0000200 : 0xc6336400) + n);
		if (t->no_link)
			put16(p, 0x0800);
		return 4;
	}
	memset(p, 0, 16);
	put32(p, 0x20010db8);
	put16(p + 4, t->no_link ? 0x86dd : client ? 0xc : 0x5);
	put16(p + 6, client ? t->client_net : 0x5);
	put32(p + 12, n);
	return 16;
}

/* addr_of - the address of a side as the maps have it */
static inline struct addr addr_of(const struct talk *t, bool client)
{
	struct addr a = { 0 };

	a.b[10] = a.b[11] = 0xff;
	host(t, client, t->ipv6 ? a.b : a.b + 12);
	return a;
}

/* source - the client's address as a verdict has it */
static inline struct addr source(const struct talk *t)
{
	struct addr a = addr_of(t, true);

	if (t->ipv6)
		memset(a.b + 8, 0, 8);
	return a;
}

/* key_of - the flow of this connection */
static inline struct flow_key key_of(const struct talk *t)
{
	return (struct flow_key) { .client = addr_of(t, true),
				   .server = addr_of(t, false),
				   .client_port = htons(t->client_port),
				   .server_port = htons(t->server_port) };
}

/* link_bytes - length of the header before the network's */
static inline size_t link_bytes(const struct talk *t)
{
	return t->no_link ? 0 : 14 + 4 * t->tags;
}

static inline size_t put_ethernet(const struct talk *t, uint8_t *f)
{
	size_t n = 12;

	if (t->no_link)
		return 0;
	memset(f, 2, 12);
	for (unsigned int i = 0; i < t->tags; i++) {
		put16(f + n, i + 1 < t->tags ? 0x88a8 : 0x8100);
		put16(f + n + 2, 100 + i);
		n += 4;
	}
	put16(f + n, t->ipv6 ? 0x86dd : 0x0800);
	return n + 2;
}

static inline size_t put_ip(const struct talk *t, bool client, uint8_t *p, size_t segment)
{
	size_t n = t->ipv6 ? 40 : 20 + t->ip_options;

	memset(p, 0, n);
	if (!t->ipv6) {
		p[0] = 0x40 | n / 4;
		put16(p + 2, n + segment);
		p[8] = t->ttl ?: 64;
		p[9] = 6;
		host(t, client, p + 12);
		host(t, !client, p + 16);
		memset(p + 20, 1, t->ip_options);
		put16(p + 10, ~fold16(sum16(p, n, 0)));
		return n;
	}
	p[0] = 0x60;
	put16(p + 4, segment + t->ip6_extensions * 8);
	p[6] = t->ip6_extensions ? 60 : 6;
	p[7] = t->ttl ?: 64;
	host(t, client, p + 8);
	host(t, !client, p + 24);
	for (unsigned int i = 0; i < t->ip6_extensions; i++, n += 8) {
		memset(p + n, 0, 8);
		p[n] = i + 1 < t->ip6_extensions ? 60 : 6;
		p[n + 2] = 1; /* PadN of 6 bytes */
		p[n + 3] = 4;
	}
	return n;
}

/* build_frame - one segment as a frame into f; returns its length */
static inline size_t build_frame(const struct talk *t, bool client, uint32_t seq, uint32_t ack,
				 unsigned int flags, const void *data, size_t bytes, uint8_t *f)
{
	size_t tcp_bytes = 20 + t->tcp_options, n = put_ethernet(t, f);
	uint8_t pseudo[40], *tcp;
	size_t address;
	uint32_t sum;

	n += put_ip(t, client, f + n, tcp_bytes + bytes);
	tcp = f + n;
	memset(tcp, 0, tcp_bytes);
	put16(tcp, client ? t->client_port : t->server_port);
	put16(tcp + 2, client ? t->server_port : t->client_port);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = tcp_bytes / 4 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 64000);
	memset(tcp + 20, 1, t->tcp_options);
	memcpy(tcp + tcp_bytes, data, bytes);
	address = host(t, client, pseudo);
	host(t, !client, pseudo + address);
	put32(pseudo + 2 * address, tcp_bytes + bytes);
	sum = sum16(pseudo, 2 * address + 4, 6);
	if (t->partial_checksum)
		put16(tcp + 16, fold16(sum));
	else
		put16(tcp + 16, ~fold16(sum16(tcp, tcp_bytes + bytes, sum)));
	if (t->bad_checksum)
		tcp[16] ^= 0x55;
	n += tcp_bytes + bytes;
	memset(f + n, 0, t->padding);
	return n + t->padding;
}

/* feed_hook - a built frame to this hook */
static inline int feed_hook(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	const struct instance_fds *fds = instance_fds(t->gate);
	int program = hook == HOOK_XDP       ? fds->xdp
		      : hook == HOOK_INGRESS ? t->no_link ? fds->ingress_l3 : fds->ingress
		      : t->no_link           ? fds->egress_l3
					     : fds->egress;

	if (t->through)
		return t->last = t->through(t, hook, f, bytes);
	t->out_bytes = 4096;
	t->last = instance_run(program, f, bytes, t->out, &t->out_bytes);
	assert_true(t->last > -1000);
	return t->last;
}

/* feed - a built frame to the hook where the gate would see it */
static inline int feed(struct talk *t, bool client, const uint8_t *f, size_t bytes)
{
	return feed_hook(t, client != t->outbound ? HOOK_INGRESS : HOOK_EGRESS, f, bytes);
}

/* frame - one segment with these numbers */
static inline int frame(struct talk *t, bool client, uint32_t seq, uint32_t ack, unsigned int flags,
			const void *data, size_t bytes)
{
	uint8_t f[4096];

	return feed(t, client, f, build_frame(t, client, seq, ack, flags, data, bytes, f));
}

/* say_bytes - the next bytes of a side, with an acknowledgement of all the other sent */
static inline void say_bytes(struct talk *t, bool client, const void *data, size_t bytes)
{
	uint32_t *mine = client ? &t->client_seq : &t->server_seq;
	uint32_t *other = client ? &t->server_seq : &t->client_seq;

	frame(t, client, *mine, *other, ACK | PSH, data, bytes);
	*mine += bytes;
}

static inline void client(struct talk *t, const char *text)
{
	say_bytes(t, true, text, strlen(text));
}

static inline void server(struct talk *t, const char *text)
{
	say_bytes(t, false, text, strlen(text));
}

/* acknowledge - an empty segment of a side */
static inline void acknowledge(struct talk *t, bool by_client)
{
	say_bytes(t, by_client, "", 0);
}

static inline void handshake(struct talk *t)
{
	frame(t, true, t->client_seq++, 0, SYN, "", 0);
	frame(t, false, t->server_seq++, t->client_seq, SYN | ACK, "", 0);
	acknowledge(t, true);
}

/* goodbye - FIN of both sides */
static inline void goodbye(struct talk *t)
{
	frame(t, true, t->client_seq++, t->server_seq, FIN | ACK, "", 0);
	frame(t, false, t->server_seq++, t->client_seq, FIN | ACK, "", 0);
	acknowledge(t, true);
}

static inline struct talk talk(struct instance *gate, bool ipv6)
{
	static uint16_t port = 20000;

	if (port < 20000) /* after the last, and never one of a mail server */
		port = 20000;
	return (struct talk) { .gate = gate,
			       .ipv6 = ipv6,
			       .client_port = port++,
			       .server_port = 25,
			       .client_host = 7,
			       .server_host = 25,
			       .client_seq = 0xfffffff0 + port * 7919u,
			       .server_seq = 0x80000000 - port };
}

static inline void note_event(void *arg, const struct event *e)
{
	struct seen *s = arg;

	if (e->type == EVENT_TOKEN) {
		s->tokens++;
		s->token = *e;
	} else {
		s->conns++;
		s->conn = *e;
	}
}

/* seen - what the gate told since the last call */
static inline struct seen seen(struct instance *gate)
{
	struct seen s = { 0 };

	assert_true(instance_events(gate, note_event, &s) >= 0);
	return s;
}

static inline uint64_t counted(struct instance *gate, enum hook hook, enum reason reason)
{
	struct counters c[HOOK_MAX];

	assert_int_equal(instance_counters(gate, c), 0);
	return c[hook].count[reason];
}

/* entries - how many a map has */
static inline unsigned int entries(int fd, size_t key_bytes)
{
	uint8_t key[64];
	unsigned int n = 0;

	(void)key_bytes;
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : key, key); first = false)
		n++;
	return n;
}

/* flow_of - the entry of this connection; false: it is not followed */
static inline bool flow_of(const struct talk *t, struct flow *f)
{
	struct flow_key key = key_of(t);

	return !bpf_map_lookup_elem(instance_fds(t->gate)->flows, &key, f);
}

/* followed - there is an entry of this connection */
static inline bool followed(const struct talk *t)
{
	struct flow f;

	return flow_of(t, &f);
}

/* open_sized - a gate with room for so many verdicts (0: the default), or NULL */
static inline struct instance *open_sized(unsigned int verdicts)
{
	struct gate_config c = { .ports_count = 2, .ipv6_bits = 64 };
	struct instance *gate = NULL;
	struct error e = { 0 };

	c.ipsec = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_skb_get_xfrm_state,
					  NULL) == 1;
	c.ports[0].port = htons(25);
	c.ports[0].kind = PORT_MX;
	c.ports[1].port = htons(587);
	c.ports[1].kind = PORT_SUBMISSION;
	if (geteuid()) {
		puts("skipped: loading programs needs root");
		exit(77);
	}
	if (instance_open_sized(&c, verdicts, &gate, &e))
		fprintf(stderr, "%s\n", e.text);
	return gate;
}

/* open_gate - group set-up: skipped with a reason where programs cannot be loaded */
static inline int open_gate(void **state)
{
	*state = open_sized(0);
	return *state ? 0 : -1;
}

static inline int close_gate(void **state)
{
	instance_close(*state);
	return 0;
}

#endif
