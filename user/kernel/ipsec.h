/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipsec - peers that this host speaks to under an IPsec policy
 *
 * The gate's own answers leave past the policies of the kernel, so such peers must get none
 * (DESIGN section 5). ipsec_read() lists the ranges that policies of this network namespace name
 * as the other side; ipsec_publish() puts them where the programs look. Of a policy that is bound
 * to a mark or an IPsec interface nothing is taken: it is not met on an outside interface; what
 * came through IPsec the programs see by themselves. A policy that exempts a part of another one's
 * range is not understood: there is no answer there either.
 *
 * Call order: ipsec_watch() once, and ipsec_drain(), ipsec_publish() whenever it is readable.
 */
#ifndef BUILDGATE_IPSEC_H
#define BUILDGATE_IPSEC_H

#include "maps/abi.h"

/* ipsec_watch - a non-blocking descriptor that is readable when policies change; -errno where the
 * kernel has no IPsec */
int ipsec_watch(void);

/* ipsec_drain - forget what is waiting */
void ipsec_drain(int fd);

/* ipsec_read - the ranges, at most IPSEC_MAX; more are told as all of IPv4 and IPv6. Returns how
 * many, or a negative errno: the kernel has no IPsec, or may not be asked */
int ipsec_read(struct range_key ret[IPSEC_MAX]);

/* ipsec_publish - into the map ipsec_peers, and what is not there any more out of it; how many
 * there are now, or a negative errno. Unchanged ones stay all the time. */
int ipsec_publish(int map);

#endif
