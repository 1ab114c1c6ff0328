#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# recipes - docs/recipes.md with the real mail servers: a build inside TLS is told by a log line
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
if [ -z "${LAB_NAME-}" ]; then
	root_make exim exim4-daemon-light || skip "no Exim to be had"
	root_make opensmtpd opensmtpd || skip "no OpenSMTPD to be had"
fi
e2e_start "$@"
trap 'rc=$?; [ $rc = 0 ] || tail -n 25 $EDGE/mta.log $GATE/follow* $EDGE/root/var/log/exim4/* $EDGE/root/var/log/buildgate*; (exit $rc); e2e_end' EXIT

EDGE=$LAB/edge

# recipe - the block of the page behind this mark
recipe() {
	awk -v mark="<!-- $1 -->" '$0 == mark { on = 1 } /^```/ && on { on++; next } on == 2' \
		docs/recipes.md | grep .
}

# root_of - the edge host's root has this mail server, a mailbox and a certificate, and a
# resolver that says no at once
root_of() {
	root_mount "$1" $EDGE && echo "nameserver 127.0.0.1" >$EDGE/resolv.conf &&
		cp --remove-destination $EDGE/resolv.conf $EDGE/root/etc/resolv.conf && mkdir -p $EDGE/root/srv/mail/inbox $EDGE/root/var/spool &&
		chown -R 65534:65534 $EDGE/root/srv/mail && mkdir -p $EDGE/root/etc/mail &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.edge.example.org \
			-keyout $EDGE/root/etc/mail/key.pem -out $EDGE/root/etc/mail/cert.pem 2>/dev/null
}

# serve - COMMAND of the mail server in the foreground, until port 25 answers
serve() {
	(lab_join && exec nsenter --net="$(lab_ns edge)" -- chroot $EDGE/root "$@") \
		>$EDGE/mta.log 2>&1 </dev/null &
	MTA_PID=$!
	wait_for 20 lab_net edge bash -c ': </dev/tcp/198.51.100.25/25' 2>/dev/null
}

# follow - the recipe's follower as the page has it, with the lab's paths
follow() {
	recipe follower | sed "s|LOG|$1|; s|gatectl|nsenter --net=$(lab_ns edge) build/gatectl|" >$GATE/follow
	setsid bash $GATE/follow >$GATE/follow.log 2>&1 </dev/null &
	FOLLOW_PID=$!
}

# seen - the build of the last mail was told, as read in TLS and named by the header
seen() {
	source_is $OLD "[.identities[] | select(.build == \"$1\" and .origin == \"received\" and
		.name == \"mail.old.example.org\")] | length == 1" &&
		gate_metrics | grep 'buildgate_observations_by_origin_total{origin="received",tls="yes"} [1-9]' >/dev/null
}

# through - mail by this server: stamped by an Exchange, relayed, and with the gate away
through() {
	local name=$1 log=$2
	e2e_gate "state_dir: $GATE/state.$name"
	follow "$log"
	mail_is delivered old $OLD_BUILD
	must "$name: the build inside TLS is told" wait_for 20 seen $OLD_BUILD
	same "$name: the packet hooks did not see it" 0 "$(gate_counter egress token_ok)"
	must "$name: an hour later" ctl clock advance 2h
	lab_in old sendmail -i -f user@old.example.org user@edge.example.org <<-EOF2
		Received: from a.example.org (a.example.org [192.0.2.9]) by relay.example.org (Postfix)
		 with ESMTP id 4F1; Sat, 21 Nov 2026 09:00:00 +0100
		$(lab_stamp old 15.1.2507.12)
		Message-ID: <relayed-$name.old@lab.example.org>
		Subject: =?utf-8?q?relayed?= "quoted" \\

		Hello.
	EOF2
	must "$name: a relayed mail arrives" wait_for $MAIL_LIMIT_S lab_delivered edge "relayed-$name.old"
	relayed() { source_is $OLD '[.days[] | select(.build == null)] | length > 0'; }
	must "$name: it is told of as a connection without a build" wait_for 20 relayed
	same "$name: a lower line names nobody" "" \
		"$(ctl -j show $OLD | jq -r '.days[] | select(.build == "15.1.2507.12") | .build')"
	must "$name: the gate stops" gate_stop KILL
	mail_is delivered old $OLD_BUILD
	kill -- -$FOLLOW_PID
}

must "a sender that insists on TLS" lab_mtas old
must "it has a TLS manager" lab_in old postconf -M "tlsmgr/unix=tlsmgr unix - - n 1000? 1 tlsmgr"
lab_in old postconf -e smtp_tls_security_level=encrypt
must "it takes that" lab_in old postfix reload

must "a root with Exim" root_of exim
{
	cat <<-EOF2
		primary_hostname = mail.edge.example.org
		acl_smtp_rcpt = acl_check_rcpt
		acl_smtp_data = acl_check_data
		tls_advertise_hosts = *
		tls_certificate = /etc/mail/cert.pem
		tls_privatekey = /etc/mail/key.pem
		log_file_path = /var/log/exim4/%slog
		host_lookup =
		begin acl
		acl_check_rcpt:
		  accept
		acl_check_data:
	EOF2
	recipe exim-acl
	cat <<-EOF2
		  accept
		begin routers
		local:
		  driver = accept
		  transport = inbox
		begin transports
		inbox:
		  driver = appendfile
		  directory = /srv/mail/inbox
		  maildir_format
		  create_directory
		  user = nobody
		  group = nogroup
	EOF2
} >$EDGE/root/etc/exim4/exim4.conf
chmod 640 $EDGE/root/etc/mail/key.pem && chroot $EDGE/root chown root:Debian-exim /etc/mail/key.pem
must "Exim serves" serve exim4 -bdf -q1h
through exim $EDGE/root/var/log/exim4/mainlog

kill "$MTA_PID"
port_free() { ! lab_net edge bash -c ': </dev/tcp/198.51.100.25/25' 2>/dev/null; }
must "Exim ends" wait_for 10 port_free
umount -R $EDGE/root
rm -rf ${EDGE:?}/upper ${EDGE:?}/work
must "a root with OpenSMTPD" root_of opensmtpd
# Debian 12's (6.8.0p2) cannot use a certificate's key with OpenSSL 3 (its issues 1171 and
# 1239), so the two agree on ciphers without one
lab_in old postconf -e smtp_tls_mandatory_protocols=TLSv1.2 \
	"tls_medium_cipherlist=AECDH:@SECLEVEL=0"
must "the sender knows such ciphers" lab_in old postfix reload
mkdir -p $EDGE/root/usr/local/libexec
recipe opensmtpd-filter >$EDGE/root/usr/local/libexec/buildgate-filter
chmod 755 $EDGE/root/usr/local/libexec/buildgate-filter
{
	cat <<-EOF2
		pki "edge" cert "/etc/mail/cert.pem"
		pki "edge" key "/etc/mail/key.pem"
		smtp ciphers "AECDH:@SECLEVEL=0"
	EOF2
	recipe opensmtpd-conf
	cat <<-EOF2
		action "in" maildir "/srv/mail/inbox" virtual { "@" = nobody }
		match from any for domain "edge.example.org" action "in"
	EOF2
} >$EDGE/root/etc/smtpd.conf
touch $EDGE/root/var/log/buildgate-filter.log
chroot $EDGE/root chown opensmtpd /var/log/buildgate-filter.log
chmod 600 $EDGE/root/etc/mail/key.pem
must "OpenSMTPD serves" serve smtpd -d
through opensmtpd $EDGE/root/var/log/buildgate-filter.log
