#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# observe - what others tell: good lines are taken, bad ones refused with their number, and
# nobody may tell about us, the exempt or the inside
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

# told - ctl observe --stdin -j of the text on stdin; its last summary line
told() { ctl -j observe --stdin | jq -c 'select(.type == "summary")'; }

# errors - the refusals of the text on stdin, one per line: "LINE: SENTENCE"
errors() { ctl -j observe --stdin | jq -r 'select(.line) | "\(.line): \(.error)"'; }

# says - TEXT has a line that begins with "NUMBER: " and has WORDS
says() { grep -qE "^$2: .*$3" <<<"$1" || e2e_fail "line $2 does not say '$3': $1"; }

lines() {
	cat <<-EOF2
		{"source":"203.0.113.7","helo":"mail.a.example.org","build":"15.1.2507.6"}

		not json
		{"source":"203.0.113.7","helo":"mail.a.example.org"}
		{"source":"203.0.113.7","helo":"x","build":"15.1"}
		{"source":"203.0.113","helo":"x","build":"15.1.2507.6"}
		{"source":"203.0.113.8","helo":"x","build":"15.1.2507.6","origin":"rumour"}
		{"source":"203.0.113.8","helo":"x","build":"15.1.2507.6","at":"2030-01-01T00:00:00Z"}
		{"source":"203.0.113.8","helo":"x","build":"15.1.2507.6","at":"2020-01-01T00:00:00Z"}
		{"source":"198.51.100.25","helo":"x","build":"15.1.2507.6"}
		{"source":"192.0.2.200","helo":"x","build":"15.1.2507.6"}
		{"source":"10.1.2.3","helo":"x","build":"15.1.2507.6"}
		{"source":"203.0.113.8","helo":"x","build":"15.1.2507.6","direction":"outbound","origin":"received"}
		{"type":"stage","source":"203.0.113.8"}
		{"type":"no_build","source":"203.0.113.9","helo":"relay.example.org","family":"other"}
		{"source":"2001:db8:77::9","by":"ex01.b.example.org","build":"15.01.2507.006","origin":"received","tls":true}
		{"source":"203.0.113.10","helo":"c.example.org","header":"Received: from c.example.org (203.0.113.10) by\\n d.example.org (203.0.113.10) with Microsoft SMTP Server (TLS) id 14.3.498.0; Sat"}
	EOF2
	printf '{"source":"203.0.113.11","helo":"last.example.org","build":"15.1.2507.6"}' # no line end
}

# an inside network, behind another interface than the uplink
must "there is an inside" lab_net edge sh -c 'ip link add inside type veth peer name behind &&
	ip addr add 10.1.2.1/24 dev inside && ip link set inside up && ip link set behind up'
e2e_gate "exempt: [192.0.2.128/25]" "http: 127.0.0.1:9725" "observe_rate: 2000"

text=$(lines | errors)
says "$text" 3 "no JSON: .*expected one object"
says "$text" 4 'key "build" is missing: expected four numbers'
says "$text" 5 'key "build": "15.1" is no build'
says "$text" 6 'key "source": "203.0.113" is no IPv4 or IPv6 address'
says "$text" 7 'key "origin": "rumour" is none of banner, ehlo, received, reported'
says "$text" 8 'key "at": 2030-01-01T00:00:00Z is in the future'
says "$text" 9 'key "at": 2020-01-01T00:00:00Z is more than 30 days ago'
says "$text" 10 '198.51.100.25 is an address of this host'
says "$text" 11 '192.0.2.200 is exempt'
says "$text" 12 '10.1.2.3 is on the inside'
says "$text" 13 '203.0.113.8 spoke on the inside'
same "refused lines" 11 "$(wc -l <<<"$text")"
must "a line that names a build is taken" source_is 203.0.113.7 \
	'.identities[0] | .name == "mail.a.example.org" and .build == "15.1.2507.6" and .origin == "reported"'
must "an origin stays what it was" source_is 2001:db8:77::9 \
	'.identities[0] | .name == "ex01.b.example.org" and .origin == "received"'
must "a header is read as the programs would" source_is 203.0.113.10 \
	'[.identities[] | select(.name == "d.example.org") | .build] == ["14.3.498.0"]'
must "a connection without a build is a neighbour" source_is 203.0.113.9 \
	'.identities[0] | .name == "relay.example.org" and .build == null'
must "the last line needs no end" source_is 203.0.113.11 '.identities[0].name == "last.example.org"'
same "the same again is no second connection" \
	'{"type":"summary","lines":1,"taken":0,"repeated":1,"skipped":0,"refused":0,"lost":0}' \
	"$(lines | head -n 1 | told)"
must_not "a refused line is exit 1" sh -c 'exec "$@" </dev/stdin' sh nsenter --net="$(lab_ns edge)" \
	build/gatectl observe --stdin <<<'{}'

must "single" ctl observe 203.0.113.20 15.2.1118.7 --helo mail.good.example.org
must "a name is not needed where there is one" ctl observe 203.0.113.20 15.2.1118.9
must "it is about that name" source_is 203.0.113.20 '(.identities | length) == 1'
must_not "not about ourselves" ctl observe 198.51.100.25 15.2.1118.7
must "who told is in the audit trail" sh -c "$(declare -f ctl lab_net lab_ns); LAB_NAME=$LAB_NAME
	ctl -j history 203.0.113.7 | jq -e '.[] | select(.what == \"observe\" and (.who | test(\"uid 0\")))'"
same "once a day" 1 "$(ctl -j history 203.0.113.7 | jq '[.[] | select(.what == "observe")] | length')"

# the limit: what is over it is lost, counted, and said
text=$(seq 1 3000 | jq -c '{type: "no_build", source: "203.0.113.\(. % 200 + 20)", helo: "n\(.).example.org"}' |
	ctl -j observe --stdin)
lost=$(jq -r 'select(.type == "summary") | .lost' <<<"$text")
must "over the limit is lost" [ "$lost" -gt 900 ]
must "and said" grep -q "over the limit of 2000 a minute" <<<"$text"
same "and a metric" "$lost" "$(gate_metrics | sed -n 's/^buildgate_reports_total{result="lost"} //p')"
same "and in status" "$lost" "$(ctl -j status | jq '.reporters[0].lost')"
must "status says where builds stood" sh -c "$(declare -f ctl lab_net lab_ns); LAB_NAME=$LAB_NAME
	ctl -j status | jq -e '.sight.by_origin | .received == 2 and .reported == 3'"

# the events of one gate are another's observations
ctl -j events >$GATE/events &
followed() { [ "$(ctl -j status | jq .daemon.followers)" = 1 ]; }
must "somebody follows the events" wait_for 10 followed
must "the gate stops" gate_stop # its connection to the follower too
must "it starts with a new minute for everybody" gate_start
ctl -j events >$GATE/events &
must "somebody follows the events again" wait_for 10 followed
must "an event" ctl observe 203.0.113.30 15.1.2507.6 --helo e.example.org
heard() { grep -q 203.0.113.30 $GATE/events; }
must "it is published" wait_for 10 heard
sed 's/203.0.113.30/203.0.113.31/' $GATE/events | must "it is what observe reads" ctl observe --stdin
must "and says what it said" source_is 203.0.113.31 '.identities[0].name == "e.example.org"'
must_not "a daemon that is away is said" ctl --socket $GATE/nowhere observe 203.0.113.30 15.1.2507.6
