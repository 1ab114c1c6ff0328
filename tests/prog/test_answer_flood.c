// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flood at the answerer, from forged addresses of blocked sources: one answer per SYN and none
 * larger than its SYN, none to blind segments but by chance, and nothing is remembered.
 * 100,000 of each; BUILDGATE_TEST=long sends a million.
 *
 * The chance: of 2^32 acknowledgement numbers, 2 keys times 21 positions (11 numbers of replies
 * read, with and without our FIN, which never comes first) are ours, so of a million blind segments
 * 0.01 are answered on average; two or more in one run in 20,000.
 */
#include "tests/prog/answered.h"

#define SOURCES 500

static unsigned int flood(void)
{
	const char *how = getenv("BUILDGATE_TEST");

	return how && !strcmp(how, "long") ? 1000000 : 100000;
}

/* blocked - one of many sources that are answered, as somebody who forges it */
static struct talk blocked(struct instance *gate)
{
	static struct talk t;

	if (t.gate != gate)
		t = talk(gate, false);
	t.ipv6 = random_next() & 1;
	t.client_host = t.client_net = random_next() % SOURCES;
	t.client_port = 1024 + random_next() % 60000;
	return t;
}

static void block_all(struct instance *gate)
{
	struct talk t = talk(gate, false);

	for (unsigned int i = 0; i < 2 * SOURCES; i++) {
		t.ipv6 = i & 1;
		t.client_host = t.client_net = i / 2;
		judge(&t, i % 3 ? &REFUSED : &DEFERRED);
	}
}

/* nothing_kept - no map has grown */
static void nothing_kept(struct instance *gate)
{
	const struct instance_fds *fds = instance_fds(gate);

	assert_int_equal(entries(fds->flows, 36), 0);
	assert_int_equal(entries(fds->pending, 36), 0);
	assert_int_equal(entries(fds->handshakes, 36), 0);
	assert_int_equal(entries(fds->rechecks, 36), 0);
	assert_int_equal(entries(fds->verdicts, 16), 2 * SOURCES);
	assert_int_equal(seen(gate).conns, 0);
}

static void syns(void **state)
{
	struct look before = look(*state);
	unsigned int n = flood();
	uint8_t f[4096], out[4096];

	block_all(*state);
	for (unsigned int i = 0; i < n; i++) {
		struct talk t = blocked(*state);
		size_t bytes;

		t.tcp_options = random_next() % 11 * 4;
		bytes = build_frame(&t, true, random_next(), random_next(), SYN, "", 0, f);
		t.out = out;
		feed_hook(&t, HOOK_INGRESS, f, bytes);
		assert_true(t.out_bytes <= bytes);
	}
	assert_int_equal(noted(*state, &before, REASON_ANSWERED_SYN), n);
	assert_int_equal(exits(*state, &before, NULL), n); /* one way out each */
	nothing_kept(*state);
}

static void blind_segments(void **state)
{
	static const char *const texts[] = { "", "EHLO a\r\n", "MAIL FROM:<a@b>\r\n", "x" };
	struct look before = look(*state);
	unsigned int n = flood();
	uint8_t f[4096];

	block_all(*state);
	put_keys(*state, 11, 10);
	for (unsigned int i = 0; i < n; i++) {
		struct talk t = blocked(*state);
		const char *text = texts[random_next() % 4];

		feed_hook(&t, HOOK_INGRESS, f,
			  build_frame(&t, true, random_next(), random_next(),
				      ACK | (random_next() & (PSH | FIN)), text, strlen(text), f));
	}
	assert_in_range(noted(*state, &before, REASON_ANSWERED), 0, 1);
	assert_true(noted(*state, &before, REASON_NO_FLOW) >= n - 1);
	nothing_kept(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(syns, clean_answers),
		cmocka_unit_test_setup(blind_segments, clean_answers),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
