#!/usr/bin/env bash
# What the README shows is so: its C code is part of examples/first_graph.c, which prints what
# follows it; its links lead somewhere; its make targets are there.
# Usage: readme.sh SOURCE_FOLDER FIRST_GRAPH    (the program)
set -euo pipefail
first_graph=$(realpath "$2")
cd "$1"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
wrong() {
    echo "README.md: $*"
    failed=1
}

# The first block of a kind: block c, block json.
block() {
    awk -v kind="\`\`\`$1" '$0 == kind { on = 1; next } /^```/ && on { exit } on' README.md
}

block c >"$scratch/code"
[ -s "$scratch/code" ] || wrong "has no C code"
code=$(sed 's/^ *//' "$scratch/code")
[[ $(sed 's/^ *//' examples/first_graph.c) == *"$code"* ]] ||
    wrong "its C code is not in examples/first_graph.c"

block json >"$scratch/expected"
"$first_graph" >"$scratch/printed"
diff "$scratch/expected" "$scratch/printed" || wrong "examples/first_graph prints something else"

for link in $(grep -ho '](\([^)#:]*\))' README.md docs/*.md | tr -d '](' | tr -d ')' | sort -u); do
    [ -e "$link" ] || [ -e "docs/$link" ] || wrong "$link is not there"
done
while read -r _ target; do
    grep -q "^$target:" Makefile || wrong "there is no make $target"
done < <(grep -oE '\bmake [a-z]+' README.md | sort -u)
exit $failed
