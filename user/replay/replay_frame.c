// SPDX-License-Identifier: BSD-2-Clause
#include "replay_frame.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <string.h>

#define TYPE_IPV4      0x0800
#define TYPE_IPV6      0x86dd
#define TYPE_VLAN      0x8100
#define TYPE_QINQ      0x88a8
#define TYPE_NONE      0xffff /* reserved: nobody's protocol */

#define VLAN_DEPTH_MAX 2
#define EXTENSIONS_MAX 6
#define HEADERS_MAX    172 /* where bpf/packet.h gives up looking for TCP */

#define PROTOCOL_TCP   6
#define IPV4_BYTES     20
#define IPV6_BYTES     40
#define TCP_BYTES      20

struct cursor {
	const uint8_t *frame;
	size_t bytes;
	size_t at;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* header - the bytes at the cursor, NULL where there are fewer */
static const uint8_t *header(const struct cursor *c, size_t bytes)
{
	return c->at + bytes > c->bytes ? NULL : c->frame + c->at;
}

/* ip_type - by the version that the packet says it has; what says none is no IP packet */
static uint16_t ip_type(const uint8_t *packet, size_t bytes)
{
	unsigned int version = bytes ? packet[0] >> 4 : 0;

	return version == 4 ? TYPE_IPV4 : version == 6 ? TYPE_IPV6 : TYPE_NONE;
}

/* family_type - of an address family in the byte order of some machine: AF_INET6 is 10, 24,
 * 28 or 30, depending on the system */
static uint16_t family_type(const uint8_t *p)
{
	uint32_t family = get32(p);

	if (family > 0xffff)
		family = __builtin_bswap32(family);
	if (family == 2)
		return TYPE_IPV4;
	return family == 10 || family == 24 || family == 28 || family == 30 ? TYPE_IPV6 : TYPE_NONE;
}

/* replay_link_known - see replay_frame.h */
bool replay_link_known(int datalink)
{
	switch (datalink) {
	case DLT_EN10MB:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
		return true;
	}
	return false;
}

/* link_bytes - length of the link header that is taken away */
static size_t link_bytes(int datalink)
{
	switch (datalink) {
	case DLT_NULL:
	case DLT_LOOP:
		return 4;
	case DLT_LINUX_SLL:
		return 16;
	case DLT_LINUX_SLL2:
		return 20;
	}
	return 0;
}

/* replay_link - see replay_frame.h */
int replay_link(int datalink, const uint8_t *packet, size_t bytes,
		uint8_t ret_header[REPLAY_ETHERNET_BYTES], size_t *ret_bytes)
{
	size_t skip = link_bytes(datalink);
	uint16_t type;

	*ret_bytes = 0;
	if (datalink == DLT_EN10MB)
		return 0;
	if (bytes < skip)
		return -1;
	if (datalink == DLT_NULL || datalink == DLT_LOOP)
		type = family_type(packet);
	else if (datalink == DLT_LINUX_SLL)
		type = get16(packet + 14);
	else if (datalink == DLT_LINUX_SLL2)
		type = get16(packet);
	else
		type = ip_type(packet, bytes);
	/* locally administered addresses: nobody's */
	memcpy(ret_header, "\x02\0\0\0\0\2\x02\0\0\0\0\1", 12);
	put16(ret_header + 12, type);
	*ret_bytes = REPLAY_ETHERNET_BYTES;
	return (int)skip;
}

/* parse_ethernet - the network protocol; the cursor ends at its header */
static enum replay_kind parse_ethernet(struct cursor *c, uint16_t *type)
{
	const uint8_t *p = header(c, REPLAY_ETHERNET_BYTES);

