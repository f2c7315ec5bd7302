#!/usr/bin/env bash
# The first two commands of the README, with what the first says to type in another terminal. They install through apt
# what is missing, build, and run; the port is any free one instead of 7118, which another may have,
# and the stores are in a folder that goes.
# Usage: two_commands.sh SOURCE_FOLDER
set -euo pipefail
readme=$1/README.md
# shellcheck source=tests/fresh/support.sh
. "$(dirname "$0")/support.sh"
cd "$1"
scratch=$(mktemp -d)
peer=''
finish() {
    if [ -n "$peer" ]; then kill -- "-$peer" 2>/dev/null || true; fi
    wait
    rm -rf "$scratch"
}
trap finish EXIT

text=$(section "Try it" | blocks sh)
run=$(command_of "$text" "make run")
packages=$(command_of "$text" "make packages")

# A terminal of its own, in which Ctrl-C can be typed.
mkfifo "$scratch/said"
read -ra words <<<"$run"
env --default-signal=INT setsid "${words[@]}" ARGS="$scratch/peer ws://127.0.0.1:0" >"$scratch/said" 2>&1 &
peer=$!
exec {says}<"$scratch/said"
listens=$(patience=300 && said $says '^A peer is at work\. .* it listens at (ws://.*)\.$')
store=$(said $says '^  export MYTOSIS_STORE=(.*)$')
ada=$(said $says '^  (.*mytosis write ada .*)$')
charles=$(said $says '^  (.*mytosis write charles .*)$')
look=$(said $says '^  (.*mytosis read .*)$')
init=$(said $says '^  (.*mytosis init .*third.*)$')
meet=$(said $says '^  (.*mytosis sync .*third.*)$')
said $says '^Ctrl-C ends it' >"$scratch/told"

export MYTOSIS_STORE=$store
eval "$ada"
eval "$charles"
found=$(eval "$look")
equal "whom Ada knows" "$(grep -c '^ *friend\.name  "Charles"' <<<"$found")" 1
unset MYTOSIS_STORE
eval "$init"
[[ $meet == *" $listens "* ]] || fail "it says to meet another peer than itself: $meet"
eval "$meet"
mytosis=${ada%% *}
"$mytosis" export --store "$store" >"$scratch/first"
"$mytosis" export --store "${init##* }" >"$scratch/third"
cmp "$scratch/first" "$scratch/third" || fail "the replicas differ"
equal "how many nodes both hold" "$(grep -c @object "$scratch/third")" 2

kill -INT -- "-$peer"
said $says '^It has ended' >"$scratch/ended"
wait "$peer" || true # make itself calls an interrupt an error
peer=''

# The second.
eval "$packages" 2>&1 | tee "$scratch/packages"
equal "how often all replicas agree" "$(grep -c '^All replicas agree\.$' "$scratch/packages")" 1
