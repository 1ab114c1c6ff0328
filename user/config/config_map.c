// SPDX-License-Identifier: BSD-2-Clause
/* One mapping of the config file against its table: each key known, each once. */
#include <errno.h>
#include <string.h>

#include "config_value.h"
#include "user/base/log.h"

#define TYPO_EDITS 2 /* an unknown key this near to a known one is probably that one */

/* edits - how many letters to change, add or take away from a to b (short texts only) */
static unsigned int edits(const char *a, const char *b)
{
	unsigned int row[40], n = (unsigned int)strlen(b);

	if (n >= 40)
		return UINT32_MAX;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 0; a[i]; i++) {
		unsigned int corner = row[0];

		row[0] = i + 1;
		for (unsigned int j = 0; j < n; j++) {
			unsigned int best = corner + (a[i] != b[j]);

			corner = row[j + 1];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

/* unknown_key - refuse it, naming the key that was probably meant */
static int unknown_key(struct config_reader *r, const struct config_key *table, const char *where,
		       const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	char key[64];

	log_escape(text, key, sizeof(key));
	for (const struct config_key *k = table; k->name; k++)
		if (edits(text, k->name) <= TYPO_EDITS)
			return error_set(r->e, -EINVAL, "%s:%u: unknown key '%s'%s; expected '%s'?",
					 r->path, config_line(node), key, where, k->name);
	return error_set(r->e, -EINVAL,
			 "%s:%u: unknown key '%s'%s; expected one of those in buildgate.yaml(5)",
			 r->path, config_line(node), key, where);
}

/* earlier_line - the line in which the key of `pair` stands already, 0: nowhere */
static unsigned int earlier_line(struct config_reader *r, const yaml_node_t *map,
				 const yaml_node_pair_t *pair, const char *name)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *node = yaml_document_get_node(r->document, p->key);

		if (!strcmp((const char *)node->data.scalar.value, name))
			return config_line(node);
	}
	return 0;
}

/* read_pair - one "key: value" of a mapping into the config */
static int read_pair(struct config_reader *r, const struct config_key *table, const char *where,
		     const yaml_node_t *map, const yaml_node_pair_t *pair, struct config *config)
{
	const yaml_node_t *node = yaml_document_get_node(r->document, pair->key);
	const struct config_key *key = table;
	unsigned int line;

	if (node->type != YAML_SCALAR_NODE)
		return error_set(r->e, -EINVAL,
				 "%s:%u: a list or mapping where a key belongs; "
				 "expected \"key: value\"",
				 r->path, config_line(node));
	while (key->name && strcmp(key->name, (const char *)node->data.scalar.value))
		key++;
	if (!key->name)
		return unknown_key(r, table, where, node);
	line = earlier_line(r, map, pair, key->name);
	if (line)
		return error_set(r->e, -EINVAL,
				 "%s:%u: %s: stands already in line %u; expected each key once",
				 r->path, config_line(node), key->name, line);
	return key->read(r, key, yaml_document_get_node(r->document, pair->value),
			 (char *)config + key->offset);
}

/* config_map - see config_value.h */
int config_map(struct config_reader *r, const struct config_key *table, const char *where,
	       const yaml_node_t *map, struct config *config)
{
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		int rc = read_pair(r, table, where, map, pair, config);

		if (rc)
			return rc;
	}
	return 0;
}
