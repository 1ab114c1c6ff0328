// SPDX-License-Identifier: BSD-2-Clause
#include "telling.h"

#include <errno.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/base/times.h"

#define BATCH_BYTES 60000 /* a request may have 65536 */

/* set_text - what is not known is left out: the request is short */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
}

/* telling_object - only what the daemon does not find out by itself */
json_t *telling_object(const struct observation *o)
{
	char source[ADDRESS_TEXT], at[TIMES_TEXT], build[BUILD_TEXT];
	json_t *object = json_pack("{s:s, s:s}", "type", o->build ? "observation" : "no_build",
				   "source", address_format(&o->source, source));

	if (o->at)
		set_text(object, "at", times_format(o->at, at));
	if (o->port)
		json_object_set_new(object, "port", json_integer(o->port));
	set_text(object, "direction", direction_name(o->direction));
	if (o->tls)
		json_object_set_new(object, "tls", json_true());
	set_text(object, "helo", o->helo);
	set_text(object, "by", o->by);
	if (o->build) {
		set_text(object, "origin", origin_name(o->origin));
		set_text(object, "build", build_format(o->build, build));
	} else {
		set_text(object, "family", family_name(o->family));
	}
	return object;
}

/* telling_count - how many are in it */
size_t telling_count(const struct telling *telling)
{
	return json_array_size(telling->list);
}

/* telling_add - by the bytes that it will have in the request */
bool telling_add(struct telling *telling, json_t *object)
{
	size_t bytes = json_dumpb(object, NULL, 0, JSON_COMPACT) + 1;

	if (telling_count(telling) &&
	    (telling->bytes + bytes > BATCH_BYTES || telling_count(telling) == TELLING_MAX))
		return false;
	if (!telling->list)
		telling->list = json_array();
	json_array_append(telling->list, object);
	telling->bytes += bytes;
	return true;
}

/* telling_send - one request */
int telling_send(struct telling *telling, struct client *client, const char *sent,
		 json_t **ret_result, struct error *e)
{
	json_t *request =
		json_pack("{s:s, s:o}", "command", "observe", "observations", telling->list);
	int rc;

	telling->list = NULL;
	telling->bytes = 0;
	if (!request)
		return error_set(e, -ENOMEM, "out of memory");
	set_text(request, "sent", sent);
	rc = client_ask(client, request, ret_result, e);
	json_decref(request);
	return rc;
}
