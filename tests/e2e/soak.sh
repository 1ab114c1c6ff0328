#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# soak - upgrades, kill -9 of the daemon and changes of mode under mail: a session of a source that
# nobody blocks goes on delivering, a stream of others too; no connection is reset, no mail is lost
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/next.bash
. tests/e2e/next.bash
e2e_start "$@"

case ${BUILDGATE_TEST-} in
quick) TIMES=2 ;;
long) TIMES=100 ;;
*) TIMES=5 ;;
esac
RUN=$LAB/running # as long as this file is there, mail goes on
STREAM_MAILS=20  # in a run of smtp-source, in two sessions at a time

# --- the two senders, in the network of "good" --------------------------------------------------

# session - one connection: mail after mail, each reply read; says how many were accepted
session() {
	local line talk accepted=0
	ask() {
		printf '%s\r\n' "$1" >&"$talk"
		while read -r -t 30 -u "$talk" line && [ "${line:3:1}" = - ]; do :; done
		[[ $line =~ ^$2 ]] || { echo "$1: $line" >&2 && return 1; }
	}
	exec {talk}<>/dev/tcp/198.51.100.25/25 && read -r -t 30 -u "$talk" line &&
		ask "EHLO good.example.org" 250 || return
	while [ -f "$RUN" ]; do
		ask "MAIL FROM:<>" 250 && ask "RCPT TO:<user@edge.example.org>" 250 && ask DATA 354 &&
			ask $'Subject: one of a session\r\n\r\nHello.\r\n.' 250 || return
		accepted=$((accepted + 1))
		sleep 0.02
	done
	ask QUIT 221 && echo $accepted
}

# stream - connections of their own; says how many mails were handed over
stream() {
	local sent=0
	while [ -f "$RUN" ]; do
		lab_in good smtp-source -m $STREAM_MAILS -s 2 -f stream@good.example.org \
			-t user@edge.example.org -S stream inet:198.51.100.25:25 || return
		sent=$((sent + STREAM_MAILS))
	done
	echo $sent
}

# --- what is counted ----------------------------------------------------------------------------

# smtp-source resets each of its connections itself, after the last reply; beyond that there must be
# none, nor a conversation that the server saw end too early.
resets() { lab_net good nstat -asz TcpEstabResets | awk '/TcpEstabResets/ { print int($2) }'; }
lost() { grep -c "lost connection\|timeout after" $LAB/edge/root/var/log/maillog; }
delivered() { grep -lrsF "Subject: $1" $LAB/edge/root/srv/mail/inbox/new | wc -l; }
all_there() { [ "$(delivered "one of a session")" = "$accepted" ] && [ "$(delivered stream)" = "$sent" ]; }

# --- what happens meanwhile -----------------------------------------------------------------------

upgrade() {
	if [ $(($1 % 2)) = 1 ]; then next_use $NEXT/build; else next_use build; fi
	next_upgrade
}
killed() { gate_stop KILL && gate_start; }
mode_changes() {
	local modes=(off report enforce)
	ctl mode "${modes[$1 % 3]}" >/dev/null
}
times() {
	local i
	for i in $(seq $TIMES); do
		"$1" "$i" 2>/dev/null || e2e_fail "$1 $i"
	done
	echo "ok: $TIMES times: $1"
}

must "another version can be built" next_version
must "two mail servers start" lab_mtas good edge
e2e_gate "drop_style: answer"
must "somebody else is refused" ctl set $OLD drop
must "and enforced" ctl mode enforce
before=$(resets)
touch $RUN
export RUN
export -f session
lab_net good bash -c session >$LAB/accepted &
session=$!
stream >$LAB/sent &
stream=$!
times upgrade
times killed
times mode_changes
must "the gate is up" gate_answers
rm $RUN
must "the session went on to its end" wait $session
must "so did all connections" wait $stream
accepted=$(cat $LAB/accepted) sent=$(cat $LAB/sent)
must "mail went all the time" [ "$accepted" -gt $((TIMES * 5)) ] && [ "$sent" -gt $((TIMES * 5)) ]
echo "$accepted mails of one session, $sent of others"
same "no connection was reset" "$sent" $(($(resets) - before))
same "none ended too early" 0 "$(lost)"
wait_for 30 all_there
same "of the session's mails every one is there" "$accepted" "$(delivered "one of a session")"
same "and of the others" "$sent" "$(delivered stream)"
