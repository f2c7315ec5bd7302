#!/usr/bin/env python3
"""Reads the sessions in vectors/sync as docs/protocol.md has them, without any code of the library.

Beside each NAME.hex is NAME.txt: the same, a message a line, in words. What is read must be that. With
--write the texts are written instead. Where NAME.items has the nodes of both sides, what they say of them
in a comparison is made here as well, and must be the same: prints, tables and what they decode to, tags,
what is wanted and what is lacked.
"""

import os
import sys

sys.dont_write_bytecode = True  # beside this
from sync_nodes import PRIME, WORD, Key, decoded, read_items, table_of, within, word

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sync")


class Bad(Exception):
    pass


class Bytes:
    """What is left of a message."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def fixed(self, count):
        if self.left() < count:
            raise Bad("the message ends too soon")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.fixed(1)[0]

    def number(self):
        """LEB128, in its shortest form."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if (byte == 0 and shift > 7) or value >= 1 << 64:
            raise Bad("a number is not in its shortest form")
        return value

    def text(self, most):
        length = self.number()
        if length > most:
            raise Bad("a text is too long")
        return self.fixed(length)


    def zigzag(self):
        number = self.number()
        return number >> 1 ^ -(number & 1)


def shown(data):
    return '"' + data.decode() + '"'


def must(true, what):
    if not true:
        raise Bad(what)


def cursor(b):
    return f"{b.fixed(16).hex()[:8]}:{b.number()}"


def is_nothing(at):
    return at == "00000000:0"


def a_range(b, flags_known):
    """Its words, its flags without that of a list, and its bounds; a list has none."""
    flags = b.byte()
    if flags & ~(flags_known | 1):
        raise Bad("a range has unknown flags")
    bounds = None
    if flags & 1:
        words = "list " + " ".join(shown(b.text(255)) for _ in range(b.number()))
    else:
        first, end = bounds = b.text(255), b.text(255)
        words = f"from {shown(first)} to {shown(end)}" if first or end else "everything"
    return words, flags & ~1, bounds


def standing(b):
    at, how = cursor(b), b.byte()
    must(how <= 3, "it goes on in no way that is known")
    if how == 1:
        return f"copying up to {at}, after {shown(b.text(255))}"
    if how:
        return f"{['you ask', 'I ask for both'][how - 2]}, from {at}, {b.number()} nodes"
    return "from nothing" if is_nothing(at) else f"from {at}"


def reason(b):
    status = b.number()
    return f"status -{status}: {b.text(320).decode()}"


def rows(b):
    count = b.left()
    b.fixed(count)
    return f"{count} bytes of rows" if count else "no rows"


def words(flags, names):
    said = [name for bit, name in names if flags & bit]
    if flags & ~sum(bit for bit, _ in names):
        raise Bad("unknown flags")
    return " ".join(said)


def hello(b, who, talk):
    low, high, clock = b.byte(), b.byte(), b.byte()
    flags = words(b.number(), [(1, "durable"), (2, "empty")])
    peer, boot = b.fixed(16), b.fixed(16)
    session, heard, _time, window = b.number(), b.number(), b.number(), b.number()
    talk.sessions[who] = session
    talk.given[who] = []
    features = words(b.number(), [(1, "compressed"), (2, "compares"), (4, "tables")])
    said = f"versions {low} to {high}, {['?', 'hybrid', 'lamport'][clock]} clock"
    said += f", peer {peer.hex()[:8]}, boot {boot.hex()[:8]}, session {session}, heard {heard}"
    said += f", window {window}" + (f", {flags}" if flags else "") + (f", {features}" if features else "")
    for _ in range(b.number()):
        what, wish, bounds = a_range(b, 2 | 4 | 8)
        talk.given[who].append(bounds)
        said += f"; {words(wish, [(2, 'pulls'), (4, 'gives'), (8, 'once')])}: {what}"
    b.fixed(b.left())
    return said


def subscribe(b, who, talk):
    number = b.number()
    what, flags, bounds = a_range(b, 8 | 16 | 32)
    said = f"{number}: {what}{' once' if flags & 8 else ''}{' dry' if flags & 32 else ''}, "
    compared = talk.compared[who, number] = Comparison(talk, who, number, bounds, flags & 32)
    if not flags & 16:
        return said + standing(b)
    print_, nodes = b.fixed(16), b.number()
    compared.round = 0
    if compared.asker():
        must(print_ == compared.print_of(compared.asker(), bounds, 16), "the print is another")
        must(nodes == len(within(compared.asker(), bounds)), "it has another number of nodes")
    return f"{said}{nodes} nodes, print {print_.hex()}"


