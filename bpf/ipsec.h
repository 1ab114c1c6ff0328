/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ipsec.h - does an IPsec policy apply to what we would answer?
 *
 * An answer leaves by the device, past the kernel's policies: to a peer under one it would go in
 * clear, or from somebody whom the kernel would not have listened to. What came through IPsec says
 * so itself; the peers that policies name are in ipsec_peers, kept there by the daemon.
 */
#ifndef BUILDGATE_IPSEC_H
#define BUILDGATE_IPSEC_H

#include "bpf/packet.h"

struct bpf_xfrm_state {
	__u32 reqid;
	__u32 spi;
	__u16 family;
	__u16 ext;
	__u32 remote[4];
};

/* ipsec_applies - 1: no answers to this client */
STEP int ipsec_applies(struct __sk_buff *skb, const struct packet *p)
{
	struct settings *s = gate_settings();
	struct bpf_xfrm_state state;
	struct range_key key;

	if (!p || !s)
		return 0;
	if (gate_config.ipsec && !bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0))
		return 1;
	if (!READ_ONCE(s->ipsec))
		return 0;
	key.prefix_bits = 128;
	key.addr = p->key.client;
	return bpf_map_lookup_elem(&ipsec_peers, &key) != NULL;
}

#endif
