# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lab - a small internet with real mail servers, which nobody outside can see
#
#   site "old"  192.0.2.10 ──┐
#                            ├─ router ── uplink of "edge" 198.51.100.25
#   site "good" 203.0.113.20 ┘
#
# and the same in IPv6, 2001:db8:N::HOST. Sourced after lib.sh. A script calls lab_isolate first:
# it starts itself again in mount and pid namespaces of its own, with its own /run, bpffs and
# network namespaces. All of it, processes too, is gone when the first process of the pid
# namespace is, however it ended; only a cgroup must be removed by name (lab_sweep).
#
#   lab_set_up                   packages, build, the Postfix root; quick when all is there
#   lab_isolate "$@"             returns only inside
#   lab_up                       namespaces, links, addresses
#   lab_mtas SITE...             a Postfix on each of these sites, with a Maildir
#   lab_net SITE COMMAND...      run in the site's network
#   lab_in SITE COMMAND...       run in the site's root and network
#   lab_send SITE BUILD TO       hand in a mail stamped by an Exchange of that build; prints its id
#   lab_delivered SITE ID        the mail is in the site's mailbox
#   lab_queued SITE ID           the mail waits in the site's queue; prints the reason
#   lab_log SITE ID              the lines of the site's mail log about a mail

LAB=/run/lab
LAB_STATE=$TOP/build/lab
LAB_SITES=(old good edge)

# lab_set_up - what a lab needs on the host and under build/
lab_set_up() {
	ensure_packages build run || exit 1
	ensure_build all
	root_make postfix postfix || exit 1
}

# --- outside: start, end, leftovers -------------------------------------------------------------

lab_started() { stat -c %Y "/proc/$1" 2>/dev/null; }

# lab_cgroup - COMMAND in a mount namespace with the cgroup v2 tree, wherever the host has it
lab_cgroup() {
	unshare --mount --propagation private -- sh -c '
		mount -t cgroup2 cgroup2 /mnt && cd /mnt && "$@"' lab_cgroup "$@"
}

