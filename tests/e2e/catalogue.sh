#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# catalogue - signed updates with the real minisign: taken while mail flows, refused loudly, keys
# changed without a flag day; emergency definitions applied, blocked and withdrawn
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}${BUILDGATE_READY-}" ] || ensure_packages test
e2e_start "$@"

INBOX=$GATE/inbox
NEW=$GATE/new

make_key() { minisign -G -W -f -p $GATE/"$1".pub -s $GATE/"$1".sec >/dev/null; }
key() { tail -n 1 $GATE/"$1".pub; }

# make - SERIAL KEY [EMERGENCIES]: a catalogue and its signature as $NEW/exchange.json
make_catalogue() {
	mkdir -p $NEW
	jq -c --argjson serial "$1" --argjson emergencies "${3-[]}" \
		'.serial = $serial | .emergencies = $emergencies' \
		maps/catalogue/exchange.json >$NEW/exchange.json
	minisign -S -s $GATE/"$2".sec -m $NEW/exchange.json -t "serial $1" "${@:4}" >/dev/null
}

serial_is() { [ "$(ctl -j catalogue show | jq .serial)" = "$1" ]; }
shown() { ctl -j catalogue show | jq -e "$1" >/dev/null; }
metric_of() { gate_metrics | sed -n "s/^$1 //p"; }
update() { ctl catalogue update $NEW/exchange.json; }

# refuses - the update fails for a reason, and is told everywhere; the old one stays
refuses() {
	local why=$1 serial=$2 said
	said=$(update 2>&1) && e2e_fail "taken although: $why"
	case $said in *"$why"*) echo "ok: refused: $why" ;; *) e2e_fail "refused, but: $said" ;; esac
	must "serial $serial stays" serial_is "$serial"
	must "show says why" shown ".refused.why | contains(\"$why\")"
	must "status too" grep -q "REFUSED" <<<"$(ctl status)"
	must "the log too" grep -q "catalogue: refused, serial $serial stays in force: .*$why" $GATE/log
	must "the metric too" [ "$(metric_of buildgate_catalogue_refused_seconds)" -gt 0 ]
}

reload() {
	local seen
	seen=$(grep -c "reload: done" $GATE/log)
	kill -HUP "$GATE_PID"
	wait_for 10 more_than "$seen"
}
more_than() { [ "$(grep -c "reload: done" $GATE/log)" -gt "$1" ]; }

programs() { ctl -j status | jq -c '[.hooks[] | [.hook, .interface, .program_id]]'; }

# mails - one after the other until told to stop; every one must arrive
mails() {
	until [ -e $GATE/enough ]; do
		lab_send good "" user@edge.example.org
		echo "$LAB_ID" >>$GATE/sent
		sleep 0.2
	done
}
all_delivered() {
	local id
	while read -r id; do
		lab_delivered edge "$id" || return
	done <$GATE/sent
}

must "three mail servers start" lab_mtas old good edge
mkdir -p $INBOX
make_key a && make_key b && make_key c
day() { date -u -d "$1" +%F; }
e2e_gate "catalogue_dir: $INBOX" \
	"catalogue_keys: [{key: $(key a), not_after: $(day '+20 days')}]"
must "the shipped catalogue is in force" shown '.serial < 10 and .origin == "shipped" and .key == null'

# taken hot, while mail flows
mails &
SENDER=$!
before=$(programs)
must "mail flows" wait_for 30 [ -s $GATE/sent ]
make_catalogue 10 a
must "verify needs no daemon" build/gatectl catalogue verify $NEW/exchange.json --key $GATE/a.pub
must "a signed update is taken" update
must "it is in force" shown '.serial == 10 and .origin == "update" and (.key | length) == 16'
make_catalogue 11 a '[]' -l
must "a legacy signature too" update
must "the same once more is no failure" update
touch $GATE/enough
wait $SENDER
same "the programs are the same" "$before" "$(programs)"
must "every mail was delivered ($(wc -l <$GATE/sent))" wait_for $MAIL_LIMIT_S all_delivered

# refused
make_catalogue 12 b
refuses "which is not trusted; expected" 11
make_catalogue 12 a
sed -i 's/"15.1.2507.6"/"15.1.2507.7"/' $NEW/exchange.json
refuses "it was changed, or the signature belongs to another file" 11
make_catalogue 10 a
refuses "has serial 10, expected one above 11" 11
make_catalogue 12 a && rm $NEW/exchange.json.minisig
refuses "there is no signature beside it" 11
make_catalogue 12 a && sed -i 's/serial 12/serial 13/' $NEW/exchange.json.minisig
refuses "the trusted comment" 11

