#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-insists - a sender that will not speak without TLS is refused: it keeps its mail, loses none,
# and the report says that it never reads why
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

tell_builds() {
	for _ in 1 2 3; do
		ctl observe $OLD $OLD_BUILD --helo mail.old.example.org &&
			ctl observe 203.0.113.20 $OLD_BUILD --helo mail.good.example.org &&
			ctl clock advance 1d || return
	done >/dev/null
}
row() { ctl -j report | jq -e ".[] | select(.source == \"$1\") | .reason_read == $2" >/dev/null; }
table() { ctl report | grep -F "$OLD" | grep -q 'never *$'; }

must "three mail servers start" lab_mtas old good edge
must "the edge offers TLS" tls_offer edge
must "the sender insists on it" tls_insist old
e2e_gate
must "what they run is told for some days" tell_builds
must "the report has both" wait_for 20 row 203.0.113.20 null
mail_is delivered old ""
must "the first is to be refused" ctl set $OLD drop --style answer
must "the other too" ctl set 203.0.113.20 drop --style answer
must "enforce mode is accepted" ctl mode enforce

mail_is queued old ""
id=$LAB_ID
must "for want of TLS" grep -q "TLS is required, but was not offered" <(lab_queued old "$id")
must "the report says that it never reads why" row $OLD false
must "in words too" table
must "sources has it" [ "$(ctl -j sources | jq '[.[] | select(.reason_read == false)] | length')" = 1 ]
lab_send good "" user@edge.example.org
must "who speaks without TLS reads it" wait_for 20 row 203.0.113.20 true

must "the sender is let in again" ctl unset $OLD
must "its queue is flushed" lab_flush old
must "nothing was lost" wait_for $MAIL_LIMIT_S lab_delivered edge "$id"
