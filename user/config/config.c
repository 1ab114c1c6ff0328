// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_value.h"
#include "user/base/log.h"

#define DAY 86400LL
/* A row of a table: name, reader, field, what is expected, then limits and flags by name. */
#define KEY(n, r, f, x, ...)                                                                       \
	{                                                                                          \
		.name = n, .read = r, .offset = offsetof(struct config, f),                        \
		.size = sizeof(((struct config *)NULL)->f), .expected = x, ##__VA_ARGS__           \
	}
#define LOCAL_DATADIR "/usr/local/share/buildgate"
#define HTTP_TEXT     "127.0.0.1:9725"
#define HTTP_PORT     9725

static const struct config_word modes[] = {
	{ "off", MODE_OFF }, { "report", MODE_REPORT }, { "enforce", MODE_ENFORCE }, { 0 }
};
static const struct config_word xdp_modes[] = { { "native", XDP_MODE_NATIVE },
						{ "generic", XDP_MODE_GENERIC },
						{ "off", XDP_MODE_OFF },
						{ 0 } };
static const struct config_word tarpit_styles[] = { { "slow", STYLE_SLOW },
						    { "defer", STYLE_DEFER },
						    { 0 } };
static const struct config_word drop_styles[] = { { "answer", STYLE_ANSWER },
						  { "silent", STYLE_SILENT },
						  { 0 } };
static const struct config_word answer_places[] = { { "mail", ANSWER_AT_MAIL },
						    { "greeting", ANSWER_AT_GREETING },
						    { 0 } };
static const struct config_word answer_ways[] = { { "reflect", ANSWER_REFLECT },
						  { "route", ANSWER_ROUTE },
						  { 0 } };
static const struct config_word levels[] = { { "error", LOG_LEVEL_ERROR },
					     { "warning", LOG_LEVEL_WARNING },
					     { "info", LOG_LEVEL_INFO },
					     { "debug", LOG_LEVEL_DEBUG },
					     { 0 } };

static const struct config_word formats[] = { { "text", LOG_FORMAT_TEXT },
					      { "logfmt", LOG_FORMAT_LOGFMT },
					      { 0 } };

static const struct config_key port_keys[] = {
	KEY("mx", value_ports, mx, "a list of ports where mail from outside arrives: [25]",
	    .min = 1, .restart = true),
	KEY("submission", value_ports, submission, "a list of ports that are only watched: [587]",
	    .restart = true),
	{ 0 }
};

static const struct config_key notify_keys[] = {
	KEY("enabled", value_flag, notify.enabled, "true or false"),
	KEY("from", value_text, notify.from, "an address: postmaster@example.org"),
	KEY("sendmail", value_path, notify.sendmail, "the absolute path of a program"),
	{ 0 }
};

static int read_ports(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		      void *to);
static int read_notify(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		       void *to);

