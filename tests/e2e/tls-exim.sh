#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-exim - a build inside TLS is read in a real Exim (Debian's, with GnuTLS)
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
[ -n "${LAB_NAME-}" ] || root_make exim exim4-daemon-light || skip "no Exim to be had"
e2e_start "$@"

exim_files() {
	tls_root exim && cat >"$LAB/edge/root/etc/exim4/exim4.conf" <<-'EOF'
		primary_hostname = mail.edge.example.org
		rfc1413_query_timeout = 0s
		tls_advertise_hosts = *
		tls_certificate = /etc/ssl/lab.pem
		tls_privatekey = /etc/ssl/lab.key
		acl_smtp_rcpt = all
		begin acl
		all:
		  accept
		begin routers
		here:
		  driver = accept
		  transport = inbox
		begin transports
		inbox:
		  driver = appendfile
		  maildir_format
		  directory = /srv/mail/inbox
		  user = nobody
		  group = nogroup
	EOF
}

in_container() {
	ctl -j doctor | jq -e '.tls_sight.covered[] | select(.executable == "/usr/sbin/exim4") |
		.root | startswith("container of process ")' >/dev/null
}

must "a Postfix starts" lab_mtas old
must "the old site insists on TLS" tls_insist old
must "Exim has its files" exim_files
must "Exim starts, in a container's file tree" tls_contained exim4 -bd -q1h
must "Exim listens" wait_for 10 tls_listens
e2e_gate "tls_sight: on"
must "Exim is covered" tls_covered /usr/sbin/exim4
must "where it runs" in_container
ctl doctor
tls_mail_is_read
