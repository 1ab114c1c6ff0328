// SPDX-License-Identifier: BSD-2-Clause
#include "config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "user/base/address.h"
#include "user/base/log.h"
#include "user/base/times.h"

/* config_line - libyaml counts from 0 */
unsigned int config_line(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

/* config_bad - the one form of every complaint about a value */
int config_bad(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
	       const char *format, ...)
{
	char problem[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(problem, sizeof(problem), format, ap);
	va_end(ap);
	return error_set(r->e, -EINVAL, "%s:%u: %s: %s; expected %s", r->path, config_line(node),
			 key->name, problem, key->expected);
}

/* shown - a value as it may stand in an error */
static const char *shown(const char *value)
{
	static char buf[80];

	return log_escape(value, buf, sizeof(buf));
}

/* config_scalar - lists, mappings, empty values and NUL bytes are none */
const char *config_scalar(struct config_reader *r, const struct config_key *key,
			  const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE) {
		config_bad(r, key, node, "%s where one value belongs",
			   node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping");
		return NULL;
	}
	text = (const char *)node->data.scalar.value;
	if (!node->data.scalar.length || (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
					  (!strcmp(text, "~") || !strcmp(text, "null")))) {
		config_bad(r, key, node, "no value");
		return NULL;
	}
	if (strlen(text) != node->data.scalar.length) {
		config_bad(r, key, node, "a NUL byte in the value");
		return NULL;
	}
	return text;
}

/* config_item - the i-th node of a list, NULL at its end */
yaml_node_t *config_item(struct config_reader *r, const yaml_node_t *list, size_t i)
{
	const yaml_node_item_t *item = list->data.sequence.items.start + i;

	if (item >= list->data.sequence.items.top)
		return NULL;
	return yaml_document_get_node(r->document, *item);
}

/* config_list - it is a list of at most max items */
int config_list(struct config_reader *r, const struct config_key *key, const yaml_node_t *node,
		size_t max)
{
	size_t count;

	if (node->type != YAML_SEQUENCE_NODE)
		return config_bad(r, key, node, "not a list");
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count > max)
		return config_bad(r, key, node, "%zu entries, at most %zu fit", count, max);
	return 0;
}

/* value_word - one of a few words */
int value_word(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	for (const struct config_word *w = key->words; w->word; w++)
		if (!strcmp(text, w->word)) {
			*(uint32_t *)to = w->value;
			return 0;
		}
	return config_bad(r, key, node, "'%s' is none of the words", shown(text));
}

/* value_flag - true or false, and the other words YAML 1.1 has for them */
int value_flag(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	if (!strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on"))
		*(bool *)to = true;
	else if (!strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "off"))
		*(bool *)to = false;
	else
		return config_bad(r, key, node, "'%s' is neither true nor false", shown(text));
	return 0;
}

/* store_text - the whole field is written, so that equal values compare equal bytewise */
static int store_text(struct config_reader *r, const struct config_key *key,
		      const yaml_node_t *node, const char *text, void *to)
{
	size_t n = strlen(text);

	if (n >= key->size)
		return config_bad(r, key, node, "%zu characters, at most %zu fit", n,
				  key->size - 1);
	memset(to, 0, key->size);
	memcpy(to, text, n);
	return 0;
}

/* value_text - printable ASCII on one line: it goes into SMTP replies */
int value_text(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	for (const char *p = text; *p; p++)
		if (!isascii(*p) || !isprint(*p))
			return config_bad(r, key, node,
					  "'%s' has a character other than printable "
					  "ASCII",
					  shown(text));
	return store_text(r, key, node, text, to);
}

/* value_hostname - what may stand after EHLO */
int value_hostname(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		   void *to)
{
	const char *text = config_scalar(r, key, node);
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";

	if (!text)
		return -EINVAL;
	if (strspn(text, allowed) != strlen(text) || strchr("-.", text[0]) || strstr(text, ".."))
		return config_bad(r, key, node, "'%s' is not a host name", shown(text));
	return store_text(r, key, node, text, to);
}

/* value_path - absolute, because the daemon's working directory is nobody's business */
int value_path(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	if (text[0] != '/')
		return config_bad(r, key, node, "'%s' does not begin with '/'", shown(text));
	return store_text(r, key, node, text, to);
}

/* value_socket - a path that fits a socket address */
int value_socket(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	if (strlen(text) > max)
		return config_bad(r, key, node, "%zu characters, a socket path has at most %zu",
				  strlen(text), max);
	return value_path(r, key, node, to);
}

/* value_cgroup - auto, off or a path */
int value_cgroup(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	if (!strcmp(text, "auto") || !strcmp(text, "off"))
		return store_text(r, key, node, text, to);
	return value_path(r, key, node, to);
}

/* value_policy - a plain name, or an absolute path */
int value_policy(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);

	if (!text)
		return -EINVAL;
	if (strchr(text, '/'))
		return value_path(r, key, node, to);
	if (text[0] == '.')
		return config_bad(r, key, node, "'%s' is not the name of a policy", shown(text));
	return store_text(r, key, node, text, to);
}

