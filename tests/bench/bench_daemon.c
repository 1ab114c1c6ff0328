// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_daemon - the daemon's own work at size: observations taken in, verdicts of a million
 * sources, the clock's tick over them (DESIGN section 10)
 *
 *   bench_daemon DIR [SOURCES]   one line "name value" each; the store stays in DIR/state for
 *                                whoever starts a daemon on it (tests/bench/daemon.sh)
 *
 * Observations go the daemon's way: kernel events in transactions of DAEMON_BATCH_MAX, each on
 * disk (fsync) before the next begins, then the verdicts of sources that changed into a map of the
 * kernel. Each source has two names, as an Exchange has that says another one in its EHLO.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "user/catalogue/catalogue.h"
#include "user/daemon/daemon.h"
#include "user/enforcer/enforcer.h"
#include "user/observer/observer.h"
#include "user/store/store.h"

#define NS        1000000000LL
#define OLD_BUILD BUILD(15, 1, 2507, 17)
#define KNOWN     100000 /* sources of the first part */
#define ROUNDS    6      /* visits of each, the first one as strangers */

struct bench {
	struct error e;
	struct store *store;
	struct catalogue *catalogue;
	struct policy *policy;
	struct observer *observer;
	struct enforcer *enforcer;
	int verdicts_fd, ranges_fd;
	int64_t now;
	double longest; /* seconds: of the batches or slices since it was set to 0 */
};

/* die - a bench that cannot run says why */
static void die(const char *what, const struct error *e)
{
	fprintf(stderr, "bench: %s: %s\n", what, e->text);
	exit(1);
}

#define TRY(call)                                                                                  \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			die(#call, &b->e);                                                         \
	} while (0)

static double read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / NS;
}

/* seconds - that have passed; cpu_seconds - that this process had a core */
static double seconds(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static double cpu_seconds(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* memory_mb - VmRSS or VmHWM of this process */
static double memory_mb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtol(line + strlen(key) + 1, NULL, 10);
	if (f)
		fclose(f);
	return (double)kb / 1024;
}

/* source_of - spread over the address space, every other one IPv6 */
static struct addr source_of(uint32_t i)
{
	uint32_t mixed = htonl(i * 2654435761U);
	struct addr a = { .b = { 0x20, 0x01, 0x0d, 0xb8 } };

	if (i % 2) {
		memcpy(a.b + 4, &mixed, sizeof(mixed));
		return a;
	}
	memset(a.b, 0, 10);
	memset(a.b + 10, 0xff, 2);
	memcpy(a.b + 12, &mixed, sizeof(mixed));
	a.b[12] = 11; /* 11.0.0.0/8 */
	return a;
}

/* open_all - a new store in dir, and what works on it */
static void open_all(struct bench *b, const char *dir)
{
	struct observer_options observer = { .grace_days = 30, .ipv6_bits = 64 };
	struct enforcer_options enforcer = { .ipv6_bits = 64,
					     .recheck_interval = 3600,
					     .tarpit_style = STYLE_SLOW,
					     .drop_style = STYLE_ANSWER };
	LIBBPF_OPTS(bpf_map_create_opts, lpm, .map_flags = 1 /* BPF_F_NO_PREALLOC */);
	char path[512];

	snprintf(path, sizeof(path), "%s/buildgate.db", dir);
	TRY(store_open(path, &b->store, &b->e));
	TRY(catalogue_load("maps/catalogue/exchange.json", &b->catalogue, &b->e));
	TRY(policy_load("30-10-60", "maps/policy", &b->policy, &b->e));
	b->verdicts_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench_verdicts", sizeof(struct addr),
					sizeof(struct verdict), 1 << 20, NULL);
	b->ranges_fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench_ranges",
				      sizeof(struct range_key), sizeof(struct range), 1024, &lpm);
	if (b->verdicts_fd < 0 || b->ranges_fd < 0) {
		error_set(&b->e, -errno, "%s (needs root)", strerror(errno));
		die("maps", &b->e);
	}
	observer.store = enforcer.store = b->store;
	observer.catalogue = b->catalogue;
	observer.policy = enforcer.policy = b->policy;
	enforcer.verdicts_fd = b->verdicts_fd;
	enforcer.ranges_fd = b->ranges_fd;
	enforcer.names_fd = -1;
	TRY(observer_new(&observer, &b->observer, &b->e));
	TRY(enforcer_new(&enforcer, &b->enforcer, &b->e));
	TRY(enforcer_publish_all(b->enforcer, b->now, &b->e));
}

static void close_all(struct bench *b)
{
	observer_free(b->observer);
	enforcer_free(b->enforcer);
	catalogue_free(b->catalogue);
	policy_free(b->policy);
	store_close(b->store);
	close(b->verdicts_fd);
	close(b->ranges_fd);
}

/* ---- observations ---- */

