// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS sight without TLS: functions with the signatures of OpenSSL, GnuTLS and Postfix, probed in
 * this very program, hand over conversations on real accepted connections. What is read there
 * must be what packets of the same bytes give, and nothing else may leave the kernel.
 */
#include "tests/prog/probed.h"

#define RECEIVED(build)                                                                            \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server (version=TLS1_2,\r\n"                          \
	" cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id " build "; Sat, 21 Nov\r\n"             \
	" 2026 10:00:00 +0000\r\n"
#define END "Subject: x\r\n\r\nhello\r\n.\r\n"

/* tls_counted - how often, on all CPUs */
static uint64_t tls_counted(enum reason reason)
{
	int cpus = libbpf_num_possible_cpus();
	struct counters *all = calloc((size_t)cpus, sizeof(*all));
	__u32 key = HOOK_TLS;
	uint64_t n = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world.gate->maps.counters), &key, all), 0);
	for (int i = 0; i < cpus; i++)
		n += all[i].count[reason];
	free(all);
	return n;
}

/* --- the same as on the wire --- */

#define TURNS_MAX 16
#define AGED      .build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_RECEIVED, .by = "EX01.example.org"
#define TAIL      "250 Ok\r\n", "QUIT\r\n", "221 bye\r\n"

static const struct conversation {
	const char *what;
	uint64_t build;
	uint8_t origin;
	const char *by;
	const char *turns[TURNS_MAX];
} conversations[] = {
	{ "DATA", AGED, .turns = { HELLO, ENVELOPE, DATA, RECEIVED("15.1.2507.39") END, TAIL } },
	{ "pipelined", AGED,
	  .turns = { HELLO, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
		     "250 Ok\r\n250 Ok\r\n354 go\r\n", RECEIVED("15.1.2507.39") END, TAIL } },
	{ "BDAT", AGED,
	  .turns = { HELLO, ENVELOPE, "BDAT 600\r\n" RECEIVED("15.1.2507.39") "\r\nhello\r\n" } },
	{ "DATA refused, then taken", AGED,
	  .turns = { HELLO, "DATA\r\n", "503 5.5.1 need RCPT\r\n", ENVELOPE, DATA,
		     RECEIVED("15.1.2507.39") END, TAIL } },
	{ "STARTTLS refused", AGED,
	  .turns = { HELLO, "RSET\r\n", "250 Ok\r\n", ENVELOPE, DATA,
		     RECEIVED("15.1.2507.39") END } },
	{ "EHLO label", .build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_EHLO, .by = "",
	  .turns = { "EHLO b15-1-2507-39.ex01.example.org\r\n", "250 mx.example.net\r\n",
		     "QUIT\r\n", "221 bye\r\n" } },
	{ "a relay on top", .turns = { HELLO, ENVELOPE, DATA,
				       "Received: by relay.example.org (Postfix, from userid "
				       "15)\r\n\tid 4Zz;\r\n" RECEIVED("15.1.2507.39") END,
				       TAIL } },
	{ "no Received",
	  .turns = { HELLO, ENVELOPE, DATA, "From: a@example.org\r\n\r\n" RECEIVED("15.1.2507.39"),
		     ".\r\n", TAIL } },
	{ "a second message",
	  .turns = { HELLO, ENVELOPE, DATA, END, "250 Ok\r\n", ENVELOPE, "DATA\r\n" } },
	{ "the message without waiting",
	  .turns = { HELLO, ENVELOPE, "DATA\r\n" RECEIVED("15.1.2507.39") END, "354 go\r\n" } },
};

#define CONVERSATIONS (sizeof(conversations) / sizeof(conversations[0]))

/* wire - what packets of the conversation give */
static struct seen wire(struct instance *gate, const struct conversation *c)
{
	struct talk t = talk(gate, false);

	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	for (int i = 0; i < TURNS_MAX && c->turns[i]; i++)
		say_bytes(&t, c->turns[i][0] < '0' || c->turns[i][0] > '9', c->turns[i],
			  strlen(c->turns[i]));
	goodbye(&t);
	return seen(gate);
}

/* inside - what a session of the conversation gives; the number of events */
static unsigned int inside(const struct conversation *c, enum library library, size_t piece)
{
	struct peer p;

	collect();
	begin(&p, library, 0);
	for (int i = 0; i < TURNS_MAX && c->turns[i]; i++)
		turn(&p, c->turns[i], piece);
	end(&p);
	return collect();
}

