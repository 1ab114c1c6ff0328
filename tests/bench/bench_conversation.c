// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_conversation - what the segments of one whole mail cost, each by itself
 *
 * The conversation is that of Postfix's smtp-source with its smtp-sink, a connection for each
 * mail. It is held again and again, always with other ports, and each of its segments timed by
 * BPF_PROG_TEST_RUN; the medians are without what the empty program takes. Their sum is what the
 * gate adds at TC to a mail of a stranger whom nobody blocks. With "json" as argument one object
 * for machines.
 */
#include "tests/bench/bench_gate.h"

#define ROUNDS 8000
#define STEPS  40

struct step {
	const char *name;
	enum hook hook;
	size_t bytes;
	double ns[ROUNDS];
};

static struct step steps[STEPS];
static unsigned int count, at, now;
static const char *saying; /* which segment comes */

static uint32_t timed(int program, const uint8_t *f, size_t bytes)
{
	uint8_t out[2048];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f, .data_size_in = bytes, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &o))
		bench_die(saying, strerror(errno));
	return o.duration;
}

/* step - instead of a plain test run: the segment's time is noted */
static int step(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	const struct instance_fds *fds = instance_fds(t->gate);
	struct step *s = &steps[at++];

	if (at > STEPS)
		bench_die("conversation", "too many segments");
	s->name = saying;
	s->hook = hook;
	s->bytes = bytes;
	s->ns[now] = timed(hook == HOOK_INGRESS ? fds->ingress : fds->egress, f, bytes);
	if (at > count)
		count = at;
	return -1;
}

static void says(struct talk *t, bool by_client, const char *name, const char *text)
{
	saying = name;
	say_bytes(t, by_client, text, strlen(text));
}

static void conversation(struct instance *gate)
{
	struct talk t = talk(gate, false);

	at = 0;
	t.through = step;
	t.tcp_options = 12;
	saying = "handshake";
	handshake(&t);
	says(&t, false, "220", "220 mx.example.net ESMTP\r\n");
	says(&t, true, "ACK", "");
	says(&t, true, "HELO", "HELO old.example.org\r\n");
	says(&t, false, "ACK", "");
	says(&t, false, "250", "250-mx.example.net\r\n");
	says(&t, true, "MAIL", "MAIL FROM:<load@old.example.org>\r\n");
	says(&t, false, "250", "250 2.1.0 Ok\r\n");
	says(&t, true, "RCPT", "RCPT TO:<user@edge.example.org>\r\n");
	says(&t, false, "250", "250 2.1.5 Ok\r\n");
	says(&t, true, "DATA", "DATA\r\n");
	says(&t, false, "354", "354 End data with <CR><LF>.<CR><LF>\r\n");
	says(&t, true, "message",
	     "From: <load@old.example.org>\r\nTo: <user@edge.example.org>\r\n"
	     "Date: Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\r\nMessage-Id: <0001@old.example.org>\r\n"
	     "Subject: load\r\n\r\n"
	     "La de da de da 1.\r\nLa de da de da 2.\r\nLa de da de da 3.\r\n"
	     "La de da de da 4.\r\n.\r\n");
	says(&t, false, "250", "250 2.0.0 Ok\r\n");
	says(&t, true, "QUIT", "QUIT\r\n");
	says(&t, false, "221", "221 Bye\r\n");
	saying = "FIN";
	goodbye(&t);
}

/* row - a segment, without what any program costs */
static uint32_t row(struct step *s, uint32_t base, bool json)
{
	const char *hook = s->hook == HOOK_INGRESS ? "ingress" : "egress";
	uint32_t ns = bench_median(s->ns, ROUNDS);

	ns -= ns < base ? ns : base;
	printf(json ? "%s{\"hook\":\"%s\",\"segment\":\"%s\",\"bytes\":%zu,\"ns\":%u}"
		    : "%s%-8s %-10s %5zu %6u\n",
	       json && s != steps ? "," : "", hook, s->name, s->bytes, ns);
	return ns;
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "json");
	struct bpf_object *again = bench_object("build/obj/tests/bench/again.bpf.o");
	int nothing = bench_program(again, "bench_empty");
	struct instance *gate = bench_gate(0);
	static double empty_ns[ROUNDS];
	uint32_t base, sum = 0;
	uint8_t f[60] = { 0 };

	saying = "the empty program";
	for (now = 0; now < ROUNDS; now++) {
		empty_ns[now] = timed(nothing, f, sizeof(f));
		conversation(gate);
		if (now % 64 == 0)
			seen(gate);
	}
	base = bench_median(empty_ns, ROUNDS);
	if (json)
		printf("{\"bench\":\"conversation\",\"segments\":[");
	else
		printf("%-8s %-10s %5s %6s\n", "hook", "segment", "bytes", "ns");
	for (unsigned int i = 0; i < count; i++)
		sum += row(&steps[i], base, json);
	printf(json ? "],\"ns\":%u}\n" : "a whole mail, %2$u segments: %1$u ns\n", sum, count);
	bpf_object__close(again);
	instance_close(gate);
	return 0;
}
