#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# audit - whatever changes a stage, a verdict, a pause, an exemption, the mode, the policy or the
# catalogue leaves an entry: who, what, when, why, before and after, and gatectl history shows it
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}${BUILDGATE_READY-}" ] || ensure_packages test
e2e_start "$@"

DAY_S=86400
START=$(($(date +%s) / DAY_S * DAY_S + 2 * DAY_S))
ADDR=192.0.2.77

# at - DAYS HOURS: the daemon's clock goes to that moment
at() { ctl clock to "$(date -u -d "@$((START + $1 * DAY_S + $2 * 3600))" +%FT%TZ)" >/dev/null; }

# sees - one observation of now; NAME has a BUILD, or shows none
sees() {
	printf '{"source":"%s","helo":"%s.example.org"%s}\n' $ADDR "$1" "${2:+,\"build\":\"$2\"}" |
		if [ -n "${2-}" ]; then cat; else sed 's/{/{"type":"no_build","family":"other",/'; fi |
		ctl observe --stdin >/dev/null
}

# entry - FILTER: an entry of the source, or (gate) of the whole trail, for which it holds. Whoever
# and whatever it is about, an entry is complete
complete='(.at and .who and .what and has("why") and has("before") and has("after"))'
entry() { ctl -j history $ADDR | jq -e "map(select($1)) | length > 0 and all($complete)" >/dev/null; }
gate() { ctl -j history | jq -e "map(select($1)) | length > 0 and all($complete)" >/dev/null; }

# by_clock - WHAT FILTER: the clock's own, with a reason that names build, date and rule
by_clock() {
	entry ".what == \"$1\" and .who == \"clock\" and ($2) and (.why |
		contains(\"15.1.2507.6\") and test(\"20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]\") and contains(\"rule: \"))"
}
# by_me - WHAT BEFORE AFTER: an operator's
by_me() {
	entry ".what == \"$1\" and (.who | startswith(\"root\")) and .why == \"$1 for a test\" and
		(.before | $2) and (.after | $3)"
}

# by_config - WHAT RANGE WHY: the configuration's
by_config() {
	gate ".what == \"$1\" and .subject == \"$2\" and .who == \"buildgated\" and
		.why == \"exempt: $3\" and ([.before, .after] | index({\"exempt\": true})) ==
		{\"exempt\": 1, \"unexempt\": 0}[.what]"
}
exempts() { sed -i "s|^exempt:.*|exempt: $1|" $GATE/buildgate.yaml; }
exemptions() { ctl -j history | jq '[.[] | select(.what | endswith("exempt"))] | length'; }

# make_catalogue - SERIAL EMERGENCIES
make_catalogue() {
	jq -c --argjson serial "$1" --argjson emergencies "$2" \
		'.serial = $serial | .emergencies = $emergencies' \
		maps/catalogue/exchange.json >$LAB/new.json
	minisign -S -s $LAB/key.sec -m $LAB/new.json -t "serial $1" >/dev/null
}

minisign -G -W -f -p $LAB/key.pub -s $LAB/key.sec >/dev/null
e2e_gate "catalogue_keys: [{key: $(tail -n 1 $LAB/key.pub)}]" "exempt: [203.0.113.0/24, 2001:db8:9::/48]"
must "what the configuration exempts is an entry" by_config exempt 203.0.113.0/24 "found at start"
must "of each range" by_config exempt 2001:db8:9::/48 "found at start"
must "the first use of policy and catalogue is an entry" gate \
	'.what == "policy" and .before == null and (.after | startswith("30-10-60"))'
must "the mode" ctl mode enforce --reason "mode for a test"
must "has one" gate '.what == "mode" and .before == "report" and .after == "enforce" and
	.why == "mode for a test" and (.who | startswith("root"))'

# stages: start, the next, and the verdict that goes with each
for day in 0 1 2 29; do at $day 1 && sees ex01 15.1.2507.6; done
must "a start" by_clock start '.before.stage == 0 and .after.stage == 1 and .after.throttle_min == 0'
at 30 2
must "a stage" by_clock stage '.before.stage == 1 and .after.stage == 2 and
	.before.throttle_min == 0 and .after.throttle_min == 5 and .after.server == "ex01.example.org"'

# the verdict alone: evidence grows old, comes back, a neighbour, and he leaves
at 37 2
must "evidence that grew old" by_clock verdict \
	'.before.throttle_min == 5 and .after.throttle_min == 0 and (.why | contains("rule: evidence"))'
sees ex01 15.1.2507.6
must "and came back" by_clock verdict '.before.throttle_min == 0 and .after.throttle_min == 5'
at 38 1 && sees postfix
must "a neighbour" by_clock verdict '.after.throttle_min == 0 and (.why | contains("rule: shared"))'

# the operator: each with what was before
must "set" ctl set $ADDR drop --style silent --reason "set for a test"
must "is an entry" by_me set '. == null' '.action == "drop" and .style == "silent"'
must "set otherwise" ctl set $ADDR tarpit --for 2d --reason "set for a test"
must "says what was before" by_me set '.action == "drop"' '.action == "tarpit" and .until != null'
must "unset" ctl unset $ADDR --reason "unset for a test"
must "is an entry" by_me unset '.action == "tarpit"' '. == null'
must "exempt" ctl exempt $ADDR --reason "exempt for a test"
must "is an entry" by_me exempt '. == null' '.exempt'
must "unexempt" ctl unexempt $ADDR --reason "unexempt for a test"
must "is an entry" by_me unexempt '.exempt' '. == null'
must "pause" ctl pause $ADDR --days 3 --reason "pause for a test"
must "is an entry" by_me pause '. == null' '.until != null'
must "unpause" ctl unpause $ADDR --reason "unpause for a test"
must "is an entry" by_me unpause '.until != null' '. == null'

# what ends by itself
must "a pause of a day" ctl pause $ADDR --days 1 --reason "pause for a test"
must "a set of an hour" ctl set $ADDR drop --for 1h --reason "set for a test"
at 40 0
must "the pause's end" wait_for 10 entry '.what == "unpause" and .who == "clock" and .before.until and .after == null'
must "the set's end" wait_for 10 entry '.what == "unset" and .who == "clock" and .before.action == "drop" and .why != null'

# what judges: another policy, a catalogue with an emergency, blocked, and withdrawn
sed 's/^name: .*/name: other/; s/throttle_min: 5,/throttle_min: 6,/' maps/policy/30-10-60.yaml >$LAB/other.yaml
must "policy use" ctl policy use $LAB/other.yaml --reason "policy for a test"
must "is an entry" gate '.what == "policy" and (.before // "" | startswith("30-10-60")) and
	(.after | startswith("other")) and .why == "policy for a test"'
sees ex01 15.1.2507.6
make_catalogue 10 '[{"id": "E1", "builds": [{"from": "15.1.2507.6", "to": "15.1.2507.6"}],
	"action": "drop", "minutes_per_hour": 60, "until": null}]'
