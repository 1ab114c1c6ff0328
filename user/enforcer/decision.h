/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decision - what the audit trail says of an operator's decision, before and after
 *
 * {"action","style","until"} of a set, {"exempt":true}, {"until"} of a pause. Who and why stand in
 * the entry itself.
 */
#ifndef BUILDGATE_DECISION_H
#define BUILDGATE_DECISION_H

#include <jansson.h>

#include "user/store/store.h"

/* decision_json - the caller owns it; NULL: out of memory */
json_t *decision_json(const struct decision *decision);

#endif
