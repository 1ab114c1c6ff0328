#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# checksums - what the answerer sends is right for every receiver: on the wire next to it and behind
# a router, whoever on the way computes checksums in hardware, with and without TCP options; tshark
# finds nothing wrong with it, and no answer leaves by another interface than its question came by
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}" ] || root_make tshark tshark tcpdump ethtool || skip "no tshark to be had"
e2e_start "$@"

TOOLS=$LAB/tools
SIDE=203.0.113.129 SIDE6=2001:db8:99::129
EDGES="198.51.100.25 2001:db8:25::25"
SIDE_EDGES="203.0.113.130 2001:db8:99::130"

tool() { # SITE COMMAND...
	local site=$1
	shift
	lab_net "$site" chroot $TOOLS/root "$@"
}

# side_up - a host at a second outside interface of the edge, no router between
side_up() {
	ip netns add "$LAB_NAME-side" && ip -n "$LAB_NAME-side" link set lo up &&
		ip -n "$LAB_NAME-side" link add wan type veth peer name side netns "$LAB_NAME-edge" || return
	ip -n "$LAB_NAME-side" addr add $SIDE/30 dev wan
	ip -n "$LAB_NAME-side" addr add $SIDE6/64 dev wan nodad
	ip -n "$LAB_NAME-edge" addr add 203.0.113.130/30 dev side
	ip -n "$LAB_NAME-edge" addr add 2001:db8:99::130/64 dev side nodad
	ip -n "$LAB_NAME-side" link set wan up && ip -n "$LAB_NAME-edge" link set side up
}

blocked() {
	local source
	for source in $OLD 2001:db8:1::10 $SIDE $SIDE6; do
		ctl set "$source" drop --style answer || return
	done
}

# --- captures -----------------------------------------------------------------------------------

listening() { grep -qs 'listening on' "$LAB/$1.log"; }

capture() { # FILE SITE INTERFACE: until capture_end
	nsenter --net="$(lab_ns "$2")" -- chroot $TOOLS/root tcpdump -nn -B 65536 \
		-i "$3" -w "/run/$1.pcap" 'tcp port 25' 2>"$LAB/$1.log" &
	CAPTURE=$!
	wait_for 10 listening "$1"
}

# capture_end - and all of it is there
capture_end() {
	kill -TERM "$CAPTURE" && wait "$CAPTURE" && grep -q '^0 packets dropped' "$LAB/$1.log"
}

# segments FILE FILTER [FIELD...] - what tshark says of those segments, checksums looked at
segments() {
	local file=$1 filter=$2 field fields=()
	shift 2
	for field in frame.number _ws.expert.message "$@"; do
		fields+=(-e "$field")
	done
	tool edge tshark -n -r "/run/$file.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-Y "$filter" -T fields "${fields[@]}" 2>/dev/null
}

OURS='tcp.srcport == 25'
BAD_SUM='tcp.checksum.status == 0 or ip.checksum.status == 0'
# A client that closes behind its QUIT gets the reply to that a second time, with the acknowledgement
# of its FIN: a note, no more. All that is a warning must not be there, checksums apart, which are
# looked at where they must be right.
ODD='(_ws.expert.severity >= 0x600000 and not tcp.checksum_bad.expert) or tcp.analysis.zero_window
	or tcp.analysis.out_of_order or tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment
	or tcp.analysis.window_full'

# --- dialogues ----------------------------------------------------------------------------------

# talks SITE ADDRESS... - every dialogue with each address, at once
talks() {
	local site=$1 address pid pids='' rc=0
	shift
	MAIL='MAIL FROM:<user@old.example.org>'
	for address; do
		talk "<220" ">EHLO old.example.org" "<250" ">$MAIL" "<550" ">RSET" "<250" ">QUIT" "<221" eof
		talk "<220" $'>EHLO old.example.org\n'"$MAIL"$'\nRCPT TO:<x@edge.example.org>' \
			"<250" "<550" "<550" ">QUIT" "<221" eof
		talk "<220" "+EH" acked ">LO old.example.org" "<250" "+MAIL FROM:" acked \
			"><user@old.example.org>" "<550" ">QUIT" "<221" eof
		talk ">EHLO early.example.org" "<220" "<250" ">QUIT" "<221" eof
		talk "<220" ">EHLO old.example.org" "<250" fin "<221" eof
		talk "<220" ">HELO old.example.org" "<250" ">QUIT" fin "<221" eof
		talk "<220" ">EHLO old.example.org" "<250" rst
	done
	for pid in $pids; do
		wait "$pid" || rc=1
	done
	return $rc
}

talk() {
	lab_net "$site" $LAB/talk "$address" "$@" &
	pids="$pids $!"
}

tx() { # SITE INTERFACE on|off
	tool "$1" ethtool -K "$2" tx "$3" >/dev/null 2>&1
}

options() { # SITE 0|1: what a client's TCP asks for
	lab_net "$1" sh -c "for option in timestamps sack window_scaling; do
		echo $2 >/proc/sys/net/ipv4/tcp_\$option; done"
}

# behind_router SENDER NEAR FAR - tx of the sender, of the router's link to the edge, and of the
# one to the sender
behind_router() {
	tx old wan "$1" && tx router to-edge "$2" && tx router to-old "$3" || return
	# shellcheck disable=SC2086 # two addresses
	talks old $EDGES
}

beside() { # SENDER OPTIONS
	# shellcheck disable=SC2086 # two addresses
	tx side wan "$1" && options side "$2" && talks side $SIDE_EDGES
}

# astray - the old host's address, at the other interface
astray() {
	ip -n "$LAB_NAME-side" addr add $OLD/32 dev wan &&
		ip -n "$LAB_NAME-side" route add 198.51.100.25 via 203.0.113.130 src $OLD &&
		talks side 198.51.100.25
}

# ------------------------------------------------------------------------------------------------

mkdir -p $TOOLS && must "tshark is there" root_mount tshark $TOOLS
must "the client is built" gcc -O2 -Wall -Wextra -Werror -o $LAB/talk tests/e2e/talk.c
must "a second interface outside" side_up
e2e_gate "outside: [uplink, side]" "answer_rate: 0"
must "enforce mode is accepted" ctl mode enforce
must "all four sources are blocked" blocked

must "capture" capture right old wan
for sender in off on; do
	for near in off on; do
		for far in off on; do
			# what nobody has computed on the way is not there to be looked at
			[ $sender$near$far != ononon ] || continue
			must "sender's tx $sender, router's $near and $far" behind_router $sender $near $far
		done
	done
done
options old 0
must "no options, all off" behind_router off off off
must "no options, computed on the way back" behind_router on on off
must "the capture is whole" capture_end right

must "capture" capture direct side wan
must "next to the edge, sender's tx off" beside off 1
must "no options" beside off 0
must "the capture is whole" capture_end direct

must "capture" capture offloaded old wan
must "all left to hardware that is not there" behind_router on on on
must "next to the edge too" beside on 1
must "the capture is whole" capture_end offloaded

must "capture" capture elsewhere old wan
must "from an address that is routed to elsewhere" astray
must "the capture is whole" capture_end elsewhere

for file in right direct; do
	same "$file: no bad checksum of ours" "" "$(segments $file "$OURS and ($BAD_SUM)" tcp.checksum)"
	must "$file: checksums were looked at" test -n "$(segments $file "$OURS and tcp.checksum.status == 1")"
done
for file in right direct offloaded; do
	same "$file: nothing odd about our segments" "" "$(segments $file "$OURS and ($ODD)")"
done
same "no answer went there" "" "$(segments elsewhere "$OURS")"
