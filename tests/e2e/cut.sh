#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# cut - a source is blocked while it has connections open: the next command is refused, the server's
# process ends at once, and of a real sender's mails each is delivered or bounced, none both
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/answer.bash
. "$(dirname "$0")/answer.bash"
e2e_start "$@"

SERVER=198.51.100.25 SERVER6=2001:db8:25::25
MAILS=24

# talk ADDRESS - a client whose lines come from a pipe; what it hears goes into a file
talk() {
	rm -f $GATE/says
	mkfifo $GATE/says
	: >$GATE/hears
	(exec nsenter --net="$(lab_ns old)" bash -c \
		"exec 3<>/dev/tcp/$1/25; cat <&3 >$GATE/hears & cat $GATE/says >&3; wait") 2>/dev/null &
	exec 7>$GATE/says
}
say() { printf '%b\r\n' "$1" >&7; }
hears() { grep -q "$1" $GATE/hears; }
replies() { [ "$(grep -c '^[0-9]* ' $GATE/hears)" = "$1" ]; }

# connections - of the server's processes with the source
connections() { lab_net edge ss -Htn state established sport = :25 | wc -l; }
none_left() { [ "$(connections)" = 0 ]; }
ended() { ! kill -0 "$1" 2>/dev/null; }

# refused_at ADDRESS LAST [LINE...] - the LINEs are said, then the source is blocked, then LAST
refused_at() {
	local address=$1 last=$2 line n=1
	shift 2
	talk "$address"
	must "the server greets at $address" wait_for 10 replies $n
	for line; do
		say "$line"
		n=$((n + 1))
		must "and answers '$line'" wait_for 10 replies $n
	done
	same "its process has a connection" 1 "$(connections)"
	must "the source is blocked" ctl set "$SOURCE" drop --style answer
	same "the connection is still there" 1 "$(connections)"
	say "$last"
	must "'$last' is refused" wait_for 10 hears "^550 5.7.230 mail.edge.example.org: "
	must "the server's process is rid of it" wait_for 1 none_left
	exec 7>&-
	must "the client's connection is closed" wait_for 10 ended $!
	must "no entry is left" wait_for 10 no_flow
	must "the source is released" ctl unset "$SOURCE"
}

no_flow() { [ "$(ctl -j map dump flows | jq length)" = 0 ]; }

# fate_of MAIL - delivered or bounced, or both, or nothing yet
fate_of() {
	local fate=
	lab_delivered edge "$1" && fate=delivered
	grep -rqsF "Message-ID: <$1@" "$LAB/old/root/srv/mail/inbox/new" && fate=$fate+bounced
	echo "${fate#+}"
}

all_gone() {
	local id
	for id in "${SENT[@]}"; do
		[ -n "$(fate_of "$id")" ] || return 1
	done
}

mails() { find "$LAB/edge/root/srv/mail/inbox/new" -type f | wc -l; }
delivered() { [ "$(mails)" -ge "$1" ]; }

must "the server starts" lab_mtas edge
e2e_gate
answer_box
must "the sender starts" lab_mtas old
must "it keeps its connections" lab_in old postconf -e smtp_connection_cache_time_limit=60s \
	smtp_connection_cache_destinations=$SERVER smtp_discard_ehlo_keywords= \
	default_destination_concurrency_limit=2
must "and knows" lab_in old postfix reload 2>/dev/null
must "enforce mode is accepted" ctl mode enforce

SOURCE=$OLD
refused_at $SERVER "MAIL FROM:<a@old.example.org>" "EHLO old.example.org"
refused_at $SERVER "DATA" "EHLO old.example.org" "MAIL FROM:<a@old.example.org>" \
	"RCPT TO:<user@edge.example.org>"
refused_at $SERVER "EHLO old.example.org"
refused_at $SERVER "RSET" "EHLO old.example.org" "MAIL FROM:<a@old.example.org>" \
	"RCPT TO:<user@edge.example.org>" DATA 'Subject: x\r\n\r\nx\r\n.'
same "that mail is delivered, once" 1 "$(mails)"
SOURCE=2001:db8:1::10
refused_at $SERVER6 "MAIL FROM:<a@old.example.org>" "EHLO old.example.org"
SOURCE=$OLD

# in the middle of a message it ends as it began
talk $SERVER
must "the server greets" wait_for 10 replies 1
for line in "EHLO old.example.org" "MAIL FROM:<a@old.example.org>" "RCPT TO:<user@edge.example.org>"; do
	say "$line"
done
must "it answers" wait_for 10 replies 4
say DATA
must "it wants the message" wait_for 10 hears ^354
must "the source is blocked" ctl set $OLD drop --style answer
say 'Subject: y\r\n\r\ny'
must_not "a message is not cut" hears ^550
say .
must "the server takes it" wait_for 10 replies 6
say "MAIL FROM:<b@old.example.org>"
must "the next command is refused" wait_for 10 hears "^550 5.7.230 "
must "the server's process is rid of it" wait_for 1 none_left
must "that mail is delivered too" delivered 2
exec 7>&-
must "the source is released" ctl unset $OLD

# a real sender with many mails in its connections
SENT=()
for ((i = 0; i < MAILS; i++)); do
	lab_send old "" user@edge.example.org
	SENT+=("$LAB_ID")
	if [ $i = $((MAILS / 3)) ]; then
		must "some of its mails are delivered" wait_for 20 delivered 5
		must "its connection is kept" [ "$(connections)" -gt 0 ]
		before=$(gate_counter ingress cut_begun)
		must "the source is blocked" ctl set $OLD drop --style answer
		text=$(answer_text refusal)
	fi
done
must "all its mails come to an end" wait_for 30 all_gone
must "its open connections were cut" [ "$(gate_counter ingress cut_begun)" -gt "$before" ]
fates=$(for id in "${SENT[@]}"; do fate_of "$id"; done | sort | uniq -c | tr -s ' \n' ' ')
echo "fates: $fates"
same "none is both" 0 "$(for id in "${SENT[@]}"; do fate_of "$id"; done | grep -c '+')"
must "some are bounced" grep -q bounced <<<"$fates"
must "a bounce quotes the whole text" answer_bounced "$text"
same "the server has no connection" 0 "$(connections)"
same "nothing is left in its queue" "Mail queue is empty" "$(lab_in old postqueue -p)"