must "catalogue update" ctl catalogue update $LAB/new.json
must "is an entry" gate '.what == "catalogue" and (.before // "" | contains("serial 1 ")) and (.after | contains("serial 10 "))'
must "and what it did to the source" wait_for 10 by_clock emergency '.after.block_min == 60 and (.why | contains("E1"))'
must "catalogue block" ctl catalogue block E1 --reason "block for a test"
must "is an entry" gate '.what == "catalogue-block" and .subject == "E1" and .why == "block for a test"'
must "the source falls back" wait_for 10 by_clock lower '.before.block_min == 60 and .after.block_min == 0'
make_catalogue 9 '[]'
must_not "an older catalogue is refused" ctl catalogue update $LAB/new.json
must "which is an entry" gate '.what == "catalogue-refused" and .why != null'

# upgraded, and forgotten
sees ex01 15.2.2562.53
must "a stop" entry '.what == "stop" and .after.stage == 0 and (.why | contains("15.2.2562.53") and contains("rule: stop"))'
must "the trail is a table, too" [ "$(ctl history | grep -c "policy for a test")" = 1 ]
must "only so much of it" [ "$(ctl -j history --last 3 | jq length)" = 3 ]
must "forget" ctl forget $ADDR
must "leaves nothing of the source" [ "$(ctl -j history $ADDR)" = "[]" ]
must "but that it was done" gate '.what == "forget" and .after.identities > 0'
must "mode off" ctl mode off
must "is an entry" wait_for 10 gate '.what == "mode" and .before == "enforce" and .after == "off"'

# the configuration's list: by a reload, and while no daemon ran
before=$(exemptions)
exempts "[2001:db8:9::/48, 198.18.0.0/15, 198.18.0.0/15, $ADDR]"
kill -HUP "$GATE_PID"
must "a range that a reload brings" wait_for 10 by_config exempt 198.18.0.0/15 reload
must "an address" by_config exempt $ADDR reload
must "and one that it takes away" by_config unexempt 203.0.113.0/24 reload
same "what stayed is none" $((before + 3)) "$(exemptions)"
gate_stop
exempts "[198.18.0.0/15]"
must "it starts with another list" gate_start
must "what is not there any more is an entry" by_config unexempt 2001:db8:9::/48 "found at start"
must "of the address too" entry '.what == "unexempt" and .why == "exempt: found at start"'
same "and what stayed none" $((before + 5)) "$(exemptions)"

# a start without anybody to turn to does not enforce
must "mode enforce" ctl mode enforce
gate_stop
sed -i '/^contact:/d' $GATE/buildgate.yaml
must "it starts without a contact" gate_start
must "and that it reports is an entry" gate '.what == "mode" and .who == "buildgated" and .before == "enforce" and
	.after == "report" and (.why | contains("no contact"))'
