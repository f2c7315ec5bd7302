#!/usr/bin/env bash
# The list of symbols of the Debian package is that of the shared library.
# Usage: deb_symbols.sh LIBRARY SOURCE_FOLDER
set -euo pipefail
listed=$(awk '/^ / { print $1 }' "$2/packaging/debian/libmytosis0.symbols" | LC_ALL=C sort)
exported=$(nm -D -P --defined-only "$1" | awk '{ sub("@@", "@", $1); print $2 == "A" ? $1 "@" $1 : $1 }' | LC_ALL=C sort)
[ -n "$exported" ] || { echo "nothing is exported"; exit 1; }
if ! diff <(echo "$listed") <(echo "$exported"); then
    echo "packaging/debian/libmytosis0.symbols is not what the library exports: scripts/deb --symbols writes it anew"
    exit 1
fi
echo "$(wc -l <<<"$listed") symbols"
