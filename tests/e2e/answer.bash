# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# answer - what a real sender does with what the gate answers; for the tests answer-*.sh
#
# A test defines sender_start, sender_queued ID (its queue holds a mail, and says our reason) and
# sender_flush, then calls answer_walk. The sender is site "old", its users' mailbox is there too;
# both servers speak TLS where the other does.

ANSWER_LIMIT_S=30

# answer_box - the sender's own mailbox exists before its mail server does
answer_box() {
	mkdir -p "$LAB/old/root/srv/mail/inbox/new" "$LAB/old/root/srv/mail/inbox/cur" \
		"$LAB/old/root/srv/mail/inbox/tmp"
	chown -R 65534:65534 "$LAB/old/root/srv/mail"
}

# answer_root - the old site in another root than Postfix's, with the files of a host
answer_root() {
	root_mount "$1" "$LAB/old" || return
	echo "nameserver 127.0.0.1" >"$LAB/old/resolv.conf"
	cp --remove-destination "$LAB/old/resolv.conf" "$LAB/old/root/etc/resolv.conf"
	answer_box
}

# answer_edge_tls - the protected server offers STARTTLS
answer_edge_tls() {
	local dir=$LAB/edge/root/etc/postfix
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail.edge.example.org \
		-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || return
	lab_in edge postconf -e smtpd_tls_security_level=may smtpd_tls_loglevel=1 \
		smtpd_tls_cert_file=/etc/postfix/cert.pem smtpd_tls_key_file=/etc/postfix/key.pem &&
		lab_in edge postfix reload 2>/dev/null
}

one_line() { tr -s ' \t\r\n' ' '; }

# answer_text - KIND of the source's texts, as the gate has them
answer_text() {
	local index
	index=$(ctl -j map get verdicts "$OLD" | jq .reply)
	ctl -j map get replies "$index" | jq -r ".$1" | one_line | sed 's/ $//'
}

# answer_bounced - a bounce in the sender's mailbox quotes TEXT whole
answer_bounced() {
	local file
	for file in "$LAB"/old/root/srv/mail/inbox/new/*; do
		if [ -f "$file" ] && one_line <"$file" | grep -qF -- "$1"; then
			return 0
		fi
	done
	return 1
}

# answer_box_shown - what came instead, for a failed test
answer_box_shown() {
	head -n 60 "$LAB"/old/root/srv/mail/inbox/new/* "$LAB"/old/root/var/log/exim4/mainlog 2>&1
	return 1
}

later() { ctl clock to "$(date -u -d "$(ctl -j status | jq -r .now) + $1 seconds" +%FT%TZ)" >/dev/null; }

# answer_lets_go - the waiting mail arrives with the sender's next attempt
answer_lets_go() {
	must "the sender has hung up" wait_for $ANSWER_LIMIT_S answer_quiet
	must "the sender tries again" sender_flush
	must "its mail is delivered" wait_for $ANSWER_LIMIT_S lab_delivered edge "$1"
}

# answer_quiet - no connection is kept for the next mail: what is open before a verdict stays so
answer_quiet() { [ -z "$(lab_net old ss -Htn state established dst 198.51.100.25)" ]; }

answer_walk() {
	local text id
	must "the protected server starts" lab_mtas edge
	must "it offers TLS" answer_edge_tls
	e2e_gate
	must "the sender starts" sender_start
	lab_send old "" user@edge.example.org
	must "a mail is delivered without the gate's help" \
		wait_for $ANSWER_LIMIT_S lab_delivered edge "$LAB_ID"
	must "by TLS" grep -q "TLS connection established from.*192.0.2.10" \
		"$LAB/edge/root/var/log/maillog"

	must "enforce mode is accepted" ctl mode enforce
	must "the sender has hung up" wait_for $ANSWER_LIMIT_S answer_quiet
	must "style answer is set" ctl set "$OLD" drop --style answer
	text=$(answer_text refusal)
	same "the reply is a refusal of ours" "550 5.7.230 mail.edge.example.org:" \
		"$(cut -d ' ' -f 1-3 <<<"$text")"
	lab_send old "" user@edge.example.org
	wait_for $ANSWER_LIMIT_S answer_bounced "$text" || answer_box_shown
	must "its user's bounce quotes all of it" answer_bounced "$text"
	must_not "the mail itself is not delivered" lab_delivered edge "$LAB_ID"
	same "no connection of it was followed" 0 \
		"$(ctl -j map dump flows | jq "map(select(.flow | contains(\"$OLD\"))) | length")"

	must "style defer is set for an hour" ctl set "$OLD" tarpit --style defer --for 1h
	lab_send old "" user@edge.example.org
	id=$LAB_ID
	must "the mail waits in its queue, which says why" \
		wait_for $ANSWER_LIMIT_S sender_queued "$id"
	must_not "it is not delivered" lab_delivered edge "$id"
	must "an hour passes" later 3601
	answer_lets_go "$id"

	must "the sender has hung up" wait_for $ANSWER_LIMIT_S answer_quiet
	must "style defer is set" ctl set "$OLD" tarpit --style defer
	lab_send old "" user@edge.example.org
	id=$LAB_ID
	must "another mail waits" wait_for $ANSWER_LIMIT_S sender_queued "$id"
	must "the source is released" ctl unset "$OLD"
	answer_lets_go "$id"
	lab_send old "" user@edge.example.org
	must "and all goes on as before" wait_for $ANSWER_LIMIT_S lab_delivered edge "$LAB_ID"
}
