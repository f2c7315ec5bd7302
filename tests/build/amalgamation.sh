#!/usr/bin/env bash
# mytosis.c compiles alone and without warnings, exports what mytosis.h declares and nothing else, and serves programs;
# without a system it calls no more than the core may.
# Usage: amalgamation.sh SOURCE_FOLDER    (environment: CC, CXX)
set -euo pipefail
export LC_ALL=C
source=$(realpath "$1")
cc=${CC:-cc}
cxx=${CXX:-c++}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failed=0
wrong() {
    echo "$*"
    failed=1
}

"$source/scripts/amalgamate" .
compile() { "$cc" -std=c11 -Wall -Wextra -Werror "$@"; }

# exports_declared OBJECT [FLAG]: the linker sees what the header says, of which a preprocessor takes the comments.
exports_declared() {
    local object=$1
    shift
    "$cc" "$@" -E -P mytosis.h | tr '\n' ' ' | grep -oE 'visibility\("default"\)[^;]*;' | grep -oE '\bmt_[a-z0-9_]+ ?\(' |
        tr -d ' (' | sort -u >declared
    nm -P --defined-only --extern-only "$object" | awk '{ print $1 }' | sort -u >exported
    [ -s declared ] || wrong "mytosis.h declares nothing"
    diff declared exported || wrong "$object does not export what mytosis.h declares"
}

compile -c mytosis.c
exports_declared mytosis.o
for example in first_graph two_replicas own_loop; do
    sed 's|#include <mytosis/.*>|#include "mytosis.h"|' "$source/examples/$example.c" >$example.c
    compile $example.c mytosis.o -o $example
    ./$example >$example.out || wrong "$example fails"
    [ -s $example.out ] || wrong "$example says nothing"
done
grep -qx 'the phone has {"seats":"two","to":"Lisbon"}' own_loop.out || wrong "own_loop: the peers are not equal"

# The strictest that others may ask of a header, and C++.
echo '#include "mytosis.h"' >user.c
compile -Wpedantic -fsyntax-only user.c
if command -v "$cxx" >/dev/null; then
    "$cxx" -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only user.c || wrong "mytosis.h is no C++"
fi

# Without a system: as the core.
compile -fno-builtin-bcmp -DMYTOSIS_WITHOUT_SYSTEM -c mytosis.c -o without.o
exports_declared without.o -DMYTOSIS_WITHOUT_SYSTEM
grep -q '^mt_entropy$' exported && wrong "MYTOSIS_WITHOUT_SYSTEM leaves mt_entropy in"
if strays=$(nm -P --undefined-only without.o | awk '{ print $1 }' |
    grep -vxF "$(grep -v '^#' "$source/tests/build/core_symbols.txt")"); then
    wrong "without a system, it calls" "$strays"
fi
echo "$(wc -l <declared) functions"
exit $failed
