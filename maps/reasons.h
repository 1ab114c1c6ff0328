/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reasons.h - the one list of everything the kernel programs count
 *
 * Each row: number, name, kind, text. The enum, the metric label, the JSON key (the name in
 * lower case) and the help text are all made from it. Numbers are stable: a retired row
 * becomes UNUSEDn and keeps its number.
 *
 * Kinds: PASS, DROP and ANSWER (turned round as the gate's own reply) are the ways a packet
 * leaves a program, each packet has exactly one; NOTE is something that happened on the way.
 * All are counted per hook.
 */
#ifndef BUILDGATE_REASONS_H
#define BUILDGATE_REASONS_H

#define REASON_LIST(X)                                                                             \
	X(0, CONTINUE, NONE, "not counted: the next step decides")                                 \
	X(1, NOT_MAIL, PASS, "not TCP on a mail port")                                             \
	X(2, MALFORMED, PASS, "header cut short or impossible")                                    \
	X(3, FRAGMENT, PASS, "IP fragment, never guessed at")                                      \
	X(4, OFF, PASS, "the gate is off")                                                         \
	X(5, SYN, PASS, "connection attempt without a verdict")                                    \
	X(6, NO_FLOW, PASS, "mail segment of a connection not followed")                           \
	X(7, READ, PASS, "segment of a followed connection")                                       \
	X(8, READ_DONE, PASS, "segment of a connection read to its end")                           \
	X(9, BOTH_PORTS, PASS, "mail port on both sides, client unknown")                          \
	X(10, REPORT_ONLY, PASS, "verdict not enforced: report mode")                              \
	X(11, EXEMPT, PASS, "source in an exempt range")                                           \
	X(12, WINDOW_OPEN, PASS, "verdict not enforced in this part of the hour")                  \
	X(13, LEASE_OVER, PASS, "verdict of the clock, and its lease is over")                     \
	X(14, EXPIRED, PASS, "verdict set until a time that has passed")                           \
	X(15, RECHECK, PASS, "blocked source let through to show an upgrade")                      \
	X(16, NOT_MX, PASS, "verdict not enforced: not an mx port")                                \
	X(17, SLOWED, PASS, "segment sent with window 0 (tarpit)")                                 \
	X(18, VERDICT_PASS, PASS, "source has the verdict pass")                                   \
	X(19, TARPITTED, PASS, "connection attempt of a source that is slowed")                    \
	X(20, SILENT, DROP, "connection attempt refused without an answer")                        \
	X(21, CUT, DROP, "segment of a cut connection, not forwarded")                             \
	X(22, FLOW_NEW, NOTE, "connection followed")                                               \
	X(23, FLOW_REPLACED, NOTE, "followed connection replaced by a new one")                    \
	X(24, FLOW_END, NOTE, "followed connection ended")                                         \
	X(25, FLOW_FULL, NOTE, "connection not followed: no memory")                               \
	X(26, ONE_WAY, NOTE, "connection seen in one direction only")                              \
	X(27, HOLE, NOTE, "bytes missing before the place of a build")                             \
	X(28, TOKEN_SEEN, NOTE, "token read, not yet acknowledged")                                \
	X(29, TOKEN_OK, NOTE, "token acknowledged by the other side")                              \
	X(30, TOKEN_VOID, NOTE, "token voided: sent again with other bytes")                       \
	X(31, BAD_CHECKSUM, NOTE, "token segment with a wrong TCP checksum")                       \
	X(32, TOKEN_FULL, NOTE, "token not kept: no memory")                                       \
	X(33, EVENT_LOST, NOTE, "event not delivered: ring buffer full")                           \
	X(34, TLS, NOTE, "connection left for TLS")                                                \
	X(35, FAMILY_OTHER, NOTE, "connection ended, nothing of Microsoft seen")                   \
	X(36, FAMILY_IIS, NOTE, "connection ended, Windows SMTP service")                          \
	X(37, FAMILY_NOBUILD, NOTE, "connection ended, Exchange without a build")                  \
	X(38, FAMILY_UNKNOWN, NOTE, "connection ended before it could be told")                    \
	X(39, FAMILY_EXCHANGE, NOTE, "connection ended, Exchange with a build")                    \
	X(40, RECHECK_USED, NOTE, "recheck spent: greeting acknowledged")                          \
	X(41, READ_FAILED, NOTE, "segment's bytes could not be read")                              \
	X(42, OUT_OF_WINDOW, NOTE, "acknowledgement of bytes never sent, ignored")                 \
	X(43, DELAY_ARMED, NOTE, "new bytes of a slowed source started a delay")                   \
	X(44, LATER, PASS, "mail segment left to the hooks after this one")                        \
	X(45, BLIND, NOTE, "acknowledged bytes never seen: connection not read further")           \
	X(46, AHEAD, NOTE, "segment kept until the bytes before it are there")                     \
	X(47, AHEAD_USED, NOTE, "segment read when the bytes before it had come")                  \
	X(48, ANSWER_SYN, NONE, "not counted: the answerer takes the connection attempt")          \
	X(49, ANSWERED_SYN, ANSWER, "connection attempt answered by the gate itself")              \
	X(50, ANSWERED, ANSWER, "segment of an answered connection, replied to")                   \
	X(51, ANSWER_TAKEN, DROP, "segment of an answered connection that needs no reply")         \
	X(52, ANSWER_LEFT, PASS, "own answer leaving")                                             \
	X(53, ANSWER_DECLINED, PASS, "not answered: no texts, or IP options that stay")            \
	X(54, TLS_BOUND, NOTE, "TLS session of an accepted mail connection read")                  \
	X(55, TLS_UNBOUND, NOTE, "TLS session not read: its connection is not known")              \
	X(56, TLS_FULL, NOTE, "TLS session not read: no memory")                                   \
	X(57, ANSWER_RATE, DROP, "connection attempt above answer_rate")                           \
	X(58, SLOW_DEFERRED, NOTE, "attempt of a slowed source deferred: no slot left")            \
	X(59, SLOW_MISSED, NOTE, "delay not started: no slot left since the attempt")              \
	X(60, RECHECK_BLIND, NOTE, "recheck ended inside TLS, where no sight was")                 \
	X(61, CUT_BEGUN, PASS, "connection cut: refused, and reset for the server")                \
	X(62, CUT_ANSWERED, ANSWER, "segment of a cut connection, acknowledged")                   \
	X(63, ANSWER_IPSEC, PASS, "not answered: under an IPsec policy")                           \
	X(64, RECHECK_NAME, NOTE, "new name at EHLO: blocked source's next recheck made due")

enum reason {
#define X(number, name, kind, text) REASON_##name = number,
	REASON_LIST(X)
#undef X
		REASON_MAX = 65
};

/* counters: one value per hook, one slot per reason, per CPU. */
struct counters {
	__u64 count[REASON_MAX];
};

#endif
