#!/usr/bin/env bash
# What `make packages` does: makes a graph of this machine's Debian package index, gives it to two
# replicas, lets them be edited apart, and merges them both ways.
#
# Usage: packages.sh [--sample] [FOLDER]
#   --sample  the small index in examples/data, which also serves where the machine has none
#   FOLDER    where the graphs are left; build/.../packages if not given
# Environment: MYTOSIS_BIN, where the programs are.
set -euo pipefail

if [ "${1:-}" = --help ]; then exec sed -n '2,/^# Environment/s/^# \{0,1\}//p' "$0"; fi
bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
sample=$(dirname "$0")/data/packages.sample
if [ "${1:-}" = --sample ]; then
    from_sample=yes
    shift
fi
folder=${1:-$(dirname "$bin")/packages}
mkdir -p "$folder"
graph=$folder/packages.mtg

# The lists may be plain or packed by lz4, gzip or xz: apt-cache reads them all.
machine_has_index() {
    command -v apt-cache && compgen -G '/var/lib/apt/lists/*_Packages*'
} >/dev/null

if [ -z "${from_sample:-}" ] && machine_has_index; then
    echo "The package index of this machine, as a graph"
    apt-cache dumpavail | "$bin/examples/packages_to_graph" - "$graph"
else
    echo "A sample of a package index, as a graph"
    "$bin/examples/packages_to_graph" "$sample" "$graph"
fi

echo
echo "Two replicas of it, edited apart and merged both ways"
"$bin/examples/replicas_demo" "$graph" "$folder"

# Paths as one would type them from here.
here() { realpath --relative-base="$PWD" "$1" 2>/dev/null || echo "$1"; }
command=$(here "$bin/mytosis")
folder=$(here "$folder")
cat <<END

The graphs are in $folder. To go on:
  $command graph show $folder/merged.mtg --uid package/bash
  $command graph merge $folder/left.mtg $folder/right.mtg
  $command graph convert $folder/merged.mtg merged.json
END
