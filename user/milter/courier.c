// SPDX-License-Identifier: BSD-2-Clause
#include "courier.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/ctl/client.h"
#include "user/base/log.h"
#include "user/escalation/escalation.h"
#include "user/observer/telling.h"
#include "user/base/times.h"

#define ANSWER_S    5    /* the longest that an answer may take */
#define RETRY_MAX_S 60   /* between two tries */
#define GATHER_MS   200  /* from one request to the next, unless there is enough for one */
#define LATEST      4096 /* reports of which it is known where they wait */

struct courier {
	pthread_mutex_t lock; /* of all below, but client and batch */
	pthread_cond_t wake;
	pthread_t thread;
	struct courier_options options;
	struct courier_stats stats;
	struct observation **ring;
	unsigned int first;
	uint64_t left;           /* how many have left the ring: the number of the first one */
	uint64_t latest[LATEST]; /* by what a report says: its number; it may have left */
	bool ending;
	struct log_limit full, away;

	/* the thread's own */
	struct client *client; /* NULL: not connected */
	json_t *batch;         /* taken from the ring and not yet answered */
	unsigned int pause_s;
};

/* lose - some reports that will not arrive; the lock is held */
static void lose(struct courier *courier, size_t n, const char *why)
{
	if (!n)
		return;
	courier->stats.lost += n;
	log_event_limited(&courier->full, LOG_LEVEL_WARNING, "reports-lost",
			  LOG_FIELDS({ "count", LOG_NUMBER(n) }, { "why", why },
				     { "lost", LOG_NUMBER(courier->stats.lost) }),
			  "%zu report(s) lost: %s (%llu in all)", n, why,
			  (unsigned long long)courier->stats.lost);
}

