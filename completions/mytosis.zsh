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

_mytosis_keys() {
    local -a verbs common
    verbs=(
        'show:which keys there are'
        'export:write a backup, sealed with a passphrase'
        'import:bring a backup back'
        'protect:give them a passphrase, or take it away'
    )
    common=(
        '(-h --help)'{-h,--help}'[show what the command does]'
        '--color=[whether to use colours]:when:(auto always never)'
        '--store=[the store]:file:_files'
    )

    if ((CURRENT == 2)); then
        _describe command verbs
        return
    fi
    shift words
    ((CURRENT--))
    case $words[1] in
    show) _arguments $common '--json[print JSON]' ;;
    export) _arguments $common '--all[the root and recovery keys, too]' '1:file:_files' ;;
    import) _arguments $common '1:file:_files' ;;
    protect) _arguments $common '--off[store them plain again]' ;;
    esac
}

_mytosis_uids() {
    local -a uids
    uids=(${(f)"$(_call_program uids mytosis ls --limit 200 ${opt_args[--store]:+--store $opt_args[--store]} -- ${(q)PREFIX} 2>/dev/null)"})
    compadd -a uids
}

_mytosis_devices() {
    local -a devices
    devices=(${${(f)"$(_call_program devices mytosis who ${opt_args[--store]:+--store $opt_args[--store]} 2>/dev/null)"}%% *})
    compadd -a devices
}

_mytosis_store() {
    local -a common json
    common=(
        '(-h --help)'{-h,--help}'[show what the command does]'
        '--color=[whether to use colours]:when:(auto always never)'
        '--store=[the store]:file:_files'
        '*--plugin=[a plugin to load]:file:_files'
    )
    json='--json[print JSON]'

    case $words[1] in
    init) _arguments $common '--clock=[what states are]:mode:(hybrid lamport)' '1:path:_files' ;;
    write)
        _arguments $common $json '--patch=[write all of a patch]:file:_files' \
            '1:uid:_mytosis_uids' '*:field:'
        ;;
    read)
        _arguments $common '1:uid:_mytosis_uids' '*:field:' \
            '(--plain --raw)--json[print JSON with states]' \
            '(--json --raw)--plain[print values without states, as JSON]' \
            '(--json --plain)--raw[print values alone]' \
            '--all[show long values whole]'
        ;;
    link) _arguments $common $json '1:from:_mytosis_uids' '2:field:' '3:to:_mytosis_uids' ;;
    rm) _arguments $common $json '1:uid:_mytosis_uids' '*:field:' ;;
    forget) _arguments $common '*:uid:_mytosis_uids' ;;
    ls)
        _arguments $common $json '1:prefix:_mytosis_uids' \
            '(-l --long)'{-l,--long}'[with the number of fields]' \
            '--limit=[so many nodes, at most]:number:'
        ;;
    log)
        _arguments $common $json \
            '--since=[only changes after this number]:number:' \
            '--limit=[so many changes, at most]:number:'
        ;;
    watch)
        _arguments $common $json '1:prefix:_mytosis_uids' \
            '(-f --follow)'{-f,--follow}'[read no lines]' \
            '--history[also what was overwritten]' \
            '--conflicts[also which equal states were settled]' \
            '--allow-future[take states far ahead of now]' \
            '--all[show long values whole]'
        ;;
    import) _arguments $common $json '--allow-future[take states far ahead of now]' '1:file:_files' ;;
    export)
        _arguments $common '1:prefix:_mytosis_uids' \
            '(-o --output)'{-o,--output=}'[where to]:file:_files' \
            '--format=[how to write it]:form:(json binary compressed)'
        ;;
    status) _arguments $common $json ;;
    query) _arguments $common '1:engine:' '2:text:' ;;
    peers) _arguments $common $json '(-l --long)'{-l,--long}'[with what goes over, range by range]' ;;
    sync) _arguments $common $json '(-n --dry-run)'{-n,--dry-run}'[only say what differs]' '--ca=[whom wss:// peers are certified by]:file:_files' '1:url:' ;;
    share)
        _arguments $common '*:prefix:_mytosis_uids' \
            '--qr[draw the ticket, too]' \
            '--read[the device may read]' \
            '--write[it may read and write]' \
            '--admin[it may invite others, too]' \
            '--expires=[how long the ticket can be used]:time:' \
            '--for=[how long what it gives is good]:time:' \
            '*--listen=[where to be found]:url:' \
            '*--connect=[a peer to connect to]:url:' \
            '--cert=[the certificate of wss:// listeners]:file:_files' \
            '--key=[the key of the certificate]:file:_files' \
            '--ca=[whom wss:// peers are certified by]:file:_files' \
            '--config=[a file of settings]:file:_files' \
            '--log-level=[what is told]:level:(error warning info debug)' \
            '--log-format=[how it is told]:form:(text json)' \
            '(--no-sandbox)--require-sandbox[end unless it can all be had]' \
            '(--require-sandbox)--no-sandbox[go without one]'
        ;;
    join) _arguments $common $json '--ca=[whom wss:// peers are certified by]:file:_files' '1:ticket:' ;;
    who) _arguments $common $json '(-l --long)'{-l,--long}'[all digits of each device]' ;;
    revoke) _arguments $common '1:device:_mytosis_devices' ;;
    serve)
        _arguments $common $json \
            '*--listen=[where peers may connect]:url:' \
            '*--connect=[a peer to connect to]:url:' \
            '*--pull=[get only uids that begin so]:prefix:' \
            '*--push=[give only uids that begin so]:prefix:' \
            '*--origin=[pages that may connect]:origin:' \
            '*--host=[names that lead here]:host:_hosts' \
            '--cert=[the certificate of wss:// listeners]:file:_files' \
            '--key=[the key of the certificate]:file:_files' \
            '--ca=[whom wss:// peers are certified by]:file:_files' \
            '--config=[a file of settings]:file:_files' \
            '--check-config[print all settings, and end]' \
            '--log-level=[what is told]:level:(error warning info debug)' \
            '--log-format=[how it is told]:form:(text json)' \
            '(--no-sandbox)--require-sandbox[end unless it can all be had]' \
            '(--require-sandbox)--no-sandbox[go without one]'
        ;;
    backup | restore)
        _arguments $common $json '1:file:_files' \
            '--force[also where there is something]' \
            '--keys[the secrets of the device, too]'
        ;;
    compact) _arguments $common $json ;;
    bench) _arguments $common $json '--seconds=[how long, about]:number:' '--store-dir=[where its stores are made]:folder:_files -/' ;;
    doctor)
        _arguments $common $json \
            '--report=[also write numbers, for who helps]:file:_files' \
            '--ca=[whom wss:// peers are certified by]:file:_files' \
            '1:url:' \
            '--restamp[mend states of a wrong clock]' \
            '(-y --yes)'{-y,--yes}'[do it]'
        ;;
    esac
}

