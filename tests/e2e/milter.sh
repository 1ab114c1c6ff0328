#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# milter - a build inside TLS is seen by a real Postfix's milter, and the clock runs by it; mail
# never waits for the milter, and the milter never for the daemon
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"
trap 'rc=$?; [ $rc = 0 ] || tail -n 25 $LAB/edge/root/var/log/maillog $MILTER_LOG; (exit $rc); e2e_end' EXIT

MILTER=inet:8891@127.0.0.1
MILTER_LOG=$GATE/milter.log

# milter_start - as the lab's root; the real one runs as a user of its own
milter_start() {
	nsenter --net="$(lab_ns edge)" -- build/gate-milter -p $MILTER --control /run/buildgate/control.sock \
		--log-format logfmt "$@" \
		>>$MILTER_LOG 2>&1 </dev/null &
	MILTER_PID=$!
	wait_for 10 grep -q listening $MILTER_LOG
}

milter_gone() { [ ! -d "/proc/$MILTER_PID" ]; }

milter_stop() {
	kill "-${1-TERM}" "$MILTER_PID"
	wait "$MILTER_PID" 2>/dev/null
	wait_for 20 milter_gone
}

milter_more() { [ "$(grep -c event=counts $MILTER_LOG)" -gt "$1" ]; }

# milter_said - one of the counts that it says on SIGUSR1
milter_said() {
	local before
	before=$(grep -c event=counts $MILTER_LOG)
	kill -USR1 "$MILTER_PID"
	wait_for 5 milter_more "$before"
	grep event=counts $MILTER_LOG | tail -n 1 | sed -n "s/.* $1=\([0-9]*\) .*/\1/p"
}

milter_has() { [ "$(milter_said "$1")" = "$2" ]; }
milter_has_at_least() { [ "$(milter_said "$1")" -ge "$2" ]; }

# tls_up - a certificate for edge, and a sender that insists on TLS
tls_up() {
	local site
	for site in old edge; do
		lab_in $site postconf -M "tlsmgr/unix=tlsmgr unix - - n 1000? 1 tlsmgr" || return
	done
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail.edge.example.org \
		-keyout $LAB/edge/root/etc/postfix/key.pem -out $LAB/edge/root/etc/postfix/cert.pem 2>/dev/null &&
		lab_in edge postconf -e smtpd_tls_security_level=may \
			smtpd_tls_key_file=/etc/postfix/key.pem smtpd_tls_cert_file=/etc/postfix/cert.pem \
			smtpd_tls_loglevel=1 smtpd_milters=inet:127.0.0.1:8891 milter_default_action=accept &&
		lab_in old postconf -e smtp_tls_security_level="$1" && lab_in edge postfix reload &&
		lab_in old postfix reload
}

audits() { ctl -j history $OLD | jq "[.[] | select(.what == \"$1\")] | length"; }
identity() { ctl -j show $OLD | jq -c '.identities[] | select(.build) | [.name, .build, .origin, .stage]'; }
stage_is() { source_is $OLD ".stage == $1"; }

must "two mail servers start" lab_mtas old edge
must "they speak TLS" tls_up encrypt
e2e_gate "control_group: nogroup"
must "the milter starts" milter_start

mail_is delivered old $OLD_BUILD
must "it went through TLS" grep -q 'TLS connection established from' $LAB/edge/root/var/log/maillog
must "the build inside TLS is seen" wait_for 20 source_is $OLD \
	".identities[] | select(.build == \"$OLD_BUILD\" and .origin == \"received\")"
same "the packet hooks did not see it" 0 "$(gate_counter egress token_ok)"
must "the milter knows" wait_for 5 milter_has taken 1
must "as inside TLS" [ "$(gate_metrics | sed -n 's/^buildgate_observations_by_origin_total{origin="received",tls="yes"} //p')" = 1 ]
same "nobody hides in TLS" 0 "$(ctl -j status | jq .sight.tls_only)"
must "who told is in the audit trail" [ "$(audits observe)" = 1 ]

# the clock: an hour later the second sighting starts it, then two more days
for days in 0 1 1; do
	must "time goes on" ctl clock advance $((days * 24 + 2))h
	mail_is delivered old $OLD_BUILD
	must "seen again" wait_for 20 source_is $OLD \
		"now as \$n | .identities[] | select(.build) | .last_seen | fromdateiso8601 > $(ctl -j status | jq '.at | fromdateiso8601 - 120')"
	# else the next report would be one like it, seconds later by the milter's own clock
	must "the milter knows that" wait_for 5 milter_has waiting 0
done
must "the clock runs" wait_for 10 stage_is 1
must "30 days later" ctl clock advance 29d
mail_is delivered old $OLD_BUILD
must "the next stage" wait_for 20 stage_is 2
must "the milter knows that" wait_for 5 milter_has waiting 0