static void same_as_on_the_wire(void **state)
{
	static const size_t pieces[] = { 0, 1, 7, 256, 257 };
	void *gate = NULL;

	(void)state;
	if (open_gate(&gate))
		fail_msg("no gate");
	for (size_t i = 0; i < CONVERSATIONS; i++) {
		const struct conversation *c = &conversations[i];
		struct seen s = wire(gate, c);

		if (!s.tokens != !c->build)
			fail_msg("%s: on the wire %u tokens", c->what, s.tokens);
		for (enum library library = 0; library < LIBRARIES; library++)
			for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
				unsigned int n = inside(c, library, pieces[j]);
				const struct event *e = &world.events[0];

				if (n != s.tokens)
					fail_msg("%s, library %u, pieces of %zu: %u events",
						 c->what, library, pieces[j], n);
				assert_int_equal(world.conns, !c->build);
				if (world.conns) {
					assert_int_equal(world.conn.family, s.conn.family);
					assert_int_equal(world.conn.flags,
							 EVENT_TLS | EVENT_ACCEPTED);
					assert_memory_equal(world.conn.helo, s.conn.helo,
							    NAME_BYTES);
					assert_int_equal(world.conn.build, 0);
				}
				if (!n)
					continue;
				assert_int_equal(e->build, s.token.build);
				assert_int_equal(e->origin, c->origin);
				assert_int_equal(e->flags, EVENT_TLS);
				assert_int_equal(e->direction, DIRECTION_INBOUND);
				assert_memory_equal(e->token, s.token.token, TOKEN_BYTES);
				assert_memory_equal(e->helo, s.token.helo, NAME_BYTES);
				assert_memory_equal(e->by, s.token.by, NAME_BYTES);
				assert_string_equal(e->by, c->by);
			}
	}
	close_gate(&gate);
}

/* any_byte - NUL and 8-bit bytes before the line that counts */
static void any_byte(void **state)
{
	static const char header[] = "X-Any: \0\xff\xfe\x80 \0\r\n\t\xc3\x28\r\n" RECEIVED(
		"15.1.2507.39") "\r\n\0\r\n.\r\n";
	const struct conversation *c = &conversations[0];
	struct seen s;
	struct talk t;
	struct peer p;
	void *gate = NULL;

	(void)state;
	if (open_gate(&gate))
		fail_msg("no gate");
	t = talk(gate, false);
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	collect();
	begin(&p, GNUTLS, 0);
	for (int i = 0; i < 8; i++) {
		say_bytes(&t, c->turns[i][0] < '0' || c->turns[i][0] > '9', c->turns[i],
			  strlen(c->turns[i]));
		turn(&p, c->turns[i], 0);
	}
	say_bytes(&t, true, header, sizeof(header) - 1);
	hear(&p, header, sizeof(header) - 1);
	goodbye(&t);
	end(&p);
	s = seen(gate);
	assert_int_equal(collect(), s.tokens);
	assert_int_equal(s.tokens, 1);
	assert_int_equal(world.events[0].build, s.token.build);
	close_gate(&gate);
}

/* --- nothing else leaves --- */

static void secrets_stay(void **state)
{
	static const char *const turns[] = {
		HELLO,
		"AUTH PLAIN AHNlY3JldABodW50ZXIy\r\n",
		"535 5.7.8 secret reply\r\n",
		"AUTH LOGIN\r\n",
		"334 VXNlcm5hbWU6\r\n",
		"c2VjcmV0\r\n",
		"334 UGFzc3dvcmQ6\r\n",
		"hunter2\r\n",
		"235 2.7.0 Ok\r\n",
		"MAIL FROM:<secret@example.org>\r\n",
		"250 2.1.0 Ok\r\n",
		"RCPT TO:<secret@example.net>\r\n",
		"250 2.1.5 Ok\r\n",
		DATA,
		"X-Secret: hunter2\r\n" RECEIVED("15.1.2507.39") "Subject: secret\r\n\r\n"
								 "hunter2 secret\r\n.\r\n",
		"250 2.0.0 Ok: queued as secret\r\n",
	};
	static const char *const words[] = { "hunter2", "secret",   "Secret",
					     "AHNl",    "c2VjcmV0", "VXNlcm5hbWU" };
	unsigned int sessions = 0, events = 0;

	(void)state;
	for (enum library library = 0; library < LIBRARIES; library++)
		for (size_t piece = 0; piece < 300; piece += piece < 3 ? 1 : 97) {
			struct peer p;

			begin(&p, library, 0);
			for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
				turn(&p, turns[i], piece);
				for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
					kept(words[w]);
			}
			end(&p);
			sessions++;
			events += collect();
			for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
				not_in(world.events, world.count * sizeof(struct event), words[w],
				       "an event"),
					not_in(&world.conn, sizeof(world.conn), words[w],
					       "a session's end");
		}
	/* the header field before the Received line is read over: all of them named their build */
	assert_int_equal(events, sessions);
}

