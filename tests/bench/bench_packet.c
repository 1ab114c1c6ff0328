// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_packet - what a packet costs at each hook, by the path it takes (DESIGN section 10)
 *
 * Against the empty program, and the drop of a blocked source against xdp-filter: the same frames,
 * in turn, in one run. A frame that is repeated is a flood of one source, in which the gate asks
 * for one attempt in 64 (bpf/flood.h); bench_scale has what each costs where all are asked for.
 * With "json" as argument one object for machines.
 */
#include "tests/bench/bench_gate.h"

#define MILLION 1000000

static struct bench bench = { .name = "packet" };
static struct bench_path *blank, *empty_again;
static struct bpf_object *again;
static uint32_t slots = 1;

/* plain - a path at TC, or at XDP, whose frame stays as it is; base: blank, or blank + 1 */
static struct bench_path *plain(struct instance *gate, const char *name, int program,
				const uint8_t *f, size_t n, enum reason reason)
{
	bool xdp = program == instance_fds(gate)->xdp;
	struct bench_path *p = bench_add(&bench, name, program, f, n);

	bench_over(bench_takes(gate, p, reason), xdp ? blank : blank + 1, NAN);
	return p;
}

/* changed - a path at TC that writes into its frame, which is put back each time */
static struct bench_path *changed(const char *name, int program, const uint8_t *f, size_t n)
{
	struct bench_path *p = bench_add(&bench, name, bench_program(again, "bench_again"), f, n);

	p->priority = slots;
	bench_slot(again, slots, f, n, 0, 0);
	bench_into(again, "again_tc", slots++, program);
	if (empty_again)
		bench_over(p, empty_again, NAN);
	return p;
}

/* attempts - connection attempts that pass */
static void attempts(struct instance *gate)
{
	const struct instance_fds *fds = instance_fds(gate);
	struct talk t = talk(gate, false);
	struct range_key key = { .prefix_bits = 120 };
	struct range range = { .action = ACTION_PASS };
	uint8_t f[BENCH_FRAME];
	size_t n;

	n = build_frame(&t, true, ISN, 0, SYN, "", 0, f);
	plain(gate, "SYN without a verdict, XDP", fds->xdp, f, n, REASON_SYN);
	plain(gate, "SYN without a verdict, ingress", fds->ingress, f, n, REASON_SYN);
	t.client_host = 0xa00; /* 192.0.12.0 */
	key.addr = addr_of(&t, true);
	instance_range(gate, &key, &range);
	n = build_frame(&t, true, ISN, 0, SYN, "", 0, f);
	plain(gate, "SYN of an exempt range, XDP", fds->xdp, f, n, REASON_EXEMPT);
	plain(gate, "SYN of an exempt range, ingress", fds->ingress, f, n, REASON_EXEMPT);
}

/* filter - an object of xdp-filter that drops the frame */
static struct bench_path *filter(const char *name, const char *object, const uint8_t *f, size_t n)
{
	struct bpf_object *o = bench_filter(object, 10000);
	int program = bench_filter_program(o);
	struct bench_path *p = bench_add(&bench, name, program, f, n);

	bench_filter_block(o, 0, 1);
	if (instance_run(program, f, n, NULL, NULL) != 1) /* XDP_DROP */
		bench_die(name, "does not drop");
	bench_over(p, blank, NAN);
	return p;
}

/* blocked - beside xdp-filter with all that it looks at by default, and with addresses only */
static void blocked(struct instance *gate, struct instance *full)
{
	uint8_t f[BENCH_FRAME];
	size_t n = bench_syn(gate, 0, f);
	struct bench_path *all = filter("xdp-filter", "xdpfilt_alw_all", f, n);
	struct bench_path *lean = filter("xdp-filter -f ipv4", "xdpfilt_alw_ip", f, n);
	struct bench_path *p;
	int xdp = instance_fds(gate)->xdp;

	bench_blocked(gate, 0, 1);
	bench_blocked(full, 0, MILLION);
	p = plain(gate, "blocked source, XDP, 1 verdict", xdp, f, n, REASON_SILENT);
	bench_part(p, all, NULL, 0.5);
	p = plain(full, "blocked source, XDP, 1,000,000 verdicts", instance_fds(full)->xdp, f, n,
		  REASON_SILENT);
	bench_part(p, all, NULL, 0.5);
	p = plain(gate, "the same beside the lean one", xdp, f, n, REASON_SILENT);
	bench_part(p, lean, NULL, NAN);
	plain(gate, "blocked source, ingress (no XDP)", instance_fds(gate)->ingress, f, n,
	      REASON_SILENT);
}