	if (!p)
		return REPLAY_UNSURE;
	*type = get16(p + 12);
	c->at = REPLAY_ETHERNET_BYTES;
	for (int i = 0; i < VLAN_DEPTH_MAX; i++) {
		if (*type != TYPE_VLAN && *type != TYPE_QINQ)
			break;
		p = header(c, 4);
		if (!p)
			return REPLAY_UNSURE;
		*type = get16(p + 2);
		c->at += 4;
	}
	return *type == TYPE_IPV4 || *type == TYPE_IPV6 ? REPLAY_MAIL : REPLAY_OTHER;
}

/* parse_ipv4 - *l4_bytes is what the header says is behind it, 0 where it does not say */
static enum replay_kind parse_ipv4(struct cursor *c, struct addr *src, struct addr *dst,
				   size_t *l4_bytes)
{
	const uint8_t *p = header(c, IPV4_BYTES);
	size_t bytes, total;

	if (!p)
		return REPLAY_UNSURE;
	if (p[9] != PROTOCOL_TCP || get16(p + 6) & 0x3fff)
		return REPLAY_OTHER; /* a fragment is never guessed at */
	bytes = (p[0] & 15) * 4;
	total = get16(p + 2);
	if (p[0] >> 4 != 4 || bytes < IPV4_BYTES || (total && total <= bytes))
		return REPLAY_UNSURE;
	memset(src, 0, sizeof(*src));
	src->w[2] = htonl(0xffff);
	*dst = *src;
	memcpy(&src->w[3], p + 12, 4);
	memcpy(&dst->w[3], p + 16, 4);
	*l4_bytes = total ? total - bytes : 0;
	c->at += bytes;
	return REPLAY_MAIL;
}

/* parse_ipv6 - as parse_ipv4, over the extension headers */
static enum replay_kind parse_ipv6(struct cursor *c, struct addr *src, struct addr *dst,
				   size_t *l4_bytes)
{
	const uint8_t *p = header(c, IPV6_BYTES);
	size_t begin, left;
	uint8_t next;

	if (!p || p[0] >> 4 != 6)
		return REPLAY_UNSURE;
	next = p[6];
	left = get16(p + 4);
	memcpy(src, p + 8, 16);
	memcpy(dst, p + 24, 16);
	c->at += IPV6_BYTES;
	begin = c->at;
	for (int i = 0; i < EXTENSIONS_MAX && next != PROTOCOL_TCP; i++) {
		if (next != 0 && next != 43 && next != 51 && next != 60)
			return REPLAY_OTHER; /* another protocol, or a fragment */
		p = header(c, 8);
		if (!p)
			return REPLAY_UNSURE;
		c->at += next == 51 ? (p[1] + 2) * 4 : (p[1] + 1) * 8; /* 51: AH */
		if (c->at > HEADERS_MAX)
			return REPLAY_OTHER;
		next = p[0];
	}
	if (next != PROTOCOL_TCP)
		return REPLAY_OTHER;
	if (left && left <= c->at - begin)
		return REPLAY_UNSURE;
	*l4_bytes = left ? left - (c->at - begin) : 0;
	return REPLAY_MAIL;
}

/* is_mail_port - one of the ports that the programs look at */
static bool is_mail_port(const struct gate_config *config, uint16_t port)
{
	for (uint32_t i = 0; i < config->ports_count && i < PORTS_MAX; i++)
		if (config->ports[i].port == htons(port))
			return true;
	return false;
}

/* set_key - the connection, named from the mail server's point of view */
static void set_key(struct replay_segment *s, const uint8_t *tcp, const struct addr *src,
		    const struct addr *dst)
{
	const uint8_t *client = s->from_client ? tcp : tcp + 2;
	const uint8_t *server = s->from_client ? tcp + 2 : tcp;

	memset(&s->key, 0, sizeof(s->key));
	s->key.client = s->from_client ? *src : *dst;
	s->key.server = s->from_client ? *dst : *src;
	memcpy(&s->key.client_port, client, 2);
	memcpy(&s->key.server_port, server, 2);
}

/* parse_tcp - ports, and for mail all the rest */
static enum replay_kind parse_tcp(const struct gate_config *config, struct cursor *c,
				  const struct addr *src, const struct addr *dst, size_t l4_bytes,
				  struct replay_segment *s)
{
	const uint8_t *p = header(c, TCP_BYTES);
	size_t left = c->bytes - c->at, bytes;
	bool to, from;

