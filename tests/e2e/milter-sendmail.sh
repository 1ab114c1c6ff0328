#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# milter-sendmail - a build inside TLS is seen by a real Sendmail's milter, over TCP and over a
# Unix socket; without milter or daemon mail goes on
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
[ -n "${LAB_NAME-}" ] || root_make sendmail sendmail-bin sendmail-cf m4 || skip "no Sendmail to be had"
e2e_start "$@"
trap 'rc=$?; [ $rc = 0 ] || tail -n 25 $EDGE/start.log $GATE/milter.log; (exit $rc); e2e_end' EXIT

EDGE=$LAB/edge

# sendmail_files SOCKET - its configuration as gate-milter(8) has it, and a mailer into the Maildir
sendmail_files() {
	cat >$EDGE/root/etc/mail/lab.mc <<-EOF
		define(\`_USE_ETC_MAIL_')dnl
		include(\`/usr/share/sendmail/cf/m4/cf.m4')dnl
		OSTYPE(\`debian')dnl
		FEATURE(\`no_default_msa')dnl
		FEATURE(\`nocanonify')dnl
		FEATURE(\`accept_unresolvable_domains')dnl
		undefine(\`confHOST_STATUS_DIRECTORY')dnl
		define(\`confDOMAIN_NAME', \`mail.edge.example.org')dnl
		define(\`confDONT_PROBE_INTERFACES', \`true')dnl
		define(\`confPID_FILE', \`/srv/pid')dnl
		define(\`confTO_IDENT', \`0')dnl
		define(\`confCACERT', \`/etc/ssl/lab.pem')dnl
		define(\`confCACERT_PATH', \`/etc/ssl/certs')dnl
		define(\`confSERVER_CERT', \`/etc/ssl/lab.pem')dnl
		define(\`confSERVER_KEY', \`/etc/ssl/lab.key')dnl
		define(\`confTLS_SRV_OPTIONS', \`V')dnl
		define(\`LOCAL_MAILER_PATH', \`/srv/deliver')dnl
		define(\`LOCAL_MAILER_ARGS', \`deliver \$u')dnl
		LOCAL_DOMAIN(\`edge.example.org')dnl
		DAEMON_OPTIONS(\`Family=inet, Name=MTA, Port=smtp, Addr=198.51.100.25')dnl
		INPUT_MAIL_FILTER(\`gate-milter', \`S=$1')dnl
		MAILER_DEFINITIONS
		MAILER(\`local')dnl
		MAILER(\`smtp')dnl
	EOF
	printf '#!/bin/sh\nexec cat >/srv/mail/inbox/new/$$\n' >$EDGE/root/srv/deliver
	chmod 755 $EDGE/root/srv/deliver && mkdir -p $EDGE/root/srv/mail/inbox/new &&
		chmod 777 $EDGE/root/srv/mail/inbox/new && chmod 600 $EDGE/root/etc/ssl/lab.key &&
		echo "user: nobody" >$EDGE/root/etc/mail/aliases &&
		lab_in edge sh -c 'm4 /etc/mail/lab.mc >/etc/mail/sendmail.cf'
}

sendmail_start() { tls_run /usr/sbin/sendmail -bd -q1h && wait_for 20 tls_listens; }

sendmail_silent() { ! tls_listens; }

sendmail_stop() {
	kill "$(head -n 1 $EDGE/root/srv/pid)" && wait_for 20 sendmail_silent
}

# milter_start SOCKET
milter_start() {
	nsenter --net="$(lab_ns edge)" -- build/gate-milter -p "$1" --control /run/buildgate/control.sock \
		>$GATE/milter.log 2>&1 </dev/null &
	MILTER_PID=$!
	wait_for 10 grep -qs listening $GATE/milter.log
}

milter_stop() {
	kill "-$1" "$MILTER_PID"
	wait "$MILTER_PID" 2>/dev/null
	[ ! -d "/proc/$MILTER_PID" ]
}

# seen - the build was told, as read in TLS and named by the header
seen() {
	source_is $OLD "[.identities[] | select(.build == \"$1\" and .origin == \"received\" and
		.name == \"mail.old.example.org\")] | length == 1"
}

in_tls() { gate_metrics | grep -q 'buildgate_observations_by_origin_total{origin="received",tls="yes"} [1-9]'; }

# no_build - connections of the source without one, on record
no_build() { source_is $OLD '[.days[] | select(.build == null)] | length > 0'; }

must "a Postfix starts" lab_mtas old
must "the old site insists on TLS" tls_insist old
must "a root with Sendmail" tls_root sendmail
# not the package's: overlay and fs.protected_regular keep even root from writing there
must "a queue" mount -t tmpfs -o mode=700 tmpfs $EDGE/root/var/spool/mqueue
must "its files" sendmail_files inet:8891@127.0.0.1
e2e_gate
must "the milter starts" milter_start inet:8891@127.0.0.1
must "Sendmail starts" sendmail_start
mail_is delivered old $OLD_BUILD
must "the build inside TLS is seen" wait_for 20 seen $OLD_BUILD
must "as inside TLS" in_tls
same "the packet hooks did not see it" 0 "$(gate_counter egress token_ok)"
tls_clock

lab_in old sendmail -i -f user@old.example.org user@edge.example.org <<-EOF
	Received: from a.example.org (a.example.org [192.0.2.9]) by relay.example.org (Postfix)
	 with ESMTP id 4F1; Sat, 21 Nov 2026 09:00:00 +0100
	$(lab_stamp old 15.1.2507.12)
	Message-ID: <relayed.old@lab.example.org>
	Subject: relayed

	Hello.
EOF
must "a relayed mail arrives" wait_for $MAIL_LIMIT_S lab_delivered edge relayed.old
must "it is told of as a connection without a build" wait_for 20 no_build
must_not "the line below names nobody" source_is $OLD 'any(.days[]; .build == "15.1.2507.12")'

# away, hung, killed
kill -STOP "$GATE_PID"
mail_is delivered old $OLD_BUILD
kill -CONT "$GATE_PID"
must "the milter is killed" milter_stop KILL
mail_is delivered old $OLD_BUILD

# over a Unix socket, where it need not wait for each answer
must "Sendmail ends" sendmail_stop
must "a milter at a Unix socket" milter_start unix:$EDGE/root/srv/milter.sock
must "Sendmail is told where" sendmail_files unix:/srv/milter.sock
must "it starts again" sendmail_start
must "another minute" ctl clock advance 2m
mail_is delivered old 15.1.2507.9
must "the build is read there too" wait_for 20 seen 15.1.2507.9
