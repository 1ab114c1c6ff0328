// SPDX-License-Identifier: BSD-2-Clause
#include "observation.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/clock.h"
#include "user/base/times.h"

#define QUAD_MAX 256 /* four numbers that are all below it may as well be an IPv4 address */

static const char *const origin_names[] = {
	[ORIGIN_BANNER] = "banner",
	[ORIGIN_EHLO] = "ehlo",
	[ORIGIN_RECEIVED] = "received",
	[ORIGIN_REPORTED] = "reported",
};

static const char *const family_names[] = {
	[FAMILY_UNKNOWN] = "unknown",   [FAMILY_OTHER] = "other",
	[FAMILY_IIS_SMTP] = "iis-smtp", [FAMILY_EXCHANGE_NOBUILD] = "exchange-nobuild",
	[FAMILY_TLS] = "tls",           [FAMILY_EXCHANGE] = "exchange",
};

static const char *const direction_names[] = {
	[DIRECTION_INBOUND] = "inbound",
	[DIRECTION_OUTBOUND] = "outbound",
};

#define NAMES(names) names, sizeof(names) / sizeof((names)[0])

/* name_at - entry of a table of words; NULL where there is none */
static const char *name_at(const char *const *names, size_t count, size_t index)
{
	return index < count ? names[index] : NULL;
}

/* name_index - the other way round; 0 for a word that is not in the table */
static unsigned int name_index(const char *const *names, size_t count, const char *word)
{
	for (unsigned int i = 1; i < count; i++)
		if (names[i] && !strcmp(names[i], word))
			return i;
	return 0;
}

/* origin_name - NULL when not set */
const char *origin_name(uint8_t origin)
{
	return name_at(NAMES(origin_names), origin);
}

/* family_name - what is not set reads as "unknown" */
const char *family_name(uint8_t family)
{
	const char *name = name_at(NAMES(family_names), family);

	return name ? name : "unknown";
}

/* direction_name - NULL when not set */
const char *direction_name(uint8_t direction)
{
	return name_at(NAMES(direction_names), direction);
}

/*
 * observation_printable - bytes that a peer chose, into a name of ours: printable ASCII stays, all
 * else becomes \xNN, what does not fit is cut. From here on a name is valid UTF-8 and safe to
 * log. A backslash stays one, so that our own output read back in gives the same name.
 */
void observation_printable(char *to, const char *from, size_t from_size)
{
	size_t used = 0;

	for (size_t i = 0; i < from_size && from[i]; i++) {
		unsigned char c = (unsigned char)from[i];
		size_t need = c > 0x20 && c < 0x7f ? 1 : 4;

		if (used + need >= NAME_BYTES)
			break;
		if (need == 1)
			to[used] = (char)c;
		else
			snprintf(to + used, NAME_BYTES - used, "\\x%02x", c);
		used += need;
	}
	to[used] = '\0';
}

/*
 * build_label - length of a label (or of four numeric ones) at `text` that carries a build,
 * else 0: "b15-1-2507-39", "ex_15_1_2507_39", "15.1.2507.39". Its end is a dot or the name's.
 */
static size_t build_label(const char *text, uint64_t known)
{
	size_t prefix = strcspn(text, "0123456789."), length = 0;
	unsigned int part[4];
	uint64_t build;
	char sep[3];

	if (text[prefix] < '0' || text[prefix] > '9') /* nearly every label of nearly every name */
		return 0;
	if (sscanf(text + prefix, "%5u%c%5u%c%5u%c%5u%zn", &part[0], &sep[0], &part[1], &sep[1],
		   &part[2], &sep[2], &part[3], &length) != 7)
		return 0;
	length += prefix;
	if (text[length] && text[length] != '.')
		return 0;
	for (unsigned int i = 0; i < 3; i++)
		if (sep[i] != sep[0] || !strchr("-_.", sep[i]))
			return 0;
	for (unsigned int i = 0; i < 4; i++)
		if (part[i] > UINT16_MAX)
			return 0;
	build = BUILD(part[0], part[1], part[2], part[3]);
	if (build == known)
		return length;
	/* ip-10-0-0-5 is a host; Exchange's majors are 4 to 15 */
	if (part[0] < 4 || part[0] > 15)
		return 0;
	return part[1] >= QUAD_MAX || part[2] >= QUAD_MAX || part[3] >= QUAD_MAX ? length : 0;
}

