// SPDX-License-Identifier: BSD-2-Clause
/* gatectl observe: what is refused here, what is asked, and what is made of the answer. */
#include "ctl_world.h"

#include <fcntl.h>

#include "user/observer/telling.h"

#define TAKEN_1                                                                                    \
	"{\"ok\":true,\"result\":{\"message\":\"1 taken\",\"taken\":1,\"repeated\":0,"             \
	"\"refused\":[],\"lost\":0}}"

/* feed - text as standard input from its beginning */
static void feed(const char *text, size_t bytes)
{
	char path[] = "/tmp/test_observe.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, bytes), (ssize_t)bytes);
	lseek(fd, 0, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	close(fd);
}

/* line - the n-th (1 ..) line that was said, as JSON; the caller owns it */
static json_t *line(size_t n)
{
	const char *at = said;

	while (--n && at)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	return at ? json_loads(at, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* has - the n-th line has this key with this value */
static void has(size_t n, const char *key, int value)
{
	json_t *object = line(n);

	assert_true(json_is_integer(json_object_get(object, key)));
	assert_int_equal(json_integer_value(json_object_get(object, key)), value);
	json_decref(object);
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(run("observe"), CTL_USAGE);
	assert_int_equal(run("observe 192.0.2.7"), CTL_USAGE);
	assert_int_equal(run("observe --stdin 192.0.2.7 15.1.2507.6"), CTL_USAGE);
	assert_int_equal(run("observe --stdin --helo x"), CTL_USAGE);
}

static void test_one(void **state)
{
	(void)state;
	start_daemon(TAKEN_1);
	assert_int_equal(run("observe 192.0.2.7 15.1.2507.6 --helo ex01.example.org"), 0);
	assert_non_null(strstr(mock.request, "\"source\":\"192.0.2.7\""));
	assert_non_null(strstr(mock.request, "\"build\":\"15.1.2507.6\""));
	assert_non_null(strstr(mock.request, "\"helo\":\"ex01.example.org\""));
	assert_null(strstr(mock.request, "\"at\""));
	assert_string_equal(said, "192.0.2.7: 15.1.2507.6 is taken\n");
	assert_int_equal(run("observe 192.0.2.7 15.1.2507.6"), 0);
	assert_null(strstr(mock.request, "\"helo\""));
}

static void test_one_refused(void **state)
{
	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":0,\"repeated\":0,"
		     "\"refused\":[{\"index\":0,\"error\":\"192.0.2.7 is exempt\"}],\"lost\":0}}");
	assert_int_equal(run("observe 192.0.2.7 15.1.2507.6"), -EINVAL);
	assert_string_equal(why.text, "192.0.2.7 is exempt");
	stop_daemon();
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"1 lost: too many\",\"taken\":0,"
		     "\"repeated\":0,\"refused\":[],\"lost\":1}}");
	assert_int_equal(run("observe 192.0.2.7 15.1.2507.6"), -EDQUOT);
	assert_string_equal(why.text, "1 lost: too many");
	stop_daemon();
	assert_int_equal(run("observe 192.0.2.7 15.1.2507.6"), -ENOENT);
}

/* each kind of bad line has its number and key; the good one goes on */
static void test_stream_bad_lines(void **state)
{
	static const char text[] =
		"\n"
		"nonsense\n"
		"[1]\n"
		"{\"source\":\"192.0.2.7\",\"source\":\"192.0.2.8\"}\n"
		"{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\"}\n"
		"{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\",\"helo\":\"a\",\"port\":0}\n"
		"{\"type\":\"summary\"}\n"
		"{\"source\":\"192.0.2.7\",\"helo\":\"a\",\"header\":7}\n"
		"{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\",\"helo\":\"a.example.org\"}";
	static const struct {
		int line;
		const char *says;
	} bad[] = {
		{ 2, "no JSON" },      { 3, "expected a JSON object per line" },
		{ 4, "duplicate" },    { 5, "keys \"helo\" and \"by\" are missing" },
		{ 6, "key \"port\"" }, { 8, "key \"header\": expected a string" },
	};
	json_t *object;

	(void)state;
	start_daemon(TAKEN_1);
	feed(text, sizeof(text) - 1);
	assert_int_equal(run("observe --stdin -j"), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		object = line(i + 1);
		has(i + 1, "line", bad[i].line);
		assert_non_null(
			strstr(json_string_value(json_object_get(object, "error")), bad[i].says));
		json_decref(object);
	}
	has(7, "lines", 9);
	has(7, "taken", 1);
	has(7, "refused", 6);
	has(7, "skipped", 1);
	assert_string_equal(why.text, "6 of 9 lines were refused");
	assert_non_null(strstr(mock.request, "\"helo\":\"a.example.org\""));
}

/* a refusal of the daemon's has the number of its line */
static void test_stream_refused_there(void **state)
{
	static const char text[] =
		"\n{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\",\"helo\":\"a\"}\n\n"
		"{\"source\":\"192.0.2.8\",\"build\":\"15.1.2507.6\",\"helo\":\"b\"}\n";

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"m\",\"taken\":1,\"repeated\":0,"
		     "\"refused\":[{\"index\":1,\"error\":\"192.0.2.8 is exempt\"}],\"lost\":0}}");
	feed(text, sizeof(text) - 1);
	assert_int_equal(run("observe --stdin -j"), -EINVAL);
	has(1, "line", 4);
	has(2, "taken", 1);
	assert_int_equal(run("observe --stdin"), 0); /* read to its end before */
	assert_string_equal(said, "0 lines: 0 taken, 0 repeated, 0 of other types, 0 refused, 0 "
				  "lost\n");
}