/* --- bound, or not read --- */

static void hold(struct peer *p)
{
	const struct conversation *c = &conversations[0];

	for (int i = 0; i < TURNS_MAX && c->turns[i]; i++)
		turn(p, c->turns[i], 0);
}

static void addresses(void **state)
{
	struct peer p;
	const struct event *e = &world.events[0];
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 9 };
	uint8_t loopback[16] = { [15] = 1 };

	(void)state;
	begin(&p, OPENSSL, 9);
	hold(&p);
	assert_int_equal(collect(), 1);
	assert_memory_equal(e->key.client.b, mapped, 16);
	assert_int_equal(e->key.client_port, p.port);
	assert_int_equal(e->key.server_port, world.at.sin6_port);
	end(&p);
	begin(&p, OPENSSL, 0);
	hold(&p);
	assert_int_equal(collect(), 1);
	assert_memory_equal(e->key.client.b, loopback, 16);
	assert_memory_equal(e->key.server.b, loopback, 16);
	end(&p);
}

static void unbound(void **state)
{
	uint64_t before = tls_counted(REASON_TLS_UNBOUND);
	struct peer p = { .library = OPENSSL, .client = -1, .server = -1 };

	(void)state;
	collect();
	hold(&p);
	assert_int_equal(collect(), 0);
	assert_int_equal(tls_counted(REASON_TLS_UNBOUND), before + 1);
	assert_int_equal(kept(NULL), 1);
	probed_free(&p.session);
	assert_int_equal(kept(NULL), 0);
	/* a pointer that is no descriptor, and a descriptor that is no socket */
	probed_set_ptr(&p.session, &p);
	hold(&p);
	probed_free(&p.session);
	probed_set_fd(&p.session, bpf_map__fd(world.gate->maps.events));
	hold(&p);
	probed_free(&p.session);
	probed_set_fd(&p.session, -1);
	hold(&p);
	probed_free(&p.session);
	assert_int_equal(collect(), 0);
	assert_int_equal(tls_counted(REASON_TLS_UNBOUND), before + 4);
}

static void elsewhere(void **state)
{
	uint64_t before = tls_counted(REASON_TLS_UNBOUND), read = tls_counted(REASON_TLS_BOUND);
	struct peer p;
	struct sockaddr_in6 other;
	int listener = listening(&other), pair[2];

	(void)state;
	collect();
	/* our own connection to a mail server */
	begin(&p, OPENSSL, 0);
	probed_free(&p.session);
	probed_set_fd(&p.session, p.client);
	hold(&p);
	end(&p);
	/* a connection accepted at another port */
	p.client = connected(&other, 0);
	p.server = accept(listener, NULL, NULL);
	probed_set_fd(&p.session, p.server);
	hold(&p);
	end(&p);
	/* no TCP */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	p.client = pair[0];
	p.server = pair[1];
	probed_set_fd(&p.session, p.server);
	hold(&p);
	end(&p);
	close(listener);
	assert_int_equal(collect(), 0);
	assert_int_equal(tls_counted(REASON_TLS_UNBOUND), before);
	assert_int_equal(tls_counted(REASON_TLS_BOUND), read);
}

static void pointer_used_again(void **state)
{
	struct peer a, b;

	(void)state;
	collect();
	begin(&a, OPENSSL, 5);
	turn(&a, "EHLO b15-1-2507-6.first.example.org\r\n", 0);
	assert_int_equal(collect(), 1);
	/* the library frees the session unseen, and the next has its pointer */
	b = a;
	b.client = connected(&world.at, 6);
	b.server = accept(world.listener, NULL, NULL);
	probed_set_fd(&a.session, b.server);
	hold(&a);
	assert_int_equal(collect(), 1);
	assert_int_equal(world.events[0].key.client.b[15], 6);
	assert_string_equal(world.events[0].helo, "ex01.example.org");
	close(b.client);
	close(b.server);
	end(&a);
}

