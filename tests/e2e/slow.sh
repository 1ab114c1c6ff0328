#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# slow - a slowed source has two slow connections; what it opens beyond waits in its own queue, by
# the gate's 450, and is delivered, slowly, when there is room; the server's limits stay untouched
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

SERVER=198.51.100.25

# hold FILE - a connection of the old site that says nothing; what it hears goes into FILE
hold() {
	(exec nsenter --net="$(lab_ns old)" bash -c "exec 3<>/dev/tcp/$SERVER/25; exec cat <&3") \
		>"$1" 2>&1 &
	HELD+=($!)
}

# dialogue - greeting and the answers to EHLO and MAIL, one line each
dialogue() {
	# shellcheck disable=SC2016 # for the inner shell
	lab_net old timeout 20 bash -c 'exec 3<>/dev/tcp/'$SERVER'/25
		answer() { while read -r line <&3 && [ "${line:3:1}" = - ]; do :; done; echo "$line"; }
		answer; echo "EHLO old.example.org" >&3; answer
		echo "MAIL FROM:<user@old.example.org>" >&3; answer'
}

slowed() { [ "$(ctl -j status | jq .slowed)" = "$1" ]; }
metric_says() { gate_metrics | grep -qx "buildgate_slowed_sessions $1"; }
processes() { lab_net edge ss -Htn state established sport = :25 | wc -l; }
HELD=()

must "two mail servers start" lab_mtas old edge
e2e_gate "slow_max: 3"
must "enforce mode is accepted" ctl mode enforce
must "the source is slowed" ctl set $OLD tarpit --style slow
same "nobody is slowed yet" 0 "$(ctl -j status | jq .slowed)"

hold $GATE/first
hold $GATE/second
must "two connections hold two slots" wait_for 10 slowed 2
must "the metric says so" metric_says 2
must "and whose they are" [ "$(ctl -j map dump slow_slots | jq -r '.[].source' | sort -u)" = $OLD ]
text=$(dialogue)
same "a third one is deferred" "450 4.7.230 mail.edge.example.org:" \
	"$(tail -n 1 <<<"$text" | cut -d ' ' -f 1-3)"
same "and never reaches the server" 2 "$(processes)"
must "that is counted" [ "$(gate_counter ingress slow_deferred)" -gt 0 ]
mail_is queued old $OLD_BUILD
id=$LAB_ID
must "its queue says why" grep -q "450 4.7.230" <<<"$(lab_queued old "$id")"

both_heard() { [ "$(cat $GATE/first $GATE/second | grep -c "^220 ")" = 2 ]; }
must "both slow ones hear the server" wait_for 20 both_heard
kill "${HELD[@]}"
must "their slots are free again" wait_for 10 slowed 0
must "the sender tries again" lab_flush old
must "its mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$id"
must "slowly" [ "$(gate_counter egress slowed)" -gt 3 ]

must "a range can be slowed" ctl set 203.0.113.0/24 tarpit --style slow
hold $GATE/third
must "a slot is taken" wait_for 10 slowed 1
must "the source is released" ctl unset $OLD
must "the gate unloads" ctl unload
