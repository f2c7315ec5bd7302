#!/usr/bin/env bash
# Plugins are built outside of the tree, against what is installed, and are loaded there: those of the examples and of
# docs/plugins.md, by the programs on that page, by a test and by the command.
# Usage: plugins.sh BUILD_FOLDER SOURCE_FOLDER    (environment: CC, CMAKE)
set -euo pipefail
build=$1
source=$2
cc=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

"${CMAKE:-cmake}" --install "$build" --prefix "$scratch/root" >install.log
PKG_CONFIG_PATH=$(dirname "$(find "$scratch/root" -name mytosis.pc)")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir mytosis)
export LD_LIBRARY_PATH
flags="-std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Werror"

# Each block of C on the page is a file, which its first line names.
awk '/^```c$/ { getline; name = $2; print > name; inside = 1; next }
     /^```$/ { inside = 0 }
     inside { print > name }' "$source/docs/plugins.md"
for file in greeting.c load.c conform.c; do
    [ -f $file ] || { echo "docs/plugins.md: $file is missing"; exit 1; }
done

# The flags are several words by nature.
# shellcheck disable=SC2046,SC2086
for file in greeting.c "$source"/examples/plugins/*.c; do
    "$cc" $flags -shared -fPIC $(pkg-config --cflags mytosis) "$file" -o "$(basename "$file" .c).so"
done
# shellcheck disable=SC2046,SC2086
{
    "$cc" $flags load.c $(pkg-config --cflags --libs mytosis) -o load
    "$cc" $flags conform.c $(pkg-config --cflags --libs mytosis-conformance) -o conform
    "$cc" $flags -I"$source/tests" "$source/tests/plugins/examples_test.c" \
        $(pkg-config --cflags --libs mytosis-conformance cmocka) -o examples_test
}

# expect TEXT COMMAND...
expect() {
    local wanted=$1 out
    shift
    out=$("$@" 2>&1) || true
    [ "$out" = "$wanted" ] || { printf '%s\nprinted: %s\nwanted:  %s\n' "$*" "$out" "$wanted"; exit 1; }
}

expect "Hello, world!" ./load ./greeting.so world
expect "journal: this plugin makes no query engine" ./load ./journal_kv.so world
./conform ./journal_kv.so test.journal >conform.log || { cat conform.log; exit 1; }
MYTOSIS_PLUGINS=. ./examples_test >examples.log 2>&1 || { cat examples.log; exit 1; }
echo "as a library: works"

mytosis=$scratch/root/bin/mytosis
if [ ! -x "$mytosis" ]; then exit 0; fi
unset LD_LIBRARY_PATH # the command has the library in itself
export MYTOSIS_STORE=notes.journal MYTOSIS_PLUGIN=./journal_kv.so
"$mytosis" init >init.log
"$mytosis" write user/ada name=Ada >write.log
expect "Ada" "$mytosis" read user/ada name --raw
expect "Good day, world!" "$mytosis" query greeting world --plugin ./journal_kv.so "--plugin=./greeting.so:Good day"
expect "1" "$mytosis" query count user/ --plugin ./journal_kv.so --plugin ./count_engine.so
echo "by the command: works"
