#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# store - whatever happens to the store, while the daemon runs or before it starts: enforcement goes on
# as last published, the lease is renewed, log, status, doctor and metrics say what is wrong and what
# to do, and nobody begins with an empty store in silence
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

STATE=$LAB/state
DB=$STATE/buildgate.db

# sees - N: N sources show an old build, two hours apart, so that each has a clock
sees() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '{"at":"%s","source":"2001:db8:%x::1","helo":"ex%d.example.org","build":"15.1.2507.6"}\n' \
			"$(date -u -d "$2" +%FT%TZ)" $i $i
	done | ctl observe --stdin
}

verdicts() { ctl -j map dump verdicts | jq -S 'map([.source, .throttle_s, .block_s])'; }
lease() { ctl -j map dump settings | jq -r .lease_until; }
lease_later() { [[ "$(lease)" > "$1" ]]; }
status_says() { ctl status | grep -qF "$1"; }
wrong() { ctl -j status | jq -e ".daemon.store_ok == false and (.daemon.store_error | contains(\"$1\"))" >/dev/null; }
well() { ctl -j status | jq -e '.daemon.store_ok and .daemon.store_error == null' >/dev/null; }
healthy() { gate_metrics | grep -q "^buildgate_store_healthy $1\$"; }
doctor_says() { ctl doctor --config $GATE/buildgate.yaml | grep -F "store" | grep -q "$1"; }

# told - WORDS: it is said everywhere, and what was published stays, with its lease
told() {
	local before
	must "the log says it" wait_for 40 grep -qF "$1" $GATE/log
	must "status says it" wait_for 40 wrong "$1"
	must "and that enforcement goes on" status_says "enforcement goes on as last published"
	must "the metric says it" wait_for 10 healthy 0
	must "doctor says it" doctor_says "cannot use"
	same "the verdicts stay" "$PUBLISHED" "$(verdicts)"
	before=$(lease)
	must "the lease is renewed" wait_for 40 lease_later "$before"
}

mkdir -p $STATE
mount -t tmpfs -o size=4m none $STATE
gate_at_once 7 3
e2e_gate "state_dir: $STATE" "policy: $LAB/policy.yaml"
must "a new store is no secret" grep -q "store: $DB is new and empty" $GATE/log
must "enforce mode is accepted" ctl mode enforce
sees 20 '2 hours ago' >/dev/null && sees 20 now >/dev/null
PUBLISHED=$(verdicts)
must "there are verdicts" [ "$(jq length <<<"$PUBLISHED")" = 20 ]

# disk full while it runs
dd if=/dev/zero of=$STATE/filler bs=64k 2>/dev/null
must_not "an observation that cannot be kept is no success" sees 400 now
told "no space left on its disk"
rm $STATE/filler
must "with room again it works again" wait_for 40 well
must "and says so" grep -q "store: works again" $GATE/log

# removed while it runs, and put back
sqlite3 $DB ".backup $LAB/copy.db" && rm $DB
sees 21 now >/dev/null
told "was removed or replaced while in use"
gate_stop
rm -f $DB-wal $DB-shm; cp $LAB/copy.db $DB
must "with a copy in its place it starts" gate_start
must "and is well" well
same "the verdicts stay" "$PUBLISHED" "$(verdicts)"

# starts: from a newer version, damaged, read-only, half gone, full
bad_start() { # WORDS
	: >$GATE/log
	must "it starts, and waits" gate_start
	told "$1"
	must_not "nothing is decided meanwhile" ctl set 192.0.2.9 drop
}
mended() {
	must "it goes on by itself" wait_for 40 well
	same "the verdicts stay" "$PUBLISHED" "$(verdicts)"
	must "the observations are there" [ "$(ctl -j sources | jq length)" = 20 ]
	gate_stop
	cp $DB $LAB/copy.db
}
gate_stop
sqlite3 $DB 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
cp $DB $LAB/copy.db
sqlite3 $DB 'PRAGMA user_version = 99'
bad_start "written by a newer buildgate"
sqlite3 $DB "PRAGMA user_version = $(sqlite3 $LAB/copy.db 'PRAGMA user_version')"
mended
dd if=/dev/urandom of=$DB bs=4096 seek=2 count=20 conv=notrunc 2>/dev/null
bad_start "damaged"
cp $LAB/copy.db $LAB/whole.db && mv $LAB/whole.db $DB
mended
mount -o remount,ro $STATE
bad_start "read-only"
mount -o remount,rw $STATE
mended
: >$DB
bad_start "empty"
cp $LAB/copy.db $LAB/whole.db && mv $LAB/whole.db $DB
mended
dd if=/dev/zero of=$STATE/filler bs=64k 2>/dev/null
bad_start "no space left"
must "it ends when it is told to" gate_stop
rm $STATE/filler

# moved away while it waits: begins anew, and not in silence
dd if=/dev/urandom of=$DB bs=4096 seek=2 count=20 conv=notrunc 2>/dev/null
bad_start "damaged"
rm -f $DB $DB-wal $DB-shm
must "with none in its place it goes on" wait_for 40 well
must "and says that it begins empty" grep -q "begins EMPTY" $GATE/log
gate_stop
cp $LAB/copy.db $LAB/whole.db && mv $LAB/whole.db $DB

# more than 64 MiB are not looked through at a start: what is damaged further in is found on the way
mount -o remount,size=300m $STATE
must "it starts" gate_start
gate_stop
sqlite3 $DB 'CREATE TABLE filler(x); INSERT INTO filler VALUES(zeroblob(90000000)); PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
root=$(sqlite3 $DB "SELECT rootpage FROM sqlite_master WHERE name = 'source'")
sqlite3 $DB ".backup $LAB/copy.db"
dd if=/dev/urandom of=$DB bs=4096 seek=$((root - 1)) count=1 conv=notrunc 2>/dev/null
bad_start "damaged"
cp $LAB/copy.db $LAB/whole.db && mv $LAB/whole.db $DB
mended

# no store at all: begins anew, and not in silence
rm -f $DB $DB-wal $DB-shm
: >$GATE/log
must "it starts" gate_start
must "and says that it begins empty" grep -q "begins EMPTY" $GATE/log
same "nothing is enforced for no reason" "[]" "$(verdicts)"
