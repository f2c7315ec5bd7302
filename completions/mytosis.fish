# Completion of mytosis(1) for fish.

set -l nodes write read link rm forget ls log watch import export status doctor query backup restore compact bench
set -l stores init serve peers sync share join who revoke $nodes
set -l verbs merge patch rebase overlap diff show convert
set -l results merge patch rebase overlap diff
set -l secrets show export import protect

function __mytosis_verb
    __fish_seen_subcommand_from graph; and __fish_seen_subcommand_from $argv
end

function __mytosis_keys
    __fish_seen_subcommand_from keys; and __fish_seen_subcommand_from $argv
end

# Whether the command is one of those named, on a store.
function __mytosis_store
    not __fish_seen_subcommand_from graph keys; and __fish_seen_subcommand_from $argv
end

function __mytosis_uids
    mytosis ls --limit 200 -- (commandline -ct) 2>/dev/null
end

function __mytosis_devices
    mytosis who 2>/dev/null | string split -f 1 " "
end

set -l first "not __fish_seen_subcommand_from graph keys $stores"
complete -c mytosis -n $first -f
complete -c mytosis -n $first -a init -d "Make an empty store"
complete -c mytosis -n $first -a write -d "Write fields of a node"
complete -c mytosis -n $first -a read -d "Print a node, or fields"
complete -c mytosis -n $first -a link -d "Write an edge"
complete -c mytosis -n $first -a rm -d "Delete a node, or fields"
complete -c mytosis -n $first -a forget -d "Drop nodes from this store"
complete -c mytosis -n $first -a ls -d "List uids"
complete -c mytosis -n $first -a log -d "List changes"
complete -c mytosis -n $first -a watch -d "Write lines, and print the events"
complete -c mytosis -n $first -a import -d "Merge a graph from a file"
complete -c mytosis -n $first -a export -d "Write all nodes to a file"
complete -c mytosis -n $first -a status -d "What there is to know of a store"
complete -c mytosis -n $first -a doctor -d "Check every record"
complete -c mytosis -n $first -a backup -d "Copy the store, also one in use"
complete -c mytosis -n $first -a restore -d "Make a store of a backup"
complete -c mytosis -n $first -a compact -d "Give back what is free"
complete -c mytosis -n $first -a bench -d "Measure this machine"
complete -c mytosis -n $first -a query -d "Ask an engine of a plugin"
complete -c mytosis -n $first -a serve -d "Share the store, for peers, too"
complete -c mytosis -n $first -a peers -d "List the peers of a daemon"
complete -c mytosis -n $first -a sync -d "Make equal with a peer"
complete -c mytosis -n $first -a share -d "Invite a device, with a ticket"
complete -c mytosis -n $first -a join -d "Come in with a ticket"
complete -c mytosis -n $first -a who -d "List who may do what"
complete -c mytosis -n $first -a revoke -d "Take back what a device may"
complete -c mytosis -n $first -a graph -d "Graphs in files"
complete -c mytosis -n $first -a keys -d "Secrets of the device, and backups of them"
complete -c mytosis -s h -l help -d "Show what the command does"
complete -c mytosis -n $first -l version -d "Show the version"
complete -c mytosis -l color -x -a "auto always never" -d "Whether to use colours"
complete -c mytosis -n "not __fish_seen_subcommand_from graph" -l store -r -F -d "The store"
complete -c mytosis -n "__mytosis_store $stores" -l plugin -r -F -d "A plugin to load"

