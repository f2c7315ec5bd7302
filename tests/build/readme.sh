#!/usr/bin/env bash
# What the README shows is so: its C code is part of examples, one of which prints what
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

# Block number N of a kind: block c 1.
block() {
    awk -v kind="\`\`\`$1" -v number="$2" '
        $0 == kind { on = ++seen == number; next }
        /^```/ && on { exit }
        on' README.md
}

# shown N PROGRAM: the C code of block N is part of a program.
shown() {
    local code
    code=$(block c "$1" | sed 's/^ *//')
    [ -n "$code" ] || wrong "has no C code number $1"
    [[ $(sed 's/^ *//' "$2") == *"$code"* ]] || wrong "its C code number $1 is not in $2"
}

shown 1 examples/quick_start.c
shown 2 examples/first_graph.c
[ -z "$(block c 3)" ] || wrong "has C code that no program shows"

block json 1 >"$scratch/expected"
"$first_graph" >"$scratch/printed"
diff "$scratch/expected" "$scratch/printed" || wrong "examples/first_graph prints something else"

for link in $(grep -ho '](\([^)#:]*\))' README.md docs/*.md | tr -d '](' | tr -d ')' | sort -u); do
    [ -e "$link" ] || [ -e "docs/$link" ] || wrong "$link is not there"
done
while read -r _ target; do
    grep -q "^$target:" Makefile || wrong "there is no make $target"
done < <(grep -oE '\bmake [a-z]+' README.md | sort -u)
exit $failed
