/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_world - commands of gatectl against a daemon and maps that are not there
 *
 * The settings map is a variable, the daemon (ctl_daemon.h) gives one answer. Use TEST() for each
 * test: it starts with a loaded gate in enforce mode and no daemon. run() runs a command line;
 * said and why are what it printed and the error.
 */
#ifndef TESTS_CTL_WORLD_H
#define TESTS_CTL_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl_daemon.h"
#include "user/base/clock.h"
#include "user/ctl/ctl.h"
#include "user/ctl/ctl_parse.h"
#include "user/kernel/loader.h"
#include "user/kernel/offmark.h"
#include "user/kernel/pinned.h"

#define NS 1000000000ULL

/* ---- the kernel's side ---- */

static struct settings settings;
static bool loaded, unloaded;
static int pinned_error; /* instead of -ENOENT */

int pinned_open(struct pinned **ret_pinned, struct error *e)
{
	if (!loaded)
		return error_set(e, pinned_error ? pinned_error : -ENOENT,
				 "the gate is not loaded");
	*ret_pinned = (struct pinned *)&settings;
	return 0;
}

void pinned_close(struct pinned *pinned)
{
	(void)pinned;
}

volatile struct settings *pinned_settings(struct pinned *pinned)
{
	return (struct settings *)pinned;
}

int pinned_map(const char *name, struct error *e)
{
	return error_set(e, -ENOENT, "no map %s in this test", name);
}

int pinned_slowed(uint64_t now_ns)
{
	(void)now_ns;
	return 3;
}

int pinned_counters(struct pinned *pinned, struct counters ret_counters[HOOK_MAX])
{
	(void)pinned;
	memset(ret_counters, 0, HOOK_MAX * sizeof(ret_counters[0]));
	ret_counters[HOOK_INGRESS].count[REASON_SYN] = 17;
	return 0;
}

const char *reason_name(unsigned int reason)
{
	return reason == REASON_SYN ? "syn" : "other";
}

const char *reason_kind(unsigned int reason)
{
	return reason == REASON_SYN ? "pass" : "note";
}

const char *reason_text(unsigned int reason)
{
	return reason == REASON_SYN ? "connection attempt" : "";
}

const char *hook_name(unsigned int hook)
{
	static const char *const names[] = { "xdp", "ingress", "egress", "sockops", "tls" };

	return names[hook];
}

json_t *loader_hooks(struct error *e)
{
	(void)e;
	if (!loaded)
		return NULL;
	return json_pack("[{s:s,s:s,s:s,s:i,s:b},{s:s,s:s,s:s,s:i,s:b}]", "hook", "xdp",
			 "interface", "uplink", "mode", "native", "program_id", 12, "attached", 1,
			 "hook", "egress", "interface", "uplink", "mode", "tcx", "program_id", 13,
			 "attached", 0);
}

static int mark_error;
static unsigned int marks;

int offmark_put(struct error *e)
{
	if (mark_error)
		return error_set(e, mark_error, "the disk is full");
	marks++;
	return 0;
}

int loader_unload(struct error *e)
{
	(void)e;
	unloaded = true;
	return 0;
}

/* ---- running a command ---- */

static char *said;
static struct error why;

/* run - a line of words as gatectl would run it; what it prints is in said */
static int run(const char *line)
{
	char copy[256], *argv[16] = { "gatectl", "--socket", mock.path }, *word, *rest;
	struct ctl ctl = { 0 };
	int argc = 3, rc;
	size_t size;

	strcpy(copy, line);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	why.text[0] = '\0';
	if (ctl_parse(argc, argv, &ctl, &why))
		fail_msg("%s: %s", line, why.text);
	free(said);
	ctl.out = open_memstream(&said, &size);
	rc = ctl.command->run(&ctl, &why);
	fclose(ctl.out);
	return rc;
}

/* said_json - what was printed as one JSON value; the caller owns it */
__attribute__((unused)) static json_t *said_json(void)
{
	json_t *value = json_loads(said, JSON_DECODE_ANY, NULL);

	if (!value)
		fail_msg("no JSON: %s", said);
	return value;
}

static int set_up(void **state)
{
	(void)state;
	clock_init(0);
	memset(&settings, 0, sizeof(settings));
	settings.abi = ABI_VERSION;
	settings.mode = MODE_ENFORCE;
	settings.lease_until_ns = clock_kernel_ns() + 36005 * NS;
	loaded = true;
	marks = 0;
	mark_error = 0;
	unloaded = false;
	pinned_error = 0;
	strcpy(mock.dir, "/tmp/test_ctl.XXXXXX");
	if (!mkdtemp(mock.dir))
		return -1;
	snprintf(mock.path, sizeof(mock.path), "%s/control.sock", mock.dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop_daemon();
	rmdir(mock.dir);
	free(said);
	said = NULL;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
