#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fetch - a catalogue comes over HTTPS, by a program without privilege, and buildgated judges it
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}${BUILDGATE_READY-}" ] || ensure_packages test
e2e_start "$@"

NOBODY=65534
INBOX=$GATE/inbox
WWW=$GATE/www
SITE=203.0.113.20

# publish - SERIAL: what the server offers from now on
publish() {
	jq -c --argjson serial "$1" '.serial = $serial' maps/catalogue/exchange.json >$WWW/exchange.json
	minisign -S -s $GATE/key.sec -m $WWW/exchange.json >/dev/null
}

# server - HTTPS at the good site, with a certificate for its address
server() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=lab -addext "subjectAltName=IP:$SITE" \
		-keyout $GATE/tls.key -out $GATE/tls.pem 2>/dev/null || return
	(cd $WWW && exec nsenter --net="$(lab_ns good)" -- openssl s_server -quiet -accept 443 \
		-key $GATE/tls.key -cert $GATE/tls.pem -WWW >$GATE/server.log 2>&1 </dev/null) &
	wait_for 10 lab_net edge bash -c "</dev/tcp/$SITE/443" 2>/dev/null
}

# fetch - as nobody, who may write to the inbox and nothing else
fetch() {
	lab_net edge env -i PATH="$PATH" CURL_CA_BUNDLE="${CA-$GATE/tls.pem}" \
		setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --no-new-privs \
		packaging/buildgate-fetch "${1-https://$SITE/exchange.json}" $INBOX
}

fetch_fails() {
	local said
	said=$(fetch "$1" 2>&1) && e2e_fail "fetched $1"
	case $said in *"$2"*) echo "ok: not fetched: $2" ;; *) e2e_fail "said: $said" ;; esac
}

serial_is() { [ "$(ctl -j catalogue show | jq .serial)" = "$1" ]; }
refused() { ctl -j catalogue show | jq -e ".refused.why // \"\" | contains(\"$1\")" >/dev/null; }
inbox() { find $INBOX -type f -printf '%f %s %T@\n' | sort; }

mkdir -p $INBOX $WWW
chown $NOBODY $INBOX
chmod 755 $GATE
minisign -G -W -f -p $GATE/key.pub -s $GATE/key.sec >/dev/null
must "the server starts" server
e2e_gate "catalogue_dir: $INBOX" "catalogue_keys: [$(tail -n 1 $GATE/key.pub)]"

publish 20
must "a catalogue is fetched" fetch
must "and taken" wait_for 10 serial_is 20
before=$(inbox)
must "the same is fetched again" fetch
same "and left alone" "$before" "$(inbox)"

# what the fetcher itself does not take
fetch_fails "http://$SITE/exchange.json" "expected a URL that begins with https://"
CA=/dev/null fetch_fails "https://$SITE/exchange.json" "could not be fetched"
fetch_fails "https://198.51.100.1/exchange.json" "could not be fetched"
truncate -s 17M $WWW/big && cp $WWW/exchange.json.minisig $WWW/big.minisig
fetch_fails "https://$SITE/big" "could not be fetched"
same "the inbox is as it was" "$before" "$(inbox)"

# what it cannot know: the file was changed on the server; a page that is no catalogue
publish 21
sed -i 's/"serial":21/"serial":22/' $WWW/exchange.json
must "a changed one is fetched" fetch
must "and refused" wait_for 10 refused "it was changed"
must "a page in its place is fetched" fetch "https://$SITE/nothing.json"
must "and refused" wait_for 10 refused "not a signature of minisign"
must "the old one stays" serial_is 20
publish 21
must "a good one is fetched" fetch
must "and taken" wait_for 10 serial_is 21
must "nothing is refused now" [ "$(ctl -j catalogue show | jq .refused)" = null ]
must "the gate unloads" ctl unload
