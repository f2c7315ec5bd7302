# shellcheck shell=bash
# What the scripts here take from README.md, to the letter. Sourced; `readme` names the file.

readme=${readme:?}

# section TITLE: its text.
section() {
    awk -v title="## $1" '$0 == title { on = 1; next } /^## / { on = 0 } on' "$readme"
}

# blocks KIND: what stands in blocks of a kind, of the text on standard input; with no kind, in those that name none.
blocks() {
    awk -v kind="\`\`\`$1" '/^```/ { if (!inside) on = $0 == kind; else on = 0; inside = !inside; next } on'
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
