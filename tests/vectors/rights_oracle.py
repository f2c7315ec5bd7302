#!/usr/bin/env python3
"""Decides what is allowed from descriptions of tokens, as docs/trust.md has it, without any code of the library.

Prints a table; with a program behind it, the program gets the table, makes real chains and revocations of the
descriptions, and must say the same of each row. A row is

    now device operation kind =name | token; token; ... or - | token:by:which, ... or - | VERDICT

    kind     uid, or all: everything that begins with the name
    token    issuer>audience rights from-to =prefix,=prefix flags
    flags    - none; p: its parent is another token; s: for another space; d: its depth is one more;
             x: the signature is not its issuer's
    which    this: it revokes that token, by its number; other: one that is not in the chain; space: of another space
"""

import subprocess
import sys
from collections import Counter

LONGEST = 4
RESERVED = "@space/"
NEEDS = {"read": "r", "write": "w", "delegate": "d", "admin": "a"}


class Token:
    def __init__(self, issuer, audience, rights="rwda", since=1000, until=2000, prefixes=("",), flags=""):
        self.issuer, self.audience, self.rights = issuer, audience, rights
        self.since, self.until, self.prefixes, self.flags = since, until, tuple(prefixes), flags

    def but(self, **changes):
        return Token(**{**vars(self), **changes})

    def __str__(self):
        prefixes = ",".join("=" + prefix for prefix in self.prefixes)
        window = f"{self.since}-{self.until}"
        return f"{self.issuer}>{self.audience} {self.rights} {window} {prefixes} {self.flags or '-'}"


# ---- The rules ----


def within(child, parent):
    """Whether each thing that the child gives was the parent's to give."""
    rights = set(child.rights) <= set(parent.rights)
    window = parent.since <= child.since and child.until <= parent.until
    return rights and window and all(any(c.startswith(p) for p in parent.prefixes) for c in child.prefixes)


def link(before, token):
    """What is wrong with a token where it stands, behind another one or first."""
    if "s" in token.flags:
        return "WRONG_SPACE"
    if "p" in token.flags or "d" in token.flags:
        return "NOT_LINKED"
    if before is None:
        return None if token.issuer == "R" else "NOT_ROOT"
    if token.issuer != before.audience:
        return "NOT_LINKED"
    if "d" not in before.rights:
        return "NO_DELEGATE"
    return None if within(token, before) else "WIDENED"


def effective(revocation, chain):
    """A revocation counts if it is by someone at or above the place where the token was issued."""
    at, by, which = revocation
    return which == "this" and by in {token.issuer for token in chain[: at + 1]}


def decide(now, device, operation, kind, name, chain, revocations):
    if not chain:
        return "NO_TOKEN"
    if len(chain) > LONGEST:
        return "TOO_LONG"
    flaws = [link(before, token) for before, token in zip([None] + chain, chain)]
    for flaw in flaws:
        if flaw:
            return flaw
    if chain[-1].audience != device:
        return "WRONG_DEVICE"
    if now < max(token.since for token in chain):
        return "NOT_YET"
    if now >= min(token.until for token in chain):
        return "EXPIRED"
    if any(effective(revocation, chain) for revocation in revocations):
        return "REVOKED"
    if any("x" in token.flags for token in chain):
        return "BAD_SIGNATURE"
    if len(name) > 255 or (kind == "uid" and name == ""):
        return "BAD_NAME"
    if name.startswith(RESERVED):
        return "ALLOWED" if operation == "read" else "RESERVED"
    if any(NEEDS[operation] not in token.rights for token in chain):
        return "NO_RIGHT"
    if operation == "delegate" and len(chain) == LONGEST:
        return "TOO_LONG"
    for token in chain:
        if not any(name.startswith(prefix) for prefix in token.prefixes):
            return "OUTSIDE"
    return "ALLOWED"


# ---- The table ----

OPERATIONS = list(NEEDS)
RIGHTS = ["".join(c for bit, c in enumerate("rwda") if n >> bit & 1) for n in range(1, 16)]
DEVICES = "RABCDS"
NAMES = [
    ("uid", "notes/a"), ("uid", "notes/"), ("uid", "notes"), ("uid", "notesx/a"), ("uid", "x"), ("uid", ""),
    ("uid", "@space/a"), ("uid", "@space"), ("uid", "@spacex/a"), ("uid", "notes/sub/a"), ("uid", "a" * 256),
    ("all", "notes/"), ("all", "notes/s"), ("all", "notes"), ("all", ""), ("all", "@space/"), ("all", "@s"),
]
SETS = [
    ("",), ("notes/",), ("notes/sub/",), ("notesx/",), ("notes/a/", "notes/sub/"), ("a/", "notes/"),
    ("@space/",), ("Notes/",), ("n/",), ("notes/../",), ("@space/", "notes/"),
]


def path(count, **changes):
    """A chain in order: from the root to A, to B, to C, to D."""
    return [Token(issuer, audience, **changes) for issuer, audience in zip("RABCD"[:count], "ABCDS")]


def with_token(chain, at, **changes):
    return chain[:at] + [chain[at].but(**changes)] + chain[at + 1 :]


