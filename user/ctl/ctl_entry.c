// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "ctl_flow.h"
#include "ctl_text.h"
#include "user/kernel/pinned.h"

/* set_text - NULL is null */
static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

/* set_number - kernel counts fit; JSON integers are signed */
static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* verdict_json - the key is the source */
static json_t *verdict_json(const void *key, uint32_t key_bytes, const void *value,
			    uint32_t value_bytes, const struct ctl_view *view)
{
	char source[ADDRESS_TEXT];

	(void)key_bytes;
	(void)value_bytes;
	return ctl_verdict_json(address_format(key, source), value, view);
}

/* range_json - PASS is an exemption, and called so */
static json_t *range_json(const void *key, uint32_t key_bytes, const void *value,
			  uint32_t value_bytes, const struct ctl_view *view)
{
	const struct range_key *range_key = key;
	const struct range *range = value;
	json_t *object = json_object();
	char text[ADDRESS_TEXT];
	bool over;

	(void)key_bytes;
	(void)value_bytes;
	over = range->valid_until_ns && view->now_ns >= range->valid_until_ns;
	set_text(object, "range", range_format(&range_key->addr, range_key->prefix_bits, text));
	set_text(object, "verdict", ctl_text_action(range->action));
	set_text(object, "style", ctl_text_style(range->style));
	json_object_set_new(object, "exempt", json_boolean(range->action == ACTION_PASS));
	json_object_set_new(object, "valid_until", ctl_text_time(range->valid_until_ns));
	json_object_set_new(object, "expired", json_boolean(over));
	set_number(object, "hits", range->hits);
	return object;
}

