#!/usr/bin/env bash
# Takes a graph through every `mytosis graph` command, checks that what must be equal is equal, and
# prints the times.
#
# Usage: graph_commands.sh [GRAPH]
#   GRAPH  what packages_to_graph makes, such as the packages.mtg of `make packages`; without it, that
#          of the sample in examples/data
# Environment: MYTOSIS_BIN, where the programs are.
# run by the tests
set -euo pipefail

bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
sample=$(dirname "$0")/data/packages.sample
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
graph=$(realpath "${1:-$scratch/sample.mtg}")
if [ $# = 0 ]; then "$bin/examples/packages_to_graph" "$sample" "$graph"; fi
bin=$(realpath "$bin")
cd "$scratch"

# run EXIT_CODE ARGUMENT...: runs a graph command and prints how long it took. What it says goes to
# said.txt.
run() {
    local expected=$1 begin=${EPOCHREALTIME//[!0-9]/} code=0
    shift
    "$bin/mytosis" graph "$@" >said.txt || code=$?
    local us=$((${EPOCHREALTIME//[!0-9]/} - begin))
    printf '%8d.%03d ms  mytosis graph %s\n' $((us / 1000)) $((us % 1000)) "${*/#$graph/GRAPH}"
    [ "$code" = "$expected" ] || fail "exit code $code instead of $expected"
}
fail() {
    echo "graph_commands.sh: $*" >&2
    exit 1
}
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

echo "From one form to another and back: the same bytes"
run 0 convert "$graph" graph.json
run 0 convert graph.json graph.mtg
run 0 convert graph.mtg again.json
same graph.json again.json
run 0 convert graph.json graph.mtz
run 0 convert graph.mtz again.json
same graph.json again.json
run 0 convert graph.mtg again.mtz
same graph.mtz again.mtz
for file in graph.json graph.mtg graph.mtz; do
    printf '%15d bytes in %s\n' "$(wc -c <$file)" $file
done

echo "Two that were edited apart"
cat >left-patch.json <<'END'
{"package/bash": {"Priority": "optional", "Homepage": {"deleted": true}, "rating": 5},
 "package/zsh": {"@object": {"deleted": true}},
 "note/1": {"text": "written on the left", "about": {"edge": "package/bash"}}}
END
cat >right-patch.json <<'END'
{"package/bash": {"Priority": "extra", "Homepage": "https://www.example.org/"},
 "package/zsh": {"rating": 4},
 "note/1": {"text": "written on the right"}}
END
run 0 patch graph.mtg left-patch.json -o left.mtg
run 0 patch graph.mtg right-patch.json -o right.mtg
run 0 show right.mtg
run 0 show --json right.mtg

echo "Merged both ways: the same bytes"
run 0 merge left.mtg right.mtg -o merged.mtg
cp said.txt merge.txt
run 0 merge right.mtg left.mtg -o other.mtg
same merged.mtg other.mtg
run 0 merge merged.mtg right.mtg -o other.mtg
same merged.mtg other.mtg
run 0 merge --json left.mtg right.mtg
grep -q '"conflicts"' said.txt || fail "merge --json names no conflicts"

echo "What one has that the other lacks is all that the other needs"
run 1 diff left.mtg right.mtg -o for-right.mtg
run 0 merge right.mtg for-right.mtg -o other.mtg
same merged.mtg other.mtg
run 0 diff merged.mtg other.mtg
printf '%15d bytes in for-right.mtg\n' "$(wc -c <for-right.mtg)"

echo "Replayed on top of the other, and what both have"
run 0 rebase left.mtg right.mtg -o rebased.mtg
run 0 overlap for-right.mtg right.mtg -o overlap.mtg
run 0 overlap left.mtg right.mtg -o overlap.mtg

echo
echo "mytosis graph merge left.mtg right.mtg says:"
cat merge.txt
