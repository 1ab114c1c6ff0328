// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_map.h"
#include "ctl_output.h"
#include "ctl_text.h"
#include "user/kernel/loader.h"
#include "user/kernel/offmark.h"
#include "user/base/times.h"

#define OFF_TIMEOUT_S    2
#define UNLOAD_TIMEOUT_S 5

/* print_mode - {"mode",...} or a sentence */
static void print_mode(const struct ctl *ctl, const char *mode, const char *message,
		       const char *daemon_error)
{
	json_t *object;
	char text[2048];

	if (!ctl->json) {
		fprintf(ctl->out, "%s\n", ctl_text_line(message, text, sizeof(text)));
		return;
	}
	object = json_pack("{s:s,s:s,s:s?}", "mode", mode, "message", message, "daemon_error",
			   daemon_error);
	ctl_output_json(ctl->out, object);
	json_decref(object);
}

/* ask_mode - the daemon's way; mode NULL asks for the present one */
static int ask_mode(const struct ctl *ctl, const char *mode, json_t **ret_result, struct error *e)
{
	json_t *request = json_pack("{s:s}", "command", "mode");
	const char *confirm = ctl_option(ctl, "--confirm"), *reason = ctl_option(ctl, "--reason");
	int rc;

	if (reason)
		json_object_set_new(request, "reason", json_string(reason));
	if (mode)
		json_object_set_new(request, "mode", json_string(mode));
	if (confirm)
		json_object_set_new(request, "confirm", json_integer(strtol(confirm, NULL, 10)));
	rc = client_call_within(ctl->socket,
				mode && strcmp(mode, "off") == 0 ? OFF_TIMEOUT_S : CLIENT_TIMEOUT_S,
				request, ret_result, e);
	json_decref(request);
	return rc;
}

/* mode_sentence - the mode, and what becomes of it by itself */
static const char *mode_sentence(const struct ctl_view *view, char *text, size_t size)
{
	enum mode mode = ctl_verdict_mode(view);
	char until[TIMES_TEXT];

	if (mode != view->settings.mode)
		return "report: enforce was not confirmed in time";
	if (mode != MODE_ENFORCE || !view->settings.enforce_until_ns)
		return ctl_text_mode(mode);
	times_format(clock_kernel_to_wall(view->settings.enforce_until_ns), until);
	snprintf(text, size,
		 "enforce, and report again from %s unless \"gatectl mode confirm\" comes", until);
	return text;
}

/* show_mode - from the kernel; from the daemon when the maps may not be opened */
static int show_mode(const struct ctl *ctl, struct error *e)
{
	struct ctl_view view;
	struct error silent;
	json_t *result;
	const char *mode;
	int rc;

	rc = ctl_view_open(&view, NULL, e);
	if (rc == 0) {
		char text[160];

		mode = ctl_text_mode(ctl_verdict_mode(&view));
		print_mode(ctl, mode, mode_sentence(&view, text, sizeof(text)), NULL);
		return 0;
	}
	if (rc == -ENOENT || ask_mode(ctl, NULL, &result, &silent))
		return rc;
	mode = json_string_value(json_object_get(result, "mode"));
	if (mode)
		print_mode(ctl, mode, mode, NULL);
	json_decref(result);
	return mode ? 0 : rc;
}

/* store_off - the kill switch: one word in the mapped page, seen by the next packet */
static int store_off(struct error *e)
{
	struct pinned *pinned;
	int rc;

	rc = pinned_open(&pinned, e);
	if (rc)
		return rc;
	pinned_settings(pinned)->mode = MODE_OFF;
	pinned_close(pinned);
	return 0;
}

/* switch_off - by the daemon, for the audit trail; the word is stored in any case, and soon:
 * a daemon that hangs may hold the kill switch up for OFF_TIMEOUT_S only */
static int switch_off(const struct ctl *ctl, struct error *e)
{
	struct error silent = { "" }, unmarked = { "" };
	json_t *result = NULL;
	char text[2048];
	int rc, asked;

	asked = ask_mode(ctl, "off", &result, &silent);
	json_decref(result);
	rc = store_off(e);
	if (rc && asked)
		return rc;
	if (!asked)
		snprintf(text, sizeof(text), "mode is off");
	else if (!offmark_put(&unmarked))
		snprintf(text, sizeof(text),
			 "mode is off, and stays off when this host or the daemon is started "
			 "again; the daemon could not be told: %s",
			 silent.text);
	else
		snprintf(text, sizeof(text),
			 "mode is off until this host is started again: then the daemon's store "
			 "decides, unless \"gatectl mode off\" comes while it runs; the daemon "
			 "could not be told: %s; nor could the mode be kept for it: %s",
			 silent.text, unmarked.text);
	print_mode(ctl, "off", text, asked ? silent.text : NULL);
	return 0;
}

/* ctl_mode - report and enforce need the daemon: it renews the lease and checks the contact */
int ctl_mode(const struct ctl *ctl, struct error *e)
{
	const char *mode = ctl->args[0], *message;
	json_t *result;
	char text[64];
	int rc;

	if (!mode)
		return show_mode(ctl, e);
	if (ctl_option(ctl, "--confirm") && strcmp(mode, "enforce"))
		return error_set(
			e, CTL_USAGE,
			"mode: --confirm goes with enforce, which can return to report by itself");
	if (strcmp(mode, "off") == 0)
		return switch_off(ctl, e);
	rc = ask_mode(ctl, mode, &result, e);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "mode is %s", mode);
	message = json_string_value(json_object_get(result, "message"));
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		print_mode(ctl, mode, message ? message : text, NULL);
	json_decref(result);
	return 0;
}

/* daemon_runs - somebody listens on the control socket */
static bool daemon_runs(const struct ctl *ctl)
{
	struct client *client;

	if (client_open(ctl->socket, 1, &client, NULL))
		return false;
	client_close(client);
	return true;
}

/* end_daemon - a daemon holds programs and maps open, and would load the gate again: it goes
 * first. Returns whether one still runs. */
static bool end_daemon(const struct ctl *ctl)
{
	json_t *request = json_pack("{s:s}", "command", "unload"), *result = NULL;
	struct timespec pause = { .tv_nsec = 50000000 };

	/* it may be gone before its answer is here */
	client_call_within(ctl->socket, UNLOAD_TIMEOUT_S, request, &result, NULL);
	json_decref(request);
	json_decref(result);
	for (int i = 0; i < UNLOAD_TIMEOUT_S * 20 && daemon_runs(ctl); i++)
		nanosleep(&pause, NULL);
	return daemon_runs(ctl);
}

/* ctl_unload - the daemon ends, then what it left in the kernel goes */
int ctl_unload(const struct ctl *ctl, struct error *e)
{
	json_t *hooks = loader_hooks(NULL), *object;
	bool loaded = hooks != NULL, running = daemon_runs(ctl);
	int rc;

	json_decref(hooks);
	if (loaded && running)
		running = end_daemon(ctl);
	rc = loader_unload(e);
	if (rc)
		return rc;
	if (!loaded)
		return error_set(e, -ENOENT, "the gate is not loaded: there is nothing to unload");
	if (ctl->json) {
		object = json_pack("{s:b,s:{s:b}}", "unloaded", 1, "daemon", "running", running);
		ctl_output_json(ctl->out, object);
		json_decref(object);
	} else {
		fprintf(ctl->out, "the gate is unloaded%s\n",
			running ? "; buildgated does not end: it still holds programs and maps "
				  "open, "
				  "and sees nothing until it is restarted"
				: "");
	}
	return 0;
}
