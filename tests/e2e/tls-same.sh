#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-same - headers of every kind through a real Postfix: TLS sight and the milter give the answer
# that packets of the same mail in plaintext give
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

ROWS=$LAB/rows
SOCKET=$LAB/edge/root/srv/milter.sock

# --- mails: a file each, and a line in "expected" -------------------------------------------------

# row NAME [BUILD] - the header on stdin, with LF; a body follows
row() {
	echo "$*" >>$ROWS/expected
	{
		sed 's/$/\r/'
		printf '\r\nHello.\r\n.\r\n'
	} >"$ROWS/$1.mail"
}

relay() {
	printf 'Received: from a.example.org (a.example.org [192.0.2.9]) by relay.example.org (Postfix)\n'
	printf '\twith ESMTP id 4F1; Sat, 21 Nov 2026 09:00:00 +0100\n'
}

# many KB - so much of other headers
many() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf 'X-Long-%04d: %01008d\n' $i 0
	done
}

rows() {
	mkdir -p $ROWS
	lab_stamp old $OLD_BUILD | row stamped $OLD_BUILD
	{ relay && lab_stamp old $OLD_BUILD; } | row relay
	{ relay && relay && lab_stamp old $OLD_BUILD && lab_stamp old 15.1.2507.12; } | row forged
	# folded between any two words, by any blank
	lab_stamp old $OLD_BUILD | tr -s ' \n' '\n' | sed '2,$s/^/\t/; 4~3s/^\t/  \t /' | row folded $OLD_BUILD
	{ many 3 && lab_stamp old $OLD_BUILD; } | row others $OLD_BUILD
	{ many 100 && lab_stamp old $OLD_BUILD; } | row long
	printf 'From: user@old.example.org\nSubject: id 15.1.2507.6 with Microsoft SMTP Server\n' | row none
	{ printf 'X-Any: \377\200\000\001 \303\050\000\n\t\376\000\n' && lab_stamp old $OLD_BUILD; } |
		row bytes $OLD_BUILD
	lab_stamp old $OLD_BUILD | sed 's/^Received: from /&\xe9\xff\x80./' | row eightbit $OLD_BUILD
	lab_stamp old $OLD_BUILD | sed 's/^Received/RECEIVED/' | row capitals $OLD_BUILD
	lab_stamp old 15.20.1234.5 | row online 15.20.1234.5
	lab_stamp old 6.0.3790.4675 | sed 's/SMTP Server/SMTPSVC(6.0.3790.4675)/' | row windows
}

# --- a client that sends any byte -----------------------------------------------------------------

# expect CODE - the last line of such a reply, from 6
expect() {
	local line
	while read -r -t 20 line <&6; do
		[[ $line != "$1 "* ]] || return 0
	done
	return 1
}

# talk NAME FILE - a conversation through 6 and 7
talk() {
	printf 'EHLO %s\r\n' "$1" >&7 && expect 250 &&
		printf 'MAIL FROM:<user@old.example.org>\r\n' >&7 && expect 250 &&
		printf 'RCPT TO:<user@edge.example.org>\r\n' >&7 && expect 250 &&
		printf 'DATA\r\n' >&7 && expect 354 && cat "$2" >&7 && expect 250 && printf 'QUIT\r\n' >&7
}

# plain NAME FILE
plain() {
	lab_net old bash -c "$(declare -f expect talk)"'
		exec 6<>/dev/tcp/198.51.100.25/25 7>&6 && expect 220 && talk "$@" && expect 221' talk "$@"
}

# by_tls NAME FILE - what openssl has read of the first EHLO comes first: it is not waited for
by_tls() (
	mkfifo "$ROWS/in.$1" && exec 8<>"$ROWS/in.$1" || exit
	exec 6< <(lab_net old openssl s_client -quiet -starttls smtp -connect 198.51.100.25:25 \
		<"$ROWS/in.$1" 8>&- 2>/dev/null)
	exec 7>"$ROWS/in.$1" 8>&-
	talk "$@"
)

# said WAY - rows and the builds that were observed, as told by the EHLO name
said() {
	jq -r --arg way ".$1.example.org" 'select(.type == "observation" or .type == "no_build") |
		select(.helo // "" | endswith($way)) | [.helo[: -($way | length)], .build // empty] |
		join(" ")' "$LAB/events" | sort -u
}

said_about() { said "$1" | grep -q "^$2\( \|$\)"; }

# answers WAY COMMAND - every row by COMMAND
answers() {
	local row
	while read -r row _ <&9; do
		$2 "$row.$1.example.org" "$ROWS/$row.mail" || e2e_fail "$1: the mail \"$row\" is not taken"
		wait_for 10 said_about "$1" "$row" || echo "$1: nothing is said of the mail \"$row\""
		ctl clock advance 61s >/dev/null # one connection a minute counts
	done 9<$ROWS/expected
	same "$1: every answer is right" "$(sort $ROWS/expected)" "$(said "$1")"
}

# --------------------------------------------------------------------------------------------------

must "two mail servers start" lab_mtas old edge
must "the edge offers TLS" tls_offer edge
rows
e2e_gate "tls_sight: on"
must "Postfix is covered" tls_covered /usr/lib/postfix/sbin/smtpd
must "events are followed" tls_events_start
answers plain plain
answers sight by_tls

# a source has so many names that one record of it would not hold those of the next way too
must "the gate stops" gate_stop
gate_config "state_dir: $GATE/state.milter"
must "it starts without sight" gate_start
must "events are followed" tls_events_start
nsenter --net="$(lab_ns edge)" -- build/gate-milter -p unix:$SOCKET --control /run/buildgate/control.sock \
	>$GATE/milter.log 2>&1 </dev/null &
must "the milter starts" wait_for 10 test -S $SOCKET
chroot $LAB/edge/root chown postfix /srv/milter.sock
must "Postfix asks it" lab_in edge postconf -e smtpd_milters=unix:/srv/milter.sock
must "and reloads" lab_in edge postfix reload
answers milter by_tls
