# Completion of mytosis(1) for bash.

_mytosis_options() {
    case $1 in
    "graph merge" | "graph patch" | "graph rebase" | "graph overlap" | "graph diff")
        echo --json --output --format --all
        ;;
    "graph show") echo --uid --prefix --limit --json --plain --all ;;
    "graph convert") echo --format ;;
    esac
    echo --color --help --version
}

_mytosis_commands() {
    case $1 in
    "") echo graph ;;
    graph) echo merge patch rebase overlap diff show convert ;;
    esac
}

# The names of commands among the words before the one at hand, into `path`.
_mytosis_path() {
    local word commands
    path=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        commands=" $(_mytosis_commands "$path") "
        if [[ $commands == *" $word "* ]]; then path=${path:+$path }$word; fi
    done
}

_mytosis_fill() {
    local IFS=$'\n'
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen "$@" -- "$current"))
}

_mytosis() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path

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
    --output | -o) _mytosis_fill -f ;;
    --uid | --prefix | --limit) COMPREPLY=() ;;
    *)
        if [[ $current == -* ]]; then
            _mytosis_fill -W "$(_mytosis_options "$path" | tr ' ' '\n')"
        elif [[ -n $(_mytosis_commands "$path") ]]; then
            _mytosis_fill -W "$(_mytosis_commands "$path" | tr ' ' '\n')"
        else
            _mytosis_fill -f
        fi
        ;;
    esac
}

complete -o filenames -F _mytosis mytosis
