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

/* put - n reports */
static void put(unsigned int n)
{
	while (n--)
		courier_put(courier, json_pack("{s:s}", "source", "192.0.2.7"));
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
		TEST(test_taken),
		TEST(test_away),
		TEST(test_never_waits),
		TEST(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
