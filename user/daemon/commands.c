// SPDX-License-Identifier: BSD-2-Clause
/* What gatectl may ask of the daemon; control.h lists the arguments. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/clock.h"
#include "commands.h"
#include "user/escalation/pause.h"
#include "user/base/times.h"
#include "user/version.h"

#define HISTORY_LAST 100 /* entries of the whole trail, unless asked for more */
#define HISTORY_MAX  10000

/* operator_of - the caller as a decider */
static struct operator operator_of(struct daemon *daemon, const struct control_request *request)
{
	return (struct operator) {
		.store = daemon->store,
		.enforcer = daemon->enforcer,
		.policy = daemon->policy,
		.ipv6_bits = (unsigned int)daemon->config->ipv6_prefix,
		.now = clock_wall(),
		.running = daemon_running(daemon),
		.who = request->who,
		.reason = control_string(request, "reason"),
	};
}

/* source_arg - the argument "addr" as an address */
static int source_arg(const struct control_request *request, struct addr *ret, struct error *e)
{
	const char *text = control_string(request, "addr");
	char shown[64];
	int rc = address_parse(text, ret);

	if (rc)
		error_set(e, rc, "'%s' is not an address; expected 192.0.2.7 or 2001:db8::1",
			  log_escape(text, shown, sizeof(shown)));
	return rc;
}

/* range_arg - the argument "addr" as a range; its text into subject */
static int range_arg(const struct operator* op, const struct control_request *request, bool widen,
		     struct operator_range *ret, char subject[ADDRESS_TEXT], struct error *e)
{
	int rc = operator_range(op, control_string(request, "addr"), widen, ret, e);

	if (!rc)
		range_format(&ret->addr, ret->bits, subject);
	return rc;
}

/* changed_exempt - the answer to a change: a sentence, what it was about (NULL: no address),
 * whether it is in force. An exemption is said unless the mode is off (DESIGN, precedence) */
static json_t *changed_exempt(struct daemon *daemon, const char *subject, bool enforces,
			      bool exempt, const char *sentence)
{
	enum mode mode = daemon_mode(daemon);
	bool idle = enforces && (mode != MODE_ENFORCE || exempt);
	char message[512];

	if (idle && exempt && mode != MODE_OFF)
		snprintf(message, sizeof(message), "%s; recorded, not enforced (it is exempt)",
			 sentence);
	else if (idle)
		snprintf(message, sizeof(message), "%s; recorded, not enforced (mode is %s)",
			 sentence, operator_mode_name(mode));
	else
		snprintf(message, sizeof(message), "%s", sentence);
	return json_pack("{s:s,s:s?,s:s,s:b}", "message", message, "addr", subject, "mode",
			 operator_mode_name(mode), "enforced", enforces && !idle);
}

/* changed - the same where no exemption can stand before it */
static json_t *changed(struct daemon *daemon, const char *subject, bool enforces,
		       const char *sentence)
{
	return changed_exempt(daemon, subject, enforces, false, sentence);
}

static json_t *ping(void *arg, struct control_request *request, struct error *e)
{
	(void)arg;
	(void)request;
	(void)e;
	return json_pack("{s:s}", "version", BUILDGATE_VERSION);
}

static json_t *status(void *arg, struct control_request *request, struct error *e)
{
	(void)request;
	return daemon_status(arg, e);
}

/* after_arg - where a list goes on; from its beginning when it is not given */
static int after_arg(const struct control_request *request, struct addr *ret, struct error *e)
{
	const char *text = control_string(request, "after");
	char shown[64];

	*ret = (struct addr) { 0 };
	if (!text || !address_parse(text, ret))
		return 0;
	return error_set(e, -EINVAL, "after: '%s' is not an address; expected \"next\" of a list",
			 log_escape(text, shown, sizeof(shown)));
}

