// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp.bpf.c - XDP of the outside interfaces: silent refusals, as early as they can be had
 *
 * Steps: mode, headers, connection attempt (one of a flood, verdict, answer_rate). Everything else
 * is left to TC ingress, which decides the same where XDP is off.
 */
#include "bpf/verdict.h"

/* look - any other packet; apart, so that what a flood takes needs few registers */
static __noinline int look(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packet p;
	enum reason reason;

	reason = packet_parse(data, end, 0, bpf_xdp_get_buff_len(ctx), &p);
	if (!reason) {
		reason = REASON_LATER;
		if (p.from_client && (p.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
			reason = verdict_syn(&p, false);
		if (reason == REASON_ANSWER_SYN)
			reason = verdict_rate(&p) ? REASON_ANSWER_RATE : REASON_LATER;
	}
	return finish_xdp(HOOK_XDP, reason);
}

SEC("xdp.frags")
int gate_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct settings *s = gate_settings();
	struct addr source;

	if (!s || READ_ONCE(s->mode) <= MODE_OFF)
		return finish_xdp(HOOK_XDP, REASON_OFF);
	if (packet_foreign(data, end, 0))
		return finish_xdp(HOOK_XDP, REASON_NOT_MAIL);
	if (READ_ONCE(s->mode) == MODE_ENFORCE && flood_syn(data, end, &source) &&
	    flood_again(s, &source))
		return finish_xdp(HOOK_XDP, REASON_SILENT);
	return look(ctx);
}

char LICENSE[] SEC("license")
= "GPL";
