# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# mtas - Exim and OpenSMTPD in the lab, beside the Postfix that lab.sh brings, and swaks
#
# A recipient's domain says how a mail goes: WAY-RECEIVER-FAMILY.example.org, as in
# bdat-exim-6.example.org. Every receiver is on the edge with addresses of its own, takes
# whatever comes and throws it away. Postfix and Exim offer STARTTLS, Debian 12's OpenSMTPD could
# not (tls-opensmtpd.sh says why). Senders put no line of their own on top.
#
#   mtas_roots                   the overlay roots; outside of the lab, where packages come from
#   mtas_receivers               Postfix, Exim and OpenSMTPD on the edge
#   mtas_senders                 Postfix on the old site, Exim on the good one; swaks needs no more
#   mtas_send SENDER TO NAME     the message on stdin; NAME is who says EHLO where it can be chosen
#   mtas_sent SENDER TO          the receiver took the mail for TO
#   mtas_logs                    what the servers have to say about those they did not take

MTAS_FAMILIES=(4 6)
declare -A MTAS_HOST=([postfix]=25 [exim]=26 [opensmtpd]=27)
EXIM=$LAB/exim OPENSMTPD=$LAB/opensmtpd SWAKS=$LAB/swaks

mtas_roots() {
	root_make exim exim4-daemon-light && root_make opensmtpd opensmtpd &&
		root_make swaks swaks libnet-ssleay-perl libio-socket-inet6-perl tcpdump
}

# mtas_address - of a receiver
mtas_address() {
	case $2 in
	4) echo "198.51.100.${MTAS_HOST[$1]}" ;;
	6) echo "2001:db8:25::${MTAS_HOST[$1]}" ;;
	esac
}

# mtas_routes - one line per domain that a sender may go to; FORMAT has way, address, domain
mtas_routes() {
	local way receiver family
	for way in plain pipe bdat tls; do
		for receiver in "${!MTAS_HOST[@]}"; do
			for family in "${MTAS_FAMILIES[@]}"; do
				# shellcheck disable=SC2059 # a format is what it is for
				printf "$1\n" "$way-$receiver-$family.example.org" "$way" \
					"$(mtas_address "$receiver" "$family")"
			done
		done
	done
}

# mtas_edge - COMMAND in a root, as one of the edge's mail servers
mtas_edge() (
	lab_join && lab_net edge chroot "$@"
)

# mtas_root - ROOT at DIR/root, where nobody answers DNS
mtas_root() {
	root_mount "$1" "$2" && echo "nameserver 127.0.0.1" >"$2/resolv.conf" &&
		cp --remove-destination "$2/resolv.conf" "$2/root/etc/resolv.conf"
}

# --- receivers ----------------------------------------------------------------------------------

mtas_postfix_receiver() {
	lab_mtas edge && tls_certificate edge && lab_in edge postconf -e \
		"inet_interfaces=$(mtas_address postfix 4), $(mtas_address postfix 6)" \
		"virtual_mailbox_domains=static:all" smtpd_tls_security_level=may \
		smtpd_tls_cert_file=/etc/ssl/lab.pem smtpd_tls_key_file=/etc/ssl/lab.key &&
		lab_in edge postfix stop >/dev/null 2>&1 &&
		mtas_edge $LAB/edge/root postfix start >>$LAB/edge/start.log 2>&1 </dev/null
}

# mtas_exim - an Exim's root, its configuration on stdin
mtas_exim() {
	mtas_root exim "$1" && cat >"$1/root/etc/exim4/exim4.conf" || return
	mkdir -p "$1/root/var/spool/exim4" "$1/root/var/log/exim4"
	chroot "$1/root" chown -R Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4
}

mtas_exim_receiver() {
	mtas_exim $EXIM <<-EOF || return
		primary_hostname = exim.edge.example.org
		local_interfaces = <; $(mtas_address exim 4) ; $(mtas_address exim 6)
		disable_ipv6 = false
		host_lookup =
		keep_environment =
		rfc1413_query_timeout = 0s
		tls_advertise_hosts = *
		tls_certificate = /etc/ssl/lab.pem
		tls_privatekey = /etc/ssl/lab.key
		acl_smtp_rcpt = accept
		acl_smtp_data = accept
		begin routers
		all:
		  driver = redirect
		  data = :blackhole:
	EOF
	cp $LAB/edge/root/etc/ssl/lab.* $EXIM/root/etc/ssl/
	mtas_edge $EXIM/root exim4 -bd >$EXIM/start.log 2>&1 </dev/null
}

mtas_opensmtpd_receiver() {
	mtas_root opensmtpd $OPENSMTPD || return
	mkdir -p -m 711 $OPENSMTPD/root/var/spool/smtpd
	cat >$OPENSMTPD/root/etc/smtpd.conf <<-EOF
		table all { "@" = "mail" }
		listen on $(mtas_address opensmtpd 4) hostname opensmtpd.edge.example.org
		listen on $(mtas_address opensmtpd 6) hostname opensmtpd.edge.example.org
		action away mda "/bin/cat >/dev/null" virtual <all>
		match from any for any action away
	EOF
	mtas_edge $OPENSMTPD/root smtpd -d >$OPENSMTPD/start.log 2>&1 </dev/null &
}

