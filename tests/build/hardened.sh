#!/usr/bin/env bash
# What was built has what makes mistakes harder to use: tables of the linker are read-only and filled in at the start,
# the stack holds no code, its frames are guarded, and so are calls that copy; a program lies anywhere in memory.
# Usage: hardened.sh CONFIG LIBRARY [PROGRAM]
set -euo pipefail
export LC_ALL=C
config=$1
shift
failed=0

command -v readelf >/dev/null || { echo "there is no readelf"; exit 77; }

# lacks FILE WHAT
lacks() {
    echo "$1: $2"
    failed=1
}

look() {
    local file=$1 headers names
    if ! headers=$(readelf -lWd "$file" 2>/dev/null); then
        echo "$file is no ELF"
        exit 77
    fi
    names=$(readelf -sW --dyn-syms "$file")
    grep -q ' GNU_RELRO ' <<<"$headers" || lacks "$file" "no GNU_RELRO"
    grep -qE '\((FLAGS|BIND_NOW)\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b' <<<"$headers" || lacks "$file" "no BIND_NOW"
    grep -qE ' GNU_STACK .* RW  ' <<<"$headers" || lacks "$file" "the stack may hold code"
    grep -q __stack_chk_fail <<<"$names" || lacks "$file" "no stack protector"
    if [[ $config == Rel* ]]; then
        grep -qE '__[a-z]+_chk\b' <<<"$names" || lacks "$file" "no _FORTIFY_SOURCE"
    fi
}

look "$1"
if [ $# -gt 1 ]; then
    look "$2"
    headers=$(readelf -lWd "$2") # not a pipe: grep ends at what it looks for, and readelf would be cut off
    grep -q '(FLAGS_1).*\bPIE\b' <<<"$headers" || lacks "$2" "not position-independent"
fi
exit $failed
