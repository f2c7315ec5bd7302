#!/usr/bin/env bash
# The tarball is the same from run to run, and from the tree that it unpacks to.
# Usage: dist.sh SOURCE_FOLDER
set -euo pipefail
source=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$source/scripts/dist" "$scratch/first" >"$scratch/first.sums"
(umask 077 && "$source/scripts/dist" "$scratch/second" >"$scratch/second.sums")
diff "$scratch/first.sums" "$scratch/second.sums" || { echo "two runs differ"; exit 1; }

mkdir "$scratch/unpacked"
tar -C "$scratch/unpacked" -xzf "$scratch"/first/*.tar.gz
tree=$(echo "$scratch"/unpacked/*)
for file in scripts/dist LICENSE src/crdt/merge.c; do
    [ -f "$tree/$file" ] || { echo "the tarball lacks $file"; exit 1; }
done
"$tree/scripts/dist" "$scratch/third" >"$scratch/third.sums"
diff "$scratch/first.sums" "$scratch/third.sums" || { echo "a run in the unpacked tree differs"; exit 1; }
cat "$scratch/first.sums"
