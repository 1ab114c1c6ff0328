// SPDX-License-Identifier: BSD-2-Clause
/* What gatectl may ask about policies. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/clock.h"
#include "commands.h"
#include "user/escalation/preview.h"

/* policy_arg - a name, or a path that means the same to the daemon as to the caller */
static const char *policy_arg(const struct control_request *request, struct error *e)
{
	const char *name = control_string(request, "policy");
	char shown[64];

	if (name[0] && strlen(name) < CONFIG_TEXT && (!strchr(name, '/') || name[0] == '/'))
		return name;
	error_set(e, -EINVAL,
		  "'%s' is no policy; expected a name like 30-10-60, or an absolute path",
		  log_escape(name, shown, sizeof(shown)));
	return NULL;
}

/* command_policy_show - the table, and who chose it */
json_t *command_policy_show(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	json_t *object = policy_json(daemon->policy);

	(void)request;
	if (!object) {
		error_set(e, -ENOMEM, "out of memory");
		return NULL;
	}
	json_object_set_new(object, "from",
			    json_string(daemon->policy_used[0] ? "policy use" : "configuration"));
	json_object_set_new(
		object, "file",
		json_string(daemon->policy_used[0] ? daemon->policy_used : daemon->config->policy));
	json_object_set_new(object, "configured", json_string(daemon->config->policy));
	json_object_set_new(
		object, "judging",
		json_boolean(observer_walking(daemon->observer) == OBSERVER_WALK_JUDGE));
	return object;
}

/* after_arg - where the part before ended */
static int after_arg(const struct control_request *request, struct addr *ret, struct error *e)
{
	const char *after = control_string(request, "after");
	char shown[64];

	if (!after || !address_parse(after, ret))
		return 0;
	return error_set(e, -EINVAL,
			 "after '%s' is no address; expected \"next\" of the part before",
			 log_escape(after, shown, sizeof(shown)));
}

/* command_policy_preview - nothing is changed, and nobody waits for more than a part of it */
json_t *command_policy_preview(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	const char *name = policy_arg(request, e);
	struct policy *policy = NULL;
	struct preview_options options = {
		.store = daemon->store,
		.catalogue = daemon->catalogue,
		.is = daemon->policy,
		.grace_days = daemon->config->grace_days,
		.now = clock_wall(),
		.running = daemon_running(daemon),
	};
	json_t *result;

	if (!name || after_arg(request, &options.after, e) ||
	    policy_load(name, daemon->config->policy_dir, &policy, e))
		return NULL;
	options.would_be = policy;
	result = preview(&options, e);
	policy_free(policy);
	return result;
}

/* command_policy_use - from now on, and over restarts */
json_t *command_policy_use(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	const char *name = policy_arg(request, e);
	char message[2 * CONFIG_TEXT], was[CONFIG_TEXT];

	if (!name)
		return NULL;
	snprintf(was, sizeof(was), "%s", daemon->policy->name);
	if (daemon_use_policy(daemon, name, request->who, control_string(request, "reason"), e))
		return NULL;
	log_event(LOG_LEVEL_INFO, "policy",
		  LOG_FIELDS({ "policy", daemon->policy->name }, { "was", was },
			     { "who", request->who }),
		  "policy is %s now (was %s), by %s", daemon->policy->name, was, request->who);
	snprintf(message, sizeof(message),
		 "policy is %s now (was %s); all sources are judged anew%s", daemon->policy->name,
		 was, daemon->policy_used[0] ? "" : "; it is the configured one");
	return json_pack("{s:s, s:s, s:s, s:s}", "message", message, "policy", daemon->policy->name,
			 "before", was, "from",
			 daemon->policy_used[0] ? "policy use" : "configuration");
}
