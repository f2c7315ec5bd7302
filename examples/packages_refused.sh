#!/usr/bin/env bash
# What packages_to_graph says of an index that is not one: file, line, and what was expected.
# run by the tests
set -euo pipefail

bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
convert=$(realpath "$bin")/examples/packages_to_graph
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failed=0

# refused MESSAGE: the index on standard input gives exit code 3, just this message, and no output.
refused() {
    local said code=0
    cat >index
    said=$("$convert" index out.json 2>&1) || code=$?
    if [ "$code: $said" = "3: index:$1" ] && [ ! -e out.json ]; then
        echo "index:$1"
    else
        echo "expected: index:$1"
        echo "got:      $said (exit code $code)"
        failed=1
    fi
}

refused "2: expected 'Field: value' instead of 'Version'" <<<$'Package: a\nVersion'
refused "1: expected 'Field: value' instead of ' Package: a'" <<<' Package: a'
refused "2: expected 'Field: value' instead of ': 1'" <<<$'Package: a\n: 1'
refused "2: expected 'Field: value' instead of 'depends/b: 1'" <<<$'Package: a\ndepends/b: 1'
refused "4: a stanza without a Package field" <<<$'Package: a\n\n\nVersion: 1\nPriority: extra'
refused "1: expected a package name instead of ''" <<<'Package:'
refused "1: not part of a package name: '_b'" <<<'Package: a_b'
refused "3: a second field of the name 'Version'" <<<$'Package: a\nVersion: 1\nVersion: 2'
refused "2: expected a number instead of '1k'" <<<$'Package: a\nSize: 1k'
refused "2: expected a number instead of ''" <<<$'Package: a\nSize:'
refused "2: expected yes or no instead of 'maybe'" <<<$'Package: a\nEssential: maybe'
refused "2: expected a checksum instead of 'abc'" <<<$'Package: a\nSHA256: abc'
refused "2: expected a checksum instead of 'xy'" <<<$'Package: a\nSHA256: xy'
refused "2: expected a maintainer instead of 'Nobody <>'" <<<$'Package: a\nMaintainer: Nobody <>'
refused "2: expected a section instead of ''" <<<$'Package: a\nSection:'
refused "2: expected a package name instead of '(>= 1)'" <<<$'Package: a\nDepends: b, (>= 1)'
refused "2: not part of a package name: '_b'" <<<$'Package: a\nDepends: a_b'
refused "2: a string is not UTF-8: byte 0xFF at 0" <<<$'Package: a\nDescription: \xff'
refused "3: a second field of the name 'Package'" <<<$'Package: a\nVersion: 1\nPackage: a'
exit $failed
