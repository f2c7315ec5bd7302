#!/usr/bin/env bash
# Three daemons in a line, over TCP, WebSocket and Unix sockets: a graph of Debian packages that is imported at the
# first arrives whole at the others, and at a fourth that comes later. Then the one in the middle is stopped, 100
# packages are edited at each end, and it comes back. Checks that all are equal to the byte, and prints what it took.
#
# Usage: peers.sh [GRAPH]
#   GRAPH  what packages_to_graph makes, such as the packages.mtg of `make packages`; without it, that
#          of the sample in examples/data
# Environment: MYTOSIS_BIN, where the programs are.
# run by the tests
set -euo pipefail

if [ "${1:-}" = --help ]; then exec sed -n '2,/^# Environment/s/^# \{0,1\}//p' "$0"; fi
bin=${MYTOSIS_BIN:?says where the programs are: MYTOSIS_BIN=build/release/bin}
sample=$(dirname "$0")/data/packages.sample
limit_s=100 # for all that is waited for
edits=100
scratch=$(mktemp -d)
declare -A pids=()
end() {
    if [ ${#pids[@]} != 0 ]; then kill "${pids[@]}" 2>/dev/null || true; fi
    wait
    rm -rf "$scratch"
}
trap end EXIT
graph=$(realpath "${1:-$scratch/sample.mtg}")
if [ $# = 0 ]; then "$bin/examples/packages_to_graph" "$sample" "$graph"; fi
bin=$(realpath "$bin")
if ! "$bin/mytosis" --help | grep -qw serve; then
    echo "This build has no daemon."
    exit 0
fi
cd "$scratch"

fail() {
    echo "peers.sh: $*" >&2
    exit 1
}
at() { # at PEER COMMAND ARGUMENT...
    local store=$1.mdb
    shift
    "$bin/mytosis" "$@" --store "$store"
}

# until_so COMMAND...: waits until it succeeds.
until_so() {
    local start=$SECONDS
    until "$@"; do
        if ((SECONDS - start >= limit_s)); then
            tail -n 5 ./*.log >&2
            fail "$* is not so after $limit_s s"
        fi
        sleep 0.02
    done
}

# start PEER OPTION...: a daemon that holds the peer's store, once it is ready.
start() {
    local peer=$1
    shift
    : >"$peer.log"
    "$bin/mytosis" serve --store "$peer.mdb" "$@" 2>>"$peer.log" &
    pids[$peer]=$!
    until_so grep -q ' ready ' "$peer.log"
}
stop() {
    kill "${pids[$1]}"
    wait "${pids[$1]}" || fail "the daemon of $1 ended with $?"
    unset "pids[$1]"
}
url_of() { at "$1" status --json | sed -n 's/.*"listens":\["\([^"]*\)".*/\1/p'; }

# settled PEER LINKS: it has so many links, all are live, nothing waits or is on its way, and how far it came is stored.
settled() {
    local links=0 line
    while read -r line; do
        [[ $line == *'"state":"live"'*'"behind":0,"unacknowledged":0,"unstored":false,'* ]] || return 1
        links=$((links + 1))
    done < <(at "$1" peers --json)
    [ $links = "$2" ]
}
# What the first has is at the second once the first is settled, and so on; and back again.
line_settled() { settled a 1 && settled b 2 && settled c 1 && settled b 2 && settled a 1; }

same() { # same PEER...: their exports are the same bytes
    local peer
    for peer; do
        at "$peer" export -o "$peer.mtg" >said.txt
        cmp "$1.mtg" "$peer.mtg" || fail "$1 and $peer differ"
    done
}

now_us() { echo "${EPOCHREALTIME//[!0-9]/}"; }
took() { # took SINCE_US WHAT
    local us=$(($(now_us) - $1))
    printf '%8d.%03d ms  %s\n' $((us / 1000)) $((us % 1000)) "$2"
}
number() { [[ $2 =~ \"$1\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; } # number NAME JSON

# What b says of its links. A round trip is one for which it had to wait; how long one takes, the greeting has shown.
transferred() {
    local peer=a line
    at b peers --json >said.txt
    while read -r line; do
        [[ $line != *"\"$(url_of a)\""* ]] && peer=c || peer=a
        printf '%19d bytes and %d nodes from b to %s, %d and %d from %s to b; %d round trips of %d ms\n' \
            "$(number bytes_out "$line")" "$(number nodes_out "$line")" $peer \
            "$(number bytes_in "$line")" "$(number nodes_in "$line")" $peer \
            "$(number round_trips "$line")" "$(number round_trip_ms "$line")"
    done <said.txt
}

# edit PEER SEED: writes to packages that are drawn at random, the same ones for the same seed.
edit() {
    local uid
    at "$1" ls package/ | awk -v seed="$2" 'BEGIN { srand(seed) } { print rand(), $1 }' | sort |
        sed -n "1,${edits}s/.* //p" >chosen.txt
    while read -r uid; do
        printf '{"%s": {"reviewed": "at %s", "rating": %d}}\n' "$uid" "$1" $((RANDOM % 5 + 1))
    done <chosen.txt >patches.txt
    at "$1" watch <patches.txt >said.txt # each a commit of its own
}
RANDOM=1

line_of() { # line_of KIND LISTEN LISTEN: all three, over links of that kind
    local kind=$1 begin url peer

    rm -f ./*.mdb*
    for peer in a b c d; do "$bin/mytosis" init $peer.mdb >said.txt; done
    start a --listen "$2"
    start c --listen "$3"
    start b --connect "$(url_of a)" --connect "$(url_of c)"
    until_so line_settled

    echo "$kind: what is imported at a arrives at b, and behind it at c"
    begin=$(now_us)
    at a import "$graph" >said.txt
    took "$begin" "the import at a"
    until_so line_settled
    took "$begin" "until all three are equal"
    transferred
    same a b c
    cmp "$graph" a.mtg || fail "what is exported is not what was imported"

    echo "$kind: a fourth, which is empty, takes a copy from c"
    url=$(url_of c)
    begin=$(now_us)
    at d sync "$url" --json >said.txt
    took "$begin" "mytosis sync"
    printf '%19d bytes and %d nodes\n' "$(number bytes_in "$(<said.txt)")" "$(number nodes_in "$(<said.txt)")"
    same a d

    echo "$kind: b is stopped, $edits packages are edited at a and $edits at c, and b comes back"
    stop b
    edit a 1
    edit c 2
    begin=$(now_us)
    start b --connect "$(url_of a)" --connect "$(url_of c)"
    until_so line_settled
    took "$begin" "until all three are equal, with the start of b"
    transferred
    same a b c
    if cmp -s a.mtg d.mtg; then fail "nothing was edited"; fi
    for peer in a b c; do stop $peer; done
}

line_of TCP tcp://127.0.0.1:0 tcp://127.0.0.1:0
line_of WebSocket ws://127.0.0.1:0 ws://127.0.0.1:0
line_of Unix unix:a.socket unix:c.socket
echo "All peers agree."
