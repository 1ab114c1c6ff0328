// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/config/config.h"

/* tree - the data beside a program that runs where it was built; "" elsewhere */
static const char *tree(void)
{
	static char dir[CTL_SITE_TEXT / 2];
	char exe[CTL_SITE_TEXT / 2 - sizeof("/../maps")] = "", *slash;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return "";
	slash = strrchr(exe, '/');
	if (!slash)
		return "";
	*slash = '\0';
	snprintf(dir, sizeof(dir), "%s/../maps", exe);
	return dir;
}

/* installed - where packages and "make install" put data, else where it was built; the first
 * that is there */
static const char *installed(void)
{
	static const char *const dirs[] = { BUILDGATE_DATADIR, "/usr/local/share/buildgate" };
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (access(dirs[i], R_OK) == 0)
			return dirs[i];
	if (access(tree(), R_OK) == 0)
		return tree();
	return BUILDGATE_DATADIR;
}

/* ctl_site_load - the defaults of buildgate.yaml(5), then what the file says */
int ctl_site_load(const char *path, struct ctl_site *ret, struct error *e)
{
	struct config *config;
	int rc;

	if (access(path, F_OK)) {
		snprintf(ret->catalogue, sizeof(ret->catalogue), "%s/catalogue/exchange.json",
			 installed());
		snprintf(ret->policy_dir, sizeof(ret->policy_dir), "%s/policy", installed());
		strcpy(ret->policy, "30-10-60");
		ret->grace_days = 30;
		ret->ipv6_bits = 64;
		ret->keys.count = 0;
		return 0;
	}
	rc = config_load(path, &config, e);
	if (rc)
		return rc;
	snprintf(ret->catalogue, sizeof(ret->catalogue), "%s", config->catalogue);
	snprintf(ret->policy_dir, sizeof(ret->policy_dir), "%s", config->policy_dir);
	snprintf(ret->policy, sizeof(ret->policy), "%s", config->policy);
	ret->grace_days = config->grace_days;
	ret->ipv6_bits = (unsigned int)config->ipv6_prefix;
	ret->keys = config->catalogue_keys;
	config_free(config);
	return 0;
}
