/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_flow - followed connections, and the builds that wait for their acknowledgement
 *
 * Entries of the flows and pending maps as typed JSON. Names and tokens are the peer's bytes
 * and come out escaped. Pure functions.
 */
#ifndef BUILDGATE_CTL_FLOW_H
#define BUILDGATE_CTL_FLOW_H

#include <jansson.h>

#include "maps/abi.h"

#define CTL_FLOW_TEXT 128

/* ctl_flow_text - "192.0.2.7:40112-198.51.100.25:25", client first; "[...]" around IPv6 */
const char *ctl_flow_text(const struct flow_key *key, char *buf);

/* ctl_flow_key_json - {"flow","client","client_port","server","server_port"} */
json_t *ctl_flow_key_json(const struct flow_key *key);

/* ctl_flow_json - the key's object with the flow's state in it */
json_t *ctl_flow_json(const struct flow_key *key, const struct flow *flow);

/* ctl_flow_pending_json - the key's object with what each side showed; null: nothing yet */
json_t *ctl_flow_pending_json(const struct flow_key *key, const struct pending *pending);

/* ctl_flow_handshake_json - a connection attempt that may become a flow, or a recheck */
json_t *ctl_flow_handshake_json(const struct flow_key *key, const struct handshake *handshake);

#endif
