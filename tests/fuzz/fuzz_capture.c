// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_capture - any bytes as a capture file, up to where frames would go to the programs
 *
 * The real reader (user/replay/replay_capture.c), link headers, parser, splitter and table of
 * connections; only replay_push() is this file's own, and checks what the programs rely on.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/replay/replay.h"
#include "user/replay/replay_flows.h"

#define PIECE_MAX  3500 /* INSTANCE_FRAME_MAX */
#define MUST(what) ((what) ? (void)0 : broken(#what))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
	struct gate_config config;
	struct replay_flows *flows;
};

/* broken - say what does not hold, and end */
static void broken(const char *what)
{
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static void over(void *arg, struct replay_flow *flow)
{
	uint8_t side;

	(void)arg;
	MUST(replay_flow_family(flow, &side) >= FAMILY_UNKNOWN);
}

/* in_pieces - the payload comes out once, in order, in pieces that parse */
static void in_pieces(const struct replay *r, const uint8_t *frame, const struct replay_segment *s)
{
	enum replay_checksum checksum = replay_checksum(frame, s);
	size_t done = 0, before = 0, n;
	struct replay_segment p;
	uint8_t piece[PIECE_MAX];

	while ((n = replay_split(frame, s, checksum, &done, piece, sizeof(piece)))) {
		MUST(n <= sizeof(piece) && done > before && done <= s->payload_bytes);
		MUST(!memcmp(piece + n - (done - before), frame + s->payload_offset + before,
			     done - before));
		MUST(replay_parse(&r->config, piece, n, n, &p) == REPLAY_MAIL);
		MUST(p.whole && p.payload_bytes == done - before);
		MUST((replay_checksum(piece, &p) == REPLAY_CHECKSUM_WRONG) ==
		     (checksum == REPLAY_CHECKSUM_WRONG));
		before = done;
	}
	MUST(done == s->payload_bytes);
}

/* replay_push - instead of replay.c's */
int replay_push(struct replay *replay, int64_t at_ns, const void *frame, size_t bytes,
		size_t length, struct error *e)
{
	struct replay_segment s;
	uint8_t *copy = malloc(bytes); /* so that reading beyond is seen */

	(void)e;
	memcpy(copy, frame, bytes);
	if (replay_parse(&replay->config, copy, bytes, length, &s) == REPLAY_MAIL) {
		MUST(!s.whole || s.payload_offset + s.payload_bytes <= bytes);
		MUST(s.ip_offset < s.tcp_offset && s.tcp_offset < s.payload_offset);
		MUST(replay_flows_seen(replay->flows, &s, at_ns));
		if (s.whole)
			in_pieces(replay, copy, &s);
	}
	free(copy);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay r = { .config = { .ports_count = 1 } };
	struct error e = { "" };
	char path[64];
	int fd = memfd_create("capture", 0);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	r.config.ports[0].port = htons(25);
	r.config.ports[0].kind = PORT_MX;
	r.flows = replay_flows_new(16, over, NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (replay_file(&r, path, &e))
		MUST(e.text[0]); /* what cannot be read is said */
	replay_flows_free(r.flows, false);
	close(fd);
	return 0;
}
