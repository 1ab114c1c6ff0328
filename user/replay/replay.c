// SPDX-License-Identifier: BSD-2-Clause
#include "replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/kernel/instance.h"
#include "replay_flows.h"
#include "replay_frame.h"

#define NS 1000000000LL

/* Whose side is taken from an instance; also its index. */
enum role { ROLE_INBOUND = 0, ROLE_OUTBOUND = 1, ROLES };

struct replay {
	struct replay_options options;
	struct gate_config config;
	struct instance *gate[ROLES];
	struct replay_flows *flows;
	struct replay_summary sum;
	int64_t now_ns; /* of the frame at hand */
	enum role role; /* of the instance whose events come */
};

/* seconds - rounds down, before 1970 too */
static int64_t seconds(int64_t ns)
{
	return ns / NS - (ns % NS < 0);
}

/* flow_over - all is known of a connection, or nothing more will be */
static void flow_over(void *arg, struct replay_flow *f)
{
	struct observation o = { .at = seconds(f->at_ns), .port = ntohs(f->key.server_port) };
	struct replay *r = arg;
	uint8_t side;

	f->told = true;
	if (!f->client_seen || !f->server_seen)
		r->sum.one_way++;
	if (f->build)
		return;
	o.family = replay_flow_family(f, &side);
	o.source = side == SIDE_SERVER ? f->key.server : f->key.client;
	o.direction = side == SIDE_SERVER ? DIRECTION_OUTBOUND : DIRECTION_INBOUND;
	strcpy(o.helo, f->helo);
	r->sum.no_build++;
	if (r->options.learnt)
		r->options.learnt(r->options.arg, &o, 0);
}

/* on_token - each role speaks for one side */
static void on_token(struct replay *r, const struct event *event)
{
	struct replay_flow *f = replay_flows_find(r->flows, &event->key);
	struct observation o;

	if (event->side != (r->role == ROLE_INBOUND ? SIDE_CLIENT : SIDE_SERVER))
		return;
	if (f)
		f->build = true;
	observation_from_event(event, &o);
	o.at = seconds(r->now_ns); /* the programs ran a little after that */
	r->sum.observations++;
	if (r->options.learnt)
		r->options.learnt(r->options.arg, &o, event->frame);
}

/* on_conn - what one role says of its side. A connection whose ports were used again ends when
 * the new one begins: then it is meant, for the new one cannot be over yet. */
static void on_conn(struct replay *r, const struct event *event)
{
	struct replay_flow *f = replay_flows_find(r->flows, &event->key);
	struct observation o;

	if (f && f->before)
		f = f->before;
	if (!f || f->told)
		return;
	f->family[r->role] = event->family;
	observation_from_event(event, &o);
	if (o.helo[0])
		strcpy(f->helo, o.helo);
	if (f->family[ROLE_INBOUND] && f->family[ROLE_OUTBOUND])
		flow_over(r, f);
}

/* on_event - from the ring buffer of the role at hand */
static void on_event(void *arg, const struct event *event)
{
	struct replay *r = arg;

	if (event->type == EVENT_TOKEN)
		on_token(r, event);
	else if (event->type == EVENT_CONN)
		on_conn(r, event);
}

/* add_port - a mail port, in the form the programs want */
static void add_port(struct gate_config *config, uint16_t port, uint8_t kind)
{
	if (!port)
		return;
	config->ports[config->ports_count].port = htons(port);
	config->ports[config->ports_count].kind = kind;
	config->ports_count++;
}

/* replay_open - see replay.h */
int replay_open(const struct replay_options *options, struct replay **ret_replay, struct error *e)
{
	struct replay *r = calloc(1, sizeof(*r));
	int rc = 0;

	if (!r)
		return error_set(e, -ENOMEM, "out of memory");
	r->options = *options;
	r->config.ipv6_bits = 64;
	add_port(&r->config, options->mx, PORT_MX);
	add_port(&r->config, options->submission, PORT_SUBMISSION);
	r->flows = replay_flows_new(REPLAY_FLOWS_MAX, flow_over, r);
	if (!r->flows)
		rc = error_set(e, -ENOMEM, "out of memory");
	for (int i = 0; !rc && i < ROLES; i++)
		rc = instance_open_tc(&r->config, &r->gate[i], e);
	if (rc) {
		replay_close(r);
		return rc;
	}
	*ret_replay = r;
	return 0;
}

