/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probed - a TLS library without TLS, and a mail server that uses it, for tests of sight
 *
 * The functions have the signatures of OpenSSL, GnuTLS and Postfix, stand in the test itself and
 * are probed there. A peer is a real accepted connection with a session on it: begin(), turn() for
 * each side's words, end(). collect() has the events since; kept() looks at what the kernel keeps.
 */
#ifndef BUILDGATE_TESTS_PROBED_H
#define BUILDGATE_TESTS_PROBED_H

#include "tests/prog/rows.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "build/gate.skel.h"
#include "maps/tls.h"
#include "user/sight/sight_elf.h"

#define EVENTS_MAX 65536

/* Turns of a session up to its message, client first. */
#define HELLO "EHLO ex01.example.org\r\n", "250-mx.example.net\r\n250 8BITMIME\r\n"
#define ENVELOPE                                                                                   \
	"MAIL FROM:<a@example.org>\r\n", "250 2.1.0 Ok\r\n", "RCPT TO:<b@example.net>\r\n",        \
		"250 2.1.5 Ok\r\n"
#define DATA "DATA\r\n", "354 go\r\n"

/* --- a library to be probed --- */

#define PROBED __attribute__((noinline, noclone, visibility("default")))

static const char *incoming; /* what the next read returns */
static int incoming_bytes;

static int bring(char *to, int room)
{
	int n = incoming_bytes < room ? incoming_bytes : room;

	if (n > 0)
		memcpy(to, incoming, (size_t)n);
	return n;
}

PROBED int probed_set_fd(void *session, int fd)
{
	asm volatile("" : : "r"(session), "r"(fd));
	return 1;
}

PROBED void probed_set_ptr(void *session, void *pointer)
{
	asm volatile("" : : "r"(session), "r"(pointer));
}

static jmp_buf *leave;   /* the next read does not return */
static bool turning_off; /* the gate is turned off while it waits */

static void set_mode(enum mode mode);

PROBED int probed_read(void *session, void *to, int room)
{
	asm volatile("" : : "r"(session));
	if (leave)
		longjmp(*leave, 1);
	if (turning_off)
		set_mode(MODE_OFF);
	return bring(to, room);
}

PROBED int probed_read_ex(void *session, void *to, size_t room, size_t *count)
{
	asm volatile("" : : "r"(session));
	*count = (size_t)bring(to, (int)room);
	return 1;
}

PROBED int probed_write(void *session, const void *from, int count)
{
	asm volatile("" : : "r"(session), "r"(from));
	return count;
}

PROBED void probed_free(void *session)
{
	asm volatile("" : : "r"(session));
}

typedef int handshake_fn(void *);
typedef int read_fn(void *, void *, int);
typedef int write_fn(void *, const void *, int);

PROBED int probed_bio(int fd, int timeout, void *session, handshake_fn *begin, read_fn *in,
		      write_fn *out, void *bytes, int count)
{
	asm volatile("" : : "r"(session), "r"(fd), "r"(timeout), "r"(begin), "r"(out));
	return in ? bring(bytes, count) : count;
}

/* shake - what Postfix passes to begin a session, and to end it */
static int shake(void *session)
{
	return session != NULL;
}

static const struct probe {
	const char *function, *program;
	bool at_return;
} probes[] = {
	{ "probed_free", "tls_on_free", false },       { "probed_read", "tls_on_return", true },
	{ "probed_read", "tls_on_read", false },       { "probed_read_ex", "tls_on_return", true },
	{ "probed_read_ex", "tls_on_read_ex", false }, { "probed_write", "tls_on_write", false },
	{ "probed_bio", "tls_on_return", true },       { "probed_bio", "tls_on_bio", false },
	{ "probed_set_fd", "tls_on_fd", false },       { "probed_set_ptr", "tls_on_ptr", false },
};

/* --- the world --- */

static struct world {
	struct gate *gate;
	struct bpf_link *links[16];
	struct ring_buffer *ring;
	int listener, lock;
	struct sockaddr_in6 at; /* of the mail server */
	unsigned int count, conns;
	struct event events[EVENTS_MAX], conn; /* builds; the last session that named none */
} world;

