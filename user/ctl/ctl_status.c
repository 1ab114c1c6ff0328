// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_doctor.h"
#include "ctl_found.h"
#include "ctl_output.h"
#include "ctl_sight.h"
#include "ctl_text.h"
#include "user/base/times.h"

#define NS 1000000000ULL

/* interfaces - each name of the hooks once */
static json_t *interfaces(const json_t *hooks)
{
	json_t *names = json_object(), *array = json_array();
	const char *name;
	json_t *hook, *value;
	size_t i;

	json_array_foreach (hooks, i, hook) {
		name = json_string_value(json_object_get(hook, "interface"));
		if (name)
			json_object_set_new(names, name, json_null());
	}
	json_object_foreach (names, name, value)
		json_array_append_new(array, json_string(name));
	json_decref(names);
	return array;
}

/* slowed - sessions that the kernel slows now; null: not known */
static json_t *slowed(const struct ctl_view *view)
{
	int n = pinned_slowed(view->now_ns);

	return n < 0 ? json_null() : json_integer(n);
}

/* add_null - what is not known is null, never absent */
static void add_null(json_t *object, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!json_object_get(object, keys[i]))
			json_object_set_new(object, keys[i], json_null());
}

#define ADD_NULL(object, keys) add_null(object, keys, sizeof(keys) / sizeof((keys)[0]))

/* daemon_json - {"running","error","meaning"} beside what the daemon says of itself */
static json_t *daemon_json(const struct ctl_found *found)
{
	static const char *const keys[] = { "version",      "pid",         "started",
					    "running_s",    "store_ok",    "store_error",
					    "lab_clock",    "events_lost", "hooks_mended",
					    "followers",    "config",      "last_event",
					    "verdict_drift" };
	json_t *said = json_object_get(found->answer, "daemon");
	json_t *object = json_is_object(said) ? json_copy(said) : json_object();
	char text[256];

	json_object_set_new(object, "running", json_boolean(found->answer != NULL));
	json_object_set_new(object, "error",
			    found->answer ? json_null() : json_string(found->silence.text));
	json_object_set_new(object, "meaning",
			    found->answer
				    ? json_null()
				    : json_string(ctl_found_silence(found, text, sizeof(text))));
	ADD_NULL(object, keys);
	return object;
}

/* status_json - what the kernel says goes over what the daemon believes */
static json_t *status_json(const struct ctl_found *found)
{
	static const char *const keys[] = {
		/* of the settings map */
		"abi",
		"mode",
		"clock_offset_s",
		"now",
		"lease_until",
		"lease_left_s",
		"enforce_until",
		"recheck_interval_s",
		"slow_delay_ms",
		"slow_max",
		"slowed",
		"ranges",
		"tarpits",
		/* of the daemon */
		"at",
		"catalogue",
		"policy",
		"sources",
		"sight",
		"tls_sight",
		"reporters",
		"on_stage_change",
		"maps",
	};
	json_t *object = found->answer ? json_copy(found->answer) : json_object();
	json_t *settings;

	json_object_set_new(object, "loaded",
			    found->hidden ? json_null() : json_boolean(found->loaded));
	if (found->loaded) {
		settings = ctl_entry_settings(&found->view);
		json_object_update(object, settings);
		json_object_set_new(object, "mode",
				    json_string(ctl_text_mode(ctl_verdict_mode(&found->view))));
		json_object_set_new(object, "lease_left_s",
				    json_integer(ctl_found_lease(&found->view)));
		json_object_set_new(object, "slowed", slowed(&found->view));
		json_decref(settings);
	}
	json_object_set(object, "hooks", found->hooks);
	json_object_set_new(object, "interfaces", interfaces(found->hooks));
	json_object_set_new(object, "daemon", daemon_json(found));
	ADD_NULL(object, keys);
	return object;
}

