/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012)
 *
 * Of a connection it is the answerer's first sequence number: nobody who does not hold the key or
 * sees the packets can guess it, and none has to be remembered. Of other input: siphash_begin(), a
 * siphash_word() per eight bytes, little-endian, the last with up to seven and the length modulo
 * 256 in its top byte, siphash_end().
 */
#ifndef BUILDGATE_SIPHASH_H
#define BUILDGATE_SIPHASH_H

#include "maps/abi.h"

#define SIPHASH_ROTL(x, b) ((__u64)(x) << (b) | (__u64)(x) >> (64 - (b)))

static inline __attribute__((always_inline)) void siphash_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 13) ^ v[0];
	v[0] = SIPHASH_ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 17) ^ v[2];
	v[2] = SIPHASH_ROTL(v[2], 32);
}

static inline __attribute__((always_inline)) void siphash_word(__u64 v[4], __u64 word)
{
	v[3] ^= word;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= word;
}

static inline __attribute__((always_inline)) void siphash_begin(__u64 v[4], const __u64 key[2])
{
	v[0] = key[0] ^ 0x736f6d6570736575ULL;
	v[1] = key[1] ^ 0x646f72616e646f6dULL;
	v[2] = key[0] ^ 0x6c7967656e657261ULL;
	v[3] = key[1] ^ 0x7465646279746573ULL;
}

static inline __attribute__((always_inline)) __u64 siphash_end(__u64 v[4])
{
	v[2] ^= 0xff;
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* siphash_flow - of the 36 bytes of a flow key, as little-endian words; of IPv4 of the 12 that
 * differ, which takes half as long */
static inline __attribute__((always_inline)) __u64 siphash_flow(const __u64 key[2],
								const struct flow_key *f, int ipv4)
{
	__u64 v[4], ports = f->client_port | (__u64)f->server_port << 16;

	siphash_begin(v, key);
	if (ipv4) {
		siphash_word(v, f->client.w[3] | (__u64)f->server.w[3] << 32);
		siphash_word(v, ports | 12ULL << 56);
	} else {
		siphash_word(v, f->client.w[0] | (__u64)f->client.w[1] << 32);
		siphash_word(v, f->client.w[2] | (__u64)f->client.w[3] << 32);
		siphash_word(v, f->server.w[0] | (__u64)f->server.w[1] << 32);
		siphash_word(v, f->server.w[2] | (__u64)f->server.w[3] << 32);
		siphash_word(v, ports | 36ULL << 56);
	}
	return siphash_end(v);
}

#endif
