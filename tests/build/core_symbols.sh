#!/usr/bin/env bash
# The core calls nothing but what core_symbols.txt lists, and keeps no writable data of its own.
# Usage: core_symbols.sh ARCHIVE
set -euo pipefail
export LC_ALL=C
archive=$1
allowed=$(dirname "$0")/core_symbols.txt

symbols() { nm -P "$@" "$archive" | awk 'NF > 1 { print $1 }' | sort -u; }

used=$(symbols --undefined-only)
known=$(symbols --defined-only --extern-only && grep -v '^#' "$allowed")
strays=$(grep -vxF "$known" <<<"$used" || true)
for symbol in $strays; do
    echo "the core calls $symbol: $(nm -A --undefined-only "$archive" | grep -w "$symbol" | cut -d: -f2 | tr '\n' ' ')"
done

# Constants with pointers are .data.rel.ro until the loader has filled them in; all else is state.
state=$(size -A "$archive" | awk '
    $2 == ":" || /ex / { member = $1 }
    $1 ~ /^\.t?(data|bss)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print member " has " $2 " bytes of state in " $1 }')
if [ -n "$state" ]; then echo "$state"; fi

[ -z "$strays$state" ]