/* The whole language of the file; buildgate.yaml(5) says what each key is for. */
static const struct config_key keys[] = {
	KEY("mode", value_word, mode, "off, report or enforce", .words = modes, .restart = true),
	KEY("outside", value_interfaces, outside, "a list of interface names: [eth0]",
	    .required = true, .restart = true),
	KEY("xdp", value_word, xdp, "native, generic or off", .words = xdp_modes, .restart = true),
	KEY("cgroup", value_cgroup, cgroup, "auto, off or the path of a cgroup v2 directory",
	    .restart = true),
	{ .name = "ports",
	  .read = read_ports,
	  .expected = "a mapping: {mx: [25], submission: [587]}" },
	KEY("tls_sight", value_flag, tls_sight, "on or off", .restart = true),
	KEY("tls_executables", value_paths, tls_executables,
	    "a list of absolute paths: [/usr/sbin/exim4]", .restart = true),
	KEY("exempt", value_ranges, exempt,
	    "a list of addresses and ranges: [192.0.2.0/24, 2001:db8::/32]"),
	KEY("contact", value_text, contact,
	    "an address or URL for senders: postmaster@example.org"),
	KEY("hostname", value_hostname, hostname, "this host's name: mx.example.org"),
	KEY("policy", value_policy, policy, "a name like 30-10-60, or an absolute path"),
	KEY("policy_dir", value_path, policy_dir, "an absolute path"),
	KEY("catalogue", value_path, catalogue, "an absolute path"),
	KEY("catalogue_max_age", value_span, catalogue_max_age, "a time span from 1d to 3650d: 90d",
	    .min = DAY, .max = 3650 * DAY),
	KEY("catalogue_keys", value_keys, catalogue_keys,
	    "a list of public keys: [RWQ...], or [{key: RWQ..., not_before: 2026-01-01, "
	    "not_after: 2027-12-31}]"),
	KEY("catalogue_dir", value_path, catalogue_dir, "an absolute path", .restart = true),
	KEY("grace_days", value_count, grace_days, "a number of days from 0 to 365", .min = 0,
	    .max = 365, .restart = true),
	KEY("state_dir", value_path, state_dir, "an absolute path", .restart = true),
	KEY("control_socket", value_socket, control_socket, "an absolute path", .restart = true),
	KEY("control_group", value_text, control_group, "the name of a group", .restart = true),
	KEY("http", value_listen, http, "address and port, or off: 127.0.0.1:9725",
	    .restart = true),
	KEY("http_open", value_flag, http_open, "true or false", .restart = true),
	KEY("tarpit_style", value_word, tarpit_style, "slow or defer", .words = tarpit_styles),
	KEY("drop_style", value_word, drop_style, "answer or silent", .words = drop_styles),
	KEY("answer_at", value_word, answer_at, "mail or greeting", .words = answer_places),
	KEY("answer_via", value_word, answer_via, "reflect or route", .words = answer_ways),
	KEY("answer_rate", value_count, answer_rate, "a number from 0 to 1000000", .min = 0,
	    .max = 1000000),
	KEY("slow_delay", value_span, slow_delay, "a time span from 1s to 100s: 10s", .min = 1,
	    .max = 100),
	KEY("slow_max", value_count, slow_max, "a number from 1 to 1024", .min = 1, .max = 1024),
	KEY("recheck_interval", value_span, recheck_interval, "a time span from 1m to 24h: 1h",
	    .min = 60, .max = DAY, .restart = true),
	KEY("lease", value_span, lease, "a time span from 10m to 7d: 24h", .min = 600,
	    .max = 7 * DAY),
	KEY("ipv6_prefix", value_count, ipv6_prefix, "a prefix length from 32 to 128: 64",
	    .min = 32, .max = 128, .restart = true),
	KEY("flows_max", value_count, flows_max, "a number from 1024 to 4194304", .min = 1024,
	    .max = 4194304, .restart = true),
	KEY("verdicts_max", value_count, verdicts_max, "a number from 1024 to 16777216",
	    .min = 1024, .max = 16777216, .restart = true),
	KEY("ranges_max", value_count, ranges_max, "a number from 64 to 1048576", .min = 64,
	    .max = 1048576, .restart = true),
	KEY("retention", value_span, retention, "a time span from 8d to 3650d: 400d",
	    .min = 8 * DAY, .max = 3650 * DAY),
	KEY("metrics_top_sources", value_count, metrics_top_sources, "a number from 0 to 100",
	    .min = 0, .max = 100),
	KEY("observe_rate", value_count, observe_rate, "a number from 0 to 6000000", .min = 0,
	    .max = 6000000),
	KEY("on_stage_change", value_path, on_stage_change,
	    "the absolute path of a program: /usr/local/sbin/stage-changed"),
	{ .name = "notify",
	  .read = read_notify,
	  .expected = "a mapping: {enabled: true, from: postmaster@example.org}" },
	KEY("log_level", value_word, log_level, "error, warning, info or debug", .words = levels),
	KEY("log_format", value_word, log_format, "text or logfmt", .words = formats),
	{ 0 }
};

