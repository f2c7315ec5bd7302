#!/usr/bin/env bash
# Every public header compiles alone, twice in a row, as C11, C17 and C++17, by every compiler that is here.
# Usage: headers.sh INCLUDE_FOLDER
set -uo pipefail
cd "$1" || exit
headers=$(find mytosis -name '*.h' | sort)
failed=0
kinds=

# check COMPILER LANGUAGE STANDARD
check() {
    command -v "$1" >/dev/null || return
    kinds="$kinds $2"
    local found=$headers
    [ "$2" = c++ ] && found=$(find mytosis -name '*.h' -o -name '*.hpp' | sort)
    for header in $found; do
        printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
            "$1" -x "$2" -std="$3" -Wall -Wextra -Wpedantic -Werror -I . -fsyntax-only - && continue
        echo "$header does not compile as $3 with $1"
        failed=1
    done
    echo "$1, $3: $(wc -w <<<"$found") headers"
}

for compiler in gcc clang; do
    check $compiler c c11
    check $compiler c c17
done
for compiler in g++ clang++; do
    check $compiler c++ c++17
done

if [ -z "$headers" ]; then
    echo "no headers in $1"
    exit 1
fi
if [ $failed = 0 ] && [[ $kinds != *" c "*" c++"* ]]; then
    echo "not a compiler of each language is here:${kinds:- none}"
    exit 77
fi
exit $failed