/* print_gate - mode and lease */
static void print_gate(const struct ctl_found *found, FILE *out)
{
	const struct settings *settings = &found->view.settings;
	char text[256], when[TIMES_TEXT];

	if (found->hidden) {
		ctl_text_json(json_object_get(found->answer, "mode"), text, sizeof(text));
		fprintf(out, "mode        %s (by the daemon: no permission to read the maps)\n",
			text);
		return;
	}
	if (!found->loaded) {
		fprintf(out, "gate        not loaded%s\n",
			found->answer
				? ": NOTHING IS SEEN OR ENFORCED until buildgated is restarted"
				: "");
		return;
	}
	fprintf(out, "mode        %s", ctl_text_mode(ctl_verdict_mode(&found->view)));
	if (settings->mode == MODE_ENFORCE && settings->enforce_until_ns)
		fprintf(out,
			found->view.now_ns < settings->enforce_until_ns
				? ", to be confirmed before %s"
				: " since %s: enforce was not confirmed",
			times_format(clock_kernel_to_wall(settings->enforce_until_ns), when));
	fprintf(out, "\nlease       ");
	if (ctl_found_lease(&found->view))
		fprintf(out, "%s left\n",
			ctl_text_span(ctl_found_lease(&found->view), text, sizeof(text)));
	else
		fprintf(out, "over: verdicts of the clock are not enforced\n");
	if (settings->tarpits || pinned_slowed(found->view.now_ns) > 0)
		fprintf(out, "slowed      %d of at most %u connections\n",
			pinned_slowed(found->view.now_ns), settings->slow_max);
	if (settings->clock_offset_ns)
		fprintf(out, "lab clock   %s ahead\n",
			ctl_text_span(settings->clock_offset_ns / (int64_t)NS, text, sizeof(text)));
}

/* print_hooks - one line each */
static void print_hooks(const json_t *hooks, FILE *out)
{
	char name[16], interface[32], mode[32], id[24];
	json_t *hook;
	size_t i;

	json_array_foreach (hooks, i, hook) {
		ctl_text_json(json_object_get(hook, "hook"), name, sizeof(name));
		ctl_text_json(json_object_get(hook, "interface"), interface, sizeof(interface));
		ctl_text_json(json_object_get(hook, "mode"), mode, sizeof(mode));
		ctl_text_json(json_object_get(hook, "program_id"), id, sizeof(id));
		fprintf(out, "%-12s%-8s on %-15s %-10s program %s%s\n", i ? "" : "hooks", name,
			interface, mode, id,
			json_is_false(json_object_get(hook, "attached")) ? ", NOT ATTACHED" : "");
	}
}

/* print_counts - "stage 1: 2, stage 3: 1"; keys that count nothing are left out */
static void print_counts(const char *head, const char *name, const json_t *counts, FILE *out)
{
	const char *key, *between = "";
	json_t *count;

	fprintf(out, "%-12s", head);
	json_object_foreach ((json_t *)counts, key, count) {
		if (json_integer_value(count) == 0)
			continue;
		fprintf(out, "%s%s%s: %lld", between, name, key,
			(long long)json_integer_value(count));
		between = ", ";
	}
	fputs(*between ? "\n" : "none\n", out);
}

/* print_catalogue - and whether it is too old to be trusted with what is new */
static void print_catalogue(const json_t *catalogue, FILE *out)
{
	const char *as_of = json_string_value(json_object_get(catalogue, "as_of"));
	char text[32];

	fprintf(out, "catalogue   of %.10s, %s days old%s\n", as_of ? as_of : "-",
		ctl_text_json(json_object_get(catalogue, "age_days"), text, sizeof(text)),
		json_is_true(json_object_get(catalogue, "stale")) ? ": TOO OLD, update it" : "");
}

/* print_emergencies - definitions that are applied today; blocked ones are the operator's choice */
static void print_emergencies(const json_t *catalogue, FILE *out)
{
	char id[80], action[16], until[32];
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(catalogue, "emergencies"), i, entry) {
		if (!json_is_true(json_object_get(entry, "active")))
			continue;
		ctl_text_json(json_object_get(entry, "id"), id, sizeof(id));
		ctl_text_json(json_object_get(entry, "action"), action, sizeof(action));
		ctl_text_json(json_object_get(entry, "until"), until, sizeof(until));
		fprintf(out, "emergency   %s: %s, until %s\n", id, action,
			json_is_string(json_object_get(entry, "until")) ? until : "withdrawn");
	}
}

