# shellcheck shell=bash
# What shell code of the documents runs in: read by blocks.py before each block, in a folder of its own. Daemons go on
# behind the block that starts them, on ports that are free.
set -euo pipefail
trap 'export -p | grep " MYTOSIS_" >.exports || :' EXIT
# shellcheck disable=SC1091
if [ -f .exports ]; then . ./.exports; fi

# The tree is not built anew for it: make says only whether it has such targets.
make() { command make -n -C "$SOURCE" "$@" >/dev/null; }
.ci/run() { test -x "$SOURCE/.ci/run"; }

# Not everybody has it, and Python is there.
curl() {
    python3 - "${@: -1}" <<<'import sys, urllib.request as web; print(web.urlopen(sys.argv[1]).read().decode(), end="")'
}

mytosis() {
    case "${1-} $*" in
    *" --help"* | *" --check-config"*) command mytosis "$@" ;;
    serve\ *) daemon ready "$@" ;;
    share\ *) shared "$@" ;;
    join\ *) joined "$@" ;;
    revoke\ *) revoked "$@" ;;
    read\ *) at_last "$@" ;;
    graph\ "graph diff"*) command mytosis "$@" || [ $? = 1 ] ;; # by which it says that they differ
    *) command mytosis "$@" ;;
    esac
}

# daemon WORD ARGUMENT...: in the background, until its log says WORD. blocks.py ends it.
daemon() {
    local word=$1 log=.daemon-$RANDOM-$BASHPID pid
    shift
    command mytosis "$@" >"$log.out" 2>"$log" </dev/null &
    pid=$!
    echo "$pid" >>.daemons
    until grep -q " info $word " "$log"; do
        kill -0 "$pid" 2>/dev/null || { cat "$log" >&2; return 1; }
        sleep 0.02
    done
    last_daemon=$log.out
}

# The ticket is for `join mt1:...`, and is not printed.
shared() {
    case " $* " in
    *" --listen "*) daemon ready "$@" ;;
    *) daemon ready "$@" --listen "tcp://127.0.0.1:$PORT" ;;
    esac
    until grep -q '^mt1:' "$last_daemon"; do sleep 0.02; done
    cp "$last_daemon" .ticket
}

joined() {
    shift
    [ "$1" = mt1:... ] && set -- "$(grep '^mt1:' .ticket)" "${@:2}"
    command mytosis join "$@"
}

# Of a device of the page's own, the one that joined.
revoked() {
    local device
    device=$(command mytosis who --json "${@:3}" | grep '"own":false' | grep -o '"device":"[0-9a-f]*' | cut -d'"' -f4)
    command mytosis revoke "${device:0:12}" "${@:3}"
}

# What a peer has written is here a moment later, if there is a daemon.
at_last() {
    local code=0 deadline=$((SECONDS + 10))
    while :; do
        code=0
        command mytosis "$@" >.read 2>.read-error || code=$?
        if [ $code != 1 ] || [ ! -f .daemons ] || [ $SECONDS -ge $deadline ]; then break; fi
        sleep 0.02
    done
    cat .read
    cat .read-error >&2
    return $code
}
