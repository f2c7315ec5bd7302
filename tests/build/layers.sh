#!/usr/bin/env bash
# Includes point up the list of layers, never down: src/LAYER names its own headers and those of layers before it.
# Usage: layers.sh SRC_FOLDER LAYER...
set -euo pipefail
src=$1
shift
failed=0
above=

for layer in "$@"; do
    above="${above:+$above|}$layer"
    if grep -rnE '^ *# *include *"' "$src/$layer" | grep -vE "\"($above)/[^\"]+\""; then
        echo "src/$layer may include only from: ${above//|/ }"
        failed=1
    fi
done
exit $failed