static void a_read_that_never_returns(void **state)
{
	uint64_t holes = tls_counted(REASON_HOLE);
	static struct peer p;
	jmp_buf out;

	(void)state;
	collect();
	begin(&p, OPENSSL, 0);
	turn(&p, "EHLO ex01.example.org\r\n", 0);
	if (!setjmp(out)) {
		leave = &out;
		turn(&p, "MAIL FROM:<a@example.org>\r\n", 0);
	}
	leave = NULL;
	hold(&p);
	end(&p);
	/* bytes are missing: nobody can tell what the rest means */
	assert_int_equal(collect(), 0);
	assert_int_equal(tls_counted(REASON_HOLE), holes + 1);
}

static void told_twice(void **state)
{
	struct peer p;

	(void)state;
	collect();
	begin(&p, POSTFIX, 0);
	turn(&p, "EHLO ex01.example.org\r\n", 0);
	/* one descriptor to read, one to write; a shutdown looks like a handshake */
	probed_set_fd(&p.session, p.server);
	probed_bio(p.server, 300, &p.session, shake, NULL, NULL, NULL, 0);
	for (int i = 1; conversations[0].turns[i]; i++)
		turn(&p, conversations[0].turns[i], 0);
	assert_int_equal(collect(), 1);
	assert_string_equal(world.events[0].helo, "ex01.example.org");
	end(&p);
}

static void limits(void **state)
{
	static char big[100 * 1024];
	struct peer p;
	uint64_t unknown = tls_counted(REASON_FAMILY_UNKNOWN);

	(void)state;
	collect();
	/* 100 KB of header, NUL and 8-bit bytes, then what would be a build */
	for (size_t i = 0; i < sizeof(big) - 1; i++)
		big[i] = i % 100 == 99 ? '\n' : i % 100 == 0 ? 'X' : i % 100 == 1 ? ':' : (char)i;
	begin(&p, GNUTLS, 0);
	for (int i = 0; i < 8; i++)
		turn(&p, conversations[0].turns[i], 0);
	hear(&p, big, sizeof(big));
	turn(&p, RECEIVED("15.1.2507.39") END, 0);
	end(&p);
	assert_int_equal(collect(), 0);
	/* commands without end */
	begin(&p, OPENSSL, 0);
	for (int i = 0; i < 20000; i++)
		turn(&p, "NOOP\r\n", 0);
	hold(&p);
	end(&p);
	assert_int_equal(collect(), 0);
	assert_true(tls_counted(REASON_FAMILY_UNKNOWN) > unknown);
}

