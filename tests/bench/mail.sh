#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mail - whole mail transactions per second, with the gate and without it
#
#   gate      smtp-source to smtp-sink, through the gate's hooks and past them; beside it the same
#             through empty programs at these hooks: what they cost before they do anything, on
#             veth most of all XDP, for which its driver copies frames
#   sight     smtp-source with TLS to a real Postfix, with TLS sight and without
#   milter    the same with gate-milter and without, over a Unix socket and over TCP; beside it a
#             milter that asks for the same steps and does nothing, which is what libmilter and
#             Postfix's own part of it cost
#   others    transfers by TLS of a process that is no mail server, with sight and without
#
# What is compared stands side by side and gets its load in turns, so that the noise of the machine
# falls on both. Of all measures the median over the rounds is shown, and as ratio the median of
# the rounds' ratios. Beside mails per second stands the CPU time of all processes that take part,
# the generator too: much less noisy, and its ratio is what remains of the first one where the
# CPU is all that limits. smtp-source speaks no TLS: stunnel does for it, with a full handshake for
# each mail. Postfix has its queue on disk, as everywhere, and throws away what it took.
#
#   ROUNDS=11 MAILS=400 SESSIONS=20    of the load
#   QUEUE=disk                         or memory: nothing but CPU

# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
export ROUNDS=${ROUNDS-11} MAILS=${MAILS-400} SESSIONS=${SESSIONS-20} QUEUE=${QUEUE-disk}
if [ -z "${LAB_NAME-}" ]; then
	root_make source postfix stunnel4 || die "no stunnel to be had"
	exec 3>&1 1>&2 # nothing but the result on stdout
fi
e2e_start "$@"
trap 'rc=$?; [ $rc = 0 ] || tail -n 5 $OUT/*.log $LAB/*/root/var/log/maillog; rm -rf "$SPOOLS"; (exit $rc); e2e_end' EXIT

OUT=$LAB/bench
CGROUP=$LAB/cgroup/$LAB_NAME
SPOOLS=$LAB_STATE/$LAB_NAME.spools
SINK=198.51.100.26 BARE=198.51.100.27 TWIN=198.51.100.32
declare -A MILTERS=(
	[unix]=198.51.100.28 [tcp]=198.51.100.29 [null-unix]=198.51.100.30 [null-tcp]=198.51.100.31
)

# --- who takes part -----------------------------------------------------------------------------

# within GROUP COMMAND... - in a cgroup of its own; "host" is the mail host behind the gate
within() (
	mkdir -p "$CGROUP/$1" && echo $BASHPID >"$CGROUP/$1/cgroup.procs" && shift && "$@"
)

addresses() {
	local address
	for address in $SINK $BARE $TWIN "${MILTERS[@]}"; do
		lab_net edge ip addr add "$address/24" dev uplink || return
	done
	ln -s "$(lab_ns edge)" "$(lab_ns twin)" # three Postfixes on one host
	ln -s "$(lab_ns edge)" "$(lab_ns bare)"
}

# source_up - smtp-source, its mail, and a TLS client for each target
source_up() {
	local root=$LAB/old/root target port=2500
	root_mount source $LAB/old || return
	{
		lab_stamp old $OLD_BUILD
		printf 'From: user@old.example.org\nTo: user@edge.example.org\nSubject: load\n\n'
		yes "Sixty-four bytes of text on each line, sixty-four times, 4 KB." | head -n 64
	} >$root/srv/mail
	{
		printf 'foreground = yes\nsyslog = no\ndebug = err\n'
		for target in seen:198.51.100.25 twin:$TWIN bare:$BARE unix:"${MILTERS[unix]}" \
			tcp:"${MILTERS[tcp]}" null-unix:"${MILTERS[null-unix]}" null-tcp:"${MILTERS[null-tcp]}"; do
			port=$((port + 1))
			printf '[%s]\nclient = yes\nprotocol = smtp\nsessionResume = no\n' "${target%%:*}"
			printf 'accept = 127.0.0.1:%s\nconnect = %s:25\n' $port "${target#*:}"
			echo "${target%%:*} $port" >>$OUT/ports
		done
	} >$root/etc/stunnel.conf
	within load lab_in old stunnel4 /etc/stunnel.conf >>$OUT/stunnel.log 2>&1 </dev/null &
}

