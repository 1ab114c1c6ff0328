/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address - addresses and ranges in text and in the kernel's form
 *
 * struct addr (maps/abi.h) holds IPv6, or IPv4 as ::ffff:a.b.c.d, in network order. Text is
 * IPv4 dotted for the latter and RFC 5952 for the former. Pure functions, no state.
 */
#ifndef BUILDGATE_ADDRESS_H
#define BUILDGATE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"

#define ADDRESS_TEXT 50 /* longest text of an address or range, NUL included */

/* address_parse - "192.0.2.7" or "2001:db8::1", nothing else; -EINVAL otherwise */
int address_parse(const char *text, struct addr *ret_addr);

/* range_parse - an address, or address/bits with no host bits set; bits counts over 128, so
 * 192.0.2.0/24 gives 120. -EINVAL for no range, -ERANGE for host bits set, -EDOM for an IPv6
 * range that would hold all of IPv4 too. */
int range_parse(const char *text, struct addr *ret_addr, unsigned int *ret_bits);

/* address_format - text of addr into buf of ADDRESS_TEXT bytes; returns buf */
const char *address_format(const struct addr *addr, char *buf);

/* range_format - text of a range ("192.0.2.0/24"; a single address without bits) */
const char *range_format(const struct addr *addr, unsigned int bits, char *buf);

/* address_is_ipv4 - true for ::ffff:0:0/96 */
bool address_is_ipv4(const struct addr *addr);

/* address_mask - clear all but the first bits (0 .. 128) of addr */
void address_mask(struct addr *addr, unsigned int bits);

/* address_source - the source that addr belongs to: IPv4 whole, IPv6 cut to ipv6_bits */
struct addr address_source(const struct addr *addr, unsigned int ipv6_bits);

/* range_holds_ipv4 - an IPv6 range around ::ffff:0:0/96: nobody means IPv4 who writes ::/0 */
bool range_holds_ipv4(const struct addr *base, unsigned int bits);

/* range_contains - addr is inside base/bits */
bool range_contains(const struct addr *base, unsigned int bits, const struct addr *addr);

/* range_overlaps - the two ranges share an address */
bool range_overlaps(const struct addr *a, unsigned int a_bits, const struct addr *b,
		    unsigned int b_bits);

/* address_hash - for tables in memory, not against anybody who chooses addresses */
uint32_t address_hash(const struct addr *addr);

#endif
