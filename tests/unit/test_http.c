// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/http.h"

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

static const struct http_page pages[] = { { "/metrics", "text/plain; version=0.0.4", hello },
					  { 0 } };

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

/* ask - one request; the answer, or "" when the server hung up */
static const char *ask(const char *request)
{
	static char answer[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = 0;

	assert_int_equal(
		connect(fd, (struct sockaddr *)&config.http.addr, sizeof(struct sockaddr_in)), 0);
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	for (int i = 0; i < 100 && n <= 0; i++) {
		sd_event_run(event, 20000);
		n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	}
	answer[n > 0 ? n : 0] = '\0';
	close(fd);
	return answer;
}

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
		T(test_requests), T(test_garbage), T(test_port_in_use), T(test_off), T(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
