// SPDX-License-Identifier: BSD-2-Clause
#include "store_raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_private.h"
#include "store_record.h"
#include "user/base/address.h"

#define RAW_BYTES   (3 * (NAME_BYTES + 2) + 2 * sizeof(struct addr) + 64) /* of one at most */
#define ROW_BYTES   (256U << 10) /* a long batch makes several rows */
#define PRUNE_ROWS  1000
#define FIRST_BYTES 4096

enum raw_flag {
	RAW_IPV4 = 1 << 0, /* an address of 4 bytes, which is its own source */
	RAW_TLS = 1 << 1,
	RAW_INSIDE = 1 << 2,
	RAW_BY_HELO = 1 << 3, /* the server's name is the EHLO name */
};

/* write_raw - one observation */
static void write_raw(struct writer *w, const struct addr *source, const struct observation *o)
{
	bool ipv4 = address_is_ipv4(&o->source), by_helo = !strcmp(o->server, o->helo);

	write_number(w, (ipv4 ? RAW_IPV4 : 0) | (o->tls ? RAW_TLS : 0) |
				(o->inside ? RAW_INSIDE : 0) | (by_helo ? RAW_BY_HELO : 0));
	write_bytes(w, o->source.b + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
	if (!ipv4)
		write_bytes(w, source->b, 16);
	write_signed(w, o->at);
	write_number(w, o->port);
	write_number(w, o->direction);
	write_number(w, o->origin);
	write_number(w, o->family);
	write_number(w, o->build);
	write_text(w, o->helo);
	write_text(w, o->by);
	if (!by_helo)
		write_text(w, o->server);
}

/* read_address - of 4 or 16 bytes */
static void read_address(struct reader *r, bool ipv4, struct addr *ret)
{
	const unsigned char *bytes = read_bytes(r, ipv4 ? 4 : 16);

	*ret = (struct addr) { .b = { [10] = 0xff, [11] = 0xff } };
	if (bytes)
		memcpy(ret->b + (ipv4 ? 12 : 0), bytes, ipv4 ? 4 : 16);
}

/* read_raw - the next one, without a judgement */
static void read_raw(struct reader *r, struct addr *source, struct observation *ret)
{
	uint64_t flags = read_number(r);

	*ret = (struct observation) { .tls = flags & RAW_TLS, .inside = flags & RAW_INSIDE };
	read_address(r, flags & RAW_IPV4, &ret->source);
	*source = ret->source;
	if (!(flags & RAW_IPV4))
		read_address(r, false, source);
	ret->at = read_signed(r);
	ret->port = (uint16_t)read_number(r);
	ret->direction = (uint8_t)read_number(r);
	ret->origin = (uint8_t)read_number(r);
	ret->family = (uint8_t)read_number(r);
	ret->build = read_number(r);
	read_text(r, ret->helo, sizeof(ret->helo));
	read_text(r, ret->by, sizeof(ret->by));
	if (flags & RAW_BY_HELO)
		memcpy(ret->server, ret->helo, sizeof(ret->server));
	else
		read_text(r, ret->server, sizeof(ret->server));
}

/* minute_of - a moment */
static int64_t minute_of(int64_t at)
{
	return at / 60 - (at % 60 < 0);
}

/* raw_add - the row grows by doubling */
int raw_add(struct store *store, const struct addr *source, const struct observation *o,
	    struct error *e)
{
	struct raw *raw = &store->raw;
	struct writer w;
	int r = 0;

	if (raw->used && (raw->used > ROW_BYTES || raw->minute != minute_of(o->at)))
		r = raw_commit(store, e);
	if (r < 0)
		return r;
	if (raw->room - raw->used < RAW_BYTES) {
		size_t room = raw->room ? raw->room * 2 : FIRST_BYTES;
		unsigned char *bytes = realloc(raw->bytes, room);

		if (!bytes) {
			store->failed = true;
			return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
		}
		raw->bytes = bytes;
		raw->room = room;
	}
	raw->minute = minute_of(o->at);
	w = (struct writer) { .at = raw->bytes + raw->used, .end = raw->bytes + raw->room };
	write_raw(&w, source, o);
	raw->used = (size_t)(w.at - raw->bytes);
	return 0;
}

/* raw_commit - nothing gathered, nothing written */
int raw_commit(struct store *store, struct error *e)
{
	struct raw *raw = &store->raw;
	int r;

	if (!raw->used)
		return 0;
	r = store_run(store, e, "INSERT INTO observation(minute, body) VALUES(?,?)", "ib",
		      raw->minute, raw->bytes, (int64_t)raw->used);
	raw->used = 0;
	return r < 0 ? r : 0;
}

/* raw_drop - the batch was undone */
void raw_drop(struct store *store)
{
	store->raw.used = 0;
}

/* each - those of one row */
static int each(struct store *store, sqlite3_stmt *stmt, int64_t since, store_observation_fn fn,
		void *arg, struct error *e)
{
	struct reader r = { .at = sqlite3_column_blob(stmt, 0) };
	struct observation o;
	struct addr source;
	int stop = 0;

	r.end = r.at + sqlite3_column_bytes(stmt, 0);
	while (!stop && r.at < r.end && !r.bad) {
		read_raw(&r, &source, &o);
		if (!r.bad && o.at >= since)
			stop = fn(arg, &o);
	}
	return r.bad ? store_damaged(store, "raw observations cannot be read", e) : stop;
}

/* store_observation_each - row by row */
int store_observation_each(struct store *store, int64_t since, store_observation_fn fn, void *arg,
			   struct error *e)
{
	sqlite3_stmt *stmt;
	int r = raw_commit(store, e);

	if (r >= 0)
		r = store_query(
			store, &stmt, e,
			"SELECT body FROM observation WHERE minute >= ? ORDER BY minute, id", "i",
			minute_of(since));
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, e)) > 0) {
		r = each(store, stmt, since, fn, arg, e);
		if (r) {
			store_reset(stmt);
			return r;
		}
	}
	return r;
}

