/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config - buildgate.yaml: what the operator decided before the daemon starts
 *
 * One table of keys (config.c) is parser, check and list of defaults. Every error is one
 * sentence "FILE:LINE: KEY: what is wrong; expected what". Unknown and repeated keys are
 * refused, so that a typo never means a silent default. A struct config owns no memory but
 * itself: strings are arrays, so two of them are compared key by key at a reload.
 *
 * Call order: config_load(); reads; config_free().
 */
#ifndef BUILDGATE_CONFIG_H
#define BUILDGATE_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"
#include "user/base/error.h"
#include "user/kernel/loader.h"
#include "user/catalogue/signature.h"
#include "user/sight/sight.h"

#define CONFIG_PATH       "/etc/buildgate/buildgate.yaml"
#define CONFIG_TEXT       256
#define CONFIG_FILE_MAX   (256 * 1024) /* bytes of a config file */
#define CONFIG_EXEMPT_MAX 1024
#define CONFIG_IF_BYTES   16

#ifndef BUILDGATE_DATADIR
#define BUILDGATE_DATADIR "/usr/share/buildgate"
#endif

enum answer_at { ANSWER_AT_MAIL = 1, ANSWER_AT_GREETING };

struct config_ports {
	uint16_t list[LOADER_PORTS_MAX]; /* host order */
	unsigned int count;
};

struct config_interfaces {
	char list[LOADER_INTERFACES_MAX][CONFIG_IF_BYTES];
	unsigned int count;
};

struct config_range {
	struct addr addr;
	unsigned int bits; /* over 128 */
};

struct config_ranges {
	struct config_range list[CONFIG_EXEMPT_MAX];
	unsigned int count;
};

struct config_paths {
	char list[SIGHT_EXECUTABLES_MAX][CONFIG_TEXT];
	unsigned int count;
};

struct config_listen {
	bool off;
	struct sockaddr_storage addr;
	char text[64]; /* "127.0.0.1:9725" */
};

/* Spans are seconds. */
struct config {
	char path[CONFIG_TEXT]; /* the file this came from */
	uint32_t mode;          /* enum mode; only where the store has none yet */
	struct config_interfaces outside;
	uint32_t xdp;             /* enum xdp_mode */
	char cgroup[CONFIG_TEXT]; /* "auto", "off" or a path */
	struct config_ports mx;
	struct config_ports submission;
	bool tls_sight;
	struct config_paths tls_executables;
	struct config_ranges exempt;
	char contact[CONFIG_TEXT]; /* empty: none, then "mode enforce" is refused */
	char hostname[CONFIG_TEXT];
	char policy[CONFIG_TEXT]; /* name, or a path when it contains '/' */
	char policy_dir[CONFIG_TEXT];
	char catalogue[CONFIG_TEXT];
	int64_t catalogue_max_age;
	struct signature_keys catalogue_keys; /* who may sign a new one */
	char catalogue_dir[CONFIG_TEXT];      /* where new ones come; empty: nowhere */
	int64_t grace_days;
	char state_dir[CONFIG_TEXT];
	char control_socket[CONFIG_TEXT];
	char control_group[CONFIG_TEXT];
	struct config_listen http;
	bool http_open;                    /* an address that is not loopback is meant */
	uint32_t tarpit_style, drop_style; /* enum style, of clock verdicts and of "set" */
	uint32_t answer_at;                /* enum answer_at */
	uint32_t answer_via;               /* enum answer_via */
	int64_t answer_rate;               /* answered connections per source and second */
	int64_t slow_delay;
	int64_t slow_max; /* sessions slowed at a time */
	int64_t recheck_interval;
	int64_t lease;
	int64_t ipv6_prefix;
	int64_t flows_max;
	int64_t verdicts_max;
	int64_t ranges_max;
	char on_stage_change[CONFIG_TEXT]; /* a program; empty: none */
	struct {
		bool enabled;
		char from[CONFIG_TEXT];
		char sendmail[CONFIG_TEXT];
	} notify;
	int64_t retention;
	int64_t metrics_top_sources; /* single sources in /metrics; 0: none */
	int64_t observe_rate;        /* told observations per reporter and minute */
	uint32_t log_level;          /* enum log_level */
	uint32_t log_format;         /* enum log_format */
};

/* config_load - read and check path; on failure *ret_config is untouched */
int config_load(const char *path, struct config **ret_config, struct error *e);

/* config_parse - the same for a text of `bytes` that is called `path` in errors */
int config_parse(const char *path, const char *text, size_t bytes, struct config **ret_config,
		 struct error *e);
void config_free(struct config *config);

/* config_key_name - the i-th (0 ..) key there is, or NULL: for the manual page's test */
const char *config_key_name(unsigned int i);

/* config_changed - the i-th (0 ..) key that differs between two configs, or NULL;
 * *ret_restart: it takes a restart to change it */
const char *config_changed(const struct config *was, const struct config *is, unsigned int i,
			   bool *ret_restart);

/* config_keep - give `config` the values of `was` for all keys that take a restart */
void config_keep(struct config *config, const struct config *was);

/* config_cgroup - the cgroup directory to attach to: the configured one, or for "auto" the
 * cgroup v2 mount that `mountinfo` (/proc/self/mountinfo) names; empty: no sockops */
int config_cgroup(const struct config *config, const char *mountinfo, char *buf, size_t size,
		  struct error *e);

#endif