/* take_name - the build's label goes, so that a patched server keeps its name */
static void take_name(struct observation *o, const char *from)
{
	char *to = o->server;
	size_t length;

	while (*from) {
		length = build_label(from, o->build);
		if (!length) {
			length = strcspn(from, ".");
			if (length && to != o->server)
				*to++ = '.';
			for (size_t i = 0; i < length; i++)
				*to++ = (char)tolower((unsigned char)from[i]);
		}
		from += length;
		from += *from == '.';
	}
	*to = '\0';
}

/* observation_name - `by` where the build stood with it, else the EHLO name */
void observation_name(struct observation *o)
{
	bool by_counts = o->origin == ORIGIN_RECEIVED || o->origin == ORIGIN_REPORTED;

	take_name(o, (by_counts && o->by[0]) || !o->helo[0] ? o->by : o->helo);
}

/* text_or_null - "" is "not known" */
static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

/* no_build_json - a connection that showed no build */
static json_t *no_build_json(const struct observation *o, const char *at, const char *source)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "type", "no_build", "at", at, "source",
			 source, "helo", text_or_null(o->helo), "family", family_name(o->family));
}

/* observation_json - keys and their order are DESIGN section 6's */
json_t *observation_json(const struct observation *o)
{
	char at[TIMES_TEXT], source[ADDRESS_TEXT], build[BUILD_TEXT];
	const struct judgement *j = &o->judgement;

	times_format(o->at, at);
	address_format(&o->source, source);
	if (!o->build)
		return no_build_json(o, at, source);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
			 "type", "observation", "at", at, "source", source, "port",
			 o->port ? json_integer(o->port) : json_null(), "direction",
			 text_or_null(direction_name(o->direction)), "origin",
			 text_or_null(origin_name(o->origin)), "tls", o->tls, "helo",
			 text_or_null(o->helo), "by", text_or_null(o->by), "server",
			 text_or_null(o->server), "build", build_format(o->build, build), "product",
			 text_or_null(j->product), "release", text_or_null(j->release), "standing",
			 j->standing ? json_string(standing_name(j->standing)) : json_null());
}

/* text_key - *ret is the key's string, NULL where it is absent or null */
static int text_key(const json_t *object, const char *key, const char **ret, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return error_set(e, -EINVAL, "key \"%s\": expected a string", key);
	*ret = json_string_value(value);
	return 0;
}

/* word_key - a key that holds one of a table's words; *ret untouched where absent or null */
static int word_key(const json_t *object, const char *key, const char *const *names, size_t count,
		    uint8_t *ret, struct error *e)
{
	char expected[128] = "";
	size_t used = 0;
	const char *word;
	unsigned int index;
	int r = text_key(object, key, &word, e);

	if (r < 0 || !word)
		return r;
	index = name_index(names, count, word);
	if (!index) {
		for (size_t i = 1; i < count && used < sizeof(expected); i++)
			used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
						 i > 1 ? ", " : "", names[i]);
		return error_set(e, -EINVAL, "key \"%s\": \"%.40s\" is none of %s", key, word,
				 expected);
	}
	*ret = (uint8_t)index;
	return 0;
}

/* parse_names - helo and by; an observation must have one, a connection need not */
static int parse_names(const json_t *object, struct observation *o, struct error *e)
{
	const char *helo, *by;
	int r = text_key(object, "helo", &helo, e);

	if (r >= 0)
		r = text_key(object, "by", &by, e);
	if (r < 0)
		return r;
	if (helo)
		observation_printable(o->helo, helo, strlen(helo));
	if (by)
		observation_printable(o->by, by, strlen(by));
	if (o->build && !o->helo[0] && !o->by[0])
		return error_set(e, -EINVAL,
				 "keys \"helo\" and \"by\" are missing: one of them must name "
				 "the server");
	return 0;
}

/* observation_parse_place - when and who */
int observation_parse_place(const json_t *object, int64_t now, struct observation *o,
			    struct error *e)
{
	const char *at, *source;
	int r = text_key(object, "at", &at, e);

