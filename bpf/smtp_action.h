/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * smtp_action - what the automaton asks smtp.h to do at a byte
 *
 * Shared by bpf/smtp/, which puts them into the table, and smtp.h, which does them.
 */
#ifndef BUILDGATE_SMTP_ACTION_H
#define BUILDGATE_SMTP_ACTION_H

enum smtp_action {
	SMTP_NONE = 0,
	/* keep the byte */
	SMTP_HELO_FIRST,
	SMTP_HELO,
	SMTP_HELO_DIGIT_FIRST, /* in a label that may carry a build, after "b" */
	SMTP_HELO_SPELLED,     /* the same, after "build" */
	SMTP_HELO_DIGIT,
	SMTP_HELO_DASH,
	SMTP_HELO_BUILD, /* that label is over and does */
	SMTP_BY_FIRST,
	SMTP_BY,
	SMTP_HOST_FIRST,
	SMTP_HOST,
	SMTP_NUMBER_FIRST,
	SMTP_NUMBER,
	SMTP_NUMBER_DOT,
	SMTP_CHUNK_FIRST,
	SMTP_CHUNK,
	SMTP_KEYWORD_HELLO, /* the reply to EHLO begins as Microsoft's does */
	SMTP_DOT,           /* a dot begins a line */
	/* something is complete: reported to the caller */
	SMTP_EHLO,
	SMTP_EHLO_BUILD,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_BDAT_LAST,
	SMTP_STARTTLS,
	SMTP_RSET,
	SMTP_NUMBER_END,
	SMTP_NUMBER_FINAL,
	SMTP_END_OTHER,
	SMTP_END_NOBUILD,
	SMTP_END_IIS,
	SMTP_END_TOKEN,
	SMTP_BANNER_TOKEN,
	SMTP_BANNER_NOBUILD,
	SMTP_BANNER_IIS,
	SMTP_REPLY_354,
	SMTP_REPLY_220,
	SMTP_REPLY_REFUSED,
	SMTP_KEYWORD_EXCHANGE,
	SMTP_KEYWORD_IIS,
};

#endif
