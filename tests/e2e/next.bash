# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# next - another version of buildgate, and what goes on while one replaces the other
#
# Sourced after e2e.sh.
#
#   next_version                 build it under build/next: another ABI_VERSION, and the values of
#                                verdicts and flows with every field in another place
#   next_use DIR                 the programs of this build ("build", "build/next/build") from now on
#   next_upgrade [MAP]           end the daemon, start that of the build in use; the version that
#                                ended had no MAP
#   knocks_start SITE, knocks_stop   SYNs to the mail port without pause; stop sets KNOCKS, how many

NEXT=build/next

next_version() {
	local abi=$NEXT/maps/abi.h
	mkdir -p $NEXT
	tar -c --exclude=abi.h Makefile vmlinux.h bpf maps user | tar -x -C $NEXT || return
	sed -e 's/^#define ABI_VERSION .*/#define ABI_VERSION 4711/' \
		-e 's/^struct \(verdict\|flow\) {/&\n\t__u64 of_the_next_version;/' \
		-e '/^_Static_assert(sizeof(struct \(verdict\|flow\))/d' maps/abi.h >$abi.new
	cmp -s $abi.new $abi || mv $abi.new $abi # else all would be built again
	[ "$(grep -c of_the_next_version $abi)" = 2 ] || return
	CFLAGS=-O0 make -s -C $NEXT -j"$(nproc)" build/buildgated build/gatectl >$NEXT/log 2>&1 || { tail -n 20 $NEXT/log; false; }
}

next_use() { GATE_BUILD=$1; }

next_upgrade() {
	gate_stop || return
	[ -z "${1-}" ] || rm "/sys/fs/bpf/buildgate/$1" || return
	gate_start
}

knocks_start() {
	gcc -O2 -Wall -Wextra -Werror -o $LAB/knock tests/e2e/knock.c || return
	nsenter --net="$(lab_ns "$1")" -- $LAB/knock 198.51.100.25 25 >$LAB/knocks &
	KNOCKER=$!
}

# shellcheck disable=SC2034 # for the tests
knocks_stop() {
	kill "$KNOCKER" && wait "$KNOCKER" && KNOCKS=$(cat $LAB/knocks)
}
