#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-postfix - a build inside TLS is read in a real Postfix, and starts the clock
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

tls_hides() { ctl -j status | jq -e '.sight.tls_only == 1' >/dev/null; }

SMTPD=/usr/lib/postfix/sbin/smtpd
must "three mail servers start" lab_mtas old good edge
must "the edge offers TLS" tls_offer edge
must "the old site insists on it" tls_insist old
must "the good site insists on it" tls_insist good

# off is the default
e2e_gate
same "sight is off" false "$(ctl -j status | jq .tls_sight.on)"
mail_is delivered old $OLD_BUILD
must "the source only shows that it hides" wait_for 20 tls_hides
must_not "no build is read" source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the gate stops" gate_stop
must "the gate unloads" ctl unload

e2e_gate "tls_sight: on"
must "Postfix is covered" tls_covered $SMTPD
must "events are followed" tls_events_start
mail_is delivered old $OLD_BUILD
must "the build was read inside TLS" wait_for 20 tls_seen \
	".source == \"$OLD\" and .build == \"$OLD_BUILD\" and .origin == \"received\" and
	.by == \"mail.old.example.org\" and .direction == \"inbound\""
