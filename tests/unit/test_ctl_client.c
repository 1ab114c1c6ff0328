// SPDX-License-Identifier: BSD-2-Clause
/* The control socket from gatectl's end: answers are written before they are asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/ctl/client.h"

/* pair - a client whose daemon is the returned descriptor and has already said `says` */
static struct client *pair(const char *says, int *ret_daemon)
{
	struct client *client;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(client_from_fd(fds[0], &client), 0);
	assert_int_equal(write(fds[1], says, strlen(says)), strlen(says));
	*ret_daemon = fds[1];
	return client;
}

static void test_answer(void **state)
{
	json_t *request = json_pack("{s:s,s:i}", "command", "sources", "stage", 2), *result;
	char asked[128] = "";
	struct client *client;
	struct error e;
	int daemon;

	(void)state;
	client = pair("{\"ok\":true,\"result\":[1,2]}\n{\"ok\":true}\n", &daemon);
	assert_int_equal(client_ask(client, request, &result, &e), 0);
	assert_int_equal(json_array_size(result), 2);
	json_decref(result);
	assert_true(read(daemon, asked, sizeof(asked) - 1) > 0);
	assert_string_equal(asked, "{\"command\":\"sources\",\"stage\":2}\n");

	assert_int_equal(client_ask(client, request, &result, &e), 0);
	assert_true(json_is_null(result));
	client_close(client);
	close(daemon);
	json_decref(request);
}

static void test_bad_answers(void **state)
{
	static const struct {
		const char *says;
		int rc;
		const char *text;
	} rows[] = {
		{ "{\"error\":\"no such source\"}\n", -EREMOTEIO, "no such source" },
		{ "{\"ok\":false}\n", -EPROTO, "neither" },
		{ "{}\n", -EPROTO, "neither" },
		{ "[1]\n", -EPROTO, "no JSON object" },
		{ "hello\n", -EPROTO, "no JSON object" },
		{ "\n", -EPROTO, "no JSON object" },
		{ "{\"ok\":true,\"result\":1}", -ENODATA, "closed the connection" },
		{ "", -ENODATA, "closed the connection" },
	};
	json_t *request = json_pack("{s:s}", "command", "status"), *result;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client *client;
		struct error e;
		int daemon;

		client = pair(rows[i].says, &daemon);
		shutdown(daemon, SHUT_WR);
		assert_int_equal(client_ask(client, request, &result, &e), rows[i].rc);
		if (!strstr(e.text, rows[i].text))
			fail_msg("'%s' says '%s'", rows[i].says, e.text);
		client_close(client);
		close(daemon);
	}
	json_decref(request);
}

static void test_gone(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *result;
	struct client *client;
	struct error e;
	int daemon;

	(void)state;
	client = pair("", &daemon);
	close(daemon);
	assert_int_equal(client_ask(client, request, &result, &e), -ENODATA);
	assert_string_equal(e.text, "buildgated closed the connection");
	client_close(client);
	client_close(NULL);
	json_decref(request);
}

/* refused before it could ask: the reason is read all the same */
static void test_refused(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *result;
	struct client *client;
	struct error e;
	int daemon;

	(void)state;
	client = pair("{\"error\":\"not allowed\"}\n", &daemon);
	close(daemon);
	assert_int_equal(client_ask(client, request, &result, &e), -EREMOTEIO);
	assert_string_equal(e.text, "not allowed");
	client_close(client);
	json_decref(request);
}

static void test_follow(void **state)
{
	json_t *request = json_pack("{s:s}", "command", "events"), *line;
	struct client *client;
	struct error e;
	int daemon;

	(void)state;
	client = pair("{\"ok\":true}\n{\"n\":1}\n{\"n\"", &daemon);
	assert_int_equal(client_ask(client, request, &line, &e), 0);
	json_decref(line);
	assert_int_equal(client_next(client, &line, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(line, "n")), 1);
	json_decref(line);
	assert_int_equal(write(daemon, ":2}\n", 4), 4);
	assert_int_equal(client_next(client, &line, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(line, "n")), 2);
	json_decref(line);
	close(daemon);
	assert_int_equal(client_next(client, &line, &e), -ENODATA);
	client_close(client);
	json_decref(request);
}

static void test_long_line(void **state)
{
	enum { BYTES = 150000 }; /* the buffer grows twice */
	json_t *request = json_pack("{s:s}", "command", "show"), *result;
	char *text = malloc(BYTES + 1);
	struct client *client;
	int daemon, room = 4 * BYTES;
	struct error e;

	(void)state;
	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	client = pair("", &daemon);
	setsockopt(daemon, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (dprintf(daemon, "{\"ok\":true,\"result\":\"%s\"}\n", text) < BYTES)
		skip();
	assert_int_equal(client_ask(client, request, &result, &e), 0);
	assert_int_equal(json_string_length(result), BYTES);
	json_decref(result);
	json_decref(request);
	client_close(client);
	close(daemon);
	free(text);
}

static void test_nobody_there(void **state)
{
	char path[] = "/tmp/test_ctl_client.XXXXXX", socket_path[64], longer[200];
	struct client *client = NULL;
	struct error e;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(socket_path, sizeof(socket_path), "%s/none.sock", path);
	assert_int_equal(client_open(socket_path, 1, &client, &e), -ENOENT);
	assert_non_null(strstr(e.text, "cannot reach buildgated at /tmp/test_ctl_client."));
	assert_non_null(strstr(e.text, "start it, or use map dump, which needs no daemon"));
	rmdir(path);

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(client_open(longer, 1, &client, &e), -ENAMETOOLONG);
	assert_null(client);
}

static void test_not_utf8(void **state)
{
	json_t *request = json_object(), *result;
	struct client *client;
	struct error e;
	int daemon;

	(void)state;
	json_object_set_new(request, "reason", json_stringn_nocheck("\xff", 1));
	client = pair("", &daemon);
	assert_int_equal(client_ask(client, request, &result, &e), -EINVAL);
	assert_non_null(strstr(e.text, "UTF-8"));
	client_close(client);
	close(daemon);
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),       cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_gone),         cmocka_unit_test(test_refused),
		cmocka_unit_test(test_follow),       cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