static json_t *sources(void *arg, struct control_request *request, struct error *e)
{
	struct report report = daemon_report(arg);
	const char *word = control_string(request, "standing");
	int64_t stage = control_integer(request, "stage", -1);
	struct store_filter filter = { .stage_given = stage >= 0, .stage = (uint32_t)stage };
	struct addr after;
	char shown[64];

	if (after_arg(request, &after, e))
		return NULL;
	if (stage > POLICY_STAGES_MAX || stage < -1) {
		error_set(e, -EINVAL, "there is no stage %lld; expected 0 to %d", (long long)stage,
			  POLICY_STAGES_MAX);
		return NULL;
	}
	filter.standing = word ? standing_parse(word) : 0;
	if (word && !filter.standing) {
		error_set(e, -EINVAL,
			  "'%s' is no standing; expected online, emergency, unsupported, "
			  "outdated, current or unknown",
			  log_escape(word, shown, sizeof(shown)));
		return NULL;
	}
	return report_sources(&report, &filter, &after, &request->rows, e);
}

static json_t *outdated(void *arg, struct control_request *request, struct error *e)
{
	struct report report = daemon_report(arg);
	struct addr after;

	if (after_arg(request, &after, e))
		return NULL;
	return report_outdated(&report, &after, &request->rows, e);
}

static json_t *show(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct report report = daemon_report(daemon);
	struct addr addr;

	if (source_arg(request, &addr, e))
		return NULL;
	return report_source(&report, &addr, (unsigned int)daemon->config->ipv6_prefix, e);
}

static json_t *history(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct report report = daemon_report(daemon);
	struct operator op = operator_of(daemon, request);
	int64_t last = control_integer(request, "last", HISTORY_LAST);
	struct operator_range range;
	char subject[ADDRESS_TEXT];
	struct addr addr;

	if (!control_string(request, "addr") && last >= 1 && last <= HISTORY_MAX)
		return report_trail(&report, last, e);
	if (!control_string(request, "addr")) {
		error_set(e, -EINVAL, "last %lld, expected 1 to %d entries", (long long)last,
			  HISTORY_MAX);
		return NULL;
	}
	if (source_arg(request, &addr, e) || range_arg(&op, request, true, &range, subject, e))
		return NULL;
	/* entries of the clock name a source by its first address, without a length */
	return report_history(&report, address_format(&range.addr, subject), 0, e);
}

static json_t *audit(void *arg, struct control_request *request, struct error *e)
{
	struct report report = daemon_report(arg);
	const char *since = control_string(request, "since");
	char shown[64];
	int64_t at = 0;

	if (since && times_parse(since, &at)) {
		error_set(e, -EINVAL, "'%s' is not a date; expected 2026-12-01T00:00:00Z",
			  log_escape(since, shown, sizeof(shown)));
		return NULL;
	}
	return report_audit(&report, control_integer(request, "after", 0), at, e);
}

/* until_arg - "for" as a moment; 0: no end */
static int until_arg(const struct control_request *request, int64_t now, int64_t *ret,
		     struct error *e)
{
	const char *span = control_string(request, "for");
	char shown[64];
	int64_t seconds;

	*ret = 0;
	if (!span)
		return 0;
	if (times_parse_span(span, &seconds))
		return error_set(e, -EINVAL, "'%s' is not a time span; expected 2h or 30d",
				 log_escape(span, shown, sizeof(shown)));
	*ret = now + seconds;
	return 0;
}

/* words_arg - action and style */
static int words_arg(const struct control_request *request, uint8_t *ret_action, uint8_t *ret_style,
		     struct error *e)
{
	const char *action = control_string(request, "action");
	const char *style = control_string(request, "style");
	char shown[64];

	*ret_action = action_parse(action);
	if (!*ret_action)
		return error_set(e, -EINVAL, "cannot set '%s'; expected pass, tarpit or drop",
				 log_escape(action, shown, sizeof(shown)));
	*ret_style = style ? style_parse(style) : 0;
	if (style && !*ret_style)
		return error_set(e, -EINVAL,
				 "'%s' is no style; expected slow, defer, answer or silent",
				 log_escape(style, shown, sizeof(shown)));
	return 0;
}

