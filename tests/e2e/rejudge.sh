#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rejudge - another policy or catalogue: every record is judged anew and its verdict follows,
# by policy use, at a reload and at a restart; the operator's program is told of each change
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

MILD=$LAB/mild.yaml
CATALOGUE=$LAB/catalogue.json

told() { jq -se "$1" $LAB/told >/dev/null; }
refused() { ! ctl "$@" 2>/dev/null; }
policy_is() { # NAME CHOSEN-BY
	ctl -j policy show | jq -e --arg name "$1" --arg from "$2" \
		'.name == $name and .from == $from and (.judging | not)' >/dev/null
}
preview_moves() { # FROM TO
	ctl -j policy preview "$MILD" |
		jq -e ".moves == [{from: $1, to: $2, sources: 1}]" >/dev/null
}
audit_says() { # WHAT FILTER
	sqlite3 -json $GATE/state/buildgate.db "SELECT * FROM audit WHERE what = '$1'" |
		jq -e "$2" >/dev/null
}
minutes_are() { source_is $OLD ".throttle_min == $1 and .block_min == $2"; }
verdict_seconds() { ctl -j map get verdicts $OLD | jq -e ".throttle_s == $1" >/dev/null; }

must "two mail servers start" lab_mtas old edge
cat >$MILD <<-EOF
	name: mild
	stages:
	  - {day: 0, throttle_min: 0, block_min: 0}
	  - {day: 20, throttle_min: 3, block_min: 0}
	  - {day: 90, throttle_min: 7, block_min: 0}
EOF
cp maps/catalogue/exchange.json $CATALOGUE
printf '#!/bin/sh\ncat >>%s\n' $LAB/told >$LAB/tell && chmod 755 $LAB/tell
e2e_gate "catalogue: $CATALOGUE" "on_stage_change: $LAB/tell"
must "the clock comes to its second stage" clock_verdict
must "the operator's program was told of both" wait_for 20 told \
	'map(.kind) == ["start", "stage"] and .[1].source == "192.0.2.10" and .[1].to == 2'
must "enforce mode is accepted" ctl mode enforce
must "the kernel has its minutes" verdict_seconds 300

must "preview says what a milder policy would do" preview_moves 2 2
must "and changes nothing" minutes_are 5 0
must "another policy is used" ctl policy use "$MILD" --reason "spring is here"
must "the minutes move" wait_for 20 minutes_are 3 0
must "in the kernel too" verdict_seconds 180
must "who did it and why is in the audit trail" audit_says policy \
	'any((.after | test("mild")) and .why == "spring is here" and (.who | test("root")))'
must "a bad one is refused" refused policy use $LAB/none.yaml
gate_stop TERM
must "after a restart" gate_start
must "it is still in force, and policy show says by whom" policy_is mild "policy use"
must "so are its minutes" minutes_are 3 0

sed -i "\$a policy: exchange-online" $GATE/buildgate.yaml
kill -HUP "$GATE_PID"
must "an edit of the configuration counts after that" wait_for 20 policy_is exchange-online \
	configuration
must "the minutes follow" wait_for 20 minutes_are 5 0

gate_stop TERM
sed -i "s|^policy:.*|policy: 30-10-60|" $GATE/buildgate.yaml
must "a restart with another policy" gate_start
must "is found and audited" audit_says policy 'any(.why == "found at start" and .before != null)'
must "all is judged by it" wait_for 20 policy_is 30-10-60 configuration
must "the minutes are its own" minutes_are 5 0
must "in the kernel too" verdict_seconds 300

jq '.serial += 1 |
	(.products[] | select(.name == "Exchange Server 2016")) |=
		(.support_end = "2040-01-01" | .cus[-1] |= (.support_end = .esu_end) | .cus[-1].esu_end = "2040-01-01") |
	(.builds[] | select(.build | startswith("15.1.2507."))).seen_on_wire = false' \
	maps/catalogue/exchange.json >$CATALOGUE.new && mv $CATALOGUE.new $CATALOGUE
kill -HUP "$GATE_PID"
must "a catalogue by which the build is current ends the clock" wait_for 20 source_is $OLD \
	'.stage == 0 and .throttle_min == 0'
must_not "no verdict is left in the kernel" verdict_seconds 300
must "why is in the audit trail" audit_says stop 'any(.subject == "192.0.2.10")'
must "and told" wait_for 20 told 'any(.kind == "stop" and .to == 0)'
must "the catalogue is in it as well" audit_says catalogue 'any(.before != null)'