# plaintext: packets and milter see the same connection; it is one
must "plaintext" tls_up none
must "another hour" ctl clock advance 2h
was=$(ctl -j show $OLD | jq '[.days[] | select(.build) | .count] | add')
mail_is delivered old $OLD_BUILD
token_seen() { [ "$(gate_counter egress token_ok)" = 1 ]; }
must "the packet hooks see it now" wait_for 20 token_seen
# whichever came first
repeated() { gate_metrics | grep -q '^buildgate_connections_total{result="repeated"} [1-9]'; }
must "packets and milter told, and it counted once" wait_for 20 repeated
same "one more connection with a build" $((was + 1)) "$(ctl -j show $OLD | jq '[.days[] | select(.build) | .count] | add')"

# a relay's line on top, no line at all, a second message of one connection: no build
must "the milter told too" milter_has waiting 0
must "TLS again" tls_up encrypt
before=$(milter_said builds)
lab_in old sendmail -i -f user@old.example.org user@edge.example.org <<-EOF2
	Received: from a.example.org (a.example.org [192.0.2.9]) by relay.example.org (Postfix)
	 with ESMTP id 4F1; Sat, 21 Nov 2026 09:00:00 +0100
	$(lab_stamp old $OLD_BUILD)
	Message-ID: <relayed.old@lab.example.org>
	Subject: relayed

	Hello.
EOF2
must "a relayed mail arrives" wait_for $MAIL_LIMIT_S lab_delivered edge relayed.old
same "no build is read from it" "$before" "$(milter_said builds)"

# the daemon hangs: mail does not wait for it
kill -STOP "$GATE_PID"
mail_is delivered old $OLD_BUILD
kill -CONT "$GATE_PID"
must "the report arrives all the same" wait_for 30 milter_has waiting 0

# the daemon goes, comes back: mail goes on, what was reported meanwhile arrives
must "the gate stops" gate_stop KILL
mail_is delivered old $OLD_BUILD
must "the report waits" wait_for 5 milter_has_at_least waiting 1
must "the gate comes back" gate_start
must "the report arrives" wait_for 90 milter_has waiting 0
same "and nothing is lost" 0 "$(milter_said lost)"

# the same over a Unix socket, where most steps go without an answer; as users of their own, in
# Postfix's root, where these are
must "the milter ends with its counts" milter_stop
must "it said them" grep -q 'reports:.*taken' $MILTER_LOG
: >$MILTER_LOG
SOCKET=$LAB/edge/root/srv/milter.sock
cp build/gate-milter $LAB/edge/root/srv/
mkdir -p $LAB/edge/root/run/buildgate
must "its root has the control socket" mount --bind /run/buildgate $LAB/edge/root/run/buildgate
nsenter --net="$(lab_ns edge)" -- chroot $LAB/edge/root /srv/gate-milter -p unix:/srv/milter.sock \
	--user nobody --group postfix --log-format logfmt >>$MILTER_LOG 2>&1 </dev/null &
MILTER_PID=$!
must "a milter at a Unix socket" wait_for 10 grep -q listening $MILTER_LOG
same "it became another user" "65534 65534" \
	"$(awk '/^[UG]id:/ { print $3 }' "/proc/$MILTER_PID/status" | xargs)"
same "only that one and the group may connect" "nobody:postfix 660" \
	"$(lab_in edge stat -c '%U:%G %a' /srv/milter.sock)"
must "Postfix goes there" lab_in edge postconf -e smtpd_milters=unix:/srv/milter.sock \
	milter_connect_timeout=2s milter_command_timeout=2s milter_content_timeout=2s
must "and reloads" lab_in edge postfix reload
must "a minute later" ctl clock advance 2m
mail_is delivered old $OLD_BUILD
must "the build is read there too" wait_for 5 milter_has builds 1
must "and the daemon hears it" wait_for 5 milter_has taken 1

# hung, gone, its socket missing, killed: mail goes on
kill -STOP "$MILTER_PID"
mail_is delivered old $OLD_BUILD
kill -CONT "$MILTER_PID"
mail_is delivered old $OLD_BUILD
must "it is asked again" wait_for 5 milter_has_at_least builds 2
rm $SOCKET
mail_is delivered old $OLD_BUILD
must "it is killed" milter_stop KILL
mail_is delivered old $OLD_BUILD

# a queue of one, and no daemon: the rest is lost and counted
gate_stop KILL
: >$MILTER_LOG
MILTER=unix:$SOCKET
must "a milter with a queue of one" milter_start --queue 1
same "without --group only its owner may connect" 600 "$(stat -c %a $SOCKET)"
chroot $LAB/edge/root chown postfix /srv/milter.sock
for build in $OLD_BUILD 15.1.2507.9 15.1.2507.12; do
	mail_is delivered old "$build"
done
must "losses are counted" milter_has_at_least lost 1
must "and logged" grep -q 'report(s) lost: the queue is full' $MILTER_LOG
