/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_site - what a command that works without the daemon must know of this installation
 *
 * The configuration file where there is one, else what was installed. Filled by
 * ctl_site_load(), no memory to free.
 */
#ifndef BUILDGATE_CTL_SITE_H
#define BUILDGATE_CTL_SITE_H

#include <stdint.h>

#include "user/base/error.h"
#include "user/catalogue/signature.h"

#define CTL_SITE_TEXT 256

struct ctl_site {
	char catalogue[CTL_SITE_TEXT];
	char policy[CTL_SITE_TEXT];
	char policy_dir[CTL_SITE_TEXT];
	int64_t grace_days;
	unsigned int ipv6_bits;
	struct signature_keys keys; /* who may sign a catalogue */
};

/* ctl_site_load - from config (CTL_CONFIG), which need not exist; a broken one is an error */
int ctl_site_load(const char *config, struct ctl_site *ret, struct error *e);

#endif
