// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS sight with many sessions at once, in one process and in several whose sessions are at the
 * same addresses: what is read of one is never said of another.
 */
#include "tests/prog/probed.h"

#define AT_ONCE 64

/* build_text - every host has a build of its own */
static const char *build_text(unsigned int host, char text[32])
{
	snprintf(text, 32, "15.1.%u.%u", 1000 + host, host % 50);
	return text;
}

static bool its_own(const struct event *e)
{
	unsigned int host = e->key.client.b[14] << 8 | e->key.client.b[15];

	return e->build == BUILD(15, 1, 1000 + host, host % 50);
}

/* step_of - the i-th of a session's turns, in a message that names the host's build */
static bool step_of(struct peer *p, unsigned int host, int i)
{
	static const char *const turns[] = { HELLO, ENVELOPE, DATA };
	static const int before = sizeof(turns) / sizeof(turns[0]);
	char text[1024], build[32];

	if (i < before) {
		turn(p, turns[i], 0);
		return true;
	}
	if (i > before)
		return false;
	snprintf(text, sizeof(text),
		 "Received: from h%u.example.org (192.0.2.1) by h%u.example.org (192.0.2.1)\r\n"
		 " with Microsoft SMTP Server id %s; Sat, 21 Nov 2026\r\n\r\n.\r\n",
		 host, host, build_text(host, build));
	turn(p, text, 50);
	return true;
}

/* many - sessions at once in one process, their turns in any order */
static void many(unsigned int rounds, unsigned int first)
{
	static struct peer peers[AT_ONCE];
	int at[AT_ONCE] = { 0 };
	unsigned int running = 0;

	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			begin(&peers[i], (enum library)(i % LIBRARIES),
			      first + round * AT_ONCE + i);
			at[i] = 0;
		}
		for (running = AT_ONCE; running;) {
			unsigned int i = (unsigned int)rand() % AT_ONCE;

			if (at[i] < 0)
				continue;
			if (step_of(&peers[i], first + round * AT_ONCE + i, at[i]))
				at[i]++;
			else
				at[i] = -1, running--;
		}
		for (unsigned int i = 0; i < AT_ONCE; i++)
			end(&peers[i]);
	}
}

static unsigned int rounds(void)
{
	const char *test = getenv("BUILDGATE_TEST");

	return test && !strcmp(test, "long") ? 10000 / AT_ONCE + 1 : 32;
}

static void never_swapped_in_one_process(void **state)
{
	unsigned int count = rounds(), wrong = 0;

	(void)state;
	collect();
	for (unsigned int round = 0; round < count; round++) {
		many(1, 2 + round * AT_ONCE % 32000);
		assert_int_equal(collect(), AT_ONCE);
		for (unsigned int i = 0; i < world.count; i++)
			wrong += !its_own(&world.events[i]);
	}
	assert_int_equal(wrong, 0);
	print_message("%u sessions, %u wrong\n", count * AT_ONCE, wrong);
}

/* never_swapped_in_many - after a fork all sessions are at the same addresses */
static void never_swapped_in_many(void **state)
{
	unsigned int count = rounds() / 4 + 1, wrong = 0;
	pid_t children[4];
	int status;

	(void)state;
	collect();
	for (unsigned int i = 0; i < 4; i++) {
		children[i] = fork();
		if (!children[i]) {
			many(count, 2 + i * 8000);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(collect(), 4 * count * AT_ONCE);
	for (unsigned int i = 0; i < world.count; i++)
		wrong += !its_own(&world.events[i]);
	assert_int_equal(wrong, 0);
	assert_int_equal(kept(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_swapped_in_one_process),
		cmocka_unit_test(never_swapped_in_many),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
