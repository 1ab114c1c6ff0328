#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# notice - the postmaster of a server out of date finds the notices in the site's own mailbox: when it
# is first reported, before it is slowed and before it is refused, each once
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

DAY_S=86400
INBOX=$LAB/old/root/srv/mail/inbox/new
DAY_0=$(($(date +%s) / DAY_S * DAY_S + 2 * DAY_S))

# day - N [SECONDS]: to that day, and a mail of the old server
day() {
	ctl clock to "$(date -u -d "@$((DAY_0 + $1 * DAY_S + ${2-0}))" +%FT%TZ)" >/dev/null &&
		mail_is delivered old $OLD_BUILD
}

# notices - WORDS: how many mails with these in the subject the old site's mailbox has
notices() { grep -rlsE "^Subject: mail.old.example.org: .*$1" "$INBOX" | wc -l; }
notices_are() { [ "$(notices "$1")" = "$2" ]; }
notice_says() { grep -rhsE -A40 "^Subject: mail.old.example.org: .*$1" "$INBOX" | grep -q "$2"; }

must "two mail servers start" lab_mtas old edge
printf '#!/bin/sh\nexec chroot %s /usr/sbin/sendmail "$@"\n' $LAB/edge/root >$LAB/sendmail
chmod 755 $LAB/sendmail
e2e_gate "notify: {enabled: true, from: gate@edge.example.org, sendmail: $LAB/sendmail}"

day 0
same "one mail is no clock, and no notice" 0 "$(notices date)"
day 0 7200
must "the first report is told" wait_for 90 notices_are "is out of date" 1
must "by the null sender" grep -rqs "^Return-Path: <>" "$INBOX"
must "it names the build" notice_says "out of date" "15.1.2507.6 (Exchange Server 2016"
must "it names the next step" notice_says "out of date" "^Next step: upgrade it to 15.2"
must "it names the day of slowing" notice_says "out of date" \
	"$(date -u -d "@$((DAY_0 + 30 * DAY_S))" +%F) its mail is slowed, 5 minutes"
must "it names the contact" notice_says "out of date" "^Questions: postmaster@edge.example.org"
must "it says that nothing is enforced yet" notice_says "out of date" "only reports"
day 1
day 2
must "enforce mode is accepted" ctl mode enforce
day 24
must "it is told before it is slowed" wait_for 90 notices_are "will be slowed" 1
day 55
must "and before it is refused" wait_for 90 notices_are "will be refused" 1
gate_stop TERM
must "after a restart" gate_start
day 56
same "nobody is told twice: reports" 1 "$(notices 'is out of date')"
same "slowing" 1 "$(notices 'will be slowed')"
same "refusing" 1 "$(notices 'will be refused')"