	if (!p)
		return REPLAY_UNSURE;
	from = is_mail_port(config, get16(p));
	to = is_mail_port(config, get16(p + 2));
	if (to == from) /* no mail, or nobody knows who is the client */
		return REPLAY_OTHER;
	bytes = (p[12] >> 4) * 4;
	s->no_length = !l4_bytes;
	s->whole = l4_bytes <= left;
	if (l4_bytes && l4_bytes < left)
		left = l4_bytes; /* the rest is padding */
	if (bytes < TCP_BYTES || (l4_bytes ? bytes > l4_bytes : bytes > left))
		return REPLAY_UNSURE;
	s->from_client = to;
	set_key(s, p, src, dst);
	s->flags = p[13];
	s->seq = get32(p + 4);
	s->ack = get32(p + 8);
	s->tcp_offset = c->at;
	s->payload_offset = c->at + bytes;
	s->payload_bytes = left > bytes ? left - bytes : 0;
	return REPLAY_MAIL;
}

/* replay_parse - see replay_frame.h */
enum replay_kind replay_parse(const struct gate_config *config, const uint8_t *frame, size_t bytes,
			      size_t length, struct replay_segment *ret_segment)
{
	struct cursor c = { .frame = frame, .bytes = bytes };
	struct replay_segment s = { 0 };
	struct addr src, dst;
	enum replay_kind kind;
	size_t l4_bytes = 0;
	uint16_t type;

	kind = parse_ethernet(&c, &type);
	if (kind != REPLAY_MAIL)
		return kind;
	s.ip_offset = c.at;
	s.ipv4 = type == TYPE_IPV4;
	kind = s.ipv4 ? parse_ipv4(&c, &src, &dst, &l4_bytes)
		      : parse_ipv6(&c, &src, &dst, &l4_bytes);
	if (kind == REPLAY_MAIL)
		kind = c.at > bytes ? REPLAY_UNSURE
				    : parse_tcp(config, &c, &src, &dst, l4_bytes, &s);
	if (kind != REPLAY_MAIL)
		return kind;
	if (s.no_length && bytes < length)
		s.whole = false;
	*ret_segment = s;
	return REPLAY_MAIL;
}

/* add - 16 bit words of p to a sum */
static uint32_t add(const uint8_t *p, size_t bytes, uint32_t sum)
{
	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += get16(p + i);
	if (bytes & 1)
		sum += (uint32_t)p[bytes - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* pseudo - folded sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) */
static uint16_t pseudo(const uint8_t *frame, const struct replay_segment *s, size_t tcp_bytes)
{
	const uint8_t *addresses = frame + s->ip_offset + (s->ipv4 ? 12 : 8);
	uint32_t sum = PROTOCOL_TCP + (uint32_t)(tcp_bytes >> 16) + (tcp_bytes & 0xffff);

	return fold(add(addresses, s->ipv4 ? 8 : 32, sum));
}

/* replay_checksum - see replay_frame.h */
enum replay_checksum replay_checksum(const uint8_t *frame, const struct replay_segment *segment)
{
	size_t bytes = segment->payload_offset - segment->tcp_offset + segment->payload_bytes;
	const uint8_t *tcp = frame + segment->tcp_offset;
	uint32_t sum = pseudo(frame, segment, bytes);

	if (get16(tcp + 16) == sum)
		return REPLAY_CHECKSUM_PARTIAL;
	/* in parts, so that 32 bits are enough for any length */
	for (size_t at = 0; at < bytes; at += 4096)
		sum = add(tcp + at, bytes - at < 4096 ? bytes - at : 4096, sum);
	return fold(sum) == 0xffff ? REPLAY_CHECKSUM_VALID : REPLAY_CHECKSUM_WRONG;
}

/* mend_ip - the length, and IPv4's checksum over its header */
static void mend_ip(uint8_t *out, const struct replay_segment *s, size_t bytes)
{
	uint8_t *ip = out + s->ip_offset;
	size_t header_bytes = (ip[0] & 15) * 4;

	if (!s->ipv4) {
		put16(ip + 4, (uint32_t)(bytes - s->ip_offset - IPV6_BYTES));
		return;
	}
	put16(ip + 2, (uint32_t)(bytes - s->ip_offset));
	put16(ip + 10, 0);
	put16(ip + 10, ~(uint32_t)fold(add(ip, header_bytes, 0)));
}

/* mend_checksum - right, or as wrong as the original's */
static void mend_checksum(uint8_t *out, const struct replay_segment *s, size_t bytes, bool wrong)
{
	size_t tcp_bytes = bytes - s->tcp_offset;
	uint8_t *tcp = out + s->tcp_offset;
	uint16_t sum = pseudo(out, s, tcp_bytes), right;

	put16(tcp + 16, 0);
	right = (uint16_t)~fold(add(tcp, tcp_bytes, sum));
	if (wrong) /* neither right nor the pseudo header's sum */
		right ^= (right ^ 0x0100) == sum ? 0x0200 : 0x0100;
	put16(tcp + 16, right);
}

/* replay_split - see replay_frame.h */
size_t replay_split(const uint8_t *frame, const struct replay_segment *segment,
		    enum replay_checksum checksum, size_t *done, uint8_t *out, size_t max)
{
	size_t headers = segment->payload_offset, left = segment->payload_bytes - *done;
	size_t n = left < max - headers ? left : max - headers;
	uint8_t *tcp = out + segment->tcp_offset;

	if (!left)
		return 0;
	memcpy(out, frame, headers);
	memcpy(out + headers, frame + headers + *done, n);
	put32(tcp + 4, segment->seq + (uint32_t)*done + (*done && segment->flags & REPLAY_SYN));
	if (*done)
		tcp[13] &= (uint8_t)~REPLAY_SYN;
	if (n < left)
		tcp[13] &= (uint8_t) ~(REPLAY_FIN | REPLAY_PSH | REPLAY_RST);
	mend_ip(out, segment, headers + n);
	mend_checksum(out, segment, headers + n, checksum == REPLAY_CHECKSUM_WRONG);
	*done += n;
	return headers + n;
}