/* a header is read like mail */
static void test_stream_header(void **state)
{
	static const char text[] =
		"{\"source\":\"192.0.2.7\",\"helo\":\"a.example.org\",\"tls\":true,\"header\":"
		"\"Received: from a.example.org (192.0.2.7) by\\n ex01.example.org (192.0.2.7) "
		"with Microsoft SMTP Server (TLS) id 14.3.498.0; Sat\"}\n";
	static const char relay[] =
		"{\"source\":\"192.0.2.7\",\"helo\":\"a.example.org\",\"header\":\"Subject: x\"}\n";

	(void)state;
	start_daemon(TAKEN_1);
	feed(text, sizeof(text) - 1);
	assert_int_equal(run("observe --stdin"), 0);
	assert_non_null(strstr(mock.request, "\"build\":\"14.3.498.0\""));
	assert_non_null(strstr(mock.request, "\"origin\":\"received\""));
	assert_non_null(strstr(mock.request, "\"by\":\"ex01.example.org\""));
	assert_non_null(strstr(mock.request, "\"tls\":true"));
	feed(relay, sizeof(relay) - 1);
	assert_int_equal(run("observe --stdin"), 0);
	assert_non_null(strstr(mock.request, "\"type\":\"no_build\""));
	assert_non_null(strstr(mock.request, "\"family\":\"other\""));
}

/* a line without an end in sight is refused, the next one taken */
static void test_stream_long_line(void **state)
{
	static const char good[] = "\n{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\","
				   "\"helo\":\"after.example.org\"}\n";
	size_t bytes = 200000 + sizeof(good) - 1;
	char *text = malloc(bytes);

	(void)state;
	memset(text, 'x', 200000);
	memcpy(text + 200000, good, sizeof(good) - 1);
	start_daemon(TAKEN_1);
	feed(text, bytes);
	free(text);
	assert_int_equal(run("observe --stdin -j"), -EINVAL);
	has(1, "line", 1);
	has(2, "lines", 2);
	has(2, "taken", 1);
	assert_non_null(strstr(mock.request, "after.example.org"));
}

static void test_stream_no_daemon(void **state)
{
	static const char text[] =
		"\n{\"source\":\"192.0.2.7\",\"build\":\"15.1.2507.6\",\"helo\":\"a\"}\n";

	(void)state;
	feed(text, sizeof(text) - 1);
	assert_int_equal(run("observe --stdin"), -ENOENT);
	assert_non_null(strstr(why.text, "line 2 and what follows was not taken: cannot reach"));
}

/* batches are bounded by count and by bytes */
static void test_batches(void **state)
{
	struct telling telling = { 0 };
	struct observation o = { .family = FAMILY_OTHER };
	json_t *object;
	size_t n;

	(void)state;
	memset(o.helo, '\\', sizeof(o.helo) - 1);
	o.source.b[10] = o.source.b[11] = 0xff;
	object = telling_object(&o);
	for (n = 0; telling_add(&telling, object); n++)
		;
	assert_int_equal(telling_count(&telling), n);
	assert_in_range(n, 100, TELLING_MAX - 1);
	assert_true(json_dumpb(telling.list, NULL, 0, JSON_COMPACT) < 65000);
	json_decref(telling.list);
	json_decref(object);
	telling = (struct telling) { 0 };
	object = json_object();
	for (n = 0; telling_add(&telling, object); n++)
		;
	assert_int_equal(n, TELLING_MAX);
	json_decref(telling.list);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_usage),
		TEST(test_one),
		TEST(test_one_refused),
		TEST(test_stream_bad_lines),
		TEST(test_stream_refused_there),
		TEST(test_stream_header),
		TEST(test_stream_long_line),
		TEST(test_stream_no_daemon),
		TEST(test_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
