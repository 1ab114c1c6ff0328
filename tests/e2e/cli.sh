#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# cli - every command of gatectl under -j, with the gate there and gone: JSON and nothing else, on
# standard output, and an exit status that fits; a terminal gets colour and fitted columns
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

# COMMANDS - name of a command: what to call it with. A new command needs a row.
declare -A COMMANDS=(
	["status"]='' ["sources"]='' ["show"]=$OLD ["history"]=$OLD ["report"]='' ["doctor"]=''
	["audit"]=''
	["set"]="$OLD tarpit --for 2h" ["unset"]=$OLD ["mode"]=report ["pause"]="$OLD --days 3"
	["unpause"]=$OLD ["exempt"]=192.0.2.0/28 ["unexempt"]=192.0.2.0/28 ["forget"]=$OLD
	["map list"]='' ["map dump"]=verdicts ["map get"]='settings mode'
	["catalogue check"]=15.1.2507.39 ["catalogue show"]='' ["catalogue verify"]=/etc/passwd
	["catalogue update"]=/etc/passwd ["catalogue block"]=EM-1 ["catalogue unblock"]=EM-1
	["replay"]=/etc/passwd ["policy show"]='' ["policy preview"]=exchange-online
	["policy use"]=30-10-60 ["simulate"]='' ["observe"]="$OLD $OLD_BUILD --helo ex.example.org"
	["events"]='' ["clock advance"]=1h ["clock to"]=2030-01-01 ["unload"]='' ["version"]=''
	["completion"]=bash ["help"]=''
)

# names - of all commands; those that end something last
names() { ctl help -j | jq -r '.commands[].name' | grep -v '^unload$' && echo unload; }

# judge - one command under -j: every line of output belongs to a JSON value, errors too, and
# nothing is said on standard error
judge() {
	local name=$1 rc=0 limit=(timeout 20)
	[ "$name" != events ] || limit=(timeout 1)
	# shellcheck disable=SC2086 # words
	lab_net edge "${limit[@]}" build/gatectl -j $name ${COMMANDS[$name]} \
		>$LAB/out 2>$LAB/err </dev/null || rc=$?
	[ "$name/$rc" != events/124 ] || rc=0
	[ $rc -le 1 ] || e2e_fail "$name: exit status $rc: $(cat $LAB/out)"
	[ ! -s $LAB/err ] || e2e_fail "$name: standard error says: $(cat $LAB/err)"
	jq -s . $LAB/out >/dev/null 2>&1 || e2e_fail "$name: no JSON: $(head -c 300 $LAB/out)"
	if [ $rc = 1 ] && [ "$name" != doctor ]; then
		jq -e '.error | type == "string" and length > 10' $LAB/out >/dev/null ||
			e2e_fail "$name: failed without a sentence: $(cat $LAB/out)"
	fi
	last=$rc
}

# judge_all - DONE: those that must succeed
judge_all() {
	local name
	while read -r name; do
		[ -v "COMMANDS[$name]" ] || e2e_fail "no row for the command '$name' in this test"
		judge "$name"
		[[ " $1 " != *" ${name// /_} "* ]] || [ $last = 0 ] ||
			e2e_fail "$name: $(cat $LAB/out)"
	done < <(names)
	echo "ok: $2"
}

same "the table of this test has no row too many" "$(names | sort)" \
	"$(printf '%s\n' "${!COMMANDS[@]}" | sort)"
must "a mail server starts" lab_mtas edge
e2e_gate
judge_all "status sources show history report audit set unset mode pause unpause exempt unexempt
	forget map_list map_dump map_get catalogue_check catalogue_show policy_show policy_preview
	policy_use simulate observe events clock_advance unload version completion help" \
	"with a gate, all commands answer in JSON"
judge_all "catalogue_check simulate version completion help" \
	"without one, errors are JSON too"
e2e_gate
must "the daemon ends" gate_stop
judge_all "status map_list map_dump map_get catalogue_check catalogue_show simulate unload version" \
	"with the daemon dead, what needs none works"

e2e_gate
must "a source is slowed ten minutes of each hour" ctl set $OLD tarpit --for 2h
same "a verdict is put as a person would put it" \
	"192.0.2.10 is slowed all the time (now: passes, not enforced: report mode), by the operator, until" \
	"$(ctl map get verdicts $OLD | sed 's/ until.*/ until/')"
must "and as JSON" jq -e '.source == "192.0.2.10" and .verdict == "tarpit" and .now == "pass" and
	.not_enforced == "report mode" and .by == "operator" and .throttle_s == 3600' \
	<<<"$(ctl -j map get verdicts $OLD)"
ctl map get verdicts 192.0.2.77 2>$LAB/err >/dev/null
same "nobody is a sentence too" "gatectl: 192.0.2.77 has no verdict: it passes" "$(cat $LAB/err)"

ids=$(ctl audit | jq -s 'map(.id)')
must "the audit trail is JSON Lines, in order" jq -e 'length >= 2 and . == sort' <<<"$ids"
must "with all that is known of each entry" jq -se 'map(has("at") and has("who") and has("what") and
	has("subject") and has("why") and has("before") and has("after")) | all' <<<"$(ctl audit)"
same "from a date on" "" "$(ctl audit --since 2035-01-01)"

# tty - what a terminal of so many columns gets
tty() {
	script -qec "stty cols $1; TERM=xterm nsenter --net=$(lab_ns edge) build/gatectl map dump counters" \
		/dev/null | tr -d '\r'
}
lab_net old timeout 1 bash -c '</dev/tcp/198.51.100.25/26' 2>/dev/null # something to be counted
same "outside of a terminal nothing is coloured" 0 "$(ctl map dump counters | grep -c $'\033')"
must "nor cut" grep -q 'not TCP on a mail port$' <<<"$(ctl map dump counters)"
must "on a terminal heads stand out" grep -q $'^\033\\[1mREASON' <<<"$(tty 200)"
must_not "but not with NO_COLOR" grep -q $'\033' <<<"$(NO_COLOR=1 tty 200)"
must "and what is too wide is cut" grep -q '^not_mail .*\.\.$' <<<"$(tty 64)"
longest() { sed 's/\x1b\[[0-9;]*m//g' | wc -L; }
must "to the terminal's width" [ "$(tty 64 | longest)" -le 64 ]
must "which is used where there is room" [ "$(tty 200 | longest)" -gt 64 ]
