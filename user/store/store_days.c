// SPDX-License-Identifier: BSD-2-Clause
#include "store_days.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_private.h"
#include "store_record.h"
#include "user/base/times.h"

#define DAYS_MAX  16                    /* counts in one image; beyond it all are settled */
#define DAY_BYTES (NAME_BYTES + 5 * 10) /* of one count at most */

/* The counts of an image, read. */
struct days {
	struct store_sight at[DAYS_MAX];
	unsigned int count;
};

/* read_days - those that the image holds */
static int read_days(struct store *store, const struct image *image, struct days *ret,
		     struct error *e)
{
	struct reader r = { .at = image->body + image->records_bytes };

	r.end = r.at + image->days_bytes;
	ret->count = 0;
	while (image->days_bytes && r.at < r.end && !r.bad && ret->count < DAYS_MAX) {
		struct store_sight *sight = &ret->at[ret->count++];

		read_text(&r, sight->name, sizeof(sight->name));
		sight->build = read_number(&r);
		sight->day = read_signed(&r);
		sight->count = (uint32_t)read_number(&r);
		sight->first_at = read_signed(&r);
		sight->last_at = sight->first_at + (int64_t)read_number(&r);
	}
	return r.bad ? store_damaged(store, "counts of a source cannot be read", e) : 0;
}

/* write_days - all of them into the image */
static int write_days(struct image *image, const struct days *days, struct error *e)
{
	unsigned char bytes[DAYS_MAX * DAY_BYTES];
	struct writer w = { .at = bytes, .end = bytes + sizeof(bytes) };

	for (unsigned int i = 0; i < days->count; i++) {
		const struct store_sight *sight = &days->at[i];

		write_text(&w, sight->name);
		write_number(&w, sight->build);
		write_signed(&w, sight->day);
		write_number(&w, sight->count);
		write_signed(&w, sight->first_at);
		write_number(&w, (uint64_t)(sight->last_at - sight->first_at));
	}
	return image_set(image, NULL, 0, bytes, (size_t)(w.at - bytes), e);
}

/* settle - one count into the table */
static int settle(struct store *store, const struct addr *source, const struct store_sight *sight,
		  struct error *e)
{
	int r = store_run(store, e,
			  "INSERT INTO sight VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
			  " count = excluded.count, first_at = excluded.first_at,"
			  " last_at = excluded.last_at",
			  "atiiiii", source, sight->name, (int64_t)sight->build, sight->day,
			  (int64_t)sight->count, sight->first_at, sight->last_at);

	return r < 0 ? r : 0;
}

/* newest_day - of the counts; INT64_MIN: there are none */
static int64_t newest_day(const struct days *days)
{
	int64_t newest = INT64_MIN;

	for (unsigned int i = 0; i < days->count; i++)
		if (days->at[i].day > newest)
			newest = days->at[i].day;
	return newest;
}

/* settle_before - the counts of all days before this one leave the image */
static int settle_before(struct store *store, const struct image *image, struct days *days,
			 int64_t day, struct error *e)
{
	unsigned int kept = 0;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < days->count; i++) {
		if (days->at[i].day < day)
			r = settle(store, &image->addr, &days->at[i], e);
		else
			days->at[kept++] = days->at[i];
	}
	days->count = kept;
	return r;
}

/* days_settle - the newest day goes on while the source is known */
int days_settle(struct store *store, struct image *image, struct error *e)
{
	unsigned int before;
	struct days days;
	int r;

	if (!image->days_bytes)
		return 0;
	r = read_days(store, image, &days, e);
	if (r < 0)
		return r;
	before = days.count;
	r = settle_before(store, image, &days,
			  image->stages & IMAGE_LIVE ? newest_day(&days) : INT64_MAX, e);
	return r < 0 || days.count == before ? r : write_days(image, &days, e);
}

/* take_up - what was settled of this day before; late tellings and a day that was cut short */
static int take_up(struct store *store, const struct addr *source, struct store_sight *sight,
		   struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT count, first_at, last_at FROM sight"
			    " WHERE source = ? AND name = ? AND build = ? AND day = ?",
			    "atii", source, sight->name, (int64_t)sight->build, sight->day);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	sight->count = (uint32_t)sqlite3_column_int64(stmt, 0);
	sight->first_at = sqlite3_column_int64(stmt, 1);
	sight->last_at = sqlite3_column_int64(stmt, 2);
	store_reset(stmt);
	return 0;
}