/* ended - a child that ends in the middle of its sessions, by itself or by force */
static void ended(bool killed)
{
	static struct peer peers[100];
	pid_t child = fork();
	int status;

	if (!child) {
		for (unsigned int i = 0; i < 100; i++) {
			begin(&peers[i], i % LIBRARIES, 0);
			turn(&peers[i], "EHLO ex01.example.org\r\n", 0);
		}
		if (killed)
			raise(SIGKILL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(kept(NULL), 1);
}

static void nothing_is_left_behind(void **state)
{
	struct peer mine;

	(void)state;
	begin(&mine, OPENSSL, 0);
	for (int i = 0; i < 10; i++) {
		ended(false);
		ended(true);
	}
	/* of the others nothing is left, and of ours all */
	hold(&mine);
	assert_int_equal(collect(), 1);
	end(&mine);
	assert_int_equal(kept(NULL), 0);
}

static void off_is_off(void **state)
{
	struct peer p;

	(void)state;
	collect();
	begin(&p, OPENSSL, 0);
	turning_off = true;
	turn(&p, "EHLO b15-1-2507-39.ex01.example.org\r\n", 0);
	turning_off = false;
	end(&p);
	begin(&p, OPENSSL, 0);
	hold(&p);
	set_mode(MODE_REPORT);
	assert_int_equal(collect(), 0);
	end(&p);
	assert_int_equal(kept(NULL), 0);
}

/* off_in_between - what goes on meanwhile is not taken for what was before */
static void off_in_between(void **state)
{
	uint64_t before = tls_counted(REASON_TLS_UNBOUND);
	struct peer p, q;

	(void)state;
	for (int again = 0; again < 2; again++) {
		collect();
		begin(&p, OPENSSL, 3);
		turn(&p, "EHLO ex01.example.org\r\n", 0);
		set_mode(MODE_OFF);
		if (again) { /* the same pointer for another connection */
			q = p;
			probed_free(&p.session);
			q.client = connected(&world.at, 4);
			q.server = accept(world.listener, NULL, NULL);
			probed_set_fd(&p.session, q.server);
			close(q.client);
			close(q.server);
		} else {
			turn(&p, "MAIL FROM:<a@example.org>\r\n", 0);
		}
		set_mode(MODE_REPORT);
		hold(&p);
		assert_int_equal(collect(), 0);
		end(&p);
	}
	assert_int_equal(tls_counted(REASON_TLS_UNBOUND), before + 2);
}

/* --- a blocked source's recheck --- */

#define OLD BUILD(15, 1, 2507, 39)

static const struct {
	const char *what;
	uint32_t flags;   /* of the flow that the packet hooks follow */
	uint64_t build;   /* of the verdict */
	uint32_t block_s; /* ... and its block */
	enum mode mode;
	bool shut;
} rechecks[] = {
	{ "the same build", FLOW_RECHECK, OLD, 3600, MODE_ENFORCE, true },
	{ "an older one", FLOW_RECHECK, OLD + 1, 3600, MODE_ENFORCE, true },
	{ "a newer one", FLOW_RECHECK, OLD - 1, 3600, MODE_ENFORCE, false },
	{ "slowed, not blocked", FLOW_RECHECK, OLD, 0, MODE_ENFORCE, false },
	{ "report mode", FLOW_RECHECK, OLD, 3600, MODE_REPORT, false },
	{ "no recheck", 0, OLD, 3600, MODE_ENFORCE, false },
};

/* in_flows - this session's connection as the packet hooks have it, its source blocked */
static struct flow_key in_flows(const struct peer *p, size_t row)
{
	struct flow_key key = { .client_port = p->port, .server_port = world.at.sin6_port };
	struct flow f = { .flags = rechecks[row].flags };
	struct verdict v = { .block_s = rechecks[row].block_s,
			     .throttle_s = 60,
			     .build = rechecks[row].build,
			     .recheck_open_ns = UINT64_MAX };
	struct addr mapped = { .b = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } };

	key.server = key.client = mapped;
	key.client.b[15] = 9;
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(world.gate->maps.flows), &key, &f, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(world.gate->maps.verdicts), &key.client,
					     &v, BPF_ANY),
			 0);
	return key;
}

static void an_old_build_shuts_a_recheck(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rechecks) / sizeof(rechecks[0]); i++) {
		bool recheck = rechecks[i].flags & FLOW_RECHECK;
		struct flow_key key;
		struct verdict v;
		struct flow f;
		struct peer p;

		collect();
		set_mode(rechecks[i].mode);
		begin(&p, (enum library)(i % LIBRARIES), 9);
		key = in_flows(&p, i);
		turn(&p, conversations[0].turns[0], 0);
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world.gate->maps.flows), &key, &f),
				 0);
		assert_int_equal(f.flags, rechecks[i].flags | (recheck ? FLOW_LOOKED : 0));
		for (int j = 1; j < TURNS_MAX && conversations[0].turns[j]; j++)
			turn(&p, conversations[0].turns[j], 0);
		assert_int_equal(collect(), 1);
		assert_int_equal(world.events[0].flags, EVENT_TLS | (recheck ? EVENT_RECHECK : 0));
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world.gate->maps.flows), &key, &f),
				 0);
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(world.gate->maps.verdicts),
						     &key.client, &v),
				 0);
		if (!(f.flags & FLOW_SHUT) != !rechecks[i].shut ||
		    !v.recheck_open_ns != rechecks[i].shut)
			fail_msg("%s: flags %x", rechecks[i].what, f.flags);
		end(&p);
		bpf_map_delete_elem(bpf_map__fd(world.gate->maps.flows), &key);
		bpf_map_delete_elem(bpf_map__fd(world.gate->maps.verdicts), &key.client);
	}
	set_mode(MODE_REPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_on_the_wire),
		cmocka_unit_test(secrets_stay),
		cmocka_unit_test(addresses),
		cmocka_unit_test(unbound),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(pointer_used_again),
		cmocka_unit_test(told_twice),
		cmocka_unit_test(a_read_that_never_returns),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(limits),
		cmocka_unit_test(nothing_is_left_behind),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(off_in_between),
		cmocka_unit_test(an_old_build_shuts_a_recheck),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
