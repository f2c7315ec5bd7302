#compdef mytosis
# Completion of mytosis(1) for zsh.

_mytosis_graph() {
    local -a verbs common result
    verbs=(
        'merge:merge INCOMING into CURRENT'
        'patch:write the fields of PATCH to GRAPH'
        'rebase:replay SOURCE on top of TARGET'
        'overlap:the fields of SOURCE that TARGET has too'
        'diff:what A has and B lacks'
        'show:print the nodes of FILE'
        'convert:between JSON, binary and compressed files'
    )
    common=(
        '(-h --help)'{-h,--help}'[show what the command does]'
        '--color=[whether to use colours]:when:(auto always never)'
    )
    result=(
        '--json[print JSON]'
        '(-o --output)'{-o,--output=}'[write the resulting graph]:file:_files'
        '--format=[how to write it]:form:(json binary compressed)'
        '--all[show every line, and long values whole]'
    )

    if ((CURRENT == 2)); then
        _describe command verbs
        return
    fi
    shift words
    ((CURRENT--))
    case $words[1] in
    merge) _arguments $common $result '1:current:_files' '2:incoming:_files' ;;
    patch) _arguments $common $result '1:graph:_files' '2:patch:_files' ;;
    rebase | overlap) _arguments $common $result '1:source:_files' '2:target:_files' ;;
    diff) _arguments $common $result '1:a:_files' '2:b:_files' ;;
    show)
        _arguments $common '1:file:_files' \
            '(--prefix)--uid=[only the node of this uid]:uid:' \
            '(--uid)--prefix=[only nodes whose uid begins so]:prefix:' \
            '--limit=[so many nodes, at most]:number:' \
            '(--plain)--json[print canonical JSON]' \
            '(--json)--plain[print values without states]' \
            '--all[show long values whole]'
        ;;
    convert)
        _arguments $common '1:in:_files' '2:out:_files' \
            '--format=[how to write it]:form:(json binary compressed)'
        ;;
    esac
}

_mytosis() {
    local curcontext=$curcontext state line
    local -a commands
    commands=('graph:merge, compare, show and convert graphs in files')

    _arguments -C \
        '(-h --help)'{-h,--help}'[show what the command does]' \
        '--version[show the version]' \
        '--color=[whether to use colours]:when:(auto always never)' \
        '1: :->command' \
        '*:: :->operands'
    case $state in
    command) _describe command commands ;;
    operands) [[ $words[1] == graph ]] && _mytosis_graph ;;
    esac
}

_mytosis "$@"
