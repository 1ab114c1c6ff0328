#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# recheck-name - two mail servers behind one address that is blocked for the one of them: the other is
# told to come again, and its mail arrives with its second attempt, not an hour later
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

# called NAME - which of the two speaks from now on
called() { lab_in old postconf -e "smtp_helo_name=$1" && lab_in old postfix reload 2>/dev/null; }

# mail_bounces BUILD - the old site's next mail is refused for good
mail_bounces() {
	lab_send old "$1" user@edge.example.org
	wait_for $MAIL_LIMIT_S bounced
}
bounced() { lab_log old "$LAB_ID" | grep -qF "status=bounced"; }
used() { ctl -j map get verdicts $OLD | jq .hits_recheck; }

must "two mail servers start" lab_mtas old edge
gate_at_once 0 60
e2e_gate "policy: $LAB/policy.yaml" "drop_style: answer"
must "enforce mode is accepted" ctl mode enforce
must "somebody tells of an old build" ctl observe $OLD $OLD_BUILD --helo ex01.old.example.org
ctl clock advance 2h >/dev/null
must "and again" ctl observe $OLD $OLD_BUILD --helo ex01.old.example.org
must "the source is blocked" wait_for 20 source_is $OLD '.block_min == 60'

must "the old server speaks" called ex01.old.example.org
must "it is refused" mail_bounces $OLD_BUILD
ctl clock advance 61m >/dev/null
must "an hour later it may show itself, and is cut" mail_bounces $OLD_BUILD
same "that was the recheck" 1 "$(used)"
must "it is refused again" mail_bounces $OLD_BUILD
same "none came of that" 1 "$(used)"

must "another server speaks, at the same address" called mx2.old.example.org
mail_is queued old ""
same "its name is new" 1 "$(gate_counter ingress recheck_name)"
must "it was told to come again" grep -qF "450 4.7.230" <(lab_log old "$LAB_ID")
must "it does" lab_flush old
must "and its mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$LAB_ID"
must "the gate has seen who it is" wait_for 20 source_is $OLD '.shared'
mail_is delivered old ""

same "the gate knows two names of it" "[[\"$OLD\",2]]" "$(ctl -j map dump recheck_names | jq -c 'map([.source, .names])')"
must "the source is forgotten" ctl forget $OLD
same "its names too" "[]" "$(ctl -j map dump recheck_names | jq -c .)"
