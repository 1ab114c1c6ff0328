// SPDX-License-Identifier: BSD-2-Clause
/* Our own programs: where they are, how they run, and where they are missing. */
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"

#define SECTION "hooks"

/* attached - the hook is there and its program runs */
static bool attached(const json_t *hook)
{
	return hook && !json_is_false(json_object_get(hook, "attached"));
}

/* judge_xdp - without it refusals without an answer happen later, at TC */
static void judge_xdp(struct doctor *d, const char *name)
{
	const json_t *hook = doctor_hook(d, "xdp", name);
	const char *mode = doctor_text(hook, "mode");
	bool off = d->config && d->config->xdp == XDP_MODE_OFF;

	if (off) {
		doctor_say(d, SECTION, DOCTOR_OK, "%s: no XDP, as configured; TC refuses", name);
	} else if (!attached(hook)) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "%s: no XDP program: silent refusals cost more, and answer_rate is not "
			   "kept",
			   name);
		doctor_next(
			d,
			"see why in the journal of buildgated; take the other XDP program away, or "
			"say xdp: generic or xdp: off in %s and restart buildgated",
			d->config_path);
	} else {
		bool asked = d->config && d->config->xdp == XDP_MODE_GENERIC;

		doctor_say(d, SECTION,
			   mode && !strcmp(mode, "generic") && !asked ? DOCTOR_NOTE : DOCTOR_OK,
			   "%s: XDP runs %s", name, mode ? mode : "-");
	}
}

/* judge_tc - without both, no conversation can be read */
static void judge_tc(struct doctor *d, const char *name)
{
	const json_t *ingress = doctor_hook(d, "ingress", name);
	const json_t *egress = doctor_hook(d, "egress", name);
	const char *mode = doctor_text(ingress, "mode");

	if (attached(ingress) && attached(egress)) {
		doctor_say(d, SECTION, DOCTOR_OK, "%s: TC ingress and egress run by %s", name,
			   mode ? mode : "-");
		return;
	}
	doctor_say(d, SECTION, DOCTOR_BAD, "%s: no program at TC %s: no mail can be read there",
		   name,
		   attached(ingress)  ? "egress"
		   : attached(egress) ? "ingress"
				      : "ingress and egress");
	if (if_nametoindex(name))
		doctor_next(d, "systemctl restart buildgated");
	else
		doctor_next(d, "bring the interface %s back; it is then attached again", name);
}

/* judge_sockops - lifetimes of this host's own mail sockets */
static void judge_sockops(struct doctor *d)
{
	if (!d->config || !strcmp(d->config->cgroup, "off"))
		return;
	if (attached(doctor_hook(d, "sockops", NULL))) {
		doctor_say(d, SECTION, DOCTOR_OK, "sockops runs on the cgroup (%s)",
			   d->config->cgroup);
		return;
	}
	doctor_say(d, SECTION, DOCTOR_BAD,
		   "no sockops program: connections of this host's own mail server are not known");
	doctor_next(d, "check that the cgroup %s exists, then systemctl restart buildgated",
		    d->config->cgroup);
}

/* doctor_hooks - nothing is said twice: a gate that is not loaded was told before */
void doctor_hooks(struct doctor *d)
{
	char names[DOCTOR_INTERFACES][IF_NAMESIZE];
	unsigned int count = doctor_outside(d, names);

	if (!d->loaded && !json_array_size(d->hooks))
		return;
	for (unsigned int i = 0; i < count; i++) {
		judge_tc(d, names[i]);
		judge_xdp(d, names[i]);
	}
	judge_sockops(d);
}
