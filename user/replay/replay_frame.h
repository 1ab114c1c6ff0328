/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_frame - frames of a capture as the programs can take them
 *
 * Pure functions over bytes. replay_link() gives a frame of any link type that we know an
 * Ethernet header; replay_parse() finds out which connection a frame belongs to, as
 * bpf/packet.h does but without deciding anything: what it is not sure of is REPLAY_UNSURE and
 * goes to the programs; replay_split() cuts frames that offloading made too large into the
 * segments that were on the wire.
 */
#ifndef BUILDGATE_REPLAY_FRAME_H
#define BUILDGATE_REPLAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"

#define REPLAY_ETHERNET_BYTES 14

enum replay_kind {
	REPLAY_OTHER = 1, /* certainly not a segment of a mail connection */
	REPLAY_MAIL,      /* *ret_segment is filled */
	REPLAY_UNSURE,    /* cut short or impossible: the programs decide */
};

enum replay_flag {
	REPLAY_FIN = 0x01,
	REPLAY_SYN = 0x02,
	REPLAY_RST = 0x04,
	REPLAY_PSH = 0x08,
	REPLAY_ACK = 0x10,
};

struct replay_segment {
	struct flow_key key;
	bool from_client;
	bool ipv4;
	bool whole;     /* the capture has all bytes of it */
	bool no_length; /* its IP header carries no length (it was more than 64 KB) */
	uint8_t flags;  /* enum replay_flag */
	uint32_t seq;
	uint32_t ack;
	size_t ip_offset; /* from the begin of the frame */
	size_t tcp_offset;
	size_t payload_offset;
	size_t payload_bytes;
};

enum replay_checksum {
	REPLAY_CHECKSUM_VALID = 1,
	REPLAY_CHECKSUM_PARTIAL, /* the sum of the pseudo header: a card was to compute it */
	REPLAY_CHECKSUM_WRONG,
};

/* replay_link_known - false for a DLT_* that replay_link() does not know */
bool replay_link_known(int datalink);

/* replay_link - how many bytes of a packet of type `datalink` to take away, so that with
 * ret_header before the rest it is an Ethernet frame. *ret_bytes is 0 where it is one already.
 * -1: too short for its link header. */
int replay_link(int datalink, const uint8_t *packet, size_t bytes,
		uint8_t ret_header[REPLAY_ETHERNET_BYTES], size_t *ret_bytes);

/* replay_parse - an Ethernet frame; `length` is what it had on the wire */
enum replay_kind replay_parse(const struct gate_config *config, const uint8_t *frame, size_t bytes,
			      size_t length, struct replay_segment *ret_segment);

/* replay_checksum - of a whole segment */
enum replay_checksum replay_checksum(const uint8_t *frame, const struct replay_segment *segment);

/*
 * replay_split - the next piece of at most max bytes into out, headers mended; *done counts
 * payload bytes and begins with 0. Returns the length of the piece, 0 at the end. A checksum
 * that was wrong stays wrong.
 */
size_t replay_split(const uint8_t *frame, const struct replay_segment *segment,
		    enum replay_checksum checksum, size_t *done, uint8_t *out, size_t max);

#endif
