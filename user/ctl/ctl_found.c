// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_found.h"

#include <errno.h>
#include <string.h>

#include "client.h"
#include "ctl_text.h"
#include "user/base/clock.h"
#include "user/base/times.h"
#include "user/kernel/loader.h"

#define NS            1000000000ULL
#define ASK_TIMEOUT_S 5 /* a daemon that hangs must not hide what the kernel does */

/* ask_status - an answer must be an object; anything else counts as none */
static void ask_status(const struct ctl *ctl, struct ctl_found *found)
{
	json_t *request = json_pack("{s:s}", "command", "status");

	if (client_call_within(ctl->socket, ASK_TIMEOUT_S, request, &found->answer,
			       &found->silence) == 0 &&
	    !json_is_object(found->answer)) {
		json_decref(found->answer);
		found->answer = NULL;
		error_set(&found->silence, 0, "buildgated's status is no JSON object");
	}
	json_decref(request);
}

/* ctl_found_look - see ctl_found.h */
int ctl_found_look(const struct ctl *ctl, struct ctl_found *found, struct error *e)
{
	int rc;

	memset(found, 0, sizeof(*found));
	rc = ctl_view_open(&found->view, NULL, &found->kernel);
	found->loaded = rc == 0;
	found->hidden = rc == -EPERM || rc == -EACCES;
	ask_status(ctl, found);
	if (found->loaded)
		found->hooks = loader_hooks(NULL);
	else if (found->hidden)
		found->hooks = json_incref(json_object_get(found->answer, "hooks"));
	if (!found->hooks)
		found->hooks = json_array();
	if (!rc || rc == -ENOENT || found->answer)
		return 0;
	return error_set(e, rc, "%s", found->kernel.text);
}

/* ctl_found_lease - see ctl_found.h */
int64_t ctl_found_lease(const struct ctl_view *view)
{
	uint64_t until = view->settings.lease_until_ns;

	return until > view->now_ns ? (int64_t)((until - view->now_ns) / NS) : 0;
}

/* ctl_found_free - leaves nothing */
void ctl_found_free(struct ctl_found *found)
{
	json_decref(found->hooks);
	json_decref(found->answer);
	found->hooks = found->answer = NULL;
}

/* moment - of the kernel's time, for people; returns buf */
static const char *moment(uint64_t ns, char buf[TIMES_TEXT])
{
	times_format(clock_kernel_to_wall(ns), buf);
	buf[10] = ' ';
	return buf;
}

/* ctl_found_silence - see ctl_found.h */
const char *ctl_found_silence(const struct ctl_found *found, char *buf, size_t size)
{
	const struct settings *settings = &found->view.settings;
	enum mode mode = ctl_verdict_mode(&found->view);
	uint64_t lease = settings->lease_until_ns, confirm = settings->enforce_until_ns;
	char when[TIMES_TEXT];

	if (!found->loaded)
		snprintf(buf, size, "the daemon does not answer and the gate is not loaded");
	else if (mode != MODE_ENFORCE)
		snprintf(buf, size,
			 "the daemon does not answer; mode is %s, so nothing is enforced",
			 ctl_text_mode(mode));
	else if (ctl_found_lease(&found->view))
		snprintf(buf, size, "the daemon does not answer; enforcement goes on until %s",
			 moment(confirm && confirm < lease ? confirm : lease, when));
	else
		snprintf(buf, size,
			 "the daemon does not answer and the lease is over (%s): verdicts of the "
			 "clock are no longer enforced",
			 lease ? moment(lease, when) : "there was none");
	return buf;
}
