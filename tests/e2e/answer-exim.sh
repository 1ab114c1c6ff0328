#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# answer-exim - a real Exim that is answered by the gate: bounces, waits, delivers
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/answer.bash
. "$(dirname "$0")/answer.bash"
[ -n "${LAB_NAME-}" ] || root_make exim exim4-daemon-light || exit 1
e2e_start "$@"

sender_start() {
	answer_root exim || return
	cat >"$LAB/old/root/etc/exim4/exim4.conf" <<-'EOF'
		primary_hostname = mail.old.example.org
		qualify_domain = old.example.org
		log_file_path = /var/log/exim4/%slog
		keep_environment =
		acl_not_smtp = accept
		disable_ipv6 = true
		tls_advertise_hosts =
		begin acl
		begin routers
		out:
		  driver = manualroute
		  domains = edge.example.org
		  transport = smtp
		  route_list = * 198.51.100.25
		here:
		  driver = accept
		  domains = old.example.org
		  transport = box
		begin transports
		smtp:
		  driver = smtp
		box:
		  driver = appendfile
		  directory = /srv/mail/inbox
		  maildir_format
		  user = nobody
		  group = nogroup
		begin retry
		*  *  F,1d,1h
	EOF
	exim -bV >"$LAB/old/start.log" 2>&1 || { cat "$LAB/old/start.log" && return 1; }
}

exim() { lab_in old exim4 "$@"; }

# no daemon is needed to send
lab_send() {
	LAB_MAILS=$((LAB_MAILS + 1))
	LAB_ID=$LAB_MAILS.$1
	printf 'Message-ID: <%s@lab.example.org>\nFrom: user@old.example.org\nTo: %s\n\nHello.\n' \
		"$LAB_ID" "$3" |
		exim -odb -i -f user@old.example.org "$3"
}

sender_queued() {
	exim -bp | grep -q user@edge.example.org &&
		grep "defer" "$LAB/old/root/var/log/exim4/mainlog" | grep -q "450 4.7.230 mail.edge"
}

sender_flush() { exim -qff; }

answer_walk
