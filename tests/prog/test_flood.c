// SPDX-License-Identifier: BSD-2-Clause
/*
 * What strangers can do: a million forged segments and a million forged connection attempts
 * make no flow, no observation, take no entry from anybody, and a real conversation in their
 * midst is read as ever (DESIGN section 4; issue "identification").
 */
#include "tests/prog/conversation.h"

#include <bpf/bpf.h>

#define FORGED  1000000
#define VICTIMS 200 /* conversations that are open meanwhile */

#define LINE                                                                                       \
	"Received: from a.example.org (192.0.2.1) by EX01.example.org (192.0.2.2) with\r\n"        \
	" Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026 10:00:00 +0000\r\n"

static uint64_t random_state = 88172645463325252ULL;

/* any - xorshift: the same million every time */
static uint64_t any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* to_message - a conversation that has reached its message */
static struct talk to_message(struct instance *gate, unsigned int host)
{
	struct talk t = talk(gate, host & 1);

	t.client_host = host;
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250 mx.example.net\r\n");
	client(&t, "DATA\r\n");
	server(&t, "354 go\r\n");
	return t;
}

/* forge - one segment that claims to come from somebody: text of every stage, any numbers, any
 * flags; from clients, and from port 25 of servers */
static void forge(struct instance *gate, unsigned int victims)
{
	static const char *const texts[] = { LINE, "220 mx Microsoft Exchange 15.1.2507.39\r\n",
					     "EHLO b15-1-2507-39.example.org\r\n",
					     "DATA\r\n" LINE "\r\n.\r\n" };
	const char *text = texts[any() % 4];
	uint64_t r = any();
	struct talk t = { .gate = gate,
			  .ipv6 = r & 1,
			  .outbound = r >> 1 & 1,
			  .client_port = 20000 + (r >> 16) % 2000,
			  .server_port = 25,
			  .client_host = 1 + (r >> 32) % (2 * victims),
			  .server_host = 25 };

	/* what comes from outside goes through ingress only */
	frame(&t, !t.outbound, any(), any(), r >> 8 & (FIN | SYN | RST | PSH | ACK), text,
	      strlen(text));
}

static void forged_segments_say_nothing(void **state)
{
	struct talk open[VICTIMS];
	unsigned int before;
	struct seen s;

	for (unsigned int i = 0; i < VICTIMS; i++)
		open[i] = to_message(*state, i + 1);
	seen(*state);
	before = entries(instance_fds(*state)->flows, 36);
	assert_int_equal(before, VICTIMS);
	for (unsigned int i = 0; i < FORGED; i++)
		forge(*state, VICTIMS);
	s = seen(*state);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(entries(instance_fds(*state)->flows, 36), before);
	for (unsigned int i = 0; i < VICTIMS; i++) {
		client(&open[i], LINE);
		acknowledge(&open[i], false);
		s = seen(*state);
		assert_int_equal(s.tokens, 1);
		assert_int_equal(s.token.build, BUILD(15, 1, 2507, 39));
		goodbye(&open[i]);
		seen(*state);
	}
	assert_int_equal(entries(instance_fds(*state)->flows, 36), 0);
}

static void connection_attempts_make_nothing(void **state)
{
	struct talk real = to_message(*state, 7);
	struct seen s;

	seen(*state);
	for (unsigned int i = 0; i < FORGED; i++) {
		struct talk t = { .gate = *state,
				  .ipv6 = i & 1,
				  .client_port = 1024 + i % 60000,
				  .server_port = 25,
				  .client_host = i + 1,
				  .server_host = 25 };

		frame(&t, true, any(), 0, SYN, "", 0);
	}
	assert_int_equal(entries(instance_fds(*state)->flows, 36), 1);
	assert_int_equal(entries(instance_fds(*state)->handshakes, 36), 0);
	assert_int_equal(entries(instance_fds(*state)->rechecks, 36), 0);
	client(&real, LINE);
	acknowledge(&real, false);
	s = seen(*state);
	assert_int_equal(s.tokens, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_segments_say_nothing),
		cmocka_unit_test(connection_attempts_make_nothing),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
