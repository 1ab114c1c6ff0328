#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# identify - real senders to real receivers: what an Exchange stamped is observed once and exactly,
# nothing else ever is, TLS is called TLS, and a replay of the capture says the same
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
# shellcheck source=tests/e2e/mtas.bash
. tests/e2e/mtas.bash
[ -n "${LAB_NAME-}" ] || mtas_roots || skip "no Exim, OpenSMTPD or swaks to be had"
e2e_start "$@"

declare -A WAYS=([postfix]="plain pipe tls" [exim]="plain pipe bdat tls" [swaks]="plain pipe tls")
declare -A SITE=([postfix]=old [exim]=good [swaks]=old)
declare -A BUILD=([postfix]=15.1.2507.6 [exim]=14.3.498.0 [swaks]=8.3.279.1)
declare -A SOURCE=([old4]=192.0.2.10 [old6]=2001:db8:1::10 [good4]=203.0.113.20 [good6]=2001:db8:2::20)
CAPTURE=$SWAKS/root/run/identify.pcap
MAILS=() EXPECTED=() SESSIONS=0 TLS=0

# message - with the stamp of an Exchange named BY, or without
message() {
	local by=$1 build=$2
	if [ -n "$build" ]; then
		printf 'Received: from pc.example.org (192.0.2.1) by\n %s (192.0.2.2) with\n' "$by"
		printf ' Microsoft SMTP Server (TLS) id %s; Sat, 21 Nov 2026 09:00:00 +0100\n' "$build"
	fi
	printf 'From: <user@old.example.org>\nTo: <user@example.org>\nSubject: %s\n' "$by"
	printf 'Date: Sat, 21 Nov 2026 09:00:00 +0100\nMessage-ID: <%s@lab>\n\nHello.\n' "$by"
	printf 'Received: by fake with mapi id 15.01.2507.039; in a body it says nothing\n'
}

# mail - one of SENDER's ways to a receiver over a family, stamped or not
mail() {
	local sender=$1 way=$2 receiver=$3 family=$4 build=$5 name to
	[ "$way-$receiver" != tls-opensmtpd ] || return 0
	name=$way-$receiver-$family-${build:+stamped}.$sender.example.org
	to=${build:+stamped}x@$way-$receiver-$family.example.org
	message "$name" "$build" | mtas_send "$sender" "$to" "$name"
	MAILS+=("$sender $to")
	SESSIONS=$((SESSIONS + 1))
	[ "$way" != tls ] || TLS=$((TLS + 1))
	[ -n "$build" ] && [ "$way" != tls ] || return 0
	EXPECTED+=("${SOURCE[${SITE[$sender]}$family]} $name $build")
}

all_mails() {
	local sender way receiver family
	for sender in "${!WAYS[@]}"; do
		for way in ${WAYS[$sender]}; do
			for receiver in "${!MTAS_HOST[@]}"; do
				for family in "${MTAS_FAMILIES[@]}"; do
					mail "$sender" "$way" "$receiver" "$family" "${BUILD[$sender]}"
					mail "$sender" "$way" "$receiver" "$family" ""
				done
			done
		done
	done
}

all_sent() {
	local mail
	for mail in "${MAILS[@]}"; do
		# shellcheck disable=SC2086 # sender and recipient
		mtas_sent $mail || {
			UNSENT=$mail
			return 1
		}
	done
}

tcpdump_in() { lab_net edge chroot "$SWAKS/root" tcpdump -nn "$@"; }

# observed - what JSON Lines hold of observations, one line each
observed() {
	jq -r 'select(.type == "observation" and .direction == "inbound" and .origin == "received"
		and (.tls | not)) | "\(.source) \(.by) \(.build)"' "$1" | sort
}

heard_all() { [ "$(observed "$LAB/events" | wc -l)" -ge ${#EXPECTED[@]} ]; }
captured_all() {
	tcpdump_in -r /run/identify.pcap >$LAB/captured 2>&1
	[ "$(grep -c 'Flags \[S\]' $LAB/captured)" -ge $SESSIONS ]
}

must "receivers start" mtas_receivers
must "senders start" mtas_senders
e2e_gate
must "events are followed" tls_events_start
nsenter --net="$(lab_ns edge)" -- chroot $SWAKS/root tcpdump -nn -B 16384 -i uplink -U -Z root -w /run/identify.pcap port 25 \
	2>$LAB/tcpdump.log </dev/null &
TCPDUMP=$!
must "the capture runs" wait_for 10 grep -qs listening $LAB/tcpdump.log

all_mails
wait_for 60 all_sent || { mtas_logs && e2e_fail "not taken: $UNSENT"; }
echo "ok: $SESSIONS mails are taken"
expected=$(printf '%s\n' "${EXPECTED[@]}" | sort)
wait_for 30 heard_all
wait_for 20 captured_all || { e2e_fail "captured only $(grep -c "Flags \[S\]" $LAB/captured) of $SESSIONS, $(grep -c "IP6.*Flags \[S\]" $LAB/captured) IPv6, $(tail -n 1 $LAB/captured)"; }
same "each stamped mail is one observation, others none" "$expected" "$(observed $LAB/events)"
same "and nothing else was observed" ${#EXPECTED[@]} \
	"$(jq -s 'map(select(.type == "observation" and .build)) | length' $LAB/events)"

# what senders really did: Exim's chunks, commands in one segment, and TLS
tcpdump_in -r /run/identify.pcap -A 'dst port 25' >$LAB/said 2>/dev/null
must "Exim sent chunks to those who offer it" [ "$(grep -c 'BDAT [0-9]* LAST' $LAB/said)" -ge 8 ]
must "commands came in one segment" grep -qzaE 'MAIL FROM[^\n]*\n.{0,200}RCPT TO[^\n]*\n' $LAB/said

# TLS: every session is called so, and costs a lookup per packet from there
for source in "${SOURCE[@]}"; do
	must "$source is known to hide in TLS" wait_for 20 source_is "$source" \
		'.families | index("tls") != null'
done
same "sessions that went TLS" $TLS "$(gate_counter egress tls)"
READ=$(gate_counter ingress read) DONE=$(gate_counter ingress read_done)
mail swaks tls exim 6 ""
must "one more goes TLS" all_sent
must "what came before STARTTLS was read" [ $(($(gate_counter ingress read) - READ)) -le 5 ]
must "what came after was only looked up" [ $(($(gate_counter ingress read_done) - DONE)) -ge 6 ]
must "that is captured too" wait_for 20 captured_all

# a replay of the capture learns the same, and calls the same sessions TLS
kill $TCPDUMP && wait $TCPDUMP
must "the capture can be replayed" sh -c "build/gatectl replay -j $CAPTURE >$LAB/replayed"
same "it gives the same observations" "$expected" "$(observed $LAB/replayed)"
same "and the same sessions" "$SESSIONS $TLS ${#EXPECTED[@]}" "$(jq -s -r '"\(.[-1].flows) \(
	map(select(.type == "no_build" and .family == "tls")) | length) \(.[-1].observations)"' $LAB/replayed)"
same "and nothing is malformed or one-way" "0 0" \
	"$(jq -r 'select(.type == "summary") | "\(.malformed) \(.one_way)"' $LAB/replayed)"
for key in source origin direction helo by server build product release standing; do
	same "what is observed has the same $key" "$(jq -c "select(.build) | [.by, .$key]" $LAB/events | sort)" \
		"$(jq -c "select(.build) | [.by, .$key]" $LAB/replayed | sort)"
done