/* event_of - source i's Exchange hands over a mail at this moment */
static struct event event_of(uint32_t i, int64_t at)
{
	struct event e = {
		.at_ns = clock_wall_to_kernel(at),
		.build = OLD_BUILD,
		.type = EVENT_TOKEN,
		.direction = DIRECTION_INBOUND,
		.side = SIDE_CLIENT,
		.origin = ORIGIN_RECEIVED,
		.family = FAMILY_EXCHANGE,
		.key = { .client = source_of(i), .server_port = htons(25) },
	};

	snprintf(e.helo, sizeof(e.helo), "mail.site%u.example.org", i);
	snprintf(e.by, sizeof(e.by), "EX01.site%u.example.net", i);
	return e;
}

/* take_batch - sources [first, first + count) at one moment, durable and published */
static void take_batch(struct bench *b, uint32_t first, uint32_t count, int64_t at)
{
	static struct addr changed[DAEMON_BATCH_MAX];
	unsigned int changed_count = 0;
	double began = seconds(), took;

	TRY(store_begin(b->store, &b->e));
	for (uint32_t i = first; i < first + count; i++) {
		struct event event = event_of(i, at);
		struct observation o;
		int r = observer_event(b->observer, &event, at, &o, &b->e);

		TRY(r);
		if (r == OBSERVER_DROPPED) {
			error_set(&b->e, -EINVAL, "an observation was not taken");
			die("ingest", &b->e);
		}
		if (r >= OBSERVER_CHANGED)
			changed[changed_count++] = address_source(&o.source, 64);
	}
	TRY(store_commit(b->store, &b->e));
	for (unsigned int i = 0; i < changed_count; i++)
		TRY(enforcer_publish(b->enforcer, &changed[i], at, &b->e));
	took = seconds() - began;
	b->longest = took > b->longest ? took : b->longest;
}

