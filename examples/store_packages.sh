#!/usr/bin/env bash
# Keeps a graph of Debian packages in a store: imports it, reads along its edges, writes to it, exports
# it, checks that what must be equal is equal to the byte, and prints times and sizes.
#
# Usage: store_packages.sh [GRAPH]
#   GRAPH  what packages_to_graph makes, such as the packages.mtg of `make packages`; without it, that
#          of the sample in examples/data
# Environment: MYTOSIS_BIN, where the programs are.
# run by the tests
# shellcheck disable=SC2162
set -euo pipefail

if [ "${1:-}" = --help ]; then exec sed -n '2,/^# Environment/s/^# \{0,1\}//p' "$0"; fi
bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
sample=$(dirname "$0")/data/packages.sample
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
graph=$(realpath "${1:-$scratch/sample.mtg}")
if [ $# = 0 ]; then "$bin/examples/packages_to_graph" "$sample" "$graph"; fi
bin=$(realpath "$bin")
if ! "$bin/mytosis" --help | grep -qw init; then
    echo "This build has no stores."
    exit 0
fi
cd "$scratch"
export MYTOSIS_STORE=packages.mdb

# run ARGUMENT...: runs the command and prints how long it took. What it says goes to said.txt.
run() {
    local begin=${EPOCHREALTIME//[!0-9]/}
    "$bin/mytosis" "$@" >said.txt || fail "mytosis $* ended with $?"
    local us=$((${EPOCHREALTIME//[!0-9]/} - begin))
    printf '%8d.%03d ms  mytosis %s\n' $((us / 1000)) $((us % 1000)) "${*/#$graph/GRAPH}"
}
fail() {
    echo "store_packages.sh: $*" >&2
    exit 1
}
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
says() { [ "$(cat said.txt)" = "$1" ] || fail "it says $(cat said.txt), not $1"; }

echo "Into a store, and out of it again: the same bytes"
run init
run import "$graph"
cat said.txt
run export -o out.mtg
same "$graph" out.mtg
run export -o out.json
run graph convert "$graph" graph.json
same graph.json out.json
printf '%15d bytes in GRAPH\n%15d bytes in %s\n' "$(wc -c <"$graph")" "$(wc -c <$MYTOSIS_STORE)" $MYTOSIS_STORE

echo "Once more changes nothing"
run log --json
cp said.txt log.json
run import "$graph"
grep -q "of which 0 changed the store" said.txt || fail "a second import changed the store"
run log --json
same log.json said.txt

echo "Along the edges"
run read package/bash depends/base-files.maintainer.name section.package/zsh.maintainer.email
cat said.txt
run read package/bash depends/base-files.Package --raw
says base-files

echo "What is written is in the store, and nothing else"
run write package/bash rating:=5 reviewed@review/1
run write review/1 text="The shell of shells" stars:=5
run read package/bash rating reviewed.text --plain
says '{"rating":5,
"reviewed.text":"The shell of shells"}'
run rm package/bash Homepage
run export -o edited.mtg
"$bin/mytosis" graph diff edited.mtg "$graph" >said.txt && fail "nothing was written"
cat said.txt

echo "Nothing is damaged"
run doctor
cat said.txt