/* answered - the answerer's own work, whole replies included */
static void answered(struct instance *gate)
{
	const struct instance_fds *fds = instance_fds(gate);
	struct verdict v = bench_verdict(STYLE_ANSWER);
	struct caller c = caller(gate, false, &v);
	uint8_t f[BENCH_FRAME];
	size_t n;

	c.option_bytes = c.t.tcp_options = 20; /* as Linux asks: MSS, SACK, time, window scale */
	memcpy(c.options, "\2\4\5\264\4\2\10\12\1\2\3\4\0\0\0\0\1\3\3\7", 20);
	n = build_frame(&c.t, true, c.seq, 0, SYN, "", 0, f);
	memcpy(f + 54, c.options, 20);
	bench_takes(gate, changed("SYN answered, ingress", fds->ingress, f, n),
		    REASON_ANSWERED_SYN);
	call(&c);
	say(&c, "");
	c.t.tcp_options = c.option_bytes = 0;
	n = build_frame(&c.t, true, c.seq, c.ack - REPLY_BYTES, ACK, "", 0, f);
	bench_takes(gate, changed("greeting sent, ingress", fds->ingress, f, n), REASON_ANSWERED);
	/* two lines of one length: the difference is what remembering names costs */
	n = build_frame(&c.t, true, c.seq, c.ack, ACK | PSH, "NOOP mail.old.example.org\r\n", 27,
			f);
	bench_takes(gate, changed("NOOP answered, ingress", fds->ingress, f, n), REASON_ANSWERED);
	n = build_frame(&c.t, true, c.seq, c.ack, ACK | PSH, "EHLO mail.old.example.org\r\n", 27,
			f);
	bench_takes(gate, changed("EHLO answered, ingress", fds->ingress, f, n), REASON_ANSWERED);
	n = build_frame(&c.t, true, c.seq, c.ack, ACK | PSH, "MAIL FROM:<user@old.example.org>\r\n",
			34, f);
	bench_takes(gate, changed("MAIL FROM refused, ingress", fds->ingress, f, n),
		    REASON_ANSWERED);
	n = build_frame(&c.t, true, c.seq, c.ack, ACK, "", 0, f);
	plain(gate, "bare ACK of an answer, ingress", fds->ingress, f, n, REASON_ANSWER_TAKEN);
}

/* slowed - the server's segment while its client waits */
static void slowed(struct instance *gate)
{
	struct verdict v = { .throttle_s = 3600, .tarpit_style = STYLE_SLOW };
	struct talk t = talk(gate, false);
	uint8_t f[BENCH_FRAME];
	size_t n;

	t.client_host = 77;
	judge(&t, &v);
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO a.example.org\r\n");
	n = build_frame(&t, false, t.server_seq, t.client_seq, ACK, "", 0, f);
	bench_takes(gate,
		    changed("window closed (tarpit), egress", instance_fds(gate)->egress, f, n),
		    REASON_SLOWED);
}

int main(int argc, char **argv)
{
	struct instance *gate = bench_gate(0), *full = bench_gate(MILLION), *off = bench_gate(0);
	struct talk t = talk(gate, false);
	uint8_t f[BENCH_FRAME];
	size_t n = build_frame(&t, true, ISN, 0, SYN, "", 0, f);

	bench_texts(gate);
	again = bench_object("build/obj/tests/bench/again.bpf.o");
	instance_settings(gate)->slow_delay_ms = 3600000;
	instance_settings(off)->mode = MODE_OFF;
	blank = bench_empty(&bench, again);
	empty_again = changed("the empty program, frame put back",
			      bench_program(again, "bench_empty"), f, n);
	bench_hooks(&bench, "the gate off", off, blank, f, n, REASON_OFF, 10);
	bench_not_mail(&bench, gate, blank);
	bench_identified(&bench, gate, blank);
	attempts(gate);
	blocked(gate, full);
	answered(gate);
	slowed(gate);
	bench_measure(&bench);
	bench_print(&bench, argc > 1 && !strcmp(argv[1], "json"));
	bpf_object__close(again);
	instance_close(off);
	instance_close(full);
	instance_close(gate);
	return 0;
}
