// SPDX-License-Identifier: BSD-2-Clause
/* The commands about the catalogue. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/build.h"
#include "user/base/clock.h"
#include "commands.h"
#include "daemon.h"
#include "user/base/times.h"

/* command_catalogue_check - with all that this gate has seen */
json_t *command_catalogue_check(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	const char *text = control_string(request, "build"), *date = control_string(request, "at");
	uint64_t build = build_parse(text);
	int64_t at = clock_wall();
	char shown[64];
	json_t *result;

	if (!build) {
		error_set(e, -EINVAL, "'%s' is not a build; expected four numbers, 15.1.2507.39",
			  log_escape(text, shown, sizeof(shown)));
		return NULL;
	}
	if (date && times_parse(date, &at)) {
		error_set(e, -EINVAL, "'%s' is not a date; expected 2026-12-01",
			  log_escape(date, shown, sizeof(shown)));
		return NULL;
	}
	result = catalogue_check(daemon->catalogue, build, at, daemon->config->grace_days,
				 store_seen, daemon->store);
	if (!result)
		error_set(e, -ENOMEM, "out of memory");
	return result;
}

json_t *command_catalogue_show(void *arg, struct control_request *request, struct error *e)
{
	(void)request;
	return daemon_catalogue_show(arg, e);
}

/* command_catalogue_update - the same file twice is no failure */
json_t *command_catalogue_update(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	const char *path = control_string(request, "file");
	char message[256];
	int64_t serial;
	int rc;

	if (path[0] != '/') {
		error_set(e, -EINVAL, "file must be an absolute path");
		return NULL;
	}
	rc = daemon_catalogue_take(daemon, path, request->who, e);
	if (rc < 0)
		return NULL;
	serial = catalogue_serial(daemon->catalogue);
	snprintf(message, sizeof(message),
		 rc ? "serial %lld is in force now, signed with key %s"
		    : "serial %lld is in force already, signed with key %s",
		 (long long)serial, daemon->updates.origin.key);
	return json_pack("{s:s,s:I,s:s,s:b}", "message", message, "serial", (json_int_t)serial,
			 "key", daemon->updates.origin.key, "changed", rc);
}

/* change_block - to or from the list */
static json_t *change_block(struct daemon *daemon, struct control_request *request, bool block,
			    struct error *e)
{
	const char *id = control_string(request, "id");
	int rc = daemon_catalogue_block(daemon, id, block, request->who,
					control_string(request, "reason"), e);
	char message[256];

	if (rc < 0)
		return NULL;
	snprintf(message, sizeof(message), "emergency definition %s is %s", id,
		 block ? "blocked" : "not blocked");
	return json_pack("{s:s,s:s,s:b,s:b}", "message", message, "id", id, "blocked", block,
			 "changed", rc);
}

json_t *command_catalogue_block(void *arg, struct control_request *request, struct error *e)
{
	return change_block(arg, request, true, e);
}

json_t *command_catalogue_unblock(void *arg, struct control_request *request, struct error *e)
{
	return change_block(arg, request, false, e);
}
