# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# tls - what the tests of TLS sight share: a certificate, servers that offer and insist on TLS
#
#   tls_certificate SITE         a key and a self-signed certificate in the site's /etc/ssl/lab.*
#   tls_offer SITE               its Postfix offers STARTTLS
#   tls_insist SITE              its Postfix sends by TLS only
#   tls_events_start             follow events; they collect in $LAB/events
#   tls_seen FILTER              an observation that was made inside TLS fulfils jq FILTER
#   tls_covered EXECUTABLE       sight says that it covers it

tls_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=mail.$1.example.org" \
		-keyout "$LAB/$1/root/etc/ssl/lab.key" -out "$LAB/$1/root/etc/ssl/lab.pem" \
		2>"$LAB/$1/openssl.log" && chmod 644 "$LAB/$1/root/etc/ssl/lab.key"
}

tls_offer() {
	tls_certificate "$1" && lab_in "$1" postconf -e smtpd_tls_security_level=may \
		smtpd_tls_cert_file=/etc/ssl/lab.pem smtpd_tls_key_file=/etc/ssl/lab.key \
		smtpd_tls_loglevel=1 && lab_in "$1" postfix reload
}

tls_insist() {
	lab_in "$1" postconf -e smtp_tls_security_level=encrypt smtp_tls_loglevel=1 &&
		lab_in "$1" postfix reload
}

tls_events_start() {
	ctl -j events >"$LAB/events" 2>"$LAB/events.err" </dev/null &
	wait_for 10 tls_followed
}

# tls_followed - the daemon knows of its follower
tls_followed() { ctl -j status | jq -e '.daemon.followers > 0' >/dev/null; }

tls_seen() { jq -es "map(select(.type == \"observation\" and .tls)) | any(.[]; $1)" "$LAB/events" >/dev/null; }

tls_covered() {
	ctl -j status | jq -e --arg e "$1" 'any(.tls_sight.covered[]; .executable == $e)' >/dev/null
}
