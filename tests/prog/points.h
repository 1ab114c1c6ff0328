/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points - where in a conversation its source may be cut off, and where not
 */
#ifndef BUILDGATE_TESTS_POINTS_H
#define BUILDGATE_TESTS_POINTS_H

#include <stdbool.h>

/* A line of a conversation: the server's begin with a digit, "*" lets the client acknowledge, "!"
 * loses the client's line that follows. */
struct point {
	const char *what;
	const char *lines[16];
	const char *next; /* the client's, after the source was blocked */
	bool cut;
};

#define GREETED "220 mx.example.net ESMTP\r\n"
#define HELLO   GREETED, "EHLO a.example.org\r\n", "250-mx.example.net\r\n250 CHUNKING\r\n"
#define MAIL    "MAIL FROM:<a@example.org>\r\n", "250 ok\r\n"
#define RCPT    "RCPT TO:<b@example.net>\r\n", "250 ok\r\n"
#define NEXT    "MAIL FROM:<c@example.org>\r\n"
#define MESSAGE                                                                                    \
	MAIL, RCPT, "DATA\r\n", "354 go\r\n", "Subject: x\r\n\r\nhello\r\n.\r\n", "250 taken\r\n"

static const struct point points[] = {
	{ "after the greeting", { GREETED }, "EHLO a.example.org\r\n", true },
	{ "a greeting of two lines", { "220-mx\r\n", "220 mx\r\n" }, "HELO a\r\n", true },
	{ "half a greeting", { "220-mx\r\n" }, "HELO a\r\n", false },
	{ "a greeting cut in a line", { "220 m" }, "HELO a\r\n", false },
	{ "after EHLO", { HELLO }, NEXT, true },
	{ "after half of the reply to EHLO", { GREETED, "EHLO a\r\n", "250-mx\r\n" }, NEXT, false },
	{ "two commands, one reply", { HELLO, "RSET\r\nNOOP\r\n", "250 ok\r\n" }, NEXT, false },
	{ "two commands, two replies",
	  { HELLO, "RSET\r\nNOOP\r\n", "250 ok\r\n", "250 ok\r\n" },
	  NEXT,
	  true },
	{ "a reply without text", { HELLO, "NOOP\r\n", "250\r\n" }, NEXT, true },
	{ "a reply that refuses", { HELLO, "VRFY x\r\n", "502 no\r\n" }, NEXT, true },
	{ "a command without a reply", { HELLO, "MAIL FROM:<a@example.org>\r\n" }, NEXT, false },
	{ "half a command, then its end", { HELLO, "MAIL FR" }, "OM:<a@example.org>\r\n", false },
	{ "half a command that the server has, then its end",
	  { HELLO, "MAIL FR", "." },
	  "OM:<a@example.org>\r\n",
	  true },
	{ "only half a command", { HELLO }, "MAI", true },
	{ "after MAIL", { HELLO, MAIL }, "RCPT TO:<b@example.net>\r\n", true },
	{ "after RCPT", { HELLO, MAIL, RCPT }, "DATA\r\n", true },
	{ "a group", { HELLO }, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", true },
	{ "DATA without a reply", { HELLO, MAIL, RCPT, "DATA\r\n" }, "x\r\n", false },
	{ "DATA refused", { HELLO, MAIL, RCPT, "DATA\r\n", "554 no\r\n" }, NEXT, true },
	{ "at a message",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n" },
	  "MAIL FROM:<x>\r\n",
	  false },
	{ "in a message",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "Subject: x\r\n", "." },
	  "RSET\r\n",
	  false },
	{ "at the final dot",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "Subject: x\r\n\r\nhello\r\n", "." },
	  ".\r\n",
	  false },
	{ "a dot without a reply",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "x\r\n.\r\n", "." },
	  NEXT,
	  false },
	{ "after a message", { HELLO, MESSAGE }, NEXT, true },
	{ "a dot cut off its CRLF",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "x\r", "\n.", "\r\n", "250 taken\r\n" },
	  NEXT,
	  true },
	{ "an empty message",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", ".\r\n", "250 taken\r\n" },
	  NEXT,
	  true },
	{ "a dot in a message",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "x\r\n..\r\n.x\r\n \r\n.\r", "." },
	  "x\r\n",
	  false },
	{ "a message refused",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "x\r\n.\r\n", "550 no\r\n" },
	  NEXT,
	  true },
	{ "the dot with a command behind it, one reply",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "x\r\n.\r\nRSET\r\n", "250 taken\r\n" },
	  NEXT,
	  false },
	{ "at a chunk", { HELLO, MAIL, RCPT }, "BDAT 5 LAST\r\nhello", true },
	{ "in a chunk",
	  { HELLO, MAIL, RCPT, "BDAT 12 LAST\r\nhello\r\n", "." },
	  "RSET\r\n",
	  false },
	{ "a chunk without a reply",
	  { HELLO, MAIL, RCPT, "BDAT 5\r\nhello", "." },
	  "BDAT 5 LAST\r\nworld",
	  false },
	{ "between chunks",
	  { HELLO, MAIL, RCPT, "BDAT 5\r\nhello", "250 ok\r\n" },
	  "BDAT 5 LAST\r\nworld",
	  true },
	{ "after the last chunk",
	  { HELLO, MAIL, RCPT, "BDAT 5\r\nhello", "250 ok\r\n", "BDAT 2 LAST\r\n\r\n",
	    "250 taken\r\n" },
	  NEXT,
	  true },
	{ "an empty last chunk",
	  { HELLO, MAIL, RCPT, "BDAT 5\r\nhello", "250 ok\r\n", "BDAT 0 LAST\r\n",
	    "250 taken\r\n" },
	  NEXT,
	  true },
	{ "an empty last chunk without a reply",
	  { HELLO, MAIL, RCPT, "BDAT 5\r\nhello", "250 ok\r\n", "BDAT 0 LAST\r\n" },
	  NEXT,
	  false },
	{ "mail, recipient and chunk at once, two replies",
	  { HELLO, "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 5 LAST\r\nhello", "250 ok\r\n250 ok\r\n" },
	  NEXT,
	  false },
	{ "mail, recipient and chunk at once, three replies",
	  { HELLO, "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 5 LAST\r\nhello",
	    "250 ok\r\n250 ok\r\n250 taken\r\n" },
	  NEXT,
	  true },
	{ "AUTH under way",
	  { HELLO, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n" },
	  "eA==\r\n",
	  false },
	{ "after AUTH",
	  { HELLO, "AUTH LOGIN\r\n", "334 x\r\n", "eA==\r\n", "334 x\r\n", "eA==\r\n",
	    "535 no\r\n" },
	  NEXT,
	  true },
	{ "STARTTLS without a reply", { HELLO, "STARTTLS\r\n" }, "\x16\x03\x01\n", false },
	{ "after STARTTLS", { HELLO, "STARTTLS\r\n", "220 go\r\n" }, NEXT, false },
	{ "in TLS",
	  { HELLO, "STARTTLS\r\n", "220 go\r\n", "\x16\x03\x01\r\n", "250 ok\r\n", "RSET\r\n",
	    "250 ok\r\n" },
	  NEXT,
	  false },
	{ "STARTTLS refused", { HELLO, "STARTTLS\r\n", "454 no\r\n" }, NEXT, true },
	{ "the server has said 421", { HELLO, "421 bye\r\n" }, NEXT, false },
	{ "a command that was never seen", { HELLO, "!", "RSET\r\n", "250 ok\r\n" }, NEXT, false },
	{ "a message after one that was never seen",
	  { HELLO, "!", "RSET\r\n", "250 ok\r\n", "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n",
	    "250 ok\r\n250 ok\r\n354 go\r\n", "x\r\n.\r\n", "250 taken\r\n" },
	  NEXT,
	  true },
	{ "a part of a message that was never seen",
	  { HELLO, MAIL, RCPT, "DATA\r\n", "354 go\r\n", "!", "Subject: x\r\n", "\r\nx\r\n.\r\n",
	    "250 taken\r\n" },
	  NEXT,
	  true },
	{ "two messages in one connection",
	  { HELLO, MESSAGE, "RSET\r\n", "250 ok\r\n" },
	  NEXT,
	  true },
};

#define POINTS (sizeof(points) / sizeof(points[0]))

#endif