def subscribed(b, who, talk):
    number = b.number()
    said = standing(b)
    compared = talk.compared.get((talk.other(who), number))
    for own in talk.compared.values():
        if said.startswith("I ask") and own.who == who and compared and own.bounds == compared.bounds:
            own.both = True
    return f"{number}: {said}"


DATA_FLAGS = [(1, "commit"), (2, "copy"), (4, "cut"), (8, "position"), (16, "all"), (32, "prompt")]


def data(b, _who, _talk):
    number, flags = b.number(), b.number()
    said = f"{number}: {words(flags, DATA_FLAGS)}"
    if flags & 8:
        said += f" {cursor(b)}"
    return f"{said}, {rows(b)}"


def ack(b, _who, _talk):
    said = f"{b.number()} handled"
    while b.left():
        number = b.number()
        said += f", {number} up to {cursor(b)}"
    return said


def pull(b, _who, _talk):
    number = b.number()
    return f"read {number}: " + " ".join(shown(b.text(255)) for _ in range(b.number()))


def found(b, _who, _talk):
    number, more, status = b.number(), b.byte(), b.number()
    return f"read {number}: {'more follows, ' if more else ''}status -{status}, {rows(b)}"


# ---- Comparing ----


class Talk:
    """What both have said so far."""

    def __init__(self, items):
        self.items = items
        self.sessions, self.given, self.compared = {"a": 0, "b": 0}, {}, {}

    @staticmethod
    def other(who):
        return "b" if who == "a" else "a"

    def asked(self, who, number):
        must((who, number) in self.compared, "nothing like that is compared")
        return self.compared[who, number]


class Comparison:
    """Of the subscription of who asks."""

    def __init__(self, talk, who, number, bounds, dry):
        self.talk, self.who, self.number, self.bounds, self.dry = talk, who, number, bounds, dry
        self.both = self.settled = False
        self.round, self.parts, self.open, self.finer, self.length = 0, [], [], [], 0
        self.difference = self.tags = self.offered = None
        self.wanted = None  # tags

    def items(self, who):
        return self.talk.items.get("z" if self.settled and "z" in self.talk.items else who)

    def asker(self):
        return self.items(self.who)

    def answerer(self):
        return self.items(self.talk.other(self.who))

    def key(self):
        of = self.talk.sessions
        return Key(of[self.who], of[self.talk.other(self.who)], self.number, self.round)

    def print_of(self, items, part, length):
        return self.key().print_of(within(items, part).values(), length)

    def opened(self, items):
        return {uid: item for part in self.open for uid, item in within(items, part).items()}


