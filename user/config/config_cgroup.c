// SPDX-License-Identifier: BSD-2-Clause
/* The key cgroup: what "auto" comes to on this host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

/* cgroup_mount - the mount point in a line of mountinfo if it is of cgroup v2, else NULL */
static const char *cgroup_mount(char *line)
{
	char *type = strstr(line, " - ");
	char *field = line, *save;

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return NULL;
	/* 36 35 98:0 /root /mount/point options... - type source options */
	field = strtok_r(line, " ", &save);
	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	return field;
}

/* config_cgroup - resolve "auto" against the mounts of this host */
int config_cgroup(const struct config *config, const char *mountinfo, char *buf, size_t size,
		  struct error *e)
{
	const char *found = NULL;
	char line[4096];
	FILE *f;

	if (strcmp(config->cgroup, "auto")) {
		snprintf(buf, size, "%s", strcmp(config->cgroup, "off") ? config->cgroup : "");
		return 0;
	}
	f = fopen(mountinfo, "re");
	if (!f)
		return error_set(e, -errno, "cannot open %s: %s", mountinfo, strerror(errno));
	while (!found && fgets(line, sizeof(line), f))
		found = cgroup_mount(line);
	if (found)
		snprintf(buf, size, "%s", found);
	fclose(f);
	if (!found)
		return error_set(e, -ENOENT,
				 "cgroup: auto: no cgroup v2 is mounted on this host; mount it "
				 "(mount -t cgroup2 none /sys/fs/cgroup), or set cgroup: off on a "
				 "host that only forwards mail");
	return 0;
}