/* replay_close - see replay.h */
void replay_close(struct replay *replay)
{
	if (!replay)
		return;
	replay_flows_free(replay->flows, true);
	for (int i = 0; i < ROLES; i++)
		instance_close(replay->gate[i]);
	free(replay);
}

/* feed - a frame of at most INSTANCE_FRAME_MAX bytes through both roles */
static int feed(struct replay *r, bool from_client, const void *frame, size_t bytes,
		struct error *e)
{
	for (int role = 0; role < ROLES; role++) {
		bool outside = from_client == (role == ROLE_INBOUND);
		int rc;

		instance_clock(r->gate[role], (uint64_t)r->now_ns);
		instance_settings(r->gate[role])->frame = (uint32_t)r->sum.frames;
		rc = instance_feed(r->gate[role], outside ? HOOK_INGRESS : HOOK_EGRESS, frame,
				   bytes);
		if (rc <= -1000)
			return error_set(e, rc + 1000,
					 "frame %llu: the kernel does not take it: %s",
					 (unsigned long long)r->sum.frames, strerror(-rc - 1000));
		r->role = role;
		rc = instance_events(r->gate[role], on_event, r);
		if (rc < 0)
			return error_set(e, rc, "cannot read the events: %s", strerror(-rc));
	}
	return 0;
}

/* feed_pieces - a frame that offloading made too large for a test run */
static int feed_pieces(struct replay *r, const struct replay_segment *s, const uint8_t *frame,
		       struct error *e)
{
	enum replay_checksum checksum = replay_checksum(frame, s);
	uint8_t piece[INSTANCE_FRAME_MAX];
	size_t done = 0, n;
	int rc = 0;

	while (!rc && (n = replay_split(frame, s, checksum, &done, piece, sizeof(piece))))
		rc = feed(r, s->from_client, piece, n, e);
	return rc;
}

/* push_mail - a segment of a mail connection */
static int push_mail(struct replay *r, const struct replay_segment *s, const uint8_t *frame,
		     size_t bytes, struct error *e)
{
	struct replay_flow *f = replay_flows_seen(r->flows, s, r->now_ns);
	size_t end = s->payload_offset + s->payload_bytes;
	int rc;

	if (!f)
		return error_set(e, -ENOMEM, "out of memory");
	if (!s->whole && (s->no_length || bytes > INSTANCE_FRAME_MAX)) {
		/* the programs could not know that the capture cut it */
		r->sum.malformed++;
		return 0;
	}
	if (bytes > INSTANCE_FRAME_MAX && end > INSTANCE_FRAME_MAX)
		rc = feed_pieces(r, s, frame, e);
	else
		rc = feed(r, s->from_client, frame, bytes > INSTANCE_FRAME_MAX ? end : bytes, e);
	if (f->before && !s->from_client) /* it was replaced by now, if it was followed at all */
		replay_flows_settle(r->flows, f);
	return rc;
}

/* replay_push - see replay.h */
int replay_push(struct replay *replay, int64_t at_ns, const void *frame, size_t bytes,
		size_t length, struct error *e)
{
	struct replay_segment s;

	replay->sum.frames++;
	replay->now_ns = at_ns;
	switch (replay_parse(&replay->config, frame, bytes, length, &s)) {
	case REPLAY_OTHER:
		return 0;
	case REPLAY_MAIL:
		return push_mail(replay, &s, frame, bytes, e);
	case REPLAY_UNSURE:
		break;
	}
	if (bytes < INSTANCE_FRAME_MIN) {
		replay->sum.malformed++;
		return 0;
	}
	return feed(replay, true, frame, bytes > INSTANCE_FRAME_MAX ? INSTANCE_FRAME_MAX : bytes,
		    e);
}

/* replay_finish - see replay.h */
int replay_finish(struct replay *replay, struct replay_summary *ret, struct error *e)
{
	struct counters counters[HOOK_MAX];
	int rc;

	replay->sum.flows = replay_flows_count(replay->flows);
	replay_flows_free(replay->flows, false);
	replay->flows = NULL;
	rc = instance_counters(replay->gate[ROLE_INBOUND], counters);
	if (rc)
		return error_set(e, rc, "cannot read the counters: %s", strerror(-rc));
	for (int hook = 0; hook < HOOK_MAX; hook++)
		replay->sum.malformed += counters[hook].count[REASON_MALFORMED];
	*ret = replay->sum;
	return 0;
}
