/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_value - one value of the config file, read strictly
 *
 * A row of the table in config.c names its reader; the reader fills the field at `to`, or
 * reports with config_bad() and returns a negative errno. Used by config.c alone.
 */
#ifndef BUILDGATE_CONFIG_VALUE_H
#define BUILDGATE_CONFIG_VALUE_H

#include <yaml.h>

#include "config.h"

struct config_reader {
	const char *path;
	yaml_document_t *document;
	struct error *e;
};

struct config_word {
	const char *word;
	uint32_t value;
};

struct config_key;
typedef int (*config_read_fn)(struct config_reader *r, const struct config_key *key,
			      yaml_node_t *node, void *to);

struct config_key {
	const char *name;
	config_read_fn read;
	size_t offset, size; /* of the field in struct config */
	const char *expected;
	int64_t min, max;                /* of numbers and spans */
	const struct config_word *words; /* of value_word */
	bool required, restart;
};

/* config_bad - "FILE:LINE: KEY: PROBLEM; expected EXPECTED"; returns -EINVAL */
int config_bad(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* config_line - where a node begins, counted from 1 */
unsigned int config_line(const yaml_node_t *node);

/* config_scalar - the text of a non-empty scalar, or NULL after config_bad() */
const char *config_scalar(struct config_reader *r, const struct config_key *key,
			  const yaml_node_t *node);

/* config_list - node is a list of at most max items; config_item - its i-th, NULL at its end */
int config_list(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
		size_t max);
yaml_node_t *config_item(struct config_reader *r, const yaml_node_t *list, size_t i);

/* config_map - every pair of a mapping by the row of its key; `where` (" in ports") is for errors
 */
int config_map(struct config_reader *r, const struct config_key *table, const char *where,
	       const yaml_node_t *map, struct config *config);

int value_word(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_flag(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_text(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_hostname(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		   void *to);
int value_path(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_socket(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		 void *to);
int value_cgroup(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		 void *to);
int value_policy(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		 void *to);
int value_span(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_count(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_listen(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		 void *to);
int value_interfaces(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		     void *to);
int value_paths(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_ports(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);
int value_ranges(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		 void *to);

/* config_keys.c */
int value_keys(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to);

#endif
