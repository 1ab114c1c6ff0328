// SPDX-License-Identifier: BSD-2-Clause
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_BITS 128
#define MAPPED_BITS  96 /* length of ::ffff:0:0/96, where IPv4 lives */

static const unsigned char mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* address_parse - inet_pton() takes exactly the two forms we want and nothing looser */
int address_parse(const char *text, struct addr *ret_addr)
{
	struct addr addr = { 0 };

	if (inet_pton(AF_INET, text, addr.b + sizeof(mapped_prefix)) == 1)
		memcpy(addr.b, mapped_prefix, sizeof(mapped_prefix));
	else if (inet_pton(AF_INET6, text, addr.b) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

/* parse_bits - a prefix length: one to three digits, no sign, no leading zero, at most max */
static int parse_bits(const char *text, unsigned int max, unsigned int *ret_bits)
{
	unsigned int bits = 0, digits = 0;

	for (; *text; text++, digits++) {
		if (*text < '0' || *text > '9' || digits == 3)
			return -EINVAL;
		if (digits && !bits)
			return -EINVAL;
		bits = bits * 10 + (unsigned int)(*text - '0');
	}
	if (!digits || bits > max)
		return -EINVAL;
	*ret_bits = bits;
	return 0;
}

/* range_parse - the length is counted as written (32 or 128) and kept over 128 */
int range_parse(const char *text, struct addr *ret_addr, unsigned int *ret_bits)
{
	unsigned int bits = ADDRESS_BITS;
	char host[ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct addr addr, masked;
	int r;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	r = address_parse(host, &addr);
	if (r < 0)
		return r;
	if (slash) {
		bool dotted = !strchr(host, ':');

		r = parse_bits(slash + 1, dotted ? 32 : ADDRESS_BITS, &bits);
		if (r < 0)
			return r;
		if (dotted)
			bits += MAPPED_BITS;
	}
	masked = addr;
	address_mask(&masked, bits);
	if (memcmp(&masked, &addr, sizeof(addr)))
		return -ERANGE;
	if (range_holds_ipv4(&addr, bits))
		return -EDOM;
	*ret_addr = addr;
	*ret_bits = bits;
	return 0;
}

/* address_format - cannot fail: ADDRESS_TEXT holds the longest text of either family */
const char *address_format(const struct addr *addr, char *buf)
{
	if (address_is_ipv4(addr))
		inet_ntop(AF_INET, addr->b + sizeof(mapped_prefix), buf, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, addr->b, buf, ADDRESS_TEXT);
	return buf;
}

/* range_format - the length as people count it for the family of the text */
const char *range_format(const struct addr *addr, unsigned int bits, char *buf)
{
	size_t length;

	address_format(addr, buf);
	if (bits >= ADDRESS_BITS)
		return buf;
	if (address_is_ipv4(addr) && bits >= MAPPED_BITS)
		bits -= MAPPED_BITS;
	length = strlen(buf);
	snprintf(buf + length, ADDRESS_TEXT - length, "/%u", bits);
	return buf;
}

/* address_is_ipv4 - by the v4-mapped prefix */
bool address_is_ipv4(const struct addr *addr)
{
	return !memcmp(addr->b, mapped_prefix, sizeof(mapped_prefix));
}

/* address_mask - whole bytes first, then the byte that the length cuts */
void address_mask(struct addr *addr, unsigned int bits)
{
	unsigned int whole = bits / 8;

	if (bits >= ADDRESS_BITS)
		return;
	addr->b[whole] &= (unsigned char)(0xff00 >> (bits % 8));
	memset(addr->b + whole + 1, 0, sizeof(addr->b) - whole - 1);
}

/* address_source - one IPv6 site usually holds a /64; an IPv4 address stands for itself */
struct addr address_source(const struct addr *addr, unsigned int ipv6_bits)
{
	struct addr source = *addr;

	if (!address_is_ipv4(addr))
		address_mask(&source, ipv6_bits);
	return source;
}

/* range_holds_ipv4 - the mapped block lies inside */
bool range_holds_ipv4(const struct addr *base, unsigned int bits)
{
	struct addr mapped = { 0 };

	memcpy(mapped.b, mapped_prefix, sizeof(mapped_prefix));
	return bits < MAPPED_BITS && range_contains(base, bits, &mapped);
}

/* range_contains - compare under the mask */
bool range_contains(const struct addr *base, unsigned int bits, const struct addr *addr)
{
	struct addr masked = *addr, wanted = *base;

	address_mask(&masked, bits);
	address_mask(&wanted, bits);
	return !memcmp(&masked, &wanted, sizeof(masked));
}

/* range_overlaps - prefixes either nest or are disjoint, so the shorter one decides */
bool range_overlaps(const struct addr *a, unsigned int a_bits, const struct addr *b,
		    unsigned int b_bits)
{
	return range_contains(a, a_bits < b_bits ? a_bits : b_bits, b);
}

/* address_hash - multiplication carries upwards only: what it carried is folded down between */
uint32_t address_hash(const struct addr *addr)
{
	uint64_t half[2], mix;

	memcpy(half, addr, sizeof(half));
	mix = half[0] * 0x9e3779b97f4a7c15ULL;
	mix = (mix ^ mix >> 32 ^ half[1]) * 0xff51afd7ed558ccdULL;
	mix = (mix ^ mix >> 32) * 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(mix >> 32);
}
