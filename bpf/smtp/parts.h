/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parts - the four places where reading may begin; each returns its first state
 */
#ifndef BUILDGATE_SMTP_PARTS_H
#define BUILDGATE_SMTP_PARTS_H

/* commands - a command line of the client */
int commands(void);

/* header - the header of a message, to the first Received or the empty line */
int header(void);

/* replies - reply lines after the greeting: the codes and EHLO keywords that matter */
int replies(void);

/* greeting - the first reply: the server's host, and what it says after it; the lines that
 * follow are like `reply` */
int greeting(int reply);

#endif