_mytosis() {
    local curcontext=$curcontext state line
    local -a commands
    commands=(
        'init:make an empty store'
        'write:write fields of a node'
        'read:print a node, or fields'
        'link:write an edge'
        'rm:delete a node, or fields'
        'forget:drop nodes from this store'
        'ls:list uids'
        'log:list changes'
        'query:ask an engine of a plugin'
        'watch:write lines, and print the events'
        'import:merge a graph from a file'
        'export:write all nodes to a file'
        'status:what there is to know of a store'
        'doctor:check every record'
        'backup:copy the store, also one in use'
        'restore:make a store of a backup'
        'compact:give back what is free'
        'bench:measure this machine'
        'serve:share the store, for peers, too'
        'peers:list the peers of a daemon'
        'sync:make equal with a peer'
        'share:invite a device, with a ticket'
        'join:come in with a ticket'
        'who:list who may do what'
        'revoke:take back what a device may'
        'graph:merge, compare, show and convert graphs in files'
        'keys:show, back up and protect the secrets of the device'
    )

    _arguments -C \
        '(-h --help)'{-h,--help}'[show what the command does]' \
        '--version[show the version]' \
        '--color=[whether to use colours]:when:(auto always never)' \
        '--store=[the store]:file:_files' \
        '1: :->command' \
        '*:: :->operands'
    case $state in
    command) _describe command commands ;;
    operands)
        case $words[1] in
        graph) _mytosis_graph ;;
        keys) _mytosis_keys ;;
        *) _mytosis_store ;;
        esac
        ;;
    esac
}

_mytosis "$@"
