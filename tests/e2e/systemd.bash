# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# systemd - a host of its own for what a package brings: systemd as its first process, the edge's
# network, the edge's cgroup as the root of its own, an overlay root and a bpffs
#
#   systemd_boot                 until it takes jobs
#   on_host COMMAND...           there, as root

HOST=$LAB/host
HOST_PID=

# systemd_root - what a booted host has mounted; devices are the few that containers have
systemd_root() {
	local root=$HOST/root device
	mkdir -p "$HOST" && mount -t tmpfs tmpfs "$HOST" && mkdir "$HOST/upper" "$HOST/work" "$root" &&
		mount -t overlay overlay "$root" -o \
			"lowerdir=/,upperdir=$HOST/upper,workdir=$HOST/work,index=off,metacopy=off" &&
		mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" &&
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" &&
		mount -t bpf bpf "$root/sys/fs/bpf" &&
		mount -t tmpfs -o mode=755 tmpfs "$root/dev" &&
		mount -t tmpfs -o mode=755 tmpfs "$root/run" && mount -t tmpfs tmpfs "$root/tmp" || return
	for device in null zero full random urandom tty; do
		: >"$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device" || return
	done
	mkdir "$root/dev/shm" "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx" &&
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" || return
	ln -s /proc/self/fd "$root/dev/fd"
	: >"$root/etc/machine-id"
	rm -f "$root/usr/sbin/policy-rc.d"
	# nothing of this machine's own is started
	printf '[Unit]\nWants=systemd-journald.socket\nAllowIsolate=yes\n' \
		>"$root/etc/systemd/system/bare.target"
}

# systemd_first - becomes the first process; PID and cgroup namespace are new
systemd_first() {
	systemd_root && cd "$HOST/root" && mkdir -p old && pivot_root . old && umount -l /old || return
	exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
		--unit=bare.target --log-target=null --show-status=false
}

on_host() { nsenter --target "$HOST_PID" --all -- "$@"; }

# systemd_child - unshare's child; the file ends without a newline
systemd_child() {
	HOST_PID=$(tr -d ' ' <"/proc/$1/task/$1/children")
	[ -n "$HOST_PID" ]
}

systemd_up() { on_host systemctl list-jobs >/dev/null 2>&1; }

systemd_boot() {
	local outer
	(
		lab_join
		exec nsenter --net="$(lab_ns edge)" -- unshare --mount --pid --ipc --cgroup --fork \
			--kill-child --propagation private -- "$0" --first >"$LAB/systemd.log" 2>&1
	) </dev/null &
	outer=$!
	wait_for 10 systemd_child "$outer" || return
	wait_for 30 systemd_up || {
		cat "$LAB/systemd.log" >&2
		return 1
	}
}