# a restart uses what was taken, and knows what was refused
gate_stop
must "the gate starts again" gate_start
must "the kept one is in force" shown '.serial == 11 and .origin == "update"'
must "the refusal is not forgotten" shown '.refused.why | contains("trusted comment")'

# rotation: the new key is in place while the old one is still good
gate_config "catalogue_dir: $INBOX" \
	"catalogue_keys: [{key: $(key a), not_after: $(day '+20 days')}, {key: $(key b), not_before: $(day yesterday)}]"
must "the new key is taken by a reload" reload
make_catalogue 12 a
must "the old key still signs" update
must "a good one ends the alarm" shown '.refused == null'
same "and the metric" 0 "$(metric_of buildgate_catalogue_refused_seconds)"
make_catalogue 13 b
must "so does the new one" update
gate_config "catalogue_dir: $INBOX" \
	"catalogue_keys: [{key: $(key a), not_after: $(day yesterday)}, $(key b), {key: $(key c), not_before: $(day '+5 days')}]"
must "the old key has ended" reload
make_catalogue 14 a
refuses "which is trusted no more since" 13
make_catalogue 14 c
refuses "which is not trusted before" 13

# the watched directory: in any order, moved or written
make_catalogue 14 b
cp $NEW/exchange.json $INBOX/
sleep 0.3
must "one file alone is not taken" serial_is 13
cp $NEW/exchange.json.minisig $INBOX/
must "the pair is taken" wait_for 10 serial_is 14
make_catalogue 15 b
mv $NEW/exchange.json.minisig $NEW/exchange.json $INBOX/
must "a moved pair is taken" wait_for 10 serial_is 15
echo '{}' >$INBOX/exchange.json
must "a bad one there is told" wait_for 10 shown '.refused.why // "" | contains("it was changed")'
must "and not taken" serial_is 15

# an emergency: evidence first, then its own action at once
must_not "nobody is enforced yet" source_is $OLD '.emergency'
mail_is delivered old $OLD_BUILD
must "the build is read" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
make_catalogue 16 b '[{"id":"M2","action":"tarpit","minutes":15,"until":null,
	"builds":[{"from":"15.1.0.0","to":"15.1.2507.38"}]}]'
must "an emergency comes" update
must "one connection is no evidence" source_is $OLD '.throttle_min == 0'
must "it is shown with its source" wait_for 10 shown \
	".emergencies[0] | .active and .sources_count == 1 and .sources == [\"$OLD\"]"
ctl clock advance 2h >/dev/null
mail_is delivered old $OLD_BUILD
must "its own minutes are enforced" wait_for 20 source_is $OLD \
	'.emergency and .by != "clock" and .throttle_min == 15 and .block_min == 0 and .emergency_id == "M2"'
must "in the kernel too" [ "$(ctl -j map get verdicts $OLD | jq .throttle_s)" = 900 ]
must "status names it" grep -q "^emergency   M2: tarpit" <<<"$(ctl status)"
must "sources too" [ "$(ctl -j sources | jq '.[0].emergency')" = true ]
same "and the metric" 1 "$(metric_of buildgate_emergencies)"

must "it can be blocked" ctl catalogue block M2 --reason "test"
must "blocked, it is not applied" wait_for 20 source_is $OLD '(.emergency | not) and .throttle_min == 0'
must "and shown so" shown '.blocked == ["M2"] and .emergencies[0].blocked and (.emergencies[0].active | not)'
gate_stop
must "the gate starts again" gate_start
must "it stays blocked" shown '.blocked == ["M2"] and .emergencies[0].blocked'
must "it can be let again" ctl catalogue unblock M2
must "and is applied" wait_for 20 source_is $OLD '.emergency and .throttle_min == 15'

make_catalogue 17 b
must "the next catalogue is taken" update
must "the emergency is withdrawn" wait_for 20 source_is $OLD '(.emergency | not) and .throttle_min == 0'
must "the audit trail knows" [ "$(ctl -j history $OLD | jq '[.[] | select(.what == "emergency")] | length')" -ge 1 ]

# what was taken is damaged on disk: the shipped one has to do, loudly, until it comes again
gate_stop
rm -f $INBOX/*
echo >>$GATE/state/catalogue/exchange-17.json
must "the gate starts all the same" gate_start
must "with the shipped one" shown '.serial < 10 and .origin == "shipped"'
must "and says so" shown '.refused.why | contains("is not the file that was taken")'
must "the same can be taken again" update
must "and is in force" shown '.serial == 17 and .refused == null'
make_catalogue 16 b
refuses "has serial 16, expected one above 17" 17
must "the gate unloads" ctl unload
