#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# answer-opensmtpd - a real OpenSMTPD that is answered by the gate: bounces, waits, delivers
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/answer.bash
. "$(dirname "$0")/answer.bash"
[ -n "${LAB_NAME-}" ] || root_make opensmtpd opensmtpd || exit 1
e2e_start "$@"

sender_start() {
	answer_root opensmtpd || return
	cat >"$LAB/old/root/etc/smtpd.conf" <<-'EOF'
		table box { "@" = "nobody" }
		listen on lo hostname mail.old.example.org
		action "box" maildir "/srv/mail/inbox" virtual <box>
		action "out" relay host smtp://198.51.100.25 helo mail.old.example.org
		match from local for domain "old.example.org" action "box"
		match from local for any action "out"
	EOF
	lab_in old smtpd -dv >"$LAB/old/start.log" 2>&1 </dev/null &
	wait_for 10 lab_in old smtpctl show stats >/dev/null 2>&1
}

sender_queued() { lab_in old smtpctl show queue | grep -q "450 4.7.230 mail.edge.example.org"; }

sender_flush() { lab_in old smtpctl schedule all; }

answer_walk
