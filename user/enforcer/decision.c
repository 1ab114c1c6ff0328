// SPDX-License-Identifier: BSD-2-Clause
#include "decision.h"

#include "enforcer.h"
#include "user/base/times.h"

/* until_json - null for no end */
static json_t *until_json(int64_t until)
{
	char text[TIMES_TEXT];

	return until ? json_string(times_format(until, text)) : json_null();
}

/* decision_json - by kind */
json_t *decision_json(const struct decision *d)
{
	if (d->kind == DECISION_SET)
		return json_pack("{s:s,s:s?,s:o}", "action", action_name(d->action), "style",
				 d->style ? style_name(d->style) : NULL, "until",
				 until_json(d->until));
	if (d->kind == DECISION_PAUSE)
		return json_pack("{s:o}", "until", until_json(d->until));
	return json_pack("{s:b}", d->kind == DECISION_EXEMPT ? "exempt" : "enforce_shared", 1);
}