static int take(void *arg, void *data, size_t bytes)
{
	const struct event *e = data;

	(void)arg;
	assert_true(world.count < EVENTS_MAX);
	assert_int_equal(bytes, sizeof(struct event));
	if (e->type == EVENT_TOKEN)
		world.events[world.count++] = *e;
	else
		world.conn = *e, world.conns++;
	return 0;
}

/* collect - builds told since the last call */
static unsigned int collect(void)
{
	world.count = world.conns = 0;
	assert_true(ring_buffer__consume(world.ring) >= 0);
	return world.count;
}

static void set_mode(enum mode mode)
{
	struct settings settings = { .abi = ABI_VERSION, .mode = mode };
	__u32 key = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(world.gate->maps.settings), &key,
					     &settings, BPF_ANY),
			 0);
}

/* listening - a mail server's socket on a port of its own */
static int listening(struct sockaddr_in6 *at)
{
	socklen_t size = sizeof(*at);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0;

	setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &off, sizeof(off));
	*at = (struct sockaddr_in6) { .sin6_family = AF_INET6 };
	if (fd < 0 || bind(fd, (void *)at, size) || listen(fd, 128) ||
	    getsockname(fd, (void *)at, &size))
		return -1;
	return fd;
}

static void load(void)
{
	struct bpf_program *p = NULL;

	libbpf_set_print(NULL);
	world.gate = gate__open();
	assert_non_null(world.gate);
	while ((p = bpf_object__next_program(world.gate->obj, p)))
		bpf_program__set_autoload(p, !strncmp(bpf_program__name(p), "tls_on_", 7));
	bpf_map__set_max_entries(world.gate->maps.tls_sessions, 1024);
	bpf_map__set_max_entries(world.gate->maps.tls_calls, 1024);
	bpf_map__set_max_entries(world.gate->maps.tls_processes, 1024);
	world.gate->rodata->gate_config.ports_count = 1;
	world.gate->rodata->gate_config.ports[0].port = world.at.sin6_port;
	world.gate->rodata->gate_config.ports[0].kind = PORT_MX;
	assert_int_equal(gate__load(world.gate), 0);
}

static void attach(void)
{
	struct sight_symbol symbols[sizeof(probes) / sizeof(probes[0])];
	const unsigned int count = sizeof(probes) / sizeof(probes[0]);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct sight_elf *elf = malloc(sizeof(*elf));
	struct error e = { "" };

	for (unsigned int i = 0; i < count; i++)
		symbols[i] = (struct sight_symbol) { .name = probes[i].function };
	for (unsigned int i = 0; i < count; i++) {
		/* one at a time: a name is found once */
		LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = probes[i].at_return);

		assert_int_equal(sight_elf_read(fd, &symbols[i], 1, elf, &e), 0);
		assert_int_equal(symbols[i].place, SIGHT_OWN);
		world.links[i] = bpf_program__attach_uprobe_opts(
			bpf_object__find_program_by_name(world.gate->obj, probes[i].program), -1,
			"/proc/self/exe", symbols[i].offset, &options);
		assert_non_null(world.links[i]);
	}
	world.links[count] = bpf_program__attach(world.gate->progs.tls_on_exit);
	assert_non_null(world.links[count]);
	free(elf);
	close(fd);
}

static int open_world(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("needs root\n");
		exit(77);
	}
	if (access("/sys/bus/event_source/devices/uprobe/type", R_OK)) {
		print_message("this kernel has no uprobes\n");
		exit(77);
	}
	world.listener = listening(&world.at);
	world.lock = memfd_create("lock", MFD_CLOEXEC);
	assert_true(world.listener >= 0 && world.lock >= 0);
	load();
	set_mode(MODE_REPORT);
	world.ring = ring_buffer__new(bpf_map__fd(world.gate->maps.events), take, NULL, NULL);
	assert_non_null(world.ring);
	attach();
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	for (size_t i = 0; i <= sizeof(probes) / sizeof(probes[0]); i++)
		bpf_link__destroy(world.links[i]);
	ring_buffer__free(world.ring);
	gate__destroy(world.gate);
	close(world.listener);
	close(world.lock);
	return 0;
}

/* --- a session --- */

enum library { OPENSSL, OPENSSL_EX, GNUTLS, POSTFIX, LIBRARIES };