/* place - where a report's number is kept; another one's may be there (FNV-1a) */
static uint64_t *place(struct courier *courier, const struct observation *o)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(o->source); i++)
		hash = (hash ^ o->source.b[i]) * 16777619U;
	for (const char *c = o->helo; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	for (const char *c = o->by; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	return &courier->latest[(hash ^ (uint32_t)o->build) % LATEST];
}

/* same - b says of its connection what a says of one shortly before */
static bool same(const struct observation *a, const struct observation *b)
{
	return a->build == b->build && a->origin == b->origin && a->family == b->family &&
	       a->tls == b->tls && !memcmp(&a->source, &b->source, sizeof(a->source)) &&
	       !strcmp(a->helo, b->helo) && !strcmp(a->by, b->by) && b->at >= a->at &&
	       b->at - a->at < ESCALATION_DEDUPE_S;
}

/* at - the report of this number; NULL: it has left. The lock is held */
static struct observation *at(const struct courier *courier, uint64_t number)
{
	uint64_t behind = number - courier->left;

	if (number < courier->left || behind >= courier->stats.waiting)
		return NULL;
	return courier->ring[(courier->first + behind) % courier->options.max];
}

/* queue - at the end, unless there is one like it. The lock is held */
static void queue(struct courier *courier, const struct observation *o)
{
	struct courier_stats *stats = &courier->stats;
	uint64_t *number = place(courier, o), last = courier->left + stats->waiting;
	const struct observation *before = at(courier, *number);
	struct observation *copy;

	if (before && same(before, o)) {
		stats->repeated++;
		return;
	}
	if (stats->waiting == courier->options.max) {
		lose(courier, 1, "the queue is full");
		return;
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		lose(courier, 1, "out of memory");
		return;
	}
	*copy = *o;
	courier->ring[(courier->first + stats->waiting) % courier->options.max] = copy;
	*number = last;
	stats->waiting++;
	if (stats->waiting == 1 || stats->waiting == TELLING_MAX)
		pthread_cond_signal(&courier->wake);
}

/* courier_put - never waits for the daemon */
void courier_put(struct courier *courier, const struct observation *o)
{
	pthread_mutex_lock(&courier->lock);
	courier->stats.put++;
	queue(courier, o);
	pthread_mutex_unlock(&courier->lock);
}

/* leave - the first one leaves the ring; the lock is held */
static void leave(struct courier *courier)
{
	free(courier->ring[courier->first]);
	courier->first = (courier->first + 1) % courier->options.max;
	courier->stats.waiting--;
	courier->left++;
}

/* take_batch - what fits into one request, out of the ring; the lock is held */
static void take_batch(struct courier *courier)
{
	struct telling telling = { 0 };

	while (courier->stats.waiting) {
		json_t *object = telling_object(courier->ring[courier->first]);
		bool fits = object && telling_add(&telling, object);

		if (!object)
			lose(courier, 1, "out of memory");
		json_decref(object);
		if (object && !fits)
			break;
		leave(courier);
	}
	courier->batch = telling.list;
}

/* count - a number of the daemon's answer */
static uint64_t count(const json_t *result, const char *key)
{
	const json_t *value = json_object_get(result, key);

	return json_is_array(value) ? json_array_size(value) : (uint64_t)json_integer_value(value);
}

/* settle - the daemon has answered: the batch is over, whatever it said */
static void settle(struct courier *courier, int rc, const json_t *result, const struct error *e)
{
	size_t n = json_array_size(courier->batch);

	json_decref(courier->batch);
	courier->batch = NULL;
	courier->pause_s = 0;
	pthread_mutex_lock(&courier->lock);
	if (rc) {
		lose(courier, n, e->text);
	} else {
		courier->stats.taken += count(result, "taken");
		courier->stats.repeated += count(result, "repeated");
		courier->stats.refused += count(result, "refused");
		lose(courier, count(result, "lost"), "over the daemon's limit (observe_rate)");
	}
	pthread_mutex_unlock(&courier->lock);
}

/* set_connected - for the counts, and a word when it changes */
static void set_connected(struct courier *courier, bool connected, const struct error *e)
{
	const char *socket = courier->options.socket;
	unsigned int waiting;

	pthread_mutex_lock(&courier->lock);
	waiting = courier->stats.waiting + (unsigned int)json_array_size(courier->batch);
	if (!connected)
		log_event_limited(
			&courier->away, LOG_LEVEL_WARNING, "daemon-away",
			LOG_FIELDS({ "why", e->text }, { "waiting", LOG_NUMBER(waiting) }),
			"%s; mail goes on, reports wait (%u)", e->text, waiting);
	else if (!courier->stats.connected)
		log_event(LOG_LEVEL_INFO, "daemon-back", LOG_FIELDS({ "control", socket }),
			  "connected to buildgated at %s", socket);
	courier->stats.connected = connected;
	pthread_mutex_unlock(&courier->lock);
}

/* ask - one try, with a new connection if there is none */
static int ask(struct courier *courier, json_t **ret_result, struct error *e)
{
	struct telling telling = { .list = json_incref(courier->batch) };
	char sent[TIMES_TEXT];
	int rc = 0;

	if (!courier->client)
		rc = client_open(courier->options.socket, ANSWER_S, &courier->client, e);
	if (!rc)
		rc = telling_send(&telling, courier->client, times_format(time(NULL), sent),
				  ret_result, e);
	json_decref(telling.list);
	if (rc && rc != -EREMOTEIO) {
		client_close(courier->client);
		courier->client = NULL;
	}
	return rc;
}

/* send_batch - 0: answered, in whatever way; else the daemon is away and the batch stays */
static int send_batch(struct courier *courier)
{
	bool fresh = !courier->client;
	struct error e = { "" };
	json_t *result = NULL;
	int rc = ask(courier, &result, &e);

	if (!courier->client && !fresh) /* it may have been restarted since the last batch */
		rc = ask(courier, &result, &e);
	set_connected(courier, courier->client, &e);
	if (!courier->client)
		return rc;
	settle(courier, rc, result, &e);
	json_decref(result);
	return 0;
}

/* rest - for so long, or until the end comes, or there is enough for a request. The lock is
 * held */
static void rest(struct courier *courier, unsigned int ms, unsigned int enough)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!courier->ending && courier->stats.waiting < enough &&
	       pthread_cond_timedwait(&courier->wake, &courier->lock, &until) != ETIMEDOUT)
		;
}

