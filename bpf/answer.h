/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.h - the answerer: a stateless SMTP server that only ever refuses
 *
 * answer_syn() completes the handshake of a source that is to be refused, answer_segment() leads
 * the conversation: greeting, one reply per line, close. Nothing is remembered. The first
 * sequence number is a keyed hash of the addresses and ports, all texts have one length
 * (REPLY_BYTES), so the client's acknowledgement number says how many it has read; the verb
 * of its line only chooses among them. The packet itself is turned into its answer and sent
 * back the way it came, marked so that our own egress program lets it be.
 *
 * What follows from having no memory: a lost greeting is not sent again by us, the client waits
 * until it gives up (every other lost segment is mended by the client's own retransmission); a
 * keep-alive probe is told from an ordinary acknowledgement by the age of the timestamp it echoes,
 * and goes unanswered where the client sends none. No answer to a SYN is larger than the SYN.
 *
 * What is not at one of the few exact positions is not ours and passes (DESIGN section 5).
 */
#ifndef BUILDGATE_ANSWER_H
#define BUILDGATE_ANSWER_H

#include "bpf/answer_packet.h"
#include "bpf/recheck_name.h"

#define ANSWER_REPLIES    10  /* a client that has read so many will not be told more */
#define ANSWER_HELLO_READ 2   /* greeting and reply to EHLO */
#define ANSWER_IDLE_MS    900 /* an acknowledgement this late is a keep-alive probe */

/* Where a client stands. */
struct answer_position {
	__u32 read;   /* replies it has acknowledged */
	__u32 closed; /* 1: our FIN too */
};

/* answer_cookie - our first sequence number towards this client under key 0 or 1 */
static __always_inline __u32 answer_cookie(const struct packet *p, __u32 which, bool *ret_on)
{
	__u32 zero = 0;
	struct answer_keys *k = bpf_map_lookup_elem(&answer_keys, &zero);

	*ret_on = k && (k->key[which & 1][0] | k->key[which & 1][1]);
	return *ret_on ? siphash_flow(k->key[which & 1], &p->key, p->ipv4) : 0;
}

/*
 * answer_judge - what this source is told now: its verdict's texts, 550 only while that says
 * drop and answer, and no recheck is under way, nor due: then its next connection passes, and what
 * is told to come again can be that. A verdict that went, or is not in force any more, leaves the
 * general texts, which ask to try again on another connection. Returns the verdict, or NULL.
 */
static __always_inline struct verdict *answer_judge(const struct packet *p, struct answer *a)
{
	struct settings *s = gate_settings();
	struct range *r = NULL;
	struct addr source;
	struct verdict *v;
	enum action action;
	__u32 left_s;
	__u64 now;

	if (!s)
		return NULL;
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	now = gate_now(s);
	if (!v || v->flags & VERDICT_RANGED)
		r = range_of(s, &p->key.client);
	if (r && (!v || r->action == ACTION_PASS)) {
		if (r->action == ACTION_PASS || !gate_enforcing(s, now))
			return v;
		a->reply = r->reply;
		a->refuse = r->action == ACTION_DROP;
		return v;
	}
	if (!v || verdict_holds(s, v, now))
		return v;
	action = verdict_window(v, now, &left_s);
	if (action == ACTION_PASS)
		return v;
	a->reply = v->reply;
	a->refuse = action == ACTION_DROP && v->drop_style == STYLE_ANSWER &&
		    now >= v->recheck_open_ns && !(v->recheck_at_ns && now >= v->recheck_at_ns);
	return v;
}

/* answer_verdict - the same as a step */
STEP int answer_verdict(const struct packet *p, struct answer *a)
{
	if (p && a)
		answer_judge(p, a);
	return 0;
}

/* answer_syn - SYN-ACK to a source that will be refused */
STEP int answer_syn(struct __sk_buff *skb, struct packet *p)
{
	struct answer a = { .flags = TCP_SYN | TCP_ACK };
	struct addr source;
	struct verdict *v;
	bool on;

	if (!p)
		return REASON_ANSWER_DECLINED;
	a.seq = answer_cookie(p, 0, &on);
	if (!on || !answer_texts(0)) /* the general ones are there where any are */
		return REASON_ANSWER_DECLINED;
	if (ipsec_applies(skb, p))
		return REASON_ANSWER_IPSEC;
	a.ack = p->seq + 1;
	answer_options(skb, p, &a);
	source = source_of(&p->key.client);
	v = bpf_map_lookup_elem(&verdicts, &source);
	if (v)
		__sync_fetch_and_add(&v->hits_dropped, 1);
	return answer_send(skb, p, &a);
}

/* answer_place - is this acknowledgement number one of ours, and which? */
static __always_inline bool answer_place(const struct packet *p, struct answer_position *at)
{
	for (int which = 0; which < 2; which++) {
		__u32 offset, rest;
		bool on;

		offset = p->ack - answer_cookie(p, which, &on) - 1;
		if (!on || offset > ANSWER_REPLIES * REPLY_BYTES + 1)
			continue;
		rest = offset % REPLY_BYTES;
		if (rest > (offset > REPLY_BYTES))
			continue; /* our FIN never comes before a text */
		at->read = offset / REPLY_BYTES;
		at->closed = rest;
		return true;
	}
	return false;
}

/* answer_first_line - bytes of the first line of n with its LF; 0: it does not end in them. A step,
 * because the verifier walks its loop. */
STEP int answer_first_line(const struct answer_scratch *sc, __u32 n)
{
	__u32 line = sc ? smtp_line(sc->bytes, ANSWER_LINE, 0, n) : n;

	return line < n ? line + 1 : 0;
}

#define VERB(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)
#define VERB_CAPITALS    0xdfdfdfdf

/* answer_choose - which text answers this verb at this position */
static __always_inline __u8 answer_choose(__u32 verb, __u32 read, __u8 refuse)
{
	__u8 no = refuse ? REPLY_REFUSAL : REPLY_DEFERRAL;

	switch (verb & VERB_CAPITALS) {
	case VERB('Q', 'U', 'I', 'T'):
		return REPLY_BYE;
	case VERB('E', 'H', 'L', 'O'):
	case VERB('H', 'E', 'L', 'O'):
	case VERB('R', 'S', 'E', 'T'):
	case VERB('N', 'O', 'O', 'P'):
		return REPLY_HELLO;
	case VERB('M', 'A', 'I', 'L'):
		return no;
	}
	/* the end of an EHLO that came in pieces is still an EHLO */
	return read == 1 ? REPLY_HELLO : no;
}

/*
 * answer_heard - does this source come to where the reason is said? One that insists on TLS takes
 * our plain 250 for an answer, and leaves or asks for TLS in spite of it: it never will.
 */
static __always_inline void answer_heard(struct verdict *v, __u32 verb, __u32 read)
{
	if (!v)
		return;
	verb &= VERB_CAPITALS;
	if (verb == VERB('M', 'A', 'I', 'L'))
		__sync_fetch_and_add(&v->told, 1);
	else if (read == ANSWER_HELLO_READ &&
		 (verb == VERB('Q', 'U', 'I', 'T') || verb == VERB('S', 'T', 'A', 'R')))
		__sync_fetch_and_add(&v->unread, 1);
}

/* answer_hello - this verb brings the client's name */
static __always_inline bool answer_hello(__u32 verb)
{
	verb &= VERB_CAPITALS;
	return verb == VERB('E', 'H', 'L', 'O') || verb == VERB('H', 'E', 'L', 'O');
}

/* answer_line - reply to the first line of the segment; it is acknowledged up to its LF, the
 * client sends the rest again */
static __always_inline enum reason answer_line(struct __sk_buff *skb, struct packet *p,
					       struct answer *a, __u32 read)
{
	__u32 zero = 0, n = p->payload_bytes, line, verb;
	struct answer_scratch *sc = bpf_map_lookup_elem(&answer_scratch, &zero);
	struct verdict *v;
	__u8 choice;

	if (!sc)
		return REASON_ANSWER_TAKEN;
	if (n > ANSWER_LINE)
		n = ANSWER_LINE;
	asm volatile("" : "+r"(n));
	n = (n - 1) & (ANSWER_LINE - 1);
	if (bpf_skb_load_bytes(skb, p->payload_offset, sc->bytes, n + 1))
		return REASON_ANSWER_TAKEN;
	line = answer_first_line(sc, n + 1);
	if (!line) {
		a->ack += n + 1; /* no line yet: taken, or a sender that waits for this stalls */
		return answer_send(skb, p, a);
	}
	a->ack += line;
	v = answer_judge(p, a);
	verb = VERB(sc->bytes[0], sc->bytes[1], sc->bytes[2], sc->bytes[3]);
	answer_heard(v, verb, read);
	if (a->refuse && answer_hello(verb))
		recheck_name(p, line);
	choice = answer_choose(verb, read, a->refuse);
	a->text = choice + 1;
	a->flags |= TCP_PSH;
	/* a verdict that is over: on another connection the sender meets the server itself */
	if (choice == REPLY_BYE || read + 1 >= ANSWER_REPLIES ||
	    (!a->reply && choice == REPLY_DEFERRAL))
		a->flags |= TCP_FIN;
	if (p->tcp_flags & TCP_FIN && line == p->payload_bytes) {
		a->ack++;
		a->flags |= TCP_FIN;
	}
	return answer_send(skb, p, a);
}

/* answer_greeting - the first text, which may be the last too */
static __always_inline void answer_greeting(struct answer *a)
{
	struct reply *r = answer_texts(a->reply);

	a->text = REPLY_GREETING + 1;
	a->flags |= TCP_PSH;
	if (r && r->at_greeting) {
		a->text = (a->refuse ? REPLY_REFUSAL : REPLY_DEFERRAL) + 1;
		a->flags |= TCP_FIN;
	}
}

/* answer_greet - the handshake is complete. What came with it is not acknowledged, it comes
 * again. */
static __always_inline enum reason answer_greet(struct __sk_buff *skb, struct packet *p,
						struct answer *a)
{
	struct verdict *v = answer_judge(p, a);

	answer_greeting(a);
	if (a->flags & TCP_FIN) /* the refusal itself */
		answer_heard(v, VERB('M', 'A', 'I', 'L'), 0);
	return answer_send(skb, p, a);
}

/*
 * answer_end - a side has closed: FIN for FIN, and what still comes is taken, or the client would
 * send it for ever. A client that closes right behind its QUIT has not read the reply yet, so
 * its FIN stands at the same position as that: the FIN we answer with goes behind the same text
 * again. Without it, it would stand where the text does.
 */
static __always_inline enum reason answer_end(struct __sk_buff *skb, struct packet *p,
					      struct answer *a, const struct answer_position *at)
{
	bool fin = p->tcp_flags & TCP_FIN;

	if (!fin && !p->payload_bytes)
		return REASON_ANSWER_TAKEN;
	if (!at->closed) {
		answer_verdict(p, a);
		if (at->read)
			a->text = REPLY_BYE + 1;
		else
			answer_greeting(a);
		a->flags |= TCP_FIN | TCP_PSH;
	}
	a->ack = p->seq + p->payload_bytes + fin;
	return answer_send(skb, p, a);
}

/* answer_silence - an acknowledgement and nothing else. One that comes long after what it
 * acknowledges is a keep-alive probe, whose number is one before the client's next
 * (RFC 9293, 3.8.4). No stack probes after less than a second. Where a path is slower than that, a
 * client is told of a byte that it has not sent: it ignores that, or says once more where it is. */
static __always_inline enum reason answer_silence(struct __sk_buff *skb, struct packet *p,
						  struct answer *a)
{
	__u32 age = answer_now() - a->echo;

	if (!(a->options & ANSWER_HAS_TIME) || !a->echo || age < ANSWER_IDLE_MS || age >> 31)
		return REASON_ANSWER_TAKEN;
	a->ack = p->seq + 1;
	return answer_send(skb, p, a);
}

/*
 * answer_segment - a client's segment that no flow claims: CONTINUE where it is not of an
 * answered connection.
 */
STEP int answer_segment(struct __sk_buff *skb, struct packet *p)
{
	struct answer a = { .flags = TCP_ACK };
	struct answer_position at = {};

	if (!p || !(p->tcp_flags & TCP_ACK) || p->port_kind != PORT_MX || !answer_place(p, &at))
		return REASON_CONTINUE;
	if (p->tcp_flags & TCP_RST)
		return REASON_ANSWER_TAKEN;
	a.seq = p->ack;
	a.ack = p->seq;
	answer_options(skb, p, &a);
	if (at.closed || (!p->payload_bytes && p->tcp_flags & TCP_FIN))
		return answer_end(skb, p, &a, &at);
	if (!at.read)
		return answer_greet(skb, p, &a);
	if (!p->payload_bytes)
		return answer_silence(skb, p, &a);
	return answer_line(skb, p, &a, at.read);
}

#endif
