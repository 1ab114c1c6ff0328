// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockops.bpf.c - the host's own mail sockets: established facts and lifetimes
 *
 * A connection of ours that is established is followed even where its SYN was not seen, and
 * one that is closed is forgotten at once, whatever the last segments did.
 */
#include "bpf/flow.h"

/* from linux/bpf.h */
#define BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB  4
#define BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB 5
#define BPF_SOCK_OPS_STATE_CB               10
#define BPF_SOCK_OPS_STATE_CB_FLAG          (1 << 2)
#define BPF_TCP_CLOSE                       7

/* endpoints - both addresses of the socket; false for a family that carries no mail. All
 * fields are read one by one before the family is looked at: else the compiler computes an
 * address in the context, and the verifier (all kernels) wants constant offsets. */
static __always_inline bool endpoints(struct bpf_sock_ops *ops, struct addr *local,
				      struct addr *remote)
{
	__u32 local4 = READ_ONCE(ops->local_ip4), remote4 = READ_ONCE(ops->remote_ip4);

	local->w[0] = READ_ONCE(ops->local_ip6[0]);
	local->w[1] = READ_ONCE(ops->local_ip6[1]);
	local->w[2] = READ_ONCE(ops->local_ip6[2]);
	local->w[3] = READ_ONCE(ops->local_ip6[3]);
	remote->w[0] = READ_ONCE(ops->remote_ip6[0]);
	remote->w[1] = READ_ONCE(ops->remote_ip6[1]);
	remote->w[2] = READ_ONCE(ops->remote_ip6[2]);
	remote->w[3] = READ_ONCE(ops->remote_ip6[3]);
	if (ops->family == AF_INET6)
		return true;
	local->w[0] = local->w[1] = remote->w[0] = remote->w[1] = 0;
	local->w[2] = remote->w[2] = bpf_htonl(0xffff);
	local->w[3] = local4;
	remote->w[3] = remote4;
	return ops->family == AF_INET;
}

/* socket_key - the flow of this socket; kind 0: no mail port, or one on both sides */
static __always_inline __u8 socket_key(struct bpf_sock_ops *ops, struct flow_key *key)
{
	__be16 local = bpf_htons(ops->local_port), remote = bpf_htons(bpf_ntohl(ops->remote_port));
	__u8 local_kind = port_kind_of(local), remote_kind = port_kind_of(remote);
	struct addr local_addr, remote_addr;

	if (!local_kind == !remote_kind)
		return 0;
	if (!endpoints(ops, &local_addr, &remote_addr))
		return 0;
	key->client = local_kind ? remote_addr : local_addr;
	key->server = local_kind ? local_addr : remote_addr;
	key->client_port = local_kind ? remote : local;
	key->server_port = local_kind ? local : remote;
	return local_kind ?: remote_kind;
}

/* established - follow our own connection to a mail server, if the packets did not say so */
static __always_inline void established(struct bpf_sock_ops *ops, const struct flow_key *key,
					__u8 kind)
{
	struct birth b = { .client_next = ops->snd_nxt,
			   .server_next = ops->rcv_nxt,
			   .direction = DIRECTION_OUTBOUND,
			   .port_kind = kind };
	struct flow *f = bpf_map_lookup_elem(&flows, key);

	if (f && f->server_isn == b.server_next - 1)
		return;
	if (f) {
		count(HOOK_SOCKOPS, REASON_FLOW_REPLACED);
		flow_end(key, f, HOOK_SOCKOPS);
	}
	flow_new(key, &b, HOOK_SOCKOPS);
}

SEC("sockops")
int gate_sockops(struct bpf_sock_ops *ops)
{
	struct settings *s = gate_settings();
	struct flow_key key;
	struct flow *f;
	__u8 kind;

	if (!s || READ_ONCE(s->mode) <= MODE_OFF)
		return 1;
	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	kind = socket_key(ops, &key);
	if (!kind)
		return 1;
	if (ops->op != BPF_SOCK_OPS_STATE_CB) {
		bpf_sock_ops_cb_flags_set(ops,
					  ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
			established(ops, &key, kind);
		return 1;
	}
	if (ops->args[1] == BPF_TCP_CLOSE) {
		f = bpf_map_lookup_elem(&flows, &key);
		if (f && !(f->flags & FLOW_CUT)) /* that one the gate brings to its end */
			flow_end(&key, f, HOOK_SOCKOPS);
	}
	return 1;
}

char LICENSE[] SEC("license")
= "GPL";