/* find - the count of this name, build and day, begun if need be */
static int find(struct store *store, struct image *image, struct days *days,
		const struct observation *o, struct store_sight **ret, struct error *e)
{
	int64_t day = times_day(o->at);
	struct store_sight *sight;
	int r = 0;

	for (unsigned int i = 0; i < days->count; i++) {
		*ret = &days->at[i];
		if ((*ret)->day == day && (*ret)->build == o->build &&
		    !strcmp((*ret)->name, o->server))
			return 0;
	}
	if (days->count == DAYS_MAX) {
		r = settle_before(store, image, days, INT64_MAX, e);
		image->known = true;
	}
	sight = *ret = &days->at[days->count++];
	*sight = (struct store_sight) {
		.build = o->build, .day = day, .first_at = o->at, .last_at = o->at
	};
	memcpy(sight->name, o->server, sizeof(sight->name));
	if (r >= 0 && image->known)
		r = take_up(store, &image->addr, sight, e);
	return r;
}

/* days_add - into the image */
int days_add(struct store *store, struct image *image, const struct observation *o, struct error *e)
{
	struct store_sight *sight;
	struct days days;
	int r = read_days(store, image, &days, e);

	if (r >= 0)
		r = find(store, image, &days, o, &sight, e);
	if (r < 0)
		return r;
	sight->count++;
	sight->first_at = o->at < sight->first_at ? o->at : sight->first_at;
	sight->last_at = o->at > sight->last_at ? o->at : sight->last_at;
	return write_days(image, &days, e);
}

/* days_drop_name - of the image; the table's are the caller's */
int days_drop_name(struct store *store, struct image *image, const char *name, struct error *e)
{
	unsigned int kept = 0;
	struct days days;
	int r = read_days(store, image, &days, e);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < days.count; i++)
		if (strcmp(days.at[i].name, name) != 0)
			days.at[kept++] = days.at[i];
	days.count = kept;
	return write_days(image, &days, e);
}

/* A source's counts, from both places. */
struct sights {
	struct store_sight *at;
	size_t count, room;
};

/* add_sight - append */
static int add_sight(struct sights *sights, const struct store_sight *sight)
{
	if (sights->count == sights->room) {
		size_t room = sights->room ? sights->room * 2 : 32;
		struct store_sight *at = reallocarray(sights->at, room, sizeof(*at));

		if (!at)
			return -1;
		sights->at = at;
		sights->room = room;
	}
	sights->at[sights->count++] = *sight;
	return 0;
}

/* same - of one name, build and day */
static bool same(const struct store_sight *a, const struct store_sight *b)
{
	return a->day == b->day && a->build == b->build && !strcmp(a->name, b->name);
}

/* by_day - then by name and build, for qsort() */
static int by_day(const void *a, const void *b)
{
	const struct store_sight *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return order ? order : (x->build > y->build) - (x->build < y->build);
}

/* settled - those of the table that the image does not hold anew */
static int settled(struct store *store, const struct addr *source, struct sights *sights,
		   size_t of_image, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT name, build, day, count, first_at, last_at FROM sight"
			    " WHERE source = ?",
			    "a", source);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		struct store_sight sight = {
			.build = (uint64_t)sqlite3_column_int64(stmt, 1),
			.day = sqlite3_column_int64(stmt, 2),
			.count = (uint32_t)sqlite3_column_int64(stmt, 3),
			.first_at = sqlite3_column_int64(stmt, 4),
			.last_at = sqlite3_column_int64(stmt, 5),
		};
		bool anew = false;

		store_column_text(stmt, 0, sight.name, sizeof(sight.name));
		for (size_t i = 0; i < of_image; i++)
			anew |= same(&sights->at[i], &sight);
		if (!anew && add_sight(sights, &sight)) {
			store_reset(stmt);
			return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
		}
	}
	return r;
}

/* store_sight_each - few enough to be sorted */
int store_sight_each(struct store *store, const struct addr *source, store_sight_fn fn, void *arg,
		     struct error *e)
{
	struct sights sights = { 0 };
	const struct image *image;
	struct days days;
	int r = image_find(store, source, &image, e);

	if (r >= 0)
		r = read_days(store, image, &days, e);
	for (unsigned int i = 0; r >= 0 && i < days.count; i++)
		if (add_sight(&sights, &days.at[i]))
			r = error_set(e, -ENOMEM, "store %s: out of memory", store->path);
	if (r >= 0)
		r = settled(store, source, &sights, sights.count, e);
	if (sights.count)
		qsort(sights.at, sights.count, sizeof(*sights.at), by_day);
	for (size_t i = 0; !r && i < sights.count; i++)
		r = fn(arg, &sights.at[i]);
	free(sights.at);
	return r;
}
