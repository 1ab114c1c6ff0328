// SPDX-License-Identifier: BSD-2-Clause
#include "courier.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/ctl/client.h"
#include "user/base/log.h"
#include "user/observer/telling.h"
#include "user/base/times.h"

#define ANSWER_S    5  /* the longest that an answer may take */
#define RETRY_MAX_S 60 /* between two tries */

struct courier {
	pthread_mutex_t lock; /* of all below, but client and batch */
	pthread_cond_t wake;
	pthread_t thread;
	struct courier_options options;
	struct courier_stats stats;
	json_t **ring;
	unsigned int first;
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
	log_limited(&courier->full, "%zu report(s) lost: %s (%llu in all)", n, why,
		    (unsigned long long)courier->stats.lost);
}

/* courier_put - at the end of the queue */
void courier_put(struct courier *courier, json_t *object)
{
	struct courier_stats *stats = &courier->stats;
	bool fits;

	pthread_mutex_lock(&courier->lock);
	stats->put++;
	fits = object && stats->waiting < courier->options.max;
	if (fits) {
		courier->ring[(courier->first + stats->waiting) % courier->options.max] = object;
		stats->waiting++;
		pthread_cond_signal(&courier->wake);
	} else {
		lose(courier, 1, object ? "the queue is full" : "out of memory");
	}
	pthread_mutex_unlock(&courier->lock);
	if (!fits)
		json_decref(object);
}

/* take_batch - what fits into one request, out of the ring; the lock is held */
static void take_batch(struct courier *courier)
{
	struct courier_stats *stats = &courier->stats;
	struct telling telling = { 0 };

	while (stats->waiting && telling_add(&telling, courier->ring[courier->first])) {
		json_decref(courier->ring[courier->first]);
		courier->first = (courier->first + 1) % courier->options.max;
		stats->waiting--;
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
	pthread_mutex_lock(&courier->lock);
	if (!connected)
		log_limited(&courier->away, "%s; mail goes on, reports wait (%u)", e->text,
			    courier->stats.waiting + (unsigned int)json_array_size(courier->batch));
	else if (!courier->stats.connected)
		log_info("connected to buildgated at %s", courier->options.socket);
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

/* pause_for - the time to the next try, or until the end comes; the lock is held */
static void pause_for(struct courier *courier)
{
	unsigned int *pause = &courier->pause_s;
	struct timespec until;

	*pause = *pause ? *pause * 2 : courier->options.retry_s;
	if (*pause > RETRY_MAX_S)
		*pause = RETRY_MAX_S;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += *pause;
	while (!courier->ending &&
	       pthread_cond_timedwait(&courier->wake, &courier->lock, &until) != ETIMEDOUT)
		;
}

/* carry - the thread: until the end has come and all is sent, or cannot be */
static void *carry(void *arg)
{
	struct courier *courier = arg;
	int rc = 0;

	pthread_mutex_lock(&courier->lock);
	while (!courier->ending || (!rc && (courier->batch || courier->stats.waiting))) {
		if (!courier->batch && !courier->stats.waiting) {
			pthread_cond_wait(&courier->wake, &courier->lock);
			continue;
		}
		if (!courier->batch)
			take_batch(courier);
		pthread_mutex_unlock(&courier->lock);
		rc = send_batch(courier);
		pthread_mutex_lock(&courier->lock);
		if (rc)
			pause_for(courier);
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
	for (; courier->stats.waiting; courier->stats.waiting--) {
		json_decref(courier->ring[courier->first]);
		courier->first = (courier->first + 1) % courier->options.max;
	}
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
