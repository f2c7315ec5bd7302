# shellcheck shell=bash
# What the scripts here share: they take commands and code from README.md, to the letter. Sourced; `readme` names that
# file.

readme=${readme:?}

# section TITLE: its text.
section() {
    awk -v title="## $1" '$0 == title { on = 1; next } /^## / { on = 0 } on' "$readme"
}

# blocks KIND: what stands in blocks of a kind, of the text on standard input.
blocks() {
    awk -v kind="\`\`\`$1" '/^```/ { if (!inside) on = $1 == kind; else on = 0; inside = !inside; next } on'
}

# command_of TEXT START: the one command that begins so, without what a column beside it explains.
command_of() {
    local found
    found=$(grep "^$2" <<<"$1" | sed 's/   .*//') || true
    if [ -z "$found" ] || [ "$(wc -l <<<"$found")" != 1 ]; then fail "README.md has not one command: $2"; fi
    echo "$found"
}

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# equal WHAT FOUND WANTED
equal() {
    [ "$2" = "$3" ] || fail "$1: found '$2', wanted '$3'"
    echo "$1: as it should be"
}

# said DESCRIPTOR PATTERN: what the pattern has in parentheses, of the next line that it matches. No line for
# `patience` seconds, 60 if that is not set, is a failure.
said() {
    local line
    while IFS= read -r -t "${patience:-60}" -u "$1" line; do
        if [[ $line =~ $2 ]]; then
            echo "${BASH_REMATCH[1]:-}"
            return
        fi
        echo "$line" >&2
    done
    fail "there was not said $2"
}