static json_t *set(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], when[TIMES_TEXT], sentence[256];
	struct operator_range range;
	uint8_t action, style;
	int64_t until;

	if (range_arg(&op, request, true, &range, subject, e) ||
	    words_arg(request, &action, &style, e) || until_arg(request, op.now, &until, e) ||
	    operator_set(&op, &range, action, style, until, e))
		return NULL;
	daemon_tick_by(daemon);
	snprintf(sentence, sizeof(sentence), "%s is set to %s%s%s", subject, action_name(action),
		 until ? " until " : "", until ? times_format(until, when) : "");
	return changed_exempt(daemon, subject, action != ACTION_PASS,
			      enforcer_exempts(op.enforcer, &range.addr, range.bits, op.now),
			      sentence);
}

static json_t *unset(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], over[ADDRESS_TEXT], sentence[256];
	const struct decision *wider;
	struct operator_range range;

	if (range_arg(&op, request, true, &range, subject, e) ||
	    operator_end(&op, DECISION_SET, &range, e))
		return NULL;
	wider = enforcer_decided(op.enforcer, DECISION_SET, &range.addr, range.bits, op.now);
	if (wider)
		snprintf(sentence, sizeof(sentence),
			 "%s is no longer set itself: %s, which %s is set to, decides", subject,
			 action_name(wider->action), range_format(&wider->addr, wider->bits, over));
	else
		snprintf(sentence, sizeof(sentence), "%s is no longer set: the clock decides",
			 subject);
	return changed(daemon, subject, false, sentence);
}

static json_t *exempt(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], sentence[128];
	struct operator_range range;

	if (range_arg(&op, request, false, &range, subject, e) || operator_exempt(&op, &range, e))
		return NULL;
	snprintf(sentence, sizeof(sentence), "%s is exempt", subject);
	return changed(daemon, subject, false, sentence);
}

static json_t *unexempt(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], over[ADDRESS_TEXT], sentence[256];
	const struct decision *wider;
	struct operator_range range;

	if (range_arg(&op, request, false, &range, subject, e) ||
	    operator_end(&op, DECISION_EXEMPT, &range, e))
		return NULL;
	wider = enforcer_decided(op.enforcer, DECISION_EXEMPT, &range.addr, range.bits, op.now);
	if (wider)
		snprintf(sentence, sizeof(sentence),
			 "%s is no longer exempt itself, but still as a part of %s", subject,
			 range_format(&wider->addr, wider->bits, over));
	else
		snprintf(sentence, sizeof(sentence), "%s is no longer exempt", subject);
	return changed(daemon, subject, false, sentence);
}

/* settle - what is due happens under its own rule and audit entry before an operator's word */
static int settle(struct daemon *daemon, struct error *e)
{
	int rc = daemon_move(daemon, e);

	return rc < 0 ? rc : 0;
}

static json_t *pause_source(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], when[TIMES_TEXT], sentence[128];
	int64_t days = control_integer(request, "days", 0), until;
	struct operator_range range;

	if (days < 1 || days > PAUSE_DAYS_MAX) {
		error_set(e, -EINVAL, "cannot pause for %lld days; expected 1 to %d",
			  (long long)days, PAUSE_DAYS_MAX);
		return NULL;
	}
	if (range_arg(&op, request, true, &range, subject, e) || settle(daemon, e) ||
	    operator_pause(&op, &range, (unsigned int)days, &until, e))
		return NULL;
	snprintf(sentence, sizeof(sentence), "%s is paused until %s", subject,
		 times_format(until, when));
	return changed(daemon, subject, false, sentence);
}

static json_t *unpause(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	char subject[ADDRESS_TEXT], sentence[128];
	struct operator_range range;

	if (range_arg(&op, request, true, &range, subject, e) || settle(daemon, e) ||
	    operator_unpause(&op, &range, e))
		return NULL;
	snprintf(sentence, sizeof(sentence), "%s is no longer paused", subject);
	return changed(daemon, subject, false, sentence);
}

