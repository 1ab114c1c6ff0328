# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib - what every script here needs: messages, packages, the build, overlay roots
#
# Sourced, never run. Sets TOP (the repository) and goes there. Nothing here leaves a trace on
# the host except packages of scripts/packages and files under build/.
#
#   ensure_packages GROUP...     install what is missing of these groups
#   ensure_build TARGET...       make, quiet
#   root_make NAME PACKAGE...    an overlay root with Debian packages, kept as build/roots/NAME.tar
#   root_mount NAME DIR          that root at DIR/root; call it in a private mount namespace only
#   wait_for SECONDS COMMAND...  poll until COMMAND succeeds; 1 after the deadline

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$TOP" || exit 1
export LC_ALL=C
ME=${0##*/}
POLICY_RC=/usr/sbin/policy-rc.d
POLICY_MARK='# made by buildgate for the time of an installation'

say() { printf '%s\n' "$*" >&2; }
die() {
	say "$ME: $*"
	exit 1
}

# skip - a test cannot run here: its reason is the last line, 77 the exit code
skip() {
	echo "$*"
	exit 77
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root: run it with sudo"; }

wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# --- packages ---------------------------------------------------------------------------------

# packages_of - the packages of the groups named
packages_of() {
	local group
	for group; do
		sed -n "s/^${group}[[:space:]]\+//p" scripts/packages
	done
}

packages_missing() {
	local name
	# shellcheck disable=SC2046 # one word per package
	set -- $(packages_of "$@")
	for name; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
		installed) ;;
		*) echo "$name" ;;
		esac
	done
}

policy_remove() {
	if grep -qsF "$POLICY_MARK" $POLICY_RC; then
		rm -f $POLICY_RC
	fi
}

# ensure_packages - a policy-rc.d keeps anything that comes along from being started
ensure_packages() (
	policy_remove # an interrupted run may have left it
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || exit 0
	need_root
	say "installing: $missing"
	mkdir -p build/log
	trap policy_remove EXIT
	trap 'exit 130' INT TERM HUP
	if [ ! -e $POLICY_RC ]; then
		printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >$POLICY_RC
		chmod 755 $POLICY_RC
	fi
	# shellcheck disable=SC2086 # one word per package
	apt_install $missing >build/log/packages.log 2>&1 ||
		die "apt-get could not install: $missing (see build/log/packages.log)"
)

# apt_install - with the package lists that are there, else with new ones
apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	set -- apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
	"$@" || { apt-get -q update && "$@"; }
}

# --- build ------------------------------------------------------------------------------------

ensure_build() {
	mkdir -p build/log
	make -s -j"$(nproc)" "$@" >build/log/make.log 2>&1 && return
	tail -n 20 build/log/make.log >&2
	die "the build failed (all of it: build/log/make.log)"
}

# --- overlay roots ----------------------------------------------------------------------------
# Lower layer is the host's root, the upper one a tmpfs; what an installation wrote is kept as a
# tar and unpacked for each use, so a use never soils it and / may itself be an overlay.

overlay_mount() { # DIR: DIR/upper over / at DIR/root; DIR must be on a tmpfs
	mkdir -p "$1/upper" "$1/work" "$1/root"
	mount -t overlay overlay "$1/root" -o \
		"lowerdir=/,upperdir=$1/upper,workdir=$1/work,index=off,metacopy=off" || return
	mount -t proc proc "$1/root/proc" && mount --rbind /dev "$1/root/dev" &&
		mount -t tmpfs tmpfs "$1/root/run"
}

# root_install - inside its own mount and pid namespace, so that no maintainer script can
# signal a process of the host or reach its service manager
root_install() {
	local name=$1 dir=/run/root
	shift
	mount -t tmpfs tmpfs /run && mkdir $dir && overlay_mount $dir || return
	printf '#!/bin/sh\nexit 101\n' >$dir/root$POLICY_RC
	chmod 755 $dir/root$POLICY_RC
	cp --remove-destination "$RESOLV" $dir/root/etc/resolv.conf
	export -f apt_install
	echo "postfix postfix/main_mailer_type select No configuration" |
		chroot $dir/root debconf-set-selections
	chroot $dir/root bash -c 'apt_install "$@" && apt-get clean' apt "$@" || return
	rm -f $dir/upper/etc/resolv.conf
	tar -C $dir/upper --xattrs --xattrs-include='*' --xattrs-exclude=trusted.overlay.origin \
		--exclude=./var/lib/apt/lists --exclude=./var/cache --exclude=./tmp/* -cf "build/roots/$name.new" . &&
		mv "build/roots/$name.new" "build/roots/$name.tar"
}

root_make() (
	name=$1
	shift
	mkdir -p build/roots build/log
	stamp=build/roots/$name.stamp
	wanted="$(cat /etc/debian_version) $*"
	exec 9>build/roots/lock
	flock 9 # two tests may want the same root
	if [ -f "build/roots/$name.tar" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
		exit 0
	fi
	need_root
	say "overlay root $name: installing $* (the host stays as it is)"
	RESOLV=$(mktemp)
	trap 'rm -f "$RESOLV"' EXIT
	trap 'exit 130' INT TERM HUP
	cat /etc/resolv.conf >"$RESOLV" && chmod 644 "$RESOLV" # often a link into /run
	export RESOLV
	unshare --mount --pid --fork --kill-child --propagation private -- \
		bash -c '. scripts/lib.sh; root_install "$@"' "$ME" "$name" "$@" \
		>"build/log/root-$name.log" 2>&1 9>&- </dev/null ||
		die "overlay root $name could not be made (see build/log/root-$name.log)"
	echo "$wanted" >"$stamp"
)

root_mount() {
	mkdir -p "$2/upper"
	tar -C "$2/upper" --xattrs --xattrs-include='*' -xpf "build/roots/$1.tar" &&
		overlay_mount "$2"
}