# with what a service manager in the lab made in it
lab_cgroup_gone() {
	lab_cgroup test ! -d "$1" || lab_cgroup find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

# lab_end - end the lab that a state file describes
lab_end() {
	local pid started name
	name=$(basename "$1" .lab)
	read -r pid started <"$1" # empty where the start was interrupted
	if [ -n "$started" ] && [ "$(lab_started "$pid")" = "$started" ]; then
		kill -KILL "$pid" 2>/dev/null
	fi
	wait_for 10 lab_cgroup_gone "$name" || say "$ME: the cgroup $name is still in use"
	rm -f "$1" "${1%.lab}.result"
}

# lab_sweep - end what earlier runs left ("dead"), or those that were kept too ("all")
lab_sweep() {
	local file pid started
	for file in "$LAB_STATE"/*.lab; do
		[ -f "$file" ] || continue
		read -r pid started <"$file"
		if [ "$1" = all ] || { [ -n "$pid" ] && [ "$(lab_started "$pid")" != "$started" ]; }; then
			lab_end "$file"
		fi
	done
}

lab_isolate() {
	[ -z "${LAB_NAME-}" ] || return 0
	local pid rc=0 die_with=(setpriv --pdeathsig KILL)
	need_root
	mkdir -p "$LAB_STATE"
	lab_sweep dead
	export LAB_NAME=buildgate-lab-$$
	LAB_FILE=$LAB_STATE/$LAB_NAME.lab
	trap 'exit 130' INT TERM HUP
	trap 'lab_end "$LAB_FILE"' EXIT
	: >"$LAB_FILE"
	[ -z "${LAB_KEEP-}" ] || die_with=(setsid)
	"${die_with[@]}" unshare --mount --pid --uts --fork --kill-child --mount-proc \
		--propagation private -- "$0" "$@" &
	pid=$!
	echo "$pid $(lab_started $pid)" >"$LAB_FILE"
	if [ -n "${LAB_KEEP-}" ]; then
		until [ -f "$LAB_STATE/$LAB_NAME.result" ]; do
			[ -d /proc/$pid ] || exit 1
			sleep 0.2
		done
		trap - EXIT
		exit "$(cat "$LAB_STATE/$LAB_NAME.result")"
	fi
	wait $pid || rc=$?
	exit $rc
}

# lab_enter - a shell, or COMMAND, in the lab that was left up
lab_enter() {
	local file pid init started
	need_root
	file=$(find "$LAB_STATE" -name '*.lab' | head -n 1)
	[ -n "$file" ] || die "no lab is up: start one with scripts/demo --keep"
	read -r pid started <"$file"
	[ "$(lab_started "$pid")" = "$started" ] || die "the lab is gone: scripts/demo --clean"
	init=$(cat "/proc/$pid/task/$pid/children")
	LAB_NAME=$(basename "$file" .lab)
	export LAB_NAME
	if [ $# = 0 ]; then
		set -- bash --rcfile scripts/lab.d/shell -i
	else
		set -- bash -c '. scripts/lab.d/shell && "$@"' lab "$@"
	fi
	nsenter --mount --pid --uts --target "${init%% *}" --wd="$TOP" -- "$@"
}

# --- inside: the network ------------------------------------------------------------------------

lab_ns() { echo "/run/netns/$LAB_NAME-$1"; }

lab_net() {
	local site=$1
	shift
	nsenter --net="$(lab_ns "$site")" -- "$@"
}

lab_in() {
	local site=$1
	shift
	lab_net "$site" chroot "$LAB/$site/root" "$@"
}

# lab_link - a cable from SITE to the router: LINK at the site, SITE at the router
lab_link() {
	local site=$1 link=$2 net4=$3 host=$4 net6=$5
	ip -n "$LAB_NAME-$site" link add "$link" type veth \
		peer name "to-$site" netns "$LAB_NAME-router" || return
	ip -n "$LAB_NAME-$site" addr add "$net4.$host/24" dev "$link"
	ip -n "$LAB_NAME-$site" addr add "$net6::$host/64" dev "$link" nodad
	ip -n "$LAB_NAME-router" addr add "$net4.1/24" dev "to-$site"
	ip -n "$LAB_NAME-router" addr add "$net6::1/64" dev "to-$site" nodad
	ip -n "$LAB_NAME-$site" link set "$link" up
	ip -n "$LAB_NAME-router" link set "to-$site" up
	ip -n "$LAB_NAME-$site" route add default via "$net4.1"
	ip -n "$LAB_NAME-$site" route add default via "$net6::1"
}

lab_up() {
	local site
	echo lab.example.org >/proc/sys/kernel/hostname # a machine without a name has no mail
	mount -t tmpfs tmpfs /run && mount -t bpf bpf /sys/fs/bpf || return
	mkdir -p $LAB/cgroup /run/buildgate
	mount -t cgroup2 cgroup2 $LAB/cgroup && mkdir "$LAB/cgroup/$LAB_NAME" || return
	for site in router "${LAB_SITES[@]}"; do
		ip netns add "$LAB_NAME-$site" && ip -n "$LAB_NAME-$site" link set lo up || return
	done
	lab_net router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	lab_link old wan 192.0.2 10 2001:db8:1 && lab_link good wan 203.0.113 20 2001:db8:2 &&
		lab_link edge uplink 198.51.100 25 2001:db8:25
}

# lab_join - the calling process goes into the cgroup of the edge host's mail server
lab_join() { echo $BASHPID >"$LAB/cgroup/$LAB_NAME/cgroup.procs"; }

# --- inside: mail ---------------------------------------------------------------------------------

# lab_postfix_files - configuration, spool and Maildir; a spool of the host's own stays out of it
lab_postfix_files() {
	local site=$1 root=$LAB/$1/root dir
	for dir in /var/spool/postfix /var/lib/postfix; do
		mkdir -p "$root$dir" && mount -t tmpfs -o mode=755 tmpfs "$root$dir" || return
	done
	chroot "$root" chown postfix /var/lib/postfix
	mkdir -p "$root/etc/postfix" "$root/srv/mail/inbox"
	chown -R 65534:65534 "$root/srv/mail"
	sed "s/@NAME@/$site/" scripts/lab.d/main.cf >"$root/etc/postfix/main.cf"
	cp scripts/lab.d/master.cf "$root/etc/postfix/master.cf"
	echo '/^Received: by [^ ]+ \(Postfix/ IGNORE' >"$root/etc/postfix/own_received"
	printf '%s\n' "old.example.org smtp:[192.0.2.10]" "good.example.org smtp:[203.0.113.20]" \
		"edge.example.org smtp:[198.51.100.25]" | grep -v "^$site" >"$root/etc/postfix/transport"
	echo "nameserver 127.0.0.1" >"$LAB/$site/resolv.conf"
	cp --remove-destination "$LAB/$site/resolv.conf" "$root/etc/resolv.conf"
}

lab_mta() {
	local site=$1
	root_mount postfix "$LAB/$site" && lab_postfix_files "$site" || return
	[ "$site" != edge ] || lab_join
	lab_in "$site" postfix start >"$LAB/$site/start.log" 2>&1 </dev/null && return
	cat "$LAB/$site/start.log" "$LAB/$site/root/var/log/maillog" >&2
	return 1
}

lab_mtas() {
	local site pids='' pid
	for site; do
		lab_mta "$site" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return
	done
}

# lab_stamp - the line that an Exchange of BUILD puts on top of what it hands over
lab_stamp() {
	local host=mail.$1.example.org
	printf 'Received: from %s (192.0.2.10) by\n' "$host"
	printf ' %s (192.0.2.10) with Microsoft SMTP Server\n' "$host"
	printf ' (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id %s;\n' "$2"
	printf ' Sat, 21 Nov 2026 09:00:00 +0100\n'
}

LAB_MAILS=0
lab_send() {
	local site=$1 build=$2 to=$3
	LAB_MAILS=$((LAB_MAILS + 1))
	LAB_ID=$LAB_MAILS.$site
	{
		[ -z "$build" ] || lab_stamp "$site" "$build"
		printf 'Message-ID: <%s@lab.example.org>\nFrom: user@%s.example.org\n' "$LAB_ID" "$site"
		printf 'To: %s\nSubject: mail %s\n\nHello.\n' "$to" "$LAB_ID"
	} | lab_in "$site" sendmail -i -f "user@$site.example.org" "$to"
}

# lab_fate - "delivered", "queued", or nothing while the mail is on its way
lab_fate() {
	if lab_delivered edge "$2"; then
		echo delivered
	elif lab_queued "$1" "$2" >/dev/null; then
		echo queued
	else
		return 1
	fi
}

lab_delivered() { grep -rqsF "Message-ID: <$2@" "$LAB/$1/root/srv/mail/inbox/new"; }

# lab_qid - the queue's own name of a mail
lab_qid() {
	sed -n "s/.* \([0-9A-F]*\): message-id=<$2@.*/\1/p" "$LAB/$1/root/var/log/maillog" | head -n 1
}

lab_log() { grep -F " $(lab_qid "$1" "$2"): " "$LAB/$1/root/var/log/maillog"; }

lab_queued() {
	local reason
	reason=$(lab_in "$1" postqueue -j | jq -r --arg id "$(lab_qid "$1" "$2")" \
		'select(.queue_id == $id and .queue_name == "deferred") | .recipients[0].delay_reason')
	[ -n "$reason" ] && echo "$reason"
}

lab_flush() { lab_in "$1" postqueue -f; }