/* datadir - where a package or "make install" put policies and catalogue */
static const char *datadir(void)
{
	return access(BUILDGATE_DATADIR, F_OK) && !access(LOCAL_DATADIR, F_OK) ? LOCAL_DATADIR
									       : BUILDGATE_DATADIR;
}

/* set_defaults - the values of keys that the file leaves out */
static void set_defaults(struct config *c)
{
	/* what receives mail for Debian's Postfix, Exim and OpenSMTPD */
	static const char servers[][CONFIG_TEXT] = {
		"/usr/lib/postfix/sbin/smtpd",
		"/usr/lib/postfix/sbin/tlsproxy",
		"/usr/sbin/exim4",
		"/usr/sbin/smtpd",
	};
	struct sockaddr_in *http = (void *)&c->http.addr;

	c->mode = MODE_REPORT;
	c->xdp = XDP_MODE_NATIVE;
	strcpy(c->cgroup, "auto");
	c->mx = (struct config_ports) { .list = { 25 }, .count = 1 };
	c->submission = (struct config_ports) { .list = { 587 }, .count = 1 };
	memcpy(c->tls_executables.list, servers, sizeof(servers));
	c->tls_executables.count = sizeof(servers) / sizeof(servers[0]);
	if (gethostname(c->hostname, sizeof(c->hostname) - 1))
		strcpy(c->hostname, "localhost");
	strcpy(c->policy, "30-10-60");
	snprintf(c->policy_dir, sizeof(c->policy_dir), "%s/policy", datadir());
	snprintf(c->catalogue, sizeof(c->catalogue), "%s/catalogue/exchange.json", datadir());
	c->catalogue_max_age = 90 * DAY;
	c->grace_days = 30;
	strcpy(c->state_dir, "/var/lib/buildgate");
	strcpy(c->control_socket, "/run/buildgate/control.sock");
	strcpy(c->control_group, "buildgate");
	strcpy(c->http.text, HTTP_TEXT);
	http->sin_family = AF_INET;
	http->sin_port = htons(HTTP_PORT);
	http->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->tarpit_style = STYLE_SLOW;
	c->drop_style = STYLE_ANSWER;
	c->answer_at = ANSWER_AT_MAIL;
	c->answer_rate = 50;
	c->slow_delay = 10;
	c->slow_max = 10;
	c->recheck_interval = 3600;
	c->lease = DAY;
	c->ipv6_prefix = 64;
	c->flows_max = 65536;
	c->verdicts_max = 1048576;
	c->ranges_max = 4096;
	c->retention = 400 * DAY;
	c->observe_rate = 60000;
	strcpy(c->notify.sendmail, "/usr/sbin/sendmail");
	c->log_level = LOG_LEVEL_INFO;
	c->log_format = LOG_FORMAT_TEXT;
}

/* read_ports - the nested mapping; no port may be of both kinds */
static int read_ports(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		      void *to)
{
	struct config *config = to;
	int rc;

	if (node->type != YAML_MAPPING_NODE)
		return config_bad(r, key, node, "not a mapping");
	rc = config_map(r, port_keys, " in ports", node, config);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < config->mx.count; i++)
		for (unsigned int j = 0; j < config->submission.count; j++)
			if (config->mx.list[i] == config->submission.list[j])
				return config_bad(r, key, node, "port %u is both mx and submission",
						  config->mx.list[i]);
	return 0;
}

/* plain_address - one that may stand in a header as it is */
static bool plain_address(const char *text)
{
	const char *at = strchr(text, '@');

	return at && at != text && at[1] && !strpbrk(text, " \t<>,;:\"()\\") &&
	       !strchr(at + 1, '@');
}

