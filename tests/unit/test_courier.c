// SPDX-License-Identifier: BSD-2-Clause
/* The queue, against a daemon that is there, away, hangs up, or says no. */
#include "user/milter/courier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "ctl_daemon.h"
#include "user/base/log.h"

#define TAKEN(n)                                                                                   \
	"{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":" #n ",\"repeated\":0,"               \
	"\"refused\":[],\"lost\":0}}"

static struct courier *courier;

/* start - a courier with room for max reports */
static void start(unsigned int max)
{
	struct courier_options options = { .socket = mock.path, .max = max };
	struct error e;

	assert_int_equal(courier_new(&options, &courier, &e), 0);
}

/* report - number n of its kind */
static struct observation report(unsigned int n)
{
	struct observation o = { .at = 1000000, .build = 1, .origin = ORIGIN_RECEIVED };

	memcpy(o.source.b, &n, sizeof(n));
	strcpy(o.helo, "ex01.example.org");
	return o;
}

/* put - n reports, each of a source of its own */
static void put(unsigned int n)
{
	static unsigned int number = 1000;

	while (n--) {
		struct observation o = report(number++);

		courier_put(courier, &o);
	}
}

/* settled - wait until nothing waits any more; fails after 10 s */
static struct courier_stats settled(void)
{
	const struct timespec a_moment = { .tv_nsec = 5000000 };
	struct courier_stats stats;

	for (int i = 0; i < 2000; i++) {
		courier_stats(courier, &stats);
		if (!stats.waiting)
			return stats;
		nanosleep(&a_moment, NULL);
	}
	fail_msg("%u reports still wait", stats.waiting);
	return stats;
}

static int set_up(void **state)
{
	(void)state;
	log_open("test", 0);
	strcpy(mock.dir, "/tmp/test_courier.XXXXXX");
	if (!mkdtemp(mock.dir))
		return -1;
	snprintf(mock.path, sizeof(mock.path), "%s/control.sock", mock.dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop_daemon();
	rmdir(mock.dir);
	return 0;
}

static void test_taken(void **state)
{
	struct courier_stats stats;

	(void)state;
	start_daemon(TAKEN(1));
	start(10);
	put(1);
	stats = settled();
	assert_int_equal(stats.taken, 1);
	assert_int_equal(stats.lost, 0);
	assert_true(stats.connected);
	assert_non_null(strstr(mock.request, "\"command\":\"observe\""));
	assert_non_null(strstr(mock.request, "\"sent\":\"20"));
	/* the daemon has hung up since: the next one goes by a new connection */
	put(1);
	stats = settled();
	assert_int_equal(stats.taken, 2);
	courier_close(courier, &stats);
	assert_int_equal(stats.put, 2);
	assert_int_equal(stats.lost, 0);
}

/* what came while the daemon was away arrives, up to the queue's length */
static void test_away(void **state)
{
	struct courier_stats stats;

	(void)state;
	start(5);
	put(1);
	courier_stats(courier, &stats);
	assert_int_equal(stats.waiting, 1);
	put(100);
	courier_stats(courier, &stats);
	assert_in_range(stats.lost, 90, 96); /* one batch may have left the queue */
	assert_int_equal(stats.waiting + stats.lost, 101);
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":0,\"repeated\":0,"
		     "\"refused\":[],\"lost\":0}}");
	courier_close(courier, &stats);
	assert_int_equal(stats.put, 101);
}

/* 100,000 reports and nobody there: handing in goes on, all is counted at the end */
static void test_never_waits(void **state)
{
	struct courier_stats stats;

	(void)state;
	start(COURIER_QUEUE);
	put(100000);
	courier_close(courier, &stats);
	assert_int_equal(stats.put, 100000);
	assert_int_equal(stats.lost, 100000);
	assert_int_equal(stats.waiting, 0);
}

/* ---- a daemon that takes what it gets ---- */

static unsigned int heard; /* reports */