def bits(b, count):
    data = b.fixed((count + 7) // 8)
    must(not count % 8 or not data[-1] >> count % 8, "there are more bits than parts")
    return [i for i in range(count) if data[i // 8] >> i % 8 & 1]


def parts(b, compared, length):
    """The parts as their bounds, their prints, and their words."""
    first, end = compared.bounds
    out, prints_, said, open_, before = [], [], "", False, b""
    for i in range(b.number()):
        head = b.byte()
        shared, rest = head >> 1 & 15, head >> 5
        shared += b.number() if shared == 15 else 0
        rest += b.number() if rest == 7 else 0
        bound = before[:shared] + b.fixed(rest)
        must(shared <= len(before) and len(bound) <= 255, "a bound is too long")
        must(bound > before if i else bound >= first, "a bound is not in order")
        must(not end or bound < end, "a bound is not in the range")
        must(open_ or not head & 1, "no part ends here")
        if open_:
            out[-1] = (out[-1][0], bound)
        open_, before = not head & 1, bound
        said += f" to {shown(bound)}" if head & 1 else f" from {shown(bound)}"
        if open_:
            out.append((bound, end))
            prints_.append(b.fixed(length))
            said += f" {prints_[-1].hex()}" if length else ""
    return out, prints_, said or " none"


def nodes(b):
    out, uid, state = [], b"", 0
    for _ in range(b.number()):
        shared = b.number()
        must(shared <= len(uid), "a uid is too long")
        uid = uid[:shared] + b.text(255)
        state = state + b.zigzag() & WORD
        must(0 < len(uid) <= 255 and state < 1 << 53, "a node that cannot be")
        must(not out or out[-1][0] < uid, "nodes are not in order")
        out.append((uid, state))
    return out


def shown_nodes(list_):
    return "".join(f" {shown(uid)} {state}" for uid, state in list_) or " none"


def prints(b, who, talk):
    place, print_ = b.number(), b.fixed(8)
    must(talk.given[who][place], "a list has no print")
    if talk.items:
        items = within(talk.items[who], talk.given[who][place])
        made = Key(talk.sessions[who], 0, place, 0).print_of(items.values(), 8)
        must(print_ == made, "the print is another")
    return f"range {place}: {print_.hex()}"


def ask(b, who, talk):
    c = talk.asked(who, b.number())
    c.round += 1
    must(b.number() == c.round, "another round")
    flags, expected, count, c.length = b.number(), b.number(), b.number(), b.number()
    said = words(flags, [(1, "tables"), (2, "open"), (4, "marked")])
    must(c.length <= 16 and bool(c.length) != bool(flags & 2), "prints have no such length")
    if flags & 4:
        last = c.finer or c.open
        marked = bits(b, len(last))
        c.parts, shown_ = [last[i] for i in marked], f" {marked}"
    else:
        c.parts, prints_, shown_ = parts(b, c, c.length)
        if c.asker() and not flags & 2:
            must(prints_ == [c.print_of(c.asker(), part, c.length) for part in c.parts], "a print is another")
    c.finer = []
    return f"{c.number}: round {c.round}, {said or 'no flags'}, {expected} differ in {count}, parts{shown_}"


def answer_cells(b, c):
    count = b.number()
    must(4 <= count <= 1 << 20, "a table has no such size")
    cells = [[word(b.fixed(8)), word(b.fixed(8))] for _ in range(count)]
    must(all(w < PRIME for cell in cells for w in cell), "a word is too large")
    said = f"a table of {count} cells"
    if c.asker() is None or c.answerer() is None:
        return said
    must(cells == table_of(c.key(), c.opened(c.answerer()), count), "the table is another")
    c.difference = decoded(table_of(c.key(), c.opened(c.asker()), count), cells, c.key().seed)
    return said + ("" if c.difference is None else f" that names {len(c.difference)} nodes")


def answer_lists(b, c):
    c.tags, said = [], ""
    for part in c.open[: b.number()]:
        tags = [word(b.fixed(3)) for _ in range(b.number())]
        if c.answerer():
            made = [c.key().tag(uid, item) for uid, item in within(c.answerer(), part).items()]
            must(tags == made, "a tag is another")
        c.tags.append(tags)
        said += f" {len(tags)}"
    must(said, "there are no lists")
    return f"lists of{said} tags"


def answer(b, who, talk):
    c = talk.asked(talk.other(who), b.number())
    must(b.number() == c.round, "another round")
    form, differ = b.byte(), bits(b, len(c.parts))
    empty = bits(b, len(c.parts)) if form & 0x80 else []
    must(not set(empty) - set(differ) and bool(empty) == bool(form & 0x80), "other parts are empty")
    if c.asker() is not None and c.answerer() is not None and c.length:
        theirs = [c.print_of(c.answerer(), part, c.length) for part in c.parts]
        ours = [c.print_of(c.asker(), part, c.length) for part in c.parts]
        must(differ == [i for i in range(len(ours)) if ours[i] != theirs[i]], "other parts differ")
    if c.answerer():
        must(empty == [i for i in differ if not within(c.answerer(), c.parts[i])], "other parts are empty")
    c.open = [c.parts[i] for i in differ if i not in empty]
    c.difference = c.tags = None
    said = f"{c.number}: round {c.round}, of {len(c.parts)} parts {differ} differ"
    said += f", {empty} are empty" if empty else ""
    form &= 0x7F
    must(form <= 3 and bool(form) == bool(c.open), "it has no such form")
    if form == 1:
        return f"{said}; {answer_cells(b, c)}"
    if form == 3:
        return f"{said}; {answer_lists(b, c)}"
    if form == 2:
        expected = b.number()
        c.finer, prints_, shown_ = parts(b, c, 3)
        if c.answerer():
            must(prints_ == [c.print_of(c.answerer(), part, 3) for part in c.finer], "a print is another")
        said += f"; {expected} differ, parts{shown_}"
    return said


def wanted_by_table(c):
    """By what the table says: states and names, in order."""
    own, out = {c.key().key(uid): item for uid, item in c.opened(c.asker()).items()}, []
    for key, value in c.difference.items():
        theirs = (c.key().value(own[key]) if key in own else 0) - value
        if theirs % PRIME == 0:
            continue  # only the asker has it
        state, theirs = own[key].state if key in own else 0, theirs % PRIME >> 8
        if theirs > state or theirs == state or not c.both:
            out.append((state if theirs > state else 0, key & 0xFFFFFFFF))
    return sorted(out)


def wanted_by_lists(c):
    """The same by the lists, and what is offered."""
    out, offers = [], []
    for part, left in zip(c.open, map(list, c.tags)):
        for uid, item in within(c.asker(), part).items():
            tag = c.key().tag(uid, item)
            if tag in left:
                left.remove(tag)
            else:
                offers.append((uid, (1 << 53) - 2 if c.dry else item.state))
        out += [(0, tag) for tag in left]
    return [] if c.dry else sorted(out), offers


def want(b, who, talk):
    c = talk.asked(who, b.number())
    must(b.number() == c.round, "another round")
    flags, state, wants = b.number(), 0, []
    said = f"{c.number}: round {c.round}, {words(flags, [(1, 'tags'), (2, 'copy')]) or 'keys'}"
    for _ in range(b.number()):
        state += b.number()
        wants.append((state, word(b.fixed(3 if flags & 1 else 4))))
    must(wants == sorted(wants) and state < 1 << 53, "wants are not in order")
    _, _, shown_ = parts(b, c, 0)
    c.offered = nodes(b)
    c.wanted = {name for _, name in wants} if flags & 1 else None
    if c.asker() and not c.settled and c.difference is not None:
        must(wants == wanted_by_table(c) and not c.offered, "the table says that others are wanted")
    if c.asker() and not c.settled and c.tags:
        must((wants, c.offered) == wanted_by_lists(c), "the lists say that others are wanted")
    said += ":" + ("".join(f" {name:x} above {state}" for state, name in wants) or " none")
    return f"{said}; parts{shown_}; offers{shown_nodes(c.offered)}"


def lack(b, who, talk):
    c = talk.asked(talk.other(who), b.number())
    must(b.number() == c.round, "another round")
    print_, sent, missed, lacked = b.fixed(16), b.number(), b.number(), nodes(b)
    if c.answerer():
        has, made = c.answerer(), []
        for uid, state in c.offered:
            own = has[uid].state if uid in has else 0
            if own == state and c.wanted is not None and c.key().tag(uid, has[uid]) not in c.wanted:
                continue  # it has come since
            if state < (1 << 53) - 1 and own <= state:
                made.append((uid, own if own < state else 0))
        must(c.settled or made == lacked, "others are lacked")
        c.settled = not c.dry
        must(lacked and not c.dry or print_ == c.print_of(c.answerer(), c.bounds, 16), "the print is another")
    said = f"{c.number}: round {c.round}, print {print_.hex()}, {sent} sent, {missed} not found"
    return f"{said}; lacks{shown_nodes(lacked)}"


TYPES = {
    0x02: ("HELLO", hello),
    0x08: ("SUBSCRIBE", subscribe),
    0x0A: ("SUBSCRIBED", subscribed),
    0x0C: ("REFUSED", lambda b, *_: f"{b.number()}: {reason(b)}"),
    0x0E: ("DATA", data),
    0x10: ("ACK", ack),
    0x12: ("UNSUBSCRIBE", lambda b, *_: f"{b.number()}"),
    0x14: ("PULL", pull),
    0x16: ("FOUND", found),
    0x18: ("BYE", lambda b, *_: reason(b)),
    0x1A: ("ASK", ask),
    0x1B: ("PRINTS", prints),
    0x1C: ("ANSWER", answer),
    0x1E: ("WANT", want),
    0x20: ("LACK", lack),
    0x22: ("COMPARED", lambda b, *_: f"{b.number()}: {['not equal', 'equal'][b.byte()]}"),
}


def message(data, who, talk):
    b = Bytes(data)
    must(b.byte() == 1, "another version")
    kind = b.byte()
    b.text(1 << 21)  # the extension
    if kind not in TYPES:
        return f"type {kind}, which is {'skipped' if kind % 2 else 'not known'}"
    name, read = TYPES[kind]
    said = f"{name} {read(b, who, talk)}"
    must(not b.left(), "bytes follow")
    return said


def session(path):
    talk = Talk(read_items(path))
    with open(path + ".hex", encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            who, digits = line.split()
            try:
                yield f"{who} {message(bytes.fromhex(digits), who, talk)}\n"
            except (Bad, IndexError, UnicodeDecodeError) as why:
                sys.exit(f"{path}.hex:{number}: {why}")


def main():
    names = sorted(name[:-4] for name in os.listdir(FOLDER) if name.endswith(".hex"))
    if not names:
        sys.exit(f"{FOLDER}: there are no sessions")
    for name in names:
        path = os.path.join(FOLDER, name)
        said = "".join(session(path))
        if sys.argv[1:] == ["--write"]:
            with open(path + ".txt", "w", encoding="utf-8") as file:
                file.write(said)
            continue
        with open(path + ".txt", encoding="utf-8") as file:
            if file.read() != said:
                sys.exit(f"{path}.hex reads as\n{said}and not as {name}.txt has it")
    print(f"{len(names)} sessions")


main()