# sink GROUP SITE ADDRESS - takes all that comes
sink() {
	within "$1" lab_net "$2" chroot $LAB/old/root smtp-sink -u nobody "$3:25" 1000 \
		>>$OUT/sink.log 2>&1 </dev/null &
}

# postfix_files SITE ADDRESS... - one that offers TLS
postfix_files() {
	local site=$1 root=$LAB/$1/root
	shift
	root_mount postfix "$LAB/$site" && lab_postfix_files "$site" && tls_certificate "$site" || return
	if [ "$QUEUE" = disk ]; then
		mkdir -p "$SPOOLS/$site" && mount --bind "$SPOOLS/$site" "$root/var/spool/postfix" || return
	fi
	echo "discard unix - - n - - discard" >>"$root/etc/postfix/master.cf"
	chroot "$root" postconf -e "inet_interfaces=$*" transport_maps=static:discard: \
		virtual_mailbox_domains=static:all smtpd_tls_security_level=may \
		smtpd_tls_cert_file=/etc/ssl/lab.pem smtpd_tls_key_file=/etc/ssl/lab.key \
		smtpd_client_connection_count_limit=0 default_process_limit=200 \
		milter_default_action=tempfail debug_peer_list=
}

postfix_start() {
	within "host/$1" lab_net edge chroot "$LAB/$1/root" postfix start >>$OUT/postfix.log 2>&1 </dev/null
}

# postfix_unseen SITE - sight does not know its files
postfix_unseen() {
	mv "$LAB/$1/root/usr/lib/postfix/sbin" "$LAB/$1/root/usr/lib/postfix/unseen" &&
		chroot "$LAB/$1/root" postconf -e daemon_directory=/usr/lib/postfix/unseen
}

# postfix_bare - at its other addresses it asks a milter
postfix_bare() {
	local root=$LAB/bare/root way
	postfix_files bare $BARE "${MILTERS[@]}" && postfix_unseen bare || return
	sed -i "s/^smtp  *inet /$BARE:&/" $root/etc/postfix/master.cf
	for way in "${!MILTERS[@]}"; do
		echo "${MILTERS[$way]}:smtp inet n - n - - smtpd -o smtpd_milters=$(milter_at "$way")"
	done >>$root/etc/postfix/master.cf
	postfix_start bare
}

# milter_at WAY [ROOT] - the socket as Postfix calls it; with ROOT as the milter does
milter_at() {
	case $1 in
	*unix) echo "unix:${2-}/srv/$1.sock" ;;
	tcp) [ $# = 1 ] && echo inet:127.0.0.1:8891 || echo inet:8891@127.0.0.1 ;;
	null-tcp) [ $# = 1 ] && echo inet:127.0.0.1:8892 || echo inet:8892@127.0.0.1 ;;
	esac
}

milters() {
	local way root=$LAB/bare/root
	for way in "${!MILTERS[@]}"; do
		case $way in
		null-*) set -- build/tests/bench/null_milter "$(milter_at "$way" $root)" ;;
		*) set -- build/gate-milter --control /run/buildgate/control.sock -p "$(milter_at "$way" $root)" ;;
		esac
		within "host/milter-$way" lab_net edge "$@" >>"$OUT/milter-$way.log" 2>&1 </dev/null &
	done
	for way in unix null-unix; do
		wait_for 10 test -S $root/srv/$way.sock && chroot $root chown postfix /srv/$way.sock || return
	done
}

# gate SIGHT - the daemon, in the host's cgroup too
gate() {
	gate_config "cgroup: $CGROUP/host" "tls_sight: $1" && gate_start || return
	echo "$GATE_PID" >"$CGROUP/host/daemon/cgroup.procs"
}

# --- rounds -------------------------------------------------------------------------------------

