#!/usr/bin/env bash
# The shared library exports mt_* and nothing else, under its version; its SONAME is as promised.
# Usage: shared_symbols.sh LIBRARY
set -euo pipefail
library=$1

exported=$(nm -D -P --defined-only "$library" | awk '$2 != "A" { print $1 }')
if [ -z "$exported" ]; then echo "nothing is exported"; exit 1; fi
if strays=$(grep -v '^mt_.*@@MYTOSIS_0$' <<<"$exported"); then
    echo "exported, and should not be:"
    echo "$strays"
    exit 1
fi
objdump -p "$library" | grep -q 'SONAME *libmytosis\.so\.0$' || { echo "the SONAME is not libmytosis.so.0"; exit 1; }
echo "$(wc -l <<<"$exported") symbols"
