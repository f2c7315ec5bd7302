# Completion of mytosis(1) for fish.

set -l verbs merge patch rebase overlap diff show convert
set -l results merge patch rebase overlap diff

function __mytosis_verb
    __fish_seen_subcommand_from graph; and __fish_seen_subcommand_from $argv
end

complete -c mytosis -n "not __fish_seen_subcommand_from graph" -f
complete -c mytosis -n "not __fish_seen_subcommand_from graph" -a graph -d "Graphs in files"
complete -c mytosis -s h -l help -d "Show what the command does"
complete -c mytosis -n "not __fish_seen_subcommand_from graph" -l version -d "Show the version"
complete -c mytosis -l color -x -a "auto always never" -d "Whether to use colours"

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