# spent GROUP - CPU time in microseconds
spent() { sed -n 's/^usage_usec //p' "$CGROUP/$1/cpu.stat"; }

# measure NAME COUNT COMMAND... - a line of $OUT/rounds: name, COUNT per second, microseconds of
# CPU for each: of all, of the host
measure() {
	local name=$1 count=$2 begin end all host
	shift 2
	all=$(spent .) host=$(spent host) begin=$(date +%s%N)
	within load "$@" || return
	end=$(date +%s%N)
	wait_for 60 drained || return
	[ "$count" != out ] || count=$(cat $OUT/count)
	echo "$ROUND $name $((count * 1000000000 / (end - begin)))" \
		"$((($(spent .) - all) / count)) $((($(spent host) - host) / count))" >>$OUT/rounds
}

# drained - what was taken is thrown away
drained() {
	[ -z "$(find $LAB/{edge,twin,bare}/root/var/spool/postfix/{incoming,active} -type f -print -quit)" ]
}

# mails NAME ADDRESS:PORT COUNT - one round of smtp-source
mails() {
	measure "$1" "$3" lab_in old smtp-source -s "$SESSIONS" -m "$3" -M mail.old.example.org \
		-f user@old.example.org -t user@edge.example.org -F /srv/mail "inet:$2" >>$OUT/source.log 2>&1
}

mails_by_tls() { mails "$1" "127.0.0.1:$(sed -n "s/^$1 //p" $OUT/ports)" "$MAILS"; }

# empty on|off - programs that only pass at XDP and TC, where no gate is
empty() {
	local pins=/sys/fs/bpf/empty at
	case $1 in
	on)
		bpftool prog loadall build/obj/tests/bench/again.bpf.o $pins &&
			lab_net good bpftool net attach xdpdrv pinned $pins/bench_empty_xdp dev wan &&
			lab_net good tc qdisc add dev wan clsact || return
		for at in ingress egress; do
			lab_net good tc filter add dev wan $at bpf da pinned $pins/bench_empty || return
		done
		;;
	off)
		lab_net good bpftool net detach xdpdrv dev wan &&
			lab_net good tc qdisc del dev wan clsact && rm -r $pins
		;;
	esac
}

# transfers - two seconds of 64 KB each, from openssl to openssl
transfers() {
	lab_net old openssl s_time -connect 198.51.100.25:4433 -www /64k -reuse -time 2 >$OUT/s_time 2>&1 &&
		sed -n 's/^\([0-9]*\) connections in .* real seconds.*/\1/p' $OUT/s_time | tail -n 1 >$OUT/count
}

# shuffled WORDS... - nobody always comes after the same one
shuffled() { shuf -e "$@"; }

# --- the result ---------------------------------------------------------------------------------

# rows - what against what, and what DESIGN wants of it
rows() {
	cat <<-EOF2
		gate to_smtp-sink_through_the_gate none gate 0.98
		floor __through_empty_programs none empty null
		gate __the_gate_beside_empty_programs empty gate null
		sight to_Postfix_with_TLS_sight twin seen 0.97
		milter to_Postfix_with_gate-milter,_Unix bare unix 0.97
		milter to_Postfix_with_gate-milter,_TCP bare tcp 0.97
		floor __a_milter_that_is_empty,_Unix bare null-unix null
		floor __a_milter_that_is_empty,_TCP bare null-tcp null
		others no_mail_server,_with_sight off on null
	EOF2
}

