// SPDX-License-Identifier: BSD-2-Clause
#include "replay_flows.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536 /* a power of two */

struct replay_flows {
	replay_over_fn over;
	void *arg;
	unsigned int max, now;
	uint64_t count;
	struct replay_flow *oldest, *newest;
	struct replay_flow *bucket[BUCKETS];
};

/* hash - FNV-1a: a capture that fills a bucket is slow to replay, and that is all */
static unsigned int hash(const struct flow_key *key)
{
	const uint8_t *p = (const uint8_t *)key;
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ p[i]) * 16777619U;
	return (h ^ h >> 16) & (BUCKETS - 1);
}

/* list_remove - out of the order of time */
static void list_remove(struct replay_flows *flows, struct replay_flow *f)
{
	*(f->older ? &f->older->newer : &flows->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &flows->newest) = f->older;
}

/* list_append - as the newest */
static void list_append(struct replay_flows *flows, struct replay_flow *f)
{
	f->newer = NULL;
	f->older = flows->newest;
	*(f->older ? &f->older->newer : &flows->oldest) = f;
	flows->newest = f;
}

/* unlink_flow - out of hash and list; it still is what its ports say */
static void unlink_flow(struct replay_flows *flows, struct replay_flow *f)
{
	struct replay_flow **place = &flows->bucket[hash(&f->key)];

	while (*place != f)
		place = &(*place)->chain;
	*place = f->chain;
	list_remove(flows, f);
}

/* finish - say what is to be said of it, and forget it */
static void finish(struct replay_flows *flows, struct replay_flow *f)
{
	if (f->before)
		finish(flows, f->before);
	if (!f->told && flows->over)
		flows->over(flows->arg, f);
	free(f);
	flows->now--;
}

/* replay_flows_new - see replay_flows.h */
struct replay_flows *replay_flows_new(unsigned int max, replay_over_fn over, void *arg)
{
	struct replay_flows *flows = calloc(1, sizeof(*flows));

	if (!flows)
		return NULL;
	flows->max = max;
	flows->over = over;
	flows->arg = arg;
	return flows;
}

/* replay_flows_free - see replay_flows.h */
void replay_flows_free(struct replay_flows *flows, bool quietly)
{
	struct replay_flow *f;

	if (!flows)
		return;
	if (quietly)
		flows->over = NULL;
	while ((f = flows->oldest)) {
		unlink_flow(flows, f);
		finish(flows, f);
	}
	free(flows);
}

/* replay_flows_find - see replay_flows.h */
struct replay_flow *replay_flows_find(struct replay_flows *flows, const struct flow_key *key)
{
	struct replay_flow *f = flows->bucket[hash(key)];

	while (f && memcmp(&f->key, key, sizeof(*key)) != 0)
		f = f->chain;
	return f;
}

/* replay_flows_settle - see replay_flows.h */
void replay_flows_settle(struct replay_flows *flows, struct replay_flow *flow)
{
	struct replay_flow *before = flow->before;

	flow->before = NULL;
	if (before)
		finish(flows, before);
}

/* replay_flows_count - see replay_flows.h */
uint64_t replay_flows_count(const struct replay_flows *flows)
{
	return flows->count;
}

/* is_another - the segment opens a connection that is not this one. A client's own number
 * decides; a SYN-ACK only where no SYN was seen, for anybody can send one. */
static bool is_another(const struct replay_flow *f, const struct replay_segment *s)
{
	if (!(s->flags & REPLAY_SYN) || s->flags & REPLAY_RST)
		return false;
	if (s->from_client)
		return !(s->flags & REPLAY_ACK) &&
		       (!f->client_isn_known || f->client_isn != s->seq);
	if (!(s->flags & REPLAY_ACK) || f->client_isn_known)
		return false;
	return f->server_isn_known ? f->server_isn != s->seq : true;
}

/* add - a connection under these ports, in the place of the one that had them */
static struct replay_flow *add(struct replay_flows *flows, const struct flow_key *key,
			       struct replay_flow *old)
{
	struct replay_flow *f = calloc(1, sizeof(*f)), **bucket = &flows->bucket[hash(key)];

	if (!f)
		return NULL;
	f->key = *key;
	if (old) {
		unlink_flow(flows, old);
		replay_flows_settle(flows, old);
		f->before = old;
		if (old->told)
			replay_flows_settle(flows, f);
	}
	while (flows->now >= flows->max && flows->oldest) {
		struct replay_flow *oldest = flows->oldest;

		unlink_flow(flows, oldest);
		finish(flows, oldest);
	}
	f->chain = *bucket;
	*bucket = f;
	list_append(flows, f);
	flows->now++;
	flows->count++;
	return f;
}

/* note - what the segment tells of its connection */
static void note(struct replay_flow *f, const struct replay_segment *s, int64_t at_ns)
{
	f->at_ns = at_ns;
	*(s->from_client ? &f->client_seen : &f->server_seen) = true;
	if (!(s->flags & REPLAY_SYN))
		return;
	if (s->from_client && !(s->flags & REPLAY_ACK)) {
		f->client_isn = s->seq;
		f->client_isn_known = true;
	} else if (!s->from_client && s->flags & REPLAY_ACK && !f->server_isn_known) {
		f->server_isn = s->seq;
		f->server_isn_known = true;
	}
}

/* replay_flows_seen - see replay_flows.h */
struct replay_flow *replay_flows_seen(struct replay_flows *flows, const struct replay_segment *s,
				      int64_t at_ns)
{
	struct replay_flow *f = replay_flows_find(flows, &s->key);

	if (!f || is_another(f, s)) {
		f = add(flows, &s->key, f);
		if (!f)
			return NULL;
	} else {
		list_remove(flows, f);
		list_append(flows, f);
	}
	note(f, s, at_ns);
	return f;
}

/* replay_flow_family - see replay_flows.h */
uint8_t replay_flow_family(const struct replay_flow *flow, uint8_t *ret_side)
{
	uint8_t client = flow->family[0], server = flow->family[1];

	*ret_side = SIDE_CLIENT;
	if (!flow->client_seen || !flow->server_seen)
		return FAMILY_UNKNOWN;
	if (server > client && server > FAMILY_UNKNOWN)
		*ret_side = SIDE_SERVER;
	if (server > client)
		return server;
	return client ? client : FAMILY_UNKNOWN;
}