# mtas_greets - somebody listens there
mtas_greets() { lab_net edge bash -c "exec 3<>/dev/tcp/$1/25" 2>/dev/null; }

# mtas_silent - a receiver that does not listen
mtas_silent() {
	local receiver family
	for receiver in "${!MTAS_HOST[@]}"; do
		for family in "${MTAS_FAMILIES[@]}"; do
			wait_for 10 mtas_greets "$(mtas_address "$receiver" "$family")" ||
				echo "no $receiver over IPv$family"
		done
	done
}

mtas_receivers() {
	local receiver silent
	for receiver in exim opensmtpd; do
		lab_net edge ip addr add "$(mtas_address $receiver 4)/24" dev uplink
		lab_net edge ip addr add "$(mtas_address $receiver 6)/64" dev uplink nodad
	done
	mtas_postfix_receiver && mtas_exim_receiver && mtas_opensmtpd_receiver
	silent=$(mtas_silent)
	[ -z "$silent" ] || {
		echo "$silent"
		tail -n 5 $LAB/*/start.log
		return 1
	}
}

# --- senders ------------------------------------------------------------------------------------

# mtas_postfix_sender - a transport for each way; it never says BDAT
mtas_postfix_sender() {
	local way root=$LAB/old/root
	lab_mtas old && mtas_routes '%s %s:[%s]' >$root/etc/postfix/transport || return
	for way in plain pipe bdat tls; do
		echo "$way unix - - n - - smtp -o smtp_helo_name=$way.postfix.example.org"
		[ $way = plain ] || echo ' -o smtp_discard_ehlo_keywords='
		[ $way != tls ] || echo ' -o smtp_tls_security_level=encrypt'
	done >>$root/etc/postfix/master.cf
	lab_in old postfix reload >/dev/null 2>&1
}

mtas_exim_sender() {
	local way
	{
		cat <<-EOF
			primary_hostname = mail.good.example.org
			received_header_text =
			keep_environment =
			trusted_users = root
			disable_ipv6 = false
			log_selector = +pipelining
			begin routers
			all:
			  driver = manualroute
			  transport = \${extract{way}{\${lookup{\$domain}lsearch{/etc/exim4/routes}}}}
			  route_data = \${extract{to}{\${lookup{\$domain}lsearch{/etc/exim4/routes}}}}
			begin retry
			* * F,1h,1h
			begin transports
		EOF
		for way in plain pipe bdat tls; do
			printf '%s:\n driver = smtp\n' $way
			printf ' helo_data = %s.exim.example.org\n connection_max_messages = 1\n' $way
			case $way in
			plain) printf ' hosts_avoid_pipelining = *\n hosts_try_chunking =\n' ;;
			pipe) printf ' hosts_try_chunking =\n' ;;
			esac
			if [ $way = tls ]; then
				printf ' hosts_require_tls = *\n tls_verify_certificates =\n'
			else
				printf ' hosts_avoid_tls = *\n'
			fi
		done
	} | mtas_exim $LAB/exim-out || return
	mtas_routes '%s: way=%s to="<;%s"' >$LAB/exim-out/root/etc/exim4/routes
}

mtas_senders() {
	mtas_postfix_sender && mtas_exim_sender && mtas_root swaks $SWAKS
}

mtas_swaks() {
	local to=$1 name=$2 way receiver family options=()
	IFS=-. read -r way receiver family _ <<<"${to#*@}"
	case $way in
	pipe) options=(--pipeline) ;;
	tls) options=(--tls) ;;
	esac
	cat >"$SWAKS/root/run/$name"
	lab_net old chroot $SWAKS/root swaks --server "$(mtas_address "$receiver" "$family")" \
		"-$family" --ehlo "$name" --from user@old.example.org --to "$to" \
		--data "@/run/$name" "${options[@]}" >"$SWAKS/$to.log" 2>&1 && : >"$SWAKS/$to.sent"
}

mtas_send() {
	case $1 in
	postfix) lab_in old sendmail -i -f user@old.example.org "$2" ;;
	exim) lab_net good chroot $LAB/exim-out/root exim4 -odf -i \
		-f user@good.example.org "$2" ;;
	swaks) mtas_swaks "$2" "$3" ;;
	esac
}

mtas_sent() {
	case $1 in
	postfix) grep -q "to=<$2>.*status=sent" $LAB/old/root/var/log/maillog ;;
	exim) grep -q "=> $2 .* C=\"250" $LAB/exim-out/root/var/log/exim4/mainlog ;;
	swaks) [ -f "$SWAKS/$2.sent" ] ;;
	esac
}

# mtas_logs - what explains a mail that was not taken
mtas_logs() {
	grep 'status=deferred\|status=bounced' $LAB/old/root/var/log/maillog | tail -n 5
	grep -v ' => \| <= \| Completed' $LAB/exim-out/root/var/log/exim4/mainlog | tail -n 5
	grep -h '^\*\*\*\|^<\*\*\|^<~\*' "$SWAKS"/*.log | sort | uniq -c
	tail -n 5 $LAB/*/start.log $EXIM/root/var/log/exim4/mainlog
}