/* value_span - a time span within the row's limits */
int value_span(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);
	int64_t seconds;

	if (!text)
		return -EINVAL;
	if (times_parse_span(text, &seconds))
		return config_bad(r, key, node, "'%s' is not a time span", shown(text));
	if (seconds < key->min || seconds > key->max)
		return config_bad(r, key, node, "%s is out of range", shown(text));
	*(int64_t *)to = seconds;
	return 0;
}

/* parse_number - decimal digits and nothing else; false for all other text */
static bool parse_number(const char *text, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 18)
		return false;
	*ret = strtoll(text, &end, 10);
	return !*end;
}

/* value_count - a whole number within the row's limits */
int value_count(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);
	int64_t number;

	if (!text)
		return -EINVAL;
	if (!parse_number(text, &number))
		return config_bad(r, key, node, "'%s' is not a whole number", shown(text));
	if (number < key->min || number > key->max)
		return config_bad(r, key, node, "%s is out of range", shown(text));
	*(int64_t *)to = number;
	return 0;
}

/* split_listen - "192.0.2.1:80" or "[2001:db8::1]:80" into host and port */
static bool split_listen(const char *text, char host[64], int64_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (!colon || !parse_number(colon + 1, ret_port) || *ret_port < 1 || *ret_port > 65535)
		return false;
	n = (size_t)(colon - text);
	if (text[0] == '[' && n > 2 && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return false;
	}
	if (!n || n >= 64)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	return true;
}

/* value_listen - address and port to serve HTTP on, or off */
int value_listen(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	const char *text = config_scalar(r, key, node);
	struct config_listen listen = { 0 };
	struct sockaddr_in6 *in6 = (void *)&listen.addr;
	struct sockaddr_in *in4 = (void *)&listen.addr;
	char host[64];
	int64_t port;

	if (!text)
		return -EINVAL;
	if (!strcmp(text, "off")) {
		listen.off = true;
	} else if (!split_listen(text, host, &port) || strlen(text) >= sizeof(listen.text)) {
		return config_bad(r, key, node, "'%s' is not an address with a port", shown(text));
	} else if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
	} else {
		return config_bad(r, key, node, "'%s' is not an address", shown(host));
	}
	memcpy(listen.text, text, strlen(text) + 1);
	*(struct config_listen *)to = listen;
	return 0;
}