/* print_refused - an update that could not be taken is never passed over in silence */
static void print_refused(const json_t *catalogue, FILE *out)
{
	const json_t *refused = json_object_get(catalogue, "refused");
	char at[32], why[1024];

	if (json_is_true(json_object_get(catalogue, "inbox_lost")))
		fprintf(out,
			"            THE DIRECTORY FOR NEW CATALOGUES HAS GONE: see its log\n");
	if (json_is_object(refused))
		fprintf(out, "            AN UPDATE WAS REFUSED at %s: %s\n",
			ctl_text_json(json_object_get(refused, "at"), at, sizeof(at)),
			ctl_text_json(json_object_get(refused, "why"), why, sizeof(why)));
}

/* print_reporters - who tells us of builds, and what became of it */
static void print_reporters(const json_t *reporters, FILE *out)
{
	char who[64], taken[24], repeated[24], refused[24], lost[24];
	json_t *row;
	size_t i;

	json_array_foreach (reporters, i, row) {
		fprintf(out, "%-12s%s: %s taken, %s repeated, %s refused, %s lost\n",
			i ? "" : "reporters",
			ctl_text_json(json_object_get(row, "who"), who, sizeof(who)),
			ctl_text_json(json_object_get(row, "taken"), taken, sizeof(taken)),
			ctl_text_json(json_object_get(row, "repeated"), repeated, sizeof(repeated)),
			ctl_text_json(json_object_get(row, "refused"), refused, sizeof(refused)),
			ctl_text_json(json_object_get(row, "lost"), lost, sizeof(lost)));
	}
}

/* print_daemon - what only the daemon knows */
static void print_daemon(const json_t *answer, FILE *out)
{
	const json_t *self = json_object_get(answer, "daemon");
	const json_t *sources = json_object_get(answer, "sources");
	char text[512];

	fprintf(out, "daemon      running");
	if (json_is_string(json_object_get(self, "started")))
		fprintf(out, " since %s",
			ctl_text_json(json_object_get(self, "started"), text, sizeof(text)));
	fprintf(out, "%s\n",
		json_is_false(json_object_get(self, "store_ok")) ? ", BUT CANNOT USE ITS STORE"
								 : "");
	if (json_is_string(json_object_get(self, "store_error"))) {
		fprintf(out, "            %s\n            enforcement goes on as last published\n",
			ctl_text_json(json_object_get(self, "store_error"), text, sizeof(text)));
		if (json_is_null(json_object_get(answer, "catalogue")))
			return; /* it waits for its store and knows nothing else */
	}
	print_catalogue(json_object_get(answer, "catalogue"), out);
	print_refused(json_object_get(answer, "catalogue"), out);
	print_emergencies(json_object_get(answer, "catalogue"), out);
	fprintf(out, "policy      %s\n",
		ctl_text_json(json_object_get(answer, "policy"), text, sizeof(text)));
	fprintf(out, "sources     %s\n", ctl_sight_text(answer, text, sizeof(text)));
	fprintf(out, "tls sight   %s\n", ctl_doctor_tls(answer, text, sizeof(text)));
	print_reporters(json_object_get(answer, "reporters"), out);
	print_counts("clocks", "stage ", json_object_get(sources, "by_stage"), out);
	print_counts("builds", "", json_object_get(sources, "by_standing"), out);
}

/* print_status - kernel, then daemon */
static void print_status(const struct ctl_found *found, FILE *out)
{
	char text[1024];

	print_gate(found, out);
	print_hooks(found->hooks, out);
	if (found->answer) {
		print_daemon(found->answer, out);
		return;
	}
	fprintf(out, "daemon      %s\n", ctl_found_silence(found, text, sizeof(text)));
	fprintf(out, "            (%s)\n", ctl_text_line(found->silence.text, text, sizeof(text)));
}

/* ctl_status - works with the daemon dead, and with the gate not loaded */
int ctl_status(const struct ctl *ctl, struct error *e)
{
	struct ctl_found found;
	json_t *object;
	int rc;

	rc = ctl_found_look(ctl, &found, e);
	if (!rc && ctl->json) {
		object = status_json(&found);
		ctl_output_json(ctl->out, object);
		json_decref(object);
	} else if (!rc) {
		print_status(&found, ctl->out);
	}
	ctl_found_free(&found);
	return rc;
}
