#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# never - what nothing is enforced on, with real connections and each style: exempt ranges, report
# mode, past the lease or valid_until, outside the window, other ports, inside sources, replies to
# our own connections
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

STYLES=("drop answer" "drop silent" "tarpit slow")
[ "${BUILDGATE_TEST-}" != long ] || STYLES+=("tarpit defer")
BPFFS=/sys/fs/bpf/buildgate

# mail_reply SITE ADDRESS PORT - what is said to MAIL FROM within LIMIT_S, or nothing
LIMIT_S=3
mail_reply() {
	# shellcheck disable=SC2016 # for the inner shell
	lab_net "$1" timeout $LIMIT_S bash -c 'exec 3<>/dev/tcp/'"$2/$3"'
		answer() { while read -r line <&3 && [ "${line:3:1}" = - ]; do :; done; echo "$line"; }
		answer; echo "EHLO a.example.org" >&3; answer
		echo "MAIL FROM:<user@a.example.org>" >&3; answer' 2>/dev/null | sed -n '3s/\r$//p'
}

# enforced - how often anything was done to anybody
enforced() {
	ctl -j map dump counters | jq '[.[] | .silent, .answered_syn, .answer_rate, .cut_begun,
		.delay_armed] | add'
}

# passes WHAT [SITE ADDRESS PORT] - the server itself answers, and the gate has done nothing
passes() {
	local what=$1 before
	before=$(enforced)
	same "$what, $STYLE: the server answers" "250 2.1.0 Ok" \
		"$(mail_reply "${2-old}" "${3-198.51.100.25}" "${4-25}")"
	same "$what, $STYLE: nothing was done" "$before" "$(enforced)"
}

nobody_left() { [ -z "$(lab_net edge ss -Htn state connected sport = :25)" ]; }

# meets - the source feels its style: without this the rest would prove nothing
meets() {
	local reply before
	before=$(enforced)
	case $STYLE in
	*silent | *slow) LIMIT_S=1 ;; # that one must not answer at once, the other ones do
	esac
	reply=$(mail_reply old 198.51.100.25 25)
	LIMIT_S=3
	case $STYLE in
	*answer) must "it is refused" grep -q '^550 5.7.230 ' <<<"$reply" ;;
	*silent) same "nobody answers it" "" "$reply" ;;
	*defer) must "it is deferred" grep -q '^450 4.7.230 ' <<<"$reply" ;;
	esac
	must "and that is counted" [ "$(enforced)" -gt "$before" ]
	[ "$STYLE" != "tarpit slow" ] || must "its connection ends" wait_for 20 nobody_left
}

# poke MAP KEY OFFSET BYTE... - into one value of a pinned map
poke() {
	local map=$1 key=$2 at=$3 value byte
	shift 3
	# shellcheck disable=SC2086 # bytes
	read -ra value <<<"$(bpftool -j map lookup pinned $BPFFS/$map key hex $key |
		jq -r '.value | map(ltrimstr("0x")) | join(" ")')"
	for byte; do
		value[at]=$byte
		at=$((at + 1))
	done
	# shellcheck disable=SC2086 # bytes
	bpftool map update pinned $BPFFS/$map key hex $key value hex "${value[@]}"
}

# offsets - of all fields, by the programs' own types: "verdict.flags 78"
offsets() {
	bpftool -j btf dump file build/gate.bpf.o | jq -r '.types[] |
		select(.kind == "STRUCT" and (.name == "verdict" or .name == "settings")) |
		.name as $s | .members[] | "\($s).\(.name) \(.bits_offset / 8)"'
}
offset_of() { sed -n "s/^$1\\.$2 //p" <<<"$OFFSETS" | head -n 1; }
OFFSETS=$(offsets)

KEY="00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 0a" # of 192.0.2.10

# inside_link - the good site has a second cable, straight to the edge
inside_link() {
	ip -n "$LAB_NAME-edge" link add inside type veth peer name desk netns "$LAB_NAME-good" &&
		ip -n "$LAB_NAME-edge" addr add 10.9.9.1/24 dev inside &&
		ip -n "$LAB_NAME-good" addr add 10.9.9.7/24 dev desk &&
		ip -n "$LAB_NAME-edge" link set inside up && ip -n "$LAB_NAME-good" link set desk up
}

listens() { lab_net edge ss -Hltn "sport = :$1" | grep -q .; }

must "two mail servers start" lab_mtas old edge
# the same server on the submission port, and on one that is no mail port to the gate
printf '%s inet n - n - - smtpd\n' 587 2525 >>"$LAB/edge/root/etc/postfix/master.cf"
must "more ports are opened" lab_in edge postfix reload 2>/dev/null
must "the inside has a cable" inside_link
must "the server listens" wait_for 10 listens 2525
e2e_gate "answer_rate: 0"
must "enforce mode is accepted" ctl mode enforce

for STYLE in "${STYLES[@]}"; do
	# shellcheck disable=SC2086 # verdict and style
	set -- ${STYLE/ / --style }
	must "$STYLE is set" ctl set $OLD "$@"
	meets
	passes "a submission port" old 198.51.100.25 587
	passes "another port" old 198.51.100.25 2525
	must "the range is exempt" ctl exempt 192.0.2.0/24
	passes "an exempt range"
	must "it is not any more" ctl unexempt 192.0.2.0/24
	must "report mode" ctl mode report
	passes "report mode"
	must "enforce mode" ctl mode enforce
	must "the mode is off" ctl mode off
	passes "mode off"
	must "enforce mode" ctl mode enforce

	kill -STOP "$GATE_PID" # it would mend what is done here to its maps
	poke verdicts "$KEY" "$(offset_of verdict flags)" 1
	poke settings "00 00 00 00" "$(offset_of settings lease_until_ns)" 1 0 0 0 0 0 0 0
	passes "past the lease"
	poke verdicts "$KEY" "$(offset_of verdict flags)" 0
	meets
	# one second of each hour, which was half an hour ago
	now=$(($(date -d "$(ctl -j map get settings now | jq -r .now)" +%s)))
	phase=$(((now + 1800) % 3600))
	poke verdicts "$KEY" "$(offset_of verdict throttle_s)" 0 0
	poke verdicts "$KEY" "$(offset_of verdict block_s)" 1 0
	poke verdicts "$KEY" "$(offset_of verdict phase_s)" "$(printf %x $((phase % 256)))" \
		"$(printf %x $((phase / 256)))"
	passes "outside the window"
	kill -CONT "$GATE_PID"

	must "$STYLE for a minute" ctl set $OLD "$@" --for 60s
	meets
	must "a minute passes" ctl clock advance 61s
	passes "past valid_until"

	must "$STYLE is set on an inside source" ctl set 10.9.9.7 "$@"
	passes "a source on the inside" good 10.9.9.1 25
	must "it is released" ctl unset 10.9.9.7
	must "$STYLE is set again" ctl set $OLD "$@"
	passes "our own connection to it" edge 192.0.2.10 25
	must "the source is released" ctl unset $OLD
done