complete -c mytosis -n "__mytosis_store write read link rm forget ls watch export share" -f -a "(__mytosis_uids)"
complete -c mytosis -n "__mytosis_store revoke" -f -a "(__mytosis_devices)"
complete -c mytosis -n "__mytosis_store log status doctor query compact bench serve peers sync join who" -f
complete -c mytosis -n "__mytosis_store init" -l clock -x -a "hybrid lamport" -d "What states are"
complete -c mytosis -n "__mytosis_store write" -l patch -r -F -d "Write all of a patch"
complete -c mytosis -n "__mytosis_store write link rm" -l json -d "Print what changed, as JSON"
complete -c mytosis -n "__mytosis_store read ls log watch import status doctor backup restore compact bench serve peers sync join who" -l json -d "Print JSON"
complete -c mytosis -n "__mytosis_store read" -l plain -d "Print values without states, as JSON"
complete -c mytosis -n "__mytosis_store read" -l raw -d "Print values alone"
complete -c mytosis -n "__mytosis_store read watch" -l all -d "Show long values whole"
complete -c mytosis -n "__mytosis_store ls" -s l -l long -d "With the number of fields"
complete -c mytosis -n "__mytosis_store peers" -s l -l long -d "With what goes over, range by range"
complete -c mytosis -n "__mytosis_store who" -s l -l long -d "All digits of each device"
complete -c mytosis -n "__mytosis_store share" -l qr -d "Draw the ticket, too"
complete -c mytosis -n "__mytosis_store share" -l read -d "The device may read"
complete -c mytosis -n "__mytosis_store share" -l write -d "It may read and write"
complete -c mytosis -n "__mytosis_store share" -l admin -d "It may invite others, too"
complete -c mytosis -n "__mytosis_store share" -l expires -x -d "How long the ticket can be used"
complete -c mytosis -n "__mytosis_store share" -l for -x -d "How long what it gives is good"
complete -c mytosis -n "__mytosis_store ls log" -l limit -x -d "So many, at most"
complete -c mytosis -n "__mytosis_store log" -l since -x -d "Only changes after this number"
complete -c mytosis -n "__mytosis_store watch" -s f -l follow -d "Read no lines"
complete -c mytosis -n "__mytosis_store watch" -l history -d "Also what was overwritten"
complete -c mytosis -n "__mytosis_store watch" -l conflicts -d "Also which equal states were settled"
complete -c mytosis -n "__mytosis_store watch import" -l allow-future -d "Take states far ahead of now"
complete -c mytosis -n "__mytosis_store export" -s o -l output -r -F -d "Where to"
complete -c mytosis -n "__mytosis_store export" -l format -x -a "json binary compressed" -d "How to write it"
complete -c mytosis -n "__mytosis_store backup restore" -l force -d "Also where there is something"
complete -c mytosis -n "__mytosis_store backup restore" -l keys -d "The secrets of the device, too"
complete -c mytosis -n "__mytosis_store bench" -l seconds -x -d "How long, about"
complete -c mytosis -n "__mytosis_store bench" -l store-dir -x -a "(__fish_complete_directories)" -d "Where its stores are made"
complete -c mytosis -n "__mytosis_store doctor" -l report -r -F -d "Also write numbers, for who helps"
complete -c mytosis -n "__mytosis_store doctor" -l restamp -d "Mend states of a wrong clock"
complete -c mytosis -n "__mytosis_store doctor" -s y -l yes -d "Do it"
complete -c mytosis -n "__mytosis_store serve share" -l listen -x -d "Where peers may connect"
complete -c mytosis -n "__mytosis_store serve share" -l connect -x -d "A peer to connect to"
complete -c mytosis -n "__mytosis_store serve" -l pull -x -d "Get only uids that begin so"
complete -c mytosis -n "__mytosis_store serve" -l push -x -d "Give only uids that begin so"
complete -c mytosis -n "__mytosis_store serve" -l origin -x -d "Pages that may connect"
complete -c mytosis -n "__mytosis_store serve" -l host -x -d "Names that lead here"
complete -c mytosis -n "__mytosis_store serve share" -l cert -r -F -d "The certificate of wss:// listeners"
complete -c mytosis -n "__mytosis_store serve share" -l key -r -F -d "The key of the certificate"
complete -c mytosis -n "__mytosis_store sync" -s n -l dry-run -d "Only say what differs"
complete -c mytosis -n "__mytosis_store serve sync share join doctor" -l ca -r -F -d "Whom wss:// peers are certified by"
complete -c mytosis -n "__mytosis_store serve share" -l config -r -F -d "A file of settings"
complete -c mytosis -n "__mytosis_store serve" -l check-config -d "Print all settings, and end"
complete -c mytosis -n "__mytosis_store serve share" -l log-level -x -a "error warning info debug" -d "What is told"
complete -c mytosis -n "__mytosis_store serve share" -l log-format -x -a "text json" -d "How it is told"
complete -c mytosis -n "__mytosis_store serve share" -l require-sandbox -d "End unless the sandbox can all be had"
complete -c mytosis -n "__mytosis_store serve share" -l no-sandbox -d "Go without one"

set -l choose "__fish_seen_subcommand_from graph; and not __fish_seen_subcommand_from $verbs"
complete -c mytosis -n $choose -f
complete -c mytosis -n $choose -a merge -d "Merge INCOMING into CURRENT"
complete -c mytosis -n $choose -a patch -d "Write the fields of PATCH to GRAPH"
complete -c mytosis -n $choose -a rebase -d "Replay SOURCE on top of TARGET"
complete -c mytosis -n $choose -a overlap -d "The fields of SOURCE that TARGET has too"
complete -c mytosis -n $choose -a diff -d "What A has and B lacks"
complete -c mytosis -n $choose -a show -d "Print the nodes of FILE"
complete -c mytosis -n $choose -a convert -d "Between JSON, binary and compressed files"

complete -c mytosis -n "__mytosis_verb $results show" -l json -d "Print JSON"
complete -c mytosis -n "__mytosis_verb $results show" -l all -d "Show everything, and long values whole"
complete -c mytosis -n "__mytosis_verb $results" -s o -l output -r -F -d "Write the resulting graph"
complete -c mytosis -n "__mytosis_verb $results convert" -l format -x -a "json binary compressed" -d "How to write it"
complete -c mytosis -n "__mytosis_verb show" -l uid -x -d "Only the node of this uid"
complete -c mytosis -n "__mytosis_verb show" -l prefix -x -d "Only nodes whose uid begins so"
complete -c mytosis -n "__mytosis_verb show" -l limit -x -d "So many nodes, at most"
complete -c mytosis -n "__mytosis_verb show" -l plain -d "Print values without states"

set -l choose "__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from $secrets"
complete -c mytosis -n $choose -f
complete -c mytosis -n $choose -a show -d "Which keys there are"
complete -c mytosis -n $choose -a export -d "Write a backup, sealed with a passphrase"
complete -c mytosis -n $choose -a import -d "Bring a backup back"
complete -c mytosis -n $choose -a protect -d "Give them a passphrase, or take it away"

complete -c mytosis -n "__mytosis_keys show protect" -f
complete -c mytosis -n "__mytosis_keys show" -l json -d "Print JSON"
complete -c mytosis -n "__mytosis_keys export" -l all -d "The root and recovery keys, too"
complete -c mytosis -n "__mytosis_keys protect" -l off -d "Store them plain again"
