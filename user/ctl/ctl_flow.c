// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "ctl_text.h"
#include "user/base/log.h"
#include "user/observer/observation.h"

/* A bit or a number, and its word. */
struct word {
	uint32_t number;
	const char *word;
};

static const struct word phases[] = {
	{ PHASE_COMMAND, "command" },
	{ PHASE_DATA_SENT, "data-sent" },
	{ PHASE_TLS_SENT, "tls-sent" },
	{ PHASE_REFUSED, "refused" },
	{ PHASE_MESSAGE, "message" },
	{ PHASE_DONE, "done" },
	{ 0, NULL },
};

static const struct word port_kinds[] = {
	{ PORT_MX, "mx" },
	{ PORT_SUBMISSION, "submission" },
	{ 0, NULL },
};

static const struct word token_states[] = {
	{ TOKEN_READ, "read" },
	{ TOKEN_SEEN, "seen" },
	{ TOKEN_CONFIRMED, "confirmed" },
	{ TOKEN_VOID, "void" },
	{ 0, NULL },
};

static const struct word flow_flags[] = {
	{ FLOW_RECHECK, "recheck" },
	{ FLOW_SPENT, "spent" },
	{ FLOW_CUT, "cut" },
	{ FLOW_REPORTED, "reported" },
	{ 0, NULL },
};

static const struct word stream_flags[] = {
	{ STREAM_SEEN, "seen" },
	{ STREAM_HOLE, "hole" },
	{ STREAM_FIN, "fin" },
	{ 0, NULL },
};

/* word_json - the word of a number; null for 0, "?" for one that is not listed */
static json_t *word_json(const struct word *words, uint32_t number)
{
	if (!number)
		return json_null();
	for (; words->word; words++)
		if (words->number == number)
			return json_string(words->word);
	return json_string("?");
}

/* flags_json - the words of the bits that are set */
static json_t *flags_json(const struct word *words, uint32_t bits)
{
	json_t *array = json_array();

	for (; words->word; words++)
		if (bits & words->number)
			json_array_append_new(array, json_string(words->word));
	return array;
}

/* text_json - null for NULL and for nothing */
static json_t *text_json(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

/* peer_json - bytes of a peer, cut at size, never trusted to end */
static json_t *peer_json(const char *bytes, size_t size)
{
	char copy[NAME_BYTES + 1], shown[4 * NAME_BYTES + 8];
	size_t n = strnlen(bytes, size < NAME_BYTES ? size : NAME_BYTES);

	memcpy(copy, bytes, n);
	copy[n] = '\0';
	return text_json(log_escape(copy, shown, sizeof(shown)));
}

/* endpoint - "192.0.2.7:25" or "[2001:db8::1]:25" */
static int endpoint(const struct addr *addr, __be16 port, char *buf, size_t size)
{
	char text[ADDRESS_TEXT];

	address_format(addr, text);
	return snprintf(buf, size, address_is_ipv4(addr) ? "%s:%u" : "[%s]:%u", text, ntohs(port));
}

/* ctl_flow_text - no blanks, so that it can be pasted behind "map get flows" */
const char *ctl_flow_text(const struct flow_key *key, char *buf)
{
	int n = endpoint(&key->client, key->client_port, buf, CTL_FLOW_TEXT);

	buf[n++] = '-';
	endpoint(&key->server, key->server_port, buf + n, CTL_FLOW_TEXT - (size_t)n);
	return buf;
}

/* ctl_flow_key_json - as one text to look up by, and in its parts */
json_t *ctl_flow_key_json(const struct flow_key *key)
{
	char text[CTL_FLOW_TEXT], client[ADDRESS_TEXT], server[ADDRESS_TEXT];

	return json_pack("{s:s,s:s,s:i,s:s,s:i}", "flow", ctl_flow_text(key, text), "client",
			 address_format(&key->client, client), "client_port",
			 ntohs(key->client_port), "server", address_format(&key->server, server),
			 "server_port", ntohs(key->server_port));
}

/* stream_json - one direction */
static json_t *stream_json(const struct stream *stream)
{
	return json_pack("{s:o,s:I,s:I,s:I,s:o}", "family",
			 stream->family ? text_json(family_name(stream->family)) : json_null(),
			 "next", (json_int_t)stream->next, "high", (json_int_t)stream->high,
			 "acked", (json_int_t)stream->acked, "flags",
			 flags_json(stream_flags, stream->flags));
}

/* ctl_flow_json - both directions behind what they share */
json_t *ctl_flow_json(const struct flow_key *key, const struct flow *flow)
{
	json_t *object = ctl_flow_key_json(key), *streams;

	json_object_set_new(object, "direction", text_json(direction_name(flow->direction)));
	json_object_set_new(object, "port_kind", word_json(port_kinds, flow->port_kind));
	json_object_set_new(object, "phase", word_json(phases, flow->phase));
	json_object_set_new(object, "born", ctl_text_time(flow->born_ns));
	json_object_set_new(object, "slowed_until", ctl_text_time(flow->deadline_ns));
	json_object_set_new(object, "flags", flags_json(flow_flags, flow->flags));
	json_object_set_new(object, "token_client", json_boolean(flow->tokens & 1 << SIDE_CLIENT));
	json_object_set_new(object, "token_server", json_boolean(flow->tokens & 1 << SIDE_SERVER));
	streams = json_pack("{s:o,s:o}", "client", stream_json(&flow->client), "server",
			    stream_json(&flow->server));
	json_object_set_new(object, "streams", streams);
	return object;
}

/* side_json - the names one side gave, and its build */
static json_t *side_json(const struct token *token, const struct smtp_text *text)
{
	char build[BUILD_TEXT];
	json_t *object;

	if (!token->state && !text->helo[0] && !text->by[0])
		return json_null();
	object = json_object();
	json_object_set_new(object, "helo", peer_json(text->helo, sizeof(text->helo)));
	json_object_set_new(object, "by", peer_json(text->by, sizeof(text->by)));
	json_object_set_new(object, "state", word_json(token_states, token->state));
	json_object_set_new(object, "origin",
			    token->origin ? text_json(origin_name((uint8_t)token->origin))
					  : json_null());
	json_object_set_new(object, "token", peer_json(token->bytes, sizeof(token->bytes)));
	json_object_set_new(object, "build",
			    token->build ? json_string(build_format(token->build, build))
					 : json_null());
	return object;
}

/* ctl_flow_pending_json - client first, as in the map */
json_t *ctl_flow_pending_json(const struct flow_key *key, const struct pending *pending)
{
	json_t *object = ctl_flow_key_json(key);

	json_object_set_new(object, "client_showed",
			    side_json(&pending->token[0], &pending->text[0]));
	json_object_set_new(object, "server_showed",
			    side_json(&pending->token[1], &pending->text[1]));
	return object;
}

/* ctl_flow_handshake_json - the key's object with the attempt */
json_t *ctl_flow_handshake_json(const struct flow_key *key, const struct handshake *handshake)
{
	json_t *object = ctl_flow_key_json(key);

	json_object_set_new(object, "at", ctl_text_time(handshake->at_ns));
	json_object_set_new(object, "isn", json_integer(handshake->isn));
	return object;
}
