#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-postscreen - Postfix with postscreen and tlsproxy in front: who was read, and where
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

# postscreen - in front of smtpd, with tests that take it into the conversation, TLS included
postscreen() {
	sed -i 's/^smtp  *inet .*smtpd$/smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\ntlsproxy unix - - n - 0 tlsproxy/' \
		"$LAB/edge/root/etc/postfix/master.cf" &&
		lab_in edge postconf -e postscreen_bare_newline_enable=yes \
			postscreen_greet_wait=1s postscreen_access_list= &&
		tls_offer edge
}

tls_read() { [ "$(gate_counter tls tls_bound)" -ge "$1" ]; }

must "two mail servers start" lab_mtas old edge
must "postscreen is in front" postscreen
must "the old site insists on TLS" tls_insist old
e2e_gate "tls_sight: on"
must "smtpd is covered" tls_covered /usr/lib/postfix/sbin/smtpd
must "tlsproxy is covered" tls_covered /usr/lib/postfix/sbin/tlsproxy
must "events are followed" tls_events_start

# the first time postscreen talks by itself, through tlsproxy, and sends the client away
mail_is queued old $OLD_BUILD
id=$LAB_ID
must "the session in tlsproxy was read" tls_read 1
same "it was not unbound" 0 "$(gate_counter tls tls_unbound)"
same "it named no build" 0 "$(gate_counter tls token_ok)"

# from then on it hands the connection to smtpd before TLS begins
must "the queue can be flushed" lab_flush old
must "the waiting mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$id"
must "the build was read in smtpd" wait_for 20 tls_seen ".build == \"$OLD_BUILD\""
same "no session went unbound" 0 "$(gate_counter tls tls_unbound)"
