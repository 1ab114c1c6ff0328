// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/http.h"
#include "user/daemon/http_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config config;
static struct http *http;
static sd_event *event;
static struct error e;

static char *hello(void *arg, size_t *ret_bytes)
{
	*ret_bytes = 6;
	return arg ? strdup("hello\n") : NULL;
}

/* A page in parts: PARTS times a line, then the end, or an error. */
#define PARTS 5000
static unsigned int streams_open, reads;

struct parts {
	unsigned int done;
};

static void *parts_open(void *arg)
{
	struct parts *parts = calloc(1, sizeof(*parts));

	(void)arg;
	streams_open++;
	return parts;
}

static ssize_t parts_read(void *stream, char *buf, size_t size)
{
	struct parts *parts = stream;

	assert_true(size >= 16);
	reads++;
	if (parts->done == PARTS)
		return 0;
	return snprintf(buf, size, "line %u\n", parts->done++);
}

static ssize_t broken_read(void *stream, char *buf, size_t size)
{
	(void)stream;
	(void)buf;
	(void)size;
	return -EIO;
}

static void parts_close(void *stream)
{
	streams_open--;
	free(stream);
}

static const char *own_security(void)
{
	return "default-src 'self'";
}

static const struct http_page pages[] = {
	{ .path = "/metrics", .type = "text/plain; version=0.0.4", .body = hello },
	{ .path = "/parts",
	  .type = "text/html",
	  .open = parts_open,
	  .read = parts_read,
	  .close = parts_close,
	  .security = own_security },
	{ .path = "/broken",
	  .type = "text/html",
	  .open = parts_open,
	  .read = broken_read,
	  .close = parts_close },
	{ 0 },
};

/* free_port - one that nobody has right now */
static void free_port(void)
{
	struct sockaddr_in *addr = (void *)&config.http.addr;
	socklen_t n = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*addr = (struct sockaddr_in) { .sin_family = AF_INET };
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)addr, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &n), 0);
	close(fd);
	snprintf(config.http.text, sizeof(config.http.text), "127.0.0.1:%u", ntohs(addr->sin_port));
	strcpy(config.hostname, "mx.example.org");
}

static int setup(void **state)
{
	(void)state;
	free_port();
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(http_listen(&config, &http, &e), 0);
	assert_int_equal(http_start(http, event, pages, &config, &e), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_close(http);
	sd_event_unref(event);
	return 0;
}

/* dial - a connection */
static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		connect(fd, (struct sockaddr *)&config.http.addr, sizeof(struct sockaddr_in)), 0);
	return fd;
}