/* set_hex - bytes whose layout is not ours to know */
static void set_hex(json_t *object, const char *key, const void *bytes, uint32_t count)
{
	char *text = malloc(2 * (size_t)count + 1);
	uint32_t i;

	if (!text)
		return;
	text[0] = '\0';
	for (i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
	set_text(object, key, text);
	free(text);
}

/* hex_json - an entry of another layout than ours: shown, not guessed at */
static json_t *hex_json(const void *key, uint32_t key_bytes, const void *value,
			uint32_t value_bytes)
{
	json_t *object = json_object();

	set_hex(object, "flow", key, key_bytes);
	set_hex(object, "value", value, value_bytes);
	return object;
}

/* flow_json - a followed connection */
static json_t *flow_json(const void *key, uint32_t key_bytes, const void *value,
			 uint32_t value_bytes, const struct ctl_view *view)
{
	(void)view;
	if (key_bytes != sizeof(struct flow_key) || value_bytes != sizeof(struct flow))
		return hex_json(key, key_bytes, value, value_bytes);
	return ctl_flow_json(key, value);
}

/* pending_json - what a followed connection showed */
static json_t *pending_json(const void *key, uint32_t key_bytes, const void *value,
			    uint32_t value_bytes, const struct ctl_view *view)
{
	(void)view;
	if (key_bytes != sizeof(struct flow_key) || value_bytes != sizeof(struct pending))
		return hex_json(key, key_bytes, value, value_bytes);
	return ctl_flow_pending_json(key, value);
}

/* handshake_json - an attempt that waits for its flow */
static json_t *handshake_json(const void *key, uint32_t key_bytes, const void *value,
			      uint32_t value_bytes, const struct ctl_view *view)
{
	(void)view;
	if (key_bytes != sizeof(struct flow_key) || value_bytes != sizeof(struct handshake))
		return hex_json(key, key_bytes, value, value_bytes);
	return ctl_flow_handshake_json(key, value);
}

/* text_of - one text of the answerer without its blanks and CRLF */
static json_t *text_of(const char *text)
{
	size_t n = REPLY_BYTES - 2;

	while (n && text[n - 1] == ' ')
		n--;
	return json_stringn(text, n);
}

/* reply_json - the texts of one cause; NULL where there are none */
static json_t *reply_json(const void *key, uint32_t key_bytes, const void *value,
			  uint32_t value_bytes, const struct ctl_view *view)
{
	static const char *const names[REPLY_KINDS] = {
		[REPLY_GREETING] = "greeting", [REPLY_HELLO] = "hello",
		[REPLY_DEFERRAL] = "deferral", [REPLY_REFUSAL] = "refusal",
		[REPLY_BYE] = "bye",
	};
	const struct reply *reply = value;
	char build[BUILD_TEXT];
	json_t *object;

	(void)key_bytes;
	(void)value_bytes;
	(void)view;
	if (!reply->used)
		return NULL;
	object = json_object();
	set_number(object, "index", *(const uint32_t *)key);
	set_text(object, "build", reply->build ? build_format(reply->build, build) : NULL);
	set_number(object, "throttle_min", reply->throttle_min);
	set_number(object, "block_min", reply->block_min);
	json_object_set_new(object, "at_greeting", json_boolean(reply->at_greeting));
	for (int i = 0; i < REPLY_KINDS; i++)
		json_object_set_new(object, names[i], text_of(reply->text[i]));
	return object;
}

/* ipsec_json - a range of peers that get no answers */
static json_t *ipsec_json(const void *key, uint32_t key_bytes, const void *value,
			  uint32_t value_bytes, const struct ctl_view *view)
{
	const struct range_key *range = key;
	json_t *object = json_object();
	char text[ADDRESS_TEXT];

	(void)key_bytes;
	(void)value;
	(void)value_bytes;
	(void)view;
	set_text(object, "range", range_format(&range->addr, range->prefix_bits, text));
	return object;
}

/* slot_json - one slowed session; NULL where nobody holds the slot now */
static json_t *slot_json(const void *key, uint32_t key_bytes, const void *value,
			 uint32_t value_bytes, const struct ctl_view *view)
{
	const struct slow_slot *slot = value;
	char source[ADDRESS_TEXT];
	json_t *object;

	(void)key_bytes;
	(void)value_bytes;
	if (slot->until_ns <= view->now_ns)
		return NULL;
	object = json_object();
	set_number(object, "slot", *(const uint32_t *)key);
	set_text(object, "source", address_format(&slot->source, source));
	json_object_set_new(object, "since", ctl_text_time(slot->flow_ns));
	json_object_set_new(object, "held_until", ctl_text_time(slot->until_ns));
	return object;
}

/* names_json - what the answerer knows of a source's names: only how many */
static json_t *names_json(const void *key, uint32_t key_bytes, const void *value,
			  uint32_t value_bytes, const struct ctl_view *view)
{
	const struct names_met *met = value;
	char source[ADDRESS_TEXT];
	json_t *object = json_object();

	(void)key_bytes;
	(void)value_bytes;
	(void)view;
	set_text(object, "source", address_format(key, source));
	set_number(object, "names", met->met);
	set_number(object, "granted", met->granted);
	json_object_set_new(object, "granted_since", ctl_text_time(met->since_ns));
	return object;
}

static const struct ctl_column verdict_columns[] = {
	{ .head = "SOURCE", .key = "source" },
	{ .head = "VERDICT", .key = "verdict" },
	{ .head = "NOW", .key = "now" },
	{ .head = "UNTIL", .key = "now_until" },
	{ .head = "SLOW S", .key = "throttle_s", .right = true },
	{ .head = "BLOCK S", .key = "block_s", .right = true },
	{ .head = "BY", .key = "by" },
	{ .head = "BUILD", .key = "build" },
	{ .head = "VALID UNTIL", .key = "valid_until" },
	{ .head = "DELAYS", .key = "hits_slowed", .right = true },
	{ .head = "REFUSED", .key = "hits_dropped", .right = true },
	{ .head = NULL },
};

static const struct ctl_column range_columns[] = {
	{ .head = "RANGE", .key = "range" },
	{ .head = "VERDICT", .key = "verdict" },
	{ .head = "STYLE", .key = "style" },
	{ .head = "EXEMPT", .key = "exempt" },
	{ .head = "VALID UNTIL", .key = "valid_until" },
	{ .head = "HITS", .key = "hits", .right = true },
	{ .head = NULL },
};

static const struct ctl_column flow_columns[] = {
	{ .head = "FLOW", .key = "flow" },
	{ .head = "DIRECTION", .key = "direction" },
	{ .head = "PORT", .key = "port_kind" },
	{ .head = "PHASE", .key = "phase" },
	{ .head = "SINCE", .key = "born" },
	{ .head = "SLOWED UNTIL", .key = "slowed_until" },
	{ .head = NULL },
};

static const struct ctl_column pending_columns[] = {
	{ .head = "FLOW", .key = "flow" },
	{ .head = "CLIENT SHOWED", .key = "client_showed" },
	{ .head = "SERVER SHOWED", .key = "server_showed" },
	{ .head = NULL },
};

static const struct ctl_column handshake_columns[] = {
	{ .head = "FLOW", .key = "flow" },
	{ .head = "AT", .key = "at" },
	{ .head = "ISN", .key = "isn", .right = true },
	{ .head = NULL },
};

static const struct ctl_column reply_columns[] = {
	{ .head = "INDEX", .key = "index", .right = true },
	{ .head = "BUILD", .key = "build" },
	{ .head = "SLOW MIN", .key = "throttle_min", .right = true },
	{ .head = "BLOCK MIN", .key = "block_min", .right = true },
	{ .head = "REFUSAL", .key = "refusal" },
	{ .head = NULL },
};

static const struct ctl_column ipsec_columns[] = {
	{ .head = "RANGE", .key = "range" },
	{ .head = NULL },
};

static const struct ctl_column slot_columns[] = {
	{ .head = "SLOT", .key = "slot", .right = true },
	{ .head = "SOURCE", .key = "source" },
	{ .head = "SINCE", .key = "since" },
	{ .head = "HELD UNTIL", .key = "held_until" },
	{ .head = NULL },
};

static const struct ctl_column names_columns[] = {
	{ .head = "SOURCE", .key = "source" },
	{ .head = "NAMES", .key = "names", .right = true },
	{ .head = "GRANTED", .key = "granted", .right = true },
	{ .head = "SINCE", .key = "granted_since" },
	{ .head = NULL },
};

const struct ctl_column ctl_entry_counter_columns[] = {
	{ .head = "REASON", .key = "reason" },
	{ .head = "KIND", .key = "kind" },
	{ .head = "XDP", .key = "xdp", .right = true },
	{ .head = "INGRESS", .key = "ingress", .right = true },
	{ .head = "EGRESS", .key = "egress", .right = true },
	{ .head = "SOCKOPS", .key = "sockops", .right = true },
	{ .head = "TLS", .key = "tls", .right = true },
	{ .head = "MEANING", .key = "text" },
	{ .head = NULL },
};

static const struct ctl_entry_map maps[] = {
	{ "verdicts", sizeof(struct addr), sizeof(struct verdict), "source", verdict_columns,
	  verdict_json },
	{ "ranges", sizeof(struct range_key), sizeof(struct range), "range", range_columns,
	  range_json },
	{ "flows", 0, 0, "flow", flow_columns, flow_json },
	{ "pending", 0, 0, "flow", pending_columns, pending_json },
	{ "handshakes", 0, 0, "flow", handshake_columns, handshake_json },
	{ "replies", sizeof(uint32_t), sizeof(struct reply), "index", reply_columns, reply_json },
	{ "rechecks", 0, 0, "flow", handshake_columns, handshake_json },
	{ "recheck_names", sizeof(struct addr), sizeof(struct names_met), "source", names_columns,
	  names_json },
	{ "ipsec_peers", sizeof(struct range_key), sizeof(uint32_t), "range", ipsec_columns,
	  ipsec_json },
	{ "slow_slots", sizeof(uint32_t), sizeof(struct slow_slot), "slot", slot_columns,
	  slot_json },
};

/* ctl_entry_map - by name */
const struct ctl_entry_map *ctl_entry_map(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (strcmp(maps[i].name, name) == 0)
			return &maps[i];
	return NULL;
}

/* ctl_entry_settings - spans in the unit that the key names */
json_t *ctl_entry_settings(const struct ctl_view *view)
{
	const struct settings *settings = &view->settings;
	json_t *object = json_object();

	set_number(object, "abi", settings->abi);
	set_text(object, "mode", ctl_text_mode(settings->mode));
	json_object_set_new(object, "clock_offset_s",
			    json_integer(settings->clock_offset_ns / 1000000000));
	json_object_set_new(object, "now", ctl_text_time(view->now_ns));
	json_object_set_new(object, "lease_until", ctl_text_time(settings->lease_until_ns));
	json_object_set_new(object, "enforce_until", ctl_text_time(settings->enforce_until_ns));
	set_number(object, "recheck_interval_s", settings->recheck_interval_ns / 1000000000);
	set_number(object, "slow_delay_ms", settings->slow_delay_ms);
	set_number(object, "ranges", settings->ranges);
	set_number(object, "tarpits", settings->tarpits);
	set_number(object, "answer_rate", settings->answer_rate);
	set_number(object, "slow_max", settings->slow_max);
	set_text(object, "answer_via", settings->answer_via == ANSWER_ROUTE ? "route" : "reflect");
	set_number(object, "ipsec", settings->ipsec);
	return object;
}

/* ctl_entry_counters - row 0 of the list is never counted */
json_t *ctl_entry_counters(const struct counters counters[HOOK_MAX])
{
	json_t *array = json_array(), *object;
	unsigned int hook, reason;

	for (hook = 0; hook < HOOK_MAX; hook++) {
		object = json_object();
		set_text(object, "hook", hook_name(hook));
		for (reason = 1; reason < REASON_MAX; reason++)
			set_number(object, reason_name(reason), counters[hook].count[reason]);
		json_array_append_new(array, object);
	}
	return array;
}

/* ctl_entry_counter - every hook's count of one reason, and what it means */
json_t *ctl_entry_counter(const struct counters counters[HOOK_MAX], unsigned int reason)
{
	json_t *object = json_object();
	unsigned int hook;

	set_text(object, "reason", reason_name(reason));
	set_text(object, "kind", reason_kind(reason));
	set_text(object, "text", reason_text(reason));
	for (hook = 0; hook < HOOK_MAX; hook++)
		set_number(object, hook_name(hook), counters[hook].count[reason]);
	return object;
}
