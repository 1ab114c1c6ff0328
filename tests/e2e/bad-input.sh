#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bad-input - what cannot work is refused in one clear sentence, and nothing is left attached
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

# nothing_attached - not on the interface, not in the cgroup, not pinned
nothing_attached() {
	! lab_net edge bpftool net | grep -q uplink && [ ! -e /sys/fs/bpf/buildgate ] &&
		[ -z "$(bpftool cgroup show "$LAB/cgroup/$LAB_NAME")" ]
}

# refused - WHAT EXIT WORDS [COMMAND...]: the daemon, run by COMMAND, ends with EXIT and a last
# line that has all of WORDS (an extended regular expression each), and leaves nothing
refused() {
	local what=$1 code=$2 words=$3 rc=0 line word
	shift 3
	line=$(lab_net edge timeout 20 "$@" build/buildgated --lab-clock \
		--config $GATE/buildgate.yaml 2>&1 </dev/null) || rc=$?
	line=$(tail -n 1 <<<"$line")
	same "$what: exit code" "$code" $rc
	for word in $words; do
		grep -qE "$word" <<<"$line" || e2e_fail "$what: '$line' does not say $word"
	done
	must "$what: nothing is attached" nothing_attached
	echo "    $line"
}

must "a mail server occupies port 25" lab_mtas edge

gate_config "outside: [nowhere0]"
refused "unknown interface" 1 "outside nowhere0"
gate_config "colour: green"
refused "unknown key" 1 "buildgate.yaml:[0-9]+ colour"
gate_config "slow_delay: soon"
refused "bad value" 1 "buildgate.yaml:[0-9]+ slow_delay soon 10s"
gate_config
echo "exempt: [192.0.2.0/24" >>$GATE/buildgate.yaml
refused "broken YAML" 1 "buildgate.yaml:[0-9]+"
gate_config "policy: no-such"
refused "unknown policy" 1 "no-such"
gate_config "catalogue: $GATE/catalogue.json"
echo '{"builds": [' >$GATE/catalogue.json
refused "catalogue that does not parse" 1 "catalogue.json"
rm $GATE/catalogue.json
refused "no catalogue" 1 "catalogue.json"
gate_config "http: 127.0.0.1:25"
refused "port in use" 1 "127.0.0.1:25 in.use"
gate_config "cgroup: $GATE"
refused "not a cgroup" 1 "cgroup $GATE"
gate_config
chmod 755 $GATE && chown -R 65534 $GATE/state
refused "missing privilege" 1 "root|CAP_[A-Z]+" \
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all
chown -R 0 $GATE/state
refused "no CAP_NET_ADMIN" 1 "privilege: CAP_NET_ADMIN" setpriv --bounding-set=-net_admin
refused "no CAP_BPF" 1 "privilege: CAP_BPF" setpriv --bounding-set=-bpf,-sys_admin
refused "no CAP_PERFMON" 1 "privilege: CAP_PERFMON" setpriv --bounding-set=-perfmon,-sys_admin
refused "no BTF" 1 "BTF /sys/kernel/btf/vmlinux CONFIG_DEBUG_INFO_BTF" \
	unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh
refused "no bpffs" 1 "/sys/fs/bpf mount.-t.bpf" \
	unshare --mount sh -c 'mount -t tmpfs none /sys/fs/bpf && exec "$@"' sh
gate_config "state_dir: $GATE/full"
mkdir $GATE/full && mount -t tmpfs -o size=64k tmpfs $GATE/full
dd if=/dev/zero of=$GATE/full/filler bs=1k 2>/dev/null
refused "full disk" 1 "$GATE/full (full|space)"
rm -f $GATE/buildgate.yaml
refused "no config file" 1 "buildgate.yaml"

gate_config
must "with good input it starts" gate_start
first=$GATE_PID
rc=0
line=$(lab_net edge timeout 20 build/buildgated --lab-clock --config $GATE/buildgate.yaml 2>&1) || rc=$?
same "second daemon: exit code" 1 $rc
must "second daemon: it says that one runs" grep -qiE 'running|already' <<<"$line"
must "the first one still answers" gate_answers
same "it is the same process" "$first" "$GATE_PID"
rc=0
lab_net edge build/buildgated --no-such-option >/dev/null 2>&1 || rc=$?
same "wrong option: exit code" 2 $rc
must "enforce, with a contact" ctl mode enforce
sed -i '/^contact:/d' $GATE/buildgate.yaml
kill -HUP "$GATE_PID"
must "a reload without a contact is refused in mode enforce" \
	wait_for 10 grep -qE 'reload: .*contact.*enforce.*old configuration' $GATE/log
