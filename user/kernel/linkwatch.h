/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linkwatch - something happened to the interfaces of this host
 *
 * A netlink socket (rtnetlink(7), RTMGRP_LINK) that becomes readable when an interface comes,
 * goes or changes. What happened is not looked at: whoever asks looks at the interfaces
 * themselves, so a message that was lost costs nothing. Call order: linkwatch_open(), then
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
