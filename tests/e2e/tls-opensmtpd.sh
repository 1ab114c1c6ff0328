#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-opensmtpd - a build inside TLS is read in a real OpenSMTPD
#
# Debian 12's (6.8.0p2) cannot use a certificate's key with OpenSSL 3 (its issues 1171 and 1239),
# so the two agree on ciphers without one. What is read, and where, is the same.
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
[ -n "${LAB_NAME-}" ] || root_make opensmtpd opensmtpd || skip "no OpenSMTPD to be had"
e2e_start "$@"

opensmtpd_files() {
	tls_root opensmtpd && chmod 600 "$LAB/edge/root/etc/ssl/lab.key" &&
		cat >"$LAB/edge/root/etc/smtpd.conf" <<-'EOF'
			pki mail.edge.example.org cert "/etc/ssl/lab.pem"
			pki mail.edge.example.org key "/etc/ssl/lab.key"
			smtp ciphers "AECDH:@SECLEVEL=0"
			table everybody { "@" = "nobody" }
			listen on 0.0.0.0 port 25 tls pki mail.edge.example.org
			action "inbox" maildir "/srv/mail/inbox" virtual <everybody>
			match from any for domain "edge.example.org" action "inbox"
		EOF
}

must "two Postfixes start" lab_mtas old good
must "the old site insists on TLS" tls_insist old
must "the good site insists on TLS" tls_insist good
for site in old good; do
	must "$site knows the ciphers that this OpenSMTPD can do" lab_in $site postconf -e \
		smtp_tls_mandatory_protocols=TLSv1.2 "tls_medium_cipherlist=AECDH:@SECLEVEL=0"
done
must "OpenSMTPD has its files" opensmtpd_files
must "OpenSMTPD starts" tls_run smtpd
must "OpenSMTPD listens" wait_for 10 tls_listens
e2e_gate "tls_sight: on"
must "OpenSMTPD is covered" tls_covered /usr/sbin/smtpd
tls_mail_is_read

# one process has all of them at once
tls_pairs "$(tls_many)"