# result - of rows and $OUT/rounds, as JSON
result() {
	rows | jq -R --slurpfile config <(jq -n '$ENV | {rounds: .ROUNDS, mails: .MAILS,
		sessions: .SESSIONS} | map_values(tonumber) + {queue: $ENV.QUEUE}') \
		--slurpfile rounds <(jq -R 'split(" ") | {round: .[0], name: .[1], per_s: (.[2] | tonumber),
			cpu_us: (.[3] | tonumber), host_cpu_us: (.[4] | tonumber)}' $OUT/rounds) -s '
		def median: sort | if length % 2 == 1 then .[length / 2 | floor]
			else (.[length / 2 - 1] + .[length / 2]) / 2 end;
		def three: . * 1000 | round / 1000;
		def of($name; $key): [$rounds[] | select(.name == $name) | .[$key]];
		def average($name; $key): of($name; $key) | median | round;
		def ratio($a; $b): [$a, $b] | transpose | map(.[0] / .[1]) | median | three;
		{bench: "mail"} + $config[0] + {rows: [split("\n")[] | select(. != "") | split(" ") |
			.[2] as $without | .[3] as $with |
			{what: .[0], measured: (.[1] | gsub("_"; " ")),
			 per_s_without: average($without; "per_s"), per_s: average($with; "per_s"),
			 ratio: ratio(of($with; "per_s"); of($without; "per_s")), budget: (.[4] | fromjson),
			 cpu_us_without: average($without; "cpu_us"), cpu_us: average($with; "cpu_us"),
			 cpu_ratio: ratio(of($without; "cpu_us"); of($with; "cpu_us")),
			 host_cpu_us_without: average($without; "host_cpu_us"),
			 host_cpu_us: average($with; "host_cpu_us")}]}'
}

table() {
	jq -r '"\(.rounds) rounds of \(.mails) mails in \(.sessions) sessions, queue in \(.queue); medians",
		"", (["", "WITHOUT/S", "WITH/S", "RATIO", "BUDGET", "CPU US", "WITH", "RATIO"],
		(.rows[] | [.measured, .per_s_without, .per_s, .ratio, .budget // "-", .cpu_us_without,
			.cpu_us, .cpu_ratio]) | @tsv)' |
		awk -F '\t' 'NF < 8 { print; next }
			{ printf "%-38s %9s %8s %6s %6s   %7s %7s %6s\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
}

# ------------------------------------------------------------------------------------------------

mkdir -p $OUT "$CGROUP/host/daemon"
must "the addresses of the host" addresses
must "the source" source_up
sink none good 203.0.113.20
sink host/sink edge $SINK
must "a Postfix" postfix_files edge 198.51.100.25
must "it starts" postfix_start edge
must "its twin, which sight does not know" postfix_files twin $TWIN
must "nor finds" postfix_unseen twin
must "it starts" postfix_start twin
must "one with milters" postfix_bare
must "the milters" milters
must "the gate, with sight" gate on
must "the Postfix is covered" tls_covered /usr/lib/postfix/sbin/smtpd
for ((ROUND = 0; ROUND < ROUNDS; ROUND++)); do
	for way in $(shuffled none empty gate twin seen bare "${!MILTERS[@]}"); do
		case $way in
		none) must "round $ROUND: no gate" mails none 203.0.113.20:25 $((MAILS * 10)) ;;
		empty)
			must "empty programs" empty on
			must "round $ROUND: through them" mails empty 203.0.113.20:25 $((MAILS * 10))
			must "they go" empty off
			;;
		gate) must "round $ROUND: the gate" mails gate $SINK:25 $((MAILS * 10)) ;;
		*) must "round $ROUND: $way" mails_by_tls "$way" ;;
		esac
	done
done
same "all of sight's sessions were bound" 0 "$(gate_counter tls tls_unbound)"

head -c 65536 /dev/zero >$OUT/64k
cd $OUT && tls_certificate edge
within host/openssl lab_net edge openssl s_server -accept 4433 -WWW -quiet -cert $LAB/edge/root/etc/ssl/lab.pem \
	-key $LAB/edge/root/etc/ssl/lab.key >>$OUT/s_server.log 2>&1 </dev/null &
cd "$TOP" || exit 1
for ((ROUND = 0; ROUND < ROUNDS; ROUND++)); do
	for way in $(shuffled on off); do
		must "the gate ends" gate_stop
		must "the gate, sight $way" gate "$way"
		must "round $ROUND: others" measure "$way" out transfers
	done
done
what=${1-}
if [ "${what#--}" = json ]; then result >&3; else result | table >&3; fi
