#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# transit - the gate on a router in front of the mail server: it reads builds, slows, refuses and
# cuts as on the server itself, and the server's processes know nothing of it
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/answer.bash
. "$(dirname "$0")/answer.bash"
e2e_start "$@"

# shellcheck disable=SC2034 # for gate.sh
GATE_SITE=router

connections() { lab_net edge ss -Htn state connected sport = :25 | wc -l; }
none_left() { [ "$(connections)" = 0 ]; }
hears() { grep -q "$1" $GATE/hears; }

# talk ADDRESS LINE... - a client that says each line when the one before was answered
talk() {
	local address=$1 n=1 line
	shift
	rm -f $GATE/says
	mkfifo $GATE/says
	: >$GATE/hears
	(exec nsenter --net="$(lab_ns old)" bash -c \
		"exec 3<>/dev/tcp/$address/25; cat <&3 >$GATE/hears & cat $GATE/says >&3; wait") 2>/dev/null &
	exec 7>$GATE/says
	must "the server greets at $address" wait_for 10 hears "^220 "
	for line; do
		printf '%s\r\n' "$line" >&7
		n=$((n + 1))
		must "it answers '$line'" wait_for 10 replies $n
	done
}
replies() { [ "$(grep -c '^[0-9]* ' $GATE/hears)" = "$1" ]; }

# cut_at ADDRESS SOURCE - blocked after EHLO, refused at MAIL
cut_at() {
	talk "$1" "EHLO old.example.org"
	must "the source is blocked" ctl set "$2" drop --style answer
	printf 'MAIL FROM:<a@old.example.org>\r\n' >&7
	must "the next command is refused" wait_for 10 hears "^550 5.7.230 mail.edge.example.org: "
	must "the server behind is rid of it at once" wait_for 2 none_left
	exec 7>&-
	wait $!
	must "the source is released" ctl unset "$2"
}

must "two mail servers start" lab_mtas old edge
answer_box
e2e_gate "outside: [to-old, to-good]" "cgroup: off"
mail_is delivered old $OLD_BUILD
must "the gate read the build" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "enforce mode is accepted" ctl mode enforce

cut_at 198.51.100.25 $OLD
cut_at 2001:db8:25::25 2001:db8:1::10
must "both were cut" [ "$(gate_counter ingress cut_begun)" = 2 ]

must "the source is slowed" ctl set $OLD tarpit --style slow
slowed=$(gate_counter egress slowed)
mail_is delivered old $OLD_BUILD
must "its round trips were slow" [ "$(gate_counter egress slowed)" -gt "$slowed" ]

must "that connection ends" wait_for 20 none_left

must "the source is refused" ctl set $OLD drop --style answer
text=$(answer_text refusal)
lab_send old $OLD_BUILD user@edge.example.org
must "its user's bounce quotes the text" wait_for 20 answer_bounced "$text"
must "the server saw nothing of it" none_left
must "the source is released" ctl unset $OLD
mail_is delivered old $OLD_BUILD
