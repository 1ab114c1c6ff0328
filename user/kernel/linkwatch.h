/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linkwatch - something happened to the interfaces of this host, or to their addresses
 *
 * A netlink socket (rtnetlink(7)) that becomes readable when an interface or an address of one
 * comes, goes or changes. Routes are left out: a router with all of the Internet's would never be
 * quiet. What happened is not looked at: whoever asks looks at the interfaces themselves, so a
 * message that was lost costs nothing. Call order: linkwatch_open(), then
 * linkwatch_drain() whenever it is readable, close(2).
 */
#ifndef BUILDGATE_LINKWATCH_H
#define BUILDGATE_LINKWATCH_H

/* linkwatch_open - a non-blocking descriptor of the network namespace we are in, or a negative
 * errno */
int linkwatch_open(void);

/* linkwatch_drain - forget what is waiting */
void linkwatch_drain(int fd);

#endif