/* turn - let the loop do all it can at once */
static void turn(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static void say(int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* hear - all that comes within a moment; the number of bytes, -1: the server hung up */
static ssize_t hear(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n = -1;

	for (int i = 0; i < 100 && (n < 0 || used < size - 1); i++) {
		sd_event_run(event, used ? 1000 : 20000);
		n = recv(fd, buf + used, size - 1 - used, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && used))
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	buf[used] = '\0';
	return used ? (ssize_t)used : n;
}

/* ask - one request; the answer, or "" when the server hung up */
static const char *ask(const char *request)
{
	static char answer[4096];
	int fd = dial();

	say(fd, request);
	hear(fd, answer, sizeof(answer));
	close(fd);
	return answer;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void test_requests(void **state)
{
	static const struct {
		const char *request, *status, *body;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: localhost:9725\r\n\r\n", "HTTP/1.1 200",
		  "\r\n\r\nhello\n" },
		{ "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "HTTP/1.1 200", "0.0.4" },
		{ "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200",
		  "Content-Length: 6" },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404", "no such page" },
		{ "GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404", "" },
		{ "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde",
		  "HTTP/1.1 405", "Allow: GET, HEAD" },
		{ "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405", "" },
		{ "GET /metrics HTTP/1.1\r\nHost: evil.example.org\r\n\r\n", "HTTP/1.1 403",
		  "foreign Host" },
		{ "GET /metrics HTTP/1.1\r\nHost: mx.example.org\r\n\r\n", "HTTP/1.1 403", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *answer = ask(rows[i].request);

		if (strncmp(answer, rows[i].status, strlen(rows[i].status)) ||
		    !strstr(answer, rows[i].body))
			fail_msg("row %zu: %s", i, answer);
	}
}

static void test_garbage(void **state)
{
	static char header[HTTP_MEMORY_MAX + 64];

	(void)state;
	assert_memory_not_equal(ask("\x16\x03\x01\r\n\r\n"), "HTTP/1.1 200", 12);
	snprintf(header, sizeof(header), "GET /metrics HTTP/1.1\r\nX: %0*d\r\n\r\n",
		 HTTP_MEMORY_MAX, 0);
	assert_memory_not_equal(ask(header), "HTTP/1.1 200", 12);
	assert_memory_equal(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 200",
			    12);
}

/* whatever a browser is told of an answer */
static void test_headers(void **state)
{
	static const char *const rows[] = { "\r\nX-Content-Type-Options: nosniff\r\n",
					    "\r\nX-Frame-Options: DENY\r\n",
					    "\r\nReferrer-Policy: no-referrer\r\n",
					    "\r\nCache-Control: no-store\r\n",
					    "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
					    "\r\nCross-Origin-Opener-Policy: same-origin\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_non_null(strstr(ask(GET("/metrics")), rows[i]));
		assert_non_null(strstr(ask(GET("/nothing")), rows[i]));
	}
	assert_non_null(strstr(ask(GET("/metrics")), "Security-Policy: default-src 'none'; "));
	assert_non_null(strstr(ask(GET("/parts")), "Security-Policy: default-src 'self'\r\n"));
	assert_null(strstr(ask(GET("/metrics")), "Access-Control"));
}

/* a page in parts is whole at the end, and lets others in between */
static void test_parts(void **state)
{
	static char answer[PARTS * 32];
	int fd = dial();
	size_t used = 0;
	ssize_t n = -1;

	(void)state;
	say(fd, "GET /parts HTTP/1.0\r\nHost: localhost\r\n\r\n");
	while (!streams_open)
		sd_event_run(event, 20000);
	reads = 0;
	assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
	assert_true(reads < PARTS / 2);
	while (n && used < sizeof(answer) - 1) {
		sd_event_run(event, 1000);
		n = recv(fd, answer + used, sizeof(answer) - 1 - used, MSG_DONTWAIT);
		used += n > 0 ? (size_t)n : 0;
	}
	assert_non_null(strstr(answer, "\r\n\r\nline 0\nline 1\n"));
	assert_non_null(strstr(answer, "line 4998\nline 4999\n"));
	close(fd);
	assert_int_equal(streams_open, 0);
}

/* one that breaks is cut, not ended as if it were whole; its reader may leave at any time */
static void test_parts_broken(void **state)
{
	int fd = dial();

	(void)state;
	assert_null(strstr(ask(GET("/broken")), "\r\n0\r\n"));
	say(fd, GET("/parts"));
	while (!streams_open)
		sd_event_run(event, 20000);
	close(fd);
	while (streams_open)
		sd_event_run(event, 20000);
}

/* a few readers of such a page at a time; the others are told to come again */
static void test_parts_many(void **state)
{
	int fds[HTTP_STREAMS_MAX], small = 4096;

	(void)state;
	for (int i = 0; i < HTTP_STREAMS_MAX; i++) {
		fds[i] = dial();
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		say(fds[i], GET("/parts"));
	}
	while (streams_open < HTTP_STREAMS_MAX)
		sd_event_run(event, 20000);
	assert_memory_equal(ask(GET("/parts")), "HTTP/1.1 503", 12);
	assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
	for (int i = 0; i < HTTP_STREAMS_MAX; i++)
		close(fds[i]);
	while (streams_open)
		sd_event_run(event, 20000);
	assert_memory_equal(ask(GET("/parts")), "HTTP/1.1 200", 12);
}

/* three times as many as there are places, who hold them without a request, or with one that
 * never ends: they make room for whoever asks */
static void test_crowd(void **state)
{
	static const char *const beginnings[] = {
		"", "G", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
		"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab"
	};
	int fds[HTTP_CLIENTS_MAX * 3];

	(void)state;
	for (size_t b = 0; b < sizeof(beginnings) / sizeof(beginnings[0]); b++) {
		for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
			fds[i] = dial();
			say(fds[i], beginnings[b]);
			turn();
			if (i % 16 == 0)
				assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
		}
		assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
		for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
			close(fds[i]);
		turn();
	}
}

/* whoever is being answered keeps its place, and so does who asked a moment ago */
static void test_crowd_spares(void **state)
{
	int asked = dial(), fds[HTTP_CLIENTS_MAX - 1];
	char answer[4096];

	(void)state;
	for (int i = 0; i < HTTP_CLIENTS_MAX - 1; i++) {
		fds[i] = dial();
		turn();
	}
	say(asked, GET("/metrics"));
	assert_true(hear(asked, answer, sizeof(answer)) > 0);
	assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
	say(asked, GET("/metrics"));
	assert_true(hear(asked, answer, sizeof(answer)) > 0);
	assert_int_equal(recv(fds[0], answer, sizeof(answer), MSG_DONTWAIT), 0); /* hung up */
	close(asked);
	for (int i = 0; i < HTTP_CLIENTS_MAX - 1; i++)
		close(fds[i]);
}

/* several requests in one segment are answered in order, up to a refusal */
static void test_pipelined(void **state)
{
	char answer[8192];
	int fd = dial(), count = 0;
	bool whole = false;

	(void)state;
	say(fd, GET("/metrics") GET("/metrics") GET("/nothing") "GET /m");
	for (size_t used = 0; used < sizeof(answer) - 1 && !whole; whole = count == 3) {
		ssize_t n = hear(fd, answer + used, sizeof(answer) - used);

		assert_true(n > 0);
		used += (size_t)n;
		count = 0;
		for (const char *p = answer; (p = strstr(p, "HTTP/1.1 ")); p++)
			count++;
	}
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
	assert_memory_equal(strstr(answer + 1, "HTTP/1.1"), "HTTP/1.1 200", 12);
	assert_non_null(strstr(answer, "HTTP/1.1 404"));
	close(fd);
}

/* random bytes, cut anywhere */
static void test_random(void **state)
{
	char bytes[600], answer[1024];

	(void)state;
	srand(7);
	for (int i = 0; i < 300; i++) {
		int fd = dial();
		size_t n = (size_t)rand() % sizeof(bytes);

		for (size_t j = 0; j < n; j++)
			bytes[j] = (char)(rand() % 4 ? rand() : "\r\n :/GET"[rand() % 9]);
		send(fd, bytes, n, MSG_NOSIGNAL);
		turn();
		if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 12)
			assert_memory_not_equal(answer, "HTTP/1.1 200", 12);
		close(fd);
	}
	assert_memory_equal(ask(GET("/metrics")), "HTTP/1.1 200", 12);
}

static void test_port_in_use(void **state)
{
	struct http *second = NULL;

	(void)state;
	assert_int_equal(http_listen(&config, &second, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "is in use by another program"));
	assert_null(second);
}

static void test_off(void **state)
{
	struct config off = { .http = { .off = true } };
	struct http *none = (void *)&off;

	(void)state;
	assert_int_equal(http_listen(&off, &none, &e), 0);
	assert_null(none);
	assert_int_equal(http_start(none, event, pages, NULL, &e), 0);
	http_close(none);
}

static void test_host(void **state)
{
	static const struct {
		const char *listen, *host;
		bool allowed;
	} rows[] = {
		{ "127.0.0.1:9725", "localhost", true },
		{ "127.0.0.1:9725", "LOCALHOST:80", true },
		{ "127.0.0.1:9725", "127.0.0.1:9725", true },
		{ "127.0.0.1:9725", "[::1]:9725", true },
		{ "127.0.0.1:9725", "192.0.2.1", false },
		{ "127.0.0.1:9725", "mx.example.org", false },
		{ "127.0.0.1:9725", "localhost.evil.example", false },
		{ "127.0.0.1:9725", "", false },
		{ "127.0.0.1:9725", ":80", false },
		{ "127.0.0.1:9725", "[::1", false },
		{ "127.0.0.1:9725", "[::1]x", false },
		{ "192.0.2.1:80", "192.0.2.1", true },
		{ "192.0.2.1:80", "192.0.2.2", false },
		{ "192.0.2.1:80", "mx.example.org:80", true },
		{ "0.0.0.0:80", "192.0.2.2", true },
		{ "0.0.0.0:80", "evil.example.org", false },
		{ "[2001:db8::1]:80", "[2001:DB8::1]:80", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_listen listen = { 0 };

		strcpy(listen.text, rows[i].listen);
		if (http_host_allowed(rows[i].host, &listen, "mx.example.org") != rows[i].allowed)
			fail_msg("row %zu: %s at %s", i, rows[i].host, rows[i].listen);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_requests),   T(test_garbage), T(test_port_in_use),  T(test_off),
		T(test_host),       T(test_headers), T(test_parts),        T(test_parts_broken),
		T(test_parts_many), T(test_crowd),   T(test_crowd_spares), T(test_pipelined),
		T(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
