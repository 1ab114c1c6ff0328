#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# slow-senders - real senders that are slowed deliver, in plaintext, in chunks and in TLS, short mails
# and long ones; each of their round trips on the wire takes between slow_delay and about twice that
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. "$(dirname "$0")/tls.bash"
# shellcheck source=tests/e2e/mtas.bash
. "$(dirname "$0")/mtas.bash"
[ -n "${LAB_NAME-}" ] || mtas_roots || exit 1
e2e_start "$@"

GOOD=203.0.113.20
LONG=1000000 # bytes, of a mail that takes twenty windows

# mails - TO BYTES SENDER: two of each source at a time, those are slowed
mails() {
	cat <<-EOF
		long@plain-postfix-4.example.org $LONG postfix
		tls@tls-exim-4.example.org 200 swaks
		long@bdat-exim-4.example.org $LONG exim
		short@plain-opensmtpd-4.example.org 200 exim
	EOF
}

send() {
	{
		printf 'From: <user@old.example.org>\nTo: <%s>\nSubject: slow\n\n' "$1"
		head -c "$2" /dev/zero | tr '\0' x | fold -w 70
	} | mtas_send "$3" "$1" "$3.example.org" >/dev/null 2>&1
}

send_all() {
	local to bytes sender
	while read -r to bytes sender; do
		send "$to" "$bytes" "$sender" &
	done < <(mails)
}

all_sent() {
	local to sender
	while read -r to _ sender; do
		mtas_sent "$sender" "$to" 2>/dev/null || return
	done < <(mails)
}

sent_or_why() { wait_for $MAIL_LIMIT_S all_sent || { mtas_logs && return 1; }; }

# trips - each time between what a server said and what its client said next, in ms
trips() {
	awk '$NF > 0 {
		client = $5 ~ /\.25:$/
		who = client ? $3 : substr($5, 1, length($5) - 1)
		if (client && said[who])
			printf "%d\n", ($1 - said[who]) * 1000
		said[who] = client ? 0 : $1
	}' $GATE/wire
}

must "senders start" mtas_senders
must "mail servers start" mtas_receivers
e2e_gate
must "enforce mode is accepted" ctl mode enforce
must "one source is slowed" ctl set $OLD tarpit --style slow
must "and another" ctl set $GOOD tarpit --style slow
lab_net edge chroot $SWAKS/root tcpdump -i uplink -n -q -tt -l 'tcp port 25' >$GATE/wire 2>$GATE/wire.log &
must "the wire is listened to" wait_for 10 grep -q "^listening" $GATE/wire.log
send_all
must "each mail is delivered, the long ones in time" sent_or_why
same "nobody was let through unslowed" 0 "$(gate_counter egress slow_missed)"
trips >$GATE/trips
must "there were round trips ($(sort -n $GATE/trips | xargs) ms)" [ "$(wc -l <$GATE/trips)" -ge 20 ]
must "none was shorter than slow_delay" [ "$(sort -n $GATE/trips | head -n 1)" -ge 1000 ]
must "nor longer than about twice that" [ "$(sort -n $GATE/trips | tail -n 1)" -lt 3000 ]
must "the gate unloads" ctl unload
