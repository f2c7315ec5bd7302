#!/usr/bin/env bash
# How large the core is, from mytosis.c, without a system and without tables for unwinding:
#
#     core    a stripped shared library (a module, for WebAssembly) of all but the router: graphs, database, node store,
#             engine in memory, pipe, spaces and tokens
#     all     the router, too
#     peer    examples/own_loop.c as a program: what two databases need that sync, and what of the C library they need
#
# WebAssembly is counted as gzip makes it. The limits of core and peer are what we promise; that of `all`, which is
# more, is what it is with a little room.
# Usage: sizes.sh SOURCE_FOLDER native|wasm    (environment: CC, of native a gcc and of wasm a clang)
set -euo pipefail
export LC_ALL=C
source=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failed=0

# gate NAME FILE KIB [COMMAND...]: the size of a file, of what a command makes of it.
gate() {
    local name=$1 file=$2 limit=$3 bytes
    shift 3
    bytes=$("${@:-cat}" <"$file" | wc -c)
    printf '%-12s %7d bytes, %3d KiB of %3d\n' "$name" "$bytes" $(((bytes + 1023) / 1024)) "$limit"
    if [ "$bytes" -gt $((limit * 1024)) ]; then
        echo "$name is larger than $limit KiB"
        failed=1
    fi
}

"$source/scripts/amalgamate" .
sed 's|#include <mytosis/.*>|#include "mytosis.h"|' "$source/examples/own_loop.c" >own_loop.c
grep -oE '\bmt_[a-z_]+\(' "$source/include/mytosis/plugin/sync.h" | tr -d '(' | sort -u >router
flags=(-std=c11 -Wall -Wextra -Werror -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
    '-Wl,--gc-sections,-s')

native() {
    local cc=("${CC:-gcc}" "${flags[@]}" -Os '-Wl,-z,noseparate-code,--hash-style=gnu') hidden
    "${cc[@]}" -fPIC -DMYTOSIS_WITHOUT_SYSTEM -c mytosis.c
    mapfile -t hidden < <(sed 's/^/--localize-symbol=/' router)
    objcopy "${hidden[@]}" mytosis.o core.o
    "${cc[@]}" -shared -nostdlib core.o -o core.so
    "${cc[@]}" -shared -nostdlib mytosis.o -o all.so
    "${cc[@]}" own_loop.c mytosis.c -o peer
    ./peer >/dev/null
    gate core core.so 300
    gate all all.so 384
    gate peer peer 300
}

wasm() {
    local cc=("${CC:-clang}" --target=wasm32-wasi "${flags[@]}" -Oz -flto) module exports
    module=("${cc[@]}" -mexec-model=reactor -DMYTOSIS_WITHOUT_SYSTEM mytosis.c)
    "${CC:-clang}" -DMYTOSIS_WITHOUT_SYSTEM -E -P mytosis.h | tr '\n' ' ' | grep -oE 'visibility\("default"\)[^;]*;' |
        grep -oE '\bmt_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u >names
    mapfile -t exports < <(sed 's/^/-Wl,--export=/' names)
    "${module[@]}" "${exports[@]}" -o all.wasm
    mapfile -t exports < <(grep -vxFf router names | sed 's/^/-Wl,--export=/')
    "${module[@]}" "${exports[@]}" -o core.wasm
    "${cc[@]}" own_loop.c mytosis.c -o peer.wasm
    node --no-warnings "$source/tests/portable/wasi.js" peer.wasm >/dev/null
    gate core core.wasm 150 gzip -9n
    gate all all.wasm 200 gzip -9n
    gate peer peer.wasm 150 gzip -9n
}

case $2 in
native) native ;;
wasm) wasm ;;
*) exit 2 ;;
esac
exit $failed
