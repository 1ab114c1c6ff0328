// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames that a card has summed up (CHECKSUM_COMPLETE): what is written into them must not make the
 * card's sum wrong, or the kernel takes the card for broken and says so ("hw csum failure"). A test
 * run checks the sum behind the program, where the kernel can. It does not see that a frame whose
 * length was changed has none any more, so here none is.
 */
#include "tests/prog/cutting.h"
#include "tests/prog/points.h"

#include <linux/bpf.h>

#ifndef BPF_F_TEST_SKB_CHECKSUM_COMPLETE
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE 4
#endif

/* summed - a test run with the card's sum, which is right before and after */
static int summed(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	uint8_t out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f, .data_size_in = bytes, .repeat = 1,
		    .data_out = t->out ?: out, .data_size_out = sizeof(out),
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);
	const struct instance_fds *fds = instance_fds(t->gate);
	int rc = bpf_prog_test_run_opts(hook == HOOK_INGRESS ? fds->ingress : fds->egress, &opts);

	if (rc == -EBADMSG)
		fail_msg("the card's sum is wrong behind the program");
	assert_int_equal(rc, 0);
	t->out_bytes = opts.data_size_out;
	return opts.retval;
}

static int set_up(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = "frame without a protocol",
		    .data_size_in = 24, .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

	if (open_loop(state))
		return -1;
	if (!bpf_prog_test_run_opts(instance_fds(*state)->ingress, &opts))
		return 0;
	puts("skipped: this kernel's test runs take no frames with CHECKSUM_COMPLETE");
	exit(77);
}

static struct caller summed_caller(struct instance *gate, bool ipv6)
{
	struct caller c;

	clean_answers((void **)&gate);
	c = caller(gate, ipv6, &REFUSED);
	c.t.through = summed;
	return c;
}

/* set_headers - what stands between the network header and TCP, and is taken off */
static void set_headers(struct talk *t)
{
	t->ip_options = 12;
	t->ip6_extensions = 2;
}

static void an_answer_as_long_as_its_question(void **state)
{
	for (unsigned int how = 0; how < 4; how++) {
		struct caller c = summed_caller(*state, how & 1);
		char lines[REPLY_BYTES + 1];

		if (how & 2)
			set_headers(&c.t);
		call(&c);
		c.t.through = NULL;
		say(&c, "");
		c.t.through = summed;
		memset(lines, 'x', REPLY_BYTES);
		memcpy(lines, "EHLO ex01.example.org\r\n", 23);
		lines[REPLY_BYTES] = 0;
		begins(say(&c, lines), "250 ");
	}
}

#define RECEIVED                                                                                   \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026\r\n"         \
	" 10:00:00 +0000\r\n\r\n"

/* A recheck that turns out to be of an old build at an empty segment, where there is no text to
 * refuse it with: of that segment the RST is made as it is. */
static void a_reset_as_long_as_its_segment(void **state)
{
	static const char *const lines[] = { "EHLO a.example.org\r\n",
					     "250 ok\r\n",
					     MAIL,
					     RCPT,
					     "DATA\r\n",
					     "354 go\r\n",
					     RECEIVED };
	static const struct reply none;

	for (unsigned int how = 0; how < 4; how++) {
		struct caller c = summed_caller(*state, how & 1);
		struct verdict v = verdict_of(&c.t);
		struct talk *t = &c.t;
		struct look before;

		v.recheck_at_ns = NOON;
		v.build = BUILD(15, 1, 2507, 1);
		judge(t, &v);
		handshake(t);
		server(t, GREETED);
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			(lines[i][0] < 'A' ? server : client)(t, lines[i]);
		v.build = BUILD(15, 1, 2507, 39);
		judge(t, &v);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(bpf_map_update_elem(instance_fds(*state)->replies, &i,
							     &none, BPF_ANY),
					 0);
		t->out = c.out;
		if (how & 2)
			set_headers(t);
		c.frame_bytes =
			build_frame(t, true, t->client_seq, t->server_seq, ACK, "", 0, c.frame);
		before = look(*state);
		feed_hook(t, HOOK_INGRESS, c.frame, c.frame_bytes);
		exits_as(t, &before, "empty segment", HOOK_INGRESS, REASON_CUT_BEGUN);
		reset(&c, t->client_seq);
	}
}

/* What slows a sender stands in a segment that goes on. */
static void a_window(void **state)
{
	static const struct verdict slow = { .throttle_s = 3600, .tarpit_style = STYLE_SLOW };

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct caller c = summed_caller(*state, ipv6);
		struct look before;

		judge(&c.t, &slow);
		handshake(&c.t);
		before = look(*state);
		server(&c.t, GREETED);
		exits_as(&c.t, &before, "greeting", HOOK_EGRESS, REASON_SLOWED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_as_long_as_its_question),
		cmocka_unit_test(a_reset_as_long_as_its_segment),
		cmocka_unit_test(a_window),
	};

	return cmocka_run_group_tests(tests, set_up, close_gate);
}
