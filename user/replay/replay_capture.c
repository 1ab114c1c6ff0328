// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading of capture files. libpcap knows the formats; what it says of a broken one goes into
 * our sentence.
 */
#include "replay.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay_frame.h"

/* Above what any capture holds in a frame; libpcap refuses larger ones as broken. */
#define FRAME_MAX (1 << 18)

struct reader {
	struct replay *replay;
	pcap_t *pcap;
	int datalink;
	uint8_t *frame; /* of frames that get a link header */
};

/* open_capture - says why a file is none */
static pcap_t *open_capture(FILE *file, const char *path, struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap;

	/* stdio sees to it that errors of the file itself come out as what they are */
	int c = getc(file);

	if (c == EOF) {
		if (ferror(file))
			error_set(e, -errno, "%s: %s", path, strerror(errno));
		else
			error_set(e, -ENODATA, "%s: empty, expected a capture (pcap or pcapng)",
				  path);
		return NULL;
	}
	ungetc(c, file);
	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap)
		error_set(e, -EINVAL, "%s: no capture that can be read (pcap or pcapng): %s", path,
			  why);
	return pcap;
}

/* check_datalink - only link types that lead to IP */
static int check_datalink(struct reader *in, const char *path, struct error *e)
{
	const char *name = pcap_datalink_val_to_name(in->datalink);

	if (replay_link_known(in->datalink))
		return 0;
	return error_set(e, -EPROTONOSUPPORT,
			 "%s: unknown link type %s (%d), expected Ethernet, raw IP, Linux cooked "
			 "or BSD loopback",
			 path, name ? name : "without a name", in->datalink);
}

/* time_of - in ns; a file may say any seconds, what does not fit is no time */
static int64_t time_of(const struct timeval *ts)
{
	int64_t at_ns;

	if (__builtin_mul_overflow((int64_t)ts->tv_sec, 1000000000, &at_ns) ||
	    __builtin_add_overflow(at_ns, (int64_t)ts->tv_usec, &at_ns))
		return 0;
	return at_ns;
}

/* push - a frame as Ethernet */
static int push(struct reader *in, const struct pcap_pkthdr *head, const uint8_t *packet,
		struct error *e)
{
	size_t bytes = head->caplen, length = head->len < head->caplen ? bytes : head->len, made;
	int64_t at_ns = time_of(&head->ts);
	int skip = replay_link(in->datalink, packet, bytes, in->frame, &made);

	if (skip < 0)
		return replay_push(in->replay, at_ns, packet, 0, length, e);
	if (!made)
		return replay_push(in->replay, at_ns, packet, bytes, length, e);
	if (bytes > FRAME_MAX)
		bytes = FRAME_MAX;
	memcpy(in->frame + made, packet + skip, bytes - (size_t)skip);
	return replay_push(in->replay, at_ns, in->frame, bytes - (size_t)skip + made,
			   length - (size_t)skip + made, e);
}

/* read_frames - to the end, or to where the file is broken */
static int read_frames(struct reader *in, const char *path, struct error *e)
{
	struct pcap_pkthdr *head;
	const uint8_t *packet;
	uint64_t n = 0;
	int rc;

	while ((rc = pcap_next_ex(in->pcap, &head, &packet)) == 1) {
		n++;
		rc = push(in, head, packet, e);
		if (rc)
			return error_prefix(e, rc, "%s", path);
	}
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	return error_set(e, -EBADMSG, "%s: cut short or broken after %llu frames: %s", path,
			 (unsigned long long)n, pcap_geterr(in->pcap));
}

/* replay_file - see replay.h */
int replay_file(struct replay *replay, const char *path, struct error *e)
{
	struct reader in = { .replay = replay };
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int rc = -EINVAL;

	if (file == stdin)
		path = "standard input";
	if (!file)
		return error_set(e, -errno, "%s: %s", path, strerror(errno));
	in.pcap = open_capture(file, path, e);
	if (!in.pcap) {
		if (file != stdin)
			fclose(file);
		return rc;
	}
	in.datalink = pcap_datalink(in.pcap);
	in.frame = malloc(FRAME_MAX + REPLAY_ETHERNET_BYTES);
	rc = in.frame ? check_datalink(&in, path, e) : error_set(e, -ENOMEM, "out of memory");
	if (!rc)
		rc = read_frames(&in, path, e);
	free(in.frame);
	pcap_close(in.pcap);
	return rc;
}
