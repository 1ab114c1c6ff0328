/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps.bpf.h - the maps of the programs (kernel side only; layouts are in abi.h)
 *
 * Each program file defines them all, weakly, and the static linker joins them. Sizes are
 * defaults: the loader sets them from the configuration before it loads.
 */
#ifndef BUILDGATE_MAPS_BPF_H
#define BUILDGATE_MAPS_BPF_H

#include "maps/abi.h"
#include "maps/reasons.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1024); /* BPF_F_MMAPABLE: each field is one word to write */
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps")
__weak;

/* Not an LRU: a verdict may only go because the daemon says so. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC: sized for the worst, paid as used */
	__type(key, struct addr);
	__type(value, struct verdict);
} verdicts SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, 1);
	__type(key, struct range_key);
	__type(value, struct range);
} ranges SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct pending);
} pending SEC(".maps")
__weak;

/* Segments out of order, of streams that are being read; not pinned, nobody else needs them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct ahead_key);
	__type(value, struct ahead);
} ahead SEC(".maps")
__weak;

/* Our own clients' SYNs, and blocked sources' rechecks, until they become flows. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, struct handshake);
} handshakes SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, struct handshake);
} rechecks SEC(".maps")
__weak;

/* Names that blocked sources had at EHLO. A source fills no entry but its own, and one that is lost
 * is begun again with the next name. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct addr);
	__type(value, struct names_met);
} recheck_names SEC(".maps")
__weak;

/* Peers under an IPsec policy, which an answer of ours would leave past. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, IPSEC_MAX);
	__uint(map_flags, 1);
	__type(key, struct range_key);
	__type(value, __u32);
} ipsec_peers SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct slow_slot);
} slow_slots SEC(".maps")
__weak;

/* Sources under the answerer, for answer_rate; not pinned, a second is soon over. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct addr);
	__type(value, struct attempts);
} attempts SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REPLIES_MAX);
	__type(key, __u32);
	__type(value, struct reply);
} replies SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_keys);
} answer_keys SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOK_MAX);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps")
__weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps")
__weak;

/* Fixed by the loader before the programs are verified, which then drop what is not used. */
const volatile struct gate_config gate_config SEC(".rodata") __weak = {};

#endif