/* read_notify - nobody is written to without an address to answer to */
static int read_notify(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		       void *to)
{
	struct config *config = to;
	int rc;

	if (node->type != YAML_MAPPING_NODE)
		return config_bad(r, key, node, "not a mapping");
	rc = config_map(r, notify_keys, " in notify", node, config);
	if (!rc && config->notify.from[0] && !plain_address(config->notify.from))
		rc = config_bad(r, key, node, "from is no plain address");
	if (!rc && config->notify.enabled && !config->notify.from[0])
		rc = config_bad(r, key, node, "enabled without from");
	return rc;
}

/* is_loopback - of a listen address */
static bool is_loopback(const struct config_listen *listen)
{
	const struct sockaddr_in6 *in6 = (const void *)&listen->addr;
	const struct sockaddr_in *in4 = (const void *)&listen->addr;

	if (listen->addr.ss_family == AF_INET)
		return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* node_of - the value of a top-level key, for errors that concern more than one of them */
static const yaml_node_t *node_of(struct config_reader *r, const yaml_node_t *root,
				  const char *name)
{
	for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *node = yaml_document_get_node(r->document, p->key);

		if (!strcmp((const char *)node->data.scalar.value, name))
			return yaml_document_get_node(r->document, p->value);
	}
	return NULL;
}

/* check_whole - what no single value can tell */
static int check_whole(struct config_reader *r, const yaml_node_t *root, const struct config *c)
{
	const yaml_node_t *node;

	for (const struct config_key *key = keys; key->name; key++)
		if (key->required && !node_of(r, root, key->name))
			return error_set(r->e, -EINVAL, "%s:1: %s: is missing; expected %s",
					 r->path, key->name, key->expected);
	node = node_of(r, root, "http");
	if (node && !c->http.off && !c->http_open && !is_loopback(&c->http))
		return error_set(r->e, -EINVAL,
				 "%s:%u: http: %s is not a loopback address; expected 127.0.0.1 or "
				 "[::1], or http_open: true if others shall read it",
				 r->path, config_line(node), c->http.text);
	node = node_of(r, root, "notify");
	if (node && c->notify.enabled && !c->contact[0])
		return error_set(r->e, -EINVAL,
				 "%s:%u: notify: enabled without the key contact, which those who "
				 "are written to are told; expected contact: "
				 "postmaster@example.org",
				 r->path, config_line(node));
	node = node_of(r, root, "mode");
	if (node && c->mode == MODE_ENFORCE && !c->contact[0])
		return error_set(
			r->e, -EINVAL,
			"%s:%u: mode: enforce needs the key contact, which refused senders "
			"are told; expected contact: postmaster@example.org",
			r->path, config_line(node));
	return 0;
}

/* read_document - a parsed file into a config */
static int read_document(struct config_reader *r, struct config *config)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);
	int rc;

	if (!root)
		return error_set(r->e, -EINVAL,
				 "%s:1: outside: is missing, the file is empty; expected at least "
				 "outside: [eth0]",
				 r->path);
	if (root->type != YAML_MAPPING_NODE)
		return error_set(r->e, -EINVAL,
				 "%s:%u: not a mapping; expected lines of \"key: value\"", r->path,
				 config_line(root));
	rc = config_map(r, keys, "", root, config);
	return rc ? rc : check_whole(r, root, config);
}

/* syntax_error - libyaml's complaint; an open quote or bracket is named by where it began */
static int syntax_error(const yaml_parser_t *parser, const char *path, struct error *e)
{
	char context[160] = "";

	if (parser->context)
		snprintf(context, sizeof(context), "%s that begins in line %zu, ", parser->context,
			 parser->context_mark.line + 1);
	return error_set(e, -EINVAL, "%s:%zu: not YAML: %s%s; expected lines of \"key: value\"",
			 path, parser->problem_mark.line + 1, context,
			 parser->problem ? parser->problem : "cannot be read");
}

