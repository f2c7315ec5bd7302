# Completion of mytosis(1) for bash.

_mytosis_options() {
    case $1 in
    "graph merge" | "graph patch" | "graph rebase" | "graph overlap" | "graph diff")
        echo --json --output --format --all
        ;;
    "graph show") echo --uid --prefix --limit --json --plain --all ;;
    "graph convert") echo --format ;;
    graph) ;;
    *) echo --store --plugin ;;
    esac
    case $1 in
    init) echo --clock ;;
    write) echo --patch --json ;;
    read) echo --json --plain --raw --all ;;
    link | rm | status) echo --json ;;
    sync) echo --dry-run --ca --json ;;
    share) echo --qr --read --write --admin --expires --for --listen --connect --cert --key --ca --config --log-level --log-format --require-sandbox --no-sandbox ;;
    join) echo --ca --json ;;
    peers | who) echo --long --json ;;
    ls) echo --long --limit --json ;;
    log) echo --since --limit --json ;;
    watch) echo --follow --history --conflicts --allow-future --all --json ;;
    serve) echo --listen --connect --pull --push --origin --host --cert --key --ca --config --check-config --json --log-level --log-format --require-sandbox --no-sandbox ;;
    import) echo --allow-future --json ;;
    export) echo --output --format ;;
    doctor) echo --report --restamp --yes --ca --json ;;
    backup | restore) echo --force --keys --json ;;
    compact) echo --json ;;
    bench) echo --seconds --store-dir --json ;;
    "keys show") echo --json ;;
    "keys export") echo --all ;;
    "keys protect") echo --off ;;
    esac
    echo --color --help --version
}

_mytosis_commands() {
    case $1 in
    "") echo init write read link rm forget ls log watch import export status doctor query backup restore compact bench serve peers sync share join who revoke graph keys ;;
    graph) echo merge patch rebase overlap diff show convert ;;
    keys) echo show export import protect ;;
    esac
}

# The names of commands among the words before the one at hand, into `path`; how many operands follow
# them, into `operands`; and the store that is named, into `store`.
_mytosis_path() {
    local word commands value=
    path='' operands=0 store=${MYTOSIS_STORE-}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $word == "=" ]]; then
            continue
        elif [[ -n $value ]]; then
            if [[ $value == --store ]]; then store=$word; fi
            value=
            continue
        fi
        commands=" $(_mytosis_commands "$path") "
        case $word in
        --store | --clock | --patch | --limit | --since | --output | -o | --format | --uid | --prefix | --color | --listen | --connect | --expires | --for | --pull | --push | --origin | --host | --cert | --key | --ca | --config | --plugin | --log-level | --log-format | --seconds | --store-dir | --report)
            value=$word
            ;;
        -?*) ;;
        *)
            if [[ $commands == *" $word "* ]]; then path=${path:+$path }$word; else operands=$((operands + 1)); fi
            ;;
        esac
    done
}

_mytosis_fill() {
    local IFS=$'\n'
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen "$@" -- "$current"))
}

# The nodes of the store that begin with the word at hand.
_mytosis_uids() {
    if [[ -z $store ]]; then return; fi
    _mytosis_fill -W "$("${COMP_WORDS[0]}" ls --store "$store" --limit 200 -- "$current" 2>/dev/null)"
}

# The devices of its space.
_mytosis_devices() {
    if [[ -z $store ]]; then return; fi
    _mytosis_fill -W "$("${COMP_WORDS[0]}" who --store "$store" 2>/dev/null | cut -d ' ' -f 1)"
}

_mytosis_operand() {
    case "$path $operands" in
    "init 0" | "import 0" | "backup 0" | "restore 0" | "keys export 0" | "keys import 0" | graph\ *) _mytosis_fill -f ;;
    "write 0" | "read 0" | "link 0" | "link 2" | "rm 0" | forget\ * | share\ * | "ls 0" | "watch 0" | "export 0") _mytosis_uids ;;
    "revoke 0") _mytosis_devices ;;
    *) COMPREPLY=() ;;
    esac
}

_mytosis() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path operands store

    # Bash takes "=" as a word of its own.
    if [[ $current == "=" ]]; then
        current=
    elif [[ $previous == "=" ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _mytosis_path
    case $previous in
    --format) _mytosis_fill -W $'json\nbinary\ncompressed' ;;
    --color) _mytosis_fill -W $'auto\nalways\nnever' ;;
    --clock) _mytosis_fill -W $'hybrid\nlamport' ;;
    --log-level) _mytosis_fill -W $'error\nwarning\ninfo\ndebug' ;;
    --log-format) _mytosis_fill -W $'text\njson' ;;
    --store-dir) _mytosis_fill -d ;;
    --output | -o | --report | --store | --patch | --cert | --key | --ca | --config | --plugin) _mytosis_fill -f ;;
    --uid | --prefix | --limit | --since | --seconds | --expires | --for | --listen | --connect | --pull | --push | --origin | --host) COMPREPLY=() ;;
    *)
        if [[ $current == -* ]]; then
            _mytosis_fill -W "$(_mytosis_options "$path" | tr ' ' '\n')"
        elif [[ -n $(_mytosis_commands "$path") ]]; then
            _mytosis_fill -W "$(_mytosis_commands "$path" | tr ' ' '\n')"
        else
            _mytosis_operand
        fi
        ;;
    esac
}

complete -o filenames -F _mytosis mytosis