/* take_round - each source once; returns observations per second */
static double take_round(struct bench *b, int64_t at)
{
	double began = seconds();

	for (uint32_t i = 0; i < KNOWN; i += DAEMON_BATCH_MAX)
		take_batch(b, i, i + DAEMON_BATCH_MAX < KNOWN ? DAEMON_BATCH_MAX : KNOWN - i, at);
	return KNOWN / (seconds() - began);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* bench_ingest - strangers first, then the same sources again, 10 hours apart */
static void bench_ingest(struct bench *b)
{
	double rate[ROUNDS], began = seconds(), cpu = cpu_seconds();

	for (int round = 0; round < ROUNDS; round++) {
		double round_cpu = cpu_seconds();

		rate[round] = take_round(b, b->now - (int64_t)(ROUNDS - round) * 36000);
		fprintf(stderr, "bench: round %d of %d: %.0f observations/s, %.1f us of CPU each\n",
			round + 1, ROUNDS, rate[round], (cpu_seconds() - round_cpu) * 1e6 / KNOWN);
	}
	printf("ingest_all %.0f\n", ROUNDS * KNOWN / (seconds() - began));
	printf("ingest_cpu_us %.2f\n", (cpu_seconds() - cpu) * 1e6 / ROUNDS / KNOWN);
	printf("ingest_new %.0f\n", rate[0]);
	qsort(rate + 1, ROUNDS - 1, sizeof(rate[0]), by_value);
	printf("ingest_known %.0f\n", rate[1 + (ROUNDS - 1) / 2]);
	printf("ingest_batch %d\n", DAEMON_BATCH_MAX);
	printf("ingest_longest_s %.3f\n", b->longest);
	printf("ingest_rss_mb %.0f\n", memory_mb("VmRSS"));
}

/* ---- a million sources ---- */

/* put_source - its clock stands at stage 3 and falls due next within days; every 240th within the
 * first hour, all others in the second */
static void put_source(struct bench *b, uint32_t i)
{
	int64_t due = b->now + (i % 240 ? 3600 : 0) + 1 + i % 3600;
	struct addr a = source_of(i);
	struct identity *identity;
	char name[NAME_BYTES];
	struct source s;

	TRY(store_source_load(b->store, &a, &s, &b->e));
	snprintf(name, sizeof(name), "ex01.site%u.example.net", i);
	identity = source_add(&s, name);
	identity->build = OLD_BUILD;
	identity->standing = identity->apart = STANDING_UNSUPPORTED;
	identity->origin = ORIGIN_RECEIVED;
	identity->acts = identity->apart_acts = identity->strong = true;
	identity->stage = 3;
	identity->acting_days = 3;
	identity->running_since = due - 50 * DAY_S;
	identity->first_seen = identity->first_outdated = identity->running_since;
	identity->stage_since = due - 10 * DAY_S;
	identity->acting_day = b->now / DAY_S - 1;
	identity->taken_rank = 2;
	identity->build_at = identity->last_seen = identity->last_taken = b->now - DAY_S;
	identity->last_acting = identity->last_carried = b->now - DAY_S;
	identity->last_upward = 1;
	identity->due = due;
	identity->dirty = true;
	identity = source_add(&s, "");
	snprintf(identity->name, sizeof(identity->name), "mail.site%u.example.org", i);
	identity->first_seen = b->now - 50 * DAY_S;
	identity->last_seen = identity->last_carried = b->now - DAY_S;
	identity->due = identity->last_seen + ESCALATION_ARCHIVE_S;
	identity->dirty = true;
	TRY(store_source_save(b->store, &s, &b->e));
	TRY(store_account_add(b->store, &a, 1U << FAMILY_EXCHANGE | STORE_ORIGIN(ORIGIN_RECEIVED),
			      b->now, &b->e));
	source_clear(&s);
}

/* fill - so many sources, in transactions */
static void fill(struct bench *b, uint32_t sources)
{
	for (uint32_t i = 0; i < sources;) {
		TRY(store_begin(b->store, &b->e));
		for (uint32_t j = 0; j < 50000 && i < sources; i++, j++)
			put_source(b, i);
		TRY(store_commit(b->store, &b->e));
		fprintf(stderr, "bench: %u of %u sources in the store\n", i, sources);
	}
}

/* bench_publish - into an empty map, as after a reboot, and again into the full one, as after a
 * restart of the daemon */
static void bench_publish(struct bench *b, uint32_t sources)
{
	double began = seconds();
	int r = enforcer_publish_all(b->enforcer, b->now, &b->e);

	TRY(r);
	printf("publish_s %.3f\n", seconds() - began);
	if ((uint32_t)r != sources) {
		error_set(&b->e, -EINVAL, "%d verdicts of %u sources", r, sources);
		die("publish", &b->e);
	}
	began = seconds();
	TRY(enforcer_publish_all(b->enforcer, b->now, &b->e));
	printf("publish_again_s %.3f\n", seconds() - began);
	printf("publish_rss_mb %.0f\npublish_peak_mb %.0f\n", memory_mb("VmRSS"),
	       memory_mb("VmHWM"));
}

/* bench_repair - map and store compared, in as many turns as it takes; the longest one, in which
 * the daemon did nothing else */
static void bench_repair(struct bench *b)
{
	double began = seconds(), longest = 0;
	int more;

	do {
		double turn = seconds();

		more = enforcer_repair(b->enforcer, b->now, &b->e);
		TRY(more);
		turn = seconds() - turn;
		longest = turn > longest ? turn : longest;
	} while (more);
	printf("repair_s %.3f\nrepair_longest_s %.3f\n", seconds() - began, longest);
	if (enforcer_stats(b->enforcer)->drift) {
		error_set(&b->e, -EINVAL, "drift where nobody was at the map");
		die("repair", &b->e);
	}
}

/* publish - an observer_changed_fn, as the daemon's */
static void publish(void *arg, const struct addr *source)
{
	struct bench *b = arg;

	TRY(enforcer_publish(b->enforcer, source, b->now, &b->e));
}

/* tick - all that is due at this moment, as many turns as it takes; prints how many sources moved,
 * how long all of it took, and the longest turn, in which the daemon did nothing else */
static void tick(struct bench *b, const char *name, int64_t at)
{
	double began = seconds(), longest = 0;
	int moved, total = 0;

	b->now = at;
	do {
		double turn = seconds();

		moved = observer_tick(b->observer, at, 100 * DAY_S, publish, b, &b->e);
		TRY(moved);
		total += moved;
		turn = seconds() - turn;
		longest = turn > longest ? turn : longest;
	} while (moved >= OBSERVER_TICK_MAX);
	printf("tick_%s_sources %d\ntick_%s_s %.3f\ntick_%s_longest_s %.3f\n", name, total, name,
	       seconds() - began, name, longest);
}

/* bench_tick - nothing due, some due, all others due */
static void bench_tick(struct bench *b)
{
	tick(b, "idle", b->now);
	tick(b, "hour", b->now + 3600);
	tick(b, "all", b->now + 3600);
}

int main(int argc, char **argv)
{
	uint32_t sources = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
	struct bench all = { 0 }, *b = &all;
	char dir[400];

	if (argc < 2) {
		fputs("usage: bench_daemon DIR [SOURCES]\n", stderr);
		return 2;
	}
	clock_init(30 * DAY_S * NS); /* moments before this host came up have a kernel time too */
	b->now = clock_wall();
	snprintf(dir, sizeof(dir), "%s/ingest", argv[1]);
	mkdir(dir, 0700);
	open_all(b, dir);
	bench_ingest(b);
	close_all(b);
	snprintf(dir, sizeof(dir), "%s/state", argv[1]);
	mkdir(dir, 0700);
	open_all(b, dir);
	fill(b, sources);
	bench_publish(b, sources);
	bench_repair(b);
	bench_tick(b);
	/* for a daemon with --lab-clock, which goes on at our date */
	TRY(store_number_set(b->store, "clock_offset_ns", clock_offset_ns(), &b->e));
	close_all(b);
	return 0;
}
