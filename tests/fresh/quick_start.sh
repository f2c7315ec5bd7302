#!/usr/bin/env bash
# The first program of the README, typed from there, compiles by the line below it and prints what stands there.
# Usage: quick_start.sh SOURCE_FOLDER [BUILD_FOLDER]
#   BUILD_FOLDER  installed first, to a folder of its own; else mytosis is installed already
set -euo pipefail
readme=$1/README.md
build=${2:-}
# shellcheck source=tests/fresh/support.sh
. "$(dirname "$0")/support.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "$build" ]; then
    "${CMAKE:-cmake}" --install "$build" --prefix "$scratch/root" >"$scratch/install.log"
    PKG_CONFIG_PATH=$(dirname "$(find "$scratch/root" -name mytosis.pc)")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export PKG_CONFIG_PATH
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir mytosis)
    export LD_LIBRARY_PATH
fi
mkdir "$scratch/work"

text=$(section "A first program")
blocks c <<<"$text" >"$scratch/work/quick_start.c"
[ -s "$scratch/work/quick_start.c" ] || fail "README.md has no first program"
# shellcheck disable=SC2016
compile=$(grep -o '`cc quick_start\.c [^`]*`' <<<"$text" | tr -d '`') || fail "README.md does not say how to compile it"
wanted=$(blocks text <<<"$text")

cd "$scratch/work"
echo "$compile"
eval "$compile"
equal "what it prints" "$(./a.out)" "$wanted"
