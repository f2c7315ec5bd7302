#!/usr/bin/env bash
# Two devices, as the README has them, at two loopback addresses: one at 127.0.0.1 invites, the other joins and then
# listens at 127.0.0.2. They hear of each other's writes, write while apart, meet again, and hold the same bytes.
# Nothing is waited for but what a program says or its end.
# Usage: two_devices.sh SOURCE_FOLDER    (environment: MYTOSIS, the command; else the one on PATH)
set -euo pipefail
readme=$1/README.md
# shellcheck source=tests/fresh/support.sh
. "$(dirname "$0")/support.sh"
scratch=$(mktemp -d)
cd "$scratch"
laptop='' phone=''
finish() {
    # A daemon may have ended before, and on purpose.
    for pid in $laptop $phone; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$scratch"
}
trap finish EXIT

# The commands of the README are typed as they stand there.
program=${MYTOSIS:-$(command -v mytosis)} || fail "there is no mytosis on PATH"
mytosis() { "$program" "$@"; }
text=$(section "Two devices" | blocks sh)
share=$(command_of "$text" "mytosis share")
join=$(command_of "$text" "mytosis join")
who=$(command_of "$text" "mytosis who")
revoke=$(command_of "$text" "mytosis revoke")

mkfifo laptop.said phone.said

# The first invites. Standard output has the ticket; the rest says where it listens, so that any free port does.
read -ra words <<<"${share#mytosis }"
"$program" "${words[@]}" --listen tcp://127.0.0.1:0 --log-level error >laptop.said 2>&1 &
laptop=$!
exec {laptop_says}<laptop.said
ticket=$(said $laptop_says '^(mt1:.*)$')
mytosis write notes/shopping text=bread --store laptop.mdb
mytosis write diary/monday text=rain --store laptop.mdb

# The second joins.
[[ $join == *mt1:...* ]] || fail "README.md does not say where the ticket goes: $join"
eval "${join/mt1:.../$ticket}"
equal "what the phone has of notes/" "$(mytosis read notes/shopping text --raw --store phone.mdb)" bread
equal "what it has of the rest" "$(mytosis export diary/ --store phone.mdb | tr -d '\n')" "{}"

# Both are there: what the phone writes the laptop has, over the link that the phone's daemon made.
"$program" serve --store phone.mdb --listen tcp://127.0.0.2:0 --log-format json >phone.said 2>&1 &
phone=$!
exec {phone_says}<phone.said
device=$(said $phone_says '"event":"space".*"device":"([0-9a-f]*)"')
url=$(said $phone_says '"event":"listening","url":"(tcp://127\.0\.0\.2:[0-9]+)"')
said $phone_says '"event":"ready"' >ready.txt
mytosis write notes/call text=plumber --store phone.mdb
mytosis sync --store phone.mdb
equal "what the laptop has of the phone" "$(mytosis read notes/call text --raw --store laptop.mdb)" plumber

# Ctrl-C ends the first. Both write, one field both of them, and the laptop then meets the phone at its address.
kill -INT "$laptop"
wait "$laptop" || fail "mytosis share ended with $?"
laptop=''
mytosis write notes/shopping text=milk --store laptop.mdb
mytosis write notes/shopping text=butter --store phone.mdb
mytosis write notes/laptop text=charge --store laptop.mdb
mytosis write notes/phone text=charge --store phone.mdb
mytosis sync "$url#$device" --store laptop.mdb
mytosis export notes/ --store laptop.mdb >laptop.json
mytosis export notes/ --store phone.mdb >phone.json
cmp laptop.json phone.json || fail "the two hold different notes"
equal "how many notes both hold" "$(grep -c @object laptop.json)" 4

# What was given is taken back.
equal "how many devices there are" "$(eval "$who" | wc -l)" 2
eval "$(sed -E "s/ [0-9a-f]{12} / $device /" <<<"$revoke")"
code=0
mytosis sync "$url#$device" --store laptop.mdb || code=$?
equal "how a meeting with it ends" $code 4
equal "what the laptop says of it" "$(eval "$who" | grep -c revoked)" 1
kill "$phone"
wait "$phone" || fail "mytosis serve ended with $?"
phone=''
