/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tls_session.h - the TLS sessions of mail servers: from a descriptor to its connection, to the end
 *
 * Owns the maps of sight. A session is bound where its library is told the descriptor, in the
 * context of the process, whose table says which socket that is. What cannot be bound is counted
 * once and never read; what is on another connection is remembered as that.
 */
#ifndef BUILDGATE_TLS_SESSION_H
#define BUILDGATE_TLS_SESSION_H

#include "bpf/packet.h"
#include "bpf/kernel.h"
#include "maps/tls.h"
#include <bpf/bpf_core_read.h>

#define TLS_LOOK_BYTES (64 * 1024) /* of a session, both directions; commands included */
#define FD_MAX         (1 << 20)   /* fs.nr_open's default */
#define S_IFMT         0170000
#define S_IFSOCK       0140000
#define IPPROTO_TCP    6

/* Sized by the loader where sight is on. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tls_key);
	__type(value, struct tls_session);
} tls_sessions SEC(".maps")
__weak;

/* An LRU: what is lost here is noticed by tls_session.reading. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps")
__weak;

/* An LRU: of a process that is lost here the sessions are kept for longer. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct tls_process);
	__type(value, __u32);
} tls_processes SEC(".maps")
__weak;

/* What a new entry starts from: too large for the stack. */
static const struct tls_session no_session;

/* tls_count - count(), for programs that can be preempted */
static __always_inline void tls_count(enum reason reason)
{
	__u32 key = HOOK_TLS;
	struct counters *c = bpf_map_lookup_elem(&counters, &key);

	if (c && (__u32)reason < REASON_MAX)
		__sync_fetch_and_add(&c->count[reason], 1);
}

/* tls_key_of - the session at `pointer` in this process */
static __always_inline struct tls_key tls_key_of(__u64 pointer)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return (struct tls_key) {
		.pointer = pointer,
		.start_ns = BPF_CORE_READ(task, group_leader, start_boottime),
		.tgid = bpf_get_current_pid_tgid() >> 32,
	};
}

/* tls_new - an entry, and a note that this process has some; NULL where there is no room */
static __always_inline struct tls_session *tls_new(const struct tls_key *key)
{
	struct tls_process process = { .start_ns = key->start_ns, .tgid = key->tgid };
	struct tls_session *s;
	__u32 one = 1;

	if (bpf_map_update_elem(&tls_sessions, key, &no_session, BPF_ANY)) {
		tls_count(REASON_TLS_FULL);
		return NULL;
	}
	if (!bpf_map_lookup_elem(&tls_processes, &process))
		bpf_map_update_elem(&tls_processes, &process, &one, BPF_ANY);
	s = bpf_map_lookup_elem(&tls_sessions, key);
	if (s)
		s->used_ns = bpf_ktime_get_boot_ns();
	return s;
}

/* tls_drop - the session is freed; its pointer may be another's next */
STEP int tls_drop(__u64 pointer)
{
	struct tls_key key = tls_key_of(pointer);

	bpf_map_delete_elem(&tls_sessions, &key);
	return 0;
}

/* tls_on - sight ends where the gate is off. A session that goes on meanwhile is forgotten: what
 * is missed of it, its end too, must not be taken for something else later. */
static __always_inline bool tls_on(__u64 pointer)
{
	struct settings *s = gate_settings();

	if (s && READ_ONCE(s->mode) > MODE_OFF)
		return true;
	tls_drop(pointer);
	return false;
}

/* --- from a descriptor to its connection --- */

/* fd_sock - the socket behind a descriptor of this process, or NULL */
static __always_inline struct sock *fd_sock(__u64 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct socket *socket;

	if (fd >= FD_MAX || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* sock_endpoints - local and remote address; false for a family that carries no mail */
static __always_inline bool sock_endpoints(struct sock *sk, struct addr *local, struct addr *remote)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(remote, sk, __sk_common.skc_v6_daddr);
		return true;
	}
	local->w[0] = local->w[1] = remote->w[0] = remote->w[1] = 0;
	local->w[2] = remote->w[2] = bpf_htonl(0xffff);
	local->w[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	remote->w[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	return family == AF_INET;
}

/* sock_flow - the accepted mail connection of a socket; its enum port_kind, 0: none */
static __always_inline __u8 sock_flow(struct sock *sk, struct flow_key *key)
{
	__u8 kind;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    !sock_endpoints(sk, &key->server, &key->client))
		return 0;
	key->server_port = bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num));
	key->client_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	kind = port_kind_of(key->server_port);
	/* a mail port on both sides: nobody can tell who is the client */
	return kind && key->client_port && !port_kind_of(key->client_port) ? kind : 0;
}

/* flow_key_same - of two connections */
static __always_inline bool flow_key_same(const struct flow_key *a, const struct flow_key *b)
{
	const __u32 *x = (const void *)a, *y = (const void *)b;
	__u32 differ = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < sizeof(*a) / 4; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

/* tls_bind - the library is told the descriptor of a session: here it begins. Told the same
 * again (one descriptor to read, one to write; a shutdown) it goes on. */
STEP int tls_bind(__u64 pointer, __u64 fd)
{
	struct tls_key key = tls_key_of(pointer);
	struct tls_session *s = bpf_map_lookup_elem(&tls_sessions, &key);
	struct sock *sk = fd_sock(fd);
	struct flow_key flow = {};
	__u8 kind;

	if (!sk) { /* no descriptor at all: its first read will find nothing and say so */
		bpf_map_delete_elem(&tls_sessions, &key);
		return 0;
	}
	kind = sock_flow(sk, &flow);
	if (s && kind && (s->state == TLS_BOUND || s->state == TLS_OVER) &&
	    flow_key_same(&s->key, &flow))
		return 0;
	s = tls_new(&key);
	if (!s)
		return 0;
	s->key = flow;
	s->port_kind = kind;
	s->phase = PHASE_COMMAND;
	s->left = TLS_LOOK_BYTES;
	s->client.side = SIDE_CLIENT;
	s->client.smtp.row = SMTP_ROW_COMMAND;
	s->server.side = SIDE_SERVER;
	s->server.smtp.row = SMTP_ROW_REPLY;
	s->state = kind ? TLS_BOUND : TLS_ELSEWHERE;
	return 0;
}

/* tls_unknown - a session whose beginning nobody saw: counted once, and remembered as that */
static __always_inline void tls_unknown(const struct tls_key *key)
{
	struct tls_session *s = tls_new(key);

	if (!s)
		return;
	tls_count(REASON_TLS_UNBOUND);
	s->state = TLS_UNBOUND;
}

/* --- the end of a process --- */

/* tls_of_process - delete a session if it is the process's */
static long tls_of_process(__attribute__((unused)) void *map, struct tls_key *key,
			   __attribute__((unused)) void *value, struct tls_process *process)
{
	struct tls_key copy = *key;

	if (copy.tgid == process->tgid && copy.start_ns == process->start_ns)
		bpf_map_delete_elem(&tls_sessions, &copy);
	return 0;
}

/* tls_gone - a process ends: mail servers often do so without a word to their library */
STEP int tls_gone(void)
{
	struct tls_key key = tls_key_of(0);
	struct tls_process process = { .start_ns = key.start_ns, .tgid = key.tgid };

	if (bpf_map_delete_elem(&tls_processes, &process))
		return 0;
	bpf_for_each_map_elem(&tls_sessions, tls_of_process, &process, 0);
	return 0;
}

#endif