/* rest_longer - the daemon is away; the lock is held */
static void rest_longer(struct courier *courier)
{
	unsigned int *pause = &courier->pause_s;

	*pause = *pause ? *pause * 2 : courier->options.retry_s;
	if (*pause > RETRY_MAX_S)
		*pause = RETRY_MAX_S;
	rest(courier, *pause * 1000, UINT_MAX);
}

/* carry - the thread: until the end has come and all is sent, or cannot be */
static void *carry(void *arg)
{
	struct courier *courier = arg;
	int rc = 0;

	pthread_mutex_lock(&courier->lock);
	while (!courier->ending || (!rc && (courier->batch || courier->stats.waiting))) {
		if (!courier->batch)
			take_batch(courier);
		if (!courier->batch) {
			if (!courier->ending)
				pthread_cond_wait(&courier->wake, &courier->lock);
			continue;
		}
		pthread_mutex_unlock(&courier->lock);
		rc = send_batch(courier);
		pthread_mutex_lock(&courier->lock);
		if (rc)
			rest_longer(courier);
		else
			rest(courier, GATHER_MS, TELLING_MAX);
	}
	pthread_mutex_unlock(&courier->lock);
	return NULL;
}

/* init_wake - waits must not depend on the wall clock */
static void init_wake(struct courier *courier)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&courier->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&courier->lock, NULL);
}

/* release - all memory, without a thread */
static void release(struct courier *courier)
{
	while (courier->stats.waiting)
		leave(courier);
	json_decref(courier->batch);
	client_close(courier->client);
	pthread_cond_destroy(&courier->wake);
	pthread_mutex_destroy(&courier->lock);
	free(courier->ring);
	free(courier);
}

/* courier_new - nothing is asked of the daemon yet */
int courier_new(const struct courier_options *options, struct courier **ret_courier,
		struct error *e)
{
	struct courier *courier = calloc(1, sizeof(*courier));
	int rc;

	if (!courier)
		return error_set(e, -ENOMEM, "out of memory");
	init_wake(courier);
	courier->options = *options;
	if (!courier->options.retry_s)
		courier->options.retry_s = 1;
	courier->ring = calloc(options->max, sizeof(*courier->ring));
	rc = courier->ring ? pthread_create(&courier->thread, NULL, carry, courier) : ENOMEM;
	if (rc) {
		release(courier);
		return error_set(e, -rc, "cannot start the thread that reports: %s", strerror(rc));
	}
	*ret_courier = courier;
	return 0;
}

/* courier_stats - a report that is under way still waits */
void courier_stats(struct courier *courier, struct courier_stats *ret)
{
	pthread_mutex_lock(&courier->lock);
	*ret = courier->stats;
	ret->waiting =
		(unsigned int)(ret->put - ret->taken - ret->repeated - ret->refused - ret->lost);
	pthread_mutex_unlock(&courier->lock);
}

/* courier_close - waits for the thread, at most two answers long */
void courier_close(struct courier *courier, struct courier_stats *ret_stats)
{
	if (!courier)
		return;
	pthread_mutex_lock(&courier->lock);
	courier->ending = true;
	pthread_cond_signal(&courier->wake);
	pthread_mutex_unlock(&courier->lock);
	pthread_join(courier->thread, NULL);
	lose(courier, courier->stats.waiting + json_array_size(courier->batch),
	     "the end came before they could be sent");
	if (ret_stats) {
		*ret_stats = courier->stats;
		ret_stats->waiting = 0;
	}
	release(courier);
}
