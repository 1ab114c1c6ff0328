// SPDX-License-Identifier: BSD-2-Clause
/* The key catalogue_keys: who may sign a catalogue, and from when until when. */
#include <errno.h>
#include <string.h>

#include "config_value.h"
#include "user/base/log.h"
#include "user/base/times.h"

#define DAY 86400

/* read_key - the public key itself */
static int read_key(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
		    struct signature_key *ret)
{
	const char *text = config_scalar(r, key, node);
	char shown[80];

	if (!text)
		return -EINVAL;
	if (signature_key(text, ret, NULL))
		return config_bad(r, key, node, "'%s' is not a public key of minisign",
				  log_escape(text, shown, sizeof(shown)));
	return 0;
}

/* read_day - the first moment of a day */
static int read_day(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
		    int64_t *ret)
{
	const char *text = config_scalar(r, key, node);
	char shown[40];

	if (!text)
		return -EINVAL;
	if (strlen(text) != strlen("2026-01-01") || times_parse(text, ret))
		return config_bad(r, key, node, "'%s' is not a day",
				  log_escape(text, shown, sizeof(shown)));
	return 0;
}

/* read_part - one "name: value" of a key that is a mapping */
static int read_part(struct config_reader *r, const struct config_key *key,
		     const yaml_node_pair_t *pair, struct signature_key *ret, bool *ret_named)
{
	const yaml_node_t *name = yaml_document_get_node(r->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
	const char *text = config_scalar(r, key, name);
	struct signature_key found;
	char shown[40];
	int rc;

	if (!text)
		return -EINVAL;
	if (!strcmp(text, "not_before"))
		return read_day(r, key, value, &ret->not_before);
	if (!strcmp(text, "not_after")) {
		rc = read_day(r, key, value, &ret->not_after);
		ret->not_after += DAY; /* that day is a trusted one */
		return rc;
	}
	if (strcmp(text, "key"))
		return config_bad(r, key, name, "unknown word '%s'",
				  log_escape(text, shown, sizeof(shown)));
	rc = read_key(r, key, value, &found);
	memcpy(ret->id, found.id, sizeof(ret->id));
	memcpy(ret->bytes, found.bytes, sizeof(ret->bytes));
	*ret_named = true;
	return rc;
}

/* read_entry - a key with or without days */
static int read_entry(struct config_reader *r, const struct config_key *key,
		      const yaml_node_t *node, struct signature_key *ret)
{
	bool named = false;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return read_key(r, key, node, ret);
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !rc && pair < node->data.mapping.pairs.top; pair++)
		rc = read_part(r, key, pair, ret, &named);
	if (rc)
		return rc;
	if (!named)
		return config_bad(r, key, node, "the key itself is missing");
	if (ret->not_before && ret->not_after && ret->not_before >= ret->not_after)
		return config_bad(r, key, node, "not_after is before not_before");
	return 0;
}

/* value_keys - each key once: two spans of one key would hide the one behind the other */
int value_keys(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	struct signature_keys *keys = to;
	yaml_node_t *item;
	int rc = config_list(r, key, node, SIGNATURE_KEYS_MAX);

	if (rc)
		return rc;
	memset(keys, 0, sizeof(*keys));
	for (size_t i = 0; (item = config_item(r, node, i)); i++) {
		struct signature_key found = { 0 };
		char id[SIGNATURE_ID_TEXT];

		rc = read_entry(r, key, item, &found);
		if (rc)
			return rc;
		if (signature_key_find(keys, found.id))
			return config_bad(r, key, item, "key %s stands there twice",
					  signature_id(found.id, id));
		keys->list[keys->count++] = found;
	}
	return 0;
}
