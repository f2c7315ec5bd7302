#!/usr/bin/env bash
# packages.sh on the sample: the replicas agree, and a second run makes the same bytes.
# run by the tests
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for time in first second; do
    bash "$(dirname "$0")/packages.sh" --sample "$scratch/$time"
done >"$scratch/said.txt"
cat "$scratch/said.txt"
[ "$(grep -c '^All replicas agree.$' "$scratch/said.txt")" = 2 ]
diff -r "$scratch/first" "$scratch/second"