static json_t *forget(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);
	const char *name = control_string(request, "name");
	char subject[ADDRESS_TEXT], sentence[128];
	struct operator_range range;
	int gone;

	if (!name == !control_string(request, "addr")) {
		error_set(e, -EINVAL, "forget needs either 'addr' or 'name'");
		return NULL;
	}
	if (!name && range_arg(&op, request, true, &range, subject, e))
		return NULL;
	gone = operator_forget(&op, name ? NULL : &range, name, e);
	if (gone < 0)
		return NULL;
	snprintf(sentence, sizeof(sentence), "%d %s forgotten", gone,
		 gone == 1 ? "record is" : "records are");
	return changed(daemon, name ? NULL : subject, false, sentence);
}

/* mode_json - what mode it is, and until when if that is not for good */
static json_t *mode_json(struct daemon *daemon)
{
	const char *name = operator_mode_name(daemon_mode(daemon));
	uint64_t until_ns = daemon->settings->enforce_until_ns;
	char message[128], until[TIMES_TEXT];

	if (until_ns) {
		times_format(clock_kernel_to_wall(until_ns), until);
		snprintf(message, sizeof(message),
			 "mode is %s, and report again from %s unless \"mode confirm\" comes", name,
			 until);
	} else {
		snprintf(message, sizeof(message), "mode is %s", name);
	}
	return json_pack("{s:s,s:s,s:s?}", "mode", name, "message", message, "confirm_until",
			 until_ns ? until : NULL);
}

static json_t *mode(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	const char *word = control_string(request, "mode");
	int64_t confirm_s = control_integer(request, "confirm", 0);
	enum mode wanted = word ? operator_mode_parse(word) : 0;
	char shown[64];

	if (word && !strcmp(word, "confirm"))
		return daemon_confirm_mode(daemon, request->who, e) ? NULL : mode_json(daemon);
	if (word && !wanted) {
		error_set(e, -EINVAL, "'%s' is no mode; expected off, report, enforce or confirm",
			  log_escape(word, shown, sizeof(shown)));
		return NULL;
	}
	if (confirm_s && wanted != MODE_ENFORCE) {
		error_set(e, -EINVAL, "only enforce can wait to be confirmed");
		return NULL;
	}
	if (wanted && daemon_set_mode(daemon, wanted, confirm_s, request->who,
				      control_string(request, "reason"), e))
		return NULL;
	return mode_json(daemon);
}

/* unload - gatectl takes the gate away next: let go of it, in good order */
static json_t *unload(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	struct operator op = operator_of(daemon, request);

	log_event(LOG_LEVEL_INFO, "unload", LOG_FIELDS({ "who", request->who }),
		  "ending: the gate is to be unloaded, by %s", request->who);
	if (operator_unload(&op, e))
		log_warning("unload not in the audit trail: %s", e->text);
	sd_event_exit(daemon->event, 0);
	return json_pack("{s:s}", "message", "buildgated ends");
}

static json_t *events(void *arg, struct control_request *request, struct error *e)
{
	(void)arg;
	(void)e;
	request->follow = true;
	return json_null();
}

/* clock_target - the moment a lab clock shall go to */
static int clock_target(const struct control_request *request, int64_t *ret, struct error *e)
{
	const char *advance = control_string(request, "advance"),
		   *to = control_string(request, "to");
	char shown[64];
	int64_t seconds;

	if (!advance == !to)
		return error_set(e, -EINVAL, "clock needs either 'advance' or 'to'");
	if (to)
		return times_parse(to, ret)
			       ? error_set(e, -EINVAL,
					   "'%s' is not a date; expected 2026-12-01T00:00:00Z",
					   log_escape(to, shown, sizeof(shown)))
			       : 0;
	if (times_parse_span(advance, &seconds))
		return error_set(e, -EINVAL, "'%s' is not a time span; expected 2h or 35d",
				 log_escape(advance, shown, sizeof(shown)));
	*ret = clock_wall() + seconds;
	return 0;
}