def decisions():
    for count in range(1, 5):
        for rights in RIGHTS:
            chain = with_token(path(count, prefixes=("notes/",)), count - 1, rights=rights)
            for now in (999, 1000, 1999, 2000):
                for operation in OPERATIONS:
                    for kind, name in NAMES:
                        yield now, chain[-1].audience, operation, kind, name, chain, []


def revoked():
    for count in range(1, 5):
        chain = path(count)
        for at in range(count):
            for by in DEVICES:
                for which in ("this", "other", "space"):
                    for now in (999, 1500, 2000):
                        for device in (chain[-1].audience, "S"):
                            for operation in OPERATIONS:
                                for name in ("x", "@space/a"):
                                    yield now, device, operation, "uid", name, chain, [(at, by, which)]


def prefixes():
    for count in range(2, 5):
        for at in range(1, count):
            for parent in SETS:
                for child in SETS:
                    chain = [t.but(prefixes=child if i >= at else parent) for i, t in enumerate(path(count))]
                    for kind, name in NAMES:
                        yield 1500, chain[-1].audience, "write", kind, name, chain, []


def flaws(chain, at):
    """Chains with something wrong at a place."""
    for flag in "psx":
        yield with_token(chain, at, flags=flag)
    if 0 < at < 3:
        yield with_token(chain, at, flags="d")
    for rights in ("r", "d", "wa", "rwa"):
        yield with_token(chain, at, rights=rights)
    for since, until in ((1000, 1500), (1500, 2000), (999, 2000), (1000, 2001), (1400, 1600)):
        yield with_token(chain, at, since=since, until=until)
    for issuer in "SRD":
        yield with_token(chain, at, issuer=issuer)
    yield with_token(chain, at, audience="S")
    yield with_token(chain, at, prefixes=("notes/",))
    yield chain[:at] + chain[at + 1 :]
    yield chain[:at] + chain[at:][::-1]


def flawed():
    for count in range(1, 6):
        for at in range(min(count, 4)):
            for chain in flaws(path(count), at):
                for now in (999, 1450, 1500, 2000):
                    for operation in OPERATIONS:
                        for device in "ABCDS":
                            yield now, device, operation, "uid", "notes/a", chain, []


class Dice:
    """The same numbers everywhere."""

    def __init__(self, seed):
        self.word = seed

    def below(self, bound):
        self.word = (self.word * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.word >> 33) % bound

    def one(self, items):
        return items[self.below(len(items))]


def narrowed(dice, chain):
    """Gives each token something of what the one before gives, as a rule."""
    for at in range(1, len(chain)):
        before = chain[at - 1]
        rights = "".join(r for r in before.rights if dice.below(8))
        deeper = tuple(p + dice.one(["", "", "sub/", "a/"]) for p in before.prefixes)
        changes = {"rights": rights or before.rights, "prefixes": deeper}
        changes["since"] = before.since + dice.one([0, 0, 0, 100])
        changes["until"] = before.until - dice.one([0, 0, 0, 100])
        chain = with_token(chain, at, **changes)
    return chain


def anything(seed, count):
    dice = Dice(seed)
    for _ in range(count):
        chain = with_token(path(1 + dice.below(4)), 0, prefixes=dice.one(SETS), rights=dice.one(["rwda"] * 3 + RIGHTS))
        chain = narrowed(dice, chain)
        for _ in range(dice.one([0, 0, 0, 1, 2])):
            if chain:
                chain = dice.one(list(flaws(chain, dice.below(len(chain)))))
        chain = [t.but(flags=t.flags.replace("d", "")) if at in (0, 3) else t for at, t in enumerate(chain)]
        revocations = []
        for _ in range(dice.one([0, 0, 1, 2]) if chain else 0):
            revocations.append((dice.below(len(chain)), dice.one(DEVICES), dice.one(["this", "this", "other", "space"])))
        device = dice.one([chain[-1].audience] * 7 + ["S"]) if chain else "A"
        now = dice.one([1500] * 6 + [999, 1000, 1001, 1100, 1400, 1899, 1900, 1999, 2000])
        for _ in range(3):
            yield now, device, dice.one(OPERATIONS), *dice.one(NAMES), chain, revocations


def rows():
    yield 1500, "A", "read", "uid", "@space/a", [], []
    for part in (decisions(), revoked(), prefixes(), flawed(), anything(1, 8000)):
        yield from part


def text_of(row):
    now, device, operation, kind, name, chain, revocations = row
    tokens = "; ".join(map(str, chain)) or "-"
    taken = ", ".join(f"{at}:{by}:{which}" for at, by, which in revocations) or "-"
    return f"{now} {device} {operation} {kind} ={name} | {tokens} | {taken} | {decide(*row)}"


def main():
    lines = [text_of(row) for row in rows()]
    text = "\n".join(lines) + "\n"
    if len(sys.argv) < 2:
        sys.stdout.write(text)
        return 0
    counts = Counter(line.rsplit(" ", 1)[1] for line in lines)
    print(f"{len(lines)} rows:", ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()), flush=True)
    if len(lines) < 20000 or counts["ALLOWED"] < 2000 or min(counts.values()) < 1:
        print("the table has become too small")
        return 1
    return subprocess.run([sys.argv[1]], input=text.encode(), check=False).returncode


sys.exit(main())