/* has - one among these says the same; -EBADMSG: they cannot be read */
static int has(struct store *store, const unsigned char *bytes, size_t n, const struct addr *source,
	       const struct observation *o, int64_t apart, struct error *e)
{
	struct reader r = { .at = bytes, .end = bytes + n };
	struct observation other;
	struct addr of;

	while (n && r.at < r.end && !r.bad) {
		read_raw(&r, &of, &other);
		if (!r.bad && other.build == o->build && other.origin == o->origin &&
		    llabs(other.at - o->at) < apart && !memcmp(&of, source, sizeof(of)) &&
		    !strcmp(other.server, o->server))
			return 1;
	}
	return r.bad ? store_damaged(store, "raw observations cannot be read", e) : 0;
}

/* store_observed - by the index of minutes: the others of these minutes are looked at too */
int store_observed(struct store *store, const struct addr *source, const struct observation *o,
		   int64_t apart, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = has(store, store->raw.bytes, store->raw.used, source, o, apart, e);

	if (r)
		return r;
	r = store_query(store, &stmt, e,
			"SELECT body FROM observation WHERE minute >= ? AND minute <= ?", "ii",
			minute_of(o->at - apart), minute_of(o->at + apart));
	while (r >= 0 && (r = store_step(store, stmt, e)) > 0) {
		r = has(store, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0),
			source, o, apart, e);
		if (r) {
			store_reset(stmt);
			return r;
		}
	}
	return r;
}

/* fits - of this source, and of this server or mentioning it in another name of the peer's */
static bool fits(const struct addr *source, const char *name, const struct addr *of,
		 const struct observation *o)
{
	if (name && strcmp(name, o->server) != 0 && !strcasestr(o->helo, name) &&
	    !strcasestr(o->by, name))
		return false;
	return !memcmp(source, of, sizeof(*source));
}

/* A row on its way to a shorter one. */
struct row {
	int64_t id;
	unsigned char *bytes;
	size_t used;
};

/* shorten - take out what fits; 1: something did */
static int shorten(struct store *store, struct row *row, const struct addr *source,
		   const char *name, struct error *e)
{
	struct reader r = { .at = row->bytes, .end = row->bytes + row->used };
	struct observation o;
	struct addr of;

	row->used = 0;
	while (r.at < r.end) {
		const unsigned char *begin = r.at;

		read_raw(&r, &of, &o);
		if (r.bad)
			return store_damaged(store, "raw observations cannot be read", e);
		if (fits(source, name, &of, &o))
			continue;
		memmove(row->bytes + row->used, begin, (size_t)(r.at - begin));
		row->used += (size_t)(r.at - begin);
	}
	return row->bytes + row->used < r.end;
}

/* rewrite - a row that has become shorter, or empty */
static int rewrite(struct store *store, const struct row *row, struct error *e)
{
	if (!row->used)
		return store_run(store, e, "DELETE FROM observation WHERE id = ?", "i", row->id);
	return store_run(store, e, "UPDATE observation SET body = ? WHERE id = ?", "bi", row->bytes,
			 (int64_t)row->used, row->id);
}

/* next_row - a copy of the one behind an id; 0: there is none */
static int next_row(struct store *store, int64_t after, struct row *ret, struct error *e)
{
	sqlite3_stmt *stmt;
	int r = store_query(store, &stmt, e,
			    "SELECT id, body FROM observation WHERE id > ? ORDER BY id LIMIT 1",
			    "i", after);

	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	*ret = (struct row) { .id = sqlite3_column_int64(stmt, 0),
			      .used = (size_t)sqlite3_column_bytes(stmt, 1) };
	ret->bytes = malloc(ret->used + 1);
	if (ret->bytes && ret->used)
		memcpy(ret->bytes, sqlite3_column_blob(stmt, 1), ret->used);
	store_reset(stmt);
	return ret->bytes ? 1 : error_set(e, -ENOMEM, "store %s: out of memory", store->path);
}

/* raw_forget - row after row: nothing says which of them a source is in */
int raw_forget(struct store *store, const struct addr *source, const char *name, struct error *e)
{
	struct row row = { 0 };
	int r = raw_commit(store, e);

	while (r >= 0 && (r = next_row(store, row.id, &row, e)) > 0) {
		r = shorten(store, &row, source, name, e);
		if (r > 0)
			r = rewrite(store, &row, e);
		free(row.bytes);
	}
	return r;
}

/* raw_prune - whole minutes */
int raw_prune(struct store *store, int64_t before, struct error *e)
{
	return store_run(store, e,
			 "DELETE FROM observation WHERE id IN (SELECT id FROM observation"
			 " WHERE minute < ? LIMIT ?)",
			 "ii", minute_of(before), (int64_t)PRUNE_ROWS);
}
