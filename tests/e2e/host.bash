# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# host - what must be the same on the host before and after a lab

# host_etc - names, modes and contents below /etc
host_etc() {
	find /etc -xdev -printf '%p %y %m %u %g %l\n' | sort
	find /etc -xdev -type f -exec md5sum {} + | sort -k 2
}

# host_services - what the service manager runs, where there is one
host_services() {
	[ -d /run/systemd/system ] || return 0
	systemctl list-units --type=service,socket,timer --state=active --plain --no-legend |
		cut -d' ' -f1 | sort
}

# lab_is_gone - the lab that the process PID made has left no cgroup and no process. Only that
# one: others may be running, and a busy host makes and removes its own cgroups all the time.
lab_is_gone() {
	lab_cgroup test ! -d "buildgate-lab-$1" &&
		! grep -lsz "^LAB_NAME=buildgate-lab-$1\$" /proc/[0-9]*/environ >/dev/null
}

host_state() {
	echo "--- packages" && dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'
	echo "--- services" && host_services
	echo "--- etc" && host_etc
	echo "--- links" && ip -o link | cut -d' ' -f2- && ip -o addr | sed 's/valid_lft.*//' && ip netns
	echo "--- qdiscs" && tc qdisc
	echo "--- mounts" && sort /proc/mounts
	echo "--- pins" && find /sys/fs/bpf -mindepth 1 2>/dev/null
	echo "--- run" && ls -d /run/buildgate /run/netns /run/lab /var/lib/buildgate \
		/etc/buildgate "$POLICY_RC" 2>/dev/null
}