/* take_all - the requests of one connection */
static void take_all(FILE *peer)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, peer) > 0) {
		json_t *request = json_loads(line, 0, NULL);
		size_t n = json_array_size(json_object_get(request, "observations"));

		heard += (unsigned int)n;
		fprintf(peer,
			"{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":%zu,\"repeated\":0,"
			"\"refused\":[],\"lost\":0}}\n",
			n);
		fflush(peer);
		json_decref(request);
	}
	free(line);
}

static void *hearing(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(mock.fd, NULL, NULL)) >= 0) {
		FILE *peer = fdopen(fd, "r+");

		take_all(peer);
		fclose(peer);
	}
	return NULL;
}

/* 100,000 reports wait while nobody is there: all arrive, once, and what was one too many is
 * counted */
static void test_queue(void **state)
{
	struct courier_stats stats;

	(void)state;
	start(100000);
	put(100000);
	courier_stats(courier, &stats);
	assert_int_equal(stats.waiting, 100000);
	put(600); /* a batch may have left the queue */
	courier_stats(courier, &stats);
	assert_in_range(stats.lost, 100, 600);
	start_listening(hearing);
	stats = settled();
	assert_int_equal(stats.taken + stats.lost, 100600);
	courier_close(courier, &stats);
	assert_int_equal(heard, stats.taken);
	assert_int_equal(stats.repeated, 0);
}

/* what the daemon would not take beside one that still waits is not kept, and nothing else */
static void test_repeated(void **state)
{
	struct observation o = report(1), other = o;
	struct courier_stats stats;
	uint64_t repeated;

	(void)state;
	start(1000);
	put(1); /* with which the thread finds no daemon; one of the next may leave with it */
	for (int i = 0; i < 100; i++)
		courier_put(courier, &o);
	courier_stats(courier, &stats);
	repeated = stats.repeated;
	assert_in_range(repeated, 98, 99);
	/* another build, name, stamp, in TLS, none at all, a minute later: each is a report */
	other.build++;
	courier_put(courier, &other);
	other = o;
	strcpy(other.helo, "ex02.example.org");
	courier_put(courier, &other);
	other = o;
	strcpy(other.by, "ex02.example.org");
	courier_put(courier, &other);
	other = o;
	other.tls = true;
	courier_put(courier, &other);
	other = o;
	other.build = other.origin = 0;
	courier_put(courier, &other);
	other = o;
	other.at += 60;
	courier_put(courier, &other);
	courier_stats(courier, &stats);
	assert_int_equal(stats.repeated, repeated);
	assert_int_equal(stats.waiting, 107 - repeated);
	/* once it has left it is the daemon's to judge */
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":0,\"repeated\":0,"
		     "\"refused\":[],\"lost\":0}}");
	courier_close(courier, &stats);
	assert_int_equal(stats.repeated, repeated);
	stop_daemon();
	start_daemon(TAKEN(1));
	start(10);
	courier_put(courier, &o);
	settled();
	courier_put(courier, &o);
	stats = settled();
	assert_int_equal(stats.taken, 2);
	assert_int_equal(stats.repeated, 0);
	courier_close(courier, &stats);
}

/* an answer settles a batch, whatever it is */
static void test_answers(void **state)
{
	struct courier_stats stats;

	(void)state;
	start_daemon("{\"ok\":true,\"result\":{\"message\":\"\",\"taken\":1,\"repeated\":2,"
		     "\"refused\":[{\"index\":0,\"error\":\"x\"}],\"lost\":3}}");
	start(10);
	put(7);
	courier_close(courier, &stats);
	/* the seven went in one request or in several, each with this answer */
	assert_true(stats.taken >= 1);
	assert_int_equal(stats.repeated, 2 * stats.taken);
	assert_int_equal(stats.refused, stats.taken);
	assert_true(stats.lost >= 3 * stats.taken);
	stop_daemon();
	start_daemon("{\"error\":\"unknown command 'observe'\"}");
	start(10);
	put(1);
	courier_close(courier, &stats);
	assert_int_equal(stats.lost, 1);
	courier_close(NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken), TEST(test_away),     TEST(test_never_waits),
		TEST(test_queue), TEST(test_repeated), TEST(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