struct peer {
	enum library library;
	int client, server; /* descriptors of the connection's ends */
	uint16_t port;      /* the client's */
	char session;       /* its address is what the library calls the session */
};

/* connected - a client from 127.0.0.`host`, or from ::1 where host is 0 */
static int connected(const struct sockaddr_in6 *to, unsigned int host)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000000 | host) },
			   to4 = { .sin_family = AF_INET,
				   .sin_port = to->sin6_port,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 to6 = *to;
	int fd = socket(host ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to6.sin6_addr = in6addr_loopback;
	if (host)
		assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
	assert_int_equal(host ? connect(fd, (void *)&to4, sizeof(to4))
			      : connect(fd, (void *)&to6, sizeof(to6)),
			 0);
	return fd;
}

/* one_at_a_time - of processes that connect and accept at the same port */
static void one_at_a_time(short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	assert_int_equal(fcntl(world.lock, F_SETLKW, &lock), 0);
}

static void begin(struct peer *p, enum library library, unsigned int host)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);

	p->library = library;
	one_at_a_time(F_WRLCK);
	p->client = connected(&world.at, host);
	p->server = accept4(world.listener, (void *)&from, &size, SOCK_CLOEXEC);
	one_at_a_time(F_UNLCK);
	assert_true(p->server >= 0);
	p->port = ((struct sockaddr_in6 *)&from)->sin6_port;
	switch (library) {
	case GNUTLS:
		probed_set_ptr(&p->session, (void *)(long)p->server);
		break;
	case POSTFIX:
		probed_bio(p->server, 300, &p->session, shake, NULL, NULL, NULL, 0);
		break;
	default:
		probed_set_fd(&p->session, p->server);
	}
}

static void end(struct peer *p)
{
	probed_free(&p->session);
	close(p->client);
	close(p->server);
}

/* hear - the server reads these bytes */
static void hear(struct peer *p, const char *bytes, size_t count)
{
	static __thread char buffer[16384];
	size_t got;

	while (count) {
		incoming = bytes;
		incoming_bytes = (int)(count > sizeof(buffer) ? sizeof(buffer) : count);
		bytes += incoming_bytes;
		count -= (size_t)incoming_bytes;
		if (p->library == OPENSSL_EX)
			probed_read_ex(&p->session, buffer, sizeof(buffer), &got);
		else if (p->library == POSTFIX)
			probed_bio(p->server, 300, &p->session, NULL, probed_read, NULL, buffer,
				   sizeof(buffer));
		else
			probed_read(&p->session, buffer, sizeof(buffer));
		memset(buffer, 0, sizeof(buffer));
	}
}

/* answer - the server writes these bytes */
static void answer(struct peer *p, const char *bytes, size_t count)
{
	if (p->library == POSTFIX)
		probed_bio(p->server, 300, &p->session, NULL, NULL, probed_write, (void *)bytes,
			   (int)count);
	else
		probed_write(&p->session, bytes, (int)count);
}

/* turn - by whose turn it is: the server's begin with a digit; `piece` bytes at a time */
static void turn(struct peer *p, const char *text, size_t piece)
{
	bool server = text[0] >= '0' && text[0] <= '9';
	size_t left = strlen(text);

	while (left) {
		size_t n = piece && piece < left ? piece : left;

		if (server)
			answer(p, text, n);
		else
			hear(p, text, n);
		text += n;
		left -= n;
	}
}

/* not_in - memmem(), with a word about where */
static inline void not_in(const void *bytes, size_t count, const char *word, const char *where)
{
	if (memmem(bytes, count, word, strlen(word)))
		fail_msg("%s holds \"%s\"", where, word);
}

/* kept - every session that the kernel keeps, as bytes */
static inline unsigned int kept(const char *word)
{
	int fd = bpf_map__fd(world.gate->maps.tls_sessions);
	static struct tls_session session;
	struct tls_key key, *last = NULL;
	unsigned int n = 0;

	for (; !bpf_map_get_next_key(fd, last, &key); last = &key, n++)
		if (!bpf_map_lookup_elem(fd, &key, &session) && word)
			not_in(&session, sizeof(session), word, "the session map");
	return n;
}

#endif