	if (r >= 0)
		r = text_key(object, "source", &source, e);
	if (r < 0)
		return r;
	o->at = now;
	if (at && times_parse(at, &o->at) < 0)
		return error_set(e, -EINVAL,
				 "key \"at\": \"%.40s\" is no RFC 3339 time such as "
				 "2026-11-21T22:51:00Z",
				 at);
	if (!source)
		return error_set(e, -EINVAL, "key \"source\" is missing: expected an address");
	if (address_parse(source, &o->source) < 0)
		return error_set(e, -EINVAL, "key \"source\": \"%.60s\" is no IPv4 or IPv6 address",
				 source);
	return 0;
}

/* parse_build - the build and where it stood */
static int parse_build(const json_t *object, struct observation *o, struct error *e)
{
	const char *build;
	int r = text_key(object, "build", &build, e);

	if (r < 0)
		return r;
	if (!build)
		return error_set(e, -EINVAL,
				 "key \"build\" is missing: expected four numbers such as "
				 "15.1.2507.39");
	o->build = build_parse(build);
	if (!o->build)
		return error_set(e, -EINVAL,
				 "key \"build\": \"%.40s\" is no build such as 15.1.2507.39",
				 build);
	o->origin = ORIGIN_REPORTED;
	return word_key(object, "origin", NAMES(origin_names), &o->origin, e);
}

/* parse_details - what is good to know, and may be absent */
static int parse_details(const json_t *object, struct observation *o, struct error *e)
{
	const json_t *tls = json_object_get(object, "tls"), *port = json_object_get(object, "port");

	if (tls && !json_is_null(tls) && !json_is_boolean(tls))
		return error_set(e, -EINVAL, "key \"tls\": expected true or false");
	o->tls = json_is_true(tls);
	if (port && !json_is_null(port)) {
		json_int_t value = json_is_integer(port) ? json_integer_value(port) : 0;

		if (value < 1 || value > UINT16_MAX)
			return error_set(e, -EINVAL, "key \"port\": expected 1 to 65535");
		o->port = (uint16_t)value;
	}
	return word_key(object, "direction", NAMES(direction_names), &o->direction, e);
}

/* observation_parse - *ret is written only when all of it is good */
int observation_parse(const json_t *object, int64_t now, struct observation *ret, struct error *e)
{
	struct observation o = { 0 };
	const char *type;
	int r;

	if (!json_is_object(object))
		return error_set(e, -EINVAL, "expected a JSON object per line");
	r = text_key(object, "type", &type, e);
	if (r < 0)
		return r;
	if (type && strcmp(type, "observation") && strcmp(type, "no_build"))
		return error_set(e, -ENOMSG, "key \"type\": \"%.40s\" is no observation", type);
	r = observation_parse_place(object, now, &o, e);
	if (r >= 0 && type && !strcmp(type, "no_build"))
		r = word_key(object, "family", NAMES(family_names), &o.family, e);
	else if (r >= 0)
		r = parse_build(object, &o, e);
	if (r >= 0)
		r = parse_names(object, &o, e);
	if (r >= 0)
		r = parse_details(object, &o, e);
	if (r < 0)
		return r;
	observation_name(&o);
	*ret = o;
	return 0;
}

/* observation_from_event - the source is the side that spoke; it is inside when that side is
 * not the one which the direction puts outside */
void observation_from_event(const struct event *event, struct observation *ret)
{
	bool server = event->side == SIDE_SERVER;
	struct observation o = {
		.at = clock_kernel_to_wall(event->at_ns),
		.source = server ? event->key.server : event->key.client,
		.port = ntohs(event->key.server_port),
		.direction = event->direction,
		.origin = event->origin,
		.family = event->family,
		.tls = event->flags & EVENT_TLS,
		.recheck = event->flags & EVENT_RECHECK,
		.inside = server == (event->direction == DIRECTION_INBOUND),
		.build = event->type == EVENT_TOKEN ? event->build : 0,
	};

	observation_printable(o.helo, event->helo, sizeof(event->helo));
	/* at a connection's end `by` is the host that greeted: nothing of the client's */
	if (server || event->type == EVENT_TOKEN)
		observation_printable(o.by, event->by, sizeof(event->by));
	/* of a server, `by` is the host that greeted; the EHLO name is its client's */
	if (server)
		take_name(&o, o.by);
	else
		observation_name(&o);
	*ret = o;
}