static json_t *lab_clock(void *arg, struct control_request *request, struct error *e)
{
	struct daemon *daemon = arg;
	char at[TIMES_TEXT], message[96];
	int64_t target;

	if (!daemon->lab_clock) {
		error_set(e, -EPERM,
			  "the clock can only be moved in a laboratory; start buildgated "
			  "with --lab-clock for that");
		return NULL;
	}
	if (clock_target(request, &target, e) || daemon_advance(daemon, target, e))
		return NULL;
	times_format(clock_wall(), at);
	snprintf(message, sizeof(message), "it is %s now", at);
	return json_pack("{s:s,s:s,s:I}", "message", message, "now", at, "offset_s",
			 (json_int_t)(clock_offset_ns() / 1000000000LL));
}

#define ADDR                                                                                       \
	{                                                                                          \
		"addr", CONTROL_STRING, true                                                       \
	}
#define OPTIONAL(name)                                                                             \
	{                                                                                          \
		name, CONTROL_STRING, false                                                        \
	}

const struct control_command commands_table[] = {
	{ "ping", ping, { { 0 } } },
	{ "status", status, { { 0 } } },
	{ "sources",
	  sources,
	  { { "stage", CONTROL_INTEGER, false }, OPTIONAL("standing"), OPTIONAL("after") } },
	{ "report", outdated, { OPTIONAL("after") } },
	{ "page", command_page, { OPTIONAL("place") } },
	{ "show", show, { ADDR } },
	{ "history", history, { OPTIONAL("addr"), { "last", CONTROL_INTEGER, false } } },
	{ "audit", audit, { { "after", CONTROL_INTEGER, false }, OPTIONAL("since") } },
	{ "set",
	  set,
	  { ADDR,
	    { "action", CONTROL_STRING, true },
	    OPTIONAL("style"),
	    OPTIONAL("for"),
	    OPTIONAL("reason") } },
	{ "unset", unset, { ADDR, OPTIONAL("reason") } },
	{ "mode",
	  mode,
	  { OPTIONAL("mode"), { "confirm", CONTROL_INTEGER, false }, OPTIONAL("reason") } },
	{ "unload", unload, { { 0 } } },
	{ "pause", pause_source, { ADDR, { "days", CONTROL_INTEGER, true }, OPTIONAL("reason") } },
	{ "unpause", unpause, { ADDR, OPTIONAL("reason") } },
	{ "exempt", exempt, { ADDR, OPTIONAL("reason") } },
	{ "unexempt", unexempt, { ADDR, OPTIONAL("reason") } },
	{ "forget", forget, { OPTIONAL("addr"), OPTIONAL("name") } },
	{ "observe",
	  daemon_observe,
	  { { "observations", CONTROL_ARRAY, true }, OPTIONAL("sent") } },
	{ "events", events, { { 0 } } },
	{ "catalogue-check",
	  command_catalogue_check,
	  { { "build", CONTROL_STRING, true }, OPTIONAL("at") } },
	{ "catalogue-show", command_catalogue_show, { { 0 } } },
	{ "catalogue-update", command_catalogue_update, { { "file", CONTROL_STRING, true } } },
	{ "catalogue-block",
	  command_catalogue_block,
	  { { "id", CONTROL_STRING, true }, OPTIONAL("reason") } },
	{ "catalogue-unblock",
	  command_catalogue_unblock,
	  { { "id", CONTROL_STRING, true }, OPTIONAL("reason") } },
	{ "policy-show", command_policy_show, { { 0 } } },
	{ "policy-preview",
	  command_policy_preview,
	  { { "policy", CONTROL_STRING, true }, OPTIONAL("after") } },
	{ "policy-use",
	  command_policy_use,
	  { { "policy", CONTROL_STRING, true }, OPTIONAL("reason") } },
	{ "clock", lab_clock, { OPTIONAL("advance"), OPTIONAL("to") } },
	{ 0 },
};
