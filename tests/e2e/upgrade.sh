#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# upgrade - another version's programs replace the loaded ones in place: not one packet of a stopped
# source comes through, what the operator said stays, and what was counted too
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/next.bash
. tests/e2e/next.bash
e2e_start "$@"

case ${BUILDGATE_TEST-} in
quick) UPGRADES=2 ;;
long) UPGRADES=100 ;;
*) UPGRADES=5 ;;
esac

segments_in() { lab_net edge nstat -asz TcpInSegs | awk '/TcpInSegs/ { print int($2) }'; }
hooks() { ctl -j status | jq -c '[.hooks[] | {hook, interface, mode, attached}] | sort'; }
programs() { ctl -j status | jq '.hooks[].program_id' | sort; }
will() { # all that the operator said
	ctl -j status | jq -c '{mode, enforce_until}'
	ctl -j map dump ranges | jq -c '[.. | objects | select(.range) | {range, action, style}] | sort'
	ctl -j show $OLD | jq -c '{verdict, style, decisions}'
}
xdp_is() { ctl -j status | jq -e --arg m "$1" '[.hooks[] | select(.hook == "xdp") | .mode] == [$m]' >/dev/null; }
refused() { [ "$(gate_counter xdp silent)" -gt 0 ]; }
log_says() { grep -qF "$1" $GATE/log; }

# begin_mail, end_mail - a mail in two halves: up to the reply to DATA, and the rest
begin_mail() {
	exec {talk}<>/dev/tcp/198.51.100.25/25 || return
	local line command
	read -r -t 20 -u "$talk" line
	for command in "EHLO old.example.org" "MAIL FROM:<>" "RCPT TO:<user@edge.example.org>" DATA; do
		printf '%s\r\n' "$command" >&"$talk"
		while read -r -t 20 -u "$talk" line && [ "${line:3:1}" = - ]; do :; done
		[[ $line =~ ^[23] ]] || return
	done
}
end_mail() {
	{ lab_stamp old $OLD_BUILD && printf 'Subject: half\n\nHello.\n.\n'; } | sed 's/$/\r/' >&"$talk"
	local line
	read -r -t 20 -u "$talk" line
	[[ $line =~ ^250 ]]
}
# the same where the gate itself answers: up to the reply to EHLO, and the refusal
begin_refused() {
	exec {talk}<>/dev/tcp/198.51.100.25/25 || return
	local line
	read -r -t 20 -u "$talk" line && printf 'EHLO good.example.org\r\n' >&"$talk" &&
		read -r -t 20 -u "$talk" line && [[ $line = "250 "* ]]
}
end_refused() {
	local line
	printf 'MAIL FROM:<>\r\n' >&"$talk" && read -r -t 20 -u "$talk" line
	[[ $line = "550 5.7.230 "* ]]
}
# over_upgrade SITE BEGIN END [MAP] - in the network of SITE, with the upgrade in the middle, from a
# version without this map
over_upgrade() {
	local mail
	rm -f $LAB/half $LAB/go
	export -f begin_mail end_mail begin_refused end_refused lab_stamp
	lab_net "$1" env OLD_BUILD=$OLD_BUILD bash -c "$2 && touch $LAB/half &&
		until [ -f $LAB/go ]; do sleep 0.05; done && $3" &
	mail=$!
	wait_for 20 test -f $LAB/half && next_upgrade "${4-}" && touch $LAB/go && wait $mail
}

must "another version can be built" next_version
must "a mail server starts" lab_mtas edge
e2e_gate
must "a mail goes on over a restart of the same version" over_upgrade old begin_mail end_mail
must "its build was read: the connection was followed all the time" \
	wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "all is as it was: adopted" log_says "gate adopted"
must "it is forgotten" ctl forget $OLD
gate_config "flows_max: 30000" "verdicts_max: 2000"
must "a mail goes on while the tables change their size" over_upgrade old begin_mail end_mail
must "and its build was read" \
	wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the log tells it" log_says "gate replaced"
must "it is forgotten" ctl forget $OLD
must "a mail goes on where the version before had a map less" \
	over_upgrade old begin_mail end_mail recheck_names
must "and its build was read" \
	wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the map is there now" ctl map dump recheck_names

must "the source is stopped" ctl set $OLD drop --style silent
must "a range is stopped" ctl set 203.0.113.0/24 tarpit --style defer
must "a range is exempt" ctl exempt 198.18.0.0/15 --reason "a friend"
must "enforce, for an hour" ctl mode enforce --confirm 3600
will_before=$(will)
hooks_before=$(hooks)
must "the source knocks" knocks_start old
must "and is not heard" wait_for 10 refused
heard=$(segments_in)
for i in $(seq "$UPGRADES"); do
	counted=$(gate_counter xdp silent)
	programs=$(programs)
	if [ $((i % 2)) = 1 ]; then next_use $NEXT/build; else next_use build; fi
	next_upgrade || e2e_fail "upgrade $i: the daemon does not start"
	[ "$(hooks)" = "$hooks_before" ] || e2e_fail "upgrade $i: the hooks are $(hooks)"
	[ -z "$(comm -12 <(echo "$programs") <(programs))" ] || e2e_fail "upgrade $i: an old program stays"
	[ "$(will)" = "$will_before" ] || same "upgrade $i: what the operator said" "$will_before" "$(will)"
	[ "$(gate_counter xdp silent)" -ge "$counted" ] || e2e_fail "upgrade $i: counters begin anew"
done
must "the knocking ends" knocks_stop
echo "ok: $UPGRADES upgrades: every hook has the new program, the operator's words and the counters stay"
same "of $KNOCKS knocks not one was heard" "$heard" "$(segments_in)"
must "and they were thousands" [ "$KNOCKS" -gt 1000 ]

must "another source is to be answered" ctl set 203.0.113.20 drop --style answer
if [ "$GATE_BUILD" = build ]; then next_use $NEXT/build; else next_use build; fi
must "an answered connection goes on over the upgrade" over_upgrade good begin_refused end_refused

must "the daemon ends" gate_stop KILL
must "the gate is switched off without it" ctl mode off
if [ "$GATE_BUILD" = build ]; then next_use $NEXT/build; else next_use build; fi
must "an upgrade" gate_start
must "it stays off" [ "$(ctl -j mode | jq -r .mode)" = off ]
must "the daemon ends" gate_stop
gate_config "xdp: generic"
must "it starts with another mode of XDP" gate_start
must "which is in force" xdp_is generic
must "the daemon ends" gate_stop
gate_config
must "it starts with the usual one" gate_start
must "which is in force again" xdp_is native
must "the other version unloads it" ctl unload
must "nothing is left" [ ! -e /sys/fs/bpf/buildgate ]
