#!/usr/bin/env bash
# What `make run` does: starts a peer on this machine and says what to type in another terminal. Ctrl-C ends it.
#
# Usage: first_peer.sh [FOLDER [URL]]
#   FOLDER  where its store lies; build/.../peer if not given
#   URL     where it listens; ws://127.0.0.1:7118 if not given
# Environment: MYTOSIS_BIN, where the programs are.
set -euo pipefail

if [ "${1:-}" = --help ]; then exec sed -n '2,/^# Environment/s/^# \{0,1\}//p' "$0"; fi
bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
folder=${1:-$(dirname "$bin")/peer}
url=${2:-ws://127.0.0.1:7118}

# Paths as one would type them from here.
here() { realpath -m --relative-base="$PWD" "$1" 2>/dev/null || echo "$1"; }
mytosis=$(here "$bin/mytosis")
folder=$(here "$folder")
store=$folder/first.mdb

if ! "$mytosis" --help | grep -qw serve; then
    echo "This build has no daemon: it was made without LMDB or libuv." >&2
    exit 1
fi
mkdir -p "$folder"
if [ ! -e "$store" ]; then "$mytosis" init "$store"; fi

trap : INT TERM # the daemon hears of it, and we go on
"$mytosis" serve --store "$store" --listen "$url" &
daemon=$!

# listening: where it does, once it is ready. Another daemon may hold the store.
listening() {
    "$mytosis" status --json --store "$store" 2>/dev/null | grep "\"pid\":$daemon," |
        grep -o '"listens":\["[^"]*"' | cut -d'"' -f4
}
until url=$(listening); do
    if ! kill -0 $daemon 2>/dev/null; then
        code=0
        wait $daemon || code=$?
        exit $code
    fi
    sleep 0.05
done

cat <<END

A peer is at work. Its store is $store, and it listens at $url.
In another terminal, here:

  export MYTOSIS_STORE=$store
  $mytosis write ada name=Ada born:=1815 friend@charles
  $mytosis write charles name=Charles
  $mytosis read ada name friend.name
  $mytosis watch --follow

Another replica, in a terminal of its own; what is written to one is then in both:

  $mytosis init $folder/second.mdb
  $mytosis serve --store $folder/second.mdb --connect $url

Or one that meets the first now and then:

  $mytosis init $folder/third.mdb
  $mytosis sync $url --store $folder/third.mdb

Ctrl-C ends it.
END

# A signal interrupts the waiting; what counts is how the daemon ends.
code=0
while kill -0 $daemon 2>/dev/null; do
    code=0
    wait $daemon || code=$?
done
echo
if [ $code = 0 ]; then echo "It has ended. The store is $store; the next run goes on with it."; fi
exit $code