/* check_end - a second document would be a part of the file that silently means nothing */
static int check_end(yaml_parser_t *parser, const char *path, struct error *e)
{
	yaml_document_t document;
	const yaml_node_t *root;
	int rc = 0;

	if (!yaml_parser_load(parser, &document))
		return syntax_error(parser, path, e);
	root = yaml_document_get_root_node(&document);
	if (root)
		rc = error_set(e, -EINVAL,
			       "%s:%u: a second document; expected one, without \"---\"", path,
			       config_line(root));
	yaml_document_delete(&document);
	return rc;
}

/* config_parse - YAML text to a checked config */
int config_parse(const char *path, const char *text, size_t bytes, struct config **ret_config,
		 struct error *e)
{
	struct config *config = calloc(1, sizeof(*config));
	yaml_document_t document;
	struct config_reader r = { .path = path, .document = &document, .e = e };
	yaml_parser_t parser;
	int rc;

	if (!config || !yaml_parser_initialize(&parser)) {
		free(config);
		return error_set(e, -ENOMEM, "%s: out of memory", path);
	}
	set_defaults(config);
	snprintf(config->path, sizeof(config->path), "%s", path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
	if (yaml_parser_load(&parser, &document)) {
		rc = read_document(&r, config);
		yaml_document_delete(&document);
		if (!rc)
			rc = check_end(&parser, path, e);
	} else {
		rc = syntax_error(&parser, path, e);
	}
	yaml_parser_delete(&parser);
	if (rc)
		config_free(config);
	else
		*ret_config = config;
	return rc;
}

/* config_load - the file is read whole first; its size is bounded */
int config_load(const char *path, struct config **ret_config, struct error *e)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(CONFIG_FILE_MAX + 1);
	size_t n = 0;
	int rc;

	if (!text)
		rc = error_set(e, -ENOMEM, "%s: out of memory", path);
	else if (!f)
		rc = error_set(e, -errno,
			       "%s: cannot be opened: %s; expected the configuration of "
			       "buildgated, see buildgate.yaml(5)",
			       path, strerror(errno));
	else if ((n = fread(text, 1, CONFIG_FILE_MAX + 1, f)), ferror(f))
		rc = error_set(e, -EIO, "%s: cannot be read: %s", path, strerror(errno));
	else if (n > CONFIG_FILE_MAX)
		rc = error_set(e, -EFBIG, "%s: is too big; expected at most %d bytes", path,
			       CONFIG_FILE_MAX);
	else
		rc = config_parse(path, text, n, ret_config, e);
	if (f)
		fclose(f);
	free(text);
	return rc;
}

/* config_free - NULL is allowed */
void config_free(struct config *config)
{
	free(config);
}

/* config_key_name - of the outer mapping; the table ends with a row without a name */
const char *config_key_name(unsigned int i)
{
	return i < sizeof(keys) / sizeof(keys[0]) ? keys[i].name : NULL;
}

/* changed_in - counts differing keys of one table down from *left; the key that hits 0 */
static const struct config_key *changed_in(const struct config_key *table, const struct config *was,
					   const struct config *is, unsigned int *left)
{
	for (const struct config_key *key = table; key->name; key++)
		if (key->size &&
		    memcmp((const char *)was + key->offset, (const char *)is + key->offset,
			   key->size) &&
		    (*left)-- == 0)
			return key;
	return NULL;
}

/* config_changed - the ports come last */
const char *config_changed(const struct config *was, const struct config *is, unsigned int i,
			   bool *ret_restart)
{
	const struct config_key *key = changed_in(keys, was, is, &i);

	if (!key)
		key = changed_in(port_keys, was, is, &i);
	if (!key)
		key = changed_in(notify_keys, was, is, &i);
	if (!key)
		return NULL;
	*ret_restart = key->restart;
	return key->name;
}

/* config_keep - bytewise, as config_changed() compares */
void config_keep(struct config *config, const struct config *was)
{
	const struct config_key *const tables[] = { keys, port_keys };

	for (unsigned int i = 0; i < 2; i++)
		for (const struct config_key *key = tables[i]; key->name; key++)
			if (key->restart)
				memcpy((char *)config + key->offset,
				       (const char *)was + key->offset, key->size);
}
