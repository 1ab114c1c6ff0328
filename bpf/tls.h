/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tls.h - a mail conversation inside TLS, read where the mail server has decrypted it
 *
 * The same machine and the same rules as on the wire (smtp.h, session.h), fed with what the TLS
 * library hands to the server and takes from it. There is nothing to put in order and nothing to
 * confirm: these bytes came through a checked connection. Both directions run in one thread of
 * the server, in the order in which it saw them.
 *
 * Programs here may be preempted, and another thread run them on the same CPU (Linux 6.0,
 * 8c7dcb84e3b7): all that changes is in the session's own entry, nothing per CPU.
 */
#ifndef BUILDGATE_TLS_H
#define BUILDGATE_TLS_H

#include "bpf/recheck.h"
#include "bpf/tls_session.h"

#define TLS_CHUNKS 512 /* of one call; an action ends a chunk early */

/* --- what the bytes add up to --- */

/* tls_say - one event, CONN where build is 0: token and names, nothing else leaves the kernel */
static __always_inline void tls_say(struct tls_session *s, __u64 build)
{
	struct settings *set = gate_settings();
	int recheck = recheck_look(&s->key, build);
	struct event *e;

	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		tls_count(REASON_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->at_ns = set ? gate_now(set) : 0;
	e->build = build;
	e->key = s->key;
	e->type = build ? EVENT_TOKEN : EVENT_CONN;
	e->direction = DIRECTION_INBOUND;
	e->side = SIDE_CLIENT;
	e->origin = build ? s->client.origin : 0;
	e->family = build ? FAMILY_EXCHANGE : s->client.family;
	e->flags = build ? EVENT_TLS : EVENT_TLS | EVENT_ACCEPTED;
	if (s->port_kind == PORT_SUBMISSION)
		e->flags |= EVENT_SUBMISSION;
	if (s->client.smtp.flags & SMTP_NAME_CUT)
		e->flags |= EVENT_NAME_CUT;
	if (recheck)
		e->flags |= EVENT_RECHECK;
	__builtin_memcpy(e->helo, s->client.text.helo, NAME_BYTES);
	if (build)
		__builtin_memcpy(e->token, s->client.token, TOKEN_BYTES);
	if (build && s->client.origin == ORIGIN_RECEIVED)
		__builtin_memcpy(e->by, s->client.text.by, NAME_BYTES);
	bpf_ringbuf_submit(e, 0);
}

/* tls_over - nothing more is read of this session; that it named no build is told, too */
static __always_inline void tls_over(struct tls_session *s, __u8 family)
{
	session_over(&s->client, family);
	if (s->state != TLS_BOUND)
		return;
	s->state = TLS_OVER;
	tls_count(family_reason(s->client.family));
	if (!s->told)
		tls_say(s, 0);
}

/* tls_named - a build was read: told once, an EHLO build once per session */
static __always_inline void tls_named(struct tls_session *s)
{
	if (s->client.origin == ORIGIN_RECEIVED || !s->told) {
		tls_count(REASON_TOKEN_OK);
		tls_say(s, s->client.build);
	}
	s->told = 1;
	s->client.build = 0;
}

/* tls_turn - the client speaks: what did the server make of DATA? False where these bytes
 * cannot be understood. */
static __always_inline bool tls_turn(struct tls_session *s)
{
	switch (s->phase) {
	case PHASE_COMMAND:
	case PHASE_MESSAGE:
		return true;
	case PHASE_REFUSED:
		smtp_begin(&s->client.smtp, SMTP_ROW_COMMAND);
		s->phase = PHASE_COMMAND;
		return true;
	}
	/* It did not wait for the reply: a message, or commands? Nobody can tell. */
	tls_over(s, FAMILY_UNKNOWN);
	return false;
}

/* tls_client_action - what the client's bytes added up to */
static __always_inline void tls_client_action(struct tls_session *s)
{
	__u32 action = s->action;

	if (session_client(&s->client, action)) {
		if (action == SMTP_STARTTLS)
			tls_over(s, FAMILY_UNKNOWN); /* inside TLS: whatever it means */
		else
			s->phase = PHASE_DATA_SENT;
	}
	/* a build in a label of the EHLO name is told when the name is complete */
	if (s->client.build && action != SMTP_HELO_BUILD)
		tls_named(s);
}

/* tls_server_action - of the server only its word on DATA matters */
static __always_inline void tls_server_action(struct tls_session *s)
{
	if (s->phase != PHASE_DATA_SENT && s->phase != PHASE_REFUSED)
		return;
	if (s->action == SMTP_REPLY_REFUSED)
		s->phase = PHASE_REFUSED;
	if (s->action != SMTP_REPLY_354)
		return;
	s->phase = PHASE_MESSAGE;
	session_message(&s->client);
}

/* --- bytes --- */

/* What one call of the server brings. */
struct tls_feed {
	struct tls_session *s;
	__u64 from;
	__u32 left;
	__u32 side;
};

static long tls_client_byte(__u32 i, void *context)
{
	struct tls_session *s = ((struct tls_feed *)context)->s;
	__u32 action =
		smtp_step(&s->client.smtp, &s->client.text, s->bytes[i & (TLS_READ_BYTES - 1)]);

	s->used = i + 1;
	s->action = action;
	return action != 0;
}

static long tls_server_byte(__u32 i, void *context)
{
	struct tls_session *s = ((struct tls_feed *)context)->s;
	__u32 action =
		smtp_step(&s->server.smtp, &s->server.text, s->bytes[i & (TLS_READ_BYTES - 1)]);

	s->used = i + 1;
	s->action = action;
	return action != 0;
}

/* tls_fetch - the next n bytes (1 to TLS_READ_BYTES) into the session; -1: not there */
static __always_inline int tls_fetch(struct tls_feed *f, __u32 n)
{
	struct tls_session *s = f->s;

	/* 6.1 wants to see that a length is not 0 and not above the buffer */
	asm volatile("" : "+r"(n));
	n = (n - 1) & (TLS_READ_BYTES - 1);
	s->action = 0;
	s->used = 0;
	if (!bpf_probe_read_user(s->bytes, n + 1, (const void *)f->from))
		return 0;
	tls_count(REASON_READ_FAILED);
	tls_over(s, FAMILY_UNKNOWN);
	return -1;
}

/* tls_took - account for what was stepped through */
static __always_inline void tls_took(struct tls_feed *f)
{
	struct tls_session *s = f->s;
	__u32 used = s->used;

	f->from += used;
	f->left = f->left > used ? f->left - used : 0;
	s->left = s->left > used ? s->left - used : 0;
	if (!s->left)
		tls_over(s, FAMILY_UNKNOWN);
}

/* tls_client_chunk - as read_chunk() of reader.h does, from memory */
static long tls_client_chunk(__attribute__((unused)) __u32 i, void *context)
{
	struct tls_feed *f = context;
	struct tls_session *s = f->s;
	__u32 n, counted;

	if (!f->left || s->state != TLS_BOUND || !tls_turn(s))
		return 1;
	n = session_limit(&s->client.smtp, f->left);
	if (n > TLS_READ_BYTES)
		n = TLS_READ_BYTES;
	if (!n || tls_fetch(f, n))
		return 1;
	counted = session_in_header(&s->client.smtp);
	bpf_loop(n, tls_client_byte, f, 0);
	tls_took(f);
	if (counted && session_counted(&s->client.smtp, s->used))
		session_over(&s->client, FAMILY_UNKNOWN);
	if (s->action)
		tls_client_action(s);
	if (s->client.done)
		tls_over(s, FAMILY_UNKNOWN);
	return 0;
}

static long tls_server_chunk(__attribute__((unused)) __u32 i, void *context)
{
	struct tls_feed *f = context;
	struct tls_session *s = f->s;
	__u32 n = f->left;

	if (!n || s->state != TLS_BOUND)
		return 1;
	if (n > TLS_READ_BYTES)
		n = TLS_READ_BYTES;
	if (tls_fetch(f, n))
		return 1;
	bpf_loop(n, tls_server_byte, f, 0);
	tls_took(f);
	if (s->action)
		tls_server_action(s);
	return 0;
}

/* tls_wipe - what was read is not kept */
static __always_inline void tls_wipe(struct tls_session *s)
{
	__builtin_memset(s->bytes, 0, sizeof(s->bytes));
}

/* --- the library's calls --- */

/* tls_enter - a read begins; `length`: where its count will be, 0: it returns it */
STEP int tls_enter(__u64 pointer, __u64 bytes, __u64 length)
{
	struct tls_key key = tls_key_of(pointer);
	struct tls_call call = { .pointer = pointer, .bytes = bytes, .length = length };
	struct tls_session *s = bpf_map_lookup_elem(&tls_sessions, &key);
	__u64 thread = bpf_get_current_pid_tgid();

	if (s && s->state != TLS_BOUND)
		return 0;
	if (s && s->reading) { /* a read whose return was missed: bytes are missing */
		tls_count(REASON_HOLE);
		tls_over(s, FAMILY_UNKNOWN);
		return 0;
	}
	if (s)
		s->reading = 1;
	bpf_map_update_elem(&tls_calls, &thread, &call, BPF_ANY);
	return 0;
}

/* tls_return - the read is over: `count` bytes are the client's */
STEP int tls_return(long returned)
{
	__u64 thread = bpf_get_current_pid_tgid(), length = 0;
	struct tls_call *stored = bpf_map_lookup_elem(&tls_calls, &thread), call;
	struct tls_feed f = { .side = SIDE_CLIENT };
	struct tls_session *s;
	struct tls_key key;
	int count = returned;

	if (!stored)
		return 0;
	call = *stored;
	bpf_map_delete_elem(&tls_calls, &thread);
	if (!tls_on(call.pointer)) /* it waited while the gate was turned off */
		return 0;
	if (call.length && count == 1 &&
	    !bpf_probe_read_user(&length, sizeof(length), (const void *)call.length))
		count = length;
	key = tls_key_of(call.pointer);
	s = bpf_map_lookup_elem(&tls_sessions, &key);
	if (s)
		s->reading = 0;
	if (count <= 0)
		return 0;
	if (!s) {
		tls_unknown(&key);
		return 0;
	}
	if (s->state != TLS_BOUND)
		return 0;
	if (!s->followed) {
		tls_count(REASON_TLS_BOUND);
		recheck_look(&s->key, 0);
	}
	s->followed = 1;
	s->used_ns = bpf_ktime_get_boot_ns();
	f.s = s;
	f.from = call.bytes;
	f.left = count;
	bpf_loop(TLS_CHUNKS, tls_client_chunk, &f, 0);
	tls_wipe(s);
	return 0;
}

/* tls_send - the server says `count` bytes. A call that is repeated because the connection was
 * busy says them twice, which no reply minds. */
STEP int tls_send(__u64 pointer, __u64 bytes, __u64 count)
{
	struct tls_key key = tls_key_of(pointer);
	struct tls_feed f = { .from = bytes, .side = SIDE_SERVER };
	struct tls_session *s = bpf_map_lookup_elem(&tls_sessions, &key);

	if (!s || s->state != TLS_BOUND)
		return 0;
	f.s = s;
	f.left = count > TLS_LOOK_BYTES ? TLS_LOOK_BYTES : count;
	bpf_loop(TLS_CHUNKS, tls_server_chunk, &f, 0);
	tls_wipe(s);
	return 0;
}

#endif