/* check_interface - a name the kernel would accept, not lo, not there yet */
static int check_interface(struct config_reader *r, const struct config_key *key,
			   const yaml_node_t *node, const struct config_interfaces *known)
{
	const char *name = config_scalar(r, key, node);

	if (!name)
		return -EINVAL;
	if (strlen(name) >= CONFIG_IF_BYTES || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, "..") || strpbrk(name, " \t\r\n:"))
		return config_bad(r, key, node, "'%s' is not an interface name", shown(name));
	if (!strcmp(name, "lo"))
		return config_bad(r, key, node,
				  "lo carries the host's own traffic and is never "
				  "outside");
	for (unsigned int i = 0; i < known->count; i++)
		if (!strcmp(known->list[i], name))
			return config_bad(r, key, node, "'%s' stands twice in the list", name);
	return 0;
}

/* value_interfaces - at least one */
int value_interfaces(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		     void *to)
{
	struct config_interfaces found = { 0 };
	yaml_node_t *item;
	int rc = config_list(r, key, node, LOADER_INTERFACES_MAX);

	if (rc)
		return rc;
	for (size_t i = 0; (item = config_item(r, node, i)); i++) {
		rc = check_interface(r, key, item, &found);
		if (rc)
			return rc;
		strcpy(found.list[found.count++], (const char *)item->data.scalar.value);
	}
	if (!found.count)
		return config_bad(r, key, node, "the list is empty");
	*(struct config_interfaces *)to = found;
	return 0;
}

/* value_paths - absolute ones; an empty list is a list */
int value_paths(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	struct config_key one = *key;
	struct config_paths found = { 0 };
	yaml_node_t *item;
	int rc = config_list(r, key, node, SIGHT_EXECUTABLES_MAX);

	one.size = CONFIG_TEXT;
	for (size_t i = 0; !rc && (item = config_item(r, node, i)); i++)
		rc = value_path(r, &one, item, found.list[found.count++]);
	if (!rc)
		*(struct config_paths *)to = found;
	return rc;
}

/* value_ports - min of the row says how few there may be */
int value_ports(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	struct config_ports found = { 0 };
	yaml_node_t *item;
	int64_t port;
	int rc = config_list(r, key, node, LOADER_PORTS_MAX);

	if (rc)
		return rc;
	for (size_t i = 0; (item = config_item(r, node, i)); i++) {
		const char *text = config_scalar(r, key, item);

		if (!text)
			return -EINVAL;
		if (!parse_number(text, &port) || port < 1 || port > 65535)
			return config_bad(r, key, item, "'%s' is not a port", shown(text));
		for (unsigned int j = 0; j < found.count; j++)
			if (found.list[j] == port)
				return config_bad(r, key, item, "port %s stands twice", text);
		found.list[found.count++] = (uint16_t)port;
	}
	if (found.count < key->min)
		return config_bad(r, key, node, "the list is empty");
	*(struct config_ports *)to = found;
	return 0;
}

/* value_range - one range; host bits are named, because they are a typo more often than not */
static int value_range(struct config_reader *r, const struct config_key *key,
		       const yaml_node_t *node, struct config_range *ret)
{
	const char *text = config_scalar(r, key, node);
	int rc;

	if (!text)
		return -EINVAL;
	rc = range_parse(text, &ret->addr, &ret->bits);
	if (rc == -ERANGE)
		return config_bad(r, key, node, "'%s' has host bits set", shown(text));
	if (rc == -EDOM)
		return config_bad(r, key, node, "'%s' holds all of IPv4 too", shown(text));
	if (rc)
		return config_bad(r, key, node, "'%s' is not a range", shown(text));
	return 0;
}

/* value_ranges - none is fine */
int value_ranges(struct config_reader *r, const struct config_key *key, yaml_node_t *node, void *to)
{
	struct config_ranges *ranges = to;
	yaml_node_t *item;
	int rc = config_list(r, key, node, CONFIG_EXEMPT_MAX);

	if (rc)
		return rc;
	memset(ranges, 0, sizeof(*ranges));
	for (size_t i = 0; (item = config_item(r, node, i)); i++) {
		rc = value_range(r, key, item, &ranges->list[i]);
		if (rc)
			return rc;
		ranges->count++;
	}
	return 0;
}
